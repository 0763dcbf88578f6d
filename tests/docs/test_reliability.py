"""Every promise is held by a test that exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs import documents

_DOCUMENT = documents.ROOT / "docs" / "reliability.md"
_TEXT = _DOCUMENT.read_text("utf-8")
_LINKS = re.findall(r"\[([^\]]+)\]\((\.\./tests/[^)]+)\)", _TEXT)
_PROMISES = re.findall(
    r"^- .*?(?=^- |^## |\Z)", _TEXT.partition("## What nobody")[0], re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("name", "file"), _LINKS)
def test_a_link_leads_to_a_test(name: str, file: str) -> None:
    module = ast.parse((_DOCUMENT.parent / file).read_text("utf-8"))
    assert name in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("promise", _PROMISES)
def test_a_promise_names_a_test(promise: str) -> None:
    assert re.search(r"\[test_\w+\]\(\.\./tests/", promise)


def test_promises_are_found() -> None:
    assert len(_PROMISES) > 20
