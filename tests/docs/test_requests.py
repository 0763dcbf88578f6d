"""Every row of the table of requests is correct, as counted by the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.docs import documents

_DOCUMENT = documents.ROOT / "docs" / "requests.md"
_ROWS = documents.rows(_DOCUMENT)
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


@pytest.mark.parametrize(("line", "first", "again"), _ROWS, ids=[row[0] for row in _ROWS])
def test_a_call_makes_the_documented_number_of_requests(
    line: str,
    first: str,
    again: str,
    environment: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    exec(_BEGINNING, space)
    connection: Connection = space["connection"]
    figures = {"pages": len(Page.all()), "tagged": len(space["tag"].pages)}
    for cell in (first, again):
        if cell == "–":
            continue
        if cell is first:
            connection.clear_cache()
        before = environment.requests
        exec(line, space)
        assert environment.requests - before == number_of_requests(cell, **figures)


def test_the_table_contains_every_public_call() -> None:
    code = "\n".join(row[0] for row in _ROWS)
    for model in (backpack_orm.Page, backpack_orm.Item, backpack_orm.Note, backpack_orm.Reminder):
        for name, value in vars(model).items():
            if not name.startswith("_") and callable(value):
                assert f".{name}(" in code, f"{model.__name__}.{name} is not in the table"
    for name in ("save", "reload", "discard", "to_dict", "destroy", "create"):
        assert f".{name}(" in code
