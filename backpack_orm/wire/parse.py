"""Answers to records: strict XML, both dialects, one reader per shape.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
Both dialects are read alike: a value may be an attribute or a child element, its name spelled with
underscores or dashes. What a response cannot tell (a list of pages says nothing of their notes) is
`MISSING` in the record. What it omits, though others of its kind have it, is `MISSING` too, unless
no other response could tell it: then it is empty, see `Column.is_sure`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import chain, islice, repeat
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from lxml import etree

from backpack_orm.errors import InvalidResponse, ValidationError
from backpack_orm.wire import values
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
T = TypeVar("T")


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


# --- documents --------------------------------------------------------------------------------

_parsers = threading.local()


def _parser() -> etree.XMLParser:
    """A parser of this thread's own: lxml makes threads wait for a shared one.

    Not with `collect_ids=False`, which would be faster: libxml2 then opens what a document type
    names, whatever else was said.
    """
    try:
        parser: etree.XMLParser = _parsers.parser
    except AttributeError:
        parser = _parsers.parser = etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            recover=False,
            remove_comments=True,
            remove_pis=True,
        )
    return parser


_PROLOG = rb"\s*(<\?xml\b[^>]*\?>)?"
_PIECE = 1024 * 1024


def document(content: bytes) -> etree._Element:
    """Parse a response strictly.

    Several roots, which the service has sent, come in a `<roots>` of our own.

    Raises:
        InvalidResponse: It is empty, HTML, cut off, malformed, or has a document type.

    >>> document(b"<pages><page id='71'/></pages>").tag
    'pages'
    """
    if not content.strip():
        raise InvalidResponse("the response is empty")
    try:
        root = _parsed(content)
    except etree.XMLSyntaxError as error:
        what = "HTML" if _looks_like_html(content) else f"no well-formed XML: {error.msg}"
        raise InvalidResponse(f"the response is {what}") from None
    roots = root if root.tag == "roots" else (root,)
    if any(_local_name(element) == "html" for element in roots):
        raise InvalidResponse("the response is HTML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidResponse("the response declares a document type")
    return root


def _parsed(content: bytes) -> etree._Element:
    try:
        return etree.fromstring(content, _parser())
    except etree.XMLSyntaxError as error:
        found = re.match(_PROLOG, content)
        if error.msg is None or "Extra content" not in error.msg or found is None:
            raise
        roots = _parsed_in_pieces(
            chain((found[1] or b"", b"<roots>"), _pieces(content, found.end()), (b"</roots>",))
        )
        if any(words and not words.isspace() for words in (roots.text, *(e.tail for e in roots))):
            raise
        return roots


def _pieces(content: bytes, start: int) -> Iterator[bytes]:
    """Give the rest of a body, never all of it at once: it may be large."""
    return (content[place : place + _PIECE] for place in range(start, len(content), _PIECE))


def _parsed_in_pieces(pieces: Iterable[bytes]) -> etree._Element:
    parser = _parser()
    try:
        for piece in pieces:
            parser.feed(piece)
    except etree.XMLSyntaxError:
        with suppress(etree.XMLSyntaxError):
            parser.close()  # which makes it ready for the next document
        raise
    return parser.close()


def excerpt(content: bytes) -> str:
    """The beginning of a response, for a message."""
    text = content[:200].decode("utf-8", "replace")
    return text + "…" if len(content) > 200 else text


def _looks_like_html(content: bytes) -> bool:
    return bool(re.match(rb"\s*(<!doctype\s+html|<html)", content, re.IGNORECASE))


def _local_name(element: etree._Element) -> str:
    return etree.QName(element).localname.lower()


# The service's own sample of a failure is malformed, so failures are read without a parser.
_FAILED = rb"""<response\b[^>]*\bsuccess\s*=\s*["']false["']"""
_ERROR = rb"""<error\b[^>]*?\bcode\s*=\s*["'](\d{3})["'][^>]*>([^<]*)"""


def failure(content: bytes) -> tuple[int, str] | None:
    """The code and message of an error body, or None when it is not one.

    A failure that gives no code counts as 500.

    >>> failure(b"<response success='false'><error code='404'>Record not found</item></response>")
    (404, 'Record not found')
    """
    if not re.search(_FAILED, content[:1000]):
        return None
    from html import unescape  # only failures pay for it

    error = re.search(_ERROR, content)
    if not error:
        return 500, "the service gives no reason"
    return int(error[1]), unescape(error[2].decode("utf-8", "replace")).strip()


# --- readers ----------------------------------------------------------------------------------

Reader: TypeAlias = "Callable[[Iterable[etree._Element], Localize | None], tuple[Record, ...]]"
_ColumnReader: TypeAlias = "Callable[[_Elements, Localize | None], Iterable[Any]]"


def many(
    shape: Shape, container: str, is_grouped: bool = False
) -> Callable[[Response], tuple[Record, ...]]:
    """A reader for a response that lists records in a container element.

    Args:
        shape: What each of them looks like.
        container: The element around them.
        is_grouped: Whether they may stand in groups, see `Section`.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.TEXT), Column("id", values.INTEGER)))
    >>> many(tag, "tags")(Response(200, b"<tags><tag id='5' name='Travel'/></tags>"))
    (('Travel', 5),)
    """
    read = reader_of(shape)
    names = _spellings(shape.element)

    def children(container: etree._Element) -> Iterable[etree._Element]:
        if is_grouped:
            return _grouped(container, shape.element)
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
    """A reader for a response that holds one record, at its root or right under `<response>`.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.TEXT), Column("id", values.INTEGER)))
    >>> one(tag)(Response(200, b"<response success='true'><tag id='5' name='Travel'/></response>"))
    ('Travel', 5)
    """
    read_any = one_of(shape)
    return lambda response: read_any(response)[1]


def one_of(*shapes: Shape) -> Callable[[Response], tuple[str, Record]]:
    """A reader for a response that holds one record in any of some shapes: gives which, and it.

    >>> from backpack_orm.wire import values
    >>> tag, page = (Shape(name, (Column("id", values.INTEGER),)) for name in ("tag", "page"))
    >>> one_of(tag, page)(Response(200, b"<page id='71'/>"))
    ('page', (71,))
    """
    readers = {
        spelling: (shape.element, reader_of(shape))
        for shape in shapes
        for spelling in _spellings(shape.element)
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
    """Make sure that a response without data is the documented success.

    Raises:
        InvalidResponse: It is anything but a `<response>`.
    """
    root = document(response.content)
    if root.tag != "response":
        raise _unexpected("a <response>", root)


def anything(response: Response) -> None:
    """Make sure that a response is from the service, whose newer dialect confirms with any body or
    none.

    Raises:
        InvalidResponse: It is HTML, as a network sends that wants its terms accepted, or no XML.
    """
    if response.content.strip():
        document(response.content)


def location_id(response: Response) -> int | None:
    """The id at the end of the `Location` of what was created.

    >>> location_id(Response(201, b"", "/reminders/81"))
    81
    """
    tail = re.search(r"/([0-9]{1,18})(?:\.xml)?/?$", response.location or "")
    return int(tail[1]) if tail else None


def _find(root: etree._Element, *wanted: str) -> list[etree._Element]:
    names = [spelling for name in wanted for spelling in _spellings(name)]
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
    except ValidationError:  # the account's zone is unknown, and its times cannot be told
        raise
    except (ValueError, TypeError) as error:
        raise InvalidResponse(f"a value in <{element.tag}> cannot be read: {error}") from None


def _spellings(name: str) -> tuple[str, ...]:
    dashed = name.replace("_", "-")
    return (name,) if dashed == name else (name, dashed)


_AT_ONCE = 256
"""Elements read column by column: so few that all that is between stays near the processor."""


class _Elements(list[etree._Element]):
    """Some elements, whose columns are read."""

    is_partial = False
    """Whether a value is missing that is not sure to be empty."""

    def first(self, name: str, other: str | None = None) -> list[etree._Element | None]:
        """The first child of a name in each of them; that of another one where there is none."""
        found = [children.get(name) for children in self._children]
        if other is None:
            return found
        return [
            children.get(other) if child is None else child
            for child, children in zip(found, self._children, strict=True)
        ]

    @cached_property
    def _children(self) -> list[dict[object, etree._Element]]:
        # From the last one back, so that of several of one name the first is kept.
        return [
            {child.tag: child for child in e[::-1]}  # type: ignore[index]  # stubs know no slices
            for e in self
        ]


def reader_of(shape: Shape) -> Reader:
    """The function that reads elements of a shape into records.

    It goes column by column, so that what is usual takes a few sweeps for all elements, and only
    what is not is looked at one by one.
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
    """What reads one value of each element."""
    value_type = column.value_type
    find, seek = _ways_in_children(column) if column.inside else _ways_in_elements(column)
    is_required = column.name == "id" and not column.inside and not column.is_optional

    def value(word: str | None) -> Any:
        if value_type.load is values.load_text:
            return word or value_type.empty
        return value_type.load(word) if word or is_required else value_type.empty  # type: ignore[arg-type]

    def read(elements: _Elements, localize: Localize | None) -> Iterable[Any]:
        words = find(elements)
        if all(words):
            found = value_type.load_all(words)
        elif column.is_sure:
            found = map(value, seek(elements, words))
        else:
            found = [
                MISSING if word is None and _is_omitted(e, column) else value(word)
                for e, word in zip(elements, seek(elements, words), strict=True)
            ]
            elements.is_partial |= any(each is MISSING for each in found)
        if value_type.is_time and localize is not None:
            return [localize(each) if isinstance(each, datetime) else each for each in found]
        return found

    return read


def _is_omitted(element: etree._Element, column: Column) -> bool:
    """Whether an element has no place for a value; one that is nil is a value."""
    names = (column.inside,) if column.inside else (column.name, column.other)
    return all(_child(element, name) is None for name in names if name)


_Ways: TypeAlias = (
    "tuple[Callable[[_Elements], list[Any]], Callable[[_Elements, list[Any]], list[Any]]]"
)
"""What finds words where they usually are, and what then seeks those that are not there."""


def _ways_in_elements(column: Column) -> _Ways:
    names = [name for name in (column.name, column.other) if name]
    key: Any = column.name.encode()  # lxml takes it as it is, and need not encode it each time
    return (
        lambda elements: [e.get(key) for e in elements],
        lambda elements, words: [
            word or _seek(e, *names) for e, word in zip(elements, words, strict=True)
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
            lambda elements, words: [
                _seek(e, inside) if child is None else child.text
                for e, child in zip(elements, elements.first(inside), strict=True)
            ],
        )
    return (
        lambda elements: [
            None if child is None else child.get(key) for child in elements.first(inside)
        ],
        lambda elements, words: [
            word if word or child is None else _seek(child, name)
            for child, word in zip(elements.first(inside), words, strict=True)
        ],
    )


def _text_reader(column: Column, shape: Shape) -> _ColumnReader:
    """Return the function that reads the texts of elements, exactly as they stand.

    Elements whose values are children carry the text in a child as well. Only there is the white
    space between the children layout; everywhere else it is part of the text.
    """
    fields = {
        spelling
        for part in shape.parts
        if isinstance(part, Column)
        for spelling in _spellings(part.inside or part.name)
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
    """All text right inside an element, that behind its children too."""
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _section_reader(section: Section) -> _ColumnReader:
    """What reads the records inside each element."""
    read = reader_of(section.shape)
    container, _, element = section.path.rpartition("/")
    inside, around = _spellings(element), _spellings(container)
    size, unknown = len(section.shape.parts), () if section.is_sure else MISSING

    def gather(e: etree._Element) -> list[etree._Element]:
        return list(_grouped(e, element) if section.is_grouped else e.iterchildren(*inside))

    def read_groups(elements: _Elements, localize: Localize | None) -> list[Any]:
        if container:
            containers = elements.first(*around)
            groups = [None if found is None else gather(found) for found in containers]
        else:
            groups = [gather(e) if len(e) else [] for e in elements]
        if not any(groups):
            return [unknown if group is None else () for group in groups]
        # Those of all elements in one go, and then to each its own.
        records = iter(read(chain.from_iterable(filter(None, groups)), localize))
        return [
            unknown if group is None else tuple(islice(records, len(group))) for group in groups
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
    """The record of something that only its id is told of."""
    id = _seek(element, key)
    return (int(id), *[MISSING] * (size - 1)) if id else None


# Items that stand in groups are marked by that alone.
_GROUPS = {"incomplete": "false", "completed": "true"}


def _grouped(container: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in container.iterchildren(name, *_GROUPS):
        if child.tag == name:
            yield child
            continue
        for item in child.iterchildren(name):
            if item.get("completed") is None:
                item.set("completed", _GROUPS[str(child.tag)])
            yield item


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next(element.iterchildren(*_spellings(name)), None)


def _filled(element: etree._Element, name: str) -> etree._Element | None:
    """A child that holds a record, and not just its place."""
    child = _child(element, name)
    if child is None or child.get("nil") == "true" or not (len(child) or child.attrib):
        return None
    return child


def _seek(element: etree._Element, *names: str) -> str | None:
    """A value by any of its names, in any spelling: an attribute or a child."""
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
