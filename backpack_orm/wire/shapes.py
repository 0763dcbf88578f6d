"""What a response contains, as data: records, their columns and sections.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from backpack_orm.wire.values import ValueType

MISSING: Final = ...
"""The mark of what has not been loaded: Python's own for what is left out, of which there is but
one, in copies and pickles too. The garbage collector need not look into records for it."""

Record: TypeAlias = "tuple[Any, ...]"


class PartialRecord(tuple[Any, ...]):
    """A record of a response that has omitted a field which it usually includes.

    A type of its own, so that loading all others need not look for what is missing.
    """

    __slots__ = ()


Localize: TypeAlias = "Callable[[datetime], datetime]"


class Column(NamedTuple):
    """One value of a record.

    Attributes:
        name: Its name on the wire, with underscores.
        value_type: How its words are read.
        inside: The child element whose attribute it is, where it is not the record's own;
            without a name, the child whose text it is.
        is_text: Whether the element's own text carries it, unless a child of that name does.
        other: Another name that it goes by, where the first is not met.
        is_optional: For an id: whether a record may come without it.
        is_sure: Whether there is no value when the response omits it; else that is not known.
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
        shape: What each of them looks like.
        is_single: Whether there is one at most: then the value is a record or None.
        key: For a single one: where its id stands when the response tells no more of it.
        is_grouped: Whether they may stand in `<incomplete>` and `<completed>` groups, and say by
            nothing else which they are.
        is_sure: Whether there are none when there is no container; else that is not known.
    """

    path: str
    shape: Shape
    is_single: bool = False
    key: str = ""
    is_grouped: bool = False
    is_sure: bool = True


class Shape(NamedTuple):
    """What an element is read into: its name and, in order, its columns and sections.

    A position that is None is one this response does not know.
    """

    element: str
    parts: tuple[Column | Section | None, ...]


class Response(NamedTuple):
    """What came back from the service, unread.

    Attributes:
        status: The HTTP status.
        content: The body.
        location: Where the service says that what was created is.
        localize: Gives times their zone, those that have none in the response; None: they stay so.
    """

    status: int
    content: bytes
    location: str | None = None
    localize: Localize | None = None

    def __repr__(self) -> str:
        return f"Response(status={self.status})"
