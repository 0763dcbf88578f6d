"""What a model's attributes are, as data, and the code compiled from it once per class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

import attrs
from attrs import frozen

from backpack_orm.errors import ValidationError
from backpack_orm.wire import parse, values
from backpack_orm.wire.build import Words
from backpack_orm.wire.parse import Answer, Column, Record, Section, Shape
from backpack_orm.wire.values import Kind

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    from backpack_orm.orm.model import Model
    from backpack_orm.orm.relations import Collection, Embedded
else:

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        """What type checkers read off the real one is of no use at run time."""
        return lambda function: function


M = TypeVar("M", bound="Model")
T = TypeVar("T")
V = TypeVar("V")


_KEY = "backpack_orm"
_KINDS = {
    "int": values.INTEGER,
    "bool": values.BOOLEAN,
    "str": values.WORDS,
    "datetime": values.TIME,
}
registry: dict[str, type[Model]] = {}


@frozen
class Field:
    """One value of a model.

    Attributes:
        name: The attribute.
        wire: Its name in answers, with underscores; `widget/type` is an attribute of a child.
        kind: How it is read and written.
        is_read_only: Whether only the service sets it.
        is_write_only: Whether the service takes it but never tells it.
        is_needed: Whether a new record must have it, and may never lose it.
        is_text: Whether the element's own text carries it.
        default: What it is on a new object.
    """

    name: str
    wire: str
    kind: Kind
    is_read_only: bool
    is_write_only: bool
    is_needed: bool
    is_text: bool
    default: Any

    def column(self) -> Column:
        """How it stands in an answer."""
        inside, _, name = self.wire.rpartition("/")
        return Column(name, self.kind, inside, self.is_text)

    def words(self, owner: type[Model], value: object) -> str:
        """Its value in the words of the wire.

        Raises:
            ValidationError: It cannot be written.
        """
        return say(f"{owner.__name__}.{self.name}", self.kind.dump, value)

    def check(self, owner: type[Model], value: object) -> None:
        """Refuse a value that could not be sent.

        Raises:
            ValidationError: It cannot be written, or is empty where something is needed.
        """
        if value is None and not self.is_needed and self.kind.empty is None:
            return
        self.words(owner, value)
        if self.is_needed and isinstance(value, str) and not value.strip():
            raise ValidationError(f"{owner.__name__}.{self.name} cannot be empty: give it a text")


@frozen
class Relation:
    """Records that an answer holds inside a record of this model.

    Attributes:
        name: The attribute.
        path: Where they stand, see `wire.parse.Section`.
        target: The name of their model.
        view: The name of the model's view that tells what is known of them here.
        is_single: Whether there is one at most.
        key: For what can be assigned: the attribute that stands for a record in the request.
        dump: How a list of keys is written.
        collection: The class of the collection they are read as; None: one that only reads.
    """

    name: str
    path: str
    target: str
    view: str = "_whole"
    is_single: bool = False
    key: str | None = None
    dump: Callable[[list[Any]], Words] | None = None
    collection: type[Embedded[Any]] | None = None

    @property
    def model(self) -> type[Model]:
        """The model of these records."""
        return registry[self.target]

    @property
    def contents(self) -> View[Any]:
        """What an answer tells of them."""
        view: View[Any] = getattr(self.model, self.view)
        return view

    def section(self) -> Section:
        """How they stand in an answer."""
        return Section(self.path, self.contents.shape, self.is_single)


@frozen
class Parent:
    """The record that a record lives in."""

    name: str
    target: str

    @property
    def model(self) -> type[Model]:
        """The parent's model."""
        return registry[self.target]


@frozen
class Table:
    """All that is known of a model's attributes; positions are those in its records."""

    fields: dict[str, Field]
    relations: dict[str, Relation]
    parent: Parent | None
    positions: dict[str, int]

    def check_names(self, owner: type[Model], names: Iterable[str]) -> None:
        """Refuse names that are none of the model's.

        Raises:
            TypeError: One is not; the message names the nearest that is.
        """
        for name in names:
            if name not in self.fields and name not in self.relations:
                raise TypeError(f"{owner.__name__} has no field {name!r}{self.nearest(name)}")

    def check_wanted(self, owner: type[Model], names: Iterable[str]) -> None:
        """Refuse names that records cannot be found by.

        Raises:
            TypeError: One is none of the model's, or what it holds is no plain value that the
                service tells.
        """
        self.check_names(owner, names)
        for name in names:
            if name in self.relations or self.fields[name].is_write_only:
                raise TypeError(f"{owner.__name__} cannot be found by {name!r}: filter in Python")

    def nearest(self, name: str) -> str:
        """A hint at what a misspelled name may have meant."""
        near = get_close_matches(name, [*self.fields, *self.relations], 1)
        return f"; did you mean {near[0]!r}?" if near else ""


def say(what: str, dump: Callable[[Any], T], value: Any) -> T:
    """Write a value for the wire, naming it in the error when it cannot be.

    >>> say("Note.title", values.dump_words, "Hotel")
    'Hotel'
    """
    try:
        return dump(value)
    except ValueError as error:
        shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "…"
        raise ValidationError(f"{what} cannot be {shown}: {error}") from None


# --- how model files say it -------------------------------------------------------------------


@overload
def field(
    *, read_only: Literal[True], wire: str = "", text: bool = False, init: Literal[False] = False
) -> Any: ...
@overload
def field(*, wire: str = "", text: bool = False, kind: Kind | None = None) -> Any: ...
@overload
def field(
    *,
    default: T,
    write_only: bool = False,
    wire: str = "",
    text: bool = False,
    kind: Kind | None = None,
) -> T: ...
def field(
    *,
    default: Any = attrs.NOTHING,
    read_only: bool = False,
    write_only: bool = False,
    wire: str = "",
    text: bool = False,
    kind: Kind | None = None,
    init: bool = True,
) -> Any:
    """Declare a value of a model.

    Args:
        default: What it is on a new object; without one it has to be given.
        read_only: Only the service sets it.
        write_only: The service takes it but never tells it.
        wire: Its name on the wire where that is another.
        text: The element's own text carries it.
        kind: How it is read and written, where the annotation does not say it.
        init: For type checkers: whether a new object takes it.
    """
    return attrs.field(
        default=default,
        metadata={_KEY: (wire, text, read_only, write_only, kind)},
    )


def has_many(
    path: str,
    target: str,
    *,
    collection: type[Embedded[Any]] | None = None,
    init: Literal[False] = False,
) -> Any:
    """Declare records inside this one, such as the notes of a page; see `Relation`."""
    return _relation(path=path, target=target, collection=collection)


def has_one(path: str, target: str, *, init: Literal[False] = False) -> Any:
    """Declare one record at most inside this one, such as a reminder's creator."""
    return _relation(path=path, target=target, is_single=True)


def assigns_many(
    path: str,
    target: str,
    *,
    key: str,
    dump: Callable[[list[Any]], Words],
    default: Any = (),
) -> Any:
    """Declare records inside this one that are set by assigning a list, such as tags."""
    return _relation(path=path, target=target, key=key, dump=dump)


def _relation(**details: Any) -> Any:
    return attrs.field(default=None, metadata={_KEY: details})


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


def belongs_to(target: str) -> Any:
    """Declare the record that this one lives in, such as a note's page."""
    return Parent("", target)


if TYPE_CHECKING:

    class BelongsTo(Generic[M]):
        """A parent, for type checkers: read as an object, given as an object or its id."""

        def __get__(self, owner: object, kind: type | None = None) -> M: ...
        def __set__(self, owner: object, value: M | int) -> None: ...

    class Assignable(Generic[M, V]):
        """A list, for type checkers: read as a collection of models, given as what names them."""

        def __get__(self, owner: object, kind: type | None = None) -> Collection[M]: ...
        def __set__(self, owner: object, value: Iterable[M | V]) -> None: ...


# --- what is made of it -----------------------------------------------------------------------


@dataclass_transform(
    kw_only_default=True,
    eq_default=False,
    field_specifiers=(field, has_many, has_one, assigns_many, belongs_to),
)
def resource(cls: type[M]) -> type[M]:
    """Turn a class of declarations into a model: slots, a table, a place in the registry."""
    parent = None
    for name, value in list(vars(cls).items()):
        if isinstance(value, Parent):
            parent = Parent(name, value.target)
            delattr(cls, name)
            del cls.__annotations__[name]
    made: type[M] = attrs.define(
        cls,
        eq=False,
        repr=False,
        init=False,
        weakref_slot=False,
        getstate_setstate=False,
        on_setattr=None,
        kw_only=True,
    )
    made._table = _table(made, parent)
    del made.__attrs_attrs__  # type: ignore[attr-defined]  # else printers of attrs classes load
    made._whole = View(model=made)
    if parent is not None:
        setattr(made, parent.name, _parent_property(parent))
    registry[made.__name__] = made
    return made


def _table(cls: type[Model], parent: Parent | None) -> Table:
    fields: dict[str, Field] = {}
    relations: dict[str, Relation] = {}
    positions: dict[str, int] = {}
    for attribute in attrs.fields(cast("type[attrs.AttrsInstance]", cls)):
        name = attribute.name
        details = attribute.metadata[_KEY]
        if isinstance(details, dict):
            relations[name] = Relation(name=name, **details)
        else:
            wire, text, read_only, write_only, kind = details
            word, _, optional = str(attribute.type).partition(" | ")
            kind = kind or _KINDS[word]
            if optional:
                kind = attrs.evolve(kind, empty=None)
            elif text and kind is values.WORDS:
                kind = values.TEXT
            is_needed = attribute.default is attrs.NOTHING and not read_only
            default = None if attribute.default is attrs.NOTHING else attribute.default
            fields[name] = Field(
                name, wire or name, kind, read_only, write_only, is_needed, text, default
            )
            if write_only:
                continue
        positions[name] = len(positions)
    return Table(fields, relations, parent, positions)


def _parent_property(parent: Parent) -> property:
    def read(self: Model) -> Model:
        return self._parent

    def write(self: Model, value: Model | int) -> None:
        self._set_parent(value)

    return property(read, write, doc=f"The {parent.target} that this lives in. No request.")


class View(Generic[M]):
    """What one kind of answer tells of a model's records, and the code that takes it in.

    Args:
        *names: The attributes it tells; none: all that there are.
        model: The model, where the view is not declared in its class.
    """

    model: type[M]

    def __init__(self, *names: str, model: type[M] | None = None) -> None:
        self._names = names
        if model is not None:
            self.model = model

    def __set_name__(self, owner: type[M], name: str) -> None:
        self.model = owner

    def _tells(self, name: str) -> bool:
        return not self._names or name in self._names

    @cached_property
    def shape(self) -> Shape:
        """What its answers are read into."""
        table = self.model._table
        parts: list[Column | Section | None] = []
        for name in table.positions:
            if not self._tells(name):
                parts.append(None)
            elif name in table.fields:
                parts.append(table.fields[name].column())
            else:
                parts.append(table.relations[name].section())
        return Shape(self.model._element, tuple(parts))

    @cached_property
    def read_one(self) -> Callable[[Answer], Record]:
        """The function that reads a record from an answer."""
        return parse.one(self.shape)

    @cached_property
    def read_many(self) -> Callable[[Answer], tuple[Record, ...]]:
        """The function that reads a list of records from an answer."""
        return parse.many(self.shape, self.model._container)

    @cached_property
    def load(self) -> Callable[[Iterable[Record], object], list[M]]:
        """The function that makes objects from records, all in straight code.

        What the records do not know stays an unset slot.
        """
        table = self.model._table
        targets = [
            f"self.{name}" if name in table.fields and self._tells(name) else "_"
            for name in table.positions
        ]
        lines = [
            "def load(records, source):",
            "    objects = []",
            "    add = objects.append",
            "    for record in records:",
            "        self = new(cls)",
            "        self._record = record",
            "        self._source = source",
            f"        {', '.join(targets)}, = record",
            *(
                f"        self.{field.name} = None"
                for field in table.fields.values()
                if field.is_write_only
            ),
            "        add(self)",
            "    return objects",
        ]
        scope: dict[str, Any] = {"new": self.model.__new__, "cls": self.model}
        exec("\n".join(lines), scope)  # noqa: S102 - written above, from our own tables
        load: Callable[[Iterable[Record], object], list[M]] = scope["load"]
        return load
