"""How records are found that live on pages: on the page that is named, or on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.errors import NotFound
from backpack_orm.models.page import Page, Progress
from backpack_orm.orm.model import Model, Readable
from backpack_orm.orm.projections import Projection
from backpack_orm.orm.relations import Collection
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.parse import Record


class OnPage(Readable):
    """A record that lives on a page."""

    __slots__ = ()

    _all: ClassVar[Endpoint | None] = None
    """The call that lists those of a page; None: only the page itself tells of them."""
    _included_elsewhere = ("messages",)
    _known_by: ClassVar[str] = ""
    """What of a page has to be loaded for them to be known, where that is not they themselves."""
    _listed: ClassVar[Projection | None] = None
    """What that list tells of each, where that is not all."""

    @classmethod
    def all(
        cls,
        *,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Collection[Self]:
        """Those of a page; one request. Without a page, those of all pages: one request more
        than there are pages, several at once.

        Args:
            page: The page, or its id.
            using: The connection, where it is not the one in use or the page's.
            fresh: Ask even if the responses are still kept.
            progress: Called after each page with the numbers of pages done and of all.

        Raises:
            ValidationError: `page` is neither a page nor an id.
            NotFound: There is no such page.

        >>> [note.title for note in Note.all(page=Page.find_by(title="Lisbon"))]
        ['Where we sleep', '']
        """
        if page is not None:
            return cls._of(page_named(cls, page, using), fresh=fresh)
        pages = Page._each(
            cls._known_by or cls._container, using=using, fresh=fresh, progress=progress
        )
        return Collection(cls, [record for page in pages for record in cls._on(page)])

    @classmethod
    def find(
        cls,
        id: Self | int,
        *,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Self:
        """The one with an id; one request. Without a page, one for the list of pages, and one
        for each until it is found: the first alone, then more and more at once.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> note = Note.all(page=Page.find_by(title="Lisbon"))[0]
        >>> Note.find(note.id, page=note.page) == note
        True
        """
        if page is not None:
            cls._check_id(f"{cls.__name__}.find", id)
            return cls.all(page=page, using=using, fresh=fresh).find(id)
        wanted, connection = cls._resolve_id(id, using)
        name = cls._known_by or cls._container
        for place in Page._each(name, using=connection, fresh=fresh, ahead=1):
            for record in cls._on(place):
                if record.id == wanted:
                    return record
        raise NotFound(f"there is no {cls.__name__} {wanted} on any page", status=404)

    @classmethod
    def find_by(
        cls,
        *,
        page: Page | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Self | None:
        """The first one with these attributes, or None; requests as for `all`.

        Raises:
            TypeError: An attribute is misspelled.

        >>> Note.find_by(page=Page.find_by(title="Lisbon"), title="Where we sleep").page.title
        'Lisbon'
        """
        return cls.where(page=page, using=using, **attributes).first()

    @classmethod
    def where(
        cls,
        *,
        page: Page | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Collection[Self]:
        """Those with these attributes; requests as for `all`.

        Raises:
            TypeError: An attribute is misspelled.

        >>> len(Note.where(page=Page.find_by(title="Lisbon"), title=""))
        1
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(page=page, using=using).where(**attributes)

    def _load(self, name: str, *, fresh: bool = False) -> None:
        if name == "messages":  # only an export tells of any, and it has told all
            self._merge(self._record_with(messages=()))
        else:
            super()._load(name, fresh=fresh)

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self._select(self._records_of(self._parent, fresh=fresh))

    @classmethod
    def _of(cls, parent: Model, *, fresh: bool = False) -> Collection[Self]:
        records = cls._records_of(parent, fresh=fresh)
        return Collection(cls, (cls._listed or cls._full).load[cls](records, parent))

    @classmethod
    def _records_of(cls, parent: Model, *, fresh: bool) -> tuple[Record, ...]:
        connection, place = parent.connection, parent._path_ids()
        if cls._all is None:
            page = connection.call(Page._show, place, read=Page._shown.read_one, fresh=fresh)
            part: tuple[Record, ...] = page[Page._table.positions[cls._container]]
            return part
        read = (cls._listed or cls._full).read_many
        return connection.call(cls._all, place, read=read, fresh=fresh)

    @classmethod
    def _on(cls, page: Page) -> Sequence[Self]:
        """Those that came with a page."""
        return page._children(cls._container, cls)


def page_named(cls: type[Model], page: Page | int, using: Connection | None) -> Page:
    """The page that an argument names, with a connection."""
    if not isinstance(page, Page):
        page = Page._stub(Page._check_id(f"{cls.__name__}: page", page), connection_for(using))
    elif using is not None:
        page._attach(using)
    return page
