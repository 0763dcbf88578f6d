"""Emails: what was mailed to a page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection
from backpack_orm.models.on_page import OnPage, page_named
from backpack_orm.models.page import Page
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import ws
from backpack_orm.wire.parse import Record

if TYPE_CHECKING:
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Email(OnPage, Destroyable):
    """A mail that came to a page's address.

    Attributes:
        id: Its number.
        subject: What it is about, which may be empty.
        body: Its text, kept to the letter.
        created_at: When it came, on the account's clock.
        page: The page it came to.
        page_id: That page's id.

    >>> page = next(page for page in Page.all() if page.emails)
    >>> mail = page.emails[0]
    >>> Email.find(mail.id, page=page).subject == mail.subject
    True
    """

    _element = "email"
    _container = "emails"
    _embedded = Projection(unsure=(FIELDS,))

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

    @classmethod
    def find(
        cls,
        id: Self | int,
        *,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Self:
        """The mail with an id; one request. Without a page, one for the list of pages, and one
        for each until it is found.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> mail = Email.all()[0]
        >>> Email.find(mail.id, page=mail.page_id) == mail
        True
        """
        if page is None:
            return super().find(id, using=using, fresh=fresh)
        wanted, place = cls._check_id("Email.find", id), page_named(cls, page, using)
        place._refuse_foreign("Email.find", id)
        record = place.connection.call(
            cls._show, (*place._path_ids(), wanted), read=cls._full.read_one, fresh=fresh
        )
        found: Self = cls._full.load_one[cls](record, place)
        return found

    def _fetch(self, *, fresh: bool = False) -> Record:
        ids = self._ids(self._show)
        return self.connection.call(self._show, ids, read=self._full.read_one, fresh=fresh)
