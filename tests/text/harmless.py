"""Checks that converted HTML is harmless."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from backpack_orm.text import sanitizer

_ELEMENTS = """
a abbr acronym b big blockquote br caption cite code dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i
ins kbd li ol p pre s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul
var
"""
TAGS = frozenset(_ELEMENTS.split())
ATTRIBUTES = {
    "href": r"https?://.+|mailto:.*|#[\w-]*fn(ref)?\d+",
    "title": r"(?s).*",
    "start": r"\d+",
    "colspan": r"\d\d?",
    "rowspan": r"\d\d?",
    "lang": r"[\w-]+",
    "dir": r"(?i)ltr|rtl|auto",
    "style": r"text-align:(left|right|center|justify)",
    "rel": "noopener noreferrer",
    "id": r"[\w-]*fn(ref)?\d+",
}


class _Check(HTMLParser):
    """A parser that fails on everything that is not allowed."""

    def __init__(self, tags: frozenset[str]) -> None:
        super().__init__()
        self._tags = tags

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self._tags
        for name, value in attrs:
            assert re.fullmatch(ATTRIBUTES[name], value or ""), (tag, name, value)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def assert_harmless(html: str) -> None:
    """Fail if HTML can run or load anything, or if parsers interpret it differently."""
    check = _Check(TAGS)
    check.feed(html)
    check.close()
    html.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", html)
    again = sanitizer.sanitize(html)
    assert _normal(again) == _normal(html)


def _normal(html: str) -> list[str]:
    """Return tags and text without differences between serializers."""
    html = re.sub(r' (rel|id|href)="[^"]*"', "", html.replace("\n", "").replace("\xa0", "&nbsp;"))
    return re.findall(r"<[^>]*>|[^<]+", html.replace("&quot;", '"').replace("&#x27;", "'"))
