"""`archive import`: exports that were saved earlier, also without an account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from backpack_orm import plurals
from backpack_orm.cli.commands.archive.opening import (
    archive_at,
    archive_option,
    counted,
    explained,
    incomplete_pages,
)
from backpack_orm.cli.common import command
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm.archive import Gap

FIELDS = (
    "snapshot",
    "file",
    "taken_at",
    "is_new",
    "added",
    "changed",
    "removed",
    "gaps",
    "archive",
)


@command(
    "import",
    examples=[
        "backpack archive import export.xml",
        "backpack archive import export.xml --taken-at 2009-03-14 --host acme.backpackit.com",
        "backpack archive import export-2007.xml export-2009.xml --archive old",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@archive_option
@click.option(
    "--taken-at",
    metavar="DATE",
    help="When the file was saved. Default: the time of the file.",
)
@click.option("--timezone", metavar="ZONE", help="Time zone of the account, such as Europe/Lisbon.")
@click.option("--host", help="Host of the account, to find the links between pages.")
@pass_state
def import_(
    state: State,
    files: Sequence[str],
    location: str | None,
    taken_at: str | None,
    timezone: str | None,
    host: str | None,
) -> None:
    """Add saved exports to an archive, such as export.xml; needs no account.

    Several are added from the oldest to the newest. Then `backpack archive site` makes them
    readable, `todos` and `search` read them, `export` converts them, and `restore` writes them into
    an account. Makes no request.
    """
    if taken_at is not None and len(files) > 1:
        raise CommandError("--taken-at is for a single file", hint="Import one file after another.")
    moments = {name: taken_at or _time_of(name) for name in files}
    order = sorted(files, key=lambda name: str(moments[name]))
    archive = archive_at(state, location)
    rows = []
    for name in order:
        with explained(), progress(state) as report:
            result = archive.add_export(
                Path(name),
                taken_at=moments[name],
                timezone=timezone,
                host=host,
                progress=report,
            )
        moment = result.snapshot.taken_at
        rows.append(
            {
                "snapshot": result.snapshot.number,
                "file": name,
                "taken_at": moment.astimezone(state.now().tzinfo),
                "is_new": result.is_new,
                "added": dict(result.added),
                "changed": dict(result.changed),
                "removed": dict(result.removed),
                "gaps": [gap.what for gap in result.gaps],
                "archive": archive.name,
            }
        )
        what = f"added {counted(dict(result.added))}" if result.is_new else "nothing has changed"
        of_file = ", the time of the file" if taken_at is None and result.is_new else ""
        state.output.message(f"{name}, taken on {moment:%Y-%m-%d}{of_file}: {what}.")
    state.output.message(f"Snapshot {result.snapshot.number} lacks:")
    for line in _reasons(gap for gap in result.gaps if gap.page_id is None):
        state.output.message(f"  {line}")
    for line in incomplete_pages(result.snapshot):
        state.output.warn(line)
    option = f" --archive {quote(location)}" if location else ""
    state.output.message(
        f"The archive is {archive.name}. `backpack archive site{option}` makes a web site of it; "
        f"`backpack archive todos{option}` lists the open items, and "
        f"`backpack archive search{option} TERM` searches."
    )
    if not state.output.is_for_people:
        state.output.rows(FIELDS, rows, summary=plurals.counted(len(rows), "export"))


def _reasons(gaps: Iterable[Gap]) -> Iterator[str]:
    """Yield what a snapshot lacks, one line for each reason."""
    missing: dict[str, list[str]] = {}
    for gap in gaps:
        origin = f" (taken from snapshot {gap.copied_from})" if gap.copied_from else ""
        missing.setdefault(gap.reason, []).append(f"{gap.what}{origin}")
    return (f"{', '.join(what)}: {reason}" for reason, what in missing.items())


def _time_of(name: str) -> datetime:
    return datetime.fromtimestamp(Path(name).stat().st_mtime, UTC)
