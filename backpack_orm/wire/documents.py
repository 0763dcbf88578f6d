"""Responses to trees of elements, strictly; and error bodies, leniently."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from xml.parsers import expat

from lxml import etree

from backpack_orm.errors import InvalidResponse
from backpack_orm.wire.encodings import in_ascii_based

_parsers = threading.local()


def _parser() -> etree.XMLParser:
    """Return a parser of this thread, since threads would wait for a shared one.

    `collect_ids=False` would be faster, but makes libxml2 open what a document type names, in spite
    of the other options.
    """
    try:
        parser: etree.XMLParser = _parsers.parser
    except AttributeError:
        parser = _parsers.parser = etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            recover=False,
            remove_comments=True,
            remove_pis=True,
        )
    return parser


_AT_THE_END = (
    expat.errors.XML_ERROR_NO_ELEMENTS,
    expat.errors.XML_ERROR_UNCLOSED_TOKEN,
    expat.errors.XML_ERROR_PARTIAL_CHAR,
    expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
)
"""What expat says of a document that ends too early."""
_PROLOG = rb"\s*(<\?xml\b[^>]*\?>)?"
_PIECE = 1024 * 1024


def document(content: bytes) -> etree._Element:
    """Parse a response strictly.

    Several roots, which the service has sent, are wrapped in a `<roots>` element.

    Raises:
        InvalidResponse: It is empty, HTML, truncated, malformed, or has a document type.

    >>> document(b"<pages><page id='71'/></pages>").tag
    'pages'
    """
    if not content.strip():
        raise InvalidResponse("the response is empty")
    try:
        root = _parsed(content)
    except etree.XMLSyntaxError as error:
        what = "HTML" if _looks_like_html(content) else f"no well-formed XML: {error.msg}"
        raise InvalidResponse(f"the response is {what}") from None
    roots = root if root.tag == "roots" else (root,)
    if any(_local_name(element) == "html" for element in roots):
        raise InvalidResponse("the response is HTML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidResponse("the response declares a document type")
    return root


def _parsed(content: bytes) -> etree._Element:
    try:
        return etree.fromstring(content, _parser())
    except etree.XMLSyntaxError as error:
        found = re.match(_PROLOG, content)
        if error.msg is None or "Extra content" not in error.msg or found is None:
            raise
        roots = _parsed_in_pieces(
            chain((found[1] or b"", b"<roots>"), _pieces(content, found.end()), (b"</roots>",))
        )
        if any(text and not text.isspace() for text in (roots.text, *(e.tail for e in roots))):
            raise
        return roots


def _pieces(content: bytes, start: int) -> Iterator[bytes]:
    """Yield the rest of a body in pieces, without a copy of all of it."""
    return (content[i : i + _PIECE] for i in range(start, len(content), _PIECE))


def _parsed_in_pieces(pieces: Iterable[bytes]) -> etree._Element:
    parser = _parser()
    try:
        for piece in pieces:
            parser.feed(piece)
    except etree.XMLSyntaxError:
        with suppress(etree.XMLSyntaxError):
            parser.close()  # prepares it for the next document
        raise
    return parser.close()


def is_truncated(content: bytes) -> bool:
    """Return whether a document is well-formed as far as it goes, and ends too early.

    >>> is_truncated(b"<pages><page id='7"), is_truncated(b"<pages><page></pages>")
    (True, False)
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(in_ascii_based(content, errors="replace")[0], True)
    except expat.ExpatError as error:
        return bool(content.strip()) and expat.ErrorString(error.code) in _AT_THE_END
    except InvalidResponse:
        return False
    return False


def _refuse(*declaration: object) -> None:
    raise InvalidResponse("the response declares a document type")


def excerpt(content: bytes) -> str:
    """Return the beginning of a response, for a message."""
    text = content[:200].decode("utf-8", "replace")
    return text + "…" if len(content) > 200 else text


def _looks_like_html(content: bytes) -> bool:
    return bool(re.match(rb"\s*(<!doctype\s+html|<html)", content, re.IGNORECASE))


def _local_name(element: etree._Element) -> str:
    return etree.QName(element).localname.lower()


# The documented sample of a failure is malformed, so failures are found without an XML parser.
_FAILED = rb"""<response\b[^>]*\bsuccess\s*=\s*["']false["']"""
_ERROR = rb"""<error\b[^>]*?\bcode\s*=\s*["'](\d{3})["'][^>]*>([^<]*)"""


def failure(content: bytes) -> tuple[int, str] | None:
    """Return the code and message of an error body, or None if it is not one.

    The code of a failure without one is 500.

    >>> failure(b"<response success='false'><error code='404'>Record not found</item></response>")
    (404, 'Record not found')
    """
    if not re.search(_FAILED, content[:1000]):
        return None
    from html import unescape  # most responses are no failures

    error = re.search(_ERROR, content)
    if not error:
        return 500, "the service states no reason"
    return int(error[1]), unescape(error[2].decode("utf-8", "replace")).strip()
