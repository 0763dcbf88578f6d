"""What type checkers see of the public face; checked by mypy, run by nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import assert_type

from backpack_orm import (
    Belonging,
    Collection,
    Connection,
    Item,
    List,
    Match,
    Model,
    Note,
    Page,
    Reminder,
    SaveResult,
    Tag,
    User,
    connect,
    using,
)


def connecting() -> None:
    assert_type(connect("acme", token="t"), Connection)
    with using(Connection("acme", token="t")) as connection:
        assert_type(connection, Connection)
    connect("acme", tokn="t")  # type: ignore[call-arg]


def pages(page: Page) -> None:
    assert_type(Page.all(), Collection[Page])
    assert_type(Page.all()[0], Page)
    assert_type(Page.all()[:2], list[Page])
    assert_type(Page.find(7), Page)
    assert_type(Page.find_by(title="T"), Page | None)
    assert_type(Page.where(title="T"), Collection[Page])
    assert_type(Page.search("T"), Collection[Page])
    assert_type(Page.create(title="T"), Page)
    assert_type(page.id, int)
    assert_type(page.title, str)
    assert_type(page.scope, str | None)
    assert_type(page.public, bool | None)
    assert_type(page.notes[0], Note)
    assert_type(page.lists[0], List)
    assert_type(page.tags, Collection[Tag])
    assert_type(page.belongings[0], Belonging)
    assert_type(page.belongings[0].widget, Model | None)
    assert_type(page.matches[0], Match)
    assert_type(page.notes.create(title="T"), Note)
    assert_type(page.notes.first(), Note | None)
    assert_type(page.notes.where(title="T"), Collection[Note])
    assert_type(page.duplicate(), Page)
    assert_type(page.reload(), Page)
    assert_type(page.save(), SaveResult)
    assert_type(page.changes, dict[str, tuple[Any, Any]])
    assert_type(page.connection, Connection)
    page.tags = ["Travel"]
    page.tags = page.tags
    page.title = 5  # type: ignore[assignment]
    page.notes = []  # type: ignore[assignment]
    Page(titel="T")  # type: ignore[call-arg]
    Page(title="T", tags=["a"], public=True, description="d")
    Page()  # type: ignore[call-arg]
    Page(title="T", id=5)  # type: ignore[call-arg]
    page.titel  # type: ignore[attr-defined]  # noqa: B018 - only its type matters


def what_is_on_them(page: Page, note: Note, item: Item, made: List) -> None:
    assert_type(Note.all(page=page), Collection[Note])
    assert_type(Note.find(7, page=7), Note)
    assert_type(note.page, Page)
    assert_type(note.page_id, int)
    assert_type(note.created_at, datetime)
    assert_type(note.destroy(), None)
    Note(page=page, title="T")
    Note(page=7)
    Note(title="T")  # type: ignore[call-arg]
    assert_type(made.items[0], Item)
    assert_type(made.items.create(content="T"), Item)
    assert_type(Item.all(list=made), Collection[Item])
    assert_type(item.list, List)
    assert_type(item.list_id, int)
    assert_type(item.page, Page)
    assert_type(item.completed, bool)
    assert_type(item.updated_at, datetime | None)
    assert_type(item.complete(), SaveResult)


def tags_and_reminders(tag: Tag, reminder: Reminder) -> None:
    assert_type(Tag.all(), Collection[Tag])
    assert_type(Tag.create(page=7, name="T"), Tag)
    assert_type(tag.pages, Collection[Page])
    assert_type(Reminder.all(), Collection[Reminder])
    assert_type(reminder.remind_at, datetime | None)
    assert_type(reminder.creator, User | None)
    assert_type(reminder.remindees, Collection[User])
    reminder.remindees = [1, 2]
    Reminder(content="T", remindees=[1])
