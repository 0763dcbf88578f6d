"""Projections: the fields that a response includes, and the code that reads and loads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import (
    TYPE_CHECKING,
    Any,
    TypeVar,
)

from backpack_orm.wire import parse
from backpack_orm.wire.shapes import MISSING, Column, Record, Response, Section, Shape

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


class PerClass(dict[Any, Any]):
    """What is made for a model class at its first use."""

    def __init__(self, compile: Callable[[Any], Any]) -> None:
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


class Projection:
    """The fields that one kind of response includes, with the code that reads and loads them.

    The loaders are looked up by the class of the objects to make: the model or a subclass of it.

    Args:
        *names: The attributes that the response includes. Default: all but those that only exports
            and searches include.
        but: Attributes to exclude from that default.
        unsure: Attributes that the response may omit although they have a value. One that is
            omitted is not loaded; any other attribute that is omitted is empty. `FIELDS` means
            every attribute that is not a relation.
        sure: Exceptions to `FIELDS` in `unsure`: attributes that are empty if they are omitted.
        is_export: Whether the response is an export, which includes the nested records completely.
        model: The model, if the projection is not declared in its class.
    """

    model: type[Model]

    def __init__(
        self,
        *names: str,
        but: tuple[str, ...] = (),
        unsure: tuple[str, ...] = (),
        sure: tuple[str, ...] = (),
        is_export: bool = False,
        model: type[Model] | None = None,
    ) -> None:
        self._names = names
        self._but = but
        self._unsure = unsure
        self._sure = sure
        self._is_export = is_export
        if model is not None:
            self.model = model

    def __set_name__(self, owner: type[Model], name: str) -> None:
        self.model = owner

    def _includes(self, name: str) -> bool:
        relation = self.model._table.relations.get(name)
        if relation is not None and not relation.path:
            return False
        if self._names:
            return name in self._names
        return name not in self._but and (
            self._is_export or name not in self.model._included_elsewhere
        )

    def _is_sure(self, field: str) -> bool:
        """Return whether a field is empty if it is omitted."""
        if field == "id" or field in self._sure:  # without an id a response cannot be read
            return True
        return field not in self._unsure and FIELDS not in self._unsure

    @cached_property
    def partial(self) -> Projection:
        """The same for responses that may omit any of it, such as those to a creation."""
        return self._partial(is_export=False)

    @cached_property
    def exported(self) -> Projection:
        """The same for exports, which may omit any of it."""
        return self._partial(is_export=True)

    def _partial(self, *, is_export: bool) -> Projection:
        unsure = (FIELDS, *self.model._table.relations)
        return Projection(
            *self._names, but=self._but, unsure=unsure, is_export=is_export, model=self.model
        )

    @cached_property
    def shape(self) -> Shape:
        """The shape of the records that are read from its responses."""
        table = self.model._table
        parts: list[Column | Section | None] = []
        for name in table.positions:
            if not self._includes(name):
                parts.append(None)
            elif name in table.fields:
                parts.append(table.fields[name].column(is_sure=self._is_sure(name)))
            elif name in table.relations:
                is_sure = name not in self._unsure
                parts.append(table.relations[name].section(self._is_export, is_sure=is_sure))
            elif table.parent is not None:
                parts.append(table.parent.section())
        return Shape(self.model._element, tuple(parts))

    @cached_property
    def includes_times(self) -> bool:
        """Whether it includes times."""
        columns = (part for part in self.shape.parts if isinstance(part, Column))
        return any(column.value_type.is_time for column in columns)

    @cached_property
    def read_one(self) -> Callable[[Response], Record]:
        """The function that reads a record from a response."""
        return parse.one(self.shape)

    @cached_property
    def read_many(self) -> Callable[[Response], tuple[Record, ...]]:
        """The function that reads a list of records from a response."""
        return parse.many(self.shape, self.model._container, self.model._is_grouped)

    @cached_property
    def load_one(self) -> _LoadOne:
        """By class: the function that makes an object from a record.

        Attributes that the record does not include stay unset slots.
        """
        loaders: Any = PerClass(self._compile_load_one)
        return loaders  # type: ignore[no-any-return]  # typed by what it gives for a class

    @cached_property
    def load(self) -> _LoadMany:
        """By class: the function that makes objects from records."""
        loaders: Any = PerClass(self._compile_load)
        return loaders  # type: ignore[no-any-return]  # typed by what it gives for a class

    def _compile_load_one(self, cls: type[Model]) -> Any:
        lines = [
            "def load_one(record, source):",
            "    self = new(blank)",
            *(f"    {line}" for line in self._assignments(cls)),
            "    if type(record) is not tuple:",
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
            "    if set(map(type, records)) - {tuple}:",
            "        for self, record in zip(objects, records):",
            "            if type(record) is not tuple:",
            "                unset(self, record)",
            "    return objects",
        ]
        return self._compiled(cls, lines)["load"]

    def _assignments(self, cls: type[Model]) -> Iterator[str]:
        """The statements that fill a new object `self` from its `record`."""
        table = self.model._table
        parent = table.parent
        yield "self._record = record"
        if parent is not None and parent.is_included:
            yield f"self._source = source_of(record[{table.positions[parent.name]}], source)"
        else:
            yield "self._source = source"
        targets = (
            f"self.{name}" if name in table.fields and self._includes(name) else "_"
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
            "unset": self._unset_missing,
        }
        if parent is not None:
            scope["source_of"] = parent.source_of
        exec("\n".join(lines), scope)  # noqa: S102 - written above, from our own tables
        return scope
