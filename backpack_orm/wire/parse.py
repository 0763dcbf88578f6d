"""Answers to records: strict XML, both dialects, one compiled reader per shape.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
Both dialects are read alike: a value may be an attribute or a child element, its name spelled with
underscores or dashes. What an answer cannot know (a list of pages tells nothing of their notes)
is `MISSING` in the record; what it leaves out is empty.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import Enum
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

from attrs import field, frozen
from lxml import etree

from backpack_orm.errors import InvalidResponse, ValidationError
from backpack_orm.wire.values import Kind


class Missing(Enum):
    """The type of `MISSING`, the mark of what has not been loaded."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

Record: TypeAlias = "tuple[Any, ...]"
Localize: TypeAlias = "Callable[[datetime], datetime]"
T = TypeVar("T")


@frozen(eq=False)
class Column:
    """One value of a record.

    Attributes:
        name: Its name on the wire, with underscores.
        kind: How its words are read.
        inside: The child element whose attribute it is, where it is not the record's own;
            without a name, the child whose text it is.
        is_text: Whether the element's own text carries it, unless a child of that name does.
        other: Another name that it goes by, where the first is not met.
        is_optional: For an id: whether a record may come without it.
    """

    name: str
    kind: Kind
    inside: str = ""
    is_text: bool = False
    other: str = ""
    is_optional: bool = False


@frozen(eq=False)
class Section:
    """Records inside a record.

    Attributes:
        path: `notes/note` for notes in a `<notes>`, `send` for direct children.
        shape: What each of them looks like.
        is_single: Whether there is one at most: then the value is a record or None.
        key: For a single one: where its id stands when the answer tells no more of it.
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


@frozen(eq=False)
class Shape:
    """What an element is read into: its name and, in order, its columns and sections.

    A position that is None is one this answer does not know.
    """

    element: str
    parts: tuple[Column | Section | None, ...]


@frozen(eq=False)
class Answer:
    """What came back from the service, unread.

    Attributes:
        status: The HTTP status.
        content: The body.
        location: Where the service says that what was created is.
        localize: Gives times their zone, those that have none in the answer; None: they stay so.
    """

    status: int
    content: bytes = field(repr=False)
    location: str | None = field(default=None, repr=False)
    localize: Localize | None = field(default=None, repr=False)


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


_DOCUMENT = rb"(?s)\s*(<\?xml\b[^>]*\?>)?(.*)"


def document(content: bytes) -> etree._Element:
    """Parse an answer strictly.

    Several roots, which the service has sent, come in a `<roots>` of our own.

    Raises:
        InvalidResponse: It is empty, HTML, cut off, malformed, or has a document type.

    >>> document(b"<pages><page id='71'/></pages>").tag
    'pages'
    """
    if not content.strip():
        raise InvalidResponse("the answer is empty")
    try:
        root = _parsed(content)
    except etree.XMLSyntaxError as error:
        what = "HTML" if _looks_like_html(content) else f"no well-formed XML: {error.msg}"
        raise InvalidResponse(f"the answer is {what}") from None
    roots = root if root.tag == "roots" else (root,)
    if any(_local_name(element) == "html" for element in roots):
        raise InvalidResponse("the answer is HTML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidResponse("the answer declares a document type")
    return root


def _parsed(content: bytes) -> etree._Element:
    try:
        return etree.fromstring(content, _parser())
    except etree.XMLSyntaxError as error:
        found = re.match(_DOCUMENT, content)
        if error.msg is None or "Extra content" not in error.msg or found is None:
            raise
        declaration, elements = found[1] or b"", found[2]
        roots = etree.fromstring(declaration + b"<roots>" + elements + b"</roots>", _parser())
        if any(words and not words.isspace() for words in (roots.text, *(e.tail for e in roots))):
            raise
        return roots


def excerpt(content: bytes) -> str:
    """The beginning of an answer, for a message."""
    text = content[:200].decode("utf-8", "replace")
    return text + "…" if len(content) > 200 else text


def _looks_like_html(content: bytes) -> bool:
    return bool(re.match(rb"\s*(<!doctype\s+html|<html)", content, re.IGNORECASE))


def _local_name(element: etree._Element) -> str:
    return etree.QName(element).localname.lower()


# The service's own sample of a failure is malformed, so failures are read without a parser.
_FAILED = re.compile(rb"""<response\b[^>]*\bsuccess\s*=\s*["']false["']""")
_ERROR = rb"""<error\b[^>]*?\bcode\s*=\s*["'](\d{3})["'][^>]*>([^<]*)"""


def failure(content: bytes) -> tuple[int, str] | None:
    """The code and message of an error body, or None when it is not one.

    A failure that gives no code counts as 500.

    >>> failure(b"<response success='false'><error code='404'>Record not found</item></response>")
    (404, 'Record not found')
    """
    if not _FAILED.search(content[:1000]):
        return None
    from html import unescape  # only failures pay for it

    error = re.search(_ERROR, content)
    if not error:
        return 500, "the service gives no reason"
    return int(error[1]), unescape(error[2].decode("utf-8", "replace")).strip()


# --- readers ----------------------------------------------------------------------------------

Reader: TypeAlias = "Callable[[Iterable[etree._Element], Localize | None], tuple[Record, ...]]"


def many(
    shape: Shape, container: str, is_grouped: bool = False
) -> Callable[[Answer], tuple[Record, ...]]:
    """A reader for an answer that lists records in a container element.

    Args:
        shape: What each of them looks like.
        container: The element around them.
        is_grouped: Whether they may stand in groups, see `Section`.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.WORDS), Column("id", values.INTEGER)))
    >>> many(tag, "tags")(Answer(200, b"<tags><tag id='5' name='Travel'/></tags>"))
    (('Travel', 5),)
    """
    read = compile_reader(shape)
    names = _spellings(shape.element)

    def children(container: etree._Element) -> Iterable[etree._Element]:
        if is_grouped:
            return _grouped(container, shape.element)
        return container.iterchildren(*names)

    def read_many(answer: Answer) -> tuple[Record, ...]:
        root = document(answer.content)
        several = (shape.element,) if root.tag == "roots" else ()
        found = _find(root, container, *several)
        elements = chain.from_iterable(
            (each,) if each.tag in names else children(each) for each in found
        )
        return _guarded(found[0], lambda: read(elements, answer.localize))

    return read_many


def one(shape: Shape) -> Callable[[Answer], Record]:
    """A reader for an answer that holds one record, at its root or right under `<response>`.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.WORDS), Column("id", values.INTEGER)))
    >>> one(tag)(Answer(200, b"<response success='true'><tag id='5' name='Travel'/></response>"))
    ('Travel', 5)
    """
    read_any = one_of(shape)
    return lambda answer: read_any(answer)[1]


def one_of(*shapes: Shape) -> Callable[[Answer], tuple[str, Record]]:
    """A reader for an answer that holds one record in any of some shapes: gives which, and it.

    >>> from backpack_orm.wire import values
    >>> tag, page = (Shape(name, (Column("id", values.INTEGER),)) for name in ("tag", "page"))
    >>> one_of(tag, page)(Answer(200, b"<page id='71'/>"))
    ('page', (71,))
    """
    readers = {
        spelling: (shape.element, compile_reader(shape))
        for shape in shapes
        for spelling in _spellings(shape.element)
    }

    def read_one(answer: Answer) -> tuple[str, Record]:
        root = document(answer.content)
        found, *more = _find(root, *(shape.element for shape in shapes))
        if more:
            raise InvalidResponse(f"one <{found.tag}> was expected, not {len(more) + 1}")
        element, read = readers[str(found.tag)]
        return element, _guarded(found, lambda: read((found,), answer.localize)[0])

    return read_one


def success(answer: Answer) -> None:
    """Make sure that an answer without data is the documented success.

    Raises:
        InvalidResponse: It is anything but a `<response>`.
    """
    root = document(answer.content)
    if root.tag != "response":
        raise _unexpected("a <response>", root)


def anything(answer: Answer) -> None:
    """Make sure that an answer is from the service, whose newer dialect confirms with any body or
    none.

    Raises:
        InvalidResponse: It is HTML, as a network sends that wants its terms accepted, or no XML.
    """
    if answer.content.strip():
        document(answer.content)


def location_id(answer: Answer) -> int | None:
    """The id at the end of the `Location` of what was created.

    >>> location_id(Answer(201, b"", "/reminders/81"))
    81
    """
    tail = re.search(r"/([0-9]{1,18})(?:\.xml)?/?$", answer.location or "")
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


def compile_reader(shape: Shape) -> Reader:
    """Compile the function that reads elements of a shape into records.

    The function is one comprehension written out for its shape: no loop over columns, no lookup
    by name, what is usual tried first.
    """
    scope: dict[str, Any] = {
        "MISSING": MISSING,
        "seek": _seek,
        "text": _text,
        "grouped": _grouped,
        "alone": _alone,
        "filled": _filled,
        "fromisoformat": datetime.fromisoformat,
    }
    values = []
    for position, part in enumerate(shape.parts):
        if part is None:
            values.append("MISSING")
        elif isinstance(part, Section):
            values.append(_section_expression(part, f"read{position}", scope))
        else:
            values.append(_column_expression(part, f"load{position}", scope))
    inner = any(isinstance(part, Column) and part.inside for part in shape.parts)
    # The first of several children of one name is the one that counts.
    children = " for children in ({c.tag: c for c in e.iterchildren(reversed=True)},)"
    lines = [
        "def read(elements, localize):",
        "    return tuple([",
        f"        ({', '.join(values)},)",
        f"        for e in elements{children if inner else ''}",
        "    ])",
    ]
    exec("\n".join(lines), scope)  # noqa: S102 - the source is written above, from our own tables
    reader: Reader = scope["read"]
    return reader


def _column_expression(column: Column, load: str, scope: dict[str, Any]) -> str:
    """What reads one value of the element `e`."""
    kind, name = column.kind, column.name
    scope[load] = kind.load
    empty, quick = repr(kind.empty), re.sub(r"\bload\b", load, kind.quick)
    if column.is_text:
        # Blank space may surround a child of that name, or stand for a pretty-printed body.
        slow = f"({load}(words) if (words := text(e, {name!r})) else {empty})"
        return f"(words if (words := e.text) and words > '!' else {slow})"
    others = "".join(f", {other!r}" for other in (name, column.other) if other)
    if column.inside:
        child = f"(c := children.get({column.inside!r})) is not None"
        found = f"seek(c, {name!r})" if name else "c.text"
        words = f"({found} if {child} else {'None' if name else f'seek(e, {column.inside!r})'})"
    else:
        words = f"(e.get({name!r}) or seek(e{others}))"
    if name == "id" and not column.inside and not column.is_optional:  # none, without one
        return re.sub(r"\bwords\b", lambda _: words, quick)
    if quick == "words":
        return f"({words} or {empty})" if kind.empty is not None else words
    if kind.is_time:
        quick = f"({quick}) if localize is None else localize({quick})"
    return f"(({quick}) if (words := {words}) else {empty})"


def _section_expression(section: Section, read: str, scope: dict[str, Any]) -> str:
    """What reads the records inside the element `e`."""
    scope[read] = compile_reader(section.shape)
    container, _, element = section.path.rpartition("/")
    inside = ", ".join(map(repr, _spellings(element)))
    if section.is_single:
        unknown = f"alone(e, {section.key!r}, {len(section.shape.parts)})" if section.key else None
        child = f"(c := filled(e, {element!r})) is not None"
        return f"({read}((c,), localize)[0] if {child} else {unknown})"
    if not container:
        return f"({read}(e.iterchildren({inside}), localize) if len(e) else ())"
    child = f"(c := next(e.iterchildren({', '.join(map(repr, _spellings(container)))}), None))"
    within = f"grouped(c, {element!r})" if section.is_grouped else f"c.iterchildren({inside})"
    unknown = "()" if section.is_sure else "MISSING"
    return f"({read}({within}, localize) if {child} is not None else {unknown})"


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


def _text(element: etree._Element, name: str) -> str | None:
    """A text that is a child's, if there is one of that name, else the element's own."""
    text = _seek(element, name) if len(element) else None
    return element.text if text is None else text


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
