"""Users of an account."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.models.export import Export, read_live_export
from backpack_orm.models.page import Page
from backpack_orm.models.status import Status
from backpack_orm.orm.declarations import Embeds, HasMany, field
from backpack_orm.orm.records.finding import Findable
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.wire.endpoint import TokenLocation, rest
from backpack_orm.wire.shapes import Record

if TYPE_CHECKING:
    from backpack_orm.models.bookmark import Bookmark
    from backpack_orm.models.journal_entry import JournalEntry


@resource
class User(Findable):
    """A user of the account.

    The service returns the names of all users, and everything else of yourself only: of others it
    is None. A user from a list has `id` and `name`; reading any other attribute makes one request.

    Attributes:
        id: Number of the record.
        name: Name.
        account_id: Id of the account.
        email_address: Email address.
        admin: Whether the user manages the account.
        time_zone_id: Time zone, by its Rails name: `Pacific Time (US & Canada)`.
        use_24h_clock: Whether the web site shows times on a 24-hour clock.
        remind_via_email: Whether reminders are sent by email.
        remind_via_mobile: Whether reminders are sent to a mobile phone.
        reminder_address: Email address for reminders.
        mobile_phone_number: Number of that phone.
        mobile_phone_host: Provider of that phone.
        identity_url: OpenID.
        start_page_id: Id of the start page.
        created_at: Time of creation.
        updated_at: Time of the last change.
        bookmarks: Bookmarks, by position; only of yourself. Loading them makes one request.
        journal: Journal entries, newest first. Loading them makes one request for every hundred.

    >>> me = User.me()
    >>> me.name, me.admin
    ('Nora Whitfield', True)
    """

    _element = "user"
    _container = "users"
    _times_have_zone = True
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
        """Return the owner of the token. Makes one request.

        >>> User.me().time_zone_id
        'Pacific Time (US & Canada)'
        """
        connection = connection_for(using)
        record = cls._record_of_me(connection, fresh=fresh)
        found: Self = cls._full.load_one[cls](record, connection)
        return found

    @property
    def start_page(self) -> Page | None:
        """The start page. Makes no request until one of its attributes is read.

        >>> User.me().start_page.title
        'Lisbon'
        """
        id = self.start_page_id
        return None if id is None else Page._stub(id, self.connection)

    @property
    def status(self) -> Status | None:
        """The status of the user, or None if it was never set. Makes one request.

        >>> User.me().status.message
        'Packing & unpacking'
        """
        return Status.find(self)

    def export(self) -> Export:
        """Return all pages that you can see, with their contents, and all reminders, including past
        ones. Makes one request. Works for yourself only: `User.me().export()`.

        The export omits `linked_pages`: reading them loads the page with one request.

        Raises:
            Forbidden: The user is not you.

        >>> export = User.me().export()
        >>> export.pages[0].notes[0].title
        'Where we sleep'
        """
        connection = self.connection
        record, content = connection.call(
            self._export,
            self._path_ids(),
            read=lambda response: (read_live_export(response), response.content),
        )
        return Export._of(record, connection, content)

    def _load(self, name: str, *, fresh: bool = False) -> None:
        if name == "name" or name in self._table.relations:
            super()._load(name, fresh=fresh)
        else:
            me = self._record_of_me(self.connection, fresh=fresh)
            self._merge(me if me[0] == self._saved_id else self._record_of_another())

    def _fetch(self, *, fresh: bool = False) -> Record:
        assert self._record is not None
        if isinstance(self._record[self._position("account_id")], int):  # only `me` includes it
            return self._record_of_me(self.connection, fresh=fresh)
        return super()._fetch(fresh=fresh)

    @classmethod
    def _record_of_me(cls, connection: Connection, *, fresh: bool) -> Record:
        return connection.call(cls._me, read=cls._full.read_one, fresh=fresh)

    def _record_of_another(self) -> Record:
        """Return the record of another user, of whom the service returns the name only."""
        others = [name for name in self._table.fields if name not in ("id", "name")]
        return self._record_of(self._saved_id, **dict.fromkeys(others))
