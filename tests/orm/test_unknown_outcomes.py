"""After a write whose outcome is unknown, the object knows that it does not know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    ApiError,
    Calendar,
    CalendarEvent,
    Connection,
    JournalEntry,
    Page,
    Reminder,
    Separator,
    Status,
    TransportError,
    User,
)
from backpack_orm.sandbox import Sandbox

Case = tuple[Any, str, Any]


@pytest.fixture
def hasty(box: Sandbox) -> Connection:
    """A connection that sends nothing twice, so that one lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0)


def page() -> Page:
    return Page.find(Page.all()[0].id)


def event() -> CalendarEvent:
    made = CalendarEvent.create(calendar=Calendar.all()[0], title="9/27 Tea", remind=True)
    return made.reload()


def status() -> Status:
    found = Status.find(User.me())
    assert found is not None
    return found


CASES: dict[str, Callable[[], Case]] = {
    "Page.title": lambda: (page(), "title", "new"),
    "Page.description": lambda: (page(), "description", "new"),
    "Page.tags": lambda: (page(), "tags", ["new"]),
    "List.name": lambda: (page().lists[0], "name", "new"),
    "Item.content": lambda: (page().lists[0].items[0], "content", "new"),
    "Item.completed": lambda: (page().lists[0].items[0], "completed", True),
    "PageItem.content": lambda: (page().items[0], "content", "new"),
    "PageItem.completed": lambda: (page().items[0], "completed", True),
    "Note.title": lambda: (page().notes[0], "title", "new"),
    "Note.body": lambda: (page().notes[0], "body", "new"),
    "Separator.name": lambda: (
        Separator.create(page=Page.all()[0], name="old"),
        "name",
        "new",
    ),
    "Reminder.content": lambda: (Reminder.all()[0], "content", "new"),
    "Reminder.remind_at": lambda: (Reminder.all()[0], "remind_at", datetime(2031, 1, 1)),
    "Reminder.remindees": lambda: (Reminder.all()[0], "remindees", [User.all()[2].id]),
    "Status.message": lambda: (status(), "message", "new"),
    "JournalEntry.body": lambda: (JournalEntry.create(body="old"), "body", "new"),
    "CalendarEvent.remind": lambda: (event(), "remind", False),
}
LOSSES = ["drop_after_write", "truncate", "html_page"]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, hasty: Connection) -> Case:
    """A record with a field, and a new value for it."""
    return CASES[request.param]()


def plain(value: Any) -> Any:
    """What can be compared and assigned again."""
    if isinstance(value, backpack_orm.Collection):
        return [
            getattr(each, "name", each.id) if type(each) is not User else each.id for each in value
        ]
    return value


def fail_updates(record: Any, fault: Callable[..., object]) -> None:
    """Let the updates of a record meet a fault."""
    for endpoint in record._updates:
        path = endpoint.path
        for name in endpoint.ids:
            path = path.replace("{" + name + "}", "*")
        fault(verb=endpoint.verb, path=path)


def lose(box: Sandbox, record: Any) -> None:
    """Let updates be carried out, and their responses be lost."""
    fail_updates(record, box.faults.drop_after_write)


def test_setting_the_old_value_again_sends_it(case: Case, box: Sandbox) -> None:
    record, name, new = case
    old = plain(getattr(record, name))
    setattr(record, name, new)
    lose(box, record)
    with pytest.raises(TransportError) as caught:
        record.save()
    assert caught.value.may_have_happened
    box.faults.clear()
    assert record.is_dirty
    setattr(record, name, old)
    assert name in record.changes
    record.save()
    record.reload()
    assert plain(getattr(record, name)) == old


def test_saving_again_sends_it_again(case: Case, box: Sandbox) -> None:
    record, name, new = case
    setattr(record, name, new)
    lose(box, record)
    with pytest.raises(TransportError):
        record.save()
    box.faults.clear()
    result = record.save()
    if name == "completed":  # which reads what is stored before it sends anything
        assert not result
    else:
        assert result.fields == (name,)
    assert not record.is_dirty
    assert plain(getattr(record, name)) == new


def test_discard_reads_what_is_stored(case: Case, box: Sandbox) -> None:
    record, name, new = case
    setattr(record, name, new)
    lose(box, record)
    with pytest.raises(TransportError):
        record.save()
    box.faults.clear()
    record.discard()
    assert not record.is_dirty
    before = box.requests
    assert plain(getattr(record, name)) == new
    assert box.requests > before


def test_a_refused_update_is_known_not_to_have_happened(case: Case, box: Sandbox) -> None:
    record, name, new = case
    old = plain(getattr(record, name))
    setattr(record, name, new)
    fail_updates(record, box.faults.error_body)
    with pytest.raises(ApiError) as caught:
        record.save()
    assert not caught.value.may_have_happened
    box.faults.clear()
    setattr(record, name, old)
    assert not record.is_dirty


@pytest.mark.parametrize("kind", LOSSES)
def test_every_way_to_lose_a_response_counts(hasty: Connection, box: Sandbox, kind: str) -> None:
    note = page().notes[0]
    old, note.title = note.title, "new"
    getattr(box.faults, kind)(path="ws/page/*/notes/update/*")
    with pytest.raises(backpack_orm.BackpackError) as caught:
        note.save()
    assert caught.value.may_have_happened
    box.faults.clear()
    note.title = old
    assert note.save().fields == ("title",)


def test_an_interrupt_counts_too(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    note = page().notes[0]
    old, note.title = note.title, "new"
    call = connection.call

    def interrupt(*args: Any, **more: Any) -> None:
        call(*args, **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(connection, "call", interrupt)
        with pytest.raises(KeyboardInterrupt):
            note.save()
    note.title = old
    assert note.save().fields == ("title",)


def test_what_the_service_may_have_rewritten_is_read_again(hasty: Connection, box: Sandbox) -> None:
    reminder = Reminder.all()[0]
    reminder.content = "tomorrow 9am Call"
    lose(box, reminder)
    with pytest.raises(TransportError):
        reminder.save()
    box.faults.clear()
    assert reminder.remind_at == datetime(2026, 5, 15, 9, 0)
    reminder.discard()
    assert reminder.content == "Call"


# --- what is no field -----------------------------------------------------------------------------


def reordered(page: Page) -> list[int]:
    return [place.id for place in page.belongings]


ACTS: dict[str, tuple[Callable[[Page], object], Callable[[Page], object]]] = {
    "reorder": (lambda page: page.reorder(page.belongings[::-1]), reordered),
    "unlink": (
        lambda page: page.unlink(page.linked_pages[0]),
        lambda page: [linked.id for linked in page.linked_pages],
    ),
    "unshare": (lambda page: page.unshare(), lambda page: page.scope),
    "share": (lambda page: page.share(["a@example.com"]), lambda page: page.scope),
    "items.reorder": (
        lambda page: page.lists[0].items.reorder(page.lists[0].items[::-1]),
        lambda page: [item.id for item in page.lists[0].items],
    ),
    "move": (
        lambda page: page.lists[0].items[0].move_lower(),
        lambda page: [item.id for item in page.lists[0].items],
    ),
    "toggle": (
        lambda page: page.lists[0].items[0].toggle(),
        lambda page: [(item.id, item.completed) for item in page.lists[0].items],
    ),
    "destroy a note": (
        lambda page: page.notes[0].destroy(),
        lambda page: [note.id for note in page.notes],
    ),
    "destroy a list": (
        lambda page: page.lists[0].destroy(),
        lambda page: [found.id for found in page.lists],
    ),
    "destroy an item": (
        lambda page: page.lists[0].items[0].destroy(),
        lambda page: [item.id for item in page.lists[0].items],
    ),
    "create a note": (
        lambda page: page.notes.create(title="new"),
        lambda page: [note.id for note in page.notes],
    ),
}


@pytest.fixture(params=ACTS)
def act(
    request: pytest.FixtureRequest,
) -> tuple[Callable[[Page], object], Callable[[Page], object]]:
    return ACTS[request.param]


def test_what_a_page_shows_is_read_again_after_a_lost_response(
    hasty: Connection,
    box: Sandbox,
    act: tuple[Callable[[Page], object], Callable[[Page], object]],
) -> None:
    do, look = act
    title = "Recipes" if do is ACTS["unlink"][0] else "Lisbon"
    found = Page.find_by(title=title)
    assert found is not None
    page = Page.find(found.id)
    before = look(page)
    for part in (page.linked_pages, page.lists):
        assert part.is_loaded
    box.faults.drop_after_write(times=1)
    with pytest.raises(TransportError):
        do(page)
    box.faults.clear()
    stored = look(Page.find(page.id, fresh=True))
    assert look(page) == stored
    if do is not ACTS["share"][0] and do is not ACTS["unshare"][0]:
        assert before != stored


@pytest.mark.parametrize("fault", ["drop_after_write", "drop_before_write"])
def test_the_name_of_a_tag_is_unknown_after_a_lost_response(
    hasty: Connection, box: Sandbox, fault: str
) -> None:
    tag = page().tags["Portugal"]
    tag.name = "Iberia"
    getattr(box.faults, fault)(path="ws/page/*/tags/tag")
    with pytest.raises(TransportError):
        tag.save()
    box.faults.clear()
    tag.name = "Portugal"
    assert bool(tag.is_dirty)
    if fault == "drop_before_write":
        assert tag.save().fields == ("name",)
        assert not tag.is_dirty
        assert "Portugal" in page().tags
    else:  # the service has renamed it, and so has given it another id
        with pytest.raises(backpack_orm.NotFound, match="no page has"):
            tag.save()
