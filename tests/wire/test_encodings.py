"""The encoding that a document declares: unknown ones are named, and none breaks a reader."""

from __future__ import annotations

import encodings
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from backpack_orm import Export
from backpack_orm.archive.slices import Sliced
from backpack_orm.errors import InvalidExport, InvalidResponse
from backpack_orm.wire import documents, size
from backpack_orm.wire.encodings import declared, is_ascii_based

UNKNOWN = ["UTF-888", "iso-8859-12", "iso-8859-99", "windows-1259", "a.b", "rot13", "undefined"]
NAMES = [
    *UNKNOWN,
    "",
    "é",
    "x" * 5000,
    *(found.name for found in pkgutil.iter_modules(encodings.__path__)),
]
BODIES = [
    b"<pages><page id='1'/></pages>",
    b"<pages><page id='1' title='\xe9'/></pages>",
    b"<pages><page id='1' title='\xd2\x81\xff'/></pages>",
    b"<pages><page id='1'",
    b"<page><page>",
]


def documents_in(name: str) -> list[bytes]:
    return [b"<?xml version='1.0' encoding='%b'?>%b" % (name.encode(), body) for body in BODIES]


def cut(content: bytes) -> list[bytes]:
    sliced = Sliced(content, "page")
    return [sliced.cut(each) for each in sliced.slices]


@pytest.mark.parametrize("read", [documents.document, Export.read, cut])
def test_no_declared_encoding_raises_another_error(read: Callable[..., Any]) -> None:
    for name in NAMES:
        for content in documents_in(name):
            with suppress(InvalidResponse):
                read(content)


def test_every_declared_encoding_is_judged_without_an_error() -> None:
    for name in NAMES:
        for content in documents_in(name):
            documents.is_truncated(content)
            documents.failure(content)
            is_ascii_based(declared(content))


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_encoding_of_a_response_is_named(name: str) -> None:
    for read in (documents.document, cut):
        with pytest.raises(InvalidResponse, match=name):
            read(documents_in(name)[0])


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_encoding_of_a_file_is_named(name: str) -> None:
    for content in documents_in(name):
        with pytest.raises(InvalidExport, match=name):
            Export.read(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_half_a_character_of_utf_16_is_refused(encoding: str) -> None:
    content = "<?xml version='1.0' encoding='UTF-16'?><page id='7'/>".encode(encoding)
    assert cut(content) == [b"<page id='7'/>"]
    with pytest.raises(InvalidResponse, match="the response is not in UTF-16: truncated data"):
        cut(content[:-1])


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "us-ascii", "ascii", "ISO-8859-15", "windows-1252"]
)
def test_tags_are_ascii_in(name: str) -> None:
    content = documents_in(name)[0]
    assert declared(content) == name
    assert is_ascii_based(name)
    size.check_size(content, 1)
    assert cut(content) == [b"<page id='1'/>"]
