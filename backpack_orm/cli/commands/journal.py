"""The journal: what people have done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli.common import group
from backpack_orm.cli.finding import find_user
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import typed
from backpack_orm.cli.times import TIME

if TYPE_CHECKING:
    from backpack_orm import JournalEntry
    from backpack_orm.cli.formats import Row

FIELDS = ("id", "created_at", "user", "body")

journal = group(
    "journal",
    "List and add journal entries.",
    examples=["backpack journal list", "backpack journal add Booked the hotel"],
)


def row_of(entry: JournalEntry) -> Row:
    """Return an entry as a row."""
    return {
        "id": entry.id,
        "created_at": entry.created_at,
        "user": entry.user.name,
        "body": entry.body,
    }


@journal.command(
    "list",
    examples=[
        "backpack journal list --limit 5",
        "backpack journal list --user 'Nora Whitfield' --since 2031-05-01",
    ],
)
@click.option("--user", help="Id or name of the author.")
@click.option("--since", type=TIME, help="Only entries from this time on.")
@click.option("--until", type=TIME, help="Only entries before this time.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=25, show_default=True, help="At most so many."
)
@click.option("--all", "every", is_flag=True, help="All entries, whatever --limit says.")
@pass_state
def list_(
    state: State,
    user: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    every: bool,
) -> None:
    """List journal entries, the newest first.

    Makes one request for each hundred, and one more for --user.
    """
    state.connect()
    author = find_user(user) if user is not None else None
    entries = backpack_orm.JournalEntry.iter(user=author, since=since, until=until)
    state.output.rows(
        FIELDS,
        map(row_of, islice(entries, None if every else limit)),
        summary=counted("entry"),
    )


@journal.command(
    "add", examples=["backpack journal add Booked the hotel", "backpack journal add - < day.txt"]
)
@click.argument("text", nargs=-1)
@pass_state
def add(state: State, text: Sequence[str]) -> None:
    """Add an entry to your journal.

    `-` is standard input. Without TEXT, an editor opens. Makes three requests.
    """
    with typed(state, text, what="text of the entry", extension=".txt") as given:
        state.connect()
        made = backpack_orm.JournalEntry.create(body=given.text())
    state.output.done(f"Added the journal entry {made.id}.", FIELDS, row_of(made))
