"""The table of endpoints is complete, up to date and correct."""

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
    """Return a path with a placeholder for ids, without token and query."""
    return re.sub(r"\d+|{\w+}", "ID", re.sub(r"^/(TOKEN|\[token\])|\?.*", "", path))


def test_the_document_is_up_to_date() -> None:
    assert _MADE["document"]() == _TEXT, "run python docs/endpoints.py"


def test_every_call_has_an_example_and_every_example_a_call() -> None:
    assert set(_MADE["LINES"]) == set(_ENDPOINTS)


def test_every_call_of_the_reference_has_an_example() -> None:
    labels = [row.label for row in _ENDPOINTS.values()] + list(_MADE["OTHERS"])
    ours = {(verb, shape(path)) for verb, path in (label.split(" ") for label in labels)}
    theirs = {(verb, shape(path)) for verb, path, *_ in ROWS}
    assert theirs == ours


def element_paths(body: str | bytes) -> set[str]:
    """Return the paths of all elements and attributes of a body."""
    root = etree.fromstring(body)
    tree = root.getroottree()
    elements = {each: re.sub(r"\[\d+\]", "", tree.getpath(each)) for each in root.iter()}
    attributes = {f"{path}/@{name!s}" for each, path in elements.items() for name in each.attrib}
    return {*elements.values(), *attributes}


@pytest.mark.parametrize("name", [name for name, row in _ENDPOINTS.items() if row.sends])
def test_request_bodies_have_the_documented_elements(name: str) -> None:
    row = _ENDPOINTS[name]
    (documented,) = {
        f"<request>{body}</request>" if path.startswith(("/ws/", "/pages/")) else body
        for verb, path, body, status, _ in ROWS
        if f"{verb} {shape(path)}" == f"{row.verb} {shape(row.label.split()[1])}" and status < 300
    }
    values = {build.name_of(path): "x" for path in row.sends}
    assert element_paths(row.body_for(values, None)) <= element_paths(documented)


@pytest.mark.parametrize("name", _ENDPOINTS)
@pytest.mark.usefixtures("environment")
def test_an_example_makes_its_call(name: str) -> None:
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    exec(_MADE["BEGINNING"], space)
    connection: Connection = space["connection"]
    connection.clear_cache()
    label = _ENDPOINTS[name].label
    before = connection.stats.by_endpoint.get(label, 0)
    exec(_MADE["LINES"][name], space)
    assert connection.stats.by_endpoint[label] > before


@pytest.mark.parametrize(("label", "name"), _MADE["OTHERS"].items())
def test_alternative_calls_have_an_equivalent_that_models_use(label: str, name: str) -> None:
    assert label not in {row.label for row in _ENDPOINTS.values()}
    assert name in _ENDPOINTS


WRITES = {
    name: _MADE["LINES"][name] for name, row in _ENDPOINTS.items() if row.safety is not Safety.READ
}
MORE = {  # changes that the examples in the table do not make
    "another content of an item": 'item.content = "Zebra"; item.save()',
    "another content of an item of the page": 'old_item.content = "Zebra"; old_item.save()',
    "another title of a note": 'note.title = "Zebra"; note.save()',
    "another position of an item": "item.move_to_bottom()",
    "another position of an item of the page": "old_item.move_to_bottom()",
    "another description": 'page.description = "Zebra"; page.save()',
    "no tags": "page.tags = []; page.save()",
    "a page that is published": "page.share(public=True)",
    "a removed link": "linking.unlink(linking.linked_pages[0])",
    "a page that is unshared": "shared.unshare()",
    "another title of a linked page": 'linked.title = "Zebra"; linked.save()',
    "a linked page that is destroyed": "linked.destroy()",
    "a linked page that is unshared": "linking.link(shared); linking.reload(); shared.unshare()",
    "a removed tag": "tag.destroy()",
    "another status": 'mine.message = "Zebra"; mine.save()',
    "another time": "reminder.remind_at += timedelta(days=1); reminder.save()",
}
BEGINNING_OF_MORE = """
from datetime import timedelta
shared, linking = Page.find_by(title="Choir in autumn 🎶"), Page.find_by(title="Recipes")
linked, mine = linking.linked_pages[0], me.status
"""
TEXT = ["Porto", "Lisboa", "Ten days", "copy", "Food", "To pack", "Socks", "Hotel", "!", "Zebra"]


def reads(records: dict[str, Any]) -> list[Callable[..., Any]]:
    """Return every cached read of the records that the examples change."""
    page, packing, me, entry = (records[name] for name in ("page", "packing", "me", "entry"))
    calendar, mail = records["calendar"], records["mail"]
    queries = [*TEXT, page.title, packing.name, records["item"].content, records["note"].title]
    return [
        Page.all,
        *(partial(found, query) for query in (*queries, mail.subject)),
        *(partial(Page.find, records[name].id) for name in ("page", "other", "shared", "linking")),
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
        partial(CalendarEvent.find, records["event"].id),
    ]


def found(query: str, *, fresh: bool) -> list[object]:
    """Return the pages that a search finds, with their matches in any order."""
    return [
        (page.id, page.title, {(match.type, match.id) for match in page.matches})
        for page in Page.search(query, fresh=fresh)
    ]


def plain(read: Callable[..., Any], *, fresh: bool) -> object:
    """Return the result of a read as plain values."""
    try:
        result = read(fresh=fresh)
    except NotFound:
        return "not found"
    if isinstance(result, Model):
        return result.to_dict()
    return [one.to_dict() if isinstance(one, Model) else one for one in result]


@pytest.mark.parametrize("line", [*WRITES.values(), *MORE.values()], ids=[*WRITES, *MORE])
def test_cached_responses_are_up_to_date_after_a_write(line: str, environment: Sandbox) -> None:
    space: dict[str, Any] = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    with (
        Connection(environment.url, token=environment.token, limits=None) as connection,
        backpack_orm.using(connection),
    ):
        exec(_MADE["BEGINNING"] + BEGINNING_OF_MORE, space)
        all_reads = reads(space)
        for read in all_reads:
            plain(read, fresh=True)
        exec(line, space)
        cached = [plain(read, fresh=False) for read in all_reads]
        assert cached == [plain(read, fresh=True) for read in all_reads]
