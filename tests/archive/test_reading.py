"""Reading a snapshot offline: all models, without a request, and never an invented value."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest

from backpack_orm import (
    ArchiveError,
    Bookmark,
    Calendar,
    CalendarEvent,
    Connection,
    DamagedArchive,
    Email,
    HasItems,
    HasMany,
    Item,
    JournalEntry,
    List,
    Model,
    Note,
    NotFound,
    NotInArchive,
    Page,
    ReadOnly,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
    ValidationError,
    using,
)
from backpack_orm.archive import Archive, Snapshot, slices, stored_pages
from backpack_orm.sandbox import Sandbox
from tests.archive.conftest import damage

DIFFERENT = ("account_id", "linked_pages", "messages", "scope", "updated_at")
"""What either exports or other responses omit."""


def plain(values: Any) -> Any:
    """Return what both a page show and an export contain, for comparison."""
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items() if key not in DIFFERENT}
    if not isinstance(values, list):
        return values
    found = [plain(each) for each in values]
    return sorted(found, key=lambda each: each["id"]) if is_mails(found) else found


def is_mails(values: list[Any]) -> bool:
    """Return whether records are emails, which an export and a list have in different orders."""
    return bool(values) and "subject" in values[0]


# --- everything is there ----------------------------------------------------------------------


def test_all_pages_are_as_they_were(box: Sandbox, connection: Connection, synced: Archive) -> None:
    live = Page.all(load=True)
    for page in live:
        page.emails.reload()
    before = box.requests
    stored = Page.all(load=True, using=synced.connection)
    for page in stored:
        assert list(page.emails) is not None
    assert [plain(page.to_dict()) for page in stored] == [plain(page.to_dict()) for page in live]
    assert [page.scope for page in synced.pages] == [page.scope for page in Page.all()]
    assert box.requests == before


LISTS: list[Callable[..., Iterable[Model]]] = [
    Note.all,
    List.all,
    Item.all,
    Tag.all,
    Separator.all,
    Email.all,
    Reminder.all,
    User.all,
    Status.all,
    JournalEntry.all,
    Bookmark.all,
    Calendar.all,
    CalendarEvent.all,
    lambda using: [User.me(using=using)],
    lambda using: JournalEntry.all(user=User.all(using=using)[1], using=using),
    lambda using: JournalEntry.all(user=User.all(using=using)[2], using=using),
    lambda using: User.me(using=using).export().pages,
    lambda using: [
        status for user in User.all(using=using) if (status := Status.find(user, using=using))
    ],
    lambda using: Note.all(page=Page.get(title="Lisbon", using=using)),
    lambda using: List.all(page=Page.get(title="Lisbon", using=using)),
    lambda using: Item.all(list=Page.get(title="Lisbon", using=using).lists[1]),
    lambda using: Email.all(page=Page.get(title="Lisbon", using=using)),
    lambda using: Page.get(title="Lisbon", using=using).items,
    lambda using: Page.get(title="Lisbon", using=using).tags[0].page.tags,
    lambda using: [tag.page for tag in Tag.all(using=using)],
    lambda using: [CalendarEvent.find(CalendarEvent.all(using=using)[3].id, using=using)],
    lambda using: [
        JournalEntry.find(JournalEntry.all(user=User.me(using=using))[0].id, using=using)
    ],
    lambda using: [
        Email.find(email.id, page=email.page, using=using) for email in Email.all(using=using)
    ],
    lambda using: [
        bookmark.bookmarkable for bookmark in Bookmark.all(using=using) if bookmark.bookmarkable
    ],
    lambda using: [page for page in [User.me(using=using).start_page] if page],
    lambda using: Reminder.all(using=using)[0].remindees,
]


@pytest.mark.parametrize("read", LISTS)
def test_other_records_are_as_they_were(
    box: Sandbox, connection: Connection, synced: Archive, read: Callable[..., Iterable[Model]]
) -> None:
    live = [record.to_dict() for record in read(using=connection)]
    before = box.requests
    stored = [record.to_dict() for record in read(using=synced.connection)]
    assert live
    assert plain(stored) == plain(live)
    assert box.requests == before


def test_tags_lead_to_their_pages(synced: Archive, connection: Connection) -> None:
    for bookmark in Bookmark.all(using=synced.connection):
        if bookmark.bookmarkable_type == "Tag":
            stored, live = bookmark.bookmarkable, Bookmark.find(bookmark.id).bookmarkable
            assert isinstance(stored, Tag) and isinstance(live, Tag)
            assert stored.name == live.name
            assert stored.page == Page.find(live.page.id, using=synced.connection)


def test_past_reminders_are_there_too(connection: Connection, synced: Archive) -> None:
    assert len(synced.reminders) == len(User.me().export().reminders) == 6
    assert [each.id for each in synced.reminders[:4]] == [each.id for each in Reminder.all()]


def test_classes_of_your_own_read_an_archive(synced: Archive) -> None:
    class Chore(Item):
        def is_urgent(self) -> bool:
            return self.content.startswith("Sun")

    class Packing(List):
        items = HasItems(Chore)

    class Trip(Page):
        lists = HasMany(Packing)

    trip = Trip.get(title="Lisbon", using=synced.connection)
    assert [item.content for item in trip.lists["Packing"].items if item.is_urgent()] == ["Sun hat"]


def test_an_archive_can_be_the_current_connection(synced: Archive) -> None:
    with using(synced.connection):
        assert Page.all()[0] == synced.pages[0]


def test_times_have_a_zone_on_request(synced: Archive, folder: Any) -> None:
    naive = synced.notes[0].created_at
    assert naive.tzinfo is None
    aware = Archive(folder, timezone="account").notes[0].created_at
    assert str(aware.tzinfo) == "America/Los_Angeles"
    assert aware.replace(tzinfo=None) == naive


# --- what is not there ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda archive: list(archive.pages["Lisbon"].linked_pages),
        lambda archive: archive.items[0].updated_at,
        lambda archive: archive.pages["Lisbon"].items[0].updated_at,
        lambda archive: archive.journal[0].account_id,
        lambda archive: Page.search("tram", using=archive.connection),
        lambda archive: Bookmark.all(user=archive.users[1], using=archive.connection),
        lambda archive: archive.users[1].export() if archive.users[1].id else None,
    ],
)
def test_what_is_not_stored_is_never_taken_for_empty(
    synced: Archive, read: Callable[[Archive], object]
) -> None:
    with pytest.raises(NotInArchive, match="snapshot 1 of .*backup"):
        read(synced)


@pytest.mark.parametrize(
    "read",
    [
        lambda connection: Page.find(7, using=connection),
        lambda connection: Note.all(page=7, using=connection),
        lambda connection: CalendarEvent.find(7, using=connection),
        lambda connection: JournalEntry.find(7, using=connection),
        lambda connection: Email.find(7, page=Page.all(using=connection)[0]),
        lambda connection: Reminder.find(7, using=connection),
    ],
)
def test_a_record_that_never_was_is_not_found(
    synced: Archive, connection: Connection, read: Callable[[Connection], object]
) -> None:
    for source in (synced.connection, connection):
        with pytest.raises(NotFound):
            read(source)


def test_what_was_refused_is_not_taken_for_empty(
    box: Sandbox, archive: Archive, connection: Connection
) -> None:
    id = Page.all()[0].id
    for path in ("/users/*/export.xml", f"/ws/page/{id}", "/statuses.xml", "/journal_entries.xml"):
        box.faults.status(403, path=path)
    archive.sync(connection)
    with pytest.raises(NotInArchive, match=r"contain page \d+: Forbidden"):
        archive.pages[0].notes.reload()
    for read in (lambda: archive.statuses, lambda: archive.journal, lambda: archive.notes):
        with pytest.raises(NotInArchive):
            read()
    assert len(archive.pages) == 13
    assert archive.pages[1].notes[0].title


# --- nothing can be changed -------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda archive: archive.pages[0].destroy(),
        lambda archive: archive.pages[0].notes.create(title="T"),
        lambda archive: archive.pages[0].duplicate(),
        lambda archive: archive.notes[0].destroy(),
        lambda archive: archive.items[0].complete(),
        lambda archive: archive.tags[0].destroy(),
        lambda archive: archive.reminders[0].destroy(),
        lambda archive: archive.events[0].destroy(),
        lambda archive: Page.create(title="T", using=archive.connection),
        lambda archive: JournalEntry.create(body="T", using=archive.connection),
    ],
)
def test_a_write_is_refused(
    box: Sandbox, synced: Archive, change: Callable[[Archive], object]
) -> None:
    before = box.requests
    with pytest.raises(ReadOnly, match=r"snapshot 1 of .* cannot be changed: find the record in"):
        change(synced)
    assert box.requests == before


def test_records_of_an_archive_are_foreign_to_the_account(
    synced: Archive, connection: Connection
) -> None:
    assert synced.pages[0] != Page.all()[0]
    with pytest.raises(ValidationError, match="another account|cannot be used"):
        Page.all()[0].link(synced.pages[1])


# --- snapshots --------------------------------------------------------------------------------


def test_every_snapshot_is_read_as_it_was(
    synced: Archive, connection: Connection, opened: Callable[[], Archive]
) -> None:
    note = Page.get(title="Lisbon").notes[0]
    for body in ("one", "two"):
        note.body = body
        note.save()
        synced.sync(connection)
    bodies = [snapshot.notes[0].body for snapshot in opened().snapshots]
    assert bodies[1:] == ["one", "two"]
    assert bodies[0].startswith("Rua da Bica 41")
    first, *_, last = synced.snapshots
    assert first.notes[0] == last.notes[0]  # the same record
    assert synced.notes[0].body == "two"


def test_the_attributes_of_an_archive_are_those_of_its_newest_snapshot(
    synced: Archive, opened: Callable[[], Archive], connection: Connection
) -> None:
    other = opened()
    Page.create(title="New")
    other.sync(connection)
    assert len(synced.pages) == 14


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("2026-10-01", 1),
        (date(2026, 10, 1), 1),
        ("2026-10-02T02:00", 1),
        ("2026-10-02T12:00", 2),
        ("2026-10-03", 2),
        (datetime(2026, 10, 2, 9, tzinfo=UTC), 1),
        (datetime(2026, 10, 2, 11, tzinfo=UTC), 2),
    ],
)
def test_a_moment_selects_the_snapshot_that_was_the_newest(
    archive: Archive, connection: Connection, clock: Any, moment: Any, number: int
) -> None:
    """Naive times are in the zone of the account, seven hours behind UTC."""
    archive.sync(connection)
    clock.now = datetime(2026, 10, 2, 10, tzinfo=UTC)
    Page.create(title="New")
    archive.sync(connection)
    assert archive.at(moment).number == number


def test_before_the_first_snapshot_there_is_none(synced: Archive) -> None:
    with pytest.raises(ArchiveError, match="no snapshot from 2026-09-29"):
        synced.at("2026-09-29")
    for moment in ("yesterday", 5):
        with pytest.raises(ValidationError, match="a time or a date is needed"):
            synced.at(moment)  # type: ignore[arg-type]


def test_records_and_connections_can_be_pickled(synced: Archive) -> None:
    page = pickle.loads(pickle.dumps(synced.pages["Lisbon"]))
    assert page == synced.pages["Lisbon"]
    assert page.notes[0].title == "Where we sleep"
    connection = pickle.loads(pickle.dumps(synced.connection))
    assert len(Page.all(using=connection)) == 13


def test_damage_is_found_when_the_file_is_read(synced: Archive, folder: Any) -> None:
    damage(folder, "statuses")
    assert len(synced.pages) == 13
    with pytest.raises(DamagedArchive, match=r"packs/.*\.gz is not as it was written"):
        synced.statuses  # noqa: B018


# --- effort -----------------------------------------------------------------------------------


def test_the_export_is_searched_once_and_every_page_parsed_once(
    synced: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[object] = []
    pages: list[int] = []

    class Counted(slices.Sliced):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            passes.append(arguments)
            super().__init__(*arguments, **options)

        def cut(self, slice: slices.Slice) -> bytes:
            pages.append(slice.id)
            return super().cut(slice)

    monkeypatch.setattr(stored_pages, "Sliced", Counted)
    assert len(synced.notes) == 16
    assert len(synced.newest.pages) == 13
    assert len(passes) == 1
    assert len(pages) == len(set(pages)) == 13


def test_threads_share_a_snapshot(synced: Archive) -> None:
    def read(snapshot: Snapshot) -> list[str]:
        return [note.body for note in snapshot.notes]

    snapshot = synced.newest
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(read, [snapshot] * 16))
    assert len(results[0]) == 16
    assert all(result == results[0] for result in results)
