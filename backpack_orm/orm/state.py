"""What is loaded of a record, and where it is on the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from backpack_orm.connection import Connection
from backpack_orm.errors import (
    BackpackError,
    Destroyed,
    NotSaved,
)
from backpack_orm.orm.fields import Table
from backpack_orm.orm.model_type import ModelType
from backpack_orm.orm.projections import Projection
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire.parse import MISSING, Record

if TYPE_CHECKING:
    from backpack_orm.orm.model import Model

UNSET: Any = object()


class DestroyedRecord(tuple[Any, ...]):
    """The last record of what was destroyed."""

    __slots__ = ()


class Reloaded(tuple[Any, ...]):
    """A record that was read by `reload()`: what it omits is not read from the cache either."""

    __slots__ = ()


class State(RichDisplay, metaclass=ModelType):
    """The values of one record, as far as they are loaded."""

    __slots__ = ("_record", "_source")

    _table: ClassVar[Table]
    _resource: ClassVar[type[Model]]
    """The model that the API knows: the class itself, or the one that it is a subclass of."""
    _record_type: ClassVar[str]
    """What the service calls such records: objects of one type are equal if they have one id."""
    _included_elsewhere: ClassVar[tuple[str, ...]] = ()
    """Relations that only a search or an export includes, so that they cannot be read again."""
    _defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults of the attributes that a subclass has added."""
    _own: ClassVar[tuple[str, ...]] = ()
    """The attributes that a subclass has added, which the service never sees."""
    _element: ClassVar[str]
    """What one record is called in responses."""
    _container: ClassVar[str]
    """What a list of them is called."""
    _is_grouped: ClassVar[bool] = False
    """Whether answers may sort them into completed ones and others, and mark them by that alone."""
    _full: ClassVar[Projection]
    """What a response tells that leaves nothing out."""

    _record: Record | None
    """What the service told last: the snapshot that changes are told by. None: nothing yet."""
    _source: Connection | Model | None
    """Where it lives: in another record, or in an account itself."""

    id: Any

    @property
    def is_new(self) -> bool:
        """Whether it is not on the service yet. No request.

        >>> Page(title="Porto").is_new, Page.create(title="Porto").is_new
        (True, False)
        """
        return self._record is None

    @property
    def is_destroyed(self) -> bool:
        """Whether it was destroyed through this object. No request.

        >>> page = Page.create(title="Porto")
        >>> page.destroy()
        >>> page.is_destroyed
        True
        """
        return type(self._record) is DestroyedRecord

    @property
    def _saved_id(self) -> int:
        """The id that the service knows it by, whatever was written into `id`."""
        if self._record is None:
            raise NotSaved(f"{self!r} has no id yet: save() it first")
        return cast(int, self._record[0])

    def _slot(self, name: str, unset: Any = UNSET) -> Any:
        """An attribute as it stands, without loading it."""
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            return unset

    def _unset(self, name: str) -> None:
        """Take an attribute for not loaded."""
        if self._slot(name) is not UNSET:
            delattr(self, name)

    def _position(self, name: str) -> int:
        return self._table.positions[name]

    @classmethod
    def _record_of(cls, id: int) -> Record:
        """A record of which only the id is known."""
        return (id, *[MISSING] * (len(cls._table.positions) - 1))

    def _record_with(self, **values: Any) -> Record:
        """A record that knows nothing but the id and these values."""
        return tuple(
            self._saved_id if name == "id" else values.get(name, MISSING)
            for name in self._table.positions
        )

    def _merge(self, record: Record) -> None:
        """Take in a record: what it knows replaces what was loaded, never what was edited."""
        assert self._record is not None
        for name in self._table.fields:
            position = self._table.positions.get(name)
            if position is None or record[position] is MISSING:
                continue
            value = self._slot(name)
            if value is UNSET or not differ(value, self._record[position]):
                setattr(self, name, record[position])
        self._record = type(self._record)(
            tuple(
                old if new is MISSING else new
                for old, new in zip(self._record, record, strict=True)
            )
        )

    def _learn(self, record: Record) -> None:
        """Take in what another response tells of this record and it does not know yet."""
        known = self._record
        if known is None or self.is_destroyed or record[0] != known[0]:
            return
        news = tuple(
            new if old is MISSING else MISSING for old, new in zip(known, record, strict=True)
        )
        if any(value is not MISSING for value in news):
            self._merge(news)

    def _drop(self, names: Iterable[str]) -> None:
        """Mark attributes as not loaded, edited or not."""
        self._invalidate(*names)
        for name in names:
            if name in self._table.fields:
                self._unset(name)

    def _invalidate(self, *names: str) -> None:
        """Take relations for unknown, so that their next use loads them again."""
        if self._record is not None:
            record = list(self._record)
            for name in names:
                record[self._position(name)] = MISSING
            self._record = type(self._record)(record)

    def _refuse_new(self, verb: str) -> None:
        if self._record is None:
            raise NotSaved(f"{self!r} is not on the service yet: save() it before you {verb} it")

    def _refuse_destroyed(self) -> None:
        if self.is_destroyed:
            raise Destroyed(f"{self!r} was destroyed")


def differ(old: object, new: object) -> bool:
    """Whether a value was changed; one that cannot say so, such as `pandas.NA`, was."""
    try:
        return bool(old != new)
    except (TypeError, ValueError):
        return True


def may_have_happened(error: BaseException) -> bool:
    """Whether the service may have carried out a call that has ended with an error."""
    if isinstance(error, BackpackError):
        return error.may_have_happened
    return True  # such as Ctrl-C: it may have come at any time
