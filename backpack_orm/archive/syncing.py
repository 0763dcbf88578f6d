"""One sync: read the account, compare it with the newest snapshot, and commit a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import EllipsisType
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen

from backpack_orm.archive import bags
from backpack_orm.archive.cache import Cache
from backpack_orm.archive.collecting import Collected, Collector
from backpack_orm.archive.commits import Commit, Commits
from backpack_orm.archive.contents import Contents, Gap
from backpack_orm.archive.entries import Changes, changes, digests
from backpack_orm.archive.info import Account, Info, new_info, read_info, write_info
from backpack_orm.archive.last_sync import note_sync
from backpack_orm.archive.offline import ArchiveConnection, OfflineTransport
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.storage import Storage
from backpack_orm.connection import Connection, unconnected
from backpack_orm.errors import ArchiveError, BackpackError
from backpack_orm.models.user import User
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.plurals import counted
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire.shapes import Record


@frozen(repr=False)
class SyncResult(RichDisplay):
    """What a sync has done.

    Attributes:
        requests: Number of requests.
        snapshot: The new snapshot; the newest one if nothing has changed.
        is_new: Whether it is new.
        added: Number of new records by type.
        changed: Number of changed records by type.
        removed: Number of destroyed records by type.
        gaps: What the snapshot lacks, and why.
        refused: Those of the gaps that the service refused this time; the others are limits of the
            API. If there are none, the sync is complete.

    >>> Archive("new backup").sync(connection).added["page"]
    13
    """

    requests: int
    snapshot: Snapshot
    is_new: bool
    added: Mapping[str, int]
    changed: Mapping[str, int]
    removed: Mapping[str, int]
    gaps: tuple[Gap, ...]
    refused: tuple[Gap, ...] = ()

    def __repr__(self) -> str:
        counts = [sum(each.values()) for each in (self.added, self.changed, self.removed)]
        added, changed, removed = counts
        return (
            f"SyncResult({counted(self.requests, 'request')}, snapshot {self.snapshot.number}: "
            f"{added} added, {changed} changed, {removed} removed, "
            f"{counted(len(self.gaps), 'gap')})"
        )


class _Overtaken(Exception):  # noqa: N818 - part of normal operation
    """Another sync has added a snapshot since reading began."""


class Sync:
    """One sync of an archive.

    Args:
        storage: The archive's files.
        commits: Its commits.
        snapshot: Returns the snapshot of a commit.
        clock: Returns the time as an aware datetime.
        report: Called after each step.
    """

    def __init__(
        self,
        storage: Storage,
        commits: Commits,
        snapshot: Callable[[Commit], Snapshot],
        clock: Callable[[], datetime],
        report: Progress,
    ) -> None:
        self._storage = storage
        self._commits = commits
        self._cache = Cache(storage)
        self._snapshot = snapshot
        self._clock = clock
        self._report = report

    def run(self, connection: Connection) -> SyncResult:
        """Run it, and note its outcome in `last-sync.json`."""
        started = self._clock()
        try:
            result = self._run(connection, started)
        except KeyboardInterrupt as error:
            error.add_note(f"{self._storage.name} is valid: call sync() again to go on")
            self._note_failure(started, "interrupted")
            raise
        except BackpackError as error:
            self._note_failure(started, str(error))
            raise
        outcome = "added a snapshot" if result.is_new else "unchanged"
        self._note(started, outcome, is_complete=not result.refused)
        return result

    def _run(self, connection: Connection, started: datetime) -> SyncResult:
        read_info(self._storage)  # before any request
        requests = 0
        while True:
            before = self._newest()
            collector = Collector(connection, self._clock, self._report)
            collected = collector.collect(before.contents if before else None)
            requests += collected.requests
            account = _account_in(collected, connection)
            zone = _field(collected.me, "time_zone_id")
            try:
                result = self.store(collected, account, zone, started, since=before)
                break
            except _Overtaken:  # a sync that was suspended must not add what it read long ago
                started = self._clock()
        refused = {gap.what for gap in collected.refused.values()}
        return evolve(
            result,
            requests=requests,
            refused=tuple(gap for gap in result.gaps if gap.what in refused),
        )

    def store(
        self,
        collected: Collected,
        account: Account,
        zone: str | None,
        taken_at: datetime,
        since: Snapshot | EllipsisType | None = ...,
    ) -> SyncResult:
        """Add a snapshot of what was read, unless nothing has changed.

        Args:
            collected: What was read.
            account: The account that it was read from.
            zone: Time zone of the account, for a new archive.
            taken_at: When it was read.
            since: The newest snapshot when reading began; by default, that does not matter.

        Raises:
            _Overtaken: Another sync has added a different snapshot since then.
            ArchiveError: The archive is of another account, or cannot be written.
        """
        info = read_info(self._storage)
        if info is None:
            info = write_info(self._storage, new_info(account, zone, self._clock()))
        if not info.account.is_same(account):
            raise ArchiveError(
                f"{self._storage.name} is of {info.account}, and this is {account}: "
                "use another folder"
            )
        while True:
            try:
                return self._commit(collected, info, taken_at, since)
            except FileExistsError:  # another sync has committed: compare with its snapshot
                continue

    def _commit(
        self,
        collected: Collected,
        info: Info,
        started: datetime,
        since: Snapshot | EllipsisType | None,
    ) -> SyncResult:
        """Add a snapshot unless nothing has changed.

        Raises:
            _Overtaken: It would follow one that may be newer.
            FileExistsError: Another process has added one in the meantime.
        """
        before = self._newest()
        contents = collected.joined(before.contents if before else None)
        found = self._changes(before, contents)
        if found and since is not ... and _commit_of(before) != _commit_of(since):
            raise _Overtaken
        if before is None or found:
            identifier = f"{info.uuid} {started.isoformat()}"
            files = bags.packed(contents.payload(), identifier=identifier, taken_at=started)
            snapshot = self._snapshot(
                self._commits.add(files, started, before.commit if before else None)
            )
        else:
            snapshot = before
        for folder in self._commits.garbage():
            self._storage.delete(folder)
        self._storage.clean()
        self._cache.refresh(self._commits, snapshot.commit, snapshot.contents)
        return SyncResult(
            requests=collected.requests,
            snapshot=snapshot,
            is_new=snapshot is not before,
            added=found.added,
            changed=found.changed,
            removed=found.removed,
            gaps=contents.gaps,
        )

    def _newest(self) -> Snapshot | None:
        commit = self._commits.last()
        return self._snapshot(commit) if commit else None

    def _changes(self, before: Snapshot | None, contents: Contents) -> Changes:
        """Compare what was read with the snapshot before."""
        old = {} if before is None else _hashes(before.contents)
        if old == _hashes(contents):
            return Changes({}, {}, {})
        new = digests(_connected(contents), self._report, "comparing")
        if before is None:
            return changes({}, new)
        return changes(digests(before.connection, self._report, "comparing with the newest"), new)

    def _note_failure(self, started: datetime, outcome: str) -> None:
        """Note why a sync failed, unless the archive cannot be written, which may be the reason."""
        with suppress(ArchiveError):
            if read_info(self._storage) is not None:
                self._note(started, outcome, is_complete=False)

    def _note(self, started: datetime, outcome: str, *, is_complete: bool) -> None:
        note_sync(self._storage, started, self._clock(), outcome, is_complete=is_complete)


def _commit_of(snapshot: Snapshot | None) -> Commit | None:
    return snapshot.commit if snapshot else None


def _hashes(contents: Contents) -> dict[str, str]:
    return {name: stored.sha256 for name, stored in contents.responses.items()}


def _connected(contents: Contents) -> ArchiveConnection:
    """Return a connection to contents that are not stored yet."""
    label = "what was read"
    return ArchiveConnection(
        OfflineTransport(contents, label),
        account=label,
        timezone=None,
        reopen=(unconnected, (label, label, "it was never stored")),
    )


def _account_in(collected: Collected, connection: Connection) -> Account:
    me = collected.me
    since = _field(me, "created_at")
    return Account(
        host=urlsplit(connection.url).hostname,
        name=collected.account_name,
        account_id=_field(me, "account_id"),
        user_id=_field(me, "id"),
        user_since=since and since.isoformat(),
    )


def _field(me: Record, name: str) -> Any:
    value = me[User._table.positions[name]]
    return None if value is ... else value
