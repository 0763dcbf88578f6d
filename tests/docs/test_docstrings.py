"""Every example in a docstring runs, and everything public has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import backpack_orm
from backpack_orm.sandbox import Sandbox

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(backpack_orm.__path__, "backpack_orm."):
        if not found.name.endswith("__main__"):
            yield found.name
    yield "backpack_orm"


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in modules():
        yield from (test for test in finder.find(importlib.import_module(name)) if test.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_an_example_gives_what_it_says(
    example: doctest.DocTest, request: pytest.FixtureRequest
) -> None:
    if ".sandbox" not in example.name and ".wire" not in example.name:
        request.getfixturevalue("connection")
    public = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    example.globs = {**public, "Sandbox": Sandbox, **example.globs}
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=report.append)
    assert not result.failed, "".join(report)


def documented() -> dict[str, object]:
    """All that a user may call: what the package offers, and the public methods of that."""
    found: dict[str, object] = {}
    for name in backpack_orm.__all__:
        thing = getattr(backpack_orm, name)
        if inspect.isfunction(thing):
            found[name] = thing
        if not inspect.isclass(thing) or issubclass(thing, Exception):
            continue
        found[name] = thing
        for member, value in inspect.getmembers(thing):
            code = getattr(value, "fget", value)
            module = getattr(code, "__module__", None) or ""
            if (
                not member.startswith("_")
                and module.startswith("backpack_orm")
                and (inspect.isfunction(code) or inspect.ismethod(code))
                and "<locals>" not in code.__qualname__  # parents are told of by their class
            ):
                found[f"{name}.{member}"] = value
    return found


@pytest.mark.parametrize("thing", list(documented().values()), ids=list(documented()))
def test_what_is_public_says_what_it_means_with_an_example(thing: object) -> None:
    assert ">>> " in (inspect.getdoc(thing) or "")
