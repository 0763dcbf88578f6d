"""Pruning: which snapshots stay, and what is lost with the others."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import bagit
import pytest

from backpack_orm import Connection, DamagedArchive, Page, ValidationError
from backpack_orm.archive import Archive, bags, storage
from backpack_orm.archive.commits import Commits
from backpack_orm.archive.info import Account, new_info, write_info
from backpack_orm.archive.pruning import Policy
from backpack_orm.archive.remote import RemoteStorage
from backpack_orm.archive.storage import LocalStorage
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


def chain_of_three(tmp_path: Path) -> Archive:
    """Return an archive with three snapshots in the folder `chain`, without a service."""
    files = LocalStorage(tmp_path / "chain")
    write_info(files, new_info(Account("acme", None, 1, 2, None), None, NIGHTLY))
    commits, commit = Commits(files), None
    for number in range(1, 4):
        payload = journal_synced(Service(), None, number).payload()
        packed = bags.packed(payload, identifier=str(number), taken_at=NIGHTLY)
        commit = commits.add(packed, NIGHTLY + timedelta(days=number), commit)
    return Archive(tmp_path / "chain")


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
    assert [path.name for path in (folder / "snapshots").iterdir()] == [three.newest.name]
    assert [path.name for path in (folder / "commits").iterdir()] == ["000003.json"]
    bagit.Bag(str(folder / "snapshots" / three.newest.name)).validate()
    assert three.verify()
    assert three.notes[0].body == "three"
    Page.create(title="New")
    assert three.sync(connection).snapshot.number == 4


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
            (tmp_path / "chain" / "snapshots" / each.name / "data" / "gaps.json").write_bytes(b"")
    kept = damaged | {max({1, 2, 3} - damaged, default=3)}
    for is_dry in (True, False):
        result = archive.prune(keep_last=1, dry_run=is_dry)
        assert set(numbers(result.kept)) == kept
        assert set(numbers(result.removed)) == {1, 2, 3} - kept
    assert set(numbers(archive.snapshots)) == kept


@pytest.mark.parametrize(
    ("number", "content"), [(1, b"{}\n"), (2, b"{}\n"), (3, b"{}\n"), (1, None), (2, None)]
)
def test_while_a_commit_is_damaged_or_missing_nothing_is_removed(
    tmp_path: Path, number: int, content: bytes | None
) -> None:
    archive = chain_of_three(tmp_path)
    path = tmp_path / "chain" / "commits" / f"{number:06}.json"
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
    newest = Archive(original).newest.name
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
        assert archive.newest.name == newest
        assert archive.verify()
    assert len(counts) > 15
    assert counts == sorted(counts, reverse=True)
    assert set(counts) == {2, 1}  # no commit is left without a snapshot


def test_what_an_interrupted_removal_has_left_is_removed_by_a_sync(
    three: Archive, folder: Path, connection: Connection
) -> None:
    first, copy = folder / "snapshots" / three.snapshots[0].name, folder.with_name("copy")
    shutil.copytree(first, copy)
    three.prune(keep_last=1)
    shutil.copytree(copy, first)
    three.sync(connection)
    assert not first.exists()


def test_an_interruption_says_how_to_go_on(original: Path, folder: Path) -> None:
    def interrupt(*step: object) -> None:
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
    write_info(files, new_info(Account("acme", None, 1, 2, None), None, NIGHTLY))
    commits, service, contents, commit = Commits(files), Service(), None, None
    for number in range(1, 501):
        service.add(2)
        contents = journal_synced(service, contents, number)
        packed = bags.packed(contents.payload(), identifier=str(number), taken_at=NIGHTLY)
        commit = commits.add(packed, NIGHTLY + timedelta(days=2 * number), commit)
    archive = Archive(location)
    assert len(archive.snapshots) == 500
    archive.prune(keep_last=1)
    assert [entry.body for entry in archive.journal] == [text for _, text in service.entries]
    assert len(archive.journal) == 2 * 500
