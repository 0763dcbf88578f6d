"""Elements of a response as the bytes that were received, found in one pass without a tree."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any
from xml.parsers import expat

from attrs import define

from backpack_orm.errors import InvalidResponse
from backpack_orm.wire.encodings import in_ascii_based


@define
class Slice:
    """One element of a response.

    Attributes:
        start: Offset of its first byte.
        end: Offset behind its last byte.
        values: Attributes of the element, and the wanted texts of its descendants by path: `id`,
            `user/id`.
        tags: Ids of `<tag>` elements inside.
    """

    start: int
    end: int
    values: dict[str, str]
    tags: tuple[int, ...] = ()

    @property
    def id(self) -> int:
        """The id of the record.

        Raises:
            InvalidResponse: It has none, or one that is no number.
        """
        return _id(self.values.get("id", ""))


class Sliced:
    """A response, and where its elements of one name are. Nested ones are part of the outer ones.

    Args:
        content: The response.
        element: The name of the elements, with dashes.
        wanted: Paths of descendants whose text is of interest, with dashes.
        slices: Where they are, if it is known.

    >>> sliced = Sliced(b"<pages><page id='71' title='Lisbon'/><page id='72'/></pages>", "page")
    >>> [each.id for each in sliced.slices], sliced.cut(sliced.slices[1])
    ([71, 72], b"<page id='72'/>")
    """

    def __init__(
        self,
        content: bytes,
        element: str,
        wanted: Collection[str] = ("id",),
        slices: Sequence[Slice] | None = None,
    ) -> None:
        self._content, self._encoding = in_ascii_based(content)
        self._is_utf_8 = re.fullmatch("(?i)utf-?8|(us-)?ascii", self._encoding) is not None
        if slices is None:
            slices = _Finder(self._content, element, wanted).slices
        self.slices = slices

    def cut(self, slice: Slice) -> bytes:
        """Return the bytes of an element, as UTF-8."""
        found = self._content[slice.start : slice.end]
        return found if self._is_utf_8 else found.decode(self._encoding).encode()


class _Finder:
    """One pass over a response."""

    def __init__(self, content: bytes, element: str, wanted: Collection[str]) -> None:
        self.slices: list[Slice] = []
        self._content = content
        self._element = element
        self._end_tag = re.compile(b"")
        self._wanted = frozenset(wanted)
        self._path: list[str] = []
        self._open: Slice | None = None
        self._tags: list[int] = []
        self._text: list[str] | None = None
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._finish
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise InvalidResponse(f"the response is no well-formed XML: {error}") from None

    def _refuse(self, *declaration: object) -> None:
        raise InvalidResponse("the response declares a document type")

    def _begin(self, name: str, attributes: dict[str, Any]) -> None:
        if self._open is None:
            if _dashed(name) == self._element:
                self._end_tag = re.compile(rb"</%s\s*>" % re.escape(name.encode()))
                self._open = Slice(self._parser.CurrentByteIndex, 0, dict(attributes))
            return
        self._path.append(_dashed(name))
        if name == "tag" and "id" in attributes:
            self._tags.append(_id(attributes["id"]))
        if "/".join(self._path) in self._wanted:
            self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _finish(self, name: str) -> None:
        if self._open is None:
            return
        if not self._path:
            # Here an end tag begins, or an empty-element tag has just ended.
            at = self._parser.CurrentByteIndex
            end_tag = self._end_tag.match(self._content, at)
            self._open.end = end_tag.end() if end_tag else at
            self._open.tags = tuple(self._tags)
            self.slices.append(self._open)
            self._open, self._tags = None, []
            return
        if self._text is not None:
            self._open.values.setdefault("/".join(self._path), "".join(self._text))
            self._text = None
        self._path.pop()


def _id(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidResponse(f"the response contains an id that is no number: {text!r}") from None


def _dashed(name: str) -> str:
    return name.replace("_", "-")
