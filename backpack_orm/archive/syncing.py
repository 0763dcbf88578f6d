"""One sync: read the account, compare it with the newest snapshot, and add a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import EllipsisType
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen

from backpack_orm.archive import journal
from backpack_orm.archive.cache import Cache
from backpack_orm.archive.collecting import Collected, Collector
from backpack_orm.archive.contents import Contents, Gap
from backpack_orm.archive.entries import Changes, changes, digests
from backpack_orm.archive.info import Account, Info, mend_info, new_info, read_info, write_info
from backpack_orm.archive.last_sync import newest_number, note_sync
from backpack_orm.archive.last_verification import damaged_places
from backpack_orm.archive.log import (
    Log,
    LogEntry,
    condemned_in,
    lines_of,
    removed_in,
    snapshots_in,
    stored_parts,
)
from backpack_orm.archive.offline import ArchiveConnection, OfflineTransport
from backpack_orm.archive.packs import Packs
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.storage import Storage
from backpack_orm.connection import Connection, unconnected
from backpack_orm.errors import ArchiveError, BackpackError, DamagedArchive
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
        log: Its log.
        packs: Its packs.
        snapshot: Returns the snapshot of an entry of the log.
        clock: Returns the time as an aware datetime.
        report: Called after each step.
    """

    def __init__(
        self,
        storage: Storage,
        log: Log,
        packs: Packs,
        snapshot: Callable[[LogEntry], Snapshot],
        clock: Callable[[], datetime],
        report: Progress,
    ) -> None:
        self._storage = storage
        self._log = log
        self._packs = packs
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
            readable = self._log.readable()
            before = self._newest(readable)
            self._list_packs(readable)
            collector = Collector(connection, self._clock, self._report)
            collected = collector.collect(self._usable(before))
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
            except FileExistsError:  # another sync was faster: compare with its snapshot
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
        numbers = [*self._log.numbers(), newest_number(self._storage)]
        readable = self._log.readable()
        before = self._newest(readable)
        self._list_packs(readable)
        contents = collected.joined(self._usable(before))
        found = self._changes(before, contents)
        if found and since is not ... and _entry_of(before) != _entry_of(since):
            raise _Overtaken
        mend_info(self._storage, info)
        self._packs.write_indexes()
        parts = stored_parts(contents, self._packs, _entry_of(before))
        if before is None or found:
            entry = self._log.append(
                max(numbers) + 1,
                "snapshot",
                started,
                info.described(),
                readable[-1] if readable else None,
                lines_of(contents, parts),
            )
            snapshot = self._snapshot(entry)
        else:
            snapshot = before
        self._clean(readable)
        self._cache.refresh(self._log, snapshot.entry, snapshot.contents)
        return SyncResult(
            requests=collected.requests,
            snapshot=snapshot,
            is_new=snapshot is not before,
            added=found.added,
            changed=found.changed,
            removed=found.removed,
            gaps=contents.gaps,
        )

    def _newest(self, readable: Sequence[LogEntry]) -> Snapshot | None:
        """Return the newest readable snapshot: a damaged entry stops no sync."""
        found = snapshots_in(readable)
        return self._snapshot(found[-1]) if found else None

    def _list_packs(self, readable: Sequence[LogEntry]) -> None:
        self._packs.refresh(condemned_in(readable), damaged_places(self._storage))

    def _usable(self, before: Snapshot | None) -> Contents | None:
        """Return the contents that a new snapshot may copy: those that are not known as damaged."""
        if before is None:
            return None
        responses = before.entry.responses()
        lost = {each.name for each, parts in responses if not self._packs.present.issuperset(parts)}
        contents = before.contents
        windows = {name for name in contents.responses if name.startswith(journal.PREFIX)}
        try:
            for name in windows - lost:
                contents.read(name)
        except DamagedArchive:
            lost |= windows
        return contents.without(lost | windows if lost & windows else lost)

    def _clean(self, readable: Sequence[LogEntry]) -> None:
        """Delete what an interrupted removal, or a crash, has left."""
        for name in condemned_in(readable) & self._packs.names:
            self._packs.delete(name)
        removed = removed_in(readable)
        for entry in readable:
            if removed.get(entry.number) == entry.identity:
                self._log.delete(entry.number)
        self._storage.clean()

    def _changes(self, before: Snapshot | None, contents: Contents) -> Changes:
        """Compare what was read with the snapshot before."""
        old = {} if before is None else _hashes(before.contents)
        if old == _hashes(contents):
            return Changes({}, {}, {})
        new = digests(_connected(contents), self._report, "comparing")
        if before is None:
            return changes({}, new)
        try:
            known = digests(before.connection, self._report, "comparing with the newest")
        except DamagedArchive:  # its records are unknown: all that was read is new
            return changes({}, new)
        return changes(known, new)

    def _note_failure(self, started: datetime, outcome: str) -> None:
        """Note why a sync failed, unless the archive cannot be written, which may be the reason."""
        with suppress(ArchiveError):
            if read_info(self._storage) is not None:
                self._note(started, outcome, is_complete=False)

    def _note(self, started: datetime, outcome: str, *, is_complete: bool) -> None:
        newest = max(self._log.numbers(), default=0)
        ended = self._clock()
        note_sync(self._storage, started, ended, outcome, is_complete=is_complete, newest=newest)


def _entry_of(snapshot: Snapshot | None) -> LogEntry | None:
    return snapshot.entry if snapshot else None


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
