"""Markdown of texts: a CommonMark parser gives back what the HTML shows."""

from __future__ import annotations

import re
from html import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import html as parser
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

from backpack_orm.text import library, parse, to_markdown
from backpack_orm.text.tree import HEADINGS
from tests.seeds import examples
from tests.text import attacks
from tests.text.record import names, source

COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])
WITH_FOOTNOTES = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(footnote_plugin)
MARKS = """
* _ ** __ *** ` `` ``` ~ ~~ # ## - + 1. 1) > | |-| --- === *** ___ [ ] ( ) [x](y) ![x](y) <b> </b>
<br> &amp; &copy; &#60; \\ \\* ! : = & < x y 1 😀 é （ 。 — “ ” <i> </i> <del> </del> <sup> </sup>
<code> </code> </a> <li> <ul> </ul> <ol> </ol> <h2> </h2> <pre> </pre> <blockquote> </blockquote>
<table> <td> <th> </table> <hr> <div> </div> <q> *a* _b_ -c- @d@ %e% !http://a.example/b.png! bq.
bc. h1. "a":http://a.example | || |a|b| [1] <dl> <dt> <dd> <caption>
"""
RARE = [
    *(" ", "\n", "\n\n", "\t", "\xa0", "\u2003"),
    "<a href='http://a.example/(b)'>",
    '<img src="http://a.example/c">',
]
TEXTS = st.lists(st.sampled_from([*MARKS.split(), *RARE]) | st.text(max_size=4), max_size=12).map(
    "".join
)
WITH_MARKS = {*HEADINGS, "ol", "ul", "li", "pre", "blockquote", "hr", "strong", "em", "del", "code"}
WITHOUT_MARKDOWN = {
    "31-list-definitions",  # become terms and lists
    "52-html-table",  # has a list in a cell
    "70-html-stray-items",  # has definitions
    "72-html-next-to-each-other",  # has a link in code
    "73-html-emphasis-in-words",  # has emphasis in emphasis
}
"""Cases that Markdown cannot express in the same structure."""
DANGEROUS = {"base", "embed", "form", "iframe", "input", "link", "math", "object", "script", "svg"}


def shown(html: str) -> str:
    """Return what HTML shows, without white space, which Markdown may set in other places."""
    if not html.strip():
        return ""
    root = parser.fragment_fromstring(html, create_parent="div")
    for image in root.iter("img"):
        image.tail = f"🖼{image.get('alt') or image.get('src')}{image.tail or ''}"
    return re.sub(r"\s+", "", "".join(root.itertext()))


@given(TEXTS)
@examples(400)
@example("<h1>#</h1>")
@example("<a href='http://a.example'>x<table><a href='http://b.example'>y")
@example("a<b>(x)</b>b*c*")
@example("|a|\n|<pre>\n</pre>|")
@example("x-\n---\n= y\n===")
@example("|\n|")
def test_the_text_is_what_the_html_shows(text: str) -> None:
    document = parse(text)
    rendered = COMMONMARK.render(document.markdown())
    assert shown(rendered) == shown(document.html(id_prefix=None)), document.markdown()


@given(st.text(st.sampled_from("*_`~#-+1.)>|[](){}<>&!:\\ ab\"'é")) | st.text())
@examples(300)
def test_marks_of_markdown_in_a_text_are_text(text: str) -> None:
    """Text between `==` is literal in Textile, and must be literal in Markdown too."""
    typed = re.sub(r"[\s\x00-\x1f]+", " ", text.replace("=", " ")).strip()
    document = parse(f"x =={escape(typed)}==" if typed else "x")
    rendered = COMMONMARK.render(document.markdown())
    assert set(re.findall(r"<(\w+)", rendered)) == {"p"}
    assert shown(rendered) == re.sub(r"\s", "", f"x{library.printable(typed)}")


@pytest.mark.parametrize("text", attacks.texts())
def test_an_attack_is_harmless_in_markdown_too(text: str) -> None:
    rendered = MarkdownIt("commonmark").enable("table").render(parse(text).markdown())
    tags = set(re.findall(r"<(\w+)", rendered))
    assert not tags & DANGEROUS
    root = parser.fragment_fromstring(rendered, create_parent="div")
    for element in root.iter():
        assert set(element.attrib) <= {"href", "src", "alt", "title", "start", "align", "style"}
        target = element.get("href") or element.get("src") or "http://"
        assert re.match("(?i)https?://|mailto:", target)


@pytest.mark.parametrize("name", [name for name in names() if name not in WITHOUT_MARKDOWN])
def test_a_case_has_the_same_structure_in_markdown(name: str) -> None:
    document = parse(source(name))
    of_html = structure(document.html(id_prefix=None))
    assert structure(COMMONMARK.render(document.markdown())) == of_html


def structure(html: str) -> list[str]:
    """Return the elements that Markdown can express, in their order."""
    names = {"b": "strong", "i": "em", "cite": "em", "kbd": "code", "s": "del"}
    if not html.strip():
        return []
    root = parser.fragment_fromstring(html, create_parent="div")
    found = []
    for element in root.iter():
        name = names.get(str(element.tag), str(element.tag))
        if name in WITH_MARKS and not (name == "code" and element.getparent().tag == "pre"):
            found.append(name)
    return found


def test_footnotes_are_footnotes() -> None:
    markdown = to_markdown(
        "Closed[1], shut[#a].\n\nfn1. On *Mondays*.\n\nnote#a. In May.\n\nnotelist."
    )
    root = parser.fragment_fromstring(WITH_FOOTNOTES.render(markdown), create_parent="div")
    notes = [" ".join(note.text_content().split()) for note in root.iter("li")]
    assert notes == ["On Mondays. ↩︎", "In May. ↩︎"]
    assert len(root.find_class("footnote-ref")) == 2


def test_footnotes_with_the_same_label_stay_separate() -> None:
    markdown = to_markdown("a[1] b[#x]\n\nfn1. A\n\nnote#x. B\n\nnotelist.")
    assert markdown == "a[^1] b[^note-2]\n\n[^1]: A\n\n[^note-2]: B"
