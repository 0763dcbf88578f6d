"""Conversion of XML elements into records, column by column, in both dialects of the API.

A value may be an attribute or a child element, its name spelled with underscores or dashes. A value
that this kind of response never includes (a list of pages has no notes) is `MISSING` in the record.
A value that other responses of this kind include, but this one omits, is `MISSING` too. If no other
response could include it, the value is empty instead, see `Column.is_sure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from itertools import accumulate, chain, islice, repeat
from typing import Any, TypeAlias

from lxml import etree

from backpack_orm.wire import values
from backpack_orm.wire.shapes import (
    MISSING,
    Column,
    Localize,
    PartialRecord,
    Record,
    Section,
    Shape,
)

Reader: TypeAlias = "Callable[[Iterable[etree._Element], Localize | None], tuple[Record, ...]]"
_ColumnReader: TypeAlias = "Callable[[_Elements, Localize | None], Iterable[Any]]"


def spellings(name: str) -> tuple[str, ...]:
    dashed = name.replace("_", "-")
    return (name,) if dashed == name else (name, dashed)


_AT_ONCE = 256
"""Elements read at once, column by column: few enough for the processor's cache."""


class _Elements(list[etree._Element]):
    """Elements that are read together."""

    is_partial = False
    """Whether an omitted value may have a value on the service."""

    def first(self, name: str, other: str | None = None) -> list[etree._Element | None]:
        """Return the first child `name` of each element, else the first child `other`."""
        found = [children.get(name) for children in self._children]
        if other is None:
            return found
        return [
            children.get(other) if child is None else child
            for child, children in zip(found, self._children, strict=True)
        ]

    @cached_property
    def _children(self) -> list[dict[object, etree._Element]]:
        # Backwards, so that the first of several children with one name remains.
        return [
            {child.tag: child for child in e[::-1]}  # type: ignore[index]  # stubs know no slices
            for e in self
        ]


def reader_of(shape: Shape) -> Reader:
    """Return the function that reads elements of a shape into records.

    The function reads column by column. Values in their usual place are read in a few passes over
    all elements; only the remaining values are read one by one.
    """
    columns = [_reader_of(part, shape) for part in shape.parts]
    unsure = [
        position
        for position, part in enumerate(shape.parts)
        if isinstance(part, Column) and not part.is_sure
    ]

    def mark(record: Record) -> Record:
        is_partial = any(record[position] is MISSING for position in unsure)
        return PartialRecord(record) if is_partial else record

    def read(elements: Iterable[etree._Element], localize: Localize | None) -> tuple[Record, ...]:
        left, records = iter(elements), list[Record]()
        while some := _Elements(islice(left, _AT_ONCE)):
            found = zip(*[column(some, localize) for column in columns], strict=False)
            records += map(mark, found) if some.is_partial else found
        return tuple(records)

    return read


def _reader_of(part: Column | Section | None, shape: Shape) -> _ColumnReader:
    if part is None:
        return lambda elements, localize: repeat(MISSING)
    if isinstance(part, Section):
        return _section_reader(part)
    if part.is_text:
        return _text_reader(part, shape)
    return _value_reader(part)


def _value_reader(column: Column) -> _ColumnReader:
    """Return the function that reads one value of each element."""
    value_type = column.value_type
    find, seek = _ways_in_children(column) if column.inside else _ways_in_elements(column)
    is_required = column.name == "id" and not column.inside and not column.is_optional

    def value(text: str | None) -> Any:
        if value_type.load is values.load_text:
            return text or value_type.empty
        return value_type.load(text) if text or is_required else value_type.empty  # type: ignore[arg-type]

    def read(elements: _Elements, localize: Localize | None) -> Iterable[Any]:
        texts = find(elements)
        if all(texts):
            found = value_type.load_all(texts)
        elif column.is_sure:
            found = map(value, seek(elements, texts))
        else:
            found = [
                MISSING if text is None and _is_omitted(e, column) else value(text)
                for e, text in zip(elements, seek(elements, texts), strict=True)
            ]
            elements.is_partial |= any(each is MISSING for each in found)
        if value_type.is_time and localize is not None:
            return [localize(each) if isinstance(each, datetime) else each for each in found]
        return found

    return read


def _is_omitted(element: etree._Element, column: Column) -> bool:
    """Return whether an element omits a value. A child with `nil` counts as a value."""
    names = (column.inside,) if column.inside else (column.name, column.other)
    return all(_child(element, name) is None for name in names if name)


_Ways: TypeAlias = (
    "tuple[Callable[[_Elements], list[Any]], Callable[[_Elements, list[Any]], list[Any]]]"
)
"""Two functions: one finds texts in their usual place, one seeks the remaining ones singly."""


def _ways_in_elements(column: Column) -> _Ways:
    names = [name for name in (column.name, column.other) if name]
    key: Any = column.name.encode()  # lxml encodes a string each time
    return (
        lambda elements: [e.get(key) for e in elements],
        lambda elements, texts: [
            text or _seek(e, *names) for e, text in zip(elements, texts, strict=True)
        ],
    )


def _ways_in_children(column: Column) -> _Ways:
    name, inside = column.name, column.inside
    key: Any = name.encode()
    if not name:
        return (
            lambda elements: [
                None if child is None else child.text for child in elements.first(inside)
            ],
            lambda elements, texts: [
                _seek(e, inside) if child is None else child.text
                for e, child in zip(elements, elements.first(inside), strict=True)
            ],
        )
    return (
        lambda elements: [
            None if child is None else child.get(key) for child in elements.first(inside)
        ],
        lambda elements, texts: [
            text if text or child is None else _seek(child, name)
            for child, text in zip(elements.first(inside), texts, strict=True)
        ],
    )


def _text_reader(column: Column, shape: Shape) -> _ColumnReader:
    """Return the function that reads the texts of elements unchanged.

    If the values of an element are child elements, its text is a child element too. Only in such an
    element, white space between the children is layout; in all others it is part of the text.
    """
    fields = {
        spelling
        for part in shape.parts
        if isinstance(part, Column)
        for spelling in spellings(part.inside or part.name)
    }

    def text_among_children(e: etree._Element) -> str | None:
        text = _own_text(e)
        if text.strip(" \t\r\n"):
            return text
        found = _seek(e, column.name)
        is_layout = found is not None or any(child.tag in fields for child in e)
        return found if is_layout else text

    def read(elements: _Elements, localize: Localize | None) -> Iterable[Any]:
        texts = [e.text for e in elements]
        if any(map(len, elements)):
            texts = [text_among_children(e) if len(e) else e.text for e in elements]
        if all(texts):
            return texts
        if column.is_sure:
            return [text or column.value_type.empty for text in texts]
        found = [
            MISSING if text is None and len(e) and _is_omitted(e, column) else text or ""
            for e, text in zip(elements, texts, strict=True)
        ]
        elements.is_partial |= MISSING in found
        return found

    return read


def _own_text(element: etree._Element) -> str:
    """Return all text directly inside an element, including the text after each child."""
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _section_reader(section: Section) -> _ColumnReader:
    """Return the function that reads the records inside each element."""
    read = reader_of(section.shape)
    container, _, element = section.path.rpartition("/")
    inside, around = spellings(element), spellings(container)
    size, unknown = len(section.shape.parts), () if section.is_sure else MISSING

    def gather(e: etree._Element) -> list[etree._Element]:
        return list(grouped(e, element) if section.is_grouped else e.iterchildren(*inside))

    def read_groups(elements: _Elements, localize: Localize | None) -> list[Any]:
        if container:
            containers = elements.first(*around)
            groups = [None if found is None else gather(found) for found in containers]
        else:
            groups = [gather(e) if len(e) else [] for e in elements]
        if not any(groups):
            return [unknown if group is None else () for group in groups]
        # Reads the records of all elements at once, then distributes them: by slices, which take
        # less time than tuples made from an iterator.
        records = read(chain.from_iterable(filter(None, groups)), localize)
        ends = accumulate(len(group or ()) for group in groups)
        return [
            unknown if group is None else records[end - len(group) : end]
            for group, end in zip(groups, ends, strict=True)
        ]

    def read_singles(elements: _Elements, localize: Localize | None) -> list[Any]:
        children = [_filled(e, element) for e in elements]
        records = iter(read((child for child in children if child is not None), localize))
        return [
            next(records)
            if child is not None
            else _alone(e, section.key, size)
            if section.key
            else None
            if section.is_sure or _child(e, element) is not None
            else MISSING
            for e, child in zip(elements, children, strict=True)
        ]

    return read_singles if section.is_single else read_groups


def _alone(element: etree._Element, key: str, size: int) -> Record | None:
    """Return a record of which the response contains only the id."""
    id = _seek(element, key)
    return (int(id), *[MISSING] * (size - 1)) if id else None


# Items in a group need not have an attribute `completed`.
_GROUPS = {"incomplete": "false", "completed": "true"}


def grouped(container: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in container.iterchildren(name, *_GROUPS):
        if child.tag == name:
            yield child
            continue
        for item in child.iterchildren(name):
            if item.get("completed") is None:
                item.set("completed", _GROUPS[str(child.tag)])
            yield item


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next(element.iterchildren(*spellings(name)), None)


def _filled(element: etree._Element, name: str) -> etree._Element | None:
    """Return a child that contains a record; None if it is absent, empty or nil."""
    child = _child(element, name)
    if child is None or child.get("nil") == "true" or not (len(child) or child.attrib):
        return None
    return child


def _seek(element: etree._Element, *names: str) -> str | None:
    """Return the value of the first attribute or child with one of the names, in any spelling."""
    for name in names:
        value = element.get(name)
        if value is None and "_" in name:
            value = element.get(name.replace("_", "-"))
        if value is not None:
            return value
        child = _child(element, name)
        if child is not None and child.get("nil") != "true":
            return child.text or ""
    return None
