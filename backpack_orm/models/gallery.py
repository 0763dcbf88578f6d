"""Galleries: pictures on a page, of which the API returns the names only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import Embeds, ParentId, belongs_to, field
from backpack_orm.orm.resources import resource

if TYPE_CHECKING:
    from backpack_orm.models.image import Image
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Gallery(OnPage):
    """Pictures on a page. The API can neither create nor update one.

    Attributes:
        id: Number of the record.
        name: Name, which may be empty.
        images: The pictures.
        page: The page that contains it.
        page_id: Id of that page.

    >>> gallery = Gallery.all()[0]
    >>> gallery in list(gallery.page.galleries)
    True
    """

    _element = "gallery"
    _container = "galleries"

    id: int = field(read_only=True)
    name: str = field(read_only=True)
    images = Embeds["Image"]("images/image")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")
