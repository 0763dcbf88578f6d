"""What HTML is allowed in a text; all else is removed by the library nh3."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import nh3

_ELEMENTS = (
    "a abbr acronym b big blockquote br caption cite code dd del dfn div dl dt em h1 h2 h3 h4 h5 "
    "h6 hr i img ins kbd li ol p pre q s samp small span strike strong sub sup table tbody td "
    "tfoot th thead tr tt u ul var"
)
_TAGS = frozenset(_ELEMENTS.split())
_ALIGNED = ("div", "h1", "h2", "h3", "h4", "h5", "h6", "p", "td", "th", "tr")
_ATTRIBUTES = {
    "*": {"dir", "lang", "id"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "acronym": {"title"},
    "img": {"alt", "src", "title"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_ATTRIBUTES |= {tag: {*_ATTRIBUTES.get(tag, ()), "style"} for tag in _ALIGNED}

_NOTE = re.compile(r"(fn|fnrev|note|noteref)[\w-]+", re.ASCII)
_VALUES = {
    "dir": re.compile(r"ltr|rtl|auto", re.IGNORECASE),
    "lang": re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"),
    "id": _NOTE,
    "start": re.compile(r"\d{1,8}", re.ASCII),
    "colspan": re.compile(r"[1-9]\d?", re.ASCII),
    "rowspan": re.compile(r"[1-9]\d?", re.ASCII),
    "src": re.compile(r"https?://[^\s].*", re.IGNORECASE),
    "href": re.compile(rf"(https?://[^\s]|mailto:).*|#{_NOTE.pattern}", re.IGNORECASE),
}
"""Patterns of the values of attributes; links lead to the web, to an address, or to a footnote."""
_ALIGNMENT = re.compile(r"(?:^|;)\s*text-align\s*:\s*(left|right|center|justify)\s*(?:;|$)")


def sanitize(html: str, link: Callable[[str], str | None] | None = None) -> str:
    """Return HTML with nothing that runs, loads, or reaches outside of the text.

    Ids remain only as Textile makes them for footnotes.

    Args:
        link: Takes the value of an `href`, and returns another one, or None. Another one is not
            checked.

    >>> sanitize("<p onclick='x()'><b>Rosa</b><script>x()</script>")
    '<p><b>Rosa</b></p>'
    """
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_filter if link is None else partial(_filter_links, link),
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
        strip_comments=True,
    )


def _filter_links(
    link: Callable[[str], str | None], tag: str, attribute: str, value: str
) -> str | None:
    """Return the value of an attribute as `_filter` does, after links were replaced."""
    replaced = link(value) if attribute == "href" else None
    return _filter(tag, attribute, value) if replaced is None else replaced


def _filter(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an attribute, or None to remove the attribute."""
    if attribute == "style":
        aligned = _ALIGNMENT.search(value)
        return f"text-align:{aligned[1]}" if aligned else None
    if attribute == "href" and value.lower().startswith("mailto:"):
        value = value.replace("%40", "@")  # the library textile quotes it
    pattern = _VALUES.get(attribute)
    return value if pattern is None or pattern.fullmatch(value) else None
