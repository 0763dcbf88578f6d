"""Users: the people of an account."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.export import Export, read_live_export
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.page import Page
from backpack_orm.models.status import Status
from backpack_orm.orm.declarations import field
from backpack_orm.orm.finding import InAccount
from backpack_orm.orm.projections import Projection
from backpack_orm.orm.relations import Embeds, HasMany
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import TokenLocation, rest
from backpack_orm.wire.parse import Record


@resource
class User(InAccount):
    """A person who uses the account.

    The service tells the names of all; the rest it tells of yourself alone, so that of others it
    is None. A user that came from a list knows id and name; the first other attribute that is
    touched costs one request.

    Attributes:
        id: Its number.
        name: What the person is called.
        account_id: The account's number.
        email_address: Where to mail the person.
        admin: Whether the person manages the account.
        time_zone_id: The person's time zone, by its Rails name: `Pacific Time (US & Canada)`.
        use_24h_clock: Whether times are shown to the person on a clock of 24 hours.
        remind_via_email: Whether reminders come by mail.
        remind_via_mobile: Whether reminders come to a telephone.
        reminder_address: Where reminders are mailed.
        mobile_phone_number: That telephone's number.
        mobile_phone_host: The company behind it.
        identity_url: The person's OpenID.
        start_page_id: The page that the person begins with.
        created_at: When the person came.
        updated_at: When any of this was last changed.
        bookmarks: The person's bookmarks, by position: your own alone. One request.
        journal: What the person did, newest first; one request for every hundred.

    >>> me = User.me()
    >>> me.name, me.admin
    ('Nora Whitfield', True)
    """

    _element = "user"
    _container = "users"
    _listed = _named = Projection("id", "name", unsure=("name",))

    id: int = field(read_only=True)
    name: str = field(read_only=True)
    account_id: int | None = field(read_only=True)
    email_address: str | None = field(read_only=True)
    admin: bool | None = field(read_only=True)
    time_zone_id: str | None = field(read_only=True)
    use_24h_clock: bool | None = field(read_only=True)
    remind_via_email: bool | None = field(read_only=True)
    remind_via_mobile: bool | None = field(read_only=True)
    reminder_address: str | None = field(read_only=True)
    mobile_phone_number: str | None = field(read_only=True)
    mobile_phone_host: str | None = field(read_only=True)
    identity_url: str | None = field(read_only=True)
    start_page_id: int | None = field(read_only=True)
    created_at: datetime | None = field(read_only=True)
    updated_at: datetime | None = field(read_only=True)

    bookmarks = Embeds["Bookmark"]("")
    journal = HasMany["JournalEntry"]("", projection="_listed")

    _me = rest("GET", "me.xml", token_in=TokenLocation.PATH, reads="users")
    _all = rest("GET", "users.xml", token_in=TokenLocation.PATH, reads="users")
    _export = rest("GET", "users/{id}/export.xml", token_in=TokenLocation.PATH)

    @classmethod
    def me(cls, *, using: Connection | None = None, fresh: bool = False) -> Self:
        """Yourself, whose token this is; one request.

        >>> User.me().time_zone_id
        'Pacific Time (US & Canada)'
        """
        connection = connection_for(using)
        record = cls._record_of_me(connection, fresh=fresh)
        found: Self = cls._full.load_one[cls](record, connection)
        return found

    @property
    def start_page(self) -> Page | None:
        """The page that you begin with; no request for it until it is touched.

        >>> User.me().start_page.title
        'Lisbon'
        """
        id = self.start_page_id
        return None if id is None else Page._stub(id, self.connection)

    @property
    def status(self) -> Status | None:
        """What the person is doing now, or None if that was never said; one request.

        >>> User.me().status.message
        'Packing & unpacking'
        """
        return Status.find(self)

    def export(self) -> Export:
        """All that you can see, in one request: every page with all that is on it, and all
        reminders, past ones too. Only your own, as for `User.me().export()`.

        It omits `linked_pages`: reading them loads the page, with one request.

        Raises:
            Forbidden: It is somebody else's.

        >>> export = User.me().export()
        >>> export.pages[0].notes[0].title
        'Where we sleep'
        """
        connection = self.connection
        record = connection.call(self._export, self._path_ids(), read=read_live_export)
        return Export._of(record, connection)

    def _load(self, name: str, *, fresh: bool = False) -> None:
        if name == "bookmarks":
            records = Bookmark._records_of(self, fresh=fresh)
            self._merge(self._record_with(bookmarks=records))
        elif name == "journal":
            records = tuple(JournalEntry._records_of(self, fresh=fresh))
            self._merge(self._record_with(journal=records))
        elif name == "name":
            super()._load(name, fresh=fresh)
        else:
            me = self._record_of_me(self.connection, fresh=fresh)
            self._merge(me if me[0] == self._saved_id else self._record_of_another())

    def _fetch(self, *, fresh: bool = False) -> Record:
        assert self._record is not None
        if isinstance(self._record[self._position("account_id")], int):  # that is told of me alone
            return self._record_of_me(self.connection, fresh=fresh)
        return super()._fetch(fresh=fresh)

    @classmethod
    def _record_of_me(cls, connection: Connection, *, fresh: bool) -> Record:
        return connection.call(cls._me, read=cls._full.read_one, fresh=fresh)

    def _record_of_another(self) -> Record:
        """What the service tells of other people besides the name: nothing."""
        others = [name for name in self._table.fields if name not in ("id", "name")]
        return self._record_with(**dict.fromkeys(others))
