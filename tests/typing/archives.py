"""Types of archives; checked by mypy and never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, assert_type

from backpack_orm import (
    CalendarEvent,
    Collection,
    Connection,
    Item,
    JournalEntry,
    Note,
    Page,
    Reminder,
    User,
)
from backpack_orm.archive import (
    Archive,
    Entry,
    Gap,
    Merged,
    Problem,
    PruneResult,
    Snapshot,
    SyncResult,
    Verification,
)


class Trip(Page):
    """A class of one's own."""


def archives(archive: Archive, connection: Connection) -> None:
    Archive("backup", timezone="account")
    Archive(Path("backup"))
    Archive("s3://bucket/backup", key="…")
    Archive(5)  # type: ignore[arg-type]
    assert_type(archive.pages, Collection[Page])
    assert_type(archive.notes, Collection[Note])
    assert_type(archive.items, Collection[Item])
    assert_type(archive.reminders, Collection[Reminder])
    assert_type(archive.users, Collection[User])
    assert_type(archive.journal, Collection[JournalEntry])
    assert_type(archive.events, Collection[CalendarEvent])
    assert_type(Trip.all(using=archive.connection), Collection[Trip])
    assert_type(archive.snapshots, list[Snapshot])
    assert_type(archive.newest.pages["Lisbon"], Page)
    assert_type(archive.at("2026-10-01"), Snapshot)
    archive.at(date(2026, 10, 1))
    archive.at(5)  # type: ignore[arg-type]


def syncing(archive: Archive, connection: Connection) -> None:
    result = archive.sync(connection, progress=True)
    assert_type(result, SyncResult)
    assert_type(result.snapshot, Snapshot)
    assert_type(result.is_new, bool)
    assert_type(result.added, Mapping[str, int])
    assert_type(result.gaps, tuple[Gap, ...])
    archive.sync(connection, progress=lambda what, done, total: print(what, done, total))
    archive.sync()  # type: ignore[call-arg]
    archive.sync(connection, progress=5)  # type: ignore[arg-type]
    assert_type(archive.add_export(b"<pages/>", taken_at=datetime(2009, 3, 14)), SyncResult)
    archive.add_export("export.xml")  # type: ignore[call-arg]


def maintaining(archive: Archive) -> None:
    assert_type(archive.verify(), Verification)
    assert_type(archive.verify().problems, tuple[Problem, ...])
    pruned = archive.prune(keep_daily=30, dry_run=True)
    assert_type(pruned, PruneResult)
    assert_type(pruned.removed, tuple[Snapshot, ...])
    archive.prune(keep_yearly=3)  # type: ignore[call-arg]
    assert_type(Archive.merge([archive]), Merged)
    assert_type(Archive.merge([archive]).notes, Collection[Note])
    assert_type(archive.newest.entries(), Iterator[Entry])
    assert_type(next(archive.newest.entries()).values, Mapping[str, Any])
