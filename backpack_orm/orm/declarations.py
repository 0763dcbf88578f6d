"""How a model declares its fields, relations and parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    overload,
)

from backpack_orm.orm.fields import Field, Parent, Relation
from backpack_orm.wire import values
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.values import ValueType

if TYPE_CHECKING:
    from backpack_orm.orm.model import Model
    from backpack_orm.orm.relations import AssignableCollection, Embedded

M = TypeVar("M", bound="Model")
T = TypeVar("T")
V = TypeVar("V")
_REQUIRED: Final = object()
_VALUE_TYPES = {
    "int": values.INTEGER,
    "bool": values.BOOLEAN,
    "str": values.TEXT,
    "datetime": values.TIME,
}


class FieldOptions(NamedTuple):
    """The arguments of `field()`, kept until the class is made."""

    default: Any
    wire: str
    text: bool
    read_only: bool
    write_only: bool
    value_type: ValueType | None
    shown: bool

    @property
    def is_required(self) -> bool:
        """Whether a new record must be given a value."""
        return self.default is _REQUIRED and not self.read_only

    def to_field(self, name: str, annotation: str) -> Field:
        """Return the field of that name, parsed and serialized as its annotation says."""
        word, _, optional = annotation.partition(" | ")
        value_type = self.value_type or _VALUE_TYPES[word]
        if optional:
            value_type = value_type._replace(empty=None)
        return Field(
            name,
            self.wire or name,
            value_type,
            self.read_only,
            self.write_only,
            self.is_required,
            self.text,
            bool(optional),
            self.shown,
            None if self.default is _REQUIRED else self.default,
        )


@overload
def field(
    *,
    read_only: Literal[True],
    wire: str = "",
    text: bool = False,
    shown: bool = True,
    init: Literal[False] = False,
) -> Any: ...
@overload
def field(*, wire: str = "", text: bool = False, value_type: ValueType | None = None) -> Any: ...
@overload
def field(
    *,
    default: T,
    write_only: bool = False,
    wire: str = "",
    text: bool = False,
    value_type: ValueType | None = None,
) -> T: ...
def field(
    *,
    default: Any = _REQUIRED,
    read_only: bool = False,
    write_only: bool = False,
    wire: str = "",
    text: bool = False,
    value_type: ValueType | None = None,
    shown: bool = True,
    init: bool = True,
) -> Any:
    """Declare a value of a model.

    Args:
        default: What it is on a new object; without one it has to be given.
        read_only: Only the service sets it.
        write_only: The service takes it but never tells it.
        wire: Its name on the wire where that is another.
        text: The element's own text carries it.
        value_type: How it is read and written, where the annotation does not say it.
        shown: Whether a repr may show it.
        init: For type checkers: whether a new object takes it.
    """
    return FieldOptions(default, wire, text, read_only, write_only, value_type, shown)


def has_one(
    path: str, target: str, *, projection: str = "_full", init: Literal[False] = False
) -> Any:
    """Declare one record at most inside this one, such as a reminder's creator."""
    return Relation("", path, target, projection, is_single=True)


def assigns_many(
    path: str,
    target: str,
    *,
    key: str,
    dump: Callable[[list[Any]], WireValue],
    collection: type[AssignableCollection[Any]],
    projection: str = "_full",
    default: Any = (),
) -> Any:
    """Declare records inside this one that are set by assigning a list, such as tags."""
    return Relation("", path, target, projection, key=key, dump=dump, collection=collection)


class AssignableSlot:
    """The slot of a collection that takes lists, and shows them as records until they are saved.

    Only what is assigned passes through here: records are loaded without touching the slot.
    """

    def __init__(self, slot: Any, name: str) -> None:
        self._slot = slot
        self._name = name

    def __get__(self, owner: Model | None, kind: type) -> Any:
        return self if owner is None else self._slot.__get__(owner, kind)

    def __set__(self, owner: Model, value: Any) -> None:
        collection = owner._table.relations[self._name].collection
        if collection is not None and type(value) is collection and _is_part_of(owner, value):
            self._slot.__set__(owner, value)
        else:
            getattr(owner, self._name)._assign(value)

    def __delete__(self, owner: Model) -> None:
        self._slot.__delete__(owner)


def _is_part_of(owner: Model, collection: Embedded[Any]) -> bool:
    # One that is being unpickled may not know its owner yet.
    return getattr(collection, "_owner", owner) is owner


class ParentId:
    """The id of a parent, beside the parent itself; reading it makes no request."""

    def __init__(self, parent: str) -> None:
        self._parent = parent

    @overload
    def __get__(self, owner: None, kind: type) -> ParentId: ...
    @overload
    def __get__(self, owner: Model, kind: type | None = None) -> int: ...
    def __get__(self, owner: Model | None, kind: type | None = None) -> ParentId | int:
        if owner is None:
            return self
        parent: Model = getattr(owner, self._parent)
        return parent._saved_id


def belongs_to(target: str, *, path: str = "", id_from: str = "") -> Any:
    """Declare the record that this one lives in, such as a note's page; see `Parent`."""
    return Parent("", target, path or target.lower(), id_from)


if TYPE_CHECKING:

    class BelongsTo(Generic[M]):
        """A parent, for type checkers: read as an object, given as an object or its id."""

        def __get__(self, owner: object, kind: type | None = None) -> M: ...
        def __set__(self, owner: object, value: M | int) -> None: ...

    class Assignable(Generic[M, V]):
        """A list, for type checkers: read as a collection of models, given as what names them."""

        def __get__(self, owner: object, kind: type | None = None) -> AssignableCollection[M]: ...
        def __set__(self, owner: object, value: Iterable[M | V]) -> None: ...
