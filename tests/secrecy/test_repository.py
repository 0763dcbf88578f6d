"""No file of the repository contains a token, and no cassette does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backpack_orm import Page, Reminder, Status, connect
from backpack_orm.sandbox import Sandbox
from tests import conftest
from tests.docs import documents
from tests.sandbox import test_schema
from tests.secrecy.conftest import CANARY

FEED = "a446feb0599b4f392fc0f8133ac6653f13233385"
OLD_TOKENS = {test_schema.OLD_TOKEN, test_schema.SECOND_OLD_TOKEN, test_schema.GUESSABLE_FEED}
PLACEHOLDERS = {conftest.TOKEN, CANARY, FEED} | OLD_TOKENS
"""Tokens used in tests, one of a calendar feed; they give access to sandboxes only."""
_TOKEN = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])")
_READ = {".md", ".toml", ".cfg", ".ini", ".yaml", ".yml", ".txt"}
_HELD = ["backpack_orm", "cassettes", "docs", "tests", ".ci"]


_MADE = {"__pycache__", "_build"}
"""Generated files, which are not part of the repository."""


def files() -> Iterator[Path]:
    """Return all text files of the repository."""
    yield from (path for path in documents.ROOT.iterdir() if path.suffix in _READ)
    for name in _HELD:
        yield from (
            path
            for path in (documents.ROOT / name).rglob("*")
            if path.is_file() and not _MADE & set(path.parts)
        )


def tokens(path: Path) -> set[str]:
    return set(_TOKEN.findall(path.read_bytes().decode("utf-8", "replace")))


def test_no_file_contains_a_token_except_those_of_the_tests() -> None:
    found = {path: tokens(path) - PLACEHOLDERS for path in files()}
    assert {path: some for path, some in found.items() if some} == {}


def test_the_tokens_of_the_tests_would_be_found() -> None:
    assert tokens(Path(conftest.__file__)) == {conftest.TOKEN}
    assert not any(tokens(path) for path in (documents.ROOT / "cassettes").rglob("*.yaml"))


@pytest.mark.network
@pytest.mark.parametrize("location", ["token", "oauth_token"])
def test_no_cassette_contains_the_token_used_to_record_it(tmp_path: Path, location: str) -> None:
    path = tmp_path / "cassette.yaml"
    with (
        Sandbox(seed="demo", token=CANARY) as box,
        conftest.recorder(box.url).use_cassette(str(path), record_mode="all"),
    ):
        connect(box.url, **{location: CANARY})  # type: ignore[arg-type]
        Page.all()
        Status.all()
        Reminder.create(content="+30 Leave").destroy()
    recorded = path.read_text("utf-8")
    assert recorded.count("uri:") == 4
    assert CANARY not in recorded
