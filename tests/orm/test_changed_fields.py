"""An update sends the fields that were changed, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

import backpack_orm
from backpack_orm import (
    ApiError,
    Calendar,
    CalendarEvent,
    Connection,
    Item,
    Note,
    Page,
    PageItem,
    Reminder,
    SaveResult,
    User,
    using,
)
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.endpoint import Endpoint


@pytest.fixture
def other(box: Sandbox) -> Connection:
    """A second client of the same account."""
    return Connection(box.url, token=box.token)


@pytest.fixture
def bodies(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bodies of the writes that this client sends, without the token."""
    sent: list[str] = []
    body_for = Endpoint.body_for

    def note(endpoint: Endpoint, payload: dict[str, str], token: str | None) -> bytes | None:
        body = body_for(endpoint, payload, token)
        if not endpoint.reads and body is not None:
            sent.append((body_for(endpoint, payload, None) or b"").decode())
        return body

    monkeypatch.setattr(Endpoint, "body_for", note)
    return sent


def first_item() -> Item:
    return Page.all()[0].lists[0].items[0]


def first_page_item() -> Item | PageItem:
    return Page.all()[0].items[0]


either_item = pytest.mark.parametrize("find", [first_item, first_page_item])


def test_one_client_retitles_a_note_while_another_rewrites_its_body(
    connection: Connection, other: Connection
) -> None:
    mine, theirs = Page.all()[0].notes[0], Page.all(using=other)[0].notes[0]
    theirs.body = "theirs"
    mine.title = "mine"
    theirs.save()
    mine.save()
    again = Note.find(mine.id, page=mine.page, fresh=True)
    assert (again.title, again.body) == ("mine", "theirs")


@either_item
def test_an_item_is_completed_after_another_client_has_edited_it(
    connection: Connection, other: Connection, find: Callable[[], Item | PageItem]
) -> None:
    item = find()
    with using(other):
        twin = find()
    twin.content = "theirs"
    twin.save()
    assert item.complete() == SaveResult(updated=True, fields=("completed",))
    assert (item.content, item.completed, item.is_dirty) == ("theirs", True, False)
    twin.reload()
    assert (twin.content, twin.completed) == ("theirs", True)


@either_item
def test_an_item_is_edited_after_another_client_has_completed_it(
    connection: Connection, other: Connection, find: Callable[[], Item | PageItem]
) -> None:
    item = find()
    with using(other):
        twin = find()
    twin.complete()
    item.content = "mine"
    assert item.save() == SaveResult(updated=True, fields=("content",))
    assert Item.find(item.id, fresh=True).completed


def test_an_assigned_completed_is_saved_like_complete(
    connection: Connection, other: Connection
) -> None:
    item = first_item()
    twin = Item.find(item.id, using=other)
    twin.content = "theirs"
    twin.save()
    item.completed = True
    assert item.save().fields == ("completed",)
    assert Item.find(item.id, fresh=True).content == "theirs"


def test_the_edited_content_goes_along_with_completed(
    connection: Connection, box: Sandbox, bodies: list[str]
) -> None:
    item = first_item()
    before = box.requests
    item.content = "Boots"
    assert item.complete().fields == ("completed", "content")
    assert box.requests == before + 1  # nothing is omitted, so nothing has to be read
    assert bodies == ['<request><item completed="true"><content>Boots</content></item></request>']
    assert not item.is_dirty


def test_what_is_completed_already_is_not_sent(
    connection: Connection, other: Connection, box: Sandbox, bodies: list[str]
) -> None:
    item = first_item()
    Item.find(item.id, using=other).complete()
    bodies.clear()
    before = box.requests
    assert item.complete() == SaveResult()
    assert (box.requests, bodies) == (before + 1, [])
    assert item.completed
    assert not item.is_dirty
    item.completed = False
    item.save()
    assert not Item.find(item.id, fresh=True).completed


def test_with_partial_updates_completed_is_sent_alone(box: Sandbox, bodies: list[str]) -> None:
    connection = backpack_orm.connect(box.url, token=box.token, partial_updates=True)
    assert connection.partial_updates
    item = first_item()
    before = box.requests
    assert item.complete().fields == ("completed",)
    assert box.requests == before + 1
    assert bodies == ['<request><item completed="true"/></request>']
    assert Item.find(item.id, fresh=True).content == "Walking shoes"


@pytest.mark.network
def test_a_service_that_clears_what_is_omitted_does_not_lose_the_content(
    demo: Callable[..., Sandbox],
) -> None:
    with demo(clears_omitted=["item.content"]) as box:
        backpack_orm.connect(box.url, token=box.token)
        item = first_item()
        item.complete()
        assert Item.find(item.id, fresh=True).content == "Walking shoes"
        item.reopen()
        assert Item.find(item.id, fresh=True).content == "Walking shoes"


def test_a_check_that_reads_the_item_is_the_only_read(connection: Connection, box: Sandbox) -> None:
    item = Item.all(list=Page.all()[0].lists[0])[0]
    item.completed = True
    before = box.requests
    assert item.save(check=True).fields == ("completed",)
    assert box.requests == before + 2


@pytest.fixture
def updates(connection: Connection) -> list[tuple[object, str, object]]:
    """Records whose update can send several fields, each with one field and a new value."""
    page = Page.all()[0]
    event = CalendarEvent.create(calendar=Calendar.all()[0], title="9/27 Tea", remind=True)
    return [
        (page.notes[0], "title", "new"),
        (page.notes[0], "body", "new"),
        (page.notes[0], "show_created_at", True),
        (page.lists[0].items[0], "content", "new"),
        (Reminder.all()[0], "content", "new"),
        (Reminder.all()[1], "remind_at", datetime(2031, 1, 1)),
        (Reminder.all()[2], "remindees", [User.me()]),
        (event, "title", "9/28 Supper"),
        (event, "remind", False),
    ]


def test_every_update_sends_the_changed_field_and_no_other(
    updates: list[tuple[object, str, object]], bodies: list[str]
) -> None:
    for record, name, value in updates:
        bodies.clear()
        setattr(record, name, value)
        assert record.save().fields == (name,)  # type: ignore[attr-defined]  # all are savable
        (body,) = bodies
        names = {"title", "body", "show-created-at", "content", "remind_at", "remindees", "remind"}
        sent = [name for name in names if f"<{name}>" in body or f"<{name} " in body]
        assert sent == [name.replace("_", "-") if name == "show_created_at" else name]
        assert "completed" not in body


# --- a failed complete() ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["ws/page/**/items/list", "ws/page/**/items/update/*"])
def test_a_refused_complete_leaves_the_item_as_it_was(
    connection: Connection, box: Sandbox, path: str
) -> None:
    item = first_item()
    box.faults.error_body(500, path=path)
    with pytest.raises(ApiError):
        item.complete()
    assert (item.completed, item.is_dirty) == (False, False)
    box.faults.clear()
    assert not Item.find(item.id, fresh=True).completed


def test_a_refused_complete_leaves_an_unsaved_edit(connection: Connection, box: Sandbox) -> None:
    item = first_item()
    item.completed, item.content = True, "Boots"
    box.faults.error_body(500, path="ws/page/**/items/update/*")
    with pytest.raises(ApiError):
        item.reopen()
    assert item.changes == {"completed": (False, True), "content": ("Walking shoes", "Boots")}


def test_a_complete_whose_response_was_lost_is_read_again(box: Sandbox) -> None:
    backpack_orm.connect(box.url, token=box.token, max_wait=0)
    item = first_item()
    box.faults.drop_after_write(times=1, path="ws/page/**/items/update/*")
    with pytest.raises(backpack_orm.TransportError, match="may have succeeded"):
        item.complete()
    assert not item.is_dirty
    before = box.requests
    assert item.completed
    assert item.content == "Walking shoes"
    assert box.requests == before + 1
