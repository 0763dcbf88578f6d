"""Declarations of the fields, relations and parent of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Self,
    TypeVar,
    dataclass_transform,
    overload,
)

from backpack_orm.orm.copying.children import Children
from backpack_orm.orm.queries.collections import AssignableCollection, Embedded
from backpack_orm.orm.schema.fields import Field, Parent, Relation
from backpack_orm.orm.schema.hints import REQUIRED
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.values import ValueType

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")
M_co = TypeVar("M_co", bound="Model", covariant=True)
C_co = TypeVar("C_co", covariant=True)
T = TypeVar("T")
V = TypeVar("V")


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
    default: Any = REQUIRED,
    read_only: bool = False,
    write_only: bool = False,
    wire: str = "",
    text: bool = False,
    value_type: Any = None,
    shown: bool = True,
    init: bool = True,
) -> Any:
    """Declare a field of a model.

    Args:
        default: Value of a new object; without a default the field is required.
        read_only: Whether the field is read-only.
        write_only: Whether the field is sent, but never included in a response.
        wire: Name in XML, if it differs from the name of the attribute; see `Field`.
        text: Whether the value is the text of the element.
        value_type: How values are parsed and serialized. Default: as the annotation requires.
        shown: Whether a repr may show the value.
        init: For type checkers: whether the constructor takes the field.
    """
    return Field(
        "",
        wire,
        value_type,
        is_read_only=read_only,
        is_write_only=write_only,
        is_required=default is REQUIRED and not read_only,
        is_text=text,
        is_shown=shown,
        default=None if default is REQUIRED else default,
    )


def has_one(
    path: str, target: str, *, projection: str = "_full", init: Literal[False] = False
) -> Any:
    """Declare a single record inside this one, such as the creator of a reminder."""
    return Relation("", path, target, projection, is_single=True)


def assigns_many(
    path: str,
    target: str,
    *,
    key: str,
    dump: Callable[[list[Any]], WireValue],
    projection: str = "_full",
    collection: type[AssignableCollection[Any]] = AssignableCollection,
    default: Any = (),
) -> Any:
    """Declare records inside this one that are replaced by assigning a list, such as tags."""
    return Relation("", path, target, projection, key=key, dump=dump, collection=collection)


class ToMany(Generic[M_co, C_co]):
    """Base class of the declarations of relations whose value is a collection."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self, path: str, *, projection: str = "_full", has_own_call: bool = False
        ) -> None: ...
        @overload
        def __init__(self, model: type[M_co], /) -> None: ...
        def __init__(self, path: Any, **options: Any) -> None: ...

        @overload
        def __get__(self, owner: None, kind: type) -> Self: ...
        @overload
        def __get__(self, owner: object, kind: type | None = None) -> C_co: ...
        def __get__(self, owner: object, kind: type | None = None) -> Any: ...

    else:
        target = ""

        def __new__(cls, declared, *, target="", **options):
            if isinstance(declared, type):
                return Relation("", "", declared._resource.__name__, narrowed=declared)
            target = target or cls.target
            return Relation("", declared, target, collection=cls.collection, **options)

        def __class_getitem__(cls, target):
            return partial(cls, target=target) if isinstance(target, str) else cls


class Embeds(ToMany[M_co, Embedded[M_co]]):
    """Declaration of records inside a record that the API cannot create on their own.

    In a subclass of a model, `attachments = Embeds(MyAttachment)` makes the relation return objects
    of that class.

    Args:
        path: Where the records are in a response, see `wire.shapes.Section`; empty if they have a
            response of their own.
        projection: Name of the model's projection with the fields that are included there.
        has_own_call: Load the records with the call that lists them, not with the call for their
            owner. Implied by an empty path.

    >>> from backpack_orm import Attachment
    >>> class Document(Attachment):
    ...     def is_pdf(self) -> bool:
    ...         return self.file_name.endswith(".pdf")
    >>> class Trip(Page):
    ...     attachments = Embeds(Document)
    >>> Trip.find_by(title="Lisbon").attachments[0].is_pdf()
    True
    """

    collection = Embedded


class HasMany(ToMany[M_co, Children[M_co]]):
    """Declaration of records inside a record that can be created there one by one.

    In a subclass of a model, `notes = HasMany(TripNote)` makes the relation return and create
    objects of that class.

    >>> class TripNote(Note):
    ...     def headline(self) -> str:
    ...         return self.title or self.body.splitlines()[0]
    >>> class Trip(Page):
    ...     notes = HasMany(TripNote)
    >>> Trip.find_by(title="Lisbon").notes[0].headline()
    'Where we sleep'
    """

    collection = Children


class AssignableSlot:
    """Descriptor around the slot of a collection. A list that you assign is shown as records.

    Loading does not use this slot; only assignments do.
    """

    def __init__(self, slot: Any, name: str) -> None:
        self._slot = slot
        self._name = name

    def __get__(self, owner: Model | None, kind: type) -> Any:
        return self if owner is None else self._slot.__get__(owner, kind)

    def __set__(self, owner: Model, value: Any) -> None:
        if isinstance(value, AssignableCollection) and _is_part_of(owner, value):
            self._slot.__set__(owner, value)
        else:
            getattr(owner, self._name)._assign(value)

    def __delete__(self, owner: Model) -> None:
        self._slot.__delete__(owner)


def _is_part_of(owner: Model, collection: Embedded[Any]) -> bool:
    # While the collection is being unpickled, its owner may not be set yet.
    return getattr(collection, "_owner", owner) is owner


class ParentId:
    """The id of a parent, beside the parent itself. Reading it makes no request."""

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

    def __set__(self, owner: Model, value: int) -> None:
        owner._set_parent(value, "_id")


@dataclass_transform(kw_only_default=True, eq_default=False)
def typed_fields(cls: type[M]) -> type[M]:
    """Have type checkers add the fields of a base class to the constructors of its models."""
    return cls


def belongs_to(target: str, *, id_from: str = "") -> Any:
    """Declare the parent of a record, such as the page of a note; see `Parent`."""
    return Parent("", target, id_from)


if TYPE_CHECKING:

    class BelongsTo(Generic[M]):
        """A parent, for type checkers: reads as an object, accepts an object or its id."""

        def __get__(self, owner: object, kind: type | None = None) -> M: ...
        def __set__(self, owner: object, value: M | int) -> None: ...

    class Assignable(Generic[M, V]):
        """A list, for type checkers: reads as a collection of objects, accepts objects or keys."""

        def __get__(self, owner: object, kind: type | None = None) -> AssignableCollection[M]: ...
        def __set__(self, owner: object, value: Iterable[M | V]) -> None: ...
