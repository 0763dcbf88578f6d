"""Conditions of `where`: an attribute, how to compare it, and with what."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast
from unicodedata import normalize

from backpack_orm.errors import ValidationError, did_you_mean, short_repr
from backpack_orm.orm.fields import Field
from backpack_orm.wire import values

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.orm.model import Model

Predicate: TypeAlias = Callable[[Any], object]


class _Lookup(NamedTuple):
    """How to compare an attribute with a value.

    Attributes:
        matches: Compares an attribute that is not None with the prepared value.
        prepare: Checks the value for a field and prepares it, or raises ValueError.
    """

    matches: Callable[[Any, Any], object]
    prepare: Callable[[Field, Any], Any]


class _Condition(NamedTuple):
    """One keyword argument of `where` that compares a field, of the record or of related ones."""

    name: str
    relation: str
    field: Field
    lookup: str
    value: Any
    has_zone: bool | None

    @property
    def attribute(self) -> str:
        """The attribute of the record that it reads."""
        return self.relation or self.field.name

    def matches(self, record: Model) -> bool:
        """Return whether a record, or any of its related records, fulfils it."""
        compared = _related_to(record, self.relation) if self.relation else (record,)
        return any(self._is_match(getattr(each, self.field.name)) for each in compared)

    def check(self, connection: Connection) -> None:
        """Raise if a time can never match, since the times of the connection have a zone, or none.

        Raises:
            ValidationError: A time has a zone and those of the records have none, or vice versa.
        """
        has_zone = True if connection._settings.timezone is not None else self.has_zone
        for value in self._values:
            if has_zone is not None and isinstance(value, datetime):
                _check_zones(self.name, has_zone, value)

    def _is_match(self, found: object) -> bool:
        if self.lookup == IS_NULL:
            return (found is None) is self.value
        if found is None:
            return self.lookup in (EXACT, IN) and None in self._values
        if isinstance(found, datetime):
            for value in self._values:
                if isinstance(value, datetime):
                    _check_zones(self.name, found.tzinfo is not None, value)
        return bool(_LOOKUPS[self.lookup].matches(found, self.value))

    @property
    def _values(self) -> list[Any]:
        return self.value if self.lookup == IN else [self.value]


class _RecordCondition(NamedTuple):
    """One keyword argument of `where` that compares related records themselves.

    Attributes:
        attribute: The relation or the parent.
        lookup: `exact`, `in` or `isnull`.
        wanted: Records, ids and None; for `isnull`, whether there is to be no related record.
    """

    attribute: str
    lookup: str
    wanted: list[Model | int | None] | bool

    def matches(self, record: Model) -> bool:
        """Return whether a record is related to any of the wanted ones."""
        related = _related_to(record, self.attribute)
        if isinstance(self.wanted, bool):
            return (not related) is self.wanted
        if not related:
            return None in self.wanted
        return any(_is_same(each, wanted) for each in related for wanted in self.wanted)

    def check(self, connection: Connection) -> None:
        """Raise if a wanted record belongs to another account.

        Raises:
            ValidationError: It does.
        """
        for wanted in () if isinstance(self.wanted, bool) else self.wanted:
            if isinstance(wanted, int) or wanted is None:
                continue
            if wanted._account != connection.account:
                raise ValidationError(f"{self.attribute}: {wanted!r} belongs to another account")


class Conditions(NamedTuple):
    """The conditions of a search.

    Attributes:
        functions: Functions that take a record and return whether it is wanted.
        comparisons: The keyword arguments.
    """

    functions: list[Predicate]
    comparisons: list[_Condition | _RecordCondition]

    def matches(self, record: Model) -> bool:
        """Return whether a record fulfils all conditions."""
        return all(each.matches(record) for each in self.comparisons) and all(
            function(record) for function in self.functions
        )

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
            hint = f"; use {model.__name__}.find({predicate!r})" if type(predicate) is int else ""
            raise TypeError(
                f"conditions are functions and keyword arguments, not {short_repr(predicate)}{hint}"
            )
        own.append(predicate)
    return Conditions(own, [_condition(model, name, value) for name, value in lookups.items()])


def folded(text: str) -> str:
    """Return a text for comparisons that ignore case: case-folded, in normal form C.

    Texts that differ only in case or in the composition of characters return the same.

    >>> folded("STRASSE") == folded("Straße"), folded("Cafe\\u0301") == folded("CAFÉ")
    (True, True)
    """
    return normalize("NFC", normalize("NFD", text).casefold())


def exact_values(lookups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a record certainly has if it fulfils lookups.

    >>> exact_values({"title__icontains": "lis", "scope": "friends", "id__exact": 7})
    {'scope': 'friends', 'id': 7}
    """
    return {
        name.removesuffix(f"__{EXACT}"): value
        for name, value in lookups.items()
        if "__" not in name.removesuffix(f"__{EXACT}")
    }


def _condition(model: type[Model], name: str, value: object) -> _Condition | _RecordCondition:
    first, *rest = name.split("__")
    relation = ""
    related = _related(model, first)
    if related is not None:
        if not rest or rest[0] in _RECORD_LOOKUPS:
            return _record_condition(model, first, related, rest, value)
        relation, first, *rest = first, *rest
        model = related
        if first not in model._table.fields and did_you_mean(first, _RECORD_LOOKUPS):
            _lookup_in(name, [first], _RECORD_LOOKUPS)
    field = field_named(model, first, f"found by {first!r}: {_way_out(model, first, relation)}")
    lookup = _lookup_in(name, rest, _LOOKUPS)
    prepared = _prepared(f"{model.__name__}.{first}", field, lookup, value)
    return _Condition(
        f"{model.__name__}.{first}", relation, field, lookup, prepared, model._times_have_zone
    )


def order_of(model: type[Model], name: str) -> Callable[[Model], Any]:
    """Return a function that returns the key by which a record is ordered; None without a value.

    Args:
        model: The model.
        name: A field, or a field of the parent, such as `page__title`; `-` before it is ignored.

    Raises:
        TypeError: The attribute is misspelled, not a field, or one of several related records.

    >>> from backpack_orm import Note, Page
    >>> order_of(Note, "page__title")(Note(page=Page(title="LISBON")))
    ('lisbon', 'LISBON')
    """
    first, _, second = name.removeprefix("-").partition("__")
    related = _related(model, first) if second else None
    read: Callable[[Model], Any]
    if related is None:
        read = attrgetter(field_named(model, name.removeprefix("-"), _not_ordered(name)).name)
    elif first in model._table.relations and not model._table.relations[first].is_single:
        raise TypeError(
            f"{model.__name__} cannot be ordered by {name!r}, since {first} may be several: "
            f"use sorted()"
        )
    else:
        field = field_named(related, second, _not_ordered(name)).name
        read = partial(_value_of_parent, first, field)

    def order(record: Model) -> Any:
        value = read(record)
        return (folded(value), value) if isinstance(value, str) else value

    return order


def _value_of_parent(parent: str, field: str, record: Model) -> Any:
    return next((getattr(each, field) for each in _related_to(record, parent)), None)


def _not_ordered(name: str) -> str:
    return f"ordered by {name!r}: use sorted()"


def field_named(model: type[Model], name: str, what: str) -> Field:
    """Return a field whose values can be compared.

    Args:
        model: The model.
        name: The name of the field.
        what: What its records cannot be, for the message, and the way out.

    Raises:
        TypeError: No attribute has this name. The message suggests the nearest name. Or the
            attribute is not such a field.
    """
    field = model._table.fields.get(name)
    if field is None and (not name or not hasattr(model, name)):
        model._table.check_names(model, [name], call="where")
    if field is None or field.is_write_only:
        raise TypeError(f"{model.__name__} cannot be {what}")
    return field


def _way_out(model: type[Model], name: str, relation: str) -> str:
    field, record = model._table.fields.get(name), name.removesuffix("_id")
    if field is not None and field.is_write_only:
        return "no response includes it"
    if relation:
        return "pass a function"
    if record != name and hasattr(model, record):
        return f"use {record}=…"
    variable = model.__name__.lower()
    return f"pass a function, such as lambda {variable}: {variable}.{name} == …"


def _lookup_in(name: str, parts: list[str], known: Iterable[str]) -> str:
    lookup = "__".join(parts) if parts else EXACT
    if lookup not in known:
        hint = did_you_mean(lookup, known) or f"; there are {', '.join(f'__{x}' for x in known)}"
        raise TypeError(f"there is no lookup {lookup!r} in {name!r}{hint}")
    return lookup


def _record_condition(
    model: type[Model], name: str, related: type[Model], rest: list[str], value: object
) -> _RecordCondition:
    """Return the condition that compares related records with a record, an id or several."""
    what = f"{model.__name__}.{name}"
    lookup = _lookup_in("__".join([name, *rest]), rest, _RECORD_LOOKUPS)
    relation = model._table.relations.get(name)
    if lookup == IS_NULL:
        try:
            wanted = values.plain_boolean(value)
        except ValueError as error:
            raise ValidationError(f"{what} __{lookup}: {error}") from None
        if wanted and relation is None:
            raise ValidationError(f"{what} __{lookup}: every {model.__name__} has one")
        return _RecordCondition(name, lookup, wanted)
    if lookup == IN and (isinstance(value, str | bytes) or not isinstance(value, Iterable)):
        raise ValidationError(
            f"{what} __{lookup}: a list of records is needed, not {short_repr(value)}"
        )
    found: list[Model | int | None] = []
    for each in value if lookup == IN and isinstance(value, Iterable) else [value]:
        if each is None and relation is not None and relation.is_single:
            found.append(None)
        elif isinstance(each, str | list | tuple) or each is None:
            raise TypeError(
                f"{model.__name__} cannot be found by {name!r} with {short_repr(each)}: give a "
                f"{related.__name__} or its id, or compare an attribute, such as "
                f"{name}__{_example(related)}=…"
            )
        else:
            id = related._check_id(what, each)
            found.append(cast("Model", each) if hasattr(each, "_record_type") else id)
    return _RecordCondition(name, lookup, found)


def _related_to(record: Model, name: str) -> Sequence[Model]:
    related = getattr(record, name)
    if related is None:
        return ()
    return related if hasattr(related, "__len__") else (related,)


def _is_same(record: Model, wanted: Model | int | None) -> bool:
    if isinstance(wanted, int):
        return not record.is_new and record._saved_id == wanted
    return record == wanted


def _related(model: type[Model], name: str) -> type[Model] | None:
    """Return the model of a relation or parent, or None if the attribute is neither."""
    table = model._table
    if name in table.relations:
        return table.relations[name].model
    return table.parent.model if table.parent is not None and table.parent.name == name else None


def _example(model: type[Model]) -> str:
    return next((name for name in model._table.fields if name != "id"), "id")


def _prepared(what: str, field: Field, lookup: str, value: object) -> Any:
    try:
        return _LOOKUPS[lookup].prepare(field, value)
    except ValueError as error:
        way_out = ""
        if lookup == EXACT and isinstance(value, list | tuple | set | frozenset):
            way_out = f"; to match any of several, use {field.name}__in=…"
        is_never = f"is never {short_repr(value)}" if lookup == EXACT else f"__{lookup}"
        raise ValidationError(f"{what} {is_never}: {error}{way_out}") from None


def _same_type(field: Field, value: object) -> object:
    if value is None and field.is_optional:
        return None
    return field.value_type.plain(value)


def _several(field: Field, value: object) -> list[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"a list of values is needed, not {short_repr(value)}")
    return [_same_type(field, each) for each in value]


def _ordered(field: Field, value: object) -> object:
    if field.value_type in (values.BOOLEAN, values.DIGIT):
        raise ValueError("True and False have no order: compare with =")
    return field.value_type.plain(value)


def _text(field: Field, value: object) -> str:
    if field.value_type not in (values.TEXT, values.TAG):
        raise ValueError("it is no text, so compare with = or __in")
    return values.plain_text(value)


def _pattern(field: Field, value: object) -> re.Pattern[str]:
    try:
        return re.compile(_text(field, value))
    except re.error as error:
        raise ValueError(f"{short_repr(value)} is no regular expression: {error}") from None


def _missing(field: Field, value: object) -> bool:
    wanted = values.plain_boolean(value)
    if wanted and not field.is_optional:
        raise ValueError("it always has a value")
    return wanted


def _check_zones(name: str, has_zone: bool, value: datetime) -> None:
    """Raise if an aware time is compared with a naive one: they are never equal."""
    if has_zone == (value.tzinfo is not None):
        return
    has = "has a zone" if has_zone else "has no zone here, since the connection has no timezone"
    raise ValidationError(
        f"{name} {has}, so it never equals {short_repr(value)}: "
        f"give a time {'with' if has_zone else 'without'} one"
    )


EXACT, IN, IS_NULL = "exact", "in", "isnull"
_RECORD_LOOKUPS = (EXACT, IN, IS_NULL)
_LOOKUPS = {
    EXACT: _Lookup(operator.eq, _same_type),
    "iexact": _Lookup(lambda found, text: folded(found) == text, lambda f, v: folded(_text(f, v))),
    "contains": _Lookup(operator.contains, _text),
    "icontains": _Lookup(
        lambda found, text: text in folded(found), lambda f, v: folded(_text(f, v))
    ),
    "startswith": _Lookup(str.startswith, _text),
    "istartswith": _Lookup(
        lambda found, text: folded(found).startswith(text), lambda f, v: folded(_text(f, v))
    ),
    IN: _Lookup(lambda found, several: found in several, _several),
    "lt": _Lookup(operator.lt, _ordered),
    "lte": _Lookup(operator.le, _ordered),
    "gt": _Lookup(operator.gt, _ordered),
    "gte": _Lookup(operator.ge, _ordered),
    IS_NULL: _Lookup(operator.is_, _missing),
    "regex": _Lookup(lambda found, pattern: pattern.search(found), _pattern),
}
