"""Which snapshots to keep, and removing the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from datetime import datetime, tzinfo
from typing import Any

from attrs import Attribute, field, frozen

from backpack_orm.archive.cache import Cache
from backpack_orm.archive.entries import Key, digests
from backpack_orm.archive.log import Log, condemned_in
from backpack_orm.archive.packs import Packs
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import DamagedArchive, ValidationError
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.rich_display import RichDisplay


def _count(policy: object, attribute: Attribute[Any], value: Any) -> None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if value is not None and not is_number:
        raise ValidationError(f"prune: {attribute.name} takes a number above 0, not {value!r}")


@frozen(kw_only=True)
class Policy:
    """Which snapshots to keep. Each rule keeps some; without rules, all are kept.

    Attributes:
        keep_last: Number of newest snapshots.
        keep_daily: Number of days of which to keep the newest snapshot.
        keep_weekly: Number of weeks of which to keep the newest snapshot.
        keep_monthly: Number of months of which to keep the newest snapshot.
    """

    keep_last: int | None = field(default=None, validator=_count)
    keep_daily: int | None = field(default=None, validator=_count)
    keep_weekly: int | None = field(default=None, validator=_count)
    keep_monthly: int | None = field(default=None, validator=_count)

    def kept(self, snapshots: Sequence[Snapshot], zone: tzinfo) -> list[Snapshot]:
        """Return the snapshots to keep, the oldest first. The newest is always one of them.

        Args:
            snapshots: All of them, the oldest first.
            zone: The time zone that days begin in.
        """
        rules: list[tuple[int | None, Callable[[datetime, int], Hashable]]] = [
            (self.keep_last, lambda moment, number: number),
            (self.keep_daily, lambda moment, number: moment.date()),
            (self.keep_weekly, lambda moment, number: moment.isocalendar()[:2]),
            (self.keep_monthly, lambda moment, number: (moment.year, moment.month)),
        ]
        if all(count is None for count, _ in rules):
            return list(snapshots)
        numbers = {snapshot.number for snapshot in snapshots[-1:]}
        for count, period_of in rules:
            newest: dict[Hashable, int] = {}
            for snapshot in reversed(snapshots):
                period = period_of(snapshot.taken_at.astimezone(zone), snapshot.number)
                newest.setdefault(period, snapshot.number)
            numbers |= set(list(newest.values())[: count or 0])
        return [snapshot for snapshot in snapshots if snapshot.number in numbers]


@frozen(repr=False)
class PruneResult(RichDisplay):
    """What was removed from an archive, or would be.

    Attributes:
        kept: The remaining snapshots.
        removed: The removed ones.
        versions: Number of versions of records that are in no remaining snapshot, by type; None
            unless it was asked for by `dry_run`.

    >>> archive.prune(keep_last=10, dry_run=True)
    PruneResult(1 kept, 0 removed, 0 versions lost)
    """

    kept: tuple[Snapshot, ...]
    removed: tuple[Snapshot, ...]
    versions: Mapping[str, int] | None

    def __repr__(self) -> str:
        lost = "" if self.versions is None else f", {sum(self.versions.values())} versions lost"
        return f"PruneResult({len(self.kept)} kept, {len(self.removed)} removed{lost})"


def plan(
    policy: Policy, snapshots: Sequence[Snapshot], zone: tzinfo, packs: Packs, report: Progress
) -> tuple[list[Snapshot], list[Snapshot]]:
    """Return the snapshots to keep and those to remove.

    Damaged ones do not count for the policy, and stay. So the others are kept in their place.
    """
    counted, damaged, sound = list(snapshots), set[int](), None
    while True:
        kept = policy.kept(counted, zone) if counted else []
        if len(kept) == len(counted):
            return list(snapshots), []
        sound = sound or set(packs.copies(report)[0])
        found = {each.number for each in kept if not each.entry.parts() <= sound}
        if not found:
            break
        damaged |= found
        counted = [each for each in counted if each.number not in damaged]
    numbers = damaged | {each.number for each in kept}
    return (
        [each for each in snapshots if each.number in numbers],
        [each for each in snapshots if each.number not in numbers],
    )


def remove(
    storage: Storage,
    log: Log,
    packs: Packs,
    removed: Sequence[Snapshot],
    *,
    last: int,
    started: datetime,
    report: Progress,
) -> None:
    """Remove snapshots: record the removal, then delete their entries, packs and caches.

    Args:
        storage: The archive's files.
        log: Its log.
        packs: Its packs, listed after the snapshots to remove were chosen.
        removed: The snapshots to remove.
        last: The highest number of an entry when they were chosen.
        started: When the removal began.
        report: Called for each deleted snapshot.

    Raises:
        FileExistsError: Another process has added an entry since. Nothing is removed.
    """
    readable, gone = log.readable(), {each.number for each in removed}
    needed = {
        part
        for each in readable
        if each.kind == "snapshot" and each.number not in gone
        for part in each.parts()
    }
    condemned = _condemned(packs, needed)
    lines = [
        {
            "removed": each.number,
            "taken_at": each.taken_at.isoformat(),
            "sha256": each.entry.identity,
        }
        for each in removed
    ]
    lines += [{"condemned": name} for name in condemned]
    log.append(last + 1, "removal", started, readable[-1].archive, readable[-1], lines)
    cache = Cache(storage)
    for done, snapshot in enumerate(removed, 1):
        log.delete(snapshot.number)
        cache.delete(snapshot.number)
        report("removing snapshots", done, len(removed))
    for name in {*condemned, *condemned_in(readable)} & packs.names:
        packs.delete(name)


def _condemned(packs: Packs, needed: Set[str]) -> list[str]:
    """Return the packs to delete, and write those anew of which less than half is needed."""
    condemned, moved = [], dict[str, bytes]()
    for name in sorted(packs.names):
        rows = packs.rows(name)
        used = [row for row in rows if row[0] in needed]
        if not rows or name in packs.rebuilt:  # which of its parts are needed is not sure
            continue
        if 2 * sum(row[2] for row in used) >= sum(row[2] for row in rows):
            continue
        try:
            parts = [row[0] for row in used]
            moved |= zip(parts, packs.read(parts), strict=True)
        except DamagedArchive:  # a pack with a damaged part that is needed stays
            continue
        condemned.append(name)
    if moved:
        packs.add(moved)
    return condemned


def lost_versions(
    kept: Sequence[Snapshot], removed: Sequence[Snapshot], report: Progress
) -> dict[str, int]:
    """Count the versions of records that are in no remaining snapshot, by type."""
    lost: set[tuple[Key, bytes]] = set()
    total = len(kept) + len(removed) if removed else 0
    for done, snapshot in enumerate(removed, 1):
        lost |= _versions(snapshot)
        report("counting versions", done, total)
    for done, snapshot in enumerate(kept if lost else (), len(removed) + 1):
        lost -= _versions(snapshot)
        report("counting versions", done, total)
    return dict(Counter(type for (type, _), _ in lost))


def _versions(snapshot: Snapshot) -> Set[tuple[Key, bytes]]:
    """Return the versions in a snapshot; none of a damaged one, which does not count."""
    try:
        return digests(snapshot.connection).items()
    except DamagedArchive:
        return set()
