"""The fuzz target: everything that parses a response, and the objects built from it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

import backpack_orm
from backpack_orm import Export, InvalidResponse, Model
from backpack_orm.connection import unconnected
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.wire import documents, parse
from backpack_orm.wire.shapes import Response

CASSETTES = Path(__file__).parents[2] / "cassettes"
TEXT = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"<",
    b">",
    b"/>",
    b"&",
    b"&amp;",
    b"&#0;",
    b"&#x10ffff;",
    b"&#xd800;",
    b"&nbsp;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"<?x ?>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<?xml version='1.0' encoding='ebcdic-cp-us'?>",
    b" nil='true'",
    b" xmlns='x'",
    b" x:y='z'",
    b" id=''",
    b"-1",
    b"0",
    b"1e9",
    b"9" * 5000,
    "٣".encode(),
    "²".encode(),
    b"nan",
    b"true",
    b"2031-02-30 25:61:61",
    b"0000-00-00T00:00:00Z",
    b"9999-12-31T23:59:59Z",
    b"0001-01-01 00:00:00",
    b"2031-03-28T01:30:00+24:00",
    b"\n    ",
    b"<page/>",
    b"<response success='false'>",
    b"<error code='999'>",
    b"<html>",
]
"""Fragments to insert: they have broken parsers of XML, numbers and times before."""
_ZONE = ZoneInfo("Europe/Lisbon")
_NOWHERE = unconnected("a fuzzer", "fuzz", "it is synthetic")


@cache
def samples() -> tuple[bytes, ...]:
    """Return all responses in the cassettes."""
    found: set[str] = set()
    for path in CASSETTES.rglob("*.yaml"):
        cassette = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
        found |= {each["response"]["body"]["string"] for each in cassette["interactions"]}
    return tuple(sorted(text.encode() for text in found))


def mutated(dice: random.Random) -> bytes:
    """Return a real response with random changes."""
    content = dice.choice(samples())
    for _ in range(dice.choice([1, 1, 1, 2, 3, 5, 8])):
        content = dice.choice(_MUTATIONS)(content, dice)
    return content


def read_all(content: bytes) -> int:
    """Parse a response with every parser; return how many succeeded.

    Whatever it raises is a defect, for all that a response may do to a reader is `InvalidResponse`.
    """
    documents.failure(content)
    documents.excerpt(content)
    parse.location_id(Response(201, b"", content.decode("latin-1")))
    return sum(_is_read(read, content) for read in _readers())


def _is_read(read: Callable[[bytes], object], content: bytes) -> bool:
    try:
        read(content)
    except InvalidResponse:
        return False
    return True


@cache
def _readers() -> tuple[Callable[[bytes], object], ...]:
    models = [
        each
        for each in (getattr(backpack_orm, name) for name in backpack_orm.__all__)
        if isinstance(each, type) and issubclass(each, Model) and each is not Model
    ]
    views = {
        name: view
        for model in models
        for cls in model.__mro__
        for name, view in ((f"{model.__name__}.{name}", v) for name, v in vars(cls).items())
        if isinstance(view, Projection) and view.model is model
    }
    assert len(views) >= len(models)
    return (
        *(_reader(each) for view in views.values() for each in (view, view.partial, view.exported)),
        lambda content: parse.success(Response(200, content)),
        lambda content: parse.anything(Response(200, content)),
        _read_export,
    )


def _reader(view: Projection) -> Callable[[bytes], object]:
    def read(content: bytes) -> None:
        for response in (Response(200, content), Response(200, content, localize=_localize)):
            try:
                records = view.read_many(response)
            except InvalidResponse:
                records = (view.read_one(response),)
            hash(records)  # they are cached, so they must be immutable
            for found in view.load[view.model](records, _NOWHERE):
                _look(found)

    return read


def _read_export(content: bytes) -> None:
    export = Export.read(content)
    repr(export)
    for found in (*export.pages, *export.reminders):
        _look(found)


def _look(found: Model) -> None:
    """Call everything that makes no request."""
    repr(found)
    str(found)
    found.to_dict()
    assert not found.is_dirty
    assert found == found.__copy__()


def _localize(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=_ZONE)


# --- changes ----------------------------------------------------------------------------------


def _spot(content: bytes, dice: random.Random) -> tuple[int, int]:
    """Return the ends of a short range."""
    start = dice.randrange(len(content) + 1)
    return start, min(start + dice.choice([0, 1, 1, 4, 20, 200]), len(content))


def _fragment(content: bytes, dice: random.Random) -> bytes:
    start, end = _spot(content, dice)
    return content[:start] + dice.choice(TEXT) + content[end:]


def _value(content: bytes, dice: random.Random) -> bytes:
    """Replace the value of an attribute or element."""
    values = [found.span(1) for found in re.finditer(rb"""(?<=[">])([^"<>]*)(?=["<])""", content)]
    if not values:
        return content
    start, end = dice.choice(values)
    return content[:start] + dice.choice(TEXT) + content[end:]


def _cut(content: bytes, dice: random.Random) -> bytes:
    start, end = _spot(content, dice)
    return content[:start] + content[end:]


def _double(content: bytes, dice: random.Random) -> bytes:
    start, end = _spot(content, dice)
    return content[:end] + content[start:end] * dice.choice([1, 2, 50]) + content[end:]


def _flip(content: bytes, dice: random.Random) -> bytes:
    start, _ = _spot(content, dice)
    return content[:start] + bytes([dice.randrange(256)]) + content[start + 1 :]


def _splice(content: bytes, dice: random.Random) -> bytes:
    other = dice.choice(samples())
    start, end = _spot(other, dice)
    return _insert(content, other[start : end + 500], dice)


def _insert(content: bytes, part: bytes, dice: random.Random) -> bytes:
    start, _ = _spot(content, dice)
    return content[:start] + part + content[start:]


def _element(content: bytes, dice: random.Random) -> bytes:
    """Remove, duplicate or move an element."""
    elements = [found.span() for found in re.finditer(rb"<(\w[\w-]*)\b[^<>]*>[^<>]*</\1>", content)]
    if not elements:
        return content
    start, end = dice.choice(elements)
    element = content[start:end]
    if dice.random() < 0.5:
        content = content[:start] + content[end:]
    return _insert(content, element, dice) if dice.random() < 0.7 else content


def _rename(content: bytes, dice: random.Random) -> bytes:
    """Replace a name by another everywhere."""
    names = sorted(set(re.findall(rb"[a-z][a-z_-]+", content)))
    if len(names) < 2:
        return content
    return content.replace(*dice.sample(names, 2))


def _encode(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    encoding = dice.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7", "cp037"])
    return text.encode(encoding, "xmlcharrefreplace" if encoding == "latin-1" else "ignore")


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_fragment, _value, _value, _value, _cut, _double, _flip, _splice, _element, _rename),
    _encode,
)


def endless(seed: int) -> Iterator[bytes]:
    """Yield mutated responses forever."""
    dice = random.Random(seed)
    while True:
        yield mutated(dice)
