"""XML as the service writes it: double quotes, nothing padded, ASCII with numeric references."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import NewType
from xml.sax.saxutils import escape

Xml = NewType("Xml", str)

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

# A reader turns bare line ends and tabs into other white space; as references they survive.
_IN_TEXT = {"\r": "&#13;"}
_IN_ATTRIBUTES = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


def element(name: str, content: str | Iterable[Xml] | None = None, /, **attributes: object) -> Xml:
    """An element with text or other elements in it; without content it closes itself.

    An attribute that is None is left out.
    """
    start = name + "".join(
        f' {attribute}="{escape(_text(value), _IN_ATTRIBUTES)}"'
        for attribute, value in attributes.items()
        if value is not None
    )
    if content is None:
        return Xml(f"<{start}/>")
    inner = text(content) if isinstance(content, str) else "".join(content)
    return Xml(f"<{start}>{inner}</{name}>")


def text(content: str) -> Xml:
    """A text, to stand in an element among other elements."""
    return Xml(escape(content, _IN_TEXT))


def section(name: str, elements: Iterable[Xml]) -> list[Xml]:
    """A named element around others, or nothing when there are none."""
    inside = list(elements)
    return [element(name, inside)] if inside else []


def field(name: str, value: object) -> Xml:
    """A typed element as Rails writes it: `<id type="integer">7</id>`."""
    if value is None:
        return element(name, nil="true")
    return element(name, _text(value), type=_TYPES.get(type(value)))


def document(root: Xml, *, newline: bool) -> bytes:
    """A whole answer; some kinds of answer have a newline after the declaration."""
    return f"{DECLARATION}{chr(10) if newline else ''}{root}".encode("ascii", "xmlcharrefreplace")


def local_time(moment: datetime, zone: tzinfo) -> str:
    """A time in the older dialect: in the user's zone, without saying so."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


_TYPES = {bool: "boolean", int: "integer", datetime: "datetime"}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return str(value)
