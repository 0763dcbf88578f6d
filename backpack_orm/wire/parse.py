"""Answers to records: strict XML, both dialects, one compiled reader per shape.

A record is a tuple of values in the order of its shape's columns; sections are tuples of records.
Both dialects are read alike: a value may be an attribute or a child element, its name spelled with
underscores or dashes. What an answer cannot know (a list of pages tells nothing of their notes)
is `MISSING` in the record; what it leaves out is empty.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import Enum
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


@frozen
class Column:
    """One value of a record.

    Attributes:
        name: Its name on the wire, with underscores.
        kind: How its words are read.
        inside: The child element whose attribute it is, where it is not the record's own.
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


@frozen
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


@frozen
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


_DOCUMENT = re.compile(rb"\s*(<\?xml\b[^>]*\?>)?(.*)", re.DOTALL)


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
        found = _DOCUMENT.match(content)
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
    return int(error[1]), html.unescape(error[2].decode("utf-8", "replace")).strip()


# --- readers ----------------------------------------------------------------------------------

Reader: TypeAlias = "Callable[[Iterable[etree._Element], Localize | None], tuple[Record, ...]]"


def many(shape: Shape, container: str) -> Callable[[Answer], tuple[Record, ...]]:
    """A reader for an answer that lists records in a container element.

    >>> from backpack_orm.wire import values
    >>> tag = Shape("tag", (Column("name", values.WORDS), Column("id", values.INTEGER)))
    >>> many(tag, "tags")(Answer(200, b"<tags><tag id='5' name='Travel'/></tags>"))
    (('Travel', 5),)
    """
    read = compile_reader(shape)
    names = _spellings(shape.element)

    def read_many(answer: Answer) -> tuple[Record, ...]:
        root = document(answer.content)
        several = (shape.element,) if root.tag == "roots" else ()
        found = _find(root, container, *several)
        elements = (
            element
            for each in found
            for element in ((each,) if each.tag in names else each.iterchildren(*names))
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
    """Take an answer whose status says all: the newer dialect confirms with any body or none."""


def location_id(answer: Answer) -> int | None:
    """The id at the end of the `Location` of what was created.

    >>> location_id(Answer(201, b"", "/reminders/81"))
    81
    """
    tail = re.search(r"/(\d+)(?:\.xml)?/?$", answer.location or "")
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

    The function is written out for its shape, so that reading a record is one pass over straight
    code: no loop over columns, no lookups by name.
    """
    scope: dict[str, Any] = {
        "MISSING": MISSING,
        "_seek": _seek,
        "_text": _text,
        "_child": _child,
        "_filled": _filled,
        "_grouped": _grouped,
        "fromisoformat": datetime.fromisoformat,
    }
    lines = [
        "def read(elements, localize):",
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
    if column.other:
        found.append(f"if {value} is None: {value} = _seek(e, {column.other!r})")
    if name == "id" and not column.inside and not column.is_optional:  # none, without one
        return [*found, f"{value} = {quick}"]
    if quick == value:
        return [*found, f"if {value} is None: {value} = {empty}"]
    found.append(f"{value} = ({quick}) if {value} else {empty}")
    if column.kind.is_time:
        found.append(f"if localize is not None and {value}: {value} = localize({value})")
    return found


def _read_section(section: Section, position: int, scope: dict[str, Any]) -> list[str]:
    value, read = f"v{position}", f"read{position}"
    scope[read] = compile_reader(section.shape)
    container, _, element = section.path.rpartition("/")
    spelled = ", ".join(map(repr, _spellings(element)))
    if section.is_single:
        lines = [
            f"c = _filled(e, {element!r})",
            f"{value} = None if c is None else {read}((c,), localize)[0]",
        ]
        if section.key:
            rest = ", MISSING" * (len(section.shape.parts) - 1)
            lines += [
                f"if c is None and (c := _seek(e, {section.key!r})):",
                f"    {value} = (int(c){rest},)",
            ]
        return lines
    if not container:
        return [f"{value} = {read}(e.iterchildren({spelled}), localize) if len(e) else ()"]
    within = f"_grouped(c, {element!r})" if section.is_grouped else f"c.iterchildren({spelled})"
    unknown = "()" if section.is_sure else "MISSING"
    return [
        f"c = _child(e, {container!r})",
        f"{value} = {unknown} if c is None else {read}({within}, localize)",
    ]


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
