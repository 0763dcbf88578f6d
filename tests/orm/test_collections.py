"""Collections: sequences that load when they are used."""

from __future__ import annotations

import pytest

from backpack_orm import Collection, Connection, NotFound, Page
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.all()[0]


def test_a_collection_is_a_sequence(page: Page) -> None:
    items = page.lists[0].items
    assert isinstance(items, Collection)
    assert len(items) == 8
    assert items[0] in items
    assert items.index(items[2]) == 2
    assert items.count(items[0]) == 1
    assert [item.content for item in items[:2]] == ["Walking shoes", "Sun hat"]
    assert items[-1].content == "Rain jacket"
    assert next(iter(reversed(items))) is items[-1]
    assert bool(items)
    with pytest.raises(IndexError):
        items[8]


def test_a_collection_cannot_be_changed_in_place(page: Page) -> None:
    with pytest.raises(TypeError):
        page.notes[0] = page.notes[1]  # type: ignore[index]  # just this is refused
    assert not hasattr(page.notes, "append")


def test_first_is_none_when_there_is_none(page: Page) -> None:
    assert page.lists[0].items.first() is page.lists[0].items[0]
    assert page.notes.where(title="no such").first() is None
    assert page.notes.find_by(title="no such") is None


def test_find_is_by_id_or_object(page: Page) -> None:
    note = page.notes[1]
    assert page.notes.find(note.id) is note
    assert page.notes.find(note) is note  # for convenience
    with pytest.raises(NotFound, match="no Note 7 here"):
        page.notes.find(7)


def test_where_takes_all_that_match(page: Page) -> None:
    items = page.lists[0].items
    done = items.where(completed=True)
    assert isinstance(done, Collection)
    assert [item.content for item in done] == ["Passports", "Train tickets", "Rain jacket"]
    assert items.where(completed=True, content="Passports").first() is done[0]
    assert list(items.where()) == list(items)


def test_a_long_collection_shows_its_head(connection: Connection) -> None:
    shown = repr(Page.all())
    assert shown.startswith("[Page(id=")
    assert shown.endswith(", … 8 more]")
    assert repr(Page.all()[1:3]).count("Page(") == 2


def test_objects_stay_the_same_while_the_collection_lives(page: Page, box: Sandbox) -> None:
    note = page.notes[0]
    assert page.notes[0] is note
    page.notes.reload()
    assert page.notes[0] is note
    note.title = "edited"
    page.notes.reload()
    assert page.notes[0].title == "edited"


def test_reload_makes_one_request(page: Page, box: Sandbox) -> None:
    notes, items = page.notes, page.lists[0].items
    assert notes.is_loaded
    before = box.requests
    assert notes.reload() is notes
    assert box.requests == before + 1
    items.reload()
    assert box.requests == before + 2


def test_creating_while_iterating_goes_over_what_was_there(page: Page) -> None:
    seen = []
    for note in page.notes:
        seen.append(note.title)
        page.notes.create(title="copy of " + note.title)
    assert seen == ["Where we sleep", ""]
    assert len(page.notes) == 4


def test_destroying_while_iterating_takes_each_once(page: Page) -> None:
    for note in page.notes:
        note.destroy()
    assert list(page.notes) == []
    assert list(Page.find(page.id).notes) == []


def test_what_only_reads_cannot_create(page: Page) -> None:
    assert not hasattr(page.belongings, "create")
    assert not hasattr(page.tags, "create")
    assert not hasattr(Page.all(), "create")
