"""Reminders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli.common import asks_first, command, group
from backpack_orm.cli.finding import by_id_or_text, find_user
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import typed
from backpack_orm.cli.times import TIME, local, spoken

if TYPE_CHECKING:
    from backpack_orm import Reminder
    from backpack_orm.cli.formats import Row

FIELDS = ("id", "remind_at", "content", "remindees")

reminder = group(
    "reminder",
    "List, add and delete reminders.",
    examples=["backpack reminder list", "backpack reminder add tomorrow 9am Call the hotel"],
)


def row_of(found: Reminder) -> Row:
    """Return a reminder as a row."""
    return {
        "id": found.id,
        "remind_at": found.remind_at,
        "content": found.content,
        "remindees": [user.name for user in found.remindees],
    }


@reminder.command(
    "list", examples=["backpack reminder list", "backpack reminder list --before 2031-06-01"]
)
@click.option("--before", type=TIME, help="Only reminders before this time.")
@pass_state
def list_(state: State, before: datetime | None) -> None:
    """List the upcoming reminders, the earliest first. Makes one request."""
    state.connect()
    found = backpack_orm.Reminder.all(due_before=before)
    state.output.rows(FIELDS, map(row_of, found), summary=counted("reminder"))


_ADD_HELP = """Add a reminder, and say when it is due.

    TEXT starts with the time in plain words, which Backpack reads: +30 (minutes), +1:30, 7:30pm,
    tomorrow 9am, next Monday 9am, January 7, 9/27 (month/day). With --at, TEXT is only the text.
    `-` is standard input. Makes one request, and one for the account's zone unless the profile has
    a `timezone`.
    """
_EXAMPLES = (
    "tomorrow 9am Call the hotel",
    "+30 Take the bread out",
    "--at '2031-06-01 08:00' Pay the rent",
)


def remind_of(state: State, text: Sequence[str], at: datetime | None, to: Sequence[str]) -> None:
    """Add a reminder, and say when it is due."""
    with typed(state, text, what="text of the reminder", extension=".txt") as given:
        connection = state.connect()
        zone = connection.zone  # before the write, so that no error hides what it has done
        people = [find_user(name) for name in to]
        content = given.text()
        if people:
            made = backpack_orm.Reminder.create(content=content, remind_at=at, remindees=people)
        else:
            made = backpack_orm.Reminder.create(content=content, remind_at=at)
    when = spoken(local(made.remind_at, connection))
    message = f"Reminder {made.id}: {made.content!r}, on {when} ({zone})."
    state.output.done(message, FIELDS, row_of(made))


text_argument = click.argument("text", nargs=-1)
at_option = click.option("--at", type=TIME, help="The time, in the account's zone.")
to_option = click.option("--to", multiple=True, metavar="USER", help="Whom to remind.")


@reminder.command(
    "add", help=_ADD_HELP, examples=[f"backpack reminder add {each}" for each in _EXAMPLES]
)
@text_argument
@at_option
@to_option
@pass_state
def add(state: State, text: Sequence[str], at: datetime | None, to: Sequence[str]) -> None:
    remind_of(state, text, at, to)


@command("remind", help=_ADD_HELP, examples=[f"backpack remind {each}" for each in _EXAMPLES])
@text_argument
@at_option
@to_option
@pass_state
def remind(state: State, text: Sequence[str], at: datetime | None, to: Sequence[str]) -> None:
    remind_of(state, text, at, to)


@reminder.command("delete", examples=["backpack reminder delete 40000391 --yes"])
@click.argument("reminder")
@asks_first
@pass_state
def delete(state: State, reminder: str) -> None:
    """Destroy an upcoming reminder, which is named by its id or exact text."""
    state.connect()
    reminders = list(backpack_orm.Reminder.all())
    found = by_id_or_text(reminders, reminder, lambda each: each.content, "reminder", exact=True)
    row = row_of(found)
    state.confirm(f"Destroy the reminder {found.content!r} on {spoken(found.remind_at)}?")
    found.destroy()
    state.output.done(f"Destroyed the reminder {row['id']}.", FIELDS, row)
