"""A sync that is killed at any moment leaves the old or the new state, and the next one succeeds.

The account is read once; then the sync is repeated for every call of the operating system that
changes something.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive, storage
from backpack_orm.archive.collecting import Collected, Collector
from backpack_orm.archive.entries import Key, digests
from backpack_orm.sandbox import Sandbox
from tests.archive.conftest import Clock
from tests.archive.crashes import Killed, Recorder, states

CALLS = {"close", "create", "fsync", "link", "mkdir", "open", "replace", "unlink", "write"}
State = dict[Key, bytes] | None


class Crash:
    """A sync that can be repeated from the same state without the service."""

    def __init__(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = tmp_path / "backup"
        self.start: Path | None = None
        self.copy = tmp_path / "before"
        self._patch = patch
        self._collected = Collected()
        self._connection = Connection("acme", token="0123456789abcdef")
        patch.setattr(Collector, "collect", lambda *_: self._collected)
        patch.setattr(storage, "os", Recorder())  # which need not wait for the disk

    def read(self, collected: Collected) -> None:
        """Use the responses of an account from now on."""
        self._collected = collected

    def sync(self, root: Path) -> Any:
        return Archive(root, clock=Clock()).sync(self._connection)

    def restart(self) -> None:
        """Go back to the state before the sync."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.start is not None:
            shutil.copytree(self.start, self.root)

    def recorded(self, act: Callable[[Path], object], recorder: Recorder) -> None:
        """Do something with a recorder, which may kill it."""
        with self._patch.context() as patch:
            patch.setattr(storage, "os", recorder)
            act(self.root)


def state(root: Path) -> State:
    """Return the records of an archive after checking all of it; None without a snapshot."""
    archive = Archive(root)
    if not archive.snapshots:
        return None
    assert archive.verify()  # which compares the cache, if there is one
    return digests(archive.connection)


@pytest.fixture
def crash(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    network: None,
) -> Crash:
    """A sync that adds a first or a second snapshot of a small account."""
    collect = Collector.collect
    crash = Crash(tmp_path, monkeypatch)

    def read(connection: Connection, archive: Archive) -> Collected:
        before = archive.newest.contents if archive.snapshots else None
        return collect(Collector(connection, Clock(), lambda *_: None), before)

    with Sandbox(seed="empty") as box:
        connection = Connection(box.url, token=box.token)
        page = Page.create(title="Lisbon", using=connection)
        if request.param == "second":
            crash.read(read(connection, Archive(crash.root)))
            crash.sync(crash.root)
            crash.start = crash.copy
            shutil.copytree(crash.root, crash.start)
            page.notes.create(title="Tram", body="28 & 12")
        crash.read(read(connection, Archive(crash.root)))
    return crash


both = pytest.mark.parametrize("crash", ["first", "second"], indirect=True)


@both
@pytest.mark.parametrize("is_torn", [False, True], ids=["whole", "torn"])
def test_killed_after_any_call_it_has_the_old_or_the_new_state(crash: Crash, is_torn: bool) -> None:
    old = state(crash.root)
    whole = Recorder()
    crash.recorded(crash.sync, whole)
    new = state(crash.root)
    assert new != old
    assert len(whole.log) > 40
    kinds = {call[0] for call in whole.log}
    assert kinds | {"mkdir"} == CALLS
    found = []
    for number, call in enumerate(whole.log, 1):
        if is_torn and call[0] != "write":
            continue
        crash.restart()
        with pytest.raises(Killed):
            crash.recorded(crash.sync, Recorder(number, is_torn=is_torn))
        found.append(state(crash.root))
        assert found[-1] in (old, new), call
        crash.sync(crash.root)
        assert state(crash.root) == new, call
        assert len(Archive(crash.root).snapshots) == (1 if crash.start is None else 2)
    assert old in found
    assert new in found or is_torn
    assert found == sorted(found, key=lambda each: each == new)  # never back to the old state


@both
def test_a_disk_that_forgets_what_was_not_synced_has_the_old_or_the_new_state(
    crash: Crash, tmp_path: Path
) -> None:
    old = state(crash.root)
    crash.restart()
    recorder = Recorder()
    crash.recorded(crash.sync, recorder)
    new = state(crash.root)
    seen: dict[int, list[bool]] = {}
    for number, root in states(recorder.log, crash.root, crash.start, tmp_path / "disk"):
        found, call = state(root), recorder.log[number - 1]
        assert found in (old, new), call
        seen.setdefault(number, []).append(found == new)
        crash.sync(root)
        assert state(root) == new, call
    assert not any(seen[1])
    assert all(seen[len(recorder.log)]), "what is reported as stored is durable"


@pytest.mark.parametrize("crash", ["second"], indirect=True)
def test_the_pack_of_an_interrupted_sync_is_used_by_a_later_one(crash: Crash) -> None:
    recorder = Recorder()
    crash.recorded(crash.sync, recorder)
    calls = [call[0] for call in recorder.log]
    packs = sorted(path.suffix for path in (crash.root / "packs").iterdir())
    for kill_after in (calls.index("replace") + 1, calls.index("link") - 1):
        crash.restart()
        with pytest.raises(Killed):
            crash.recorded(crash.sync, Recorder(kill_after))
        assert crash.sync(crash.root).is_new
        assert sorted(path.suffix for path in (crash.root / "packs").iterdir()) == packs
