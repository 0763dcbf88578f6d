"""`archive sync` and `archive status`: making backups, and monitoring that they are made."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from backpack_orm.cli.commands.archive.opening import (
    archive_at,
    archive_option,
    counted,
    existing_archive,
    explained,
    incomplete_pages,
)
from backpack_orm.cli.common import command
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm.archive import SyncResult

SYNC = (
    "snapshot",
    "is_new",
    "added",
    "changed",
    "removed",
    "requests",
    "gaps",
    "refused",
    "archive",
)
STATUS = (
    "archive",
    "is_fresh",
    "completed_at",
    "age_hours",
    "last_sync_at",
    "outcome",
    "snapshots",
    "newest_snapshot",
    "newest_at",
    "incomplete_pages",
)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _age(context: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", value.strip())
    if found is None:
        raise click.BadParameter(
            f"{value!r} is no age: use a number and m, h, d or w, such as 36h", context, parameter
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@command(
    "sync",
    examples=[
        "backpack archive sync",
        "backpack archive sync --archive backup",
        "backpack archive sync -q > /dev/null",
    ],
)
@archive_option
@click.option(
    "--allow-gaps",
    is_flag=True,
    help="End with 0 although the service has refused something, such as calendars.",
)
@pass_state
def sync(state: State, location: str | None, allow_gaps: bool) -> None:
    """Read the account, and add a snapshot if anything has changed.

    Makes about 10 requests, whatever the number of pages. Ends with 10 if the service has refused
    something: the snapshot has what the one before had of it. Ctrl-C does no harm.
    """
    connection = state.connect()
    with explained(), progress(state) as report:
        archive = archive_at(state, location)
        result = archive.sync(connection, progress=report)
    for gap in result.refused:
        kept = f"; snapshot {gap.copied_from} has it" if gap.copied_from else ""
        state.output.warn(f"the backup lacks {gap.what}: {gap.reason}{kept}")
    row = {
        "snapshot": result.snapshot.number,
        "is_new": result.is_new,
        "added": dict(result.added),
        "changed": dict(result.changed),
        "removed": dict(result.removed),
        "requests": result.requests,
        "gaps": [gap.what for gap in result.gaps],
        "refused": [gap.what for gap in result.refused],
        "archive": archive.name,
    }
    state.output.done(_told(result, archive.name), SYNC, row)
    if result.refused and not allow_gaps:
        click.get_current_context().exit(ExitCode.INCOMPLETE)


def _told(result: SyncResult, name: str) -> str:
    number = result.snapshot.number
    if not result.is_new:
        return f"Nothing has changed since snapshot {number} in {name}."
    changes = [
        f"{verb} {counted(dict(counts))}"
        for verb, counts in (
            ("added", result.added),
            ("changed", result.changed),
            ("removed", result.removed),
        )
        if counts
    ]
    return f"Stored snapshot {number} in {name}: {'; '.join(changes)}."


@command(
    "status",
    examples=["backpack archive status", "backpack archive status --max-age 36h -q > /dev/null"],
)
@archive_option
@click.option(
    "--max-age",
    callback=_age,
    metavar="AGE",
    help="End with 10 if the last complete sync is older than this, such as 36h, 2d or 90m.",
)
@pass_state
def status(state: State, location: str | None, max_age: timedelta | None) -> None:
    """Show when the last complete sync was; for monitoring with --max-age.

    A sync is complete if the service has refused nothing. Makes no request.
    """
    with explained():
        archive = existing_archive(state, location)
        newest, last = archive.newest, archive.last_sync
        lines = incomplete_pages(newest)
    completed = last.completed if last else None
    age = state.now() - completed if completed else None
    is_fresh = age is not None and (max_age is None or timedelta(0) <= age <= max_age)
    row = {
        "archive": archive.name,
        "is_fresh": is_fresh,
        "completed_at": _local(state, completed),
        "age_hours": round(age.total_seconds() / 3600, 1) if age is not None else None,
        "last_sync_at": _local(state, last.started if last else None),
        "outcome": last.outcome if last else "never synced",
        "snapshots": len(archive.snapshots),
        "newest_snapshot": newest.number,
        "newest_at": _local(state, newest.taken_at),
        "incomplete_pages": sorted({id for gap in newest.gaps if (id := gap.page_id) is not None}),
    }
    state.output.record(STATUS, row)
    for line in lines:
        state.output.message(f"Warning: {line}")
    if max_age is not None and not is_fresh:
        if completed is None:
            state.output.warn(f"no sync of {archive.name} has been complete")
        else:
            when = f"{row['completed_at']:%Y-%m-%d at %H:%M}"
            state.output.warn(f"the last complete sync of {archive.name} was on {when}")
        click.get_current_context().exit(ExitCode.INCOMPLETE)


def _local(state: State, moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(state.now().tzinfo)
