"""What a model's attributes are, as data, and the code compiled from it once per class."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import repeat
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    TypeVar,
    dataclass_transform,
    overload,
)

from backpack_orm.errors import ValidationError, meant, shown
from backpack_orm.orm.registry import registry
from backpack_orm.wire import parse, values
from backpack_orm.wire.build import Words
from backpack_orm.wire.parse import MISSING, Answer, Column, PartialRecord, Record, Section, Shape
from backpack_orm.wire.values import Kind

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.orm.model import Model
    from backpack_orm.orm.relations import AssignableCollection, Embedded

M = TypeVar("M", bound="Model")
T = TypeVar("T")
V = TypeVar("V")


_REQUIRED: Final = object()
_KINDS = {
    "int": values.INTEGER,
    "bool": values.BOOLEAN,
    "str": values.WORDS,
    "datetime": values.TIME,
}


class Field(NamedTuple):
    """One value of a model.

    Attributes:
        name: The attribute.
        wire: Its name in answers, with underscores; `widget/type` is an attribute of a
            child, `position/` its text,
            `subject|title` goes by either name.
        kind: How it is read and written.
        is_read_only: Whether only the service sets it.
        is_write_only: Whether the service takes it but never tells it.
        is_needed: Whether a new record must have it, and may never lose it.
        is_text: Whether the element's own text carries it.
        is_optional: Whether it may be None.
        is_shown: Whether a repr may show it.
        default: What it is on a new object.
    """

    name: str
    wire: str
    kind: Kind
    is_read_only: bool
    is_write_only: bool
    is_needed: bool
    is_text: bool
    is_optional: bool
    is_shown: bool
    default: Any

    def column(self, *, is_sure: bool) -> Column:
        """How it stands in an answer.

        Args:
            is_sure: Whether there is no value when the answer omits it.
        """
        path, _, other = self.wire.partition("|")
        inside, _, name = path.rpartition("/")
        return Column(name, self.kind, inside, self.is_text, other, self.is_optional, is_sure)

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
        if value is None and self.is_optional:
            return
        self.words(owner, value)
        if self.is_needed and isinstance(value, str) and not value.strip():
            raise ValidationError(f"{owner.__name__}.{self.name} cannot be empty: give it a text")


class Relation(NamedTuple):
    """Records that an answer holds inside a record of this model.

    Attributes:
        name: The attribute.
        path: Where they stand, see `wire.parse.Section`; empty: in an answer of their own.
        target: The name of their model.
        view: The name of the model's view that tells what is known of them here.
        is_single: Whether there is one at most.
        id_from: For a single one: where its id stands when the answer tells no more of it.
        key: For what can be assigned: the attribute that stands for a record in the request.
        dump: How a list of keys is written.
        collection: The class of the collection they are read as; None: one that only reads.
        narrowed: The subclass of the model that a subclass of the owner loads instead.
    """

    name: str
    path: str
    target: str
    view: str = "_whole"
    is_single: bool = False
    id_from: str = ""
    key: str | None = None
    dump: Callable[[list[Any]], Words] | None = None
    collection: type[Embedded[Any]] | None = None
    narrowed: type[Model] | None = None

    @property
    def model(self) -> type[Model]:
        """The class of these records."""
        return self.narrowed or registry[self.target]

    @property
    def contents(self) -> View:
        """The fields of them that a response includes here."""
        view: View = getattr(self.model, self.view)
        return view

    def section(self, depth: str, *, is_sure: bool) -> Section:
        """How they stand in an answer.

        Args:
            depth: The name of the view that is taken of them where their model has it.
            is_sure: Whether there are none when the answer has no place for them.
        """
        view = self.contents
        if self.view == "_whole":
            view = getattr(self.model, "_embedded", view)
            view = getattr(self.model, depth, view)
        return Section(
            self.path, view.shape, self.is_single, self.id_from, self.model._is_grouped, is_sure
        )


class Parent(NamedTuple):
    """The record that a record lives in.

    Attributes:
        name: The attribute.
        target: The name of its model.
        path: The element in which an answer may tell of it.
        id_from: Where its id stands when the answer tells no more of it.
    """

    name: str
    target: str
    path: str = ""
    id_from: str = ""

    @property
    def model(self) -> type[Model]:
        """The parent's model."""
        return registry[self.target]

    @property
    def is_told(self) -> bool:
        """Whether answers tell it, so that records have a place for it."""
        return bool(self.id_from)

    def section(self) -> Section:
        """How it stands in an answer."""
        return Section(self.path, self._view.shape, is_single=True, key=self.id_from)

    def holding(self, part: Any, source: Connection | Model) -> Connection | Model:
        """The parent of a record that came from an account, else where the record came from.

        Where the record came from its parent, that one takes in what the record tells of it.
        """
        if part is None or part is MISSING:
            return source
        if isinstance(source, self.model):
            source._learn(part)
            return source
        if all(value is MISSING for value in part[1:]):
            return self.model._stub(part[0], source)
        return self._view.load_one[self.model](part, source)

    @property
    def _view(self) -> View:
        view: View = getattr(self.model, "_named", self.model._whole)
        return view


class Table(NamedTuple):
    """All that is known of a model's attributes; positions are those in its records."""

    fields: dict[str, Field]
    relations: dict[str, Relation]
    parent: Parent | None
    positions: dict[str, int]

    def check_names(
        self, owner: type[Model], names: Iterable[str], *, call: str = "create"
    ) -> None:
        """Refuse names that are none of the model's.

        Args:
            owner: The model.
            names: The names.
            call: The call for which they were given, for the message.

        Raises:
            TypeError: One is not; the message names the nearest that is.
        """
        for name in names:
            if name not in self.fields and name not in self.relations:
                label = label_in(self.fields)
                hint = self.nearest(name)
                if name in LABELS and label:
                    hint = f"; did you mean {label!r}, as in {owner.__name__}.{call}({label}=…)?"
                raise TypeError(f"{owner.__name__} has no field {name!r}{hint}")

    def check_wanted(self, owner: type[Model], attributes: Mapping[str, object]) -> None:
        """Refuse attributes that no record can have.

        Raises:
            TypeError: A name is none of the model's, or what it holds is no plain value that the
                service tells.
            ValidationError: A value is of another type than the field.
        """
        self.check_names(owner, attributes, call="where")
        for name, value in attributes.items():
            if name in self.relations or self.fields[name].is_write_only:
                raise TypeError(f"{owner.__name__} cannot be found by {name!r}: filter in Python")
            self._check_type(owner, self.fields[name], value)

    @staticmethod
    def _check_type(owner: type[Model], field: Field, value: object) -> None:
        if value is None and field.is_optional:
            return
        try:
            field.kind.plain(value)
        except ValueError as error:
            way_out = ""
            if isinstance(value, list | tuple | set | frozenset):
                way_out = (
                    "; to match any of several, filter in Python: "
                    f"[x for x in {owner.__name__}.all() if x.{field.name} in …]"
                )
            raise ValidationError(
                f"{owner.__name__}.{field.name} is never {shown(value)}: {error}{way_out}"
            ) from None

    def wanted(
        self, owner: type[Model], attributes: Mapping[str, object]
    ) -> Callable[[Model], bool]:
        """Return the function that tells whether a record has these attributes.

        Raises:
            TypeError: As for `check_wanted`.
            ValidationError: As for `check_wanted`; the function raises it where a time with a
                zone is compared with one without.
        """
        self.check_wanted(owner, attributes)

        def is_wanted(record: Model) -> bool:
            for name, value in attributes.items():
                found = getattr(record, name)
                if isinstance(found, datetime) and isinstance(value, datetime):
                    _refuse_other_clock(owner, name, found, value)
                if found != value:
                    return False
            return True

        return is_wanted

    def nearest(self, name: str) -> str:
        """A hint at what a misspelled name may have meant."""
        return meant(name, [*self.fields, *self.relations])


LABELS = ("title", "name", "content", "subject", "file_name", "message", "body")


def label_in(names: Container[str]) -> str | None:
    """The attribute among some by which people know a record, where there is one.

    >>> label_in(["id", "content"])
    'content'
    """
    return next((name for name in LABELS if name in names), None)


def _refuse_other_clock(owner: type[Model], name: str, found: datetime, value: datetime) -> None:
    """Refuse to compare a time that has a zone with one that has none: they are never equal."""
    if (found.tzinfo is None) == (value.tzinfo is None):
        return
    has = (
        "has no zone here, since the connection has no timezone"
        if found.tzinfo is None
        else ("has a zone")
    )
    raise ValidationError(
        f"{owner.__name__}.{name} {has}, so it never equals {shown(value)}: "
        f"give a time {'without' if found.tzinfo is None else 'with'} one"
    )


def say(what: str, dump: Callable[[Any], T], value: Any) -> T:
    """Write a value for the wire, naming it in the error when it cannot be.

    >>> say("Note.title", values.dump_words, "Hotel")
    'Hotel'
    """
    try:
        return dump(value)
    except ValueError as error:
        raise ValidationError(f"{what} cannot be {shown(value)}: {error}") from None


# --- how model files declare it ---------------------------------------------------------------


class FieldOptions(NamedTuple):
    """The arguments of `field()`, kept until the class is made."""

    default: Any
    wire: str
    text: bool
    read_only: bool
    write_only: bool
    kind: Kind | None
    shown: bool

    @property
    def is_required(self) -> bool:
        """Whether a new record must be given a value."""
        return self.default is _REQUIRED and not self.read_only

    def to_field(self, name: str, annotation: str) -> Field:
        """Return the field of that name, parsed and serialized as its annotation says."""
        word, _, optional = annotation.partition(" | ")
        kind = self.kind or _KINDS[word]
        if optional:
            kind = kind._replace(empty=None)
        return Field(
            name,
            self.wire or name,
            kind,
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
    default: Any = _REQUIRED,
    read_only: bool = False,
    write_only: bool = False,
    wire: str = "",
    text: bool = False,
    kind: Kind | None = None,
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
        kind: How it is read and written, where the annotation does not say it.
        shown: Whether a repr may show it.
        init: For type checkers: whether a new object takes it.
    """
    return FieldOptions(default, wire, text, read_only, write_only, kind, shown)


def has_one(path: str, target: str, *, view: str = "_whole", init: Literal[False] = False) -> Any:
    """Declare one record at most inside this one, such as a reminder's creator."""
    return Relation("", path, target, view, is_single=True)


def assigns_many(
    path: str,
    target: str,
    *,
    key: str,
    dump: Callable[[list[Any]], Words],
    collection: type[AssignableCollection[Any]],
    view: str = "_whole",
    default: Any = (),
) -> Any:
    """Declare records inside this one that are set by assigning a list, such as tags."""
    return Relation("", path, target, view, key=key, dump=dump, collection=collection)


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


# --- what is made of it -----------------------------------------------------------------------


@dataclass_transform(
    kw_only_default=True,
    eq_default=False,
    field_specifiers=(field, has_one, assigns_many, belongs_to),
)
def resource(cls: type[M]) -> type[M]:
    """Register a class of declarations as the model of a resource.

    Its slots are made by the metaclass, see `backpack_orm.orm.model_type`.
    """
    cls._resource = cls
    cls._table = _table(cls)
    for name, relation in cls._table.relations.items():
        if relation.key is not None:
            setattr(cls, name, AssignableSlot(vars(cls)[name], name))
    if "_record_type" not in vars(cls):
        cls._record_type = cls.__name__
    if "_whole" not in vars(cls):
        cls._whole = View(model=cls)
    parent = cls._table.parent
    if parent is not None:
        setattr(cls, parent.name, _parent_property(parent))
    registry[cls.__name__] = cls
    return cls


def _table(cls: type[Model]) -> Table:
    fields: dict[str, Field] = {}
    relations: dict[str, Relation] = {}
    positions: dict[str, int] = {}
    parent: Parent | None = None
    for name, declaration in cls._declared.items():
        if isinstance(declaration, Parent):
            parent = declaration._replace(name=name)
            continue
        if isinstance(declaration, Relation):
            relations[name] = declaration._replace(name=name)
        else:
            fields[name] = declaration.to_field(name, str(cls.__annotations__[name]))
            if declaration.write_only:
                continue
        positions[name] = len(positions)
    if parent is not None and parent.is_told:
        positions[parent.name] = len(positions)
    return Table(fields, relations, parent, positions)


def _parent_property(parent: Parent) -> property:
    def read(self: Model) -> Model:
        return self._parent

    def write(self: Model, value: Model | int) -> None:
        self._set_parent(value)

    return property(read, write, doc=f"The {parent.target} that this lives in. No request.")


class _PerClass(dict[Any, Any]):
    """Functions that are compiled for a model class when they are first used."""

    def __init__(self, compile: Callable[[type[Model]], Any]) -> None:
        super().__init__()
        self._compile = compile

    def __missing__(self, cls: type[Model]) -> Any:
        function = self[cls] = self._compile(cls)
        return function


if TYPE_CHECKING:

    class _LoadOne:
        def __getitem__(self, cls: type[M]) -> Callable[[Record, object], M]: ...

    class _LoadMany:
        def __getitem__(self, cls: type[M]) -> Callable[[Sequence[Record], object], list[M]]: ...


FIELDS = "*"
"""All attributes of a model but its relations."""


class View:
    """What one kind of answer tells of a model's records, and the code that takes it in.

    The loaders are looked up by the class of the objects to make: the model or a subclass of it.

    Args:
        *names: The attributes it tells; none: all that there are.
        but: Those that it does not tell.
        unsure: Attributes that it may omit even if they have a value, which another response tells;
            `FIELDS` means all that are no relations. Any other attribute that it omits is empty.
        sure: Attributes that are empty if it omits them, where `unsure` names all.
        depth: The name of the view that is taken of the records inside, where they have it.
        model: The model, where the view is not declared in its class.
    """

    model: type[Model]

    def __init__(
        self,
        *names: str,
        but: tuple[str, ...] = (),
        unsure: tuple[str, ...] = (),
        sure: tuple[str, ...] = (),
        depth: str = "",
        model: type[Model] | None = None,
    ) -> None:
        self._names = names
        self._but = but
        self._unsure = unsure
        self._sure = sure
        self._depth = depth
        if model is not None:
            self.model = model

    def __set_name__(self, owner: type[Model], name: str) -> None:
        self.model = owner

    def _tells(self, name: str) -> bool:
        relation = self.model._table.relations.get(name)
        if relation is not None and not relation.path:
            return False
        return (not self._names or name in self._names) and name not in self._but

    def _is_sure(self, field: str) -> bool:
        """Whether a field is empty if it is omitted."""
        if field == "id" or field in self._sure:  # without an id a response cannot be read
            return True
        return field not in self._unsure and FIELDS not in self._unsure

    @cached_property
    def unsure(self) -> View:
        """The same for responses that may omit any of it, such as those to a creation."""
        unsure = (FIELDS, *self.model._table.relations)
        return View(*self._names, but=self._but, unsure=unsure, depth=self._depth, model=self.model)

    @cached_property
    def shape(self) -> Shape:
        """What its answers are read into."""
        table = self.model._table
        parts: list[Column | Section | None] = []
        for name in table.positions:
            if not self._tells(name):
                parts.append(None)
            elif name in table.fields:
                parts.append(table.fields[name].column(is_sure=self._is_sure(name)))
            elif name in table.relations:
                is_sure = name not in self._unsure
                parts.append(table.relations[name].section(self._depth, is_sure=is_sure))
            elif table.parent is not None:
                parts.append(table.parent.section())
        return Shape(self.model._element, tuple(parts))

    @cached_property
    def tells_times(self) -> bool:
        """Whether there are times in what it tells."""
        columns = (part for part in self.shape.parts if isinstance(part, Column))
        return any(column.kind.is_time for column in columns)

    @cached_property
    def read_one(self) -> Callable[[Answer], Record]:
        """The function that reads a record from an answer."""
        return parse.one(self.shape)

    @cached_property
    def read_many(self) -> Callable[[Answer], tuple[Record, ...]]:
        """The function that reads a list of records from an answer."""
        return parse.many(self.shape, self.model._container, self.model._is_grouped)

    @cached_property
    def load_one(self) -> _LoadOne:
        """By class: the function that makes an object from a record.

        What the record does not know stays an unset slot.
        """
        loaders: Any = _PerClass(self._compile_load_one)
        return loaders  # type: ignore[no-any-return]  # typed by what it gives for a class

    @cached_property
    def load(self) -> _LoadMany:
        """By class: the function that makes objects from records, in one sweep of straight code."""
        loaders: Any = _PerClass(self._compile_load)
        return loaders  # type: ignore[no-any-return]  # typed by what it gives for a class

    def _compile_load_one(self, cls: type[Model]) -> Any:
        lines = [
            "def load_one(record, source):",
            "    self = new(blank)",
            *(f"    {line}" for line in self._assignments(cls)),
            "    if type(record) is partial:",
            "        unset(self, record)",
            "    return self",
        ]
        return self._compiled(cls, lines)["load_one"]

    def _compile_load(self, cls: type[Model]) -> Any:
        lines = [
            "def load(records, source):",
            "    objects = list(map(new, repeat(blank, len(records))))",
            "    for self, record in zip(objects, records):",
            *(f"        {line}" for line in self._assignments(cls)),
            "    if partial in set(map(type, records)):",
            "        for self, record in zip(objects, records):",
            "            if type(record) is partial:",
            "                unset(self, record)",
            "    return objects",
        ]
        return self._compiled(cls, lines)["load"]

    def _assignments(self, cls: type[Model]) -> Iterator[str]:
        """The statements that fill a new object `self` from its `record`."""
        table = self.model._table
        parent = table.parent
        yield "self._record = record"
        if parent is not None and parent.is_told:
            yield f"self._source = holding(record[{table.positions[parent.name]}], source)"
        else:
            yield "self._source = source"
        targets = (
            f"self.{name}" if name in table.fields and self._tells(name) else "_"
            for name in table.positions
        )
        yield f"{', '.join(targets)}, = record"
        for field in table.fields.values():
            if field.is_write_only:
                yield f"self.{field.name} = None"
        if cls._blank is not cls:
            yield "self.__class__ = cls"

    def _unset_missing(self, object: Model, record: Record) -> None:
        """Unset the slots of fields that a response has omitted."""
        table = self.model._table
        for name in table.fields:
            position = table.positions.get(name)
            if position is not None and record[position] is MISSING:
                object._unset(name)

    def _compiled(self, cls: type[Model], lines: list[str]) -> dict[str, Any]:
        parent = self.model._table.parent
        blank: Any = cls._blank
        scope = {
            "new": blank.__new__,
            "blank": blank,
            "cls": cls,
            "repeat": repeat,
            "partial": PartialRecord,
            "unset": self._unset_missing,
        }
        if parent is not None:
            scope["holding"] = parent.holding
        exec("\n".join(lines), scope)  # noqa: S102 - written above, from our own tables
        return scope
