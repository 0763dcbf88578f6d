"""Class methods that find records, in the account or within a parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, ClassVar, Never, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.queries.conditions import Conditions, all_of, not_all_of
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.records.state import Reloaded
from backpack_orm.orm.schema.hints import REQUIRED, wrong_find
from backpack_orm.orm.schema.projections import PerClass, Projection
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import MISSING, Record
from backpack_orm.wire.values import LARGEST_ID


def _call_for_one(cls: type[Findable]) -> tuple[Any, Any, Any]:
    """Return the call for a single record, and the functions that read and load its response."""
    if cls._show is None:
        return None, None, None
    return cls._show, cls._full.read_one, cls._full.load_one[cls]


_calls = PerClass(_call_for_one)  # looking them up in the class takes four times as long


class Findable(Model):
    """A record that can be listed, found and reloaded.

    Its methods take a *place*, which contains the records: the connection for records of the whole
    account, the parent object for all others.
    """

    __slots__ = ()

    _all: ClassVar[Endpoint | None] = None
    """The call that lists the records of a place; None: only their parent includes them."""
    _listed: ClassVar[Projection | None] = None
    """The fields that this list includes, if not all."""
    _show: ClassVar[Endpoint | None] = None
    """The call that returns a single record."""
    _scopes: ClassVar[tuple[str, ...]] = ()
    """The arguments of `all()` that name a place; `where()` and `find_by()` take them too."""

    @classmethod
    def all(cls, *, using: Connection | None = None, fresh: bool = False) -> Collection[Self]:
        """Return all records. Makes one request.

        Args:
            using: Connection to use instead of the current one.
            fresh: Bypass the cache.

        Raises:
            NotConnected: There is no connection.
            BackpackError: The call failed.

        >>> [page.title for page in Page.all()][:2]
        ['Lisbon', 'Book club']
        """
        return cls._in(connection_for(using), fresh=fresh)

    @classmethod
    def find(
        cls,
        id: Self | int = REQUIRED,
        *,
        using: Connection | None = None,
        fresh: bool = False,
        **unknown: Never,
    ) -> Self:
        """Return the record with an id. Makes one request, and more as for `all` if no call
        returns a single record.

        `Page.find` takes the address of a page too, such as `https://acme.backpackit.com/pages/71`.

        Raises:
            TypeError: There is no id, or an attribute: `find_by` takes those.
            ValidationError: The id is not valid, or the address is not that of a page in the
                account.
            NotFound: There is no such record.

        >>> page = Page.find(Page.all()[0].id)
        >>> page.title, page.notes[0].title
        ('Lisbon', 'Where we sleep')
        """
        if unknown or id is REQUIRED:
            raise wrong_find(cls, unknown)
        # The usual case first, here and below: scripts do nothing more often.
        if type(id) is int and 0 < id <= LARGEST_ID:
            wanted, connection = id, connection_for(using)
        else:
            wanted, connection = cls._resolve_id(id, using)
        show, read, load = _calls[cls]
        if show is None:
            return cls.all(using=connection, fresh=fresh).find(wanted)
        record = None if fresh else connection._cached((show, (wanted,)))
        if record is None:
            record = connection.call(show, (wanted,), read=read, fresh=fresh)
        found: Self = load(record, connection)
        return found

    @classmethod
    def get(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> Self:
        """Return the only record that fulfils all conditions. Makes requests as for `where`.

        Raises:
            NotFound: There is none.
            MultipleFound: There are several. The message contains the first of them.
            TypeError: An attribute or a lookup is misspelled.
            ValidationError: A value can never match.

        >>> Page.get(title="Lisbon").description[:19]
        'Ten days in *May*. '
        """
        return cls.where(*predicates, using=using, fresh=fresh, **lookups)._only(lookups)

    @classmethod
    def find_by(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> Self | None:
        """Return the first record that fulfils all conditions, or None. `first` does the same.

        Makes requests as for `where`, but reads no further than to that record.

        Raises:
            TypeError: An attribute or a lookup is misspelled.
            ValidationError: A value can never match.

        >>> Page.find_by(title="no such page") is None
        True
        >>> Note.find_by(page=Page.get(title="Lisbon"), title="Where we sleep").page.title
        'Lisbon'
        """
        return cls.where(*predicates, using=using, fresh=fresh, **lookups).first()

    @classmethod
    def first(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> Self | None:
        """Return the first record, or the first that fulfils all conditions, or None.

        Makes requests as for `where`, but reads no further than to that record.

        >>> Page.first().title, Note.first(body__icontains="tram").title
        ('Lisbon', 'Where we sleep')
        """
        return cls.where(*predicates, using=using, fresh=fresh, **lookups).first()

    @classmethod
    def last(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> Self | None:
        """Return the last record, or the last that fulfils all conditions, or None. Makes requests
        as for `where`.

        >>> Page.last(title__contains="Lis").title
        'Lisbon'
        """
        return cls.where(*predicates, using=using, fresh=fresh, **lookups).last()

    @classmethod
    def exists(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> bool:
        """Return whether there is a record, or one that fulfils all conditions.

        Makes requests as for `where`, but reads no further than to the first such record.

        >>> Page.exists(title="Lisbon"), Page.exists(title="no such page")
        (True, False)
        """
        return cls.where(*predicates, using=using, fresh=fresh, **lookups).exists()

    @classmethod
    def count(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> int:
        """Return the number of records, or of those that fulfil all conditions. Makes requests as
        for `where`.

        >>> Page.count(), Page.count(scope="friends")
        (13, 2)
        """
        return len(cls.where(*predicates, using=using, fresh=fresh, **lookups))

    @classmethod
    def where(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> Collection[Self]:
        """Return the records that fulfil all conditions. Makes requests as for `all`, and those to
        load what it compares: of pages, as for `Page.all(load=True)`.

        If that is more than one request, they are made when the results are used, and no more than
        their use requires; see `Search`.

        Args:
            *predicates: Functions that take a record and return whether to include it.
            using: Connection to use instead of the current one.
            fresh: Bypass the cache.
            **lookups: An attribute and its value (`title="Lisbon"`), or an attribute, a lookup and
                a value (`title__icontains="lis"`, `id__in=[71, 72]`), also of a related record
                (`tags__name="Travel"`, `lists__items__completed=False`). Lookups are `exact`, `ne`,
                `iexact`, `contains`, `icontains`, `startswith`, `istartswith`, `endswith`,
                `iendswith`, `in`, `lt`, `lte`, `gt`, `gte`, `isnull` and `regex`; of a time also
                `year`, `month`, `day` and `date`. `i` ignores case, by Unicode case folding. A time
                is compared by its date with a `date`. A related record is compared with a record or
                an id (`creator=user`, `tags__in=[tag]`, `notes__isnull=True`). And the arguments
                that `all` takes to search in one place, such as `page`.

        Raises:
            TypeError: An attribute or a lookup is misspelled.
            ValidationError: A value can never match.

        >>> [page.title for page in Page.where(scope="friends")][0]
        'Kitchen renovation'
        >>> len(Note.where(page=Page.find_by(title="Lisbon"), title=""))
        1
        >>> [page.title for page in Page.where(title__icontains="GARDEN")]
        ['The garden']
        """
        return cls._where(all_of, predicates, lookups, using, fresh=fresh)

    @classmethod
    def exclude(
        cls,
        *predicates: Callable[[Self], object],
        using: Connection | None = None,
        fresh: bool = False,
        **lookups: Any,
    ) -> Collection[Self]:
        """Return the records that do not fulfil all conditions. Makes requests as for `where`.

        Takes the same arguments as `where`. Those that `all` takes too, such as `page`, still name
        the place to search.

        Raises:
            TypeError: An attribute or a lookup is misspelled, or there is no condition.
            ValidationError: A value can never match.

        >>> len(Page.exclude(scope="friends")), len(Page.exclude(scope="friends", title="Lisbon"))
        (11, 13)
        """
        return cls._where(not_all_of, predicates, lookups, using, fresh=fresh)

    @classmethod
    def _where(
        cls,
        compiled: Callable[..., Conditions],
        predicates: Iterable[object],
        lookups: dict[str, Any],
        using: Connection | None,
        *,
        fresh: bool,
    ) -> Collection[Self]:
        scope = {name: lookups.pop(name) for name in cls._scopes if name in lookups}
        conditions = compiled(cls, predicates, lookups)  # first: mistakes make no request
        connection = _connection_of(scope.values(), using)
        conditions.check(connection)
        return cls._found_by(conditions, using=connection, fresh=fresh, **scope)

    @classmethod
    def _found_by(
        cls, conditions: Conditions, *, using: Connection, fresh: bool, **scope: Any
    ) -> Collection[Self]:
        """Return the records that fulfil conditions, found with the one request of `all`."""
        return cls.all(using=using, fresh=fresh, **scope)._where(conditions)

    def reload(self) -> Self:
        """Reload the record and discard local changes. Makes one request.

        What this request does not return, such as the `scope` of a page, is not loaded
        afterwards: reading it makes another request, which bypasses the cache too.

        Raises:
            NotSaved: The record is new.
            Destroyed: The record was destroyed through this object.
            NotFound: The record no longer exists.

        >>> Page.find_by(title="Lisbon").reload().title
        'Lisbon'
        """
        self._check_exists()
        record = self._fetch(fresh=True)
        self.discard()
        self._merge(record)
        for name in (*self._table.fields, *self._readable_relations()):
            position = self._table.positions.get(name)
            if position is not None and record[position] is MISSING:
                self._invalidate(name)
                if name in self._table.fields:
                    self._unset(name)
        self._record = Reloaded(self._record or ())
        return self

    @classmethod
    def _in(cls, *places: Connection | Model, fresh: bool = False) -> Collection[Self]:
        """Return the records of places, in their order."""
        load = (cls._listed or cls._full).load[cls]
        found = (load(tuple(cls._records_in(place, fresh=fresh)), place) for place in places)
        return Collection(cls, list(chain.from_iterable(found)))

    @classmethod
    def _records_in(cls, place: Connection | Model, *, fresh: bool) -> Iterable[Record]:
        """Return the records of a place as the service has them."""
        assert cls._all is not None
        read = (cls._listed or cls._full).read_many
        if isinstance(place, Connection):
            return place.call(cls._all, read=read, fresh=fresh)
        return place.connection.call(cls._all, place._path_ids(), read=read, fresh=fresh)

    @classmethod
    def _find_in(cls, place: Connection | Model, ids: tuple[int, ...], *, fresh: bool) -> Self:
        """Return the record with the ids in its path by the call that returns a single one."""
        connection = place if isinstance(place, Connection) else place.connection
        assert cls._show is not None
        full = cls._full
        record = connection.call(cls._show, ids, read=full.read_one, fresh=fresh)
        found: Self = full.load_one[cls](record, place)
        return found

    def _fetch(self, *, fresh: bool = False) -> Record:
        if self._show is None:
            place = self.connection if self._table.parent is None else self._parent
            return self._select(self._records_in(place, fresh=fresh))
        return self.connection.call(
            self._show, self._ids(self._show), read=self._full.read_one, fresh=fresh
        )


def _connection_of(places: Iterable[object], using: Connection | None) -> Connection:
    """Return the connection of a search: that of the first object that names its place."""
    for place in places:
        if isinstance(place, Model) and using is None:
            return place.connection
    return connection_for(using)
