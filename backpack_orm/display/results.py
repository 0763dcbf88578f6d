"""What is displayed of connections, exports, results, plans and errors. Makes no request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backpack_orm.connection.connection import Connection
from backpack_orm.connection.stats import Stats
from backpack_orm.display.contents import (
    ROWS,
    Block,
    Card,
    Facts,
    Prose,
    Remark,
    Table,
    contents,
)
from backpack_orm.errors import BackpackError
from backpack_orm.models.export import Export
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.copying.syncing import SyncPlan
from backpack_orm.orm.operations.bulk import BulkResult
from backpack_orm.orm.queries.collections import label_of
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.records.state import Changes
from backpack_orm.plurals import counted, plural


@contents.register
def _(connection: Connection) -> Card:
    stats = connection.stats
    facts: list[tuple[str, object]] = [
        ("requests", stats.requests),
        ("cache hits", stats.cache_hits),
    ]
    states = ["read-only"] if connection.read_only else []
    remark = Remark("`.stats` counts the requests by call.")
    return Card("Connection", connection.url, [Facts(facts), remark], states)


@contents.register
def _(stats: Stats) -> Card:
    facts = [
        ("requests", stats.requests),
        ("cache hits", stats.cache_hits),
        ("sent again", stats.retries),
        ("seconds waited", round(stats.seconds_waited, 1)),
    ]
    again = stats.retries_by_endpoint
    calls = [(call, sent, again.get(call, 0)) for call, sent in stats.by_endpoint.items()]
    blocks: list[Block] = [Facts(facts)]
    if calls:
        blocks.append(Table("", ("call", "requests", "sent again"), calls))
    return Card("Connection", "", blocks)


@contents.register
def _(export: Export) -> Card:
    facts = [
        ("user", export.username or None),
        ("pages", len(export.pages)),
        ("reminders", len(export.reminders)),
    ]
    blocks: list[Block] = [known_facts(facts)]
    if export.pages:
        pages = [(page.id, page.title) for page in export.pages[:ROWS]]
        left = len(export.pages) - ROWS
        remarks = [Remark(f"… and {left:,} more: `.pages` has them all.")] if left > 0 else []
        blocks.append(Table("", ("id", "title"), pages, remarks))
    return Card("Export", export.account, blocks)


@contents.register
def _(changes: Changes) -> Table:
    rows = [(name, old, new) for name, (old, new) in changes.items()]
    return Table(counted(len(rows), "change"), ("attribute", "old", "new"), rows)


@contents.register
def _(result: BulkResult) -> Card:  # type: ignore[type-arg]  # a registry knows no type arguments
    facts = [
        ("succeeded", len(result.succeeded)),
        ("failed", len(result.failed)),
        ("saved in part", len(result.partial)),
        ("outcome unknown", len(result.unknown)),
        ("not attempted", len(result.not_attempted)),
        ("requests", result.requests),
    ]
    stopped = (*result.failed, *result.partial, *result.unknown)
    failures = [(str(each.record), str(each.error)) for each in stopped]
    return Card("Result", "", [Facts(facts), *table(("record", "error"), failures)])


@contents.register
def _(result: CopyResult) -> Card:  # type: ignore[type-arg]  # a registry knows no type arguments
    facts = [(plural(name), len(ids)) for name, ids in result.ids.items()]
    facts += [("destroyed", len(result.destroyed))] if result.destroyed else []
    facts += [("requests", result.requests)]
    return Card("Copy", "", [Facts(facts), *impossible(result.impossible)])


@contents.register
def _(plan: SyncPlan) -> Card:  # type: ignore[type-arg]  # a registry knows no type arguments
    facts = [
        ("unchanged", len(plan.unchanged)),
        ("others", len(plan.extra)),
        ("requests", plan.requests),
    ]
    rows = [("create", _listed(values)) for values in plan.to_create.values()]
    rows += [("update", f"{_name(record)}: {_listed(new)}") for record, new in plan.to_update]
    rows += [("destroy", _name(record)) for record in plan.to_destroy]
    states = ["dry run"] if plan.is_dry_run else []
    return Card("Sync", "", [*table(("what", "record"), rows), Facts(facts)], states)


@contents.register
def _(error: BackpackError) -> Card:
    facts = [
        ("status", error.status),
        ("request", f"{error.verb} {error.path}" if error.path else None),
        ("response", error.excerpt),
        ("hint", error.hint),
        ("help", error.help_url),
    ]
    known = known_facts(facts)
    blocks: list[Block] = [Prose(error.message), *([known] if known.pairs else [])]
    return Card(type(error).__name__, "", blocks)


def known_facts(pairs: list[tuple[str, Any]]) -> Facts:
    """Return facts without those that are None."""
    return Facts([(name, value) for name, value in pairs if value is not None])


def table(columns: tuple[str, ...], rows: list[tuple[Any, ...]], title: str = "") -> list[Block]:
    """Return a table of the first rows, which says how many are left; none without rows."""
    if not rows:
        return []
    left = len(rows) - ROWS
    remarks = [Remark(f"… and {left:,} more.")] if left > 0 else []
    return [Table(title, columns, rows[:ROWS], remarks)]


def impossible(reasons: Mapping[str, str]) -> list[Block]:
    """Return a table of what was left out, and why."""
    return table(("left out", "reason"), list(reasons.items()))


def _name(record: Model) -> str:
    label = label_of(type(record))
    return str(record._slot(label, "…")) if label else repr(record)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
