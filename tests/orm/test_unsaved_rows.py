"""Unsaved objects as rows of `create_many`."""

from __future__ import annotations

from typing import Any

import pytest

from backpack_orm import Connection, Item, List, Note, Page, ValidationError
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.get(title="Lisbon").id)


def test_unsaved_objects_become_the_new_records(page: Page, box: Sandbox) -> None:
    packing = page.lists["Packing"]
    socks = Item(list=packing, content="Socks")
    passport = Item(list=packing.page.lists["Packing"], content="Visa", completed=True)
    new = packing.items.create_many([socks, "Pen", passport])
    assert [(item.content, item.completed) for item in new] == [
        ("Socks", False),
        ("Pen", False),
        ("Visa", True),
    ]
    assert [socks, passport] == [new[0], new[2]]
    assert not socks.is_new
    before = box.requests
    assert not socks.save()
    assert box.requests == before
    assert socks.update(content="Wool socks").updated
    assert new[0].reload().content == "Wool socks"


def test_an_object_is_one_record_even_if_the_response_is_lost(page: Page, box: Sandbox) -> None:
    notes = [Note(page=page, title=f"Lost {number}", body="x") for number in range(3)]
    before = page.notes.count()
    fault = box.faults.drop_after_write(verb="POST", path="**/create", after=1, times=1)
    page.notes.create_many(notes)
    assert fault.fired == 1
    assert not any(note.is_new for note in notes)
    for note in notes:
        note.save()
    assert page.notes.reload().count() == before + 3
    assert len({note.id for note in notes}) == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (lambda page: page.notes[0], "row 0, .*it is on the service already: copy_to"),
        (lambda page: Note(page=Page.all()[1]), "row 0, .*to be created in .*Book club"),
        (lambda page: Note(page=Page(title="x")), "row 0, .*to be created in"),
        (lambda page: List(page=page), "row 0, .*a row is a text .title. or a dictionary"),
        (lambda page: Note(page=page, title="\x07"), "row 0, .*Note.title cannot be"),
    ],
)
def test_an_object_that_cannot_be_created_there_is_refused(
    row: Any, message: str, page: Page, box: Sandbox
) -> None:
    wrong = row(page)
    before = box.requests
    with pytest.raises(ValidationError, match=message):
        page.notes.create_many([wrong])
    assert box.requests == before


def test_sync_takes_no_objects(page: Page, box: Sandbox) -> None:
    note = Note(page=page, title="x")
    with pytest.raises(ValidationError, match="a row is a text"):
        page.notes.sync([note])  # type: ignore[list-item]
    assert note.is_new
