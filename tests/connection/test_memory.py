"""Hostile responses: reading one takes no more than six times the largest size that is read.

Each is read in a process of its own, whose highest memory is measured from outside of Python.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.connection import Connection
from backpack_orm.errors import InvalidResponse
from backpack_orm.wire import documents
from backpack_orm.wire.size import DEFAULT_MAX_SIZE, check_size
from tests.connection.conftest import READ, TOKEN, Stub, http

MEGABYTE = 1024 * 1024
SIZE = 24 * MEGABYTE
FACTOR = 6

SHAPES = {
    "empty elements": b"<a/>",
    "elements on lines of their own": b"<a/>\n",
    "elements with texts": b"<a>x</a>",
    "attributes": b"<a b='' c='' d='' e='' f='' g=''/>",
    "attributes with spaces": b"<a b = '' c = ''/>",
    "attributes with values": b'<a b="x" c="y" d="z"/>',
    "namespaces": b"<a xmlns:b='b' xmlns:c='c'/>",
    "prefixes": b"<b:a xmlns:b='b' b:c=''/>",
    "deep": b"<a>" * 200 + b"</a>" * 200,
    "long names": b"<" + b"a" * 40_000 + b"/>",
    "characters": b"<a>&#65;</a>",
    "predefined entities": b"&lt;" * 20 + b"<a/>",
    "comments": b"<!---->x",
    "instructions": b"<?a b?>x",
    "literal sections": b"<a><![CDATA[<]]></a>",
    "pages": b"<page id='1'/>",
    "items": b"<item id='1' completed='false'>Milk</item>",
    "wide texts": b"<page id='1'><title>" + b"a" * 50_000 + "😀".encode() + b"</title></page>",
    "long texts": b"<page id='1'><title>" + b"a" * 9_000_000 + b"</title></page>",
}


measured = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system reports no peak of memory"
)


PROGRAM = """
import sys
from backpack_orm.errors import InvalidResponse
from backpack_orm.wire import parse, values
from backpack_orm.wire.shapes import Response, Column, Shape
from backpack_orm.wire.size import check_size

head, unit, tail, size, limit = eval(sys.stdin.read())
read = parse.many(
    Shape("page", (Column("id", values.INTEGER), Column("title", values.TEXT))), "pages"
)
check_size(head + tail, limit)

def highest():  # getrusage would include the peak of the process that started this one
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

before = highest()
content = b"".join([head, unit * ((size - len(head) - len(tail)) // len(unit)), tail])
try:
    check_size(content, limit)
    read(Response(200, content))
    print("read", len(content), highest() - before)
except InvalidResponse as error:
    print("refused", len(content), highest() - before)
"""


def measure(
    head: bytes, unit: bytes, tail: bytes, size: int = SIZE, limit: int = SIZE
) -> tuple[str, int, int]:
    """Whether a response is read or refused, its size, and what that takes, in bytes."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=repr((head, unit, tail, size, limit)),
        capture_output=True,
        text=True,
        check=True,
    )
    outcome, length, taken = ran.stdout.split()
    return outcome, int(length), int(taken)


@measured
@pytest.mark.parametrize("shape", SHAPES)
def test_a_hostile_response_takes_six_times_its_size_at_most(shape: Any) -> None:
    _, _, taken = measure(b"<pages>", SHAPES[shape], b"</pages>")
    assert taken <= FACTOR * SIZE


@measured
@pytest.mark.parametrize("shape", ["empty elements", "attributes", "pages"])
def test_several_roots_take_no_more(shape: str) -> None:
    _, length, taken = measure(b"<pages/>", SHAPES[shape], b"<pages/>")
    assert taken <= FACTOR * length


@measured
def test_one_element_with_many_attributes_takes_no_more() -> None:
    head = b"<pages " + b" ".join(b"a%d=''" % n for n in range(300_000))
    _, length, taken = measure(head + b">", b"<a/>", b"</pages>")
    assert taken <= FACTOR * length


@measured
@pytest.mark.parametrize("shape", ["empty elements", "attributes", "pages"])
def test_the_densest_response_that_is_read_takes_no_more_than_the_largest(shape: str) -> None:
    """A smaller one may take more than six times its own size, but never more than that."""
    unit = SHAPES[shape]
    count = next(
        count
        for count in range(SIZE // len(unit), 0, -(SIZE // len(unit) // 16))
        if fits(b"<pages>" + unit * count + b"</pages>")
    )
    size = len(unit) * count
    _, length, taken = measure(b"<pages>", unit, b"</pages>", size, SIZE)
    assert length > size // 2
    assert taken <= FACTOR * SIZE


def fits(content: bytes) -> bool:
    try:
        check_size(content, SIZE)
    except InvalidResponse:
        return False
    return True


@measured
def test_entities_of_its_own_take_no_more() -> None:
    head = b"<!DOCTYPE pages [<!ENTITY a 'x'>]><pages>"
    outcome, length, taken = measure(head, b"&a;", b"</pages>")
    assert outcome == "refused"
    assert taken <= FACTOR * length


# --- what is counted --------------------------------------------------------------------------


def filled(unit: bytes, head: bytes = b"<pages>", tail: bytes = b"</pages>") -> bytes:
    return head + unit * (16 * MEGABYTE // len(unit)) + tail


@pytest.mark.parametrize(
    "shape", ["empty elements", "elements with texts", "attributes", "attributes with spaces"]
)
def test_more_nodes_than_fit_are_refused_before_there_is_a_tree(shape: str) -> None:
    with pytest.raises(InvalidResponse, match="more elements and attributes than fit"):
        check_size(filled(SHAPES[shape]), DEFAULT_MAX_SIZE)


def test_the_message_names_the_option() -> None:
    with pytest.raises(InvalidResponse, match="max_response_size=67,108,864: allow for more"):
        check_size(filled(b"<a/>"), DEFAULT_MAX_SIZE)


def test_who_allows_for_more_reads_them() -> None:
    check_size(filled(b"<a/>"), 1024 * MEGABYTE)


def test_a_text_that_python_needs_four_bytes_a_character_for_is_refused_near_the_limit() -> None:
    text = b"x" * 1_000_000 + "😀".encode()
    check_size(text * 8, max_size=10_000_000)
    with pytest.raises(InvalidResponse, match="characters that take four bytes"):
        check_size(text * 9 + text[:500_000], max_size=10_000_000)


def test_what_a_text_holds_is_not_counted() -> None:
    check_size(filled(b"a = b = c == d " * 100 + b"<note/>"), DEFAULT_MAX_SIZE)


def test_a_hundred_thousand_notes_are_read() -> None:
    note = (
        b"<note id='301' title='Where we sleep' created_at='2026-05-01 12:00:00'>"
        b"The hotel is at Rua do Sol 7</note>"
    )
    check_size(b"<notes>" + note * 100_000 + b"</notes>", DEFAULT_MAX_SIZE)


@pytest.mark.parametrize("size", [1, 2 * MEGABYTE, 8 * MEGABYTE])
def test_a_smaller_limit_permits_the_tree_of_eight_megabytes(size: int) -> None:
    check_size(b"<a/>  " * 131_072, size)
    with pytest.raises(InvalidResponse, match="more elements"):
        check_size(b"<a/>  " * 131_073, size)


def test_a_small_response_is_not_looked_at() -> None:
    check_size(b"<a/>" * 100_000, max_size=1)


def test_the_largest_response_that_fits_in_any_case_is_not_looked_at_either() -> None:
    check_size(b"<!DOCTYPE a>".ljust(800_000), max_size=10_000_000)
    with pytest.raises(InvalidResponse, match="document type"):
        check_size(b"<!DOCTYPE a>".ljust(800_001), max_size=10_000_000)


@pytest.mark.parametrize(
    "head",
    [
        b"<!DOCTYPE a [<!ENTITY a 'x'>]><a>",
        b"<?xml version='1.0'?>\n<!-- <a> -->\n<?x?> <!DOCTYPE a><a>",
        b"\xef\xbb\xbf<!DOCTYPE a><a>",
    ],
)
def test_a_document_type_is_refused_before_there_is_a_tree(head: bytes) -> None:
    with pytest.raises(InvalidResponse, match="document type"):
        check_size(filled(b"&a;", head, b"</a>"), DEFAULT_MAX_SIZE)


@pytest.mark.parametrize(
    "head",
    [
        b"<?xml version='1.0' encoding='utf-7'?>",
        b"<?xml version='1.0' encoding='utf-16'?>",
        b'<?xml version="1.0" encoding = "IBM037"?>',
        "\ufeff<a>".encode("utf-16-le"),
        "\ufeff<a>".encode("utf-16-be"),
        "<a>".encode("utf-16-le"),
        "<a>".encode("utf-16-be"),
        "\ufeff<a>".encode("utf-32-be"),
    ],
)
def test_an_encoding_in_which_nodes_cannot_be_counted_is_refused(head: Any) -> None:
    with pytest.raises(InvalidResponse, match="not in UTF-8"):
        check_size(filled(b"+ADw-a/+AD4-", head), DEFAULT_MAX_SIZE)


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-8", "us-ascii", "iso-8859-1", "windows-1252"])
def test_an_encoding_based_on_ascii_is_not(encoding: str) -> None:
    head = f"<?xml version='1.0' encoding='{encoding}'?><a>".encode()
    check_size(filled(b"x" * 1000, head, b"</a>"), DEFAULT_MAX_SIZE)


def test_a_connection_checks_before_it_parses(stub: Stub) -> None:
    parsed: list[object] = []
    stub.default = http(200, filled(b"<a/>"))
    with (
        Connection(stub.url, token=TOKEN, max_wait=0) as connection,
        pytest.raises(InvalidResponse, match="more elements and attributes than fit"),
    ):
        connection.call(READ, read=parsed.append)
    assert parsed == []


def test_several_roots_are_parsed_without_copies() -> None:
    content = b"<page id='1'/>" * 1000
    assert len(documents.document(content)) == 1000
