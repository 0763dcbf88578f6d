"""The cassettes themselves: each is used, names where it comes from, and none is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from vcr.serializers import yamlserializer

import backpack_orm
from backpack_orm.wire.endpoint import Endpoint

CASSETTES = Path(__file__).parent.parent.parent / "cassettes"
FILES = sorted(CASSETTES.rglob("*.yaml"))


def cassettes_wanted() -> Iterator[Path]:
    """Where the cassettes of all tests that take `account` or `recorded_provider` have to lie."""
    for module in Path(__file__).parent.parent.rglob("test_*.py"):
        for node in ast.parse(module.read_text("utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            if {"account", "recorded_provider"} & {argument.arg for argument in node.args.args}:
                yield CASSETTES / module.stem / f"{node.name}.yaml"


def endpoints() -> dict[str, Endpoint]:
    return {
        f"{model.__name__}.{name}": row
        for model in map(partial(getattr, backpack_orm), backpack_orm.__all__)
        for name, row in getattr(model, "__dict__", {}).items()
        if isinstance(row, Endpoint)
    }


@cache
def exchanges() -> set[tuple[str, str]]:
    return {
        (found["request"]["method"], found["request"]["uri"].partition(".test")[2])
        for path in FILES
        for found in yamlserializer.deserialize(path.read_text("utf-8"))["interactions"]
    }


def test_every_test_has_its_cassette_and_every_cassette_its_test() -> None:
    assert set(FILES) == set(cassettes_wanted())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cassette_names_where_it_was_recorded_and_contains_no_secret(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# Recorded from backpack_orm.sandbox")
    assert not re.search(r"[0-9a-f]{40}", text)
    assert "127.0.0.1" not in text
    assert "s3cret" not in text


@pytest.mark.parametrize("name", endpoints())
def test_every_endpoint_is_on_a_cassette(name: str) -> None:
    row = endpoints()[name]
    path = re.escape(row.path_for(range(len(row.ids)), "TOKEN"))
    pattern = re.sub(r"(?<=/)\d+(?=/|$|\\\.)", r"\\d+", path)
    recorded = {found for verb, found in exchanges() if verb == row.verb}
    assert any(re.fullmatch(pattern, found) for found in recorded)
