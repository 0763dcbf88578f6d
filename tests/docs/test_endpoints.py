"""The table of endpoints is complete, fresh and true."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

import backpack_orm
from backpack_orm import Connection
from tests.docs import documents
from tests.sandbox.test_reference import ROWS

_MADE: dict[str, Any] = runpy.run_path(str(documents.ROOT / "docs" / "endpoints.py"))
_ENDPOINTS = _MADE["endpoints"]()
_TEXT = (documents.ROOT / "docs" / "endpoints.md").read_text("utf-8")


def shape(path: str) -> str:
    """A path with all ids alike, without the token or a query."""
    return re.sub(r"\d+|{\w+}", "ID", re.sub(r"^/(TOKEN|\[token\])|\?.*", "", path))


def test_the_document_is_fresh() -> None:
    assert _MADE["document"]() == _TEXT, "run python docs/endpoints.py"


def test_every_call_has_a_line_and_every_line_a_call() -> None:
    assert set(_MADE["LINES"]) == set(_ENDPOINTS)


def test_every_call_of_the_reference_has_a_line() -> None:
    labels = [row.label for row in _ENDPOINTS.values()] + list(_MADE["OTHERS"])
    ours = {(verb, shape(path)) for verb, path in (label.split(" ") for label in labels)}
    theirs = {(verb, shape(path)) for verb, path, *_ in ROWS}
    assert theirs == ours


@pytest.mark.parametrize("name", _ENDPOINTS)
def test_a_line_makes_the_call(name: str, connection: Connection) -> None:
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    exec(_MADE["BEGINNING"], space)
    connection.forget()
    label = _ENDPOINTS[name].label
    before = connection.stats.by_endpoint.get(label, 0)
    exec(_MADE["LINES"][name], space)
    assert connection.stats.by_endpoint[label] > before


@pytest.mark.parametrize(("label", "name"), _MADE["OTHERS"].items())
def test_what_the_other_calls_do_is_done_by_ones_that_models_make(label: str, name: str) -> None:
    assert label not in {row.label for row in _ENDPOINTS.values()}
    assert name in _ENDPOINTS
