"""Every text that XML can carry is stored and read exactly, and no other save changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text as sql

from backpack_orm import (
    Connection,
    Email,
    Item,
    JournalEntry,
    List,
    Model,
    Note,
    Page,
    Reminder,
    Status,
    Tag,
    User,
    using,
)
from backpack_orm.sandbox import Sandbox
from tests.seeds import examples

NOW = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)
SOON = datetime(2031, 6, 1, 9, 0)
CODE = "\n    def f():\n        return 1\n"
# XML 1.0 allows these control characters and no others below U+0020; C1 controls are all allowed.
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs"], min_codepoint=0x20).filter(
    lambda letter: letter not in "\ufffe\uffff"
)
WHITE = st.sampled_from(["\n", "\r\n", "\r", "\t", " ", "\u0085", "\u2028", "\ufeff", "\u00a0"])
TEXTS = st.lists(
    st.one_of(
        WHITE,
        st.text(LETTERS, max_size=8),
        st.sampled_from(["]]>", "&amp;", "&#13;", "<b>", "\u007f\u009f", "\U0010fffd", "🎻"]),
    ),
    max_size=12,
).map("".join)


class Place(NamedTuple):
    """A field that carries text.

    Attributes:
        make: Creates a record with a text there.
        read: Reads the record again, bypassing the cache.
        field: The attribute.
        column: The table and the column in which the sandbox stores it.
        save_sibling: Saves something else of the record.
        may_be_blank: Whether the mapper takes a text of nothing but white space.
    """

    make: Callable[[str], Any]
    read: Callable[[Any], Any]
    field: str
    column: tuple[str, str]
    save_sibling: Callable[[Any], object]
    may_be_blank: bool = True


def saved(record: Any, **values: object) -> Any:
    for name, value in values.items():
        setattr(record, name, value)
    record.save()
    return record


def some_page() -> Page:
    return Page.create(title="Texts")


def some_list() -> List:
    return some_page().lists.create(name="Texts")


def page_again(page: Page) -> Page:
    return Page.find(page, fresh=True)


def on_page_again(record: Any) -> Any:
    part = getattr(page_again(record.page), record._container)
    return part.find(record.id)


def item_again(item: Item) -> Item:
    return page_again(item.page).lists.find(item.list.id).items.find(item.id)


PLACES = {
    "Page.title": Place(
        lambda text: Page.create(title=text),
        page_again,
        "title",
        ("pages", "title"),
        lambda page: saved(page, description="h1. Sibling"),
        may_be_blank=False,
    ),
    "Page.description": Place(
        lambda text: saved(some_page(), description=text),
        page_again,
        "description",
        ("pages", "description"),
        lambda page: saved(page, title="Sibling"),
    ),
    "Note.title": Place(
        lambda text: some_page().notes.create(title=text),
        on_page_again,
        "title",
        ("widgets", "name"),
        lambda note: saved(note, body="Sibling"),
    ),
    "Note.body": Place(
        lambda text: some_page().notes.create(body=text),
        on_page_again,
        "body",
        ("widgets", "body"),
        lambda note: saved(note, title="Sibling"),
    ),
    "Note.body, listed": Place(
        lambda text: some_page().notes.create(body=text),
        lambda note: Note.find(note, page=note.page, fresh=True),
        "body",
        ("widgets", "body"),
        lambda note: saved(note, title="Sibling"),
    ),
    "List.name": Place(
        lambda text: some_page().lists.create(name=text),
        on_page_again,
        "name",
        ("widgets", "name"),
        lambda found: found.items.create(content="Sibling"),
    ),
    "Item.content": Place(
        lambda text: some_list().items.create(content=text),
        item_again,
        "content",
        ("items", "content"),
        lambda item: item.complete(),
        may_be_blank=False,
    ),
    "Item.content, listed": Place(
        lambda text: some_list().items.create(content=text),
        lambda item: Item.find(item, list=item.list, fresh=True),
        "content",
        ("items", "content"),
        lambda item: item.complete(),
        may_be_blank=False,
    ),
    "Separator.name": Place(
        lambda text: some_page().separators.create(name=text),
        on_page_again,
        "name",
        ("widgets", "name"),
        lambda separator: separator.page.separators.create(name="Sibling"),
    ),
    "Reminder.content": Place(
        lambda text: Reminder.create(content=text, remind_at=SOON),
        lambda reminder: Reminder.find(reminder.id, fresh=True),
        "content",
        ("reminders", "content"),
        lambda reminder: saved(reminder, remind_at=SOON.replace(hour=10)),
        may_be_blank=False,
    ),
    "JournalEntry.body": Place(
        lambda text: JournalEntry.create(user=User.me(), body=text),
        lambda entry: JournalEntry.find(entry, fresh=True),
        "body",
        ("journal_entries", "body"),
        lambda entry: JournalEntry.create(user=User.me(), body="Sibling"),
        may_be_blank=False,
    ),
    "Status.message": Place(
        lambda text: Status.create(user=User.me(), message=text),
        lambda status: Status.find(User.me(), fresh=True),
        "message",
        ("statuses", "message"),
        lambda status: JournalEntry.create(user=User.me(), body="Sibling"),
    ),
}


@contextmanager
def empty_account() -> Iterator[Sandbox]:
    """A sandbox with an empty account, whose connection is current."""
    with (
        Sandbox(seed="empty", token="t0ken-0123456789", clock=lambda: NOW) as box,
        Connection(box.url, token=box.token, limits=None) as connection,
        using(connection),
    ):
        yield box


@pytest.fixture(scope="module")
def service(network: None) -> Iterator[Sandbox]:
    """An account that the tests of this module share."""
    with empty_account() as box:
        yield box


def stored(box: Sandbox, column: tuple[str, str], record: Model) -> bytes:
    """Return the bytes in the storage of the sandbox."""
    table, name = column
    id = record.id  # now, since nothing is answered while the storage is locked
    with box._database.transaction() as session:
        found = session.execute(
            sql(f"SELECT CAST({name} AS BLOB) FROM {table} WHERE id = :id"),
            {"id": id},
        )
        value: bytes = found.scalar_one()
    return value


def check(box: Sandbox, place: Place, text: str) -> None:
    record = place.make(text)
    assert stored(box, place.column, record) == text.encode()
    read = place.read(record)
    assert getattr(read, place.field) == text
    place.save_sibling(read)
    assert stored(box, place.column, read) == text.encode()
    assert getattr(place.read(read), place.field) == text


@pytest.mark.parametrize("name", PLACES)
@examples(15)
@example(text=CODE)
@example(text="\n \n x")
@example(text="x\r\n\ry\r")
@example(text="\tx\ty\t")
@given(text=TEXTS)
def test_a_text_is_stored_and_read_exactly(service: Sandbox, name: str, text: str) -> None:
    place = PLACES[name]
    if place.may_be_blank or text.strip():
        check(service, place, text)


@pytest.mark.parametrize("name", [name for name, place in PLACES.items() if place.may_be_blank])
@pytest.mark.parametrize("text", ["", "\n", "\n \n", "\r\n", "\t", "  "])
def test_a_blank_text_is_stored_and_read_exactly(service: Sandbox, name: str, text: str) -> None:
    check(service, PLACES[name], text)


@pytest.mark.parametrize("name", PLACES)
def test_a_text_of_a_megabyte_is_stored_and_read_exactly(service: Sandbox, name: str) -> None:
    part = f"{CODE}\r\n\t🎻 ü <b> & \u0085"
    check(service, PLACES[name], (part * (2**20 // len(part.encode()) + 1))[: 2**20])


@examples(25)
@example(subject=CODE, body=CODE)
@given(subject=TEXTS, body=TEXTS)
def test_a_mail_is_read_exactly(service: Sandbox, subject: str, body: str) -> None:
    page = some_page()
    id = service.deliver_email(page.id, subject=subject, body=body)
    for mail in (Email.find(id, page=page), page_again(page).emails.find(id)):
        assert (mail.subject, mail.body) == (subject, body)


@examples(25)
@example(name="a\nb")
@example(name="a\tb\rc")
@given(name=TEXTS.map(str.strip).filter(lambda text: text and '"' not in text))
def test_a_tag_is_stored_and_read_exactly(service: Sandbox, name: str) -> None:
    name = name.strip()
    page = some_page()
    tag = Tag.create(page=page, name=name)
    assert stored(service, ("tags", "name"), tag) == name.encode()
    saved(page, description="Sibling")
    assert [tag.name for tag in page_again(page).tags] == [name]


@pytest.mark.network
@examples(10)
@example(title="a", body=CODE, content=f"{CODE}\r")
@given(title=TEXTS, body=TEXTS, content=TEXTS)
def test_an_export_holds_every_text_exactly(title: str, body: str, content: str) -> None:
    with empty_account():
        check_export(title, body, content)


def check_export(title: str, body: str, content: str) -> None:
    page = saved(Page.create(title=f"{title}."), description=body)
    note = page.notes.create(title=title, body=body)
    item = page.lists.create(name=title).items.create(content=f".{content}")
    reminder = Reminder.create(content=f".{content}", remind_at=SOON)
    export = User.me().export()
    found = export.pages.find(page.id)
    assert (found.title, found.description) == (f"{title}.", body)
    assert (found.notes[0].title, found.notes[0].body) == (note.title, note.body)
    assert found.lists[0].name == title
    assert found.lists[0].items[0].content == item.content
    assert export.reminders.find(reminder.id).content == f".{content}"
