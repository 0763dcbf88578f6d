"""The fields, relations and parents of models, as data."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    TypeVar,
)

from backpack_orm.errors import ValidationError, did_you_mean, short_repr
from backpack_orm.orm.schema.registry import registry
from backpack_orm.wire import values
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.shapes import MISSING, Column, Section
from backpack_orm.wire.values import ValueType

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.orm.queries.collections import Embedded
    from backpack_orm.orm.records.model import Model
    from backpack_orm.orm.schema.projections import Projection

T = TypeVar("T")
_VALUE_TYPES = {
    "int": values.INTEGER,
    "bool": values.BOOLEAN,
    "str": values.TEXT,
    "datetime": values.TIME,
}


class Field(NamedTuple):
    """One field of a model.

    Attributes:
        name: Name of the attribute.
        wire: Name in XML, with underscores. `widget/type` is the attribute `type` of the child
            `widget`, `position/` is the text of the child `position`, `subject|title` is a value
            under either of two names.
        value_type: How values are parsed and serialized.
        is_read_only: Whether the field is read-only.
        is_write_only: Whether the field is sent, but never included in a response.
        is_required: Whether a new record needs a value, which must not be blank.
        is_text: Whether the value is the text of the record's element.
        is_shown: Whether a repr may show the value.
        default: Value of a new object.
        is_optional: Whether the value may be None.
    """

    name: str
    wire: str
    value_type: ValueType
    is_read_only: bool
    is_write_only: bool
    is_required: bool
    is_text: bool
    is_shown: bool
    default: Any
    is_optional: bool = False

    def named(self, name: str, annotation: str) -> Field:
        """Return the declared field with the name and the type of its annotation."""
        type, _, optional = annotation.partition(" | ")
        given: Any = self.value_type
        value_type: ValueType = given or _VALUE_TYPES[type]
        return self._replace(
            name=name,
            wire=self.wire or name,
            value_type=value_type._replace(empty=None) if optional else value_type,
            is_optional=bool(optional),
        )

    def column(self, *, is_sure: bool) -> Column:
        """Return the column that reads the field from a response.

        Args:
            is_sure: Whether the field is empty if the response omits it. Otherwise not loaded.
        """
        path, _, other = self.wire.partition("|")
        inside, _, name = path.rpartition("/")
        return Column(name, self.value_type, inside, self.is_text, other, self.is_optional, is_sure)

    def serialize(self, owner: type[Model], value: object) -> str:
        """Serialize a value.

        Raises:
            ValidationError: The value cannot be serialized.
        """
        return serialize(f"{owner.__name__}.{self.name}", self.value_type.dump, value)

    def check(self, owner: type[Model], value: object) -> None:
        """Raise if a value cannot be sent.

        Raises:
            ValidationError: The value cannot be serialized, or is blank though required.
        """
        if value is None and self.is_optional:
            return
        self.serialize(owner, value)
        if self.is_required and isinstance(value, str) and not value.strip():
            raise ValidationError(f"{owner.__name__}.{self.name} cannot be empty: set a text")


class Relation(NamedTuple):
    """Records inside a record of a model.

    Attributes:
        name: Name of the attribute.
        path: Where a response contains the records, see `wire.shapes.Section`; empty if they have a
            response of their own.
        target: Name of the model of the records.
        projection: Name of the model's projection with the fields that are included here.
        is_single: Whether there is at most one record.
        has_own_call: Whether the call that lists the records loads them, not the call for their
            owner.
        key: The attribute by which a request names each record. None if no list can be assigned.
        dump: How a list of keys is serialized.
        collection: The class of the collection. Default: `Embedded`.
        narrowed: The subclass of the model to load instead, declared in a subclass of the owner.
    """

    name: str
    path: str
    target: str
    projection: str = "_full"
    is_single: bool = False
    has_own_call: bool = False
    key: str | None = None
    dump: Callable[[list[Any]], WireValue] | None = None
    collection: type[Embedded[Any]] | None = None
    narrowed: type[Model] | None = None

    @property
    def is_listed(self) -> bool:
        """Whether the call that lists the records loads them, not the call for their owner."""
        return self.has_own_call or not self.path

    @property
    def model(self) -> type[Model]:
        """The class of the records: the model, or the subclass declared instead."""
        return self.narrowed or registry[self.target]

    @property
    def contents(self) -> Projection:
        """The fields of the records that a response includes here."""
        projection: Projection = getattr(self.model, self.projection)
        return projection

    def section(self, is_export: bool, *, is_sure: bool) -> Section:
        """Return the section that reads the records from a response.

        A field that the response omits is not loaded if the API has a call for all such records.
        Otherwise the field is empty.

        Args:
            is_export: Whether the response is an export.
            is_sure: Whether the relation is empty if the response has no element for it.
        """
        projection = self.contents
        if self.projection == "_full" and getattr(self.model, "_all", None) is not None:
            projection = projection.exported if is_export else projection.partial
        return Section(
            self.path,
            projection.shape,
            self.is_single,
            is_grouped=self.model._is_grouped,
            is_sure=is_sure,
        )


class Parent(NamedTuple):
    """The relation of a record to its parent, the record that contains it.

    Attributes:
        name: Name of the attribute.
        target: Name of the parent's model.
        id_from: The element with the parent's id in responses that do not include the parent.
    """

    name: str
    target: str
    id_from: str = ""

    @property
    def model(self) -> type[Model]:
        """The parent's model."""
        return registry[self.target]

    @property
    def is_included(self) -> bool:
        """Whether responses include the parent or its id. If so, records have a position for it."""
        return bool(self.id_from)

    def section(self) -> Section:
        """Return the section that reads the parent from a response."""
        return Section(self.target.lower(), self._view.shape, is_single=True, key=self.id_from)

    def source_of(self, part: Any, source: Connection | Model) -> Connection | Model:
        """Return the parent that a record includes, else the source of the record.

        If the source is the parent itself, fill in the parent's values that the record includes.
        """
        if part is None or part is MISSING:
            return source
        if isinstance(source, self.model):
            source._fill_in(part)
            return source
        if all(value is MISSING for value in part[1:]):
            return self.model._stub(part[0], source)
        return self._view.load_one[self.model](part, source)

    @property
    def _view(self) -> Projection:
        projection: Projection = getattr(self.model, "_named", self.model._full)
        return projection


class Table(NamedTuple):
    """The fields, relations and parent of a model, and their positions in its records."""

    fields: dict[str, Field]
    relations: dict[str, Relation]
    parent: Parent | None
    positions: dict[str, int]

    def check_names(
        self, owner: type[Model], names: Iterable[str], *, call: str = "create"
    ) -> None:
        """Raise if a name is not an attribute of the model.

        Args:
            owner: The model.
            names: The names to check.
            call: The method that received the names, for the message.

        Raises:
            TypeError: A name is unknown. The message suggests the nearest name.
        """
        for name in names:
            if name not in self.fields and name not in self.relations:
                other = self._other_name(name)
                hint = f"; did you mean {other!r}, as in {owner.__name__}.{call}({other}=…)?"
                hint = hint if other else self.nearest(name)
                raise TypeError(f"{owner.__name__} has no field {name!r}{hint}")

    def nearest(self, name: str) -> str:
        """Return a hint at the attribute with the nearest name, or with the same meaning."""
        other = self._other_name(name)
        if other:
            return f"; did you mean {other!r}?"
        return did_you_mean(name, [*self.fields, *self.relations])

    def _other_name(self, name: str) -> str | None:
        """Return the field that other models or libraries call so, or None."""
        return next((each for each in _OTHER_NAMES.get(name, ()) if each in self.fields), None)


LABELS = ("title", "name", "content", "subject", "file_name", "message", "body")
_TEXTS = ("body", "content", "message", "description")
_OTHER_NAMES = {
    **dict.fromkeys(LABELS, LABELS),
    **dict.fromkeys((*_TEXTS, "text"), (*_TEXTS, *LABELS)),
    "checked": ("completed",),
    "date": ("occurs_at", "remind_at", "created_at", "updated_at"),
    "done": ("completed",),
    "due": ("remind_at",),
    "due_at": ("remind_at",),
    "email": ("email_address",),
    "modified_at": ("updated_at",),
    "pk": ("id",),
    "starts_at": ("occurs_at",),
    "time": ("occurs_at", "remind_at", "created_at", "updated_at"),
    "when": ("occurs_at", "remind_at", "created_at", "updated_at"),
}
"""Names of fields in other models and libraries, and the fields with the same meaning here."""


def label_in(names: Container[str]) -> str | None:
    """Return the attribute that serves as the title of a record, or None.

    >>> label_in(["id", "content"])
    'content'
    """
    return next((name for name in LABELS if name in names), None)


def serialize(what: str, dump: Callable[[Any], T], value: Any) -> T:
    """Serialize a value. If that fails, the error names the attribute.

    >>> serialize("Note.title", str.title, "hotel")
    'Hotel'
    """
    try:
        return dump(value)
    except ValueError as error:
        raise ValidationError(f"{what} cannot be {short_repr(value)}: {error}") from None


def listed(what: str, value: object, kind: str = "") -> list[Any]:
    """Return the entries of an argument that is a list, or another iterable but a text.

    >>> listed("Page.tags", "Travel")
    Traceback (most recent call last):
    backpack_orm.errors.ValidationError: Page.tags takes a list, not 'Travel'
    """
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        raise ValidationError(f"{what} takes a list{kind}, not {short_repr(value)}")
    return list(value)
