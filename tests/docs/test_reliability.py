"""Every guarantee links to an existing test."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs import documents

_DOCUMENT = documents.ROOT / "docs" / "reliability.md"
_TEXT = _DOCUMENT.read_text("utf-8")
_LINKS = re.findall(r"\[([^\]]+)\]\((\.\./tests/[^)]+)\)", _TEXT)
_GUARANTEES = re.findall(
    r"^- .*?(?=^- |^## |\Z)", _TEXT.partition("## What cannot")[0], re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("name", "file"), _LINKS)
def test_a_link_leads_to_a_test(name: str, file: str) -> None:
    module = ast.parse((_DOCUMENT.parent / file).read_text("utf-8"))
    assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("guarantee", _GUARANTEES)
def test_a_guarantee_links_to_a_test(guarantee: str) -> None:
    assert re.search(r"\[test_\w+\]\(\.\./tests/", guarantee)


def test_guarantees_are_found() -> None:
    assert len(_GUARANTEES) > 20
