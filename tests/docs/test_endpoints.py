"""The table of endpoints is complete, up to date and correct."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest
from lxml import etree

import backpack_orm
from backpack_orm import (
    Connection,
)
from backpack_orm.wire import build
from tests.docs import documents
from tests.sandbox.test_reference import ROWS

_MADE: dict[str, Any] = runpy.run_path(str(documents.ROOT / "docs" / "endpoints.py"))
_ENDPOINTS = _MADE["endpoints"]()
_TEXT = (documents.ROOT / "docs" / "requests.md").read_text("utf-8")


def shape(path: str) -> str:
    """Return a path with a placeholder for ids, without token and query."""
    return re.sub(r"\d+|{\w+}", "ID", re.sub(r"^/(TOKEN|\[token\])|\?.*", "", path))


def test_the_document_is_up_to_date() -> None:
    assert _MADE["document"]() == _TEXT, "run python docs/endpoints.py"


def test_every_call_has_an_example_and_every_example_a_call() -> None:
    assert set(_MADE["LINES"]) == set(_ENDPOINTS)


def test_every_call_of_the_reference_has_an_example() -> None:
    labels = [row.label for row in _ENDPOINTS.values()] + list(_MADE["OTHERS"])
    ours = {(verb, shape(path)) for verb, path in (label.split(" ") for label in labels)}
    theirs = {(verb, shape(path)) for verb, path, *_ in ROWS}
    assert theirs == ours


def element_paths(body: str | bytes) -> set[str]:
    """Return the paths of all elements and attributes of a body."""
    root = etree.fromstring(body)
    tree = root.getroottree()
    elements = {each: re.sub(r"\[\d+\]", "", tree.getpath(each)) for each in root.iter()}
    attributes = {f"{path}/@{name!s}" for each, path in elements.items() for name in each.attrib}
    return {*elements.values(), *attributes}


@pytest.mark.parametrize("name", [name for name, row in _ENDPOINTS.items() if row.sends])
def test_request_bodies_have_the_documented_elements(name: str) -> None:
    row = _ENDPOINTS[name]
    (documented,) = {
        f"<request>{body}</request>" if path.startswith(("/ws/", "/pages/")) else body
        for verb, path, body, status, _ in ROWS
        if f"{verb} {shape(path)}" == f"{row.verb} {shape(row.label.split()[1])}" and status < 300
    }
    values = {build.name_of(path): "x" for path in row.sends}
    assert element_paths(row.body_for(values, None)) <= element_paths(documented)


@pytest.mark.parametrize("name", _ENDPOINTS)
@pytest.mark.usefixtures("environment")
def test_an_example_makes_its_call(name: str) -> None:
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    exec(_MADE["BEGINNING"], space)
    connection: Connection = space["connection"]
    connection.clear_cache()
    label = _ENDPOINTS[name].label
    before = connection.stats.by_endpoint.get(label, 0)
    exec(_MADE["LINES"][name], space)
    assert connection.stats.by_endpoint[label] > before


@pytest.mark.parametrize(("label", "name"), _MADE["OTHERS"].items())
def test_alternative_calls_have_an_equivalent_that_models_use(label: str, name: str) -> None:
    assert label not in {row.label for row in _ENDPOINTS.values()}
    assert name in _ENDPOINTS
