"""Journal entries: what everybody has done, a line at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.models.of_user import user_named
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.finding import InAccount
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.relations import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.wire.endpoint import rest
from backpack_orm.wire.parse import Record

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import BelongsTo

_WINDOW = 100  # the most that the service gives at once
_SOMEBODY = 1


@resource
class JournalEntry(InAccount, Savable, Destroyable):
    """A line in the journal of what people have done. Only one's own can be opened or changed.

    Attributes:
        id: Its number.
        body: What was done.
        created_at: When it was written.
        updated_at: When it was last changed.
        account_id: The account's id. Lists omit it; reading it then makes one request, which the
            service refuses for the entries of others.
        user: Who wrote it.
        user_id: That person's id.

    >>> entry = JournalEntry.create(body="Booked the hotel")
    >>> JournalEntry.all()[0].body
    'Booked the hotel'
    >>> entry.body += ", at last"
    >>> entry.save().fields
    ('body',)
    >>> entry.destroy()
    """

    _element = "journal_entry"
    _container = "journal_entries"
    _rewritten = ("updated_at",)
    _listed = Projection(but=("account_id",), unsure=(FIELDS,))
    _updated = Projection(unsure=(FIELDS,))

    id: int = field(read_only=True)
    body: str = field(text=True)
    created_at: datetime = field(read_only=True)
    updated_at: datetime = field(read_only=True)
    account_id: int | None = field(read_only=True)

    user: BelongsTo[User] = belongs_to("User", id_from="user_id")
    user_id = ParentId("user")

    _all = rest("GET", "journal_entries.xml?n={n}&count=100", reads="journal")
    _of_user = rest("GET", "users/{user_id}/journal_entries.xml?n={n}&count=100", reads="journal")
    _show = rest("GET", "journal_entries/{id}.xml", reads="journal")
    _create = rest(
        "POST",
        "users/{user_id}/journal_entries.xml",
        sends="journal-entry/body",
        bare=True,
        writes="journal",
    )
    _update_row = rest(
        "PUT", "journal_entries/{id}.xml", sends="journal-entry/body", bare=True, writes="journal"
    )
    _destroy = rest("DELETE", "journal_entries/{id}.xml", writes="journal")
    _updates = (_update_row,)

    @classmethod
    def create(
        cls, *, user: User | int | None = None, using: Connection | None = None, **attributes: Any
    ) -> Self:
        """Write an entry; one request.

        Args:
            user: Who writes it; yourself if it is not given, which costs a request more.
            using: The connection, where it is not the one in use or the user's.
            **attributes: What the model takes: `body`.

        Raises:
            TypeError: An attribute is misspelled.
            ValidationError: The body is empty or cannot be sent; nothing was.
            Forbidden: The user is somebody else.
            OutcomeUnknown: The response was lost.

        >>> JournalEntry.create(body="Watered the plants").user.name
        'Nora Whitfield'
        """
        entry = cls(user=_SOMEBODY, **attributes)  # before it is asked who you are
        entry._validate(list(entry.changes))
        if user is None:
            connection_for(using).ensure_writable("JournalEntry.create()")
        return super().create(user=user_named(cls, user, using), **attributes)

    @classmethod
    def all(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """All entries, or all of a user, newest first; one request for every hundred.

        Args:
            user: The user, or the id.
            using: The connection, where it is not the one in use or the user's.
            fresh: Ask even if the responses are still kept.

        >>> len(JournalEntry.all()), len(JournalEntry.all(user=User.me()))
        (250, 100)
        """
        return Collection(cls, list(cls.iter(user=user, using=using, fresh=fresh)))

    @classmethod
    def iter(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Iterator[Self]:
        """The same entries one after the other, each hundred asked for when its turn comes.

        What is written meanwhile does not make any entry come twice.

        >>> next(JournalEntry.iter()).user.name
        'Tomás Leite'
        """
        place = connection_for(using) if user is None else user_named(cls, user, using)
        return (
            cls._listed.load_one[cls](record, place)
            for record in cls._records_of(place, fresh=fresh)
        )

    @classmethod
    def find(cls, id: Self | int, *, using: Connection | None = None, fresh: bool = False) -> Self:
        """The entry with an id, which must be your own; one request.

        Raises:
            ValidationError: That is no id.
            Forbidden: It is somebody else's.
            NotFound: There is none.

        >>> entry = JournalEntry.all(user=User.me())[0]
        >>> JournalEntry.find(entry.id) == entry
        True
        """
        wanted, connection = cls._resolve_id(id, using)
        record = connection.call(cls._show, (wanted,), read=cls._full.read_one, fresh=fresh)
        found: Self = cls._full.load_one[cls](record, connection)
        return found

    @classmethod
    def find_by(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Self | None:
        """The first one with these attributes, or None; reads no further than to that one.

        >>> JournalEntry.find_by(user=User.me(), body="no such entry") is None
        True
        """
        is_wanted = cls._table.wanted(cls, attributes)
        return next(filter(is_wanted, cls.iter(user=user, using=using)), None)

    @classmethod
    def where(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Collection[Self]:
        """Those with these attributes; requests as for `all`.

        >>> len(JournalEntry.where(body="no such entry"))
        0
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(user=user, using=using).where(**attributes)

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self.connection.call(
            self._show, self._path_ids(), read=self._full.read_one, fresh=fresh
        )

    @classmethod
    def _records_of(cls, place: Connection | User, *, fresh: bool) -> Iterator[Record]:
        """The records of an account or a user, window by window."""
        ids: tuple[int, ...] = ()
        if isinstance(place, Connection):
            connection, endpoint = place, cls._all
        else:
            connection, endpoint, ids = place.connection, cls._of_user, place._path_ids()
        seen: set[int] = set()
        for n in itertools.count():
            window = connection.call(endpoint, (*ids, n), read=cls._listed.read_many, fresh=fresh)
            for record in window:
                if record[0] not in seen:  # each new entry pushes one into the next window
                    seen.add(record[0])
                    yield record
            if len(window) < _WINDOW:
                return
