"""Bookings: a made-up resource, to show that a resource takes one file and no other change."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from backpack_orm import Embeds, Model, Page
from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire.endpoint import rest

if TYPE_CHECKING:
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Guest(Model):
    """Somebody who comes along."""

    _element = "guest"
    _container = "guests"

    id: int = field(read_only=True)
    name: str = field(read_only=True, text=True)


@resource
class Booking(OnPage, Savable, Destroyable):
    """A room that is booked, and by whom."""

    _element = "booking"
    _container = "bookings"
    _listed = Projection("id", "hotel")

    id: int = field(read_only=True)
    hotel: str = field()
    arrives_at: datetime | None = field(read_only=True)
    secret_wish: str | None = field(default=None, write_only=True)
    guests = Embeds["Guest"]("guests/guest")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    _all = rest("GET", "pages/{page_id}/bookings.xml", reads="page:{page_id}")
    _show = rest("GET", "pages/{page_id}/bookings/{id}.xml", reads="page:{page_id}")
    _create = rest(
        "POST",
        "pages/{page_id}/bookings.xml",
        sends="booking/hotel booking/secret-wish",
        bare=True,
        writes="page:{page_id}",
    )
    _update_row = rest(
        "PUT",
        "pages/{page_id}/bookings/{id}.xml",
        sends="booking/hotel booking/secret-wish",
        bare=True,
    )
    _destroy = rest("DELETE", "pages/{page_id}/bookings/{id}.xml")
    _updates = (_update_row,)
