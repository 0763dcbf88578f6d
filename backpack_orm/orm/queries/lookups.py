"""Lookups: how conditions compare the value of a field, and with what."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple
from unicodedata import normalize

from backpack_orm.errors import ValidationError, did_you_mean, short_repr
from backpack_orm.orm.schema.fields import Field
from backpack_orm.wire import values


class Lookup(NamedTuple):
    """How to compare an attribute with a value.

    Attributes:
        matches: Compares an attribute that is not None with the prepared value.
        prepare: Checks the value for a field and prepares it, or raises ValueError.
    """

    matches: Callable[[Any, Any], object]
    prepare: Callable[[Field, Any], Any]


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


def lookup_in(name: str, parts: list[str], known: Iterable[str]) -> str:
    """Return the lookup that the last parts of an argument's name are; `exact` without any.

    Raises:
        TypeError: There is no such lookup. The message suggests another one.

    >>> lookup_in("title__icontains", ["icontains"], LOOKUPS)
    'icontains'
    """
    lookup = "__".join(parts) if parts else EXACT
    if lookup not in known:
        other = _OTHER_NAMES.get(lookup)
        hint = f"; use {other.format(name.removesuffix(f'__{lookup}'))}" if other else ""
        hint = hint or did_you_mean(lookup, known)
        hint = hint or f"; there are {', '.join(f'__{each}' for each in known)}"
        raise TypeError(f"there is no lookup {lookup!r} in {name!r}{hint}")
    return lookup


def prepared(what: str, field: Field, lookup: str, value: object) -> Any:
    """Return the value of a lookup as it is compared.

    Args:
        what: The attribute, for messages.
        field: The field.
        lookup: The name of the lookup.
        value: The value that was given.

    Raises:
        ValidationError: The value can never match.

    >>> from backpack_orm import Page
    >>> prepared("Page.title", Page._table.fields["title"], "icontains", "LIS")
    'lis'
    """
    try:
        return LOOKUPS[lookup].prepare(field, value)
    except ValueError as error:
        way_out = ""
        if lookup == EXACT and isinstance(value, list | tuple | set | frozenset):
            way_out = f"; to match any of several, use {field.name}__in=…"
        is_never = f"is never {short_repr(value)}" if lookup == EXACT else f"__{lookup}"
        raise ValidationError(f"{what} {is_never}: {error}{way_out}") from None


def _plain_date(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("a date without a time is needed")
    return value


def _same_type(field: Field, value: object) -> object:
    if value is None and field.is_optional:
        return None
    return field.value_type.plain(value)


def _several(field: Field, value: object) -> list[object]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"a list of values is needed, not {short_repr(value)}")
    return [_same_type(field, each) for each in value]


def _ordered(field: Field, value: object) -> object:
    if field.value_type.plain is values.plain_boolean:
        raise ValueError("True and False have no order: compare with =")
    return field.value_type.plain(value)


def _text(field: Field, value: object) -> str:
    if field.value_type.plain is not values.plain_text:
        raise ValueError("it is no text, so compare with = or __in")
    return values.plain_text(value)


def _folded_text(field: Field, value: object) -> str:
    return folded(_text(field, value))


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


EXACT, NOT_EQUAL, IN, IS_NULL = "exact", "ne", "in", "isnull"
LOOKUPS = {
    EXACT: Lookup(operator.eq, _same_type),
    NOT_EQUAL: Lookup(operator.eq, _same_type),  # of which the condition is the opposite
    "iexact": Lookup(lambda found, text: folded(found) == text, _folded_text),
    "contains": Lookup(operator.contains, _text),
    "icontains": Lookup(lambda found, text: text in folded(found), _folded_text),
    "startswith": Lookup(str.startswith, _text),
    "istartswith": Lookup(lambda found, text: folded(found).startswith(text), _folded_text),
    "endswith": Lookup(str.endswith, _text),
    "iendswith": Lookup(lambda found, text: folded(found).endswith(text), _folded_text),
    IN: Lookup(lambda found, several: found in several, _several),
    "lt": Lookup(operator.lt, _ordered),
    "lte": Lookup(operator.le, _ordered),
    "gt": Lookup(operator.gt, _ordered),
    "gte": Lookup(operator.ge, _ordered),
    IS_NULL: Lookup(operator.is_, _missing),
    "regex": Lookup(lambda found, pattern: pattern.search(found), _pattern),
}
RECORD_LOOKUPS = (EXACT, NOT_EQUAL, IN, IS_NULL)
PART_LOOKUPS = (EXACT, NOT_EQUAL, IN, "lt", "lte", "gt", "gte")
_DATE = values.TIME._replace(plain=_plain_date, is_time=False)
PARTS: dict[str, tuple[Callable[[datetime], Any], values.ValueType]] = {
    "date": (datetime.date, _DATE),
    "year": (attrgetter("year"), values.INTEGER),
    "month": (attrgetter("month"), values.INTEGER),
    "day": (attrgetter("day"), values.INTEGER),
}
"""What can be compared of a time: how it is read, and the type of its values."""

_OTHER_NAMES = {
    "between": "{0}__gte=… and {0}__lte=…",
    "eq": "{0}=…",
    "ilike": "{0}__icontains=…",
    "iregex": "{0}__regex='(?i)…'",
    "like": "{0}__contains=…",
    "neq": "{0}__ne=…",
    "nin": "exclude({0}__in=…)",
    "not": "{0}__ne=…",
    "not_in": "exclude({0}__in=…)",
    "notin": "exclude({0}__in=…)",
    "range": "{0}__gte=… and {0}__lte=…",
}
"""Lookups of other libraries, and what does the same here."""
