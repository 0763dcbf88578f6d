"""Parsing any response returns records or raises `InvalidResponse`."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backpack_orm import InvalidResponse
from backpack_orm.wire import documents, parse, values
from tests.fuzz import target


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_bytes_break_no_reader(content: bytes) -> None:
    target.read_all(content)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(target.TEXT), max_size=12))
def test_words_break_no_reader(words: list[bytes]) -> None:
    target.read_all(b"".join(words))


@settings(max_examples=150)
@given(st.integers(min_value=0))
def test_changed_responses_break_no_reader(seed: int) -> None:
    target.read_all(target.mutated(random.Random(seed)))


@pytest.mark.parametrize("content", target.samples()[::10])
def test_real_responses_are_read(content: bytes) -> None:
    if content.strip() and not documents.failure(content):
        assert target.read_all(content)


def test_a_reader_that_breaks_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(content: bytes) -> None:
        raise KeyError("id")

    monkeypatch.setattr(target, "_readers", lambda: (broken,))
    with pytest.raises(KeyError):
        target.read_all(b"<page/>")


def test_a_reader_that_refuses_is_none_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    read = parse.one(parse.Shape("page", (parse.Column("id", values.INTEGER),)))
    monkeypatch.setattr(
        target, "_readers", lambda: (lambda content: read(parse.Response(200, content)),)
    )
    with pytest.raises(InvalidResponse):
        read(parse.Response(200, b"<page id='x'/>"))
    assert target.read_all(b"<page id='x'/>") == 0
    assert target.read_all(b"<page id='7'/>") == 1
