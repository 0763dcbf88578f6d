"""Emails that were sent to a page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.resources import resource
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.wire.endpoint import ws

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Email(OnPage, Destroyable):
    """An email that was sent to the address of a page.

    Attributes:
        id: Number of the record.
        subject: Subject, which may be empty.
        body: Text, exactly as stored.
        created_at: Time of arrival, in the account's zone.
        page: The page that contains it.
        page_id: Id of that page.

    >>> page = next(page for page in Page.all() if page.emails)
    >>> mail = page.emails[0]
    >>> Email.find(mail.id, page=page).subject == mail.subject
    True
    """

    _element = "email"
    _container = "emails"
    _times_have_zone = False

    id: int = field(read_only=True)
    subject: str = field(read_only=True, wire="subject|title")
    body: str = field(read_only=True, text=True)
    created_at: datetime = field(read_only=True)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    _all = ws("page/{page_id}/emails/list", reads="page:{page_id}")
    _show = ws("page/{page_id}/emails/show/{id}", reads="page:{page_id}")
    _destroy = ws(
        "page/{page_id}/emails/destroy/{id}", writes="page:{page_id} search", idempotent=True
    )
