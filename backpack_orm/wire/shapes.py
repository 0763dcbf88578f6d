"""What a response contains, as data: records, their columns and sections.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from backpack_orm.wire.values import ValueType

MISSING: Final = ...
"""Marks a value that is not loaded: `Ellipsis`, a singleton that copies and pickles preserve. Its
presence does not make the garbage collector track a record."""

Record: TypeAlias = "tuple[Any, ...]"


class PartialRecord(tuple[Any, ...]):
    """A record from a response that omits a field which such responses usually include.

    This type of its own saves searching all other records for missing values.
    """

    __slots__ = ()


Localize: TypeAlias = "Callable[[datetime], datetime]"


class Column(NamedTuple):
    """One value of a record.

    Attributes:
        name: Name of the value in the XML, with underscores.
        value_type: How the value is parsed.
        inside: The child element with the attribute `name`. If `name` is empty, the value is the
            text of this child.
        is_text: Whether the value is the element's own text, unless a child `name` contains it.
        other: Another name of the value, used if `name` is absent.
        is_optional: For an id: whether a record may have none.
        is_sure: Whether the value is empty if the response omits it; otherwise it is unknown.
    """

    name: str
    value_type: ValueType
    inside: str = ""
    is_text: bool = False
    other: str = ""
    is_optional: bool = False
    is_sure: bool = True


class Section(NamedTuple):
    """Records inside a record.

    Attributes:
        path: `notes/note` for notes in a `<notes>`, `send` for direct children.
        shape: The shape of each record.
        is_single: Whether there is at most one record; the value is then a record or None.
        key: For a single record: the name of its id, for responses that contain only the id.
        is_grouped: Whether the records may be in the groups `<incomplete>` and `<completed>`
            instead of having an attribute `completed`.
        is_sure: Whether a missing container means that there are no records; otherwise it is
            unknown.
    """

    path: str
    shape: Shape
    is_single: bool = False
    key: str = ""
    is_grouped: bool = False
    is_sure: bool = True


class Shape(NamedTuple):
    """The record of an element: its name and, in order, its columns and sections.

    A part is None if this kind of response never includes it.
    """

    element: str
    parts: tuple[Column | Section | None, ...]


class Response(NamedTuple):
    """A response of the service, not parsed yet.

    Attributes:
        status: The HTTP status.
        content: The body.
        location: The `Location` header: the path of a created record.
        localize: Function that gives naive times a time zone. None: naive times stay naive.
    """

    status: int
    content: bytes
    location: str | None = None
    localize: Localize | None = None

    def __repr__(self) -> str:
        return f"Response(status={self.status})"
