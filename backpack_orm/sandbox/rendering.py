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

# Parsers normalize line ends and tabs unless they are references.
_SPECIAL_IN_ATTRIBUTES = re.compile('[&<>"\r\n\t]')


def _escape_text(content: str) -> str:
    # Several times as fast as a pattern and `str.translate`.
    if "&" in content or "<" in content or ">" in content or "\r" in content:
        return (
            content.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            .replace("\r", "&#13;")
        )
    return content


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
    """Render an element piece by piece, for content that may be large.

    The pieces pass through `chain`: through a generator, most would take longer than to render.
    """
    start, end = Xml(f"<{_start(name, attributes)}>"), Xml(f"</{name}>")
    return chain([start], content, [end])


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
    first = next(inside, None)
    return iter(()) if first is None else stream(name, chain([first], inside))


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


def flag(value: bool) -> Xml:
    """Format a boolean."""
    return Xml("true" if value else "false")


def local_time(moment: datetime, zone: tzinfo) -> str:
    """Format a time as in the ws dialect: in the zone of the user, without an offset."""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(sep=" ", timespec="seconds")


_TYPES = {bool: "boolean", int: "integer", datetime: "datetime"}


def _start(name: str, attributes: dict[str, object]) -> str:
    start = name
    for attribute, value in attributes.items():
        if isinstance(value, str):
            start += f' {attribute}="{_escape_attribute(value)}"'
        elif value is not None:
            start += f' {attribute}="{flag(value) if isinstance(value, bool) else value}"'
    return start


def _text(value: object) -> str:
    if isinstance(value, bool):
        return flag(value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='seconds')}Z"
    return str(value)
