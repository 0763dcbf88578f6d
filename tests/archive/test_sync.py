"""Syncing: what is read, what counts as a change, and what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from backpack_orm import (
    AuthenticationError,
    CalendarEvent,
    Connection,
    DamagedArchive,
    JournalEntry,
    Page,
    Reminder,
    ServerError,
    User,
)
from backpack_orm.archive import Archive
from backpack_orm.archive.log import Log
from backpack_orm.archive.sealed import unseal
from backpack_orm.sandbox import Sandbox
from tests.archive.conftest import Clock


def kinds(gaps: object) -> set[str]:
    return {gap.what for gap in gaps}  # type: ignore[attr-defined]


# --- requests ---------------------------------------------------------------------------------


def test_a_sync_makes_ten_requests_and_those_for_calendars_and_the_journal(
    box: Sandbox, archive: Archive, connection: Connection
) -> None:
    before = box.requests
    result = archive.sync(connection)
    assert result.requests == box.requests - before == 8 + 2 + 3
    for n in range(30):
        Page.create(title=f"Page {n}")
    before = box.requests
    assert archive.sync(connection).requests == box.requests - before == 8 + 2 + 3


def test_a_sync_bypasses_the_cache_and_leaves_it_alone(
    box: Sandbox, archive: Archive, connection: Connection
) -> None:
    titles = [page.title for page in Page.all()]
    archive.sync(connection)
    before = box.requests
    assert [page.title for page in Page.all()] == titles
    assert box.requests == before


def test_a_read_only_connection_is_enough(box: Sandbox, archive: Archive) -> None:
    assert archive.sync(Connection(box.url, token=box.token, read_only=True)).added["page"] == 13


def test_a_bearer_token_is_enough(box: Sandbox, archive: Archive) -> None:
    assert archive.sync(Connection(box.url, oauth_token=box.token)).added["note"] == 16


def test_the_progress_is_reported(archive: Archive, connection: Connection) -> None:
    steps: list[tuple[str, int, int]] = []
    archive.sync(connection, progress=lambda *step: steps.append(step))
    assert ("reading the account", 13, 0) in steps


def test_the_progress_is_shown_on_standard_error(
    archive: Archive, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.sync(connection, progress=True)
    assert "reading the account: 13it" in capsys.readouterr().err


# --- changes ----------------------------------------------------------------------------------


def test_without_changes_only_the_last_sync_is_written(
    synced: Archive, folder: Path, connection: Connection
) -> None:
    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = state()
    result = synced.sync(connection)
    after = state()
    assert not result.is_new
    assert (result.added, result.changed, result.removed) == ({}, {}, {})
    assert result.snapshot.number == 1
    assert {path.name for path in before if before[path] != after[path]} == {"last-sync.json"}
    assert before.keys() == after.keys()
    assert unseal((folder / "last-sync.json").read_bytes())["outcome"] == "unchanged"


CHANGES: list[tuple[Callable[[], object], str, dict[str, int]]] = [
    (lambda: Page.create(title="New"), "added", {"page": 1}),
    (lambda: lisbon().notes.create(title="New"), "added", {"note": 1}),
    (lambda: lisbon().lists[0].items.create(content="New"), "added", {"item": 1}),
    (lambda: lisbon().lists[0].items[0].complete(), "changed", {"item": 1, "list": 1}),
    (lambda: lisbon().lists[0].items[0].move_lower(), "changed", {"list": 1}),
    (lambda: lisbon().reorder(list(lisbon().belongings)[::-1]), "changed", {"page": 1}),
    (lambda: lisbon().notes[0].destroy(), "removed", {"note": 1}),
    (lambda: lisbon().emails[0].destroy(), "removed", {"email": 1}),
    (lambda: Reminder.all()[0].destroy(), "removed", {"reminder": 1}),
    (lambda: CalendarEvent.all()[0].destroy(), "removed", {"event": 1}),
    (lambda: JournalEntry.create(body="New"), "added", {"journal": 1}),
    (lambda: own_entry().destroy(), "removed", {"journal": 1}),
    (lambda: User.me().status.destroy() if False else set_status(), "changed", {"status": 1}),
    (lambda: retag(), "changed", {"page": 1}),
]


def lisbon() -> Page:
    return Page.get(title="Lisbon")


def own_entry() -> JournalEntry:
    return JournalEntry.all(user=User.me())[0]


def set_status() -> None:
    status = User.me().status
    assert status is not None
    status.message = "Elsewhere"
    status.save()


def retag() -> None:
    page = lisbon()
    page.tags = ["Travel"]
    page.save()


@pytest.mark.parametrize(("change", "what", "numbers"), CHANGES)
def test_a_change_makes_a_new_snapshot_and_is_counted(
    synced: Archive,
    connection: Connection,
    change: Callable[[], object],
    what: str,
    numbers: dict[str, int],
) -> None:
    change()
    result = synced.sync(connection)
    assert result.is_new
    assert result.snapshot.number == 2
    found = getattr(result, what)
    assert {key: found.get(key) for key in numbers} == numbers


def test_a_reminder_that_has_fired_is_neither_changed_nor_removed(
    demo: Callable[..., Sandbox], archive: Archive, network: None
) -> None:
    clock = Clock()
    clock.now = clock.now.replace(year=2026, month=5, day=14)
    with demo(clock=clock) as box:
        connection = Connection(box.url, token=box.token)
        upcoming = len(Reminder.all(using=connection))
        total = len((archive.sync(connection).snapshot).reminders)
        clock.now = clock.now.replace(month=6)
        assert len(Reminder.all(using=connection, fresh=True)) < upcoming
        result = archive.sync(connection)
        assert not result.is_new
        assert len(archive.reminders) == total


def test_a_clock_that_was_set_back_is_harmless(
    synced: Archive, connection: Connection, clock: Clock
) -> None:
    clock.now = clock.now.replace(year=2001)
    Page.create(title="New")
    assert synced.sync(connection).snapshot.number == 2
    assert synced.newest.taken_at.year == 2001
    assert synced.at("2026-12-01").number == 2


def test_another_sync_at_the_same_time_is_noticed_and_compared_with(
    synced: Archive,
    opened: Callable[[], Archive],
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Page.create(title="New")
    append = Log.append
    other = opened()
    raced: list[object] = []

    def race(self: Log, *arguments: Any) -> object:
        if not raced:
            raced.append(other)
            assert other.sync(connection).is_new
        return append(self, *arguments)

    monkeypatch.setattr(Log, "append", race)
    result = synced.sync(connection)
    assert raced
    assert not result.is_new  # the other one has stored the same
    assert result.snapshot.number == 2
    assert len(synced.snapshots) == 2


# --- what is missing --------------------------------------------------------------------------


def test_what_the_api_does_not_give_is_named(synced: Archive) -> None:
    assert kinds(synced.newest.gaps) == {"sharing", "linked pages", "files", "writeboards"}


@pytest.mark.parametrize(
    ("path", "what", "attribute"),
    [
        ("/users/*/bookmarks.xml", "bookmarks", "bookmarks"),
        ("/statuses.xml", "statuses", "statuses"),
        ("/users.xml", "users", "users"),
        ("/journal_entries.xml", "journal", "journal"),
        ("/calendars.xml", "calendars", "events"),
        ("/users/*/export.xml", "export", "notes"),
        ("/reminders.xml", "reminders", "reminders"),
    ],
)
def test_what_is_refused_later_is_kept_from_the_snapshot_before(
    box: Sandbox, synced: Archive, connection: Connection, path: str, what: str, attribute: str
) -> None:
    records = [each.id for each in getattr(synced, attribute)]
    box.faults.status(403, path=path)
    page = Page.create(title="New")
    result = synced.sync(connection)
    (gap,) = [gap for gap in result.gaps if gap.what == what]
    assert "403" in gap.reason
    assert gap.copied_from == 1
    assert result.added == {"page": 1}
    assert result.removed == {}
    assert [each.id for each in getattr(synced, attribute)] == records
    page.destroy()
    assert synced.sync(connection).removed == {"page": 1}
    assert [each.id for each in getattr(synced, attribute)] == records


def test_a_refusal_alone_is_no_change(
    box: Sandbox, synced: Archive, connection: Connection
) -> None:
    box.faults.status(403, path="/statuses.xml")
    result = synced.sync(connection)
    assert not result.is_new
    assert "statuses" in kinds(result.gaps)


def destroy_a_page() -> None:
    lisbon().destroy()


def create_a_page() -> None:
    Page.create(title="New").notes.create(title="Note", body="Text")


@pytest.mark.parametrize(
    ("change", "requests", "pages"), [(destroy_a_page, 15, 12), (create_a_page, 14, 14)]
)
def test_a_page_created_or_destroyed_between_two_requests_of_a_sync_leaves_it_consistent(
    archive: Archive,
    connection: Connection,
    change: Callable[[], None],
    requests: int,
    pages: int,
) -> None:
    def progress(what: str, done: int, total: int) -> None:
        if done == 2 and what == "reading the account":  # the pages are listed, but not exported
            change()

    result = archive.sync(connection, progress=progress)
    assert result.requests == requests
    assert result.added["page"] == pages == len(archive.pages)
    assert sum(len(page.notes) for page in archive.pages) == len(archive.notes)
    assert not archive.verify().problems


def test_a_page_that_is_listed_but_cannot_be_shown_is_a_gap(
    box: Sandbox, archive: Archive, connection: Connection
) -> None:
    box.faults.status(403, path="/users/*/export.xml")
    id = lisbon().id
    box.faults.status(404, path=f"/ws/page/{id}")
    assert f"page {id}" in kinds(archive.sync(connection).gaps)


def test_pages_that_the_export_omits_are_read_one_by_one(
    box: Sandbox, archive: Archive, connection: Connection
) -> None:
    box.faults.status(403, path="/users/*/export.xml")
    result = archive.sync(connection)
    assert result.added["page"] == 13
    assert result.added["email"] == 8
    assert "export" in kinds(result.gaps)
    assert [note.title for note in archive.pages["Lisbon"].notes] == ["Where we sleep", ""]
    assert len(archive.reminders) == 4  # those to come


def test_a_page_that_is_refused_is_kept_from_the_snapshot_before(
    box: Sandbox, synced: Archive, connection: Connection
) -> None:
    page = synced.pages["Lisbon"]
    box.faults.status(403, path="/users/*/export.xml")
    box.faults.status(403, path=f"/ws/page/{page.id}")
    Page.create(title="New")
    result = synced.sync(connection)
    assert result.removed == {}
    assert [note.body for note in synced.pages["Lisbon"].notes] == [n.body for n in page.notes]
    (gap,) = [gap for gap in result.gaps if gap.what == f"page {page.id}"]
    assert gap.copied_from == 1
    Page.create(title="Newer")
    assert synced.sync(connection).removed == {}


# --- failures ---------------------------------------------------------------------------------


def test_an_outage_changes_nothing_and_is_noted(
    box: Sandbox, synced: Archive, folder: Path, connection: Connection
) -> None:
    Page.create(title="New")
    impatient = Connection(box.url, token=box.token, max_wait=0)
    box.faults.status(503, path="/users.xml")
    with pytest.raises(ServerError):
        synced.sync(impatient)
    assert synced.newest.number == 1
    assert "503" in json.loads((folder / "last-sync.json").read_bytes())["outcome"]
    box.faults.clear()
    assert synced.sync(connection).is_new


def test_a_wrong_token_changes_nothing(box: Sandbox, archive: Archive, folder: Path) -> None:
    with pytest.raises(AuthenticationError):
        archive.sync(Connection(box.url, token="wrong"))
    assert not folder.exists()


def test_an_export_that_is_no_export_is_not_stored(
    box: Sandbox, synced: Archive, connection: Connection
) -> None:
    box.faults.html_page(path="/users/*/export.xml")
    Page.create(title="New")
    result = synced.sync(connection)
    (gap,) = [gap for gap in result.gaps if gap.what == "export"]
    assert gap.copied_from == 1
    assert result.added == {"page": 1}
    assert synced.pages["New"].notes.is_loaded is False


def test_an_interruption_says_how_to_go_on(
    synced: Archive, folder: Path, connection: Connection
) -> None:
    def interrupt(*step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        synced.sync(connection, progress=interrupt)
    assert caught.value.__notes__ == [f"{folder} is valid: call sync() again to go on"]
    assert unseal((folder / "last-sync.json").read_bytes())["outcome"] == "interrupted"
    assert synced.newest.number == 1


def test_the_time_of_the_last_complete_sync_survives_failures_and_refusals(
    box: Sandbox, synced: Archive, connection: Connection
) -> None:
    first = synced.last_sync
    assert first is not None
    assert first.completed == first.started

    box.faults.html_page(path="/users/*/export.xml", times=99)
    result = synced.sync(connection)
    assert [gap.what for gap in result.refused] == ["export"]
    refused = synced.last_sync
    assert refused is not None
    assert refused.started > first.started
    assert refused.completed == first.started

    box.faults.status(503, path="/users.xml", times=99)
    with pytest.raises(ServerError):
        synced.sync(Connection(box.url, token=box.token, max_wait=0))
    failed = synced.last_sync
    assert failed is not None
    assert "503" in failed.outcome
    assert failed.completed == first.started

    box.faults.clear()
    assert synced.sync(connection).refused == ()
    last = synced.last_sync
    assert last is not None
    assert last.completed == last.started > failed.started


def test_a_damaged_file_of_the_last_sync_is_reported_and_replaced(
    synced: Archive, folder: Path, connection: Connection
) -> None:
    path = folder / "last-sync.json"
    path.write_bytes(path.read_bytes().replace(b"added", b"removed"))
    with pytest.raises(DamagedArchive, match="last-sync.json is not as it was written"):
        _ = synced.last_sync
    synced.sync(connection)
    assert synced.last_sync is not None


def test_an_archive_of_exports_alone_was_never_synced(archive: Archive) -> None:
    archive.add_export(b"<pages><page id='71' title='Lisbon'/></pages>", taken_at="2009-03-14")
    assert archive.last_sync is None


# --- exports that are incomplete --------------------------------------------------------------


def exported(box: Sandbox, change: Callable[[bytes], bytes], patch: pytest.MonkeyPatch) -> None:
    """Let the service send another export."""
    body_of = Connection.body_of

    def changed(self: Connection, endpoint: Any, ids: Any = (), *, read: Any) -> Any:
        def read_changed(response: Any) -> Any:
            return read(response._replace(content=change(response.content)))

        if "export" not in endpoint.path:
            return body_of(self, endpoint, ids, read=read)
        body, record = body_of(self, endpoint, ids, read=read_changed)
        return change(body), record

    patch.setattr(Connection, "body_of", changed)


def without(element: str) -> Callable[[bytes], bytes]:
    """Return a function that removes the first element of a name."""
    pattern = rb"(?s)<%s\b.*?</%s>" % ((element.encode(),) * 2)
    return lambda content: re.sub(pattern, b"", content, count=1)


@pytest.mark.parametrize("element", ["notes", "lists", "page", "note", "galleries"])
def test_a_page_that_an_export_has_only_in_part_is_read_by_itself(
    box: Sandbox,
    archive: Archive,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    element: str,
) -> None:
    exported(box, without(element), monkeypatch)
    assert archive.sync(connection).requests == 8 + 2 + 3 + 1
    live = Page.get(title="Lisbon")
    stored = archive.pages["Lisbon"]
    assert [note.body for note in stored.notes] == [note.body for note in live.notes]
    assert [each.name for each in stored.lists] == [each.name for each in live.lists]
    assert len(stored.emails) == len(live.emails) == 2
    assert archive.verify()


def test_emails_that_an_export_omits_are_read_by_themselves(
    box: Sandbox, archive: Archive, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(box, without("emails"), monkeypatch)
    assert archive.sync(connection).requests == 8 + 2 + 3 + 1
    stored = archive.pages["Lisbon"].emails
    assert [each.body for each in stored] == [each.body for each in Page.all()[0].emails]
    assert archive.verify()


def test_entities_that_an_export_may_have_escaped_twice_are_a_gap(
    box: Sandbox, archive: Archive, connection: Connection
) -> None:
    Page.get(title="Lisbon").notes.create(title="Route", body="Lisbon &rarr; Porto")
    (gap,) = [gap for gap in archive.sync(connection).gaps if gap.what == "typed entities"]
    assert gap.reason.endswith("on 1 page")


# --- at the same time -------------------------------------------------------------------------


def test_of_several_syncs_at_once_one_adds_a_snapshot_and_all_succeed(
    box: Sandbox, synced: Archive, opened: Callable[[], Archive]
) -> None:
    Page.create(title="New")
    barrier = Barrier(4)

    def sync(_: int) -> bool:
        archive, connection = opened(), Connection(box.url, token=box.token)
        barrier.wait()
        return archive.sync(connection).is_new

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(sync, range(4))) == [False, False, False, True]
    assert [snapshot.number for snapshot in synced.snapshots] == [1, 2]
    assert synced.verify()
    assert len(synced._storage.names("log")) == 2
