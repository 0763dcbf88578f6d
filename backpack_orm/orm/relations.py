"""Records of one kind in order: what calls give, and what lives inside a record."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from backpack_orm.errors import NotFound, ValidationError
from backpack_orm.orm.fields import Relation
from backpack_orm.orm.looking import only_looking
from backpack_orm.wire.parse import MISSING, Record

if TYPE_CHECKING:
    from typing_extensions import Self

    from backpack_orm.orm.model import Model, Savable

M = TypeVar("M", bound="Model")
_SHOWN = 5


class Collection(Sequence[M], Generic[M]):
    """An immutable sequence of objects of one model.

    Equal is only the same collection, so that `==` never loads anything: compare `list(…)`s.

    >>> pages = Page.all()
    >>> len(pages), pages[0].title, [page.title for page in pages[1:3]]
    (13, 'Lisbon', ['Book club', 'The garden'])
    """

    __slots__ = ("_model", "_objects")

    def __init__(self, model: type[M], objects: list[M]) -> None:
        self._model = model
        self._objects = objects

    def _all(self) -> list[M]:
        return self._objects

    @overload
    def __getitem__(self, index: int) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> list[M]: ...
    def __getitem__(self, index: int | slice) -> M | list[M]:
        return self._all()[index]

    def __iter__(self) -> Iterator[M]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self._objects[:_SHOWN]))
        more = len(self._objects) - _SHOWN
        return f"[{shown}, … {more} more]" if more > 0 else f"[{shown}]"

    def find(self, id: int) -> M:
        """The one with an id.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> notes = Page.find_by(title="Lisbon").notes
        >>> notes.find(notes[1].id) is notes[1]
        True
        """
        wanted = self._model._check_id("find", id)
        for record in self._all():
            if record.id == wanted:
                return record
        raise NotFound(f"there is no {self._model.__name__} {wanted} here", status=404)

    def find_by(self, **attributes: Any) -> M | None:
        """The first one with these attributes, or None.

        >>> Page.find_by(title="Lisbon").lists.find_by(name="Packing").items[0].content
        'Walking shoes'
        """
        return self.where(**attributes).first()

    def where(self, **attributes: Any) -> Collection[M]:
        """Those with these attributes, as a new collection.

        Raises:
            TypeError: An attribute is misspelled.

        >>> items = Page.find_by(title="Lisbon").lists[0].items
        >>> [item.content for item in items.where(completed=True)]
        ['Passports', 'Train tickets', 'Rain jacket']
        """
        self._model._table.check_wanted(self._model, attributes)
        wanted = attributes.items()
        found = [
            record
            for record in self._all()
            if all(getattr(record, name) == value for name, value in wanted)
        ]
        return Collection(self._model, found)

    def first(self) -> M | None:
        """The first one, or None when there is none.

        >>> Page.all().first().title
        'Lisbon'
        """
        objects = self._all()
        return objects[0] if objects else None


class Embedded(Collection[M]):
    """What lives inside a record, such as the notes of a page; loaded on first use.

    Objects stay the same when it is loaded again, and keep what was edited and not saved.
    """

    __slots__ = ("_ids", "_owner", "_part", "_relation")

    def __init__(self, owner: Model, relation: Relation) -> None:
        super().__init__(relation.model, [])  # type: ignore[arg-type]  # a registry knows no M
        self._owner = owner
        self._relation = relation
        self._part: tuple[Record, ...] | None = None
        self._ids: tuple[list[M], dict[int, M]] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether using it costs no request.

        >>> Page.all()[0].notes.is_loaded, Page.find(Page.all()[0].id).notes.is_loaded
        (False, True)
        """
        return self._known_part() is not None

    def reload(self) -> Self:
        """Load it afresh; one request. Unsaved edits of its objects stay.

        >>> len(Page.find_by(title="Lisbon").notes.reload())
        2
        """
        self._owner._load(self._relation.name, fresh=True)
        return self

    def __len__(self) -> int:
        if not self.is_loaded and only_looking():
            raise TypeError("not loaded yet")
        return super().__len__()

    def __repr__(self) -> str:
        if not self.is_loaded:
            return f"<{self._relation.name} of {self._owner!r}, not loaded yet>"
        self._all()
        return super().__repr__()

    def _copy_in(self, owner: Model) -> Self:
        """The same collection for a copy of its owner, with copies of its objects."""
        twin = type(self)(owner, self._relation)
        twin._part = self._part
        twin._objects = [copy(record) for record in self._objects]
        for record in twin._objects:
            record._source = owner
        return twin

    def _known_part(self) -> tuple[Record, ...] | None:
        record = self._owner._record
        part = MISSING if record is None else record[self._owner._position(self._relation.name)]
        return None if part is MISSING else part

    def _all(self) -> list[M]:
        part: tuple[Record, ...] = self._owner._part(self._relation.name)
        if part is not self._part:
            self._objects = self._renew(part)
            self._part = part
        return self._objects

    @property
    def _by_id(self) -> dict[int, M]:
        """The objects by id, gathered once for each time that it is loaded."""
        objects = self._all()
        if self._ids is None or self._ids[0] is not objects:
            self._ids = objects, {record._saved_id: record for record in objects}
        return self._ids[1]

    def _renew(self, part: tuple[Record, ...]) -> list[M]:
        """Objects for a new part: those that are there already take the news in."""
        objects: list[M] = self._relation.contents.load(part, self._owner)
        if not self._objects:
            return objects
        there = {record._identity: record for record in self._objects if not record.is_destroyed}
        seen = {id(record) for record in self._part or ()}  # older than what was saved since
        for position, new in enumerate(objects):
            old = there.get(new._identity)
            if old is not None:
                if id(part[position]) not in seen:
                    old._absorb(part[position])
                objects[position] = old
        return objects


class Children(Embedded[M]):
    """Embedded that can be created one by one."""

    __slots__ = ()

    def create(self, **attributes: Any) -> M:
        """Create one in here; one request, and one more when the collection is used again.

        Raises:
            TypeError: An attribute is misspelled.
            ValidationError: A value could not be sent; nothing was.

        >>> Page.find_by(title="Lisbon").notes.create(title="Hotel").title
        'Hotel'
        """
        model = cast("type[Savable]", self._model)
        return cast(M, model._create_in(self._owner, attributes))


def keys_of(owner: Model, relation: Relation, value: object) -> tuple[Any, ...]:
    """What stands for each record of an assigned list, such as the names of tags.

    Raises:
        ValidationError: It is no list, or numbers records of another account.
    """
    what = f"{type(owner).__name__}.{relation.name}"
    if isinstance(value, str) or not isinstance(value, collections.abc.Collection):
        raise ValidationError(f"{what} takes a list, not {value!r}")
    if relation.key == "id":
        for item in value:
            owner._refuse_foreign(what, item)
    return tuple(
        getattr(item, relation.key or "id") if isinstance(item, relation.model) else item
        for item in value
    )
