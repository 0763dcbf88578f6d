"""Parsing any response returns records or raises `InvalidResponse`."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import InvalidResponse
from backpack_orm.wire import documents, parse, shapes, values
from tests.fuzz import target
from tests.seeds import examples


@examples(100)
@given(st.binary(max_size=300))
def test_random_bytes_break_no_parser(content: bytes) -> None:
    target.read_all(content)


@examples(100)
@given(st.lists(st.sampled_from(target.TEXT), max_size=12))
def test_random_xml_fragments_break_no_parser(fragments: list[bytes]) -> None:
    target.read_all(b"".join(fragments))


@examples(150)
@given(st.integers(min_value=0))
def test_mutated_responses_break_no_parser(seed: int) -> None:
    target.read_all(target.mutated(random.Random(seed)))


@pytest.mark.parametrize("content", target.samples()[::10])
def test_recorded_responses_are_parsed(content: bytes) -> None:
    if content.strip() and not documents.failure(content):
        assert target.read_all(content)


def test_a_broken_parser_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(content: bytes) -> None:
        raise KeyError("id")

    monkeypatch.setattr(target, "_readers", lambda: (broken,))
    with pytest.raises(KeyError):
        target.read_all(b"<page/>")


def test_a_parser_that_raises_invalid_response_is_not_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = parse.one(shapes.Shape("page", (shapes.Column("id", values.INTEGER),)))
    monkeypatch.setattr(
        target, "_readers", lambda: (lambda content: read(shapes.Response(200, content)),)
    )
    with pytest.raises(InvalidResponse):
        read(shapes.Response(200, b"<page id='x'/>"))
    assert target.read_all(b"<page id='x'/>") == 0
    assert target.read_all(b"<page id='7'/>") == 1
