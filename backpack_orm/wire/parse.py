"""Responses to records: one reader for each form of response."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TypeVar

from lxml import etree

from backpack_orm.errors import InvalidResponse, ValidationError
from backpack_orm.wire.documents import document
from backpack_orm.wire.records import grouped, reader_of, spellings
from backpack_orm.wire.shapes import Record, Response, Shape

T = TypeVar("T")


def many(
    shape: Shape, container: str, is_grouped: bool = False
) -> Callable[[Response], tuple[Record, ...]]:
    """Return a reader for a response that lists records in a container element.

    Args:
        shape: The shape of each of them.
        container: The element around them.
        is_grouped: Whether they may be in groups, see `Section`.

    >>> from backpack_orm.wire import values
    >>> from backpack_orm.wire.shapes import Column
    >>> tag = Shape("tag", (Column("name", values.TEXT), Column("id", values.INTEGER)))
    >>> many(tag, "tags")(Response(200, b"<tags><tag id='5' name='Travel'/></tags>"))
    (('Travel', 5),)
    """
    read = reader_of(shape)
    names = spellings(shape.element)

    def children(container: etree._Element) -> Iterable[etree._Element]:
        if is_grouped:
            return grouped(container, shape.element)
        return container.iterchildren(*names)

    def read_many(response: Response) -> tuple[Record, ...]:
        root = document(response.content)
        several = (shape.element,) if root.tag == "roots" else ()
        found = _find(root, container, *several)
        elements = chain.from_iterable(
            (each,) if each.tag in names else children(each) for each in found
        )
        return _guarded(found[0], lambda: read(elements, response.localize))

    return read_many


def one(shape: Shape) -> Callable[[Response], Record]:
    """Return a reader for a response with one record, at its root or right under `<response>`.

    >>> from backpack_orm.wire import values
    >>> from backpack_orm.wire.shapes import Column
    >>> tag = Shape("tag", (Column("name", values.TEXT), Column("id", values.INTEGER)))
    >>> one(tag)(Response(200, b"<response success='true'><tag id='5' name='Travel'/></response>"))
    ('Travel', 5)
    """
    read_any = one_of(shape)
    return lambda response: read_any(response)[1]


def one_of(*shapes: Shape) -> Callable[[Response], tuple[str, Record]]:
    """Return a reader for a response with one record of several shapes.

    The reader returns the element's name and the record.

    >>> from backpack_orm.wire import values
    >>> from backpack_orm.wire.shapes import Column
    >>> tag, page = (Shape(name, (Column("id", values.INTEGER),)) for name in ("tag", "page"))
    >>> one_of(tag, page)(Response(200, b"<page id='71'/>"))
    ('page', (71,))
    """
    readers = {
        spelling: (shape.element, reader_of(shape))
        for shape in shapes
        for spelling in spellings(shape.element)
    }

    def read_one(response: Response) -> tuple[str, Record]:
        root = document(response.content)
        found, *more = _find(root, *(shape.element for shape in shapes))
        if more:
            raise InvalidResponse(f"one <{found.tag}> was expected, not {len(more) + 1}")
        element, read = readers[str(found.tag)]
        return element, _guarded(found, lambda: read((found,), response.localize)[0])

    return read_one


def success(response: Response) -> None:
    """Ensure that a response without data is the documented success.

    Raises:
        InvalidResponse: It is anything but a `<response>`.
    """
    root = document(response.content)
    if root.tag != "response":
        raise _unexpected("a <response>", root)


def anything(response: Response) -> None:
    """Ensure that a response is from the service: the newer dialect confirms with any XML or none.

    Raises:
        InvalidResponse: It is HTML, such as the login page of a network, or not XML.
    """
    if response.content.strip():
        document(response.content)


def location_id(response: Response) -> int | None:
    """Return the id at the end of the `Location` of a created record.

    >>> location_id(Response(201, b"", "/reminders/81"))
    81
    """
    tail = re.search(r"/([0-9]{1,18})(?:\.xml)?/?$", response.location or "")
    return int(tail[1]) if tail else None


def _find(root: etree._Element, *wanted: str) -> list[etree._Element]:
    names = [spelling for name in wanted for spelling in spellings(name)]
    found = [root] if root.tag in names else []
    if root.tag in ("response", "roots"):
        found = list(root.iterchildren(*names))
    if not found:
        raise _unexpected(f"<{'> or <'.join(wanted)}>", root)
    return found


def _unexpected(wanted: str, root: etree._Element) -> InvalidResponse:
    return InvalidResponse(f"{wanted} was expected, not <{root.tag}>")


def _guarded(element: etree._Element, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValidationError:  # the account's time zone is unknown
        raise
    except (ValueError, TypeError) as error:
        raise InvalidResponse(f"a value in <{element.tag}> cannot be read: {error}") from None
