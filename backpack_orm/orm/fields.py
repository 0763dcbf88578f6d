"""The fields, relations and parents of models, as data."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    TypeVar,
)

from backpack_orm.errors import ValidationError, did_you_mean, short_repr
from backpack_orm.orm.registry import registry
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.parse import MISSING, Column, Section
from backpack_orm.wire.values import ValueType

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.orm.model import Model
    from backpack_orm.orm.projections import Projection
    from backpack_orm.orm.relations import Embedded

T = TypeVar("T")


class Field(NamedTuple):
    """One value of a model.

    Attributes:
        name: The attribute.
        wire: Its name in responses, with underscores; `widget/type` is an attribute of a
            child, `position/` its text,
            `subject|title` goes by either name.
        value_type: How it is read and written.
        is_read_only: Whether only the service sets it.
        is_write_only: Whether the service takes it but never tells it.
        is_required: Whether a new record must have it, and may never lose it.
        is_text: Whether the element's own text carries it.
        is_optional: Whether it may be None.
        is_shown: Whether a repr may show it.
        default: What it is on a new object.
    """

    name: str
    wire: str
    value_type: ValueType
    is_read_only: bool
    is_write_only: bool
    is_required: bool
    is_text: bool
    is_optional: bool
    is_shown: bool
    default: Any

    def column(self, *, is_sure: bool) -> Column:
        """How it stands in a response.

        Args:
            is_sure: Whether there is no value when the response omits it.
        """
        path, _, other = self.wire.partition("|")
        inside, _, name = path.rpartition("/")
        return Column(name, self.value_type, inside, self.is_text, other, self.is_optional, is_sure)

    def serialize(self, owner: type[Model], value: object) -> str:
        """Its value in the words of the wire.

        Raises:
            ValidationError: It cannot be written.
        """
        return serialize(f"{owner.__name__}.{self.name}", self.value_type.dump, value)

    def check(self, owner: type[Model], value: object) -> None:
        """Refuse a value that could not be sent.

        Raises:
            ValidationError: It cannot be written, or is empty where something is needed.
        """
        if value is None and self.is_optional:
            return
        self.serialize(owner, value)
        if self.is_required and isinstance(value, str) and not value.strip():
            raise ValidationError(f"{owner.__name__}.{self.name} cannot be empty: give it a text")


class Relation(NamedTuple):
    """Records that a response holds inside a record of this model.

    Attributes:
        name: The attribute.
        path: Where they stand, see `wire.parse.Section`; empty: in a response of their own.
        target: The name of their model.
        projection: The name of the model's projection that tells what is known of them here.
        is_single: Whether there is one at most.
        id_from: For a single one: where its id stands when the response tells no more of it.
        key: For what can be assigned: the attribute that stands for a record in the request.
        dump: How a list of keys is written.
        collection: The class of the collection they are read as; None: one that only reads.
        narrowed: The subclass of the model that a subclass of the owner loads instead.
    """

    name: str
    path: str
    target: str
    projection: str = "_full"
    is_single: bool = False
    id_from: str = ""
    key: str | None = None
    dump: Callable[[list[Any]], WireValue] | None = None
    collection: type[Embedded[Any]] | None = None
    narrowed: type[Model] | None = None

    @property
    def model(self) -> type[Model]:
        """The class of these records."""
        return self.narrowed or registry[self.target]

    @property
    def contents(self) -> Projection:
        """The fields of them that a response includes here."""
        projection: Projection = getattr(self.model, self.projection)
        return projection

    def section(self, depth: str, *, is_sure: bool) -> Section:
        """How they stand in a response.

        Args:
            depth: The name of the projection that is taken of them where their model has it.
            is_sure: Whether there are none when the response has no place for them.
        """
        projection = self.contents
        if self.projection == "_full":
            projection = getattr(self.model, "_embedded", projection)
            projection = getattr(self.model, depth, projection)
        return Section(
            self.path,
            projection.shape,
            self.is_single,
            self.id_from,
            self.model._is_grouped,
            is_sure,
        )


class Parent(NamedTuple):
    """The record that a record lives in.

    Attributes:
        name: The attribute.
        target: The name of its model.
        path: The element in which a response may tell of it.
        id_from: Where its id stands when the response tells no more of it.
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
        """How it stands in a response."""
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
    def _view(self) -> Projection:
        projection: Projection = getattr(self.model, "_named", self.model._full)
        return projection


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
            field.value_type.plain(value)
        except ValueError as error:
            way_out = ""
            if isinstance(value, list | tuple | set | frozenset):
                way_out = (
                    "; to match any of several, filter in Python: "
                    f"[x for x in {owner.__name__}.all() if x.{field.name} in …]"
                )
            raise ValidationError(
                f"{owner.__name__}.{field.name} is never {short_repr(value)}: {error}{way_out}"
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
        return did_you_mean(name, [*self.fields, *self.relations])


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
        f"{owner.__name__}.{name} {has}, so it never equals {short_repr(value)}: "
        f"give a time {'without' if found.tzinfo is None else 'with'} one"
    )


def serialize(what: str, dump: Callable[[Any], T], value: Any) -> T:
    """Write a value for the wire, naming it in the error when it cannot be.

    >>> serialize("Note.title", str.title, "hotel")
    'Hotel'
    """
    try:
        return dump(value)
    except ValueError as error:
        raise ValidationError(f"{what} cannot be {short_repr(value)}: {error}") from None
