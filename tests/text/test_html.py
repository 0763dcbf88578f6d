"""Conversion of texts to HTML that is safe in any page and preserves the meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.text import parse, to_html
from tests.seeds import examples
from tests.text import attacks
from tests.text.harmless import assert_harmless

MARKS = """
* ** _ __ - + ? ?? ~ ^ % @ == | |_. " ' ( ) [ ] { } < > & # ## ; : . , ! = \\ / <b> </b> <p> </p>
<div> </div> <li> <ul> </ul> <table> <td> </table> <a> </a> <pre> &lt; &#60; &amp; bq. bc. bc.. p.
p>. fn1. [1] [#a] note#a. h1. Lisbon "x":http://a.example
"""
RARE = ["\n", "\n\n", " ", "\x00", "\ud800", "\ufdd3", "\x1b"]
PARTS = [*attacks.texts(), *MARKS.split(), *RARE]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text(max_size=8), max_size=8).map("".join)


@pytest.mark.parametrize("text", attacks.texts())
def test_an_attack_is_harmless(text: str) -> None:
    document = parse(text)
    assert document.problem is None
    assert_harmless(document.html())


@given(TEXTS)
@examples(300)
def test_any_text_is_harmless(text: str) -> None:
    document = parse(text)
    assert_harmless(document.html(id_prefix="note-7-"))
    assert_harmless(document.html(id_prefix=None))


def test_an_attack_that_is_not_sanitized_is_detected() -> None:
    for html in ("<p onclick='x'>", "<script>", '<a href="javascript:x">', "<!-- x -->", "<img>"):
        with pytest.raises((AssertionError, KeyError)):
            assert_harmless(html)


def test_ids_are_those_of_footnotes_with_their_prefix() -> None:
    html = to_html("a[1]\n\nfn1(#mine). b\n\np(#other). c", id_prefix="note-7-")
    assert 'id="note-7-fn1"' in html
    assert 'href="#note-7-fnref1"' in html
    assert html.count(" id=") == 2


def test_a_prefix_is_escaped() -> None:
    assert '"><b>' not in to_html("a[1]\n\nfn1. b", id_prefix='"><b>')


def test_without_ids_footnotes_have_no_links() -> None:
    html = parse("a[1]\n\nfn1. b").html(id_prefix=None)
    assert html == "<p>a<sup>1</sup></p>\n<p><sup>1</sup> b</p>"


def test_an_image_is_a_link_so_that_nothing_is_loaded() -> None:
    html = to_html("!http://a.example/tram.png(Tram)!")
    assert "<img" not in html
    assert 'href="http://a.example/tram.png"' in html
    assert "🖼 Tram" in html


def test_white_space_in_code_is_preserved() -> None:
    code = 'def f(x):\n\treturn  x <  3  \n    # é 😀 & "quoted"'
    assert parse(f"bc. {code}").plain() == code
    assert parse(f"<pre>{code}\n\n\n  after</pre>").plain() == f"{code}\n\n\n  after"


@pytest.mark.parametrize(
    "text",
    ['"Porto":/pages/72', "<a href='/pages/72' onclick='x()'>Porto</a>", '["Porto":/pages/72]'],
)
def test_links_can_be_replaced(text: str) -> None:
    found: list[str] = []

    def link(target: str) -> str | None:
        found.append(target)
        return "Porto.html"

    assert 'href="Porto.html"' in parse(text, link=link).html()
    assert found == ["/pages/72"]


def test_links_that_are_not_replaced_are_checked_as_always() -> None:
    html = parse(
        '"a":/pages/1 <a href="javascript:x">b</a> "c":http://c.example', link=lambda target: None
    ).html()
    assert html.count("href=") == 1
    assert 'href="http://c.example"' in html


def test_references_to_footnotes_lead_to_them_though_links_are_replaced() -> None:
    html = parse("a[1] [2]\n\nfn1. b\n\nfn2. c", link=lambda target: None).html()
    assert html == parse("a[1] [2]\n\nfn1. b\n\nfn2. c").html()
