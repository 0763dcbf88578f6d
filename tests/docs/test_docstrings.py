"""Every example in a docstring runs, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import itertools
import pkgutil
import re
import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection
from backpack_orm.archive import Archive
from backpack_orm.sandbox import Sandbox
from tests.docs import documents

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_REFERENCE: dict[str, Any] = runpy.run_path(str(documents.ROOT / "docs" / "reference.py"))


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(backpack_orm.__path__, "backpack_orm."):
        if not found.name.endswith(("__main__", ".migrations.env")):  # they run when imported
            yield found.name
    yield "backpack_orm"


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in modules():
        yield from (test for test in finder.find(importlib.import_module(name)) if test.examples)


@pytest.fixture(scope="session")
def backup(demo: Callable[..., Sandbox], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one snapshot of the demo account, to be copied."""
    folder = tmp_path_factory.mktemp("archives") / "backup"
    with demo() as box, Connection(box.url, token=box.token) as connection:
        Archive(folder).sync(connection)
    return folder


@pytest.mark.network
@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_an_example_gives_the_documented_result(
    example: doctest.DocTest,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # where archives are created
    if ".sandbox" not in example.name and ".wire" not in example.name:
        connection = request.getfixturevalue("connection")
        if ".archive." in example.name:
            shutil.copytree(request.getfixturevalue("backup"), "backup")
            example.globs |= {"archive": Archive("backup"), "Archive": Archive}
            example.globs |= {"connection": connection, "Path": Path}
    public = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    example.globs = {**public, "Sandbox": Sandbox, **example.globs}
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=report.append)
    assert not result.failed, "".join(report)


def documented() -> dict[str, object]:
    """Return the functions, classes and public methods in the reference."""
    found: dict[str, object] = {}
    for path in [*_REFERENCE["PUBLIC"], *itertools.chain(*_REFERENCE["OTHERS"].values())]:
        module, _, name = f"backpack_orm.{path}".rpartition(".")
        owner = getattr(importlib.import_module(module), name)
        if inspect.isfunction(owner) or inspect.isclass(owner):
            found[name] = owner
        if not inspect.isclass(owner):
            continue
        for member, value in inspect.getmembers(owner):
            code = getattr(value, "fget", value)
            module = getattr(code, "__module__", None) or ""
            if (
                not member.startswith("_")
                and member not in _REFERENCE["LEFT_OUT"].get(path, ())
                and module.startswith("backpack_orm")
                and (inspect.isfunction(code) or inspect.ismethod(code))
                and "<locals>" not in code.__qualname__  # parents are documented by their class
            ):
                found[f"{name}.{member}"] = value
    return found


@pytest.mark.parametrize("value", list(documented().values()), ids=list(documented()))
def test_every_public_name_has_a_docstring_with_an_example(value: object) -> None:
    text = value.__doc__ if inspect.isclass(value) else inspect.getdoc(value)
    assert ">>> " in (text or ""), "a class needs an example of its own"


@pytest.mark.parametrize(
    "value", [each for each in documented().values() if inspect.isclass(each)], ids=str
)
def test_every_public_attribute_of_a_class_is_documented(value: type) -> None:
    named = {*inspect.get_annotations(value), *getattr(value, "_fields", ())}
    named |= set(re.findall(r"\bself\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(value)))
    described = set(re.findall(r"^ +(\w+): |`(\w+)`", value.__doc__ or "", re.MULTILINE))
    names = {name for name in named if not name.startswith("_")}
    assert names <= {name for pair in described for name in pair}
