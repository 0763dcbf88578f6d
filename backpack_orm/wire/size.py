"""The memory that a response would take as a tree, estimated before it is parsed."""

from __future__ import annotations

import re

from backpack_orm.errors import InvalidResponse
from backpack_orm.wire.encodings import declared, is_ascii_based

DEFAULT_MAX_SIZE = 64 * 1024 * 1024
"""Default maximum size of an uncompressed response in bytes."""

# Memory that libxml2 takes for each, in bytes, measured; an attribute has a text node too.
_ELEMENT = _TEXT = 128
_ATTRIBUTE = 256

TREE_FACTOR = 4
"""Nodes may take so many times the maximum size; the body itself adds two times its size."""
_WIDE_SHARE = 0.9
"""A text with one character beyond the basic plane takes four bytes per character in Python."""
_FLOOR = 32 * 1024 * 1024
"""Nodes may always take so many bytes, however small the maximum size is."""
_DENSEST = 50
"""No document takes more than so many times its size."""

_PROLOG = rb"(?s)(?:\xef\xbb\xbf)?\s*(?:<\?xml\b[^>]*?\?>)?(?:\s+|<!--.*?-->|<\?.*?\?>)*"
_UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00", b"<\x00")
_START_TAG = re.compile(rb"<[^\s<>/!?][^<>\"']*(?:(?:\"[^\"<]*\"|'[^'<]*')[^<>\"']*)*")


def check_size(content: bytes, max_size: int) -> None:
    """Refuse a response whose tree would take far more memory than its bytes.

    libxml2 limits depth, names and texts itself. Elements and attributes take up to 50 times their
    bytes, and are counted here before there is a tree, unless the response is small enough even for
    that, as most are.

    Args:
        content: The body of the response.
        max_size: The maximum size of a response in bytes.

    Raises:
        InvalidResponse: It would take more than 6 times `max_size` bytes, or 6 times 8 MiB.

    >>> check_size(b"<response success='true'/>", max_size=1024)
    >>> check_size(b"<a/>" * 1_000_000, max_size=1024)
    Traceback (most recent call last):
    backpack_orm.errors.InvalidResponse: ...more elements and attributes than fit...
    """
    allowed = max(TREE_FACTOR * max_size, _FLOOR)
    if len(content) * _DENSEST <= allowed:
        return
    if content.startswith(_UTF_16_OR_32) or not is_ascii_based(declared(content)):
        raise InvalidResponse(f"the response is large ({len(content):,} bytes), and not in UTF-8")
    prolog = re.match(_PROLOG, content)
    if prolog is not None and content.startswith(b"<!DOCTYPE", prolog.end()):
        raise InvalidResponse("the response declares a document type")
    if len(content) > _WIDE_SHARE * max_size and re.search(rb"[\xf0-\xf4]", content):
        raise InvalidResponse(
            "the response has characters that take four bytes each once it is parsed, and is "
            f"too large for max_response_size={max_size:,}: allow for more if you expect that"
        )
    tags = content.count(b"<")
    elements = tags - content.count(b"</")
    nodes = elements * _ELEMENT + tags * _TEXT
    if nodes + content.count(b"=") * _ATTRIBUTE <= allowed:
        return
    if nodes > allowed or nodes + _attributes(content, (allowed - nodes) // _ATTRIBUTE) > allowed:
        raise InvalidResponse(
            f"the response has more elements and attributes than fit into memory with "
            f"max_response_size={max_size:,}: allow for more if you expect that"
        )


def _attributes(content: bytes, most: int) -> int:
    """Return the bytes that the attributes take; stop counting once there are too many."""
    count = 0
    for tag in _START_TAG.finditer(content):
        count += tag[0].count(b"=")
        if count > most:
            break
    return count * _ATTRIBUTE
