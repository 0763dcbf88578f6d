"""Connections that are read-only: every write is refused before any request."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    Calendar,
    CalendarEvent,
    Connection,
    Email,
    Item,
    JournalEntry,
    List,
    Model,
    Note,
    Page,
    PageItem,
    ReadOnly,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
    ValidationError,
    connect,
)
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.endpoint import Endpoint, Safety

pytestmark = pytest.mark.network

WHEN = datetime(2030, 6, 1, 8, 0)


@pytest.fixture
def reader(box: Sandbox) -> Connection:
    """The connection that is current: a read-only one."""
    return connect(box.url, token=box.token, read_only=True)


@pytest.fixture
def lisbon(reader: Connection) -> Page:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    return page


def changed(record: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(record, name, value)
    return record


@pytest.mark.parametrize(
    ("save", "method"),
    [
        (lambda page: Page(title="Porto").save(), r"Page\.create\(\)"),
        (lambda page: changed(page, title="Porto").save(), r"Page\.save\(\)"),
    ],
)
def test_a_save_is_named_as_what_it_would_send(
    save: Callable[[Page], Any], method: str, lisbon: Page
) -> None:
    with pytest.raises(ReadOnly, match=rf"^{method} writes"):
        save(lisbon)


WRITES: dict[str, Callable[[Page], Any]] = {
    "Page.create": lambda page: Page.create(title="Porto"),
    "Page.save": lambda page: changed(page, title="Porto").save(),
    "Page.save of tags": lambda page: changed(page, tags=["Food"]).save(),
    "Page.save, checked": lambda page: changed(page, title="Porto").save(check=True),
    "Page.destroy": lambda page: page.destroy(),
    "Page.duplicate": lambda page: page.duplicate(),
    "Page.email_copy": lambda page: page.email_copy(),
    "Page.link": lambda page: page.link(7),
    "Page.unlink": lambda page: page.unlink(7),
    "Page.share": lambda page: page.share(["ann@example.com"]),
    "Page.unshare": lambda page: page.unshare(),
    "Page.reorder": lambda page: page.reorder([]),
    "Note.create": lambda page: page.notes.create(title="Tickets"),
    "Note.save": lambda page: changed(page.notes[0], title="Tickets").save(),
    "Note.destroy": lambda page: page.notes[0].destroy(),
    "List.create": lambda page: page.lists.create(name="Books"),
    "List.save": lambda page: changed(page.lists[0], name="Books").save(),
    "List.destroy": lambda page: page.lists[0].destroy(),
    "Item.create": lambda page: page.lists[0].items.create(content="Tickets"),
    "Item.save": lambda page: changed(page.lists[0].items[0], content="Tickets").save(),
    "Item.save of both": lambda page: changed(page.lists[0].items[0], completed=True).save(),
    "Item.complete": lambda page: page.lists[0].items[0].complete(),
    "Item.reopen": lambda page: page.lists[0].items[0].reopen(),
    "Item.toggle": lambda page: page.lists[0].items[0].toggle(),
    "Item.move_higher": lambda page: page.lists[0].items[0].move_higher(),
    "Item.move_lower": lambda page: page.lists[0].items[0].move_lower(),
    "Item.move_to_top": lambda page: page.lists[0].items[0].move_to_top(),
    "Item.move_to_bottom": lambda page: page.lists[0].items[0].move_to_bottom(),
    "Item.update": lambda page: page.lists[0].items[0].update(content="Tickets"),
    "Item.move_before": lambda page: page.lists[0].items[0].move_before(page.lists[0].items[1]),
    "Tags.add": lambda page: page.tags.add("Food"),
    "Notes.update": lambda page: page.notes.update(title="Tickets"),
    "Notes.destroy": lambda page: page.notes.destroy(),
    "Items.complete": lambda page: page.lists[0].items.complete(),
    "Items.create_many": lambda page: page.lists[0].items.create_many(["Tickets"]),
    "Items.sync": lambda page: page.lists[0].items.sync(["Tickets"]),
    "Item.copy_to": lambda page: page.lists[0].items[0].copy_to(page.lists[1]),
    "Item.move_to": lambda page: page.lists[0].items[0].move_to(page.lists[1]),
    "Items.move_to": lambda page: page.lists[0].items.move_to(page.lists[1]),
    "Note.move_to": lambda page: page.notes[0].move_to(Page.all()[1]),
    "List.move_to": lambda page: page.lists[0].move_to(Page.all()[1]),
    "Page.merge_into": lambda page: page.merge_into(Page.all()[1]),
    "Page.duplicate with texts": lambda page: page.duplicate(title="Porto"),
    "Item.destroy": lambda page: page.lists[0].items[0].destroy(),
    "PageItem.create": lambda page: PageItem.create(page=page, content="Tickets"),
    "PageItem.complete": lambda page: PageItem._stub(7, page).complete(),
    "PageItem.toggle": lambda page: PageItem._stub(7, page).toggle(),
    "PageItem.move_to_top": lambda page: PageItem._stub(7, page).move_to_top(),
    "PageItem.destroy": lambda page: PageItem._stub(7, page).destroy(),
    "Tag.create": lambda page: Tag.create(page=page, name="Food"),
    "Tag.save": lambda page: changed(page.tags[0], name="Food").save(),
    "Tag.destroy": lambda page: page.tags[0].destroy(),
    "Separator.create": lambda page: Separator.create(page=page, name="Later"),
    "Separator.save": lambda page: changed(Separator._stub(7, page), name="Later").save(),
    "Separator.destroy": lambda page: Separator._stub(7, page).destroy(),
    "Email.destroy": lambda page: Email._stub(7, page).destroy(),
    "Reminder.create": lambda page: Reminder.create(content="Leave", remind_at=WHEN),
    "Reminder.save": lambda page: changed(
        Reminder._stub(7, page.connection), content="Leave"
    ).save(),
    "Reminder.destroy": lambda page: Reminder._stub(7, page.connection).destroy(),
    "JournalEntry.create": lambda page: JournalEntry.create(body="Walked"),
    "JournalEntry.create by id": lambda page: JournalEntry.create(user=7, body="Walked"),
    "JournalEntry.save": lambda page: changed(
        JournalEntry._stub(7, page.connection), body="Walked"
    ).save(),
    "JournalEntry.destroy": lambda page: JournalEntry._stub(7, page.connection).destroy(),
    "Status.create": lambda page: Status.create(user=User._stub(7, page.connection), message="Out"),
    "Status.save": lambda page: Status(user=User._stub(7, page.connection), message="Out").save(),
    "CalendarEvent.create": lambda page: CalendarEvent.create(
        calendar=Calendar._stub(7, page.connection), title="Talk tomorrow"
    ),
    "CalendarEvent.save": lambda page: changed(
        CalendarEvent._stub(7, Calendar._stub(7, page.connection)), title="Talk"
    ).save(),
    "CalendarEvent.destroy": lambda page: CalendarEvent._stub(
        7, Calendar._stub(7, page.connection)
    ).destroy(),
}
"""A line for each method that writes; what a line needs is loaded with the page."""


def resources() -> Iterator[type[Model]]:
    for name in backpack_orm.__all__:
        model = getattr(backpack_orm, name)
        if isinstance(model, type) and issubclass(model, Model):
            yield model


def endpoints() -> Iterator[tuple[str, Endpoint]]:
    for model in resources():
        for name in dir(model):
            row = getattr(model, name)
            if isinstance(row, Endpoint):
                yield f"{model.__name__}.{name}", row


def test_every_model_that_can_be_written_has_its_lines() -> None:
    met = {name.split(",")[0].split(" ")[0] for name in WRITES}
    abstract = {"Model"}
    for model in resources():
        if model.__name__ in abstract:
            continue
        if issubclass(model, Savable):
            assert f"{model.__name__}.create" in met
        if issubclass(model, Destroyable):
            assert f"{model.__name__}.destroy" in met


@pytest.mark.parametrize("name", WRITES)
def test_no_write_makes_a_request(name: str, lisbon: Page, box: Sandbox) -> None:
    lisbon.notes[0], lisbon.lists[0].items[0], lisbon.tags[0]
    before = box.requests
    with pytest.raises(ReadOnly, match="is read-only: connect without read_only=True"):
        WRITES[name](lisbon)
    assert box.requests == before


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_was_refused_has_changed_nothing_here(name: str, lisbon: Page) -> None:
    item = lisbon.lists[0].items[0]
    was = item.to_dict()
    with pytest.raises(ReadOnly):
        WRITES[name](lisbon)
    assert not item.is_destroyed
    if not item.is_dirty:
        assert item.to_dict() == was


def test_the_error_names_the_method(lisbon: Page) -> None:
    with pytest.raises(ReadOnly, match=r"^Page\.destroy\(\) writes, and Connection\('http://"):
        lisbon.destroy()


@pytest.mark.parametrize(("name", "row"), list(endpoints()), ids=[name for name, _ in endpoints()])
def test_each_call_that_may_be_made_is_a_read(name: str, row: Endpoint) -> None:
    """What is neither a GET nor cached counts as a write, the POSTs of the older dialect too."""
    is_read = row.verb == "GET" or bool(row.reads)
    assert (row.safety is Safety.READ) is is_read
    assert not (is_read and row.writes)


def test_each_call_that_is_no_read_is_refused(reader: Connection, box: Sandbox) -> None:
    for _, row in endpoints():
        if row.safety is not Safety.READ:
            with pytest.raises(ReadOnly, match=r"writes, and"):
                reader.call(row, (7,) * len(row.ids), {}, read=lambda response: None)
    assert box.requests == 0


READS: dict[str, Callable[[Page], object]] = {
    "Page.all": lambda page: Page.all(),
    "Page.all, loaded": lambda page: Page.all(load=True),
    "Page.search": lambda page: Page.search("Lisbon"),
    "Page.find": lambda page: Page.find(page.id),
    "Page.reload": lambda page: page.reload(),
    "Item.all": lambda page: Item.all(),
    "Note.all": lambda page: Note.all(page=page),
    "List.all": lambda page: List.all(page=page),
    "Tag.pages": lambda page: list(page.tags[0].pages),
    "Email.all": lambda page: Email.all(page=page),
    "Reminder.all": lambda page: Reminder.all(),
    "Status.all": lambda page: Status.all(),
    "JournalEntry.all": lambda page: JournalEntry.all(),
    "CalendarEvent.all": lambda page: CalendarEvent.all(),
    "User.all": lambda page: User.all(),
    "User.export": lambda page: User.me().export(),
    "zone": lambda page: page.connection.zone,
    "a save that has nothing to send": lambda page: page.save(),
}


@pytest.mark.parametrize("name", READS)
def test_reads_go_on(name: str, lisbon: Page) -> None:
    READS[name](lisbon)


def test_a_connection_may_be_written_through_unless_that_is_said(box: Sandbox) -> None:
    connection = connect(box.url, token=box.token)
    assert not connection.read_only
    assert Page.create(title="Porto").id


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_the_option_is_true_or_false(value: Any) -> None:
    with pytest.raises(ValidationError, match="read_only takes True or False"):
        Connection("acme", token="0123456789abcdef", read_only=value)


def test_an_entry_is_written_where_it_is_said_whatever_the_default_is(
    reader: Connection, box: Sandbox
) -> None:
    writer = Connection(box.url, token=box.token)
    assert JournalEntry.create(body="Walked", using=writer).id


# --- pickles ----------------------------------------------------------------------------------


def test_a_pickle_of_a_read_only_connection_is_read_only(reader: Connection) -> None:
    data = pickle.dumps(Connection(reader.url, token="another", read_only=True))
    assert pickle.loads(data).read_only


def test_a_page_of_a_read_only_connection_stays_so_where_the_live_one_writes(
    lisbon: Page, box: Sandbox
) -> None:
    data = pickle.dumps(lisbon)
    connect(box.url, token=box.token)
    again = pickle.loads(data)
    assert again.description == lisbon.description
    assert again == lisbon
    before = box.requests
    with pytest.raises(ReadOnly):
        changed(again, title="Porto").save()
    assert box.requests == before


def test_a_page_of_another_process_is_written_where_the_live_connection_writes(
    box: Sandbox,
) -> None:
    connection = connect(box.url, token=box.token)
    again = pickle.loads(pickle.dumps(Page.all()[0]))
    assert again.connection is connection
    assert changed(again, title="Porto").save()
