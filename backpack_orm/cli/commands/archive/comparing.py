"""`archive diff` and `archive history`: what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from backpack_orm import plurals
from backpack_orm.cli.commands.archive.opening import (
    archive_option,
    existing_archive,
    explained,
    snapshot_of,
)
from backpack_orm.cli.common import command
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.finding import is_id, pick
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from rich.console import RenderableType

    from backpack_orm.archive import Archive, Diff, Snapshot, Version

DIFF = ("id", "what", "type", "label", "page", "values")
HISTORY = ("snapshot", "taken_at", "what", "values")
_SIGNS = {"added": "+", "changed": "~", "removed": "-"}
_STYLES = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}
_INDENT = " " * 6


@command(
    "diff",
    examples=[
        "backpack archive diff",
        "backpack archive diff 3 5",
        "backpack archive diff 2031-04-01",
    ],
)
@click.argument("old", required=False)
@click.argument("new", required=False)
@archive_option
@pass_state
def diff(state: State, old: str | None, new: str | None, location: str | None) -> None:
    """Show what has changed from one snapshot to another.

    OLD and NEW are numbers of snapshots, or days. Default: the two newest. Makes no request.
    """
    with explained(), progress(state) as report:
        archive = existing_archive(state, location)
        later = snapshot_of(archive, new)
        earlier = _before(archive, later) if old is None else snapshot_of(archive, old)
        found = archive.diff(earlier, later, progress=report)
    state.output.rows(
        DIFF,
        [
            {
                "id": change.id,
                "what": change.what,
                "type": change.type,
                "label": change.label,
                "page": change.page,
                "values": {name: list(values) for name, values in change.values.items()},
            }
            for change in found.changes
        ],
        view=lambda: _coloured(list(_lines_of_diff(found))),
        summary=lambda n: f"{plurals.counted(n, 'change')} from {earlier.number} to {later.number}",
        empty=f"Nothing differs between the snapshots {earlier.number} and {later.number}.",
    )


def _before(archive: Archive, snapshot: Snapshot) -> Snapshot:
    earlier = [each for each in archive.snapshots if each.number < snapshot.number]
    if not earlier:
        raise CommandError(
            f"there is no snapshot before {snapshot.number} in {archive.name} to compare with",
            ExitCode.NOT_FOUND,
        )
    return earlier[-1]


@command(
    "history",
    examples=["backpack archive history page Lisbon", "backpack archive history note 40000008"],
)
@click.argument("type")
@click.argument("record")
@archive_option
@pass_state
def history(state: State, type: str, record: str, location: str | None) -> None:
    """Show the versions of a record in all snapshots, the oldest first.

    TYPE is page, note, list, item, reminder and so on. RECORD is an id, or the title of a page.
    Makes no request.
    """
    with explained(), progress(state) as report:
        archive = existing_archive(state, location)
        if is_id(record):
            versions = archive.history((type, int(record)), progress=report)
        elif type == "page":
            pages = {page.id: page for each in archive.snapshots for page in each.pages}
            page = pick(pages.values(), record, lambda page: page.title, "page")
            versions = archive.history(page, progress=report)
        else:
            raise CommandError(f"{record!r} is no id of a {type}: ids are numbers")
    if not versions:
        raise CommandError(
            f"no snapshot in {archive.name} has a {type} {record}",
            ExitCode.NOT_FOUND,
            hint="`backpack archive diff` shows types and ids.",
        )
    state.output.rows(
        HISTORY,
        [
            {
                "snapshot": version.snapshot.number,
                "taken_at": version.taken_at.astimezone(state.now().tzinfo),
                "what": what,
                "values": version.values,
            }
            for version, what, _ in _steps(versions)
        ],
        view=lambda: _coloured(list(_lines_of_history(versions))),
        summary=lambda count: f"{count} versions",
    )


def _steps(versions: Sequence[Version]) -> Iterator[tuple[Version, str, Mapping[str, Any]]]:
    """Yield each version, what happened, and the values before."""
    before: Mapping[str, Any] | None = None
    for version in versions:
        what = "added" if before is None else "removed" if version.values is None else "changed"
        yield version, what, before or {}
        before = version.values


def _lines_of_diff(diff: Diff) -> Iterator[str]:
    yield f"Snapshot {diff.old.number} to {diff.new.number}"
    heading: str | None = None
    for change in diff.changes:
        place = change.page or "Account"
        if place != heading:
            heading = place
            yield ""
            yield place
        yield f"  {_SIGNS[change.what]} {change.type} {change.id}: {change.label}"
        if change.what == "changed":
            for name, (old, new) in change.values.items():
                yield from _differences(name, old, new)


def _lines_of_history(versions: Sequence[Version]) -> Iterator[str]:
    for version, what, before in _steps(versions):
        yield f"Snapshot {version.snapshot.number}, {version.taken_at:%Y-%m-%d}: {what}"
        for name, value in (version.values or {}).items():
            if value != before.get(name, []):  # an empty list is no news
                yield from _differences(name, before.get(name), value)
        yield ""


def _differences(name: str, old: Any, new: Any) -> Iterator[str]:
    """Yield the lines that show how a value has changed."""
    from backpack_orm.archive.comparing import unified

    if isinstance(old, str | None) and isinstance(new, str | None) and "\n" in f"{old}{new}":
        yield f"    {name}:"
        yield from (f"{_INDENT}{line}" for line in unified(old or "", new or ""))
    elif isinstance(old, list | None) and isinstance(new, list | None):
        yield f"    {name}: {_list_change(old or [], new or [])}"
    else:
        yield f"    {name}: {new}" if old is None else f"    {name}: {old} -> {new}"


def _list_change(old: Sequence[object], new: Sequence[object]) -> str:
    """Return what was added to a list and removed from it, such as the ids of the notes.

    >>> _list_change([["Note", 7], 8], [8, ["Note", 9]]), _list_change([1, 2], [2, 1])
    ('+ Note 9, - Note 7', 'in another order')
    """
    parts = [f"+ {_element(each)}" for each in new if each not in old]
    parts += [f"- {_element(each)}" for each in old if each not in new]
    return ", ".join(parts) or "in another order"


def _element(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _coloured(lines: Sequence[str]) -> RenderableType:
    """Return the lines of a difference, with the colour of their signs."""
    from rich.text import Text

    from backpack_orm.cli.tables import shown

    text = Text()
    for line in lines:
        is_of_text = line.startswith(_INDENT)
        column = len(_INDENT) if is_of_text else 2
        sign = line[column : column + 1] if line.startswith("  ") else ""
        text.append(shown(line) + "\n", _STYLES.get(sign, "") if sign else "bold")
    text.rstrip()
    return text
