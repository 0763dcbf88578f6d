"""Elements are cut out of responses exactly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from backpack_orm import InvalidResponse
from backpack_orm.archive.slices import Sliced

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12).filter(
    lambda text: "\ufffe" not in text and "\uffff" not in text
)
ENCODINGS = ("us-ascii", "utf-8", "iso-8859-1", "windows-1252", "utf-16")


@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.lists(st.integers(1, 9), max_size=3)), max_size=5),
    st.sampled_from(ENCODINGS),
    st.booleans(),
)
def test_every_page_is_cut_out_exactly(
    pages: list[tuple[str, str, list[int]]], encoding: str, is_declared: bool
) -> None:
    root = etree.Element("user")
    inside = etree.SubElement(root, "pages")
    for id, (title, text, tags) in enumerate(pages, 1):
        page = etree.SubElement(inside, "page", title=title, id=str(id))
        page.text = text
        for tag in tags:
            etree.SubElement(page, "tag", id=str(tag)).tail = text
        if text:
            etree.SubElement(etree.SubElement(page, "linked_pages"), "page", id="7")
        page.tail = "\n"
    is_declared = is_declared or encoding not in ("us-ascii", "utf-8")
    content: Any = etree.tostring(root, encoding=encoding, xml_declaration=is_declared)
    sliced = Sliced(content, "page")
    assert [each.id for each in sliced.slices] == list(range(1, len(pages) + 1))
    assert [list(each.tags) for each in sliced.slices] == [tags for _, _, tags in pages]
    for each, element in zip(sliced.slices, inside, strict=True):
        cut = etree.fromstring(sliced.cut(each), etree.XMLParser(encoding="utf-8"))
        assert canonical(cut) == canonical(element)


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", with_tail=False)


@pytest.mark.parametrize(
    ("content", "cuts"),
    [
        (
            b"<p><page id='1'/><page id='2'></page></p>",
            [b"<page id='1'/>", b"<page id='2'></page>"],
        ),
        (b"<page id='1' title='a>b'/>", [b"<page id='1' title='a>b'/>"]),
        (b"<pages><page id='1'></page\n ></pages>", [b"<page id='1'></page\n >"]),
        (b"<p><!-- <page id='3'/> --><page id='1'/></p>", [b"<page id='1'/>"]),
        (
            b"<page id='1'><![CDATA[</page>]]></page>",
            [b"<page id='1'><![CDATA[</page>]]></page>"],
        ),
        (b"<page><id>1</id></page>", [b"<page><id>1</id></page>"]),
        (b"\xef\xbb\xbf<page id='1'/>", [b"<page id='1'/>"]),
        (b"<pages/>", []),
    ],
)
def test_forms_of_elements(content: bytes, cuts: list[bytes]) -> None:
    sliced = Sliced(content, "page")
    assert [sliced.cut(each) for each in sliced.slices] == cuts


def test_values_inside_are_found_by_their_paths() -> None:
    content = b"<a><journal_entry><id>5</id><user><id>7</id></user></journal_entry></a>"
    (found,) = Sliced(content, "journal-entry", ("id", "user/id")).slices
    assert found.values == {"id": "5", "user/id": "7"}


@pytest.mark.parametrize(
    "content",
    [
        b"<pages>",
        b"",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>",
    ],
)
def test_what_is_no_plain_xml_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidResponse):
        Sliced(content, "page")


@pytest.mark.parametrize(
    "content",
    [b"<pages><page id='x'/></pages>", b"<pages><page/></pages>"],
)
def test_a_record_whose_id_is_no_number_is_an_invalid_response(content: bytes) -> None:
    (page,) = Sliced(content, "page").slices
    with pytest.raises(InvalidResponse, match="an id that is no number"):
        _ = page.id


def test_a_tag_whose_id_is_no_number_is_an_invalid_response() -> None:
    content = b"<pages><page id='71'><tags><tag id='x'/></tags></page></pages>"
    with pytest.raises(InvalidResponse, match="an id that is no number: 'x'"):
        Sliced(content, "page")
