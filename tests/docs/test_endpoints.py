"""The table of endpoints is complete, fresh and true."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from lxml import etree

import backpack_orm
from backpack_orm import (
    Bookmark,
    Calendar,
    CalendarEvent,
    Connection,
    Email,
    Item,
    JournalEntry,
    List,
    Model,
    Note,
    NotFound,
    Page,
    PageItem,
    Reminder,
    Status,
    User,
)
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import build
from backpack_orm.wire.endpoint import Safety
from tests.docs import documents
from tests.sandbox.test_reference import ROWS

_MADE: dict[str, Any] = runpy.run_path(str(documents.ROOT / "docs" / "endpoints.py"))
_ENDPOINTS = _MADE["endpoints"]()
_TEXT = (documents.ROOT / "docs" / "endpoints.md").read_text("utf-8")


def shape(path: str) -> str:
    """A path with all ids alike, without the token or a query."""
    return re.sub(r"\d+|{\w+}", "ID", re.sub(r"^/(TOKEN|\[token\])|\?.*", "", path))


def test_the_document_is_fresh() -> None:
    assert _MADE["document"]() == _TEXT, "run python docs/endpoints.py"


def test_every_call_has_a_line_and_every_line_a_call() -> None:
    assert set(_MADE["LINES"]) == set(_ENDPOINTS)


def test_every_call_of_the_reference_has_a_line() -> None:
    labels = [row.label for row in _ENDPOINTS.values()] + list(_MADE["OTHERS"])
    ours = {(verb, shape(path)) for verb, path in (label.split(" ") for label in labels)}
    theirs = {(verb, shape(path)) for verb, path, *_ in ROWS}
    assert theirs == ours


def places(body: str | bytes) -> set[str]:
    """Where in a body something stands."""
    root = etree.fromstring(body)
    tree = root.getroottree()
    elements = {each: re.sub(r"\[\d+\]", "", tree.getpath(each)) for each in root.iter()}
    attributes = {f"{place}/@{name!s}" for each, place in elements.items() for name in each.attrib}
    return {*elements.values(), *attributes}


@pytest.mark.parametrize("name", [name for name, row in _ENDPOINTS.items() if row.sends])
def test_a_body_says_what_the_reference_says_where_it_says_it(name: str) -> None:
    row = _ENDPOINTS[name]
    (documented,) = {
        f"<request>{body}</request>" if path.startswith(("/ws/", "/pages/")) else body
        for verb, path, body, status, _ in ROWS
        if f"{verb} {shape(path)}" == f"{row.verb} {shape(row.label.split()[1])}" and status < 300
    }
    words = {build.name_of(place): "x" for place in row.sends}
    assert places(row.body_for(words, None)) <= places(documented)


@pytest.mark.parametrize("name", _ENDPOINTS)
def test_a_line_makes_the_call(name: str, connection: Connection) -> None:
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    exec(_MADE["BEGINNING"], space)
    connection.clear_cache()
    label = _ENDPOINTS[name].label
    before = connection.stats.by_endpoint.get(label, 0)
    exec(_MADE["LINES"][name], space)
    assert connection.stats.by_endpoint[label] > before


@pytest.mark.parametrize(("label", "name"), _MADE["OTHERS"].items())
def test_what_the_other_calls_do_is_done_by_ones_that_models_make(label: str, name: str) -> None:
    assert label not in {row.label for row in _ENDPOINTS.values()}
    assert name in _ENDPOINTS


WRITES = {
    name: _MADE["LINES"][name] for name, row in _ENDPOINTS.items() if row.safety is not Safety.READ
}
MORE = {  # changes that the lines of the table do not make
    "another content of an item": 'item.content = "Zebra"; item.save()',
    "another content of an item of the page": 'old_item.content = "Zebra"; old_item.save()',
    "another title of a note": 'note.title = "Zebra"; note.save()',
    "another place of an item": "item.move_to_bottom()",
    "another place of an item of the page": "old_item.move_to_bottom()",
    "another description": 'page.description = "Zebra"; page.save()',
    "no tags": "page.tags = []; page.save()",
    "a page that is published": "page.share(public=True)",
    "a link that is taken away": "linking.unlink(linking.linked_pages[0])",
    "a page that is given up": "shared.unshare()",
    "another title of a linked page": 'linked.title = "Zebra"; linked.save()',
    "a linked page that is destroyed": "linked.destroy()",
    "a linked page that is given up": "linking.link(shared); linking.reload(); shared.unshare()",
    "a tag that is taken off": "tag.destroy()",
    "another status": 'mine.message = "Zebra"; mine.save()',
    "another time": "reminder.remind_at += timedelta(days=1); reminder.save()",
}
BEGINNING_OF_MORE = """
from datetime import timedelta
shared, linking = Page.find_by(title="Choir in autumn 🎶"), Page.find_by(title="Recipes")
linked, mine = linking.linked_pages[0], me.status
"""
TEXT = ["Porto", "Lisboa", "Ten days", "copy", "Food", "To pack", "Socks", "Hotel", "!", "Zebra"]


def reads(there: dict[str, Any]) -> list[Callable[..., Any]]:
    """Every read whose response is kept, about all that the lines touch."""
    page, packing, me, entry = (there[name] for name in ("page", "packing", "me", "entry"))
    calendar, mail = there["calendar"], there["mail"]
    words = [*TEXT, page.title, packing.name, there["item"].content, there["note"].title]
    return [
        Page.all,
        *(partial(found, word) for word in (*words, mail.subject)),
        *(partial(Page.find, there[name].id) for name in ("page", "other", "shared", "linking")),
        *(partial(model.all, page=page.id) for model in (List, Note, Email, PageItem)),
        partial(Item.all, list=packing.id, page=page.id),
        partial(Email.find, mail.id, page=page.id),
        *(tag._pages for tag in page.tags),
        Reminder.all,
        User.me,
        User.all,
        partial(Bookmark.all, user=me.id),
        Status.all,
        partial(Status.find, me.id),
        JournalEntry.all,
        partial(JournalEntry.all, user=me.id),
        partial(JournalEntry.find, entry.id),
        Calendar.all,
        partial(CalendarEvent.all, calendar=calendar.id),
        partial(CalendarEvent.find, there["event"].id),
    ]


def found(word: str, *, fresh: bool) -> list[object]:
    """What a search finds: the pages, and what on each of them, in whichever order."""
    return [
        (page.id, page.title, {(match.type, match.id) for match in page.matches})
        for page in Page.search(word, fresh=fresh)
    ]


def told(read: Callable[..., Any], *, fresh: bool) -> object:
    """What a read gives, as plain values."""
    try:
        said = read(fresh=fresh)
    except NotFound:
        return "not found"
    if isinstance(said, Model):
        return said.to_dict()
    return [one.to_dict() if isinstance(one, Model) else one for one in said]


@pytest.mark.parametrize("line", [*WRITES.values(), *MORE.values()], ids=[*WRITES, *MORE])
def test_what_is_kept_after_a_write_is_what_the_service_would_say(line: str, box: Sandbox) -> None:
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    with (
        Connection(box.url, token=box.token, limits=None) as connection,
        backpack_orm.using(connection),
    ):
        exec(_MADE["BEGINNING"] + BEGINNING_OF_MORE, space)
        asked = reads(space)
        for read in asked:
            told(read, fresh=True)
        exec(line, space)
        kept = [told(read, fresh=False) for read in asked]
        assert kept == [told(read, fresh=True) for read in asked]
