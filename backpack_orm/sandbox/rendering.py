"""Renders XML like the service: double quotes, no padding, numeric references for non-ASCII."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from itertools import chain
from typing import NewType, TypeVar

Xml = NewType("Xml", str)
T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger("backpack_orm.sandbox")

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

_BLOCK_SIZE = 8 * 1024  # characters
_PIECE_SIZE = 4 * 1024  # characters; passing on each small piece would take most of the time

# Parsers normalize line ends and tabs unless they are references.
_SPECIAL_IN_TEXT = re.compile("[&<>\r]")
_SPECIAL_IN_ATTRIBUTES = re.compile('[&<>"\r\n\t]')


def _escape_text(content: str) -> str:
    if _SPECIAL_IN_TEXT.search(content) is None:
        return content
    # Several times as fast as `str.translate`.
    return (
        content.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\r", "&#13;")
    )


def _escape_attribute(content: str) -> str:
    if _SPECIAL_IN_ATTRIBUTES.search(content) is None:
        return content
    return _escape_text(content).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")


def element(name: str, content: str | Iterable[Xml] | None = None, /, **attributes: object) -> Xml:
    """Return an element with text or elements; without content it is self-closing.

    Attributes that are None are omitted.
    """
    start = _start(name, attributes)
    if content is None:
        return Xml(f"<{start}/>")
    inner = text(content) if isinstance(content, str) else "".join(content)
    return Xml(f"<{start}>{inner}</{name}>")


def stream(name: str, content: Iterable[Xml], /, **attributes: object) -> Iterator[Xml]:
    """Render an element in larger pieces, for content that may be large."""
    pending = [f"<{_start(name, attributes)}>"]
    size = 0
    for piece in content:
        pending.append(piece)
        size += len(piece)
        if size >= _PIECE_SIZE:
            yield Xml("".join(pending))
            pending, size = [], 0
    pending.append(f"</{name}>")
    yield Xml("".join(pending))


def each(records: Iterable[T], render: Callable[[T], R]) -> Iterator[R]:
    """Render records one by one.

    A record that cannot be rendered is logged and omitted.
    """
    for record in records:
        try:
            yield render(record)
        except (ArithmeticError, ValueError):
            log.exception("omitted from a response: %s", _describe(record))


def _describe(record: object) -> str:
    return f"{type(record).__name__} {getattr(record, 'id', '')}".strip()


def text(content: str) -> Xml:
    """Return an escaped text, for an element that also contains elements."""
    return Xml(_escape_text(content))


def section(name: str, parts: Iterable[Xml]) -> Iterator[Xml]:
    """Render an element around others, or nothing if there are none."""
    inside = iter(parts)
    for first in inside:
        yield from stream(name, chain([first], inside))


def field(name: str, value: object) -> Xml:
    """Return a typed element as in Rails: `<id type="integer">7</id>`."""
    if value is None:
        return element(name, nil="true")
    return element(name, _text(value), type=_TYPES.get(type(value)))


def document(parts: Iterable[Xml], *, newline: bool) -> bytes:
    """Render a document; `newline` adds one after the declaration, as in some responses."""
    return b"".join(blocks(parts, newline=newline))


def blocks(
    parts: Iterable[Xml], *, newline: bool, checkpoint: Callable[[], object] | None = None
) -> Iterator[bytes]:
    """Render a document as blocks of bytes; `checkpoint` is called before each but the first."""
    pending: list[str] = [DECLARATION, "\n" if newline else ""]
    size = 0
    for part in parts:
        pending.append(part)
        size += len(part)
        if size >= _BLOCK_SIZE:
            yield _encoded(pending)
            pending, size = [], 0
            if checkpoint is not None:
                checkpoint()
    if pending:
        yield _encoded(pending)


def _encoded(parts: list[str]) -> bytes:
    return "".join(parts).encode("ascii", "xmlcharrefreplace")


def local_time(moment: datetime, zone: tzinfo) -> str:
    """Format a time as in the ws dialect: in the zone of the user, without an offset."""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(sep=" ", timespec="seconds")


_TYPES = {bool: "boolean", int: "integer", datetime: "datetime"}


def _start(name: str, attributes: dict[str, object]) -> str:
    start = name
    for attribute, value in attributes.items():
        if value is not None:
            start += f' {attribute}="{_attribute(value)}"'
    return start


def _attribute(value: object) -> str:
    if isinstance(value, str):
        return _escape_attribute(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='seconds')}Z"
    return str(value)
