"""Errors that name the right call if a model is called like one of another library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backpack_orm.orm.fields import label_in

REQUIRED: Any = ...
"""Default of an argument that is required, so that its absence is reported with a hint."""

# Names of other libraries, and the calls that do the same here.
_OTHER_NAMES = {
    "all_": "all()",
    "delete": "find(id).destroy()",
    "fetch": "find(id)",
    "filter": "where(…)",
    "filter_by": "where(…)",
    "find_all": "all()",
    "find_one": "find_by(…)",
    "get_or_none": "find_by(…)",
    "list": "all()",
    "new": "create(…)",
    "objects": "all()",
    "one": "get(…)",
    "query": "where(…)",
    "select": "where(…)",
}


_SIGNALS = {"created": "create", "saved": "save", "destroyed": "destroy"}


def hint_at_another_name(cls: type, name: str) -> str:
    """Return a hint at the call that does what a name of another library does, or "".

    >>> from backpack_orm import Page, User
    >>> hint_at_another_name(Page, "filter")
    '; use Page.where(…)'
    >>> hint_at_another_name(User, "created")
    ': the API has no call to create User records'
    """
    if name in _SIGNALS:
        return f": the API has no call to {_SIGNALS[name]} {cls.__name__} records"
    call = _OTHER_NAMES.get(name, "")
    method = call.partition("(")[0]
    return f"; use {cls.__name__}.{call}" if call and hasattr(cls, method) else ""


def wrong_find(cls: Any, given: Mapping[str, object]) -> TypeError:
    """Return the error for a `find` without an id or with attributes.

    >>> from backpack_orm import Page
    >>> wrong_find(Page, {"title": "Lisbon"})
    TypeError('Page.find() takes an id, not title=; use Page.find_by(title=…)')
    """
    instead = f", not {', '.join(f'{name}=' for name in given)}" if given else ""
    known = [name for name in given if name in cls._table.fields and name != "id"]
    hint = f"; use {cls.__name__}.find_by({known[0]}=…)" if known else ""
    return TypeError(f"{cls.__name__}.find() takes an id{instead}{hint}")


def wrong_create(cls: Any) -> TypeError:
    """Return the error for a `create` with positional arguments.

    >>> from backpack_orm import Page
    >>> wrong_create(Page)
    TypeError('Page.create() takes keyword arguments only; use Page.create(title=…)')
    """
    label = label_in(cls._table.fields)
    hint = f"; use {cls.__name__}.create({label}=…)" if label else ""
    return TypeError(f"{cls.__name__}.create() takes keyword arguments only{hint}")
