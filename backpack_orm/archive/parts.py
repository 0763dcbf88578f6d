"""Cutting a response into the parts that an archive stores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any
from xml.parsers import expat
from zlib import crc32

_RECORDS = frozenset(
    {"page", "reminder", "journal-entry", "calendar-event", "status", "email", "bookmark"}
)
"""Elements that parts begin with; those inside of others are part of these."""
_SINGLE, _LARGEST = 4_096, 65_536
"""Sizes from which a record is a part of its own, and a group of smaller ones is full."""


def cut(body: bytes) -> list[bytes]:
    """Return the parts of a response. Joined, they are the response.

    A record reaches from its start tag to the next one. Groups of small records end at hashes of
    their contents, so that an insertion moves no other boundary. What the parser refuses is cut
    about every 64 kB.

    >>> page = b"<page id='7'>" + b"." * 5000 + b"</page>"
    >>> [len(part) for part in cut(b"<pages>" + page + page + b"</pages>")]
    [7, 5020, 5020, 8]
    """
    try:
        return list(_grouped(body, _records_in(body), one_in=16))
    except (expat.ExpatError, LookupError, ValueError):  # malformed, or an unknown encoding
        tags = (tag.start() for tag in re.finditer(b"<", body))
        return list(_grouped(body, tags, one_in=2048))


def _grouped(body: bytes, offsets: Iterable[int], one_in: int) -> Iterator[bytes]:
    start = 0
    for begin, end in pairwise([0, *offsets, len(body)]):
        is_single = end - begin >= _SINGLE
        if is_single and start < begin:
            yield body[start:begin]
            start = begin
        if start < end and (
            is_single or end - start >= _LARGEST or crc32(body[begin:end]) % one_in == 0
        ):
            yield body[start:end]
            start = end
    if start < len(body):
        yield body[start:]


def _records_in(body: bytes) -> list[int]:
    """Return the offsets in the received bytes where a record begins, or the rest behind some."""
    return _Finder(body).offsets


class _Finder:
    def __init__(self, body: bytes) -> None:
        self.offsets: list[int] = []
        self._depth = 0
        self._record = 0
        self._is_behind = False
        parser = self._parser = expat.ParserCreate()
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._finish
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(body, True)

    def _refuse(self, *declaration: object) -> None:
        raise ValueError("it declares a document type")

    def _begin(self, name: str, attributes: dict[str, Any]) -> None:
        self._depth += 1
        if self._record:
            return
        is_record = name.replace("_", "-") in _RECORDS
        if is_record or self._is_behind:
            self.offsets.append(self._parser.CurrentByteIndex)
        self._is_behind = False
        if is_record:
            self._record = self._depth

    def _finish(self, name: str) -> None:
        if self._depth == self._record:
            self._record, self._is_behind = 0, True
        elif self._is_behind:
            self.offsets.append(self._parser.CurrentByteIndex)
            self._is_behind = False
        self._depth -= 1
