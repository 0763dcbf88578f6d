"""Every row of the table of requests is correct, as counted by the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.conftest import NOW, TOKEN, seeded_once
from tests.docs import documents

_DOCUMENT = documents.ROOT / "docs" / "requests.md"
_VERBS = ("GET ", "POST ", "PUT ", "DELETE ")
_ROWS = [row for row in documents.rows(_DOCUMENT) if not row[0].startswith(_VERBS)]
_GROWING = [row for row in _ROWS if re.search("[a-z]", "".join(row[1:]))]
"""Rows with a number that depends on the account: a constant would not hold for 13 pages either."""
_BEGINNING = next(text for language, text in documents.fences(_DOCUMENT) if language == "python")


def number_of_requests(cell: str, **figures: int) -> int:
    """Evaluate the expression in a cell, such as `1 + pages`."""
    total = 0
    for term in cell.split(" + "):
        product = 1
        for factor in term.split(" × "):
            product *= figures[factor] if factor in figures else int(factor)
        total += product
    return total


def beginning() -> dict[str, Any]:
    """Run the setup before the tables; return the names that it defines."""
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    exec(_BEGINNING.replace("connect()", "connect(limits=None)"), space)  # no waiting
    return space


def figures_of(make: Callable[..., Sandbox]) -> dict[str, int]:
    """Count what the expressions in the tables name, in an account that a function creates."""
    with make() as box, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKPACK_URL", box.url)
        patch.setenv("BACKPACK_TOKEN", box.token)
        patch.setattr("backpack_orm.connection.context._default", None)
        names = beginning()
        with names["connection"]:
            pages = Page.all(load=True)
            return {
                "pages": len(pages),
                "tagged": len(names["tag"].pages),
                "empty": len([page for page in pages if not page.belongings]),
            }


def check(line: str, first: str, again: str, box: Sandbox, figures: dict[str, int]) -> None:
    """Run a line with an empty cache and again, and compare what the sandbox counts."""
    space = beginning()
    space["connection"].clear_cache()
    for cell in (first, again):
        if cell == "–":
            continue
        before = box.requests
        exec(line, space)
        made, documented = box.requests - before, number_of_requests(cell.lstrip("≤ "), **figures)
        assert made == documented or (cell.startswith("≤") and 0 < made < documented)


@pytest.fixture(scope="session")
def tenfold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that creates sandboxes with the demo account and ten times its pages."""
    path = tmp_path_factory.mktemp("tenfold") / "tenfold.db"
    with (
        Sandbox(seed="demo", token=TOKEN, clock=lambda: NOW, data=str(path)) as box,
        Connection(box.url, token=TOKEN, limits=None) as connection,
    ):
        for number in range(9 * len(Page.all(using=connection))):
            page = Page.create(title=f"Page {number}", using=connection)
            page.notes.create(title=f"Note {number}")
    with seeded_once(path, token=TOKEN, clock=lambda: NOW) as make:
        yield make


@pytest.fixture(scope="session")
def figures(demo: Callable[..., Sandbox], network: None) -> dict[str, int]:
    """The figures of the demo account."""
    return figures_of(demo)


@pytest.fixture(scope="session")
def tenfold_figures(tenfold: Callable[..., Sandbox], network: None) -> dict[str, int]:
    """The figures of the account with ten times as many pages."""
    found = figures_of(tenfold)
    assert found["pages"] >= 129
    return found


@pytest.mark.parametrize(("line", "first", "again"), _ROWS, ids=[row[0] for row in _ROWS])
def test_a_call_makes_the_documented_number_of_requests(
    line: str,
    first: str,
    again: str,
    figures: dict[str, int],
    environment: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    check(line, first, again, environment, figures)


@pytest.mark.parametrize(("line", "first", "again"), _GROWING, ids=[row[0] for row in _GROWING])
def test_it_makes_the_documented_number_with_ten_times_as_many_pages(
    line: str,
    first: str,
    again: str,
    tenfold: Callable[..., Sandbox],
    tenfold_figures: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    with tenfold() as box:
        monkeypatch.setenv("BACKPACK_URL", box.url)
        monkeypatch.setenv("BACKPACK_TOKEN", box.token)
        check(line, first, again, box, tenfold_figures)


def test_the_table_contains_every_public_call() -> None:
    code = "\n".join(row[0] for row in _ROWS)
    for model in (backpack_orm.Page, backpack_orm.Item, backpack_orm.Note, backpack_orm.Reminder):
        for name, value in vars(model).items():
            if not name.startswith("_") and callable(value):
                assert f".{name}(" in code, f"{model.__name__}.{name} is not in the table"
    for name in ("save", "reload", "discard", "to_dict", "destroy", "create"):
        assert f".{name}(" in code
