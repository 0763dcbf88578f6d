"""Conditions of `where`: an attribute, how to compare it, and with what."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from unicodedata import normalize

from backpack_orm.errors import ValidationError, did_you_mean, short_repr
from backpack_orm.orm.fields import Field
from backpack_orm.wire import values

if TYPE_CHECKING:
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
    """One keyword argument of `where`."""

    name: str
    relation: str
    field: Field
    lookup: str
    value: Any

    def matches(self, record: Model) -> bool:
        """Return whether a record, or any of its related records, fulfils it."""
        return any(self._is_match(found) for found in self._found_in(record))

    def _found_in(self, record: Model) -> Iterable[object]:
        if not self.relation:
            return (getattr(record, self.field.name),)
        related = getattr(record, self.relation)
        if related is None:
            return ()
        related = related if hasattr(related, "__len__") else (related,)
        return (getattr(each, self.field.name) for each in related)

    def _is_match(self, found: object) -> bool:
        if self.lookup == "isnull":
            return (found is None) is self.value
        if found is None:
            return self.value is None if self.lookup == EXACT else None in self._several
        if isinstance(found, datetime):
            for value in self._several or (self.value,):
                _check_zones(self.name, found, value)
        return bool(_LOOKUPS[self.lookup].matches(found, self.value))

    @property
    def _several(self) -> list[Any]:
        return self.value if self.lookup == "in" else []


def all_of(
    model: type[Model], predicates: Iterable[object], lookups: Mapping[str, object]
) -> Callable[[Model], bool]:
    """Return a predicate for the records of a model that fulfil all conditions.

    Raises:
        TypeError: An attribute or a lookup is misspelled, or a predicate cannot be called.
        ValidationError: A value can never match. The predicate raises it if an aware time is
            compared with a naive one.

    >>> from backpack_orm import Page
    >>> is_wanted = all_of(Page, [], {"title__startswith": "Lis"})
    >>> is_wanted(Page(title="Lisbon")), is_wanted(Page(title="Porto"))
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
    conditions = [_condition(model, name, value) for name, value in lookups.items()]
    return lambda record: (
        all(condition.matches(record) for condition in conditions)
        and all(predicate(record) for predicate in own)
    )


def folded(text: str) -> str:
    """Return a text for comparisons that ignore case: case-folded, in normal form C.

    Texts that differ only in case or in the composition of characters return the same.

    >>> folded("STRASSE") == folded("Straße"), folded("Cafe\\u0301") == folded("CAFÉ")
    (True, True)
    """
    return normalize("NFC", normalize("NFD", text).casefold())


def attribute_of(name: str) -> str:
    """Return the attribute that a keyword argument of `where` begins with.

    >>> attribute_of("tags__name__in")
    'tags'
    """
    return name.partition("__")[0]


def _condition(model: type[Model], name: str, value: object) -> _Condition:
    first, *rest = name.split("__")
    table, relation = model._table, ""
    related = _related(model, first)
    if related is not None:
        if not rest:
            raise TypeError(
                f"{model.__name__} cannot be found by {name!r}: compare an attribute, such as "
                f"{first}__{_example(related)}=…"
            )
        relation, first, *rest = first, *rest
        model, table = related, related._table
    table.check_names(model, [first], call="where")
    field = table.fields.get(first)
    if field is None or field.is_write_only:
        raise TypeError(f"{model.__name__} cannot be found by {first!r}: filter in Python")
    lookup = "__".join(rest) or EXACT
    if lookup not in _LOOKUPS:
        known = ", ".join(f"__{each}" for each in _LOOKUPS)
        hint = did_you_mean(lookup, _LOOKUPS) or f"; there are {known}"
        raise TypeError(f"there is no lookup {lookup!r} in {name!r}{hint}")
    prepared = _prepared(f"{model.__name__}.{first}", field, lookup, value)
    return _Condition(f"{model.__name__}.{first}", relation, field, lookup, prepared)


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


def _check_zones(name: str, found: datetime, value: Any) -> None:
    """Raise if an aware time is compared with a naive one: they are never equal."""
    if not isinstance(value, datetime) or (found.tzinfo is None) == (value.tzinfo is None):
        return
    has = (
        "has no zone here, since the connection has no timezone"
        if found.tzinfo is None
        else "has a zone"
    )
    raise ValidationError(
        f"{name} {has}, so it never equals {short_repr(value)}: "
        f"give a time {'without' if found.tzinfo is None else 'with'} one"
    )


EXACT = "exact"
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
    "in": _Lookup(lambda found, several: found in several, _several),
    "lt": _Lookup(operator.lt, _ordered),
    "lte": _Lookup(operator.le, _ordered),
    "gt": _Lookup(operator.gt, _ordered),
    "gte": _Lookup(operator.ge, _ordered),
    "isnull": _Lookup(operator.is_, lambda field, value: values.plain_boolean(value)),
    "regex": _Lookup(lambda found, pattern: pattern.search(found), _pattern),
}
