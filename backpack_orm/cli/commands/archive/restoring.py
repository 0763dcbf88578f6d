"""`archive restore`: the pages of a snapshot as new pages of an account."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from backpack_orm.cli import streams
from backpack_orm.cli.commands.archive.opening import (
    archive_option,
    counted,
    existing_archive,
    explained,
    in_words,
    snapshot_of,
    snapshot_option,
)
from backpack_orm.cli.common import command, shows_its_plan
from backpack_orm.cli.finding import PAGE, TAG
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm.archive import Plan
    from backpack_orm.cli.formats import Row

PLAN = (
    "target",
    "snapshot",
    "pages",
    "created",
    "skipped",
    "requests",
    "minutes",
    "journal",
    "not_restored",
)
RESULT = ("target", "requests", "ids", "unknown_links")
_MOST_TITLES = 5


@command(
    "restore",
    examples=[
        "backpack archive restore --dry-run",
        "backpack archive restore --page Lisbon --profile new",
        "backpack archive restore --tag Travel --snapshot 2031-04-01",
    ],
)
@archive_option
@snapshot_option
@click.option("--page", "pages", multiple=True, type=PAGE, help="Restore this page: title or id.")
@click.option("--tag", "tags", multiple=True, type=TAG, help="Restore the pages with this tag.")
@click.option("--reminders", is_flag=True, help="Restore the reminders to come too.")
@click.option(
    "--into-source",
    is_flag=True,
    help="Allow the account that the archive is of, which then has each page twice.",
)
@click.option(
    "--again", is_flag=True, help="Restore pages although the account has pages with their titles."
)
@click.option("--journal", type=click.Path(), metavar="FILE", help="File with what was created.")
@shows_its_plan
@pass_state
def restore(
    state: State,
    location: str | None,
    point: str | None,
    pages: Sequence[str],
    tags: Sequence[str],
    reminders: bool,
    into_source: bool,
    again: bool,
    journal: str | None,
    dry_run: bool,
) -> None:
    """Create the pages of a snapshot in the account in use: shows its plan, and asks.

    The plan shows the number of requests and the time they take. After Ctrl-C or an error, run the
    same command again to go on: nothing is created twice.
    """
    target = state.connect()
    with explained(), progress(state) as report:
        archive = existing_archive(state, location)
        plan = archive.plan(
            target,
            snapshot=snapshot_of(archive, point),
            pages=[int(page) if page.isdecimal() else page for page in pages] or None,
            tags=list(tags) or None,
            reminders=reminders,
            into_source=into_source,
            again=again,
            journal=journal,
            progress=report,
        )
    if dry_run:
        state.output.text(streams.wrapped(_text(plan), sys.stdout), _row(plan))
        return
    if not state.yes and state.is_interactive:
        streams.write_error(streams.wrapped(_text(plan), sys.stderr))
    state.confirm(f"Restore {counted({'page': len(plan.pages)})} into {target.url}?")
    with explained(), progress(state) as report:
        result = archive.restore(plan, progress=report)
    created = {type: len(ids) for type, ids in result.ids.items()}
    if result.unknown_links:
        state.output.warn(
            "links to pages that were not restored are unchanged, in "
            f"{counted({'text': len(result.unknown_links)})}"
        )
    row = {
        "target": target.url,
        "requests": result.requests,
        "ids": {type: dict(ids) for type, ids in result.ids.items()},
        "unknown_links": dict(result.unknown_links),
    }
    state.output.done(f"Restored into {target.url}: {counted(created)}.", RESULT, row)


def _row(plan: Plan) -> Row:
    return {
        "target": plan.target.url,
        "snapshot": plan.snapshot.number,
        "pages": [{"id": id, "title": title} for id, title in plan.pages.items()],
        "created": dict(plan.created),
        "skipped": dict(plan.skipped),
        "requests": plan.requests,
        "minutes": round(plan.minutes, 1),
        "journal": str(plan.journal),
        "not_restored": {what: in_words(why) for what, why in plan.impossible.items()},
    }


def _text(plan: Plan) -> str:
    from backpack_orm.cli.tables import shown

    titles = list(plan.pages.values())
    more = f" and {len(titles) - _MOST_TITLES} more" if len(titles) > _MOST_TITLES else ""
    pages = f"pages: {', '.join(titles[:_MOST_TITLES])}{more}"
    first, *rest = in_words(str(plan)).splitlines()
    return shown("\n".join([first, pages, *rest]))
