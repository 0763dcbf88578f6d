"""Conditions of `where`, compiled once: paths to records, and how to compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from backpack_orm.errors import ValidationError, did_you_mean, short_repr
from backpack_orm.orm.queries.lookups import (
    EXACT,
    IN,
    IS_NULL,
    LOOKUPS,
    NOT_EQUAL,
    PART_LOOKUPS,
    PARTS,
    RECORD_LOOKUPS,
    lookup_in,
    prepared,
)
from backpack_orm.orm.queries.paths import Path, field_named, path_of, related_to
from backpack_orm.orm.schema.fields import Field
from backpack_orm.wire import values

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.orm.records.model import Model

Predicate: TypeAlias = Callable[[Any], object]


class _Condition(NamedTuple):
    """One keyword argument of `where` that compares a field, of the record or of related ones.

    Attributes:
        name: The model and the field, for messages.
        path: Leads to the records to compare.
        field: The field.
        part: The part of a time to compare, such as `year`; else empty.
        lookup: How to compare it.
        value: The prepared value.
    """

    name: str
    path: Path
    field: Field
    part: str
    lookup: str
    value: Any

    @property
    def attribute(self) -> str:
        """The attribute of the record that it reads."""
        return self.path.names[0] if self.path.names else self.field.name

    def matches(self, record: Model) -> bool:
        """Return whether a record, or any of its related records, fulfils it."""
        found = any(map(self._is_match, self.path.records(record)))
        return not found if self.lookup == NOT_EQUAL else found

    def check(self, connection: Connection) -> None:
        """Raise if a time can never match, since the times of the connection have a zone, or none.

        Raises:
            ValidationError: A time has a zone and those of the records have none, or vice versa.
        """
        in_responses = self.path.model._times_have_zone
        has_zone = True if connection._settings.timezone is not None else in_responses
        for value in self._values:
            if has_zone is not None and isinstance(value, datetime):
                _check_zones(self.name, has_zone, value)

    def _is_match(self, record: Model) -> bool:
        found = getattr(record, self.field.name)
        if self.lookup == IS_NULL:
            return (found is None) is self.value
        if found is None:
            return self.lookup in (EXACT, NOT_EQUAL, IN) and None in self._values
        if self.part:
            read, _ = PARTS[self.part]
            found = read(record._clock_time(self.field.name, found))
        elif isinstance(found, datetime):
            for value in self._values:
                if isinstance(value, datetime):
                    _check_zones(self.name, found.tzinfo is not None, value)
        return bool(LOOKUPS[self.lookup].matches(found, self.value))

    @property
    def _values(self) -> list[Any]:
        return self.value if self.lookup == IN else [self.value]


class _RecordCondition(NamedTuple):
    """One keyword argument of `where` that compares related records themselves.

    Attributes:
        name: The model and the relation or parent, for messages.
        path: Leads to the records that have the relation or parent.
        relation: The relation or the parent.
        lookup: `exact`, `ne`, `in` or `isnull`.
        wanted: Records, ids and None; for `isnull`, whether there is to be no related record.
    """

    name: str
    path: Path
    relation: str
    lookup: str
    wanted: list[Model | int | None] | bool

    @property
    def attribute(self) -> str:
        """The attribute of the record that it reads."""
        return self.path.names[0] if self.path.names else self.relation

    def matches(self, record: Model) -> bool:
        """Return whether a record is related to any of the wanted ones."""
        found = any(map(self._is_match, self.path.records(record)))
        return not found if self.lookup == NOT_EQUAL else found

    def check(self, connection: Connection) -> None:
        """Raise if a wanted record belongs to another account.

        Raises:
            ValidationError: It does.
        """
        for wanted in () if isinstance(self.wanted, bool) else self.wanted:
            if isinstance(wanted, int) or wanted is None:
                continue
            if wanted._account != connection.account:
                raise ValidationError(f"{self.relation}: {wanted!r} belongs to another account")

    def _is_match(self, record: Model) -> bool:
        related = related_to(record, self.relation)
        if isinstance(self.wanted, bool):
            return (not related) is self.wanted
        if not related:
            return None in self.wanted
        return any(_is_same(each, wanted) for each in related for wanted in self.wanted)


class Conditions(NamedTuple):
    """The conditions of a search.

    Attributes:
        functions: Functions that take a record and return whether it is wanted.
        comparisons: The keyword arguments.
        is_negated: Whether records are wanted that do not fulfil all of them.
    """

    functions: list[Predicate]
    comparisons: list[_Condition | _RecordCondition]
    is_negated: bool = False

    def matches(self, record: Model) -> bool:
        """Return whether a record fulfils all conditions; if they are negated, whether not."""
        fulfils = all(each.matches(record) for each in self.comparisons) and all(
            function(record) for function in self.functions
        )
        return fulfils is not self.is_negated

    @property
    def attributes(self) -> set[str]:
        """The attributes that the keyword arguments read.

        >>> from backpack_orm import Page
        >>> all_of(Page, [], {"title__in": ["Lisbon"], "tags__name": "Travel"}).attributes == {
        ...     "title", "tags"
        ... }
        True
        """
        return {each.attribute for each in self.comparisons}

    def check(self, connection: Connection) -> None:
        """Raise if a value can never match the records of a connection.

        Raises:
            ValidationError: A time has a zone and those of the records have none, or vice versa. Or
                a record belongs to another account.
        """
        for each in self.comparisons:
            each.check(connection)


def all_of(
    model: type[Model], predicates: Iterable[object], lookups: Mapping[str, object]
) -> Conditions:
    """Return the conditions that the records of a model have to fulfil.

    Raises:
        TypeError: An attribute or a lookup is misspelled, or a predicate cannot be called.
        ValidationError: A value can never match. The predicate raises it if an aware time is
            compared with a naive one.

    >>> from backpack_orm import Page
    >>> conditions = all_of(Page, [], {"title__startswith": "Lis"})
    >>> conditions.matches(Page(title="Lisbon")), conditions.matches(Page(title="Porto"))
    (True, False)
    """
    own: list[Predicate] = []
    for predicate in predicates:
        if not callable(predicate):
            raise TypeError(
                f"conditions are functions and keyword arguments, not {short_repr(predicate)}"
                f"{_instead_of(model, predicate)}"
            )
        own.append(predicate)
    return Conditions(own, [_condition(model, name, value) for name, value in lookups.items()])


def not_all_of(
    model: type[Model], predicates: Iterable[object], lookups: Mapping[str, object]
) -> Conditions:
    """Return the condition not to fulfil all of some conditions. Raises errors as `all_of` does.

    >>> from backpack_orm import Page
    >>> not_all_of(Page, [], {"title": "Lisbon"}).matches(Page(title="Porto"))
    True
    """
    conditions = all_of(model, predicates, lookups)
    if not conditions.functions and not conditions.comparisons:
        raise TypeError("exclude() needs a condition")
    return conditions._replace(is_negated=True)


def _instead_of(model: type[Model], predicate: object) -> str:
    """Return a hint at the call for what is no condition."""
    if type(predicate) is int:
        return f"; use {model.__name__}.find({predicate!r})"
    if isinstance(predicate, str) and predicate in model._table.fields:
        return f"; use {predicate}=…"
    return "; pass a dictionary with **" if isinstance(predicate, Mapping) else ""


def check_name(model: type[Model], name: str) -> None:
    """Raise if no condition has this name. Checkers call it, which know no values.

    Raises:
        TypeError: An attribute or the lookup is misspelled. The message suggests the right one.

    >>> from backpack_orm import Page
    >>> check_name(Page, "titel__contains")
    Traceback (most recent call last):
    TypeError: Page has no field 'titel'; did you mean 'title'?
    """
    _parsed(model, name)


def _parsed(model: type[Model], name: str) -> tuple[Path, Field | None, str, str]:
    """Return what the name of a condition means: path, field, part of a time, and lookup.

    There is no field if the condition compares the records at the end of the path themselves.
    """
    path, rest = path_of(model, name.split("__"))
    if path.names and (not rest or rest[0] in RECORD_LOOKUPS):
        return path, None, "", lookup_in(name, rest, RECORD_LOOKUPS)
    first, *rest = rest
    model = path.model
    is_unknown = first not in model._table.fields and not model._table.nearest(first)
    if path.names and is_unknown and did_you_mean(first, RECORD_LOOKUPS):
        lookup_in(name, [first], RECORD_LOOKUPS)
    way_out = _way_out(model, first, is_related=bool(path.names))
    field = field_named(model, first, f"found by {first!r}: {way_out}")
    part = rest.pop(0) if field.value_type.is_time and rest and rest[0] in PARTS else ""
    return path, field, part, lookup_in(name, rest, PART_LOOKUPS if part else LOOKUPS)


def _condition(model: type[Model], name: str, value: object) -> _Condition | _RecordCondition:
    path, field, part, lookup = _parsed(model, name)
    if field is None:
        return _record_condition(model, path, lookup, value)
    if field.value_type.is_time:
        if isinstance(value, Iterable) and not isinstance(value, str | bytes):
            value = [*value]
        is_date = _is_date(value) or (isinstance(value, list) and any(map(_is_date, value)))
        if is_date and lookup in PART_LOOKUPS:
            part = part or "date"
    if part:
        is_optional = field.is_optional and part == "date"
        field = field._replace(value_type=PARTS[part][1], is_optional=is_optional)
    what = f"{path.model.__name__}.{field.name}"
    return _Condition(what, path, field, part, lookup, prepared(what, field, lookup, value))


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _way_out(model: type[Model], name: str, *, is_related: bool) -> str:
    field, record = model._table.fields.get(name), name.removesuffix("_id")
    if field is not None and field.is_write_only:
        return "no response includes it"
    if record != name and hasattr(model, record) and not is_related:
        return f"use {record}=…"
    near = model._table.nearest(name)
    if near:
        return near.removeprefix("; ")
    if is_related:
        return "pass a function"
    variable = model.__name__.lower()
    return f"pass a function, such as lambda {variable}: {variable}.{name} == …"


def _record_condition(
    model: type[Model], path: Path, lookup: str, value: object
) -> _RecordCondition:
    """Return the condition that compares related records with a record, an id or several."""
    *before, relation = path.names
    to_owner, _ = path_of(model, before)
    owner, related = to_owner.model, path.model
    what = f"{owner.__name__}.{relation}"
    declared = owner._table.relations.get(relation)
    if lookup == IS_NULL:
        try:
            wanted = values.plain_boolean(value)
        except ValueError as error:
            raise ValidationError(f"{what} __{lookup}: {error}") from None
        if wanted and declared is None:
            raise ValidationError(f"{what} __{lookup}: every {owner.__name__} has one")
        return _RecordCondition(what, to_owner, relation, lookup, wanted)
    if lookup == IN and (isinstance(value, str | bytes) or not isinstance(value, Iterable)):
        raise ValidationError(
            f"{what} __{lookup}: a list of records is needed, not {short_repr(value)}"
        )
    found: list[Model | int | None] = []
    for each in value if lookup == IN and isinstance(value, Iterable) else [value]:
        if each is None and declared is not None and declared.is_single:
            found.append(None)
        elif isinstance(each, str | list | tuple) or each is None:
            raise TypeError(
                f"{owner.__name__} cannot be found by {relation!r} with {short_repr(each)}: give a "
                f"{related.__name__} or its id, or compare an attribute, such as "
                f"{relation}__{_example(related)}=…"
            )
        else:
            id = related._check_id(what, each)
            found.append(cast("Model", each) if hasattr(each, "_record_type") else id)
    return _RecordCondition(what, to_owner, relation, lookup, found)


def _is_same(record: Model, wanted: Model | int | None) -> bool:
    if isinstance(wanted, int):
        return not record.is_new and record._saved_id == wanted
    return record == wanted


def _example(model: type[Model]) -> str:
    return next((name for name in model._table.fields if name != "id"), "id")


def _check_zones(name: str, has_zone: bool, value: datetime) -> None:
    """Raise if an aware time is compared with a naive one: they are never equal."""
    if has_zone == (value.tzinfo is not None):
        return
    has = "has a zone" if has_zone else "has no zone here, since the connection has no timezone"
    raise ValidationError(
        f"{name} {has}, so it never equals {short_repr(value)}: "
        f"give a time {'with' if has_zone else 'without'} one"
    )
