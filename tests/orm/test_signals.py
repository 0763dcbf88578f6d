"""Signals report each confirmed write once, and nothing that is not confirmed."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    Calendar,
    CalendarEvent,
    Connection,
    JournalEntry,
    Model,
    Note,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
    connect,
    using,
)
from backpack_orm.archive import Archive
from backpack_orm.orm import signals
from backpack_orm.orm.schema.registry import registry
from backpack_orm.orm.signals.events import CreatedEvent, DestroyedEvent, SavedEvent
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.endpoint import Endpoint, Safety

pytestmark = pytest.mark.network

Event = CreatedEvent[Any] | SavedEvent[Any] | DestroyedEvent[Any]


def described(event: Event) -> str:
    record = type(event.record).__name__
    if isinstance(event, SavedEvent):
        return f"saved{' (new)' * event.created} {record} {' '.join(event.fields)}".rstrip()
    return f"{type(event).__name__.removesuffix('Event').lower()} {record}"


@pytest.fixture(autouse=True)
def _no_function_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_hooks", {})


@pytest.fixture
def fast(box: Sandbox) -> Connection:
    return connect(box.url, token=box.token, limits=None, max_wait=0)


@pytest.fixture
def page(fast: Connection) -> Page:
    """Lisbon, complete."""
    return Page.find(Page.get(title="Lisbon").id)


def watch(model: type[Model] = Model) -> list[Event]:
    """Return the list of the events of a class from now on."""
    seen: list[Event] = []
    for name in ("created", "saved", "destroyed"):
        getattr(model, name)(seen.append)
    return seen


@pytest.fixture
def seen(page: Page) -> list[Event]:
    return watch()


def new(record: str, fields: str) -> list[str]:
    return [f"created {record}", f"saved (new) {record} {fields}".rstrip()]


def event() -> CalendarEvent:
    return CalendarEvent.all(calendar=Calendar.all()[0])[0]


CASES: dict[str, tuple[Callable[[Page], object], list[str]]] = {
    "POST /ws/pages/new": (lambda page: Page.create(title="a"), new("Page", "title")),
    "POST /ws/page/{id}/update_title": (
        lambda page: page.update(title="a"),
        ["saved Page title"],
    ),
    "POST /ws/page/{id}/update_body": (
        lambda page: page.update(description="a"),
        ["saved Page description"],
    ),
    "POST /ws/page/{id}/tags/tag": (lambda page: page.tags.add("a"), ["saved Page tags"]),
    "POST /ws/page/{id}/share": (lambda page: page.share(public=True), ["saved Page scope"]),
    "POST /ws/page/{id}/unshare_friend_page": (
        lambda page: Page.where(scope="friends")[0].unshare(),
        ["saved Page scope"],
    ),
    "POST /ws/page/{id}/reorder": (
        lambda page: page.reorder([*page.belongings][::-1]),
        ["saved Page belongings"],
    ),
    "POST /ws/page/{id}/duplicate": (lambda page: page.duplicate(), new("Page", "")),
    "POST /ws/page/{id}/email": (lambda page: page.email_copy(), []),
    "POST /ws/page/{id}/link": (
        lambda page: page.link(Page.get(title="The garden")),
        ["saved Page linked_pages"],
    ),
    "POST /ws/page/{id}/unlink": (
        lambda page: Page.get(title="Recipes").unlink(Page.get(title="The garden")),
        ["saved Page linked_pages"],
    ),
    "POST /ws/page/{id}/destroy": (lambda page: Page.all()[-1].destroy(), ["destroyed Page"]),
    "POST /calendar_events.xml": (
        lambda page: CalendarEvent.create(calendar=Calendar.all()[0], title="9/27 Tea"),
        new("CalendarEvent", "title"),
    ),
    "PUT /calendar_events/{id}.xml": (
        lambda page: event().update(title="9/27 Tea"),
        ["saved CalendarEvent title"],
    ),
    "DELETE /calendar_events/{id}.xml": (
        lambda page: event().destroy(),
        ["destroyed CalendarEvent"],
    ),
    "POST /ws/page/{page_id}/emails/destroy/{id}": (
        lambda page: next(each for each in Page.all() if each.emails).emails[0].destroy(),
        ["destroyed Email"],
    ),
    "POST /[token]/reminders.xml": (
        lambda page: Reminder.create(content="tomorrow 9am a"),
        new("Reminder", "content"),
    ),
    "PUT /[token]/reminders/{id}.xml": (
        lambda page: Reminder.all()[0].update(remind_at=datetime(2031, 1, 1)),
        ["saved Reminder remind_at"],
    ),
    "DELETE /[token]/reminders/{id}.xml": (
        lambda page: Reminder.all()[0].destroy(),
        ["destroyed Reminder"],
    ),
    "POST /ws/page/{page_id}/lists/{list_id}/items/add": (
        lambda page: page.lists[0].items.create(content="a", completed=True),
        new("Item", "content completed"),
    ),
    "POST /ws/page/{page_id}/lists/{list_id}/items/update/{id}": (
        lambda page: page.lists["Packing"].items["Sun hat"].complete(),
        ["saved Item completed"],
    ),
    "POST /ws/page/{page_id}/lists/{list_id}/items/toggle/{id}": (
        lambda page: page.lists[0].items[0].toggle(),
        ["saved Item completed"],
    ),
    "POST /ws/page/{page_id}/lists/{list_id}/items/move/{id}": (
        lambda page: page.lists[0].items[0].move_lower(),
        ["saved List items"],
    ),
    "POST /ws/page/{page_id}/lists/{list_id}/items/destroy/{id}": (
        lambda page: page.lists[0].items[0].destroy(),
        ["destroyed Item"],
    ),
    "POST /users/{user_id}/journal_entries.xml": (
        lambda page: JournalEntry.create(user=User.me(), body="a"),
        new("JournalEntry", "body"),
    ),
    "PUT /journal_entries/{id}.xml": (
        lambda page: User.me().journal[0].update(body="b"),
        ["saved JournalEntry body"],
    ),
    "DELETE /journal_entries/{id}.xml": (
        lambda page: User.me().journal[0].destroy(),
        ["destroyed JournalEntry"],
    ),
    "POST /ws/page/{page_id}/lists/add": (
        lambda page: page.lists.create(name="a"),
        new("List", "name"),
    ),
    "POST /ws/page/{page_id}/lists/update/{id}": (
        lambda page: page.lists[0].update(name="a"),
        ["saved List name"],
    ),
    "POST /ws/page/{page_id}/lists/{id}/items/reorder": (
        lambda page: page.lists[0].items.reorder([*page.lists[0].items][::-1]),
        ["saved List items"],
    ),
    "POST /ws/page/{page_id}/lists/destroy/{id}": (
        lambda page: page.lists[0].destroy(),
        ["destroyed List"],
    ),
    "POST /ws/page/{page_id}/notes/create": (
        lambda page: page.notes.create(title="a", body="b"),
        new("Note", "title body"),
    ),
    "POST /ws/page/{page_id}/notes/update/{id}": (
        lambda page: page.notes[0].update(body="b"),
        ["saved Note body"],
    ),
    "POST /ws/page/{page_id}/notes/destroy/{id}": (
        lambda page: page.notes[0].destroy(),
        ["destroyed Note"],
    ),
    "POST /ws/page/{page_id}/items/add": (
        lambda page: PageItem.create(page=page, content="a"),
        new("PageItem", "content"),
    ),
    "POST /ws/page/{page_id}/items/update/{id}": (
        lambda page: PageItem.all(page=page)[0].update(content="a"),
        ["saved PageItem content"],
    ),
    "POST /ws/page/{page_id}/items/toggle/{id}": (
        lambda page: PageItem.all(page=page)[0].toggle(),
        ["saved PageItem completed"],
    ),
    "POST /ws/page/{page_id}/items/move/{id}": (
        lambda page: PageItem.all(page=page)[0].move_lower(),
        ["saved Page items"],
    ),
    "POST /ws/page/{page_id}/items/destroy/{id}": (
        lambda page: PageItem.all(page=page)[0].destroy(),
        ["destroyed PageItem"],
    ),
    "POST /pages/{page_id}/separators.xml": (
        lambda page: page.separators.create(name="a"),
        new("Separator", "name"),
    ),
    "PUT /pages/{page_id}/separators/{id}.xml": (
        lambda page: Separator.all(page=page)[0].update(name="a"),
        ["saved Separator name"],
    ),
    "DELETE /pages/{page_id}/separators/{id}.xml": (
        lambda page: Separator.all(page=page)[0].destroy(),
        ["destroyed Separator"],
    ),
    "PUT /users/{user_id}/status.xml": (
        lambda page: Status.create(user=User.me(), message="a"),
        new("Status", "message"),
    ),
}


def test_the_cases_are_all_calls_that_write() -> None:
    for name in backpack_orm.__all__:
        getattr(backpack_orm, name)
    calls = {
        call.label
        for model in registry.values()
        if model.__module__.startswith("backpack_orm.")  # other tests declare models too
        for base in model.__mro__
        for call in vars(base).values()
        if isinstance(call, Endpoint) and call.safety is not Safety.READ
    }
    assert calls == CASES.keys()


def test_each_call_that_writes_sends_its_signals_once(
    page: Page, fast: Connection, seen: list[Event]
) -> None:
    sent: list[str] = []
    fast.hooks.on_request(lambda event: sent.append(event.endpoint) if event.is_write else None)
    found = {}
    for call, (write, _) in CASES.items():
        write(page)
        found[call] = (sent.copy(), [*map(described, seen)])
        sent.clear()
        seen.clear()
    assert found == {call: ([call], expected) for call, (_, expected) in CASES.items()}


# --- operations that write more than once -----------------------------------------------------


def test_a_save_of_two_calls_is_reported_once_with_all_fields(
    page: Page, seen: list[Event]
) -> None:
    page.update(title="Lisboa", tags=["Sea"])
    Page(title="Porto", description="May").save()
    assert [*map(described, seen)] == [
        "saved Page title tags",
        *new("Page", "title description"),
    ]


def test_a_save_of_two_calls_of_which_the_second_fails_reports_the_first(
    page: Page, seen: list[Event], box: Sandbox
) -> None:
    box.faults.status(403, path="/ws/page/*/update_body")
    with pytest.raises(backpack_orm.Forbidden):
        page.update(title="Lisboa", description="May")
    assert [*map(described, seen)] == ["saved Page title"]


def test_a_save_that_sends_nothing_is_not_reported(page: Page, seen: list[Event]) -> None:
    page.save()
    page.lists["Packing"].items["Passports"].complete()
    page.tags.add("Travel")
    Tag.create(page=page, name="Travel")
    assert not seen


def test_each_record_of_a_bulk_operation_is_reported_once(page: Page, seen: list[Event]) -> None:
    items = page.lists["Packing"].items
    items.where(completed=False).complete()
    page.notes.update(title="a")
    Page.all()[:2].retag(add=["Sea"])
    page.lists["Not to be missed"].items.destroy()
    assert sorted(map(described, seen)) == sorted(
        [
            *["saved Item completed"] * 5,
            *["saved Note title"] * 2,
            *["saved Page tags"] * 2,
            *["destroyed Item"] * 4,
        ]
    )


def test_many_records_and_a_synchronized_list_are_reported(page: Page, seen: list[Event]) -> None:
    items = page.lists["Packing"].items
    items.create_many(["Socks", "Hat"])
    assert [*map(described, seen)] == new("Item", "content") * 2
    seen.clear()
    items.sync({"Socks": True, "Hat": False, "Map": False}, destroy=True)
    assert sorted(map(described, seen)) == sorted(
        [*new("Item", "content"), "saved Item completed", *["destroyed Item"] * 8]
    )


def test_copies_and_moves_are_reported(page: Page, seen: list[Event]) -> None:
    garden = Page.get(title="The garden")
    page.notes[0].copy_to(garden)
    assert [*map(described, seen)] == new("Note", "title body")
    seen.clear()
    page.notes[0].move_to(garden)
    assert [*map(described, seen)] == [*new("Note", "title body"), "destroyed Note"]


def test_a_merge_is_reported(page: Page, seen: list[Event]) -> None:
    target = Page.create(title="All")
    seen.clear()
    page.merge_into(target)
    counts = {each: [*map(described, seen)].count(each) for each in map(described, seen)}
    assert {each: n for each, n in counts.items() if each.startswith("created")} == {
        "created Note": 2,
        "created List": 2,
        "created Item": 12,
        "created Separator": 1,
    }
    assert counts["saved Page tags"] == 1
    assert counts["saved Page description"] == 1


def test_a_found_record_is_not_reported_and_a_created_one_is(page: Page, seen: list[Event]) -> None:
    page.notes.get_or_create(title="Where we sleep")
    Page.get_or_create(title="Lisbon")
    assert not seen
    Page.get_or_create(title="Porto")
    page.notes.update_or_create(title="Where we sleep", defaults={"body": "Rua"})
    assert [*map(described, seen)] == [*new("Page", "title"), "saved Note body"]


def test_a_tag_is_reported_with_the_pages_on_which_it_was_changed(
    page: Page, seen: list[Event]
) -> None:
    tag = Tag.create(page=page, name="Sea")
    assert [*map(described, seen)] == ["saved Page tags", *new("Tag", "name")]
    seen.clear()
    tag.update(name="Ocean")
    tag.destroy()
    assert [*map(described, seen)] == [
        "saved Page tags",
        "saved Tag name",
        "saved Page tags",
        "destroyed Tag",
    ]


def test_an_item_of_a_page_is_reported_as_the_object_that_is_returned(page: Page) -> None:
    seen = watch()
    item = Page.create(title="Errands").items.create(content="Return the key")
    assert [described(each) for each in seen[2:]] == new("Item", "content")
    assert seen[-1].record is item


# --- outcomes ---------------------------------------------------------------------------------


def test_a_write_whose_response_is_lost_is_not_reported(
    page: Page, seen: list[Event], box: Sandbox
) -> None:
    box.faults.drop_after_write(times=4)
    writes: list[Callable[[], object]] = [
        lambda: Page.create(title="a"),
        page.lists[0].items[0].toggle,
        page.duplicate,
        lambda: page.update(title="a"),
    ]
    for write in writes:
        with pytest.raises(backpack_orm.BackpackError) as caught:
            write()
        assert caught.value.may_have_happened
    assert not seen


def test_a_refused_write_is_not_reported(page: Page, seen: list[Event], box: Sandbox) -> None:
    box.faults.status(403, times=2)
    for write in (page.notes[0].destroy, lambda: page.notes.create(title="a")):
        with pytest.raises(backpack_orm.Forbidden):
            write()
    assert not seen


def test_a_record_that_is_found_after_a_lost_response_is_reported_once(
    page: Page, seen: list[Event], box: Sandbox
) -> None:
    fault = box.faults.drop_after_write(path="/ws/page/*/lists/*/items/add", times=1)
    created = page.lists["Packing"].items.create_many(["Socks", "Hat"])
    assert fault.fired == 1
    made = [each.record for each in seen if isinstance(each, CreatedEvent)]
    assert made == [*created]


def test_an_update_that_is_retried_is_reported_once(box: Sandbox) -> None:
    page = Page.find(Page.get(title="Lisbon", using=connect(box.url, token=box.token)).id)
    seen = watch()
    box.faults.drop_after_write(times=1)
    page.update(title="Lisboa")
    box.faults.drop_after_write(times=1)
    page.destroy()
    assert [*map(described, seen)] == ["saved Page title", "destroyed Page"]


def test_the_writes_of_a_rehearsal_are_not_reported(tmp_path: Path) -> None:
    with Sandbox(seed="empty") as box, connect(box.url, token=box.token) as connection:
        Page.create(title="Porto").notes.create(title="Hotel")
        archive = Archive(tmp_path / "archive")
        archive.sync(connection)
        seen = watch()
        assert archive.verify(rehearse=True)
    assert not seen


# --- functions --------------------------------------------------------------------------------


def test_functions_get_the_records_of_a_class_and_its_subclasses(page: Page) -> None:
    class Trip(Page):
        pass

    of_all, of_pages, of_trips, of_notes = map(watch, (Model, Page, Trip, Note))  # type: ignore[arg-type]
    trip = Trip.find(page.id)
    trip.update(title="a")
    page.update(title="b")
    assert [type(each.record) for each in of_all] == [Trip, Page]
    assert [type(each.record) for each in of_pages] == [Trip, Page]
    assert [each.record for each in of_trips] == [trip]
    assert not of_notes


def test_a_signal_that_no_record_sends_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="the API has no call to create User records"):
        User.created  # noqa: B018
    with pytest.raises(AttributeError, match="the API has no call to destroy Status records"):
        Status.destroyed  # noqa: B018
    assert not hasattr(backpack_orm.Email, "saved")


def test_a_function_that_raises_is_logged_and_loses_no_write(
    page: Page, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    @Note.saved
    def broken(event: SavedEvent[Note]) -> None:
        raise RuntimeError("broken")

    seen = watch(Note)
    note = page.notes.create(title="a")
    assert (note.is_new, note.is_dirty) == (False, False)
    assert note in Page.find(page.id, fresh=True).notes
    assert len(seen) == 2
    assert [each.exc_info and str(each.exc_info[1]) for each in caplog.records] == ["broken"]
    assert box.token not in caplog.text


def test_a_function_sees_the_record_as_it_was_stored(page: Page) -> None:
    states = []

    @Page.saved
    def look(event: SavedEvent[Page]) -> None:
        states.append((event.record.is_new, event.record.is_dirty, event.record.title))

    Page.create(title="Porto")
    page.update(title="Lisboa")
    assert states == [(False, False, "Porto"), (False, False, "Lisboa")]


def test_what_a_function_writes_calls_the_others_but_not_itself(page: Page) -> None:
    @Note.saved
    def stamp(event: SavedEvent[Note]) -> None:
        event.record.page.notes.update(body="stamped")

    seen = watch(Note)
    page.notes[0].update(title="a")
    assert sorted(map(described, seen)) == [
        *["saved Note body"] * len(page.notes),
        "saved Note title",
    ]


def test_functions_are_called_without_the_locks_of_the_write(page: Page) -> None:
    @Page.saved
    def mark(event: SavedEvent[Page]) -> None:
        event.record.tags.add("Seen")

    @Page.created
    def find(event: CreatedEvent[Page]) -> None:
        assert Page.get_or_create(title="Porto") == (event.record, False)

    finished: list[Page] = []

    def write() -> None:
        Page.get_or_create(title="Porto")
        page.tags.add("Sea")
        finished.append(page)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(30)
    assert finished
    assert {"Sea", "Seen"} <= {tag.name for tag in page.reload().tags}


def test_requests_of_a_function_call_hooks(page: Page, fast: Connection) -> None:
    paths = []
    fast.hooks.on_request(lambda event: paths.append(event.endpoint))

    @Page.saved
    def look(event: SavedEvent[Page]) -> None:
        event.record.reload()

    page.update(title="a")
    assert paths == ["POST /ws/page/{id}/update_title", "POST /ws/page/{id}"]


# --- threads, processes and accounts ----------------------------------------------------------


def test_threads_report_their_own_writes(page: Page, seen: list[Event]) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            Page.create(title=str(number), using=page.connection)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    titles = sorted(each.record.title for each in seen if isinstance(each, CreatedEvent))
    assert titles == [str(number) for number in range(4) for _ in range(5)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_forked_process_calls_the_functions_that_it_has_inherited(
    page: Page, seen: list[Event]
) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            page.update(title="Lisboa")
            code = 0 if [*map(described, seen)] == ["saved Page title"] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not seen


def test_an_event_tells_the_account_of_its_record(box: Sandbox, seen: list[Event]) -> None:
    token = box.add_account("other")
    other = Connection(box.url_of("other"), token=token)
    for connection in (other, backpack_orm.connection.current()):
        with using(connection):
            Page.create(title="Porto")
    urls = [each.record.connection.url for each in seen if isinstance(each, CreatedEvent)]
    assert urls == [other.url, box.url]


def test_an_event_of_an_unpickled_record_is_reported(page: Page, seen: list[Event]) -> None:
    copy = pickle.loads(pickle.dumps(page))
    copy.update(title="Lisboa")
    assert [*map(described, seen)] == ["saved Page title"]


def test_neither_a_repr_nor_a_pickle_of_an_event_contains_the_token(
    page: Page, seen: list[Event], box: Sandbox
) -> None:
    page.notes.create(title="a").destroy()
    assert len(seen) == 3
    assert box.token not in repr(seen)
    assert box.token.encode() not in pickle.dumps(seen)
    assert [*map(described, pickle.loads(pickle.dumps(seen)))] == [*map(described, seen)]


def test_without_functions_nothing_is_built(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_report", None)
    page.update(title="a")
    page.notes.create(title="a").destroy()
