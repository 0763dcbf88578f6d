"""`archive snapshots`, `archive verify` and `archive prune`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from backpack_orm import plurals
from backpack_orm.cli.commands.archive.opening import (
    archive_option,
    counted,
    existing_archive,
    explained,
)
from backpack_orm.cli.common import command, shows_its_plan
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state
from backpack_orm.plurals import listed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from backpack_orm.archive import Snapshot, Verification
    from backpack_orm.cli.formats import Row

F = TypeVar("F", bound=Callable[..., Any])

SNAPSHOT = ("number", "taken_at", "gaps", "name")
VERIFICATION = (
    "archive",
    "is_valid",
    "snapshots",
    "files",
    "records",
    "problems",
    "differences",
    "not_compared",
)


@command("snapshots", examples=["backpack archive snapshots", "backpack archive snapshots --ids"])
@archive_option
@pass_state
def snapshots(state: State, location: str | None) -> None:
    """List the snapshots, the oldest first. Makes no request."""
    with explained():
        archive = existing_archive(state, location)
        state.output.rows(
            SNAPSHOT,
            (_row(state, each) for each in archive.snapshots),
            hidden=("name",),
            summary=lambda count: f"{plurals.counted(count, 'snapshot')} in {archive.name}",
        )


def _row(state: State, snapshot: Snapshot) -> Row:
    return {
        "number": snapshot.number,
        "taken_at": snapshot.taken_at.astimezone(state.now().tzinfo),
        "gaps": [gap.what for gap in snapshot.gaps],
        "name": snapshot.name,
    }


@command("verify", examples=["backpack archive verify", "backpack archive verify --rehearse"])
@archive_option
@click.option(
    "--rehearse",
    is_flag=True,
    help="Restore the newest snapshot into a sandbox on this machine, and compare. Needs the "
    "extra `sandbox`.",
)
@pass_state
def verify(state: State, location: str | None, rehearse: bool) -> None:
    """Verify that all files are as they were written; end with 10 if not. Makes no request."""
    with explained(), progress(state) as report:
        archive = existing_archive(state, location)
        found = archive.verify(rehearse=rehearse, progress=report)
    row = {
        "archive": archive.name,
        "is_valid": bool(found),
        "snapshots": found.snapshots,
        "files": found.files,
        "records": found.records,
        "problems": [f"{each.path}: {each.reason}" for each in found.problems],
        "differences": [str(each) for each in found.differences],
        "not_compared": dict(found.not_compared),
    }
    state.output.record(VERIFICATION, row, view=lambda: _view(found, archive.name))
    if not found:
        click.get_current_context().exit(ExitCode.INCOMPLETE)


def _view(found: Verification, name: str) -> RenderableType:
    from rich.text import Text

    from backpack_orm.cli.tables import shown

    lines = [f"{each.path}: {each.reason}" for each in found.problems]
    lines += map(str, found.differences)
    size = listed({"snapshot": found.snapshots, "file": found.files, "record": found.records})
    if not lines:
        lines.append(f"{name} is as it was written: {size}.")
        if found.not_compared:
            lines.append("The newest snapshot was restored into a sandbox, and the copy is equal.")
            lines += (f"Not compared: {what}: {why}." for what, why in found.not_compared.items())
    else:
        lines.append(f"{name} has {plurals.counted(len(lines), 'problem')}: {size}.")
    return Text(shown("\n".join(lines)))


def _keep(period: str, what: str) -> Callable[[F], F]:
    return click.option(
        f"--keep-{period}",
        type=click.IntRange(1),
        metavar="N",
        help=f"Keep the newest of N {what}.",
    )


@command(
    "prune",
    examples=[
        "backpack archive prune --keep-daily 30 --keep-monthly 24 --dry-run",
        "backpack archive prune --keep-last 10",
    ],
)
@archive_option
@click.option("--keep-last", type=click.IntRange(1), metavar="N", help="Keep the newest N.")
@_keep("daily", "days")
@_keep("weekly", "weeks")
@_keep("monthly", "months")
@shows_its_plan
@pass_state
def prune(
    state: State,
    location: str | None,
    keep_last: int | None,
    keep_daily: int | None,
    keep_weekly: int | None,
    keep_monthly: int | None,
    dry_run: bool,
) -> None:
    """Remove old snapshots: shows which and what would be lost, and asks.

    A snapshot stays if any rule keeps it; the newest stays always. Makes no request.
    """
    if not (keep_last or keep_daily or keep_weekly or keep_monthly):
        raise CommandError(
            "no rule says which snapshots to keep",
            hint="Such as --keep-daily 30 --keep-monthly 24.",
        )
    with explained(), progress(state) as report:
        archive = existing_archive(state, location)
        apply = partial(
            archive.prune,
            keep_last=keep_last,
            keep_daily=keep_daily,
            keep_weekly=keep_weekly,
            keep_monthly=keep_monthly,
        )
        plan = apply(dry_run=True, progress=report)
    count = len(plan.removed)
    total = plurals.counted(count + len(plan.kept), "snapshot")
    lost = counted(dict(sorted((plan.versions or {}).items())))
    if dry_run or not count:
        message = f"{count} of {total} would be removed, and with them: {lost}."
    else:
        days = ", ".join(f"{each.number} ({each.taken_at:%Y-%m-%d})" for each in plan.removed)
        state.output.message(f"To remove: {days}. Versions that no other snapshot has: {lost}.")
        state.confirm(f"Remove {count} of {total} from {archive.name}?")
        with explained(), progress(state) as report:
            apply(progress=report)
        message = f"Removed {count} of {total}."
    rows = [
        {"number": each.number, "taken_at": each.taken_at, "name": each.name}
        for each in plan.removed
    ]
    fields = ("number", "taken_at", "name")
    state.output.rows(fields, rows, summary=message, hidden=("name",), empty=message)
