"""What is displayed of archives, snapshots, plans and results in notebooks and terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backpack_orm.archive.archive import Archive
from backpack_orm.archive.comparing import Diff
from backpack_orm.archive.contents import Gap
from backpack_orm.archive.pruning import PruneResult
from backpack_orm.archive.restoring.plan import Plan
from backpack_orm.archive.restoring.run import RestoreResult
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.syncing import SyncResult
from backpack_orm.archive.verifying import Verification
from backpack_orm.display.contents import Block, Card, Facts, Remark, Table, contents
from backpack_orm.display.results import impossible, known_facts, table
from backpack_orm.errors import ArchiveError
from backpack_orm.plurals import counted

_READ = (
    "`.pages`, `.notes`, `.lists`, `.items`, `.tags`, `.emails`, `.reminders`, `.users`, "
    "`.statuses`, `.journal`, `.bookmarks`, `.calendars` and `.events` read it."
)


@contents.register
def _(archive: Archive) -> Card:
    try:
        snapshots, last = archive.snapshots, archive.last_sync
    except ArchiveError as error:
        return Card("Archive", archive.name, [], [error.message])
    facts = known_facts(
        [
            ("snapshots", len(snapshots)),
            ("newest", snapshots[-1].taken_at if snapshots else None),
            ("last sync", last and last.outcome),
            ("last complete", last and last.completed),
        ]
    )
    states = [] if snapshots else ["no snapshot yet: call sync() first"]
    return Card("Archive", archive.name, [facts], states)


@contents.register
def _(snapshot: Snapshot) -> Card:
    kind, title = f"Snapshot {snapshot.number}", f"{snapshot.taken_at:%Y-%m-%d %H:%M}"
    try:
        gaps = snapshot.gaps
    except ArchiveError as error:
        return Card(kind, title, [], [error.message])
    return Card(kind, title, [*_gaps(gaps), Remark(_READ)])


@contents.register
def _(result: SyncResult) -> Card:
    kinds = {"added": result.added, "changed": result.changed, "removed": result.removed}
    types = dict.fromkeys(type for counts in kinds.values() for type in counts)
    rows = [(type, *(counts.get(type, 0) for counts in kinds.values())) for type in types]
    facts = Facts([("snapshot", result.snapshot.number), ("requests", result.requests)])
    states = [] if result.is_new else ["unchanged"]
    states += ["incomplete"] if result.refused else []
    blocks = [*table(("type", *kinds), rows), facts, *_gaps(result.gaps)]
    return Card("Sync", "", blocks, states)


@contents.register
def _(verification: Verification) -> Card:
    facts = Facts(
        [
            ("snapshots", verification.snapshots),
            ("files", verification.files),
            ("records", verification.records),
        ]
    )
    problems = [(problem.path, problem.reason) for problem in verification.problems]
    differences = [(str(difference),) for difference in verification.differences]
    blocks = [
        facts,
        *table(("file", "problem"), problems),
        *table(("difference of the restored copy",), differences),
    ]
    return Card("Verification", "", blocks, ["passed" if verification else "failed"])


@contents.register
def _(plan: Plan) -> Card:
    facts = Facts(
        [
            ("snapshot", plan.snapshot.number),
            ("into", plan.target.url),
            ("requests", f"about {plan.requests:,}"),
            ("minutes", f"{plan.minutes:.1f} at the permitted rate"),
            ("journal", plan.journal),
        ]
    )
    blocks = [
        facts,
        *_counts("create", plan.created),
        *_counts("created by an earlier run", plan.skipped),
        *impossible(plan.impossible),
    ]
    return Card("Restore plan", "", blocks)


@contents.register
def _(result: RestoreResult) -> Card:
    created = {type: len(ids) for type, ids in result.ids.items() if ids}
    facts: list[tuple[str, object]] = [("requests", result.requests)]
    if result.unknown_links:
        facts.append(("texts with unchanged links", len(result.unknown_links)))
    blocks = [*_counts("created", created), Facts(facts), *impossible(result.impossible)]
    return Card("Restore", "", blocks)


@contents.register
def _(diff: Diff) -> Table:
    rows = [
        (change.page or "Account", change.what, change.type, change.label, ", ".join(change.values))
        for change in diff.changes
    ]
    title = f"{counted(len(rows), 'change')}: snapshot {diff.old.number} to {diff.new.number}"
    if not rows:
        return Table(title, (), ())
    (block,) = table(("page", "what", "type", "record", "values"), rows, title)
    assert isinstance(block, Table)
    return block


@contents.register
def _(result: PruneResult) -> Card:
    facts = Facts([("kept", len(result.kept)), ("removed", len(result.removed))])
    removed = [(each.number, each.taken_at) for each in result.removed]
    blocks = [
        facts,
        *table(("removed", "taken"), removed),
        *_counts("versions in no other snapshot", result.versions or {}),
    ]
    return Card("Prune", "", blocks)


def _counts(title: str, counts: Mapping[str, int]) -> list[Block]:
    rows: list[tuple[Any, ...]] = list(counts.items())
    return table(("type", "records"), rows, title)


def _gaps(gaps: Iterable[Gap]) -> list[Block]:
    own_first = sorted(gaps, key=lambda gap: gap.page_id is None)
    return impossible({gap.what: gap.reason for gap in own_first})
