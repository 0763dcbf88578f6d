"""Pruning: which snapshots stay, and what is lost with the others."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backpack_orm import Connection, DamagedArchive, Page, ValidationError
from backpack_orm.archive import Archive, storage
from backpack_orm.archive.contents import Contents
from backpack_orm.archive.info import Account, new_info, write_info
from backpack_orm.archive.log import Log, LogEntry, lines_of, stored_parts
from backpack_orm.archive.packs import Packs
from backpack_orm.archive.pruning import Policy
from backpack_orm.archive.remote import RemoteStorage
from backpack_orm.archive.storage import Storage
from tests.archive.crashes import Killed, Recorder
from tests.archive.test_journal import Service
from tests.archive.test_journal import synced as journal_synced

NIGHTLY = datetime(2026, 1, 1, 3, tzinfo=UTC)


def snapshots(*moments: datetime) -> list[Any]:
    return [SimpleNamespace(number=n, taken_at=each) for n, each in enumerate(moments, 1)]


def nightly(count: int) -> list[Any]:
    return snapshots(*(NIGHTLY + timedelta(days=n) for n in range(count)))


def numbers(found: Sequence[Any]) -> list[int]:
    return [each.number for each in found]


# --- rules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({}, list(range(1, 61))),
        ({"keep_last": 1}, [60]),
        ({"keep_last": 3}, [58, 59, 60]),
        ({"keep_last": 100}, list(range(1, 61))),
        ({"keep_daily": 2}, [59, 60]),
        ({"keep_weekly": 3}, [46, 53, 60]),  # March 1 is a Sunday
        ({"keep_monthly": 3}, [31, 59, 60]),
        ({"keep_last": 2, "keep_monthly": 2}, [59, 60]),
        ({"keep_daily": 1, "keep_weekly": 2, "keep_monthly": 3}, [31, 53, 59, 60]),
    ],
)
def test_each_rule_keeps_the_newest_of_its_periods(rules: dict[str, int], kept: list[int]) -> None:
    assert numbers(Policy(**rules).kept(nightly(60), UTC)) == kept


def test_of_several_on_a_day_the_newest_is_kept() -> None:
    found = snapshots(*(NIGHTLY + timedelta(hours=6 * n) for n in range(8)))
    assert numbers(Policy(keep_daily=2).kept(found, UTC)) == [4, 8]


def test_days_begin_in_the_zone_of_the_account() -> None:
    found = snapshots(*(NIGHTLY + timedelta(hours=6 * n) for n in range(8)))
    zone = ZoneInfo("America/Los_Angeles")
    assert numbers(Policy(keep_daily=3).kept(found, zone)) == [1, 5, 8]


def test_the_newest_by_number_is_kept_although_the_clock_was_set_back() -> None:
    found = [*nightly(3), SimpleNamespace(number=4, taken_at=NIGHTLY - timedelta(days=900))]
    assert numbers(Policy(keep_daily=1).kept(found, UTC)) == [4]


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "3"])
def test_a_rule_takes_a_number_above_zero(archive: Archive, value: Any) -> None:
    with pytest.raises(ValidationError, match="prune: keep_daily takes a number above 0"):
        archive.prune(keep_daily=value)


class Chain:
    """An archive to which snapshots are added without a service."""

    def __init__(self, files: Storage) -> None:
        self._info = write_info(files, new_info(Account("acme", None, 1, 2, None), None, NIGHTLY))
        self._log = Log(files)
        self._packs = Packs(files)
        self._last: LogEntry | None = None

    def add(self, contents: Contents, taken_at: datetime) -> None:
        self._packs.refresh()
        parts = stored_parts(contents, self._packs, self._last)
        self._last = self._log.append(
            1 if self._last is None else self._last.number + 1,
            "snapshot",
            taken_at,
            self._info.described(),
            self._last,
            lines_of(contents, parts),
        )


def chain_of_three(tmp_path: Path) -> Archive:
    """Return an archive with three snapshots in the folder `chain`, which share no part."""
    archive = Archive(tmp_path / "chain")
    for number in range(1, 4):
        export = f"<pages><page id='{number}' title='{number}'><tags/></page></pages>"
        archive.add_export(export.encode(), taken_at=NIGHTLY + timedelta(days=number))
    return archive


# --- removing ---------------------------------------------------------------------------------


@pytest.fixture
def three(archive: Archive, connection: Connection) -> Archive:
    """An archive with three snapshots, in each of which a note has another text."""
    note = Page.get(title="Lisbon").notes[0]
    for body in ("one", "two", "three"):
        note.body = body
        note.save()
        archive.sync(connection)
    return archive


def test_removed_snapshots_are_gone_and_the_others_are_complete(
    three: Archive, folder: Path, connection: Connection
) -> None:
    assert numbers(three.snapshots) == [1, 2, 3]
    result = three.prune(keep_last=1)
    assert (numbers(result.kept), numbers(result.removed)) == ([3], [1, 2])
    assert numbers(three.snapshots) == [3]
    names = sorted(path.name for path in (folder / "log").iterdir())
    assert names == ["000003.jsonl.gz", "000004.jsonl.gz"]
    assert three.verify()
    assert three.notes[0].body == "three"
    Page.create(title="New")
    assert three.sync(connection).snapshot.number == 5


def test_a_dry_run_removes_nothing_and_counts_the_versions_that_would_be_lost(
    three: Archive,
) -> None:
    result = three.prune(keep_last=1, dry_run=True)
    assert result.versions == {"note": 2}
    assert numbers(result.removed) == [1, 2]
    assert numbers(three.snapshots) == [1, 2, 3]
    assert repr(result) == "PruneResult(1 kept, 2 removed, 2 versions lost)"


def test_a_version_that_is_in_a_remaining_snapshot_is_not_lost(
    three: Archive, connection: Connection
) -> None:
    note = Page.get(title="Lisbon").notes[0]
    note.body = "one"
    note.save()
    three.sync(connection)
    assert three.prune(keep_last=1, dry_run=True).versions == {"note": 2}


@pytest.mark.parametrize("damaged", [{3}, {2, 3}, {1, 2, 3}])
def test_a_damaged_snapshot_is_not_counted_and_stays(tmp_path: Path, damaged: set[int]) -> None:
    archive = chain_of_three(tmp_path)
    for each in archive.snapshots:
        if each.number in damaged:
            for index in (tmp_path / "chain" / "packs").glob("*.jsonl"):
                if any(part in index.read_text() for part in each.entry.parts()):
                    index.with_suffix(".gz").write_bytes(b"")
    kept = damaged | {max({1, 2, 3} - damaged, default=3)}
    for is_dry in (True, False):
        result = archive.prune(keep_last=1, dry_run=is_dry)
        assert set(numbers(result.kept)) == kept
        assert set(numbers(result.removed)) == {1, 2, 3} - kept
    assert set(numbers(archive.snapshots)) == kept


@pytest.mark.parametrize(
    ("number", "content"), [(1, b"{}\n"), (2, b"{}\n"), (3, b"{}\n"), (1, None), (2, None)]
)
def test_while_an_entry_is_damaged_or_missing_nothing_is_removed(
    tmp_path: Path, number: int, content: bytes | None
) -> None:
    archive = chain_of_three(tmp_path)
    path = tmp_path / "chain" / "log" / f"{number:06}.jsonl.gz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    before = sorted((tmp_path / "chain").rglob("*"))
    with pytest.raises(DamagedArchive, match=path.name):
        archive.prune(keep_last=1)
    assert sorted((tmp_path / "chain").rglob("*")) == before


def test_without_rules_nothing_is_removed(three: Archive) -> None:
    assert numbers(three.prune().removed) == []
    assert len(three.snapshots) == 3


def test_an_archive_without_snapshots_can_be_pruned(archive: Archive) -> None:
    assert archive.prune(keep_last=1).kept == ()


def test_killed_at_any_moment_it_leaves_a_valid_archive(
    original: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = Archive(original).newest.number
    counts = []
    for kill_after in range(1, 1000):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original, folder)
        with monkeypatch.context() as patch:
            patch.setattr(storage, "os", Recorder(kill_after))
            try:
                Archive(folder).prune(keep_last=1)
            except Killed:
                counts.append(len(Archive(folder).snapshots))
            else:
                break
        archive = Archive(folder)
        assert archive.newest.number == newest
        assert archive.verify()
    assert len(counts) > 8
    assert counts == sorted(counts, reverse=True)
    assert set(counts) == {2, 1}


def test_what_an_interrupted_removal_has_left_is_removed_by_a_sync(
    three: Archive, folder: Path, connection: Connection
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("0*.gz")}
    before |= {path: path.read_bytes() for path in (folder / "packs").iterdir()}
    three.prune(keep_last=1)
    gone = [path for path in before if not path.exists()]
    assert {path.parent.name for path in gone} == {"log", "packs"}
    for path in gone:
        path.write_bytes(before[path])
    assert numbers(three.snapshots) == [3]
    assert three.verify()
    three.sync(connection)
    assert not any(path.exists() for path in gone)


def test_an_interruption_says_how_to_go_on(original: Path, folder: Path) -> None:
    def interrupt(what: str, *step: object) -> None:
        if what == "removing snapshots":
            raise KeyboardInterrupt

    shutil.copytree(original, folder)
    with pytest.raises(KeyboardInterrupt) as caught:
        Archive(folder).prune(keep_last=1, progress=interrupt)
    assert caught.value.__notes__ == [f"{folder} is valid: call prune() again to go on"]
    assert Archive(folder).verify()
    assert Archive(folder).prune(keep_last=1).removed == ()


def test_after_three_years_and_five_hundred_snapshots_the_last_has_the_whole_journal(
    tmp_path: Path,
) -> None:
    location = f"memory://{tmp_path}"
    files = RemoteStorage(location)
    chain, service, contents = Chain(files), Service(), None
    for number in range(1, 501):
        service.add(2)
        contents = journal_synced(service, contents, number)
        chain.add(contents, NIGHTLY + timedelta(days=2 * number))
    archive = Archive(location)
    assert len(archive.snapshots) == 500
    archive.prune(keep_last=1)
    assert [entry.body for entry in archive.journal] == [text for _, text in service.entries]
    assert len(archive.journal) == 2 * 500
