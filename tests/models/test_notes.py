"""Notes, replayed and live."""

from __future__ import annotations

from datetime import datetime

import pytest

from backpack_orm import Connection, Note, NotFound, Page, SaveResult


def lisbon() -> Page:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    return page


def test_the_notes_of_a_page_make_one_request(account: Connection) -> None:
    page = lisbon()
    notes = Note.all(page=page.id)
    assert account.stats.requests == 2
    assert [note.title for note in notes] == ["Where we sleep", ""]
    assert notes[0].page == page
    assert notes[0].page_id == page.id


def test_the_notes_of_all_pages_make_three_requests(account: Connection) -> None:
    notes = Note.all()
    assert account.stats.requests == 3
    assert {note.page.title for note in notes} >= {"Lisbon", "Recipes"}


def test_the_notes_of_all_pages_are_read_page_by_page_on_demand(account: Connection) -> None:
    notes = Note.all(load="pages")
    assert account.stats.requests == 1 + len(Page.all())
    assert {note.page.title for note in notes} >= {"Lisbon", "Recipes"}


def test_a_note_is_found_on_its_page(account: Connection) -> None:
    page = lisbon()
    wanted = page.notes[1]
    assert Note.find(wanted.id, page=page) == wanted
    assert Note.find(wanted.id) == wanted
    assert Note.find_by(page=page, title="Where we sleep") == page.notes[0]
    assert [note.id for note in Note.where(page=page, title="")] == [wanted.id]


def test_a_note_that_is_not_there_is_not_found(account: Connection) -> None:
    with pytest.raises(NotFound, match="no Note 7 here"):
        Note.find(7, page=lisbon())


def test_a_note_is_created_with_title_and_body(account: Connection) -> None:
    page = lisbon()
    note = Note.create(page=page, title="Hotel", body="Rua da *Rosa* 7 \n")
    assert account.stats.requests == 2
    assert not note.is_dirty
    assert note.created_at == datetime(2026, 5, 14, 9, 39, 2)
    assert page.notes[2] == note
    assert Note.find(note.id, page=page).body == "Rua da *Rosa* 7 \n"


def test_a_note_is_changed_by_one_request(account: Connection) -> None:
    note = lisbon().notes[0]
    note.body = "first\n\nsecond & <third>\t"
    assert note.save() == SaveResult(updated=True, fields=("body",))
    assert account.stats.requests == 3
    again = Note.find(note.id, page=note.page)
    assert (again.title, again.body) == ("Where we sleep", "first\n\nsecond & <third>\t")


def test_whether_its_time_shows_can_be_set_but_not_read(account: Connection) -> None:
    note = lisbon().notes[0]
    note.show_created_at = False
    assert note.changes == {"show_created_at": (None, False)}
    assert note.save() == SaveResult(updated=True, fields=("show_created_at",))
    assert not note.is_dirty
    assert note.show_created_at is None


def test_a_destroyed_note_is_gone_from_its_page(account: Connection) -> None:
    page = lisbon()
    note = page.notes[0]
    note.destroy()
    assert note not in list(page.notes)
    assert account.stats.requests == 3
    with pytest.raises(NotFound):
        Note.find(note.id, page=page)
