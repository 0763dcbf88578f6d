"""Cutting: joined, the parts are the response, and a change moves few of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.archive.parts import cut
from tests.seeds import examples

ENCODINGS = ["utf-8", "utf-16", "utf-16-be", "iso-8859-1", "windows-1252", "us-ascii"]
LONG = "." * 5_000
LINKS = "<linked_pages><page id='9'/></linked_pages>"


def page(id: int, text: str = LONG) -> str:
    return f'<page id="{id}"><notes>{text}</notes>{LINKS}</page>'


def export(*pages: str) -> str:
    return f"<user><pages>{''.join(pages)}</pages><reminders/></user>"


def test_an_export_is_cut_before_each_page_and_behind_the_last() -> None:
    pages = [f"{page(id)}\n" for id in (71, 72, 73)]
    parts = cut(export(*pages).encode())
    assert parts == [
        b"<user><pages>",
        *(each.encode() for each in pages),
        b"</pages><reminders/></user>",
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_offsets_are_those_of_the_received_bytes(encoding: str) -> None:
    text = "" if encoding == "us-ascii" else "été "
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-be")}"?>'
    body = (declaration + export(page(71, text + LONG), page(72, text + LONG))).encode(encoding)
    if encoding == "utf-16-be":
        body = "\ufeff".encode(encoding) + body
    parts = cut(body)
    assert b"".join(parts) == body
    assert len(parts) == 4
    begin = '<page id="7'.encode("utf-16-le" if encoding == "utf-16" else encoding)
    assert [part.startswith(begin) for part in parts] == [False, True, True, False]


def test_an_empty_element_is_a_page_too() -> None:
    parts = cut(f"<pages><page id='71'/>{page(72)}<page id='73'/></pages>".encode())
    assert [part[:14] for part in parts[1:2]] == [b'<page id="72">']
    assert b"".join(parts).startswith(b"<pages><page id='71'/>")


def test_a_changed_page_changes_only_its_part() -> None:
    before = cut(export(*map(page, range(100))).encode())
    changed = [page(id, "edited" + LONG if id == 50 else LONG) for id in range(100)]
    after = cut(export(*changed).encode())
    assert len(set(after) - set(before)) == 1


def test_a_new_entry_of_a_journal_changes_few_parts_behind_it() -> None:
    def window(first: int) -> bytes:
        entries = (
            f"<journal-entry><id>{id}</id><body>entry {id} {'x' * 200}</body></journal-entry>"
            for id in range(first, first - 100, -1)
        )
        return f"<journal-entries>{''.join(entries)}</journal-entries>".encode()

    before, after = cut(window(1000)), cut(window(1001))
    new = [part for part in after if part not in before]
    assert sum(map(len, new)) < len(window(1001)) / 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not XML",
        b"<pages><page></pages>",
        b"<!DOCTYPE pages [<!ENTITY a 'b'>]><pages>&a;</pages>",
        b"<pages>&nbsp;</pages>",
        b'<?xml version="1.0" encoding="klingon"?><pages/>',
        b'<?xml version="1.0" encoding="shift_jis"?><pages/>',
        b"\0" * 100_000,
    ],
)
def test_what_the_parser_refuses_is_cut_all_the_same(body: bytes) -> None:
    assert b"".join(cut(body)) == body


def test_what_the_parser_refuses_is_cut_by_content() -> None:
    body = "".join(f"<item id='{id}'>{id * 7919}</item>" for id in range(20_000)).encode() + b"<"
    parts = cut(body)
    assert max(map(len, parts)) < 2 * 65_536
    assert len(parts) < len(body) / 16_000
    moved = cut(b"<pages>" + body)
    assert len(set(moved) - set(parts)) <= 2


@examples(200)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_byte_is_lost(head: bytes, tail: bytes) -> None:
    body = head + export(page(71), page(72)).encode() + tail
    assert b"".join(cut(body)) == body
