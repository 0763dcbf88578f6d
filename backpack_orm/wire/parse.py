"""Answers to records: strict XML, both dialects, one compiled reader per shape.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
Both dialects are read alike: a value may be an attribute or a child element, its name spelled with
underscores or dashes. What an answer cannot know (a list of pages tells nothing of their notes)
is `MISSING` in the record; what it leaves out is empty.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar

from attrs import field, frozen
from lxml import etree

from backpack_orm.errors import InvalidResponse
from backpack_orm.wire.values import Kind


class Missing(Enum):
    """The type of `MISSING`, the mark of what has not been loaded."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

Record: TypeAlias = "tuple[Any, ...]"
T = TypeVar("T")


@frozen
class Column:
    """One value of a record.

    Attributes:
        name: Its name on the wire, with underscores.
        kind: How its words are read.
        inside: The child element whose attribute it is, where it is not the record's own.
        is_text: Whether the element's own text carries it, unless a child of that name does.
    """

    name: str
    kind: Kind
    inside: str = ""
    is_text: bool = False


@frozen
class Section:
    """Records inside a record.

    Attributes:
        path: `notes/note` for notes in a `<notes>`, `send` for direct children.
        shape: What each of them looks like.
        is_single: Whether there is one at most: then the value is a record or None.
    """

    path: str
    shape: Shape
    is_single: bool = False


@frozen(eq=False)
class Shape:
    """What an element is read into: its name and, in order, its columns and sections.

    A position that is None is one this answer does not know.
    """

    element: str
    parts: tuple[Column | Section | None, ...]


@frozen
class Answer:
    """What came back from the service, unread."""

    status: int
    content: bytes = field(repr=False)
    location: str | None = field(default=None, repr=False)


# --- documents --------------------------------------------------------------------------------

_parsers = threading.local()


def _parser() -> etree.XMLParser:
    """A parser of this thread's own: lxml makes threads wait for a shared one."""
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


def document(content: bytes) -> etree._Element:
    """Parse an answer strictly.

    Raises:
        InvalidResponse: It is empty, HTML, cut off, malformed, or has a document type.

    >>> document(b"<pages><page id='71'/></pages>").tag
    'pages'
    """
    if not content.strip():
        raise InvalidResponse("the answer is empty")
    try:
        root = etree.fromstring(content, _parser())
    except etree.XMLSyntaxError as error:
        what = "HTML" if _looks_like_html(content) else f"no well-formed XML: {error.msg}"
        raise InvalidResponse(f"the answer is {what}") from None
    if _local_name(root) == "html":
        raise InvalidResponse("the answer is HTML")
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidResponse("the answer declares a document type")
    return root


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
_ERROR = re.compile(rb"""<error\b[^>]*?\bcode\s*=\s*["'](\d{3})["'][^>]*>([^<]*)""")


def failure(content: bytes) -> tuple[int, str] | None:
    """The code and message of an error body, or None when it is not one.

    A failure that gives no code counts as 500.

    >>> failure(b"<response success='false'><error code='404'>Record not found</item></response>")
    (404, 'Record not found')
    """
    if not _FAILED.search(content[:1000]):
        return None
    error = _ERROR.search(content)
    if not error:
        return 500, "the service gives no reason"
    return int(error[1]), error[2].decode("utf-8", "replace").strip()


# --- readers ----------------------------------------------------------------------------------

Reader: TypeAlias = "Callable[[Iterable[etree._Element]], tuple[Record, ...]]"


def many(shape: Shape, container: str) -> Callable[[Answer], tuple[Record, ...]]:
    """A reader for an answer that lists records in a container element.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.WORDS), Column("id", values.INTEGER)))
    >>> many(tag, "tags")(Answer(200, b"<tags><tag id='5' name='Travel'/></tags>"))
    (('Travel', 5),)
    """
    read = compile_reader(shape)
    element = shape.element

    def read_many(answer: Answer) -> tuple[Record, ...]:
        found = _find(document(answer.content), container)
        return _guarded(found, lambda: read(found.iterchildren(*_spellings(element))))

    return read_many


def one(shape: Shape) -> Callable[[Answer], Record]:
    """A reader for an answer that holds one record, at its root or right under `<response>`.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.WORDS), Column("id", values.INTEGER)))
    >>> one(tag)(Answer(200, b"<response success='true'><tag id='5' name='Travel'/></response>"))
    ('Travel', 5)
    """
    read = compile_reader(shape)

    def read_one(answer: Answer) -> Record:
        found = _find(document(answer.content), shape.element)
        return _guarded(found, lambda: read((found,))[0])

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
    """Take an answer whose status says all: the newer dialect confirms with any body or none."""


def location_id(answer: Answer) -> int | None:
    """The id at the end of the `Location` of what was created.

    >>> location_id(Answer(201, b"", "/reminders/81"))
    81
    """
    tail = re.search(r"/(\d+)(?:\.xml)?/?$", answer.location or "")
    return int(tail[1]) if tail else None


def _find(root: etree._Element, name: str) -> etree._Element:
    names = _spellings(name)
    if root.tag in names:
        return root
    if root.tag == "response":
        found = next(root.iterchildren(*names), None)
        if found is not None:
            return found
    raise _unexpected(f"<{name}>", root)


def _unexpected(wanted: str, root: etree._Element) -> InvalidResponse:
    return InvalidResponse(f"{wanted} was expected, not <{root.tag}>")


def _guarded(element: etree._Element, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, TypeError) as error:
        raise InvalidResponse(f"a value in <{element.tag}> cannot be read: {error}") from None


def _spellings(name: str) -> tuple[str, ...]:
    dashed = name.replace("_", "-")
    return (name,) if dashed == name else (name, dashed)


def compile_reader(shape: Shape) -> Reader:
    """Compile the function that reads elements of a shape into records.

    The function is written out for its shape, so that reading a record is one pass over straight
    code: no loop over columns, no lookups by name.
    """
    scope: dict[str, Any] = {
        "MISSING": MISSING,
        "_seek": _seek,
        "_text": _text,
        "_child": _child,
        "fromisoformat": datetime.fromisoformat,
    }
    lines = [
        "def read(elements):",
        "    records = []",
        "    add = records.append",
        "    for e in elements:",
        "        get = e.get",
    ]
    names = []
    for position, part in enumerate(shape.parts):
        name = f"v{position}"
        if part is None:
            names.append("MISSING")
            continue
        names.append(name)
        if isinstance(part, Section):
            statements = _read_section(part, position, scope)
        else:
            statements = _read_column(part, position, scope)
        lines += [" " * 8 + statement for statement in statements]
    lines += [f"        add(({', '.join(names)},))", "    return tuple(records)"]
    exec("\n".join(lines), scope)  # noqa: S102 - the source is written above, from our own tables
    reader: Reader = scope["read"]
    return reader


def _read_column(column: Column, position: int, scope: dict[str, Any]) -> list[str]:
    """Statements that read one value; what is usual is tried first, with as few steps as can be."""
    value, load, name = f"v{position}", f"load{position}", column.name
    scope[load] = column.kind.load
    quick = re.sub(r"\bload\b", load, re.sub(r"\bwords\b", value, column.kind.quick))
    empty = repr(column.kind.empty)
    if column.inside:
        found = [
            f"c = _child(e, {column.inside!r})",
            f"{value} = None if c is None else _seek(c, {name!r})",
        ]
    elif column.is_text:
        # Blank space may surround a child of that name, or stand for a pretty-printed body.
        return [
            f"{value} = e.text",
            f"if {value} is None or {value} <= '!':",
            f"    {value} = _text(e, {name!r})",
            f"    {value} = {load}({value}) if {value} else {empty}",
        ]
    else:
        found = [f"{value} = get({name!r})", f"if {value} is None: {value} = _seek(e, {name!r})"]
    if name == "id":  # a record without one is none
        return [*found, f"{value} = {quick}"]
    if quick == value:
        return [*found, f"if {value} is None: {value} = {empty}"]
    return [*found, f"{value} = ({quick}) if {value} else {empty}"]


def _read_section(section: Section, position: int, scope: dict[str, Any]) -> list[str]:
    value, read = f"v{position}", f"read{position}"
    scope[read] = compile_reader(section.shape)
    container, _, element = section.path.rpartition("/")
    spelled = ", ".join(map(repr, _spellings(element)))
    if section.is_single:
        return [f"c = _child(e, {element!r})", f"{value} = None if c is None else {read}((c,))[0]"]
    if not container:
        return [f"{value} = {read}(e.iterchildren({spelled}))"]
    return [
        f"c = _child(e, {container!r})",
        f"{value} = () if c is None else {read}(c.iterchildren({spelled}))",
    ]


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next(element.iterchildren(*_spellings(name)), None)


def _text(element: etree._Element, name: str) -> str | None:
    """A text that is a child's, if there is one of that name, else the element's own."""
    text = _seek(element, name) if len(element) else None
    return element.text if text is None else text


def _seek(element: etree._Element, name: str) -> str | None:
    """A value that is not the attribute of the expected spelling: another one, or a child."""
    value = element.get(name)
    if value is None and "_" in name:
        value = element.get(name.replace("_", "-"))
    if value is not None:
        return value
    child = _child(element, name)
    if child is None or child.get("nil") == "true":
        return None
    return child.text or ""
