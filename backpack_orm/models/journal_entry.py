"""Journal entries: what users have done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Never, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.models.journal_pages import JournalPages
from backpack_orm.models.of_user import OfUser, user_named
from backpack_orm.models.time_windows import TimeWindow, When
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.queries.conditions import Conditions
from backpack_orm.orm.queries.searches import Search
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.hints import REQUIRED, wrong_create
from backpack_orm.orm.schema.projections import FIELDS, Projection
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire.endpoint import rest
from backpack_orm.wire.shapes import Record

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import BelongsTo

_ANY_USER = 1


_OF_OTHERS = {403: "the entry belongs to another user: choose one of User.me().journal"}


@resource
class JournalEntry(OfUser, Savable, Destroyable):
    """An entry in the journal of what users have done.

    You can find, change and destroy your own only: for those of others, `find` raises `Forbidden`.

    Attributes:
        id: Number of the record.
        body: Text.
        created_at: Time of creation.
        updated_at: Time of the last change.
        account_id: Id of the account. Lists omit it; reading it then makes one request, which the
            service refuses for the entries of others.
        user: Author.
        user_id: Id of the author.

    >>> entry = JournalEntry.create(body="Booked the hotel")
    >>> JournalEntry.all()[0].body
    'Booked the hotel'
    >>> entry.body += ", at last"
    >>> entry.save().fields
    ('body',)
    >>> entry.destroy()["body"]
    'Booked the hotel, at last'
    """

    _scopes = ("user", "since", "until")
    _element = "journal_entry"
    _container = "journal_entries"
    _times_have_zone = True
    _server_updated = ("updated_at",)
    _listed = Projection(but=("account_id",), unsure=(FIELDS,))
    _updated = Projection(unsure=(FIELDS,))

    id: int = field(read_only=True)
    body: str = field(text=True)
    created_at: datetime = field(read_only=True)
    updated_at: datetime = field(read_only=True)
    account_id: int | None = field(read_only=True)

    user: BelongsTo[User] = belongs_to("User", id_from="user_id")
    user_id = ParentId("user")

    if TYPE_CHECKING:

        def _created_with(self, body: str) -> None: ...

        def update(self, *, body: str = ...) -> SaveResult: ...

    _all = rest("GET", "journal_entries.xml?n={n}&count=100", reads="journal")
    _of_user = rest("GET", "users/{user_id}/journal_entries.xml?n={n}&count=100", reads="journal")
    _show = rest("GET", "journal_entries/{id}.xml", reads="journal", refusals=_OF_OTHERS)
    _create = rest(
        "POST",
        "users/{user_id}/journal_entries.xml",
        sends="journal-entry/body",
        bare=True,
        writes="journal",
        refusals=_OF_OTHERS,
    )
    _update_row = rest(
        "PUT",
        "journal_entries/{id}.xml",
        sends="journal-entry/body",
        bare=True,
        writes="journal",
        refusals=_OF_OTHERS,
    )
    _destroy = rest("DELETE", "journal_entries/{id}.xml", writes="journal", refusals=_OF_OTHERS)
    _updates = (_update_row,)

    if TYPE_CHECKING:

        @classmethod
        def create(  # type: ignore[override]  # user may be left out
            cls,
            *positional: Never,
            body: str,
            user: User | int | None = None,
            using: Connection | None = None,
            **unknown: Never,
        ) -> Self: ...

    else:

        @classmethod
        def create(
            cls,
            *positional: Never,
            body: str = REQUIRED,
            user: User | int | None = None,
            using: Connection | None = None,
            **unknown: Never,
        ) -> Self:
            """Create an entry. Makes one request.

            Args:
                body: Text.
                user: The author; default: you, which makes one more request.
                using: Connection to use instead of the current one or the user's.

            Raises:
                TypeError: An attribute is misspelled.
                ValidationError: The body is empty or cannot be sent. No request was made.
                Forbidden: The author is not you.
                OutcomeUnknown: The response was lost.

            >>> JournalEntry.create(body="Watered the plants").user.name
            'Nora Whitfield'
            """
            if positional:
                raise wrong_create(cls)
            given = {} if body is REQUIRED else {"body": body}
            return cls._create_by(user, using, {**unknown, **given})

    @classmethod
    def _create_by(
        cls, user: User | int | None, using: Connection | None, attributes: Mapping[str, Any]
    ) -> Self:
        entry: Self = cls(user=_ANY_USER, **attributes)  # before the request for your own id
        entry._validate(list(entry.changes))
        if user is None:
            connection_for(using).ensure_writable("JournalEntry.create()")
        entry = cls(user=user_named(cls, user, using), **attributes)
        entry.save()
        return entry

    @classmethod
    def all(
        cls,
        *,
        user: User | int | None = None,
        since: When | None = None,
        until: When | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """Return the entries of a user, or of all users, newest first. Makes one request for every
        hundred.

        With `since` or `until`, returns the entries from a time window, and reads only the hundreds
        that it needs. To find its end, skips others: one request for each doubling of the number of
        newer entries, and as many again. If a bound has no zone, makes one more request to load the
        account's time zone, unless the connection has a `timezone`.

        Args:
            user: The user or the user's id.
            since: Return only entries that were created at this time or later. A date means
                midnight at its start; without a zone, the time is in the account's zone.
            until: Return only entries that were created before this time.
            using: Connection to use instead of the current one or the user's.
            fresh: Bypass the cache.

        Raises:
            ValidationError: A bound is neither a time nor a date, `until` is before `since`, or
                only one of them has a zone. No request was made.

        >>> from datetime import UTC, datetime
        >>> start = JournalEntry.all()[0].created_at
        >>> len(JournalEntry.all(since=start)), len(JournalEntry.all(until=start))
        (1, 249)
        """
        found = cls.iter(user=user, since=since, until=until, using=using, fresh=fresh)
        return Collection(cls, list(found))

    @classmethod
    def iter(
        cls,
        *,
        user: User | int | None = None,
        since: When | None = None,
        until: When | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Iterator[Self]:
        """Iterate over the same entries, making one request for each hundred as it is reached.

        Entries that are written in the meantime never make an entry appear twice or not at all.

        >>> next(JournalEntry.iter()).user.name
        'Tomás Leite'
        """
        window = TimeWindow.of("JournalEntry.all", since=since, until=until)
        place = cls._place(user, using)
        return cls._entries(place, window, fresh=fresh)

    @classmethod
    def _found_by(
        cls, conditions: Conditions, *, using: Connection, fresh: bool, **scope: Any
    ) -> Collection[Self]:
        entries = partial(cls.iter, using=using, fresh=fresh, **scope)
        entries()  # raises if it cannot be searched there, and makes no request
        return Search(cls, conditions, in_order=entries, at_once=entries)

    @classmethod
    def _place(cls, user: User | int | None, using: Connection | None) -> Connection | User:
        return connection_for(using) if user is None else super()._place(user, using)

    @classmethod
    def _entries(
        cls, place: Connection | Model, window: TimeWindow, *, fresh: bool
    ) -> Iterator[Self]:
        connection = place if isinstance(place, Connection) else place.connection
        load = cls._listed.load_one[cls]
        for record in cls._pages(place, fresh=fresh).records(window):
            entry = load(record, place)
            if not window or window.contains(entry.created_at, connection):
                yield entry

    @classmethod
    def _records_in(cls, place: Connection | Model, *, fresh: bool) -> Iterator[Record]:
        return cls._pages(place, fresh=fresh).records(TimeWindow())

    @classmethod
    def _pages(cls, place: Connection | Model, *, fresh: bool) -> JournalPages:
        """Return the pages of the journal of the account or of a user."""
        if isinstance(place, Connection):
            connection, endpoint, ids = place, cls._all, tuple[int, ...]()
        else:
            connection, endpoint, ids = place.connection, cls._of_user, place._path_ids()
        return JournalPages(
            connection,
            endpoint,
            ids,
            read=cls._listed.read_many,
            position=cls._table.positions["created_at"],
            fresh=fresh,
        )
