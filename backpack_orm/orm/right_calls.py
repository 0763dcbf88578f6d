"""Messages that name the right call where a model is called as another library would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from backpack_orm.orm.fields import label_in

# What other libraries call it, and what it is here.
_OTHER_NAMES = {
    "all_": "all()",
    "delete": "find(id).destroy()",
    "exclude": "where(…)",
    "fetch": "find(id)",
    "filter": "where(…)",
    "filter_by": "where(…)",
    "find_all": "all()",
    "find_one": "find_by(…)",
    "first": "all().first()",
    "get": "find(id)",
    "get_or_none": "find_by(…)",
    "last": "all()[-1]",
    "list": "all()",
    "new": "create(…)",
    "objects": "all()",
    "one": "find_by(…)",
    "query": "where(…)",
    "select": "where(…)",
}


def hint_at_another_name(cls: type, name: str) -> str:
    """A hint at the call that another library has under a name; empty where there is none.

    >>> from backpack_orm import Page
    >>> hint_at_another_name(Page, "get")
    '; use Page.find(id)'
    """
    call = _OTHER_NAMES.get(name, "")
    method = call.partition("(")[0]
    return f"; use {cls.__name__}.{call}" if call and hasattr(cls, method) else ""


def explained(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `find` or `create` whose error names the right call when the arguments are wrong."""
    explain = _explain

    def call(cls: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(cls, *args, **kwargs)
        except TypeError:
            explain(function, cls, args, kwargs)
            raise

    # In the globals of the function itself, so that doctest takes it for part of that module.
    named = FunctionType(
        call.__code__, function.__globals__, function.__name__, None, call.__closure__
    )
    named.__dict__.update(function.__dict__, __wrapped__=function)
    for attribute in ("__doc__", "__module__", "__qualname__", "__annotations__"):
        setattr(named, attribute, getattr(function, attribute))
    return named


def _explain(
    function: Callable[..., Any], cls: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Raise a better error where it is the call itself that is wrong."""
    from inspect import signature  # only those who call it wrong pay for it

    try:
        signature(function).bind(cls, *args, **kwargs)
    except TypeError as error:
        name = function.__name__
        raise TypeError(f"{cls.__name__}.{name}(): {error}{_hint(cls, name, kwargs)}") from None


def _hint(cls: Any, name: str, kwargs: Mapping[str, Any]) -> str:
    if name == "find":
        known = [word for word in kwargs if word in cls._table.fields and word != "id"]
        if known and hasattr(cls, "find_by"):
            return f"; use {cls.__name__}.find_by({known[0]}=…)"
        return ""
    label = label_in(cls._table.fields)
    return f"; use {cls.__name__}.create({label}=…)" if label else ""
