"""The list of the public API is current, so that no change of it goes unnoticed."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection, Page
from tests.docs import documents

DOCS = documents.ROOT / "docs"
MODULE: dict[str, Any] = runpy.run_path(str(DOCS / "public_api.py"))


def lines() -> list[str]:
    return MODULE["text"]().splitlines()  # type: ignore[no-any-return]


def members(name: str) -> list[str]:
    """Return the lines of the members of a class."""
    text = "\n".join(lines())
    found = re.search(rf"^{name}\(.*\n((?:    \..*\n)*)", text, re.MULTILINE)
    assert found
    return found[1].split()


def test_the_list_is_current() -> None:
    assert MODULE["text"]() == MODULE["LIST"].read_text("utf-8"), (
        "the public API has changed: see docs/compatibility.md, and run `python docs/public_api.py`"
    )


def test_the_list_has_every_exported_name() -> None:
    named = {line.partition("(")[0].partition(":")[0].rpartition(".")[2] for line in lines()}
    hooks = {"load_ipython_extension", "unload_ipython_extension"}  # IPython calls them
    public = {name for name in backpack_orm.__all__ if not name.startswith("_")}
    assert public - hooks <= named


def test_methods_have_their_parameters_and_attributes_have_none() -> None:
    assert ".duplicate(*," in members("Page")
    assert {".title", ".notes", ".url"} <= set(members("Page"))
    assert ".clear_cache()" in members("Connection")


@pytest.mark.parametrize("owner", [Page, Connection])
def test_a_change_of_a_class_changes_the_list(owner: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "mistaken", lambda self, *, now=True: None, raising=False)
    assert "    .mistaken(*, now=)" in lines()


def test_nothing_private_is_in_the_list() -> None:
    assert [line for line in lines() if re.match(r"\s*(\w+\.)*\._?_", line)] == []
