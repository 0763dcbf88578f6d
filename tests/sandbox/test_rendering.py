"""Every text that XML can contain is returned exactly, in ASCII."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from backpack_orm.sandbox.rendering import (
    blocks,
    document,
    each,
    element,
    field,
    local_time,
    section,
)
from tests.sandbox.conftest import Client
from tests.seeds import examples

texts = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[chr(n) for n in range(32) if n not in (9, 10, 13)]
        + ["\ufffe", "\uffff"],
    )
)


@given(texts, texts)
def test_text_and_attributes_are_parsed_unchanged(text: str, attribute: str) -> None:
    written = document([element("a", text, b=attribute)], newline=True)
    assert written.isascii()
    read = ET.fromstring(written)
    assert (read.text or "", read.get("b")) == (text, attribute)


@pytest.mark.parametrize(
    ("built", "written"),
    [
        (element("a"), "<a/>"),
        (element("a", ""), "<a></a>"),
        (element("a", []), "<a></a>"),
        (element("a", [element("b"), element("c")]), "<a><b/><c/></a>"),
        (element("a", "<&>\"'\r\n\t–"), "<a>&lt;&amp;&gt;\"'&#13;\n\t–</a>"),
        (element("a", b="<&>\"'\r\n\t"), '<a b="&lt;&amp;&gt;&quot;\'&#13;&#10;&#9;"/>'),
        (element("a", b=True, c=7, d=None, e=""), '<a b="true" c="7" e=""/>'),
        (field("id", 7), '<id type="integer">7</id>'),
        (field("admin", False), '<admin type="boolean">false</admin>'),
        (field("name", "Ana"), "<name>Ana</name>"),
        (field("host", None), '<host nil="true"/>'),
        (
            field("at", datetime(2031, 3, 5, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))),
            '<at type="datetime">2031-03-04T23:02:03Z</at>',
        ),
    ],
)
def test_elements_are_serialized_like_those_of_the_service(built: str, written: str) -> None:
    assert built == written


def test_empty_sections_are_omitted() -> None:
    assert list(section("notes", [])) == []
    assert "".join(section("notes", [element("note")])) == "<notes><note/></notes>"


def test_a_document_begins_with_a_declaration_and_sometimes_a_newline() -> None:
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>'
    assert document([element("a", "–")], newline=False) == declaration + b"<a>&#8211;</a>"
    assert document([element("a")], newline=True) == declaration + b"\n<a/>"


def test_a_long_document_is_rendered_in_blocks_with_a_checkpoint_after_each() -> None:
    checkpoints = []
    lines = [element("a", "–" * 999)] * 100
    rendered = list(blocks(lines, newline=False, checkpoint=lambda: checkpoints.append(True)))
    assert len(rendered) > 10
    assert len(checkpoints) >= len(rendered) - 1
    assert b"".join(rendered).endswith(("".join(lines)).encode("ascii", "xmlcharrefreplace"))


def test_a_record_that_cannot_be_rendered_is_skipped_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def render(value: Any) -> str:
        return element("a", str(1 // value))

    assert list(each([1, 0, -1], render)) == ["<a>1</a>", "<a>-1</a>"]
    assert "omitted from a response: int" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_years_have_four_digits() -> None:
    assert local_time(datetime(1, 2, 3, tzinfo=UTC), UTC) == "0001-02-03 00:00:00"
    assert ">0001-02-03T00:00:00Z<" in field("at", datetime(1, 2, 3, tzinfo=UTC))


def xml(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


@examples(60, HealthCheck.function_scoped_fixture)
@given(texts)
def test_every_field_returns_any_text_exactly(api: Client, page: str, text: str) -> None:
    api.ws(f"{page}/update_title", f"<page><title>{xml(text)}</title></page>")
    api.ws(f"{page}/update_body", f"<page><description>{xml(text)}</description></page>")
    note = ET.fromstring(
        api.ws(
            f"{page}/notes/create",
            f"<note><title>{xml(text)}</title><body>{xml(text)}</body></note>",
        )
    )[0]
    item = ET.fromstring(
        api.ws(f"{page}/items/add", f"<item><content>{xml(text)}</content></item>")
    )[0]
    shown = ET.fromstring(api.ws(page))[0]
    assert (note.get("title"), note.text or "") == (text, text)
    assert (item.text or "") == text
    assert (shown.get("title"), shown.findtext("description", "")) == (text, text)
    api.ws(f"{page}/notes/destroy/{note.get('id')}")
    api.ws(f"{page}/items/destroy/{item.get('id')}")
