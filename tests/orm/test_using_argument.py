"""The `using=` argument of every method that takes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Model, Page, ValidationError, connect, using
from backpack_orm.orm.schema.hints import REQUIRED
from tests.conftest import TOKEN

_ARGUMENTS: dict[str, Any] = {
    "id": 7,
    "term": "Lisbon",
    "page": 7,
    "name": "Travel",
    "calendar": 7,
    "user": 7,
    "list": 7,
    "rows": ["Porto"],
}
_VALUES: dict[str, Any] = {
    "title": "Porto",
    "content": "Tickets",
    "name": "Food",
    "message": "Out",
    "body": "Walked",
    "page": 7,
    "list": 7,
    "user": 7,
    "calendar": 7,
}


def _methods() -> Iterator[tuple[str, type[Model], Callable[..., object]]]:
    for name in backpack_orm.__all__:
        model = getattr(backpack_orm, name)
        if isinstance(model, type) and issubclass(model, Model) and model is not Model:
            for attribute, method in inspect.getmembers(model, inspect.ismethod):
                if attribute[0] != "_" and "using" in inspect.signature(method).parameters:
                    yield f"{name}.{attribute}", model, method


METHODS = {name: (model, method) for name, model, method in _methods()}


def _arguments(
    model: type[Model], method: Callable[..., object], given: set[str]
) -> dict[str, Any]:
    """What a method needs to be called with, and those of the optional arguments in `given`."""
    parameters = inspect.signature(method).parameters
    arguments = {
        name: _ARGUMENTS[name]
        for name, parameter in parameters.items()
        if name in _ARGUMENTS
        and (parameter.default in (parameter.empty, REQUIRED) or name in given)
    }
    if method.__name__ == "exclude":
        arguments["id"] = 7
    if method.__name__.endswith("create"):
        table = model._table
        names = {name for name, field in table.fields.items() if field.is_required}
        names |= {table.parent.name} if table.parent else set()
        arguments |= {name: _VALUES[name] for name in names if name in _VALUES}
        arguments |= {"title": "Porto"} if "title" in table.fields else {}
        if "list" in arguments:
            arguments["list"] = backpack_orm.List._stub(8, Page._stub(7, None))
    return arguments


def _call(method: Callable[..., object], **arguments: Any) -> None:
    result = method(**arguments)
    if isinstance(result, Iterator):
        next(result)


def test_the_methods_are_found() -> None:
    assert {"Page.all", "Page.find", "Item.all", "Note.create", "User.me"} <= set(METHODS)


@pytest.fixture
def nowhere() -> Connection:
    """The current connection, to an address where nothing listens."""
    return connect("http://127.0.0.1:1", token=TOKEN, max_wait=0)


@pytest.mark.parametrize(
    ("value", "given"), [("acme", set()), (7, set(_ARGUMENTS))], ids=["text-least", "number-most"]
)
@pytest.mark.parametrize("name", METHODS)
def test_it_takes_nothing_but_a_connection(
    name: str, given: set[str], value: Any, nowhere: Connection
) -> None:
    """The check of a value knows nothing of other arguments: each kind comes with one set."""
    model, method = METHODS[name]
    with pytest.raises(ValidationError, match=r"using= takes a Connection, not \w+"):
        _call(method, using=value, **_arguments(model, method, given))
    assert nowhere.stats.requests == 0


def test_an_object_is_found_with_nothing_but_a_connection(connection: Connection) -> None:
    page = Page.all()[0]
    with pytest.raises(ValidationError, match="using= takes a Connection, not str"):
        Page.find(page, using="acme")  # type: ignore[arg-type]


def test_a_block_takes_nothing_but_a_connection() -> None:
    with pytest.raises(ValidationError, match="using= takes a Connection, not str"):
        using("acme").__enter__()  # type: ignore[arg-type]


def test_what_is_given_instead_is_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        Page.all(using="0123456789abcdef")  # type: ignore[arg-type]
    assert "0123456789abcdef" not in str(caught.value)
