"""Records on pages: how they are found on one page, or on all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Never, Self

from backpack_orm.connection import Connection
from backpack_orm.errors import NotFound
from backpack_orm.models.page import Page
from backpack_orm.models.whole_account import Load, check_load, loaded
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.queries.conditions import Conditions
from backpack_orm.orm.queries.searches import Search
from backpack_orm.orm.records.finding import Findable
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.schema.hints import REQUIRED, wrong_find
from backpack_orm.wire.shapes import Record


class OnPage(Findable):
    """A record on a page."""

    __slots__ = ()

    _scopes: ClassVar[tuple[str, ...]] = ("page",)
    _included_elsewhere = ("messages",)
    _path_on_page: ClassVar[tuple[str, ...]] = ()
    """The relations that lead from a page to the records. Default: the one named like them."""

    @classmethod
    def all(
        cls,
        *,
        page: Page | int | None = None,
        load: Load = True,
        using: Connection | None = None,
        fresh: bool = False,
        progress: bool | Progress = False,
    ) -> Collection[Self]:
        """Return the records of a page. Makes one request.

        Without a page, returns the records of all pages. Makes requests as for
        `Page.all(load=True)`: three, or one for the list of pages and one for each page.

        Args:
            page: The page or its id.
            load: How to load all pages, as for `Page.all`: `"export"`, `"pages"`, or True to
                choose.
            using: Connection to use instead of the current one or the page's.
            fresh: Bypass the cache.
            progress: True to show it on standard error, or a function, called after each page.

        Raises:
            ValidationError: `page` is neither a page nor an id, or `load` has another value.
            NotFound: There is no such page.

        >>> [note.title for note in Note.all(page=Page.find_by(title="Lisbon"))]
        ['Where we sleep', '']
        """
        check_load(f"{cls.__name__}.all", load, page)
        if page is None:
            pages = Page.all(using=using, fresh=fresh)
            name = cls._path()[0]
            return cls._on(loaded(pages, name, load=load, fresh=fresh, progress=progress))
        place = Page._resolve(f"{cls.__name__}: page", page, using)
        if len(cls._path()) == 1:
            return cls._in(place, fresh=fresh)
        return cls._on([Page.find(place._saved_id, using=place.connection, fresh=fresh)])

    @classmethod
    def find(
        cls,
        id: Self | int = REQUIRED,
        *,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
        **unknown: Never,
    ) -> Self:
        """Return the record with an id. Makes one request if `page` is given.

        Without `page`, makes requests for the list of pages, for the first page, for the second and
        third at the same time, and for the others as `all` does, until the record is found: at most
        six, or one more than there are pages if there are less than thirteen.

        Raises:
            ValidationError: The id is not valid.
            NotFound: There is no such record.

        >>> note = Note.all(page=Page.find_by(title="Lisbon"))[0]
        >>> Note.find(note.id, page=note.page) == note
        True
        """
        if unknown or id is REQUIRED:
            raise wrong_find(cls, unknown)
        if page is not None:
            wanted = cls._check_id(f"{cls.__name__}.find", id)
            if cls._show is None:
                return cls.all(page=page, using=using, fresh=fresh).find(id)
            place = Page._resolve(f"{cls.__name__}: page", page, using)
            place._check_same_account(f"{cls.__name__}.find", id)
            return cls._find_in(place, (*place._path_ids(), wanted), fresh=fresh)
        wanted, connection = cls._resolve_id(id, using)
        for each in Page._in_order(cls._path()[0], using=connection, fresh=fresh, ahead=1):
            for record in cls._on([each]):
                if record.id == wanted:
                    return record
        raise NotFound(f"there is no {cls.__name__} {wanted} on any page", status=404)

    @classmethod
    def _found_by(
        cls, conditions: Conditions, *, using: Connection, fresh: bool, **scope: Any
    ) -> Collection[Self]:
        if any(place is not None for place in scope.values()):
            return super()._found_by(conditions, using=using, fresh=fresh, **scope)
        return Search(
            cls,
            conditions,
            in_order=partial(cls._in_order, using=using, fresh=fresh),
            at_once=partial(cls.all, using=using, fresh=fresh),
        )

    @classmethod
    def _in_order(cls, *, using: Connection, fresh: bool) -> Iterator[Self]:
        """Yield the records of all pages, for a caller who may not need all."""
        for page in Page._in_order(cls._path()[0], using=using, fresh=fresh):
            yield from cls._on([page])

    @classmethod
    def _stored_in_place(cls, place: Model) -> Sequence[Self]:
        """Return the records of a place, complete and as the service has them. One request."""
        return cls._in(place, fresh=True)

    @classmethod
    def _path(cls) -> tuple[str, ...]:
        return cls._path_on_page or (cls._container,)

    @classmethod
    def _on(cls, pages: Iterable[Page]) -> Collection[Self]:
        """Return the records that loaded pages contain."""
        *outer, name = cls._path()
        owners: Iterable[Model] = pages
        for relation in outer:
            owners = [record for owner in owners for record in getattr(owner, relation)]
        return Collection(cls, [each for owner in owners for each in owner._children(name, cls)])

    @classmethod
    def _records_in(cls, place: Connection | Model, *, fresh: bool) -> Iterable[Record]:
        if cls._all is not None or isinstance(place, Connection):
            return super()._records_in(place, fresh=fresh)
        part: Sequence[Record] = place._fetch(fresh=fresh)[place._position(cls._path()[-1])]
        return part
