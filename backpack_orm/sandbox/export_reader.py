"""Reads exports incrementally, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lxml import etree

Element = etree._Element

LONGEST_ID = 18  # digits; ids that are assigned afterwards must fit into 64 bits, too

_ROOTS = ("user", "backpack", "pages", "page")
_RECORDS = {
    *("attachment", "belonging", "description", "email", "image", "item", "note", "reminder"),
    *("separator", "tag"),
}
_DEEPEST = 64


class Piece:
    """The start or end of an element.

    Attributes:
        element: The element. At its start, only its attributes are known. At the end of a record,
            such as a note or an item, it is complete; other elements are already empty.
        path: Names of the elements from the root to this one.
        is_end: Whether this is the end of the element.
    """

    __slots__ = ("element", "is_end", "path")

    def __init__(self, element: Element, path: tuple[str, ...], is_end: bool) -> None:
        self.element = element
        self.path = path
        self.is_end = is_end


def pieces(path: Path) -> Iterator[Piece]:
    """Read a file with an export in either dialect, or with one or more full pages.

    A `<response>` around it is skipped. Raises OSError if the file cannot be read, ValueError if it
    has other contents.
    """
    with path.open("rb") as file:
        try:
            yield from _without_response(_walk(file))
        except etree.XMLSyntaxError as error:
            raise ValueError(f"not XML: {error}") from None


def largest_id(path: Path) -> int:
    """Return the largest id of any element in a file, 0 without ids."""
    return max((id_of(piece.element) or 0 for piece in pieces(path) if not piece.is_end), default=0)


def id_of(element: Element) -> int | None:
    """Return the id of an element, None if it has none; raise ValueError if it is not a number."""
    text = element.get("id")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        raise ValueError(f"{text!r} is not a valid id of <{element.tag}>")
    return int(text)


def text_of(element: Element) -> str:
    """Return the text of an element that may contain comments."""
    return (element.text or "") + "".join(comment.tail or "" for comment in element)


def comments_in(element: Element) -> list[str]:
    """Return the comments in an element, as XML."""
    return [
        etree.tostring(message, with_tail=False).decode("ascii")
        for message in element.iterfind("message")
    ]


def _walk(file: IO[bytes]) -> Iterator[Piece]:
    """Yield the starts and ends of all elements, and discard these as soon as possible."""
    path: tuple[str, ...] = ()
    record = 0  # depth of the record that is being read, 0 outside of records
    for event, element in etree.iterparse(
        file,
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    ):
        if event == "start":
            if not path:
                _refuse_document_type(element)
            path = (*path, str(element.tag))
            if len(path) > _DEEPEST:
                raise ValueError("it is nested too deeply")
            if not record and path[-1] in _RECORDS:
                record = len(path)
            yield Piece(element, path, False)
        else:
            yield Piece(element, path, True)
            if record in (0, len(path)):
                record = 0
                _discard(element)
            path = path[:-1]


def _discard(element: Element) -> None:
    """Remove the contents of an element and its preceding siblings; the parser needs the rest."""
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # stubs lack it
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _refuse_document_type(root: Element) -> None:
    if root.getroottree().docinfo.doctype:  # type: ignore[attr-defined]  # stubs lack it
        raise ValueError("document types and entities are refused")


def _without_response(walk: Iterator[Piece]) -> Iterator[Piece]:
    """Skip a `<response>` around the root, and all but its first element."""
    first = next(walk)
    if first.path != ("response",):
        _check_root(first.path)
        yield first
        yield from walk
        return
    is_over = False
    for piece in walk:
        piece.path = piece.path[1:]
        if not piece.path or is_over:
            if not is_over:
                _check_root(("response",))
            continue
        if len(piece.path) == 1:
            _check_root(piece.path)
            is_over = piece.is_end
        yield piece


def _check_root(path: tuple[str, ...]) -> None:
    if path[0] not in _ROOTS:
        raise ValueError(f"<{path[0]}> is none of <user>, <backpack>, <pages> and <page>")
