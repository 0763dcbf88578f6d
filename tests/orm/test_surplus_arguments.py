"""Every public call uses each argument that it is given, or refuses it before any request."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    BackpackError,
    Connection,
    Export,
    Note,
    OAuthApp,
    Page,
    ReadOnly,
    ValidationError,
    display,
    text,
)
from backpack_orm.archive import Archive
from backpack_orm.orm.schema.registry import registry
from backpack_orm.sandbox import Sandbox
from tests.conftest import NOW

SURPLUS = object()


def page() -> Page:
    return Page.find(Page.all()[0].id)


def record_of(name: str) -> Any:
    model: Any = registry[name]
    if hasattr(model, "all"):
        return model.all()[0]
    return Page.search("tram")[0].matches[0] if name == "Match" else page().belongings[0]


def archive(path: Path) -> Archive:
    kept = Archive(path / "kept", clock=lambda: NOW)
    kept.sync(Page.all()[0].connection)
    return kept


RESOURCES = [name for name in registry if name in backpack_orm.__all__]  # and none of other tests
OWNERS: dict[str, Callable[[Sandbox, Path], Any]] = {
    "backpack_orm": lambda box, path: backpack_orm,
    "text": lambda box, path: text,
    "display": lambda box, path: display,
    **{name: (lambda box, path, name=name: registry[name]) for name in RESOURCES},  # type: ignore[misc]
    **{
        f"a {name}": (lambda box, path, name=name: record_of(name))  # type: ignore[misc]
        for name in RESOURCES
        if name != "Message"
    },
    "a result": lambda box, path: Page.all(),
    "a search": lambda box, path: Note.where(title="x"),
    "notes": lambda box, path: page().notes,
    "lists": lambda box, path: page().lists,
    "separators": lambda box, path: page().separators,
    "items": lambda box, path: page().lists[0].items,
    "items of a page": lambda box, path: page().items,
    "tags": lambda box, path: page().tags,
    "files": lambda box, path: page().attachments,
    "events": lambda box, path: backpack_orm.Calendar.all()[0].events,
    "journal": lambda box, path: backpack_orm.User.me().journal,
    "a connection": lambda box, path: Page.all()[0].connection,
    "a hook": lambda box, path: Page.all()[0].connection.hooks.on_request,
    "a signal": lambda box, path: Page.saved,
    "an export": lambda box, path: backpack_orm.User.me().export(),
    "an archive": lambda box, path: archive(path),
    "a snapshot": lambda box, path: archive(path).newest,
    "a merged archive": lambda box, path: Archive.merge([archive(path)]),
    "a diff": lambda box, path: archive(path).diff(1, 1),
    "a result of many": lambda box, path: page().notes.update(title="new"),
    "an error": lambda box, path: BackpackError("no"),
    "a document": lambda box, path: text.parse("*a*"),
    "an application": lambda box, path: OAuthApp("id", "secret", "https://app.example/back"),
    "a sandbox": lambda box, path: box,
    "faults": lambda box, path: box.faults,
    "a provider": lambda box, path: box.oauth,
    "Connection": lambda box, path: Connection,
    "Export": lambda box, path: Export,
    "Archive": lambda box, path: Archive,
    "Sandbox": lambda box, path: Sandbox,
}

LISTS = re.compile(r"^(Iterable|Sequence|list)\[")
MAPPER = [each for each in OWNERS if each.removeprefix("a ") in RESOURCES or each[-1] == "s"]


def calls_of(owner: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public functions and methods of a module, a class or an object."""
    if isinstance(owner, type):
        yield owner.__name__, owner
    kinds = (classmethod, staticmethod, *(() if isinstance(owner, type) else (FunctionType,)))
    for name in dir(owner):
        if name.startswith("_"):
            continue
        static = inspect.getattr_static(owner, name, None)
        if isinstance(owner, ModuleType):
            if isinstance(getattr(owner, name), FunctionType):
                yield name, getattr(owner, name)
        elif isinstance(static, kinds):
            yield name, getattr(owner, name)


def positional(call: Callable[..., Any]) -> list[object]:
    """Return one positional argument more than a call takes."""
    parameters = inspect.signature(call).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [SURPLUS] * (1 + sum(each.kind in kinds for each in parameters))


def required(call: Callable[..., Any]) -> dict[str, object]:
    """Return values for the keyword arguments that a call needs."""
    return {
        each.name: 7 if "int" in str(each.annotation) else "x"
        for each in inspect.signature(call).parameters.values()
        if each.kind is inspect.Parameter.KEYWORD_ONLY and each.default is inspect.Parameter.empty
    }


@pytest.fixture(autouse=True)
def _connected(connection: Connection) -> None:
    """Connect to the demo account."""


@pytest.mark.parametrize("name", OWNERS)
def test_no_call_ignores_a_surplus_argument(name: str, box: Sandbox, tmp_path: Path) -> None:
    owner, ignored = OWNERS[name](box, tmp_path), []
    calls = dict(calls_of(owner))
    before = box.requests
    for what, call in calls.items():
        too_many, named = positional(call), {**required(call), "surplus": 1}
        for args, options in ((too_many, {}), ([], named), (too_many[1:], named)):
            try:
                outcome = call(*args, **options)
            except (TypeError, ValueError, ReadOnly):
                continue
            except Exception as error:
                outcome = error
            ignored.append(f"{what}{args, options}: {outcome!r}")
    assert calls
    assert not ignored
    assert box.requests == before


def lists_of(call: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters of a method that take a list."""
    parameters = {} if isinstance(call, type) else inspect.signature(call).parameters
    return [
        name
        for name, parameter in parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD and LISTS.search(str(parameter.annotation))
    ]


@pytest.mark.parametrize("name", MAPPER)
def test_what_takes_a_list_takes_nothing_else(name: str, box: Sandbox, tmp_path: Path) -> None:
    owner = OWNERS[name](box, tmp_path)
    wrong = []
    before = box.requests
    for what, call in calls_of(owner):
        for each in lists_of(call):
            for value in (7, object(), "text", b"text"):
                try:
                    call(**{**required(call), each: value})
                except ValidationError as error:
                    if "takes a list" in str(error):
                        continue
                except Exception as error:
                    wrong.append(f"{what}({each}={value!r}): {error!r}")
                wrong.append(f"{what}({each}={value!r})")
    assert not wrong
    assert box.requests == before


TEXTS: dict[str, Callable[[], Any]] = {
    "notes": lambda: page().notes,
    "lists": lambda: page().lists,
    "separators": lambda: page().separators,
    "items": lambda: page().lists[0].items,
    "items of a page": lambda: page().items,
    "events": lambda: backpack_orm.Calendar.all()[0].events,
    "journal": lambda: backpack_orm.User.me().journal,
}


@pytest.mark.parametrize("name", TEXTS)
def test_one_text_names_the_new_record(name: str, connection: Connection) -> None:
    children = TEXTS[name]()
    given = "tomorrow 9am Buy milk" if name == "events" else "Buy milk"
    record = children.create(given)
    label = next(each for each in ("title", "name", "content", "body") if hasattr(record, each))
    assert getattr(record.reload() if name != "separators" else record, label) == "Buy milk"
    for args, options in (((given, given), {}), ((given,), {label: given}), ((7,), {})):
        with pytest.raises(TypeError, match=f"{label}.*"):
            children.create(*args, **options)
