"""The site contains every document, its reference every model, and its examples run."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Model, Page, Reminder
from tests.docs import documents, pictures

DOCS = documents.ROOT / "docs"
INDEX = DOCS / "index.md"
NOTEBOOKS = [path for path in documents.DOCUMENTS if documents.cells(path)]
MIGRATING = DOCS / "migrating.md"


_NOTEBOOKS: dict[str, Any] = runpy.run_path(str(DOCS / "notebook_files.py"))
_REFERENCE: dict[str, Any] = runpy.run_path(str(DOCS / "reference.py"))


def space() -> dict[str, Any]:
    return {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}


def first_program(path: Path) -> str:
    return next(text for language, text in documents.fences(path) if language == "python")


# --- contents ---------------------------------------------------------------------------------


def toctree() -> list[str]:
    """Return the documents in the sidebar of the site, in order."""
    blocks = [text for head, text in documents.directives(INDEX) if head == "{toctree}"]
    return re.findall(r"^[\w-]+$", "\n".join(blocks), re.MULTILINE)


def test_the_site_lists_every_document_once() -> None:
    assert sorted([*toctree(), "index"]) == sorted(path.stem for path in DOCS.glob("*.md"))


def test_the_site_lists_documents_in_the_order_of_the_index() -> None:
    listed = re.findall(r"^- \[[^\]]*\]\(([\w-]+)\.md\)", INDEX.read_text("utf-8"), re.MULTILINE)
    assert toctree() == listed


# --- examples ---------------------------------------------------------------------------------


@pytest.mark.network
@pytest.mark.parametrize("path", NOTEBOOKS, ids=documents.name)
def test_the_cells_of_a_notebook_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "\n".join(documents.cells(path))
    monkeypatch.setenv("MPLBACKEND", "agg")  # renders without a display
    names: dict[str, Any] = {}
    try:
        exec(source, names)
    finally:
        names["box"].close()
        names["connection"].close()


def test_a_notebook_for_download_can_be_read_without_the_site() -> None:
    download = {
        "metadata": {"tags": ["only-on-site"]},
        "source": "{nb-download}`notebook <a.ipynb>`",
    }
    links = ["A [link](start.md#install),\n", "[one](reference/Page.md), <https://a.example/b.md>."]
    markdown = {"cell_type": "markdown", "metadata": {}, "source": links}
    code = {"cell_type": "code", "metadata": {}, "source": '"[x](start.md)"', "outputs": [1]}
    notebook = {"nbformat": 4, "cells": [download, markdown, code]}
    found = _NOTEBOOKS["standalone"](notebook, "https://docs.example/")
    text = (
        "A [link](https://docs.example/start.html#install),\n"
        "[one](https://docs.example/reference/Page.html), <https://a.example/b.md>."
    )
    assert found == {"nbformat": 4, "cells": [{**markdown, "source": text}, code]}


def replacements() -> list[str]:
    found = re.findall(r"^\| `[^`]+` \| `([^`]+)` \|$", MIGRATING.read_text("utf-8"), re.MULTILINE)
    return sorted(set(found))


@pytest.mark.parametrize("line", replacements())
@pytest.mark.usefixtures("environment")
def test_every_replacement_for_another_wrapper_works(line: str) -> None:
    names = space()
    exec(first_program(MIGRATING), names)
    connection: Connection = names["connection"]
    names["other"].link(names["page"])
    if "unlink" in line:
        names["page"].link(names["other"])
    before = connection.stats.requests
    if re.fullmatch(r"page\.\w+|packing.items", line):  # included in the response of the page
        assert len(eval(line, names)) > 0
    else:
        connection.clear_cache()
        exec(line, names)
        assert connection.stats.requests > before


@pytest.mark.parametrize(
    ("phrase", "expected"), [row[::2] for row in documents.rows(DOCS / "reminders.md")]
)
def test_relative_times_give_the_documented_time(
    phrase: str, expected: str, connection: Connection
) -> None:
    at = Reminder.create(content=f"{phrase} Leave").remind_at
    assert at is not None
    assert f"{at:%B} {at.day}, {at.hour}:{at:%M}" == expected


def test_the_front_page_makes_the_documented_number_of_requests(connection: Connection) -> None:
    program = first_program(INDEX)
    once = sum(map(int, re.findall(r"# (\d)(?! for each)", program)))
    for_each = sum(map(int, re.findall(r"# (\d) for each", program)))
    page = Page.find_by(title="Lisbon")
    assert page is not None
    count = len(page.lists["Packing"].items.where(completed=False))
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["box"].requests == once + for_each * count


# --- the reference ----------------------------------------------------------------------------


def test_every_public_name_is_in_the_reference() -> None:
    text = "\n".join(_REFERENCE["pages"]().values())
    named = set(re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE))
    assert set(_REFERENCE["PUBLIC"]) <= named
    assert {"Sandbox", "Faults", "Fault", "Exchange"} <= named


@pytest.mark.parametrize("model", _REFERENCE["MODELS"].values(), ids=lambda model: model.__name__)
def test_every_attribute_is_in_the_table_of_its_model(model: type[Model]) -> None:
    named = set(re.findall(r":attribute:`(\w+)`", _REFERENCE["table"](model)))
    parent = [model._table.parent.name] if model._table.parent else []
    assert named >= {*model._table.fields, *model._table.relations, *parent}
    assert all(hasattr(model, name) for name in named)


def test_a_table_shows_whether_an_attribute_can_be_read_or_set() -> None:
    table = re.sub(r"\s+", " ", _REFERENCE["table"](backpack_orm.Note))
    assert "`show_created_at` | ``bool | None``" in table
    assert re.search(r":attribute:`id` .*? - read - ``id``", table)
    assert re.search(r":attribute:`title` .*? - read, set - ``title``", table)
    assert re.search(r":attribute:`show_created_at` .*? - set - ``show_created_at``", table)
    assert re.search(r":attribute:`page` .*? - read, given to a new one -", table)


@pytest.mark.network
def test_the_card_on_the_front_page_is_what_notebooks_show() -> None:
    """After a change on purpose: `python -m tests.docs.pictures`, and look at it."""
    assert pictures.card() == pictures.CARD.read_text("utf-8")
