"""What is displayed of records and collections, independent of the output. Makes no request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import singledispatch
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from backpack_orm.errors import ValidationError
from backpack_orm.models.attachment import Attachment
from backpack_orm.models.belonging import SECTIONS, Belonging
from backpack_orm.models.email import Email
from backpack_orm.models.gallery import Gallery
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.separator import Separator
from backpack_orm.orm.queries import frames
from backpack_orm.orm.queries.collections import Collection, Embedded, label_of
from backpack_orm.orm.queries.searches import Search
from backpack_orm.orm.records.model import Model
from backpack_orm.plurals import counted
from backpack_orm.wire.shapes import MISSING

ROWS = 20
"""How many rows of a table are shown."""
ITEMS = 50
"""How many items of a list are shown, of the open and of the completed ones; how many names."""
WIDGETS = 100
"""How many records on a page are displayed."""
CHARACTERS = 4_000
"""How much of a text is shown."""
NAME = 400
"""How much of a title or a name is shown."""
CELL = 80
"""How much of a text is shown in a table."""

UNKNOWN: Any = object()
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@frozen
class Prose:
    """A text, with or without a title."""

    text: str
    title: str = ""
    when: datetime | None = None
    is_textile: bool = False


@frozen
class Checklist:
    """A list with its items, each with whether it is completed; None: not loaded."""

    title: str
    items: Sequence[tuple[str, bool]] | None


@frozen
class Names:
    """Files, pictures or pages of which only the names are displayed."""

    title: str
    names: Sequence[str]


@frozen
class Line:
    """What parts a page, with or without a name."""

    name: str


@frozen
class Facts:
    """Names and values."""

    pairs: Sequence[tuple[str, object]]


@frozen
class Remark:
    """A remark of this library, with code in backquotes."""

    text: str


@frozen
class Table:
    """Rows of values, and what is to be said about them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    remarks: Sequence[Remark] = ()


Block: TypeAlias = "Prose | Checklist | Names | Line | Facts | Remark | Table"


@frozen
class Card:
    """One object: what it is and in which state, and what is in it."""

    kind: str
    title: str
    blocks: Sequence[Block]
    states: Sequence[str] = ()
    tags: Sequence[str] = field(default=(), kw_only=True)
    footer: Sequence[str] = field(default=(), kw_only=True)


def plain(value: object) -> str:
    """A value in characters that can be shown: nothing that steers a terminal, nothing half.

    >>> plain("\\x1b[31mred"), plain(True), plain(None)
    ('�[31mred', 'yes', '–')
    """
    if value is None or value is UNKNOWN:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    return _UNPRINTABLE.sub("�", str(value).replace("\r\n", "\n"))


def cut(text: str, length: int) -> str:
    """The beginning of a text.

    >>> cut("Rua da Rosa", 7)
    'Rua da…'
    """
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def in_a_cell(value: object) -> str:
    """A value on one line, and not a long one.

    >>> in_a_cell("Rua da\\nRosa 7"), in_a_cell(("Travel", "Food"))
    ('Rua da Rosa 7', 'Travel, Food')
    """
    if isinstance(value, tuple | list):
        value = ", ".join(map(plain, value))
    return cut(" ".join(plain(value).split()), CELL)


@singledispatch
def contents(value: object) -> Card | Table:
    """What there is to show of an object.

    >>> contents(Page(title="Porto")).title
    'Porto'
    """
    raise TypeError(f"there is no rich display for {type(value).__name__} objects")


# --- records ----------------------------------------------------------------------------------


@contents.register
def _(record: Model) -> Card:
    label = label_of(type(record))
    facts, unknown = [], []
    for name, kind in record._table.fields.items():
        if name in ("id", label) or kind.is_write_only or not kind.is_shown:
            continue
        value = _known(record, name)
        if value is UNKNOWN:
            unknown.append(name)
        else:
            facts.append((name, cut(value, CHARACTERS) if isinstance(value, str) else value))
    for name in record._table.relations:
        value = _known(record, name)
        if value is not UNKNOWN and not _is_empty(value):
            facts.append((name, ", ".join(_some(_labels(value)))))
    blocks: list[Block] = [Facts(facts)] if facts else []
    if unknown and not record.is_new:
        blocks.append(_unloaded(unknown))
    return _card(record, blocks)


@contents.register(Email)
@contents.register(Gallery)
@contents.register(List)
@contents.register(Note)
def _(widget: Model) -> Card:
    blocks = [
        block if isinstance(block, Remark) else evolve(block, title="")  # the card has it
        for block in _blocks(widget)
    ]
    return _card(widget, blocks)


@contents.register
def _(page: Page) -> Card:
    blocks: list[Block] = []
    description = _known(page, "description")
    if description is not UNKNOWN and description:
        blocks.append(Prose(description, is_textile=True))
    if not page.is_new:
        blocks += _standing_on(page)
    tags = _known(page, "tags")
    footer = [_known(page, name) for name in ("scope", "email_address")]
    return _card(
        page,
        blocks,
        tags=[] if tags is UNKNOWN else _some(_labels(tags._loaded())),
        footer=[text for text in footer if text is not UNKNOWN and text],
    )


def _standing_on(page: Page) -> list[Block]:
    """The records on a page, in their order."""
    sections = {name: _known(page, name) for name in dict.fromkeys(SECTIONS.values())}
    belongings = _known(page, "belongings")
    if belongings is UNKNOWN and all(part is UNKNOWN for part in sections.values()):
        return [
            Remark(
                f"Its contents are not loaded yet: `Page.find({page.id})` loads it, or the "
                "first use of `.notes`, `.lists` or `.tags`, with one request."
            )
        ]
    blocks = list(_in_order(() if belongings is UNKNOWN else belongings, sections))
    if belongings is UNKNOWN:
        blocks.append(Remark("Their order is not loaded yet: read `.belongings`."))
    left = len(blocks) - WIDGETS
    if left > 0:
        blocks[WIDGETS:] = [Remark(f"… and {left} more, below on the page.")]
    return [*blocks, *_of_older_pages(page)]


def _in_order(belongings: Iterable[Belonging], sections: dict[str, Any]) -> Iterator[Block]:
    """What belongings name in their order, then what they do not name."""
    seen: set[object] = set()
    for belonging in belongings:
        name = SECTIONS.get(belonging.type, "")
        section = sections.get(name, ())
        if section is UNKNOWN:
            if name not in seen:
                yield _unloaded([name])
            seen.add(name)
            continue
        widget = section._by_id.get(belonging.widget_id) if section else None
        seen.add(id(widget))
        yield from _blocks(widget) if widget else [_untold(belonging)]
    for name, section in sections.items():
        if section is not UNKNOWN:
            left = [widget for widget in section if id(widget) not in seen]
            yield from (block for widget in left for block in _blocks(widget))
        elif name in ("notes", "lists") and name not in seen:
            yield _unloaded([name])


def _untold(belonging: Belonging) -> Block:
    """The remark for a widget of which the service returns only the type and id."""
    if belonging.type == "Separator":
        return Line("")
    what = f"{belonging.type} {belonging.widget_id}"
    return Remark(f"{what}: the service returns no more about it.")


def _of_older_pages(page: Page) -> Iterator[Block]:
    in_lists = {item.id for each in _all(page, "lists") for item in _all(each, "items")}
    own = [_item(item) for item in _all(page, "items") if item.id not in in_lists]
    if own:
        yield Checklist("", own)
    links = _all(page, "linked_pages")
    if links:
        yield Names("Linked pages", _some(_labels(links)))


# --- records on a page -----------------------------------------------------------------------


@singledispatch
def _blocks(widget: Model) -> list[Any]:
    raise TypeError(f"nothing is known of how {type(widget).__name__} objects stand on a page")


@_blocks.register
def _(note: Note) -> list[Any]:
    title, body = _known(note, "title"), _known(note, "body")
    if body is UNKNOWN:
        return [_unloaded(["body"])]
    return [Prose(body, _name(title), _time(note), True)]


@_blocks.register
def _(mail: Email) -> list[Any]:
    subject, body = _known(mail, "subject"), _known(mail, "body")
    if body is UNKNOWN:
        return [_unloaded(["body"])]
    return [Prose(body, f"✉ {_name(subject)}", _time(mail))]


@_blocks.register
def _(what: List) -> list[Any]:
    items = _known(what, "items")
    known = None if items is UNKNOWN else [_item(item) for item in items]
    return [Checklist(_name(_known(what, "name")), known)]


@_blocks.register
def _(gallery: Gallery) -> list[Any]:
    images = _known(gallery, "images")
    names = [] if images is UNKNOWN else _some(_labels(images))
    return [Names(f"🖼 {_name(_known(gallery, 'name'))}", names)]


@_blocks.register
def _(attachment: Attachment) -> list[Any]:
    return [Names("", [f"📎 {_name(_known(attachment, 'file_name'))}"])]


@_blocks.register
def _(separator: Separator) -> list[Any]:
    return [Line(_name(_known(separator, "name")))]


# --- collections -----------------------------------------------------------------


@contents.register(Search)
def _(search: Search[Any]) -> Any:
    if search.is_loaded:
        return contents.dispatch(Collection)(search)
    remark = Remark("Not read yet: len() and iterating read all results, first() one.")
    return Table(f"search for {search._model.__name__} records", (), (), [remark])


@contents.register(Collection)
def _(collection: Collection[Any]) -> Table:
    model = collection._model
    if isinstance(collection, Embedded) and not collection.is_loaded:
        owner = type(collection._owner).__name__
        remark = Remark("Not loaded yet: its first use loads it, with one request.")
        return Table(f"{collection._relation.name} of a {owner}", (), (), [remark])
    records = collection._loaded()
    total, shown = len(records), records[:ROWS]
    fields = {name: [_known(record, name) for record in shown] for name in model._table.fields}
    places = frames.rows(model, shown)
    known: dict[str, list[object]] = {}
    unknown = []
    for name in frames.columns(model):
        if name not in fields:
            column = [row[name] for row in places]
            if len(set(column)) > 1:
                known[name] = column
        elif shown and all(value is UNKNOWN for value in fields[name]):
            unknown.append(name)
        else:
            known[name] = fields[name]
    for name, relation in model._table.relations.items():
        parts = [_known(record, name) for record in shown]
        if relation.is_single or name == "belongings" or all(map(_is_empty, parts)):
            continue
        known[name] = [UNKNOWN if part is UNKNOWN else len(part) for part in parts]
    remarks = []
    if total > ROWS:
        remarks.append(Remark(f"The first {ROWS} of {total:,}: `.to_frame()` has them all."))
    if unknown:
        remarks.append(_unloaded(unknown))
    rows = list(zip(*known.values(), strict=True))
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()
    return Table(counted(total, words), list(known), rows, remarks)


# --- helpers ----------------------------------------------------------------------------------


def _card(record: Model, blocks: Sequence[Block], **details: Any) -> Card:
    label = label_of(type(record))
    title = _name(_known(record, label)) if label else ""
    if not record.is_new:
        details["footer"] = [f"id {record._saved_id}", *details.get("footer", ())]
    return Card(type(record).__name__, title, blocks, _states(record), **details)


def _states(record: Model) -> list[str]:
    if record.is_destroyed:
        return ["destroyed"]
    if record.is_new:
        return ["not saved yet"]
    try:
        record._check_assigned()
        changes = record.changes
    except ValidationError as error:
        return [f"edited, and cannot be saved: {error.message}"]
    return [f"edited, not saved: {', '.join(changes)}"] if changes else []


def _known(record: Model, name: str) -> Any:
    """Return the value of an attribute if it is loaded, else UNKNOWN. Makes no request."""
    slot = record._slot(name, UNKNOWN)
    if name not in record._table.relations:
        return slot
    if slot is UNKNOWN and record._record is not None:
        is_loaded = record._record[record._position(name)] is not MISSING
        return getattr(record, name) if is_loaded else UNKNOWN
    if isinstance(slot, Embedded) and not slot.is_loaded:
        return UNKNOWN
    return slot


def _all(record: Model, name: str) -> Sequence[Any]:
    """What a collection holds, as far as it is loaded."""
    found: Sequence[Any] | object = _known(record, name)
    return found if isinstance(found, Sequence) else ()


def _is_empty(value: object) -> bool:
    return value is None or value is UNKNOWN or value == () or not _labels(value)


def _labels(value: object) -> list[str]:
    """What people call a record, or each of several; what was assigned may be names already."""
    if isinstance(value, Model):
        label = label_of(type(value))
        return [_name(_known(value, label)) if label else f"{type(value).__name__} {value.id}"]
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [_name(value)]
    return [label for each in value for label in _labels(each)]


def _some(names: list[str]) -> list[str]:
    """The first of many names, and how many are left out."""
    left = len(names) - ITEMS
    return names if left <= 0 else [*names[:ITEMS], f"… and {left:,} more"]


def _item(item: Any) -> tuple[str, bool]:
    return _text(_known(item, "content")), _known(item, "completed") is True


def _text(value: object) -> str:
    return "…" if value is UNKNOWN else str(value)


def _name(value: object) -> str:
    """A title or a name; of a very long one its beginning, and how much is left out."""
    text = _text(value)
    left = len(text) - NAME
    return text if left <= 0 else f"{cut(text, NAME)} and {left:,} characters more"


def _time(record: Model) -> datetime | None:
    value = _known(record, "created_at")
    return value if isinstance(value, datetime) else None


def _unloaded(names: Sequence[str]) -> Remark:
    shown = ", ".join(f"`.{name}`" for name in names)
    return Remark(f"Not loaded yet: {shown}. Reading it loads it, with one request.")
