"""What a response contains, as data: records, their columns and sections.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from backpack_orm.wire.values import ValueType

MISSING: Final = ...
"""Marks a value that is not loaded: `Ellipsis`, a singleton that copies and pickles preserve. The
garbage collector does not track records because of it."""

Record: TypeAlias = "tuple[Any, ...]"


class PartialRecord(tuple[Any, ...]):
    """A record of a response that has omitted a field which it usually includes.

    A type of its own, so that no other record has to be searched for missing values.
    """

    __slots__ = ()


Localize: TypeAlias = "Callable[[datetime], datetime]"


class Column(NamedTuple):
    """One value of a record.

    Attributes:
        name: Its name in the XML, with underscores.
        value_type: How it is parsed.
        inside: The child element that has it as an attribute; without a name, the child that has it
            as its text.
        is_text: Whether it is the element's own text, unless a child of that name contains it.
        other: Another name, used where the first one is absent.
        is_optional: For an id: whether a record may lack it.
        is_sure: Whether it is empty if the response omits it; otherwise it is unknown.
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
        shape: The shape of each of them.
        is_single: Whether there is at most one: then the value is a record or None.
        key: For a single one: the name of its id, for responses that contain only that.
        is_grouped: Whether they may be in `<incomplete>` and `<completed>` groups, and have no
            attribute of their own for it.
        is_sure: Whether there are none if there is no container; otherwise that is unknown.
    """

    path: str
    shape: Shape
    is_single: bool = False
    key: str = ""
    is_grouped: bool = False
    is_sure: bool = True


class Shape(NamedTuple):
    """The record of an element: its name and, in order, its columns and sections.

    A position is None if this response never includes it.
    """

    element: str
    parts: tuple[Column | Section | None, ...]


class Response(NamedTuple):
    """A response of the service, not parsed yet.

    Attributes:
        status: The HTTP status.
        content: The body.
        location: The `Location` header: the path of a created record.
        localize: Gives naive times a time zone; None: they stay naive.
    """

    status: int
    content: bytes
    location: str | None = None
    localize: Localize | None = None

    def __repr__(self) -> str:
        return f"Response(status={self.status})"
