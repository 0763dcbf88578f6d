"""What is due today, and what was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import backpack_orm
from backpack_orm.cli.commands import calendar, journal, reminder, todos
from backpack_orm.cli.common import command
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.times import local
from backpack_orm.cli.times import today as bounds

if TYPE_CHECKING:
    from datetime import datetime

    from backpack_orm.cli.formats import Row
    from backpack_orm.connection import Connection

FIELDS = ("id", "type", "time", "text", "where")


@command("today", examples=["backpack today", "backpack today -o json"])
@pass_state
def today(state: State) -> None:
    """List today's reminders, events and journal entries, and the open items.

    Today is that of the account's time zone. Makes seven requests, and one for each calendar.
    """
    connection = state.connect()
    day, start, end = bounds(state, connection)
    found = [
        *_reminders(end),
        *_events(start, end),
        *_entries(start, end, connection),
        *_items(state),
    ]
    state.output.rows(
        FIELDS, found, summary=f"{day:%A, %B} {day.day}, {day.year}", empty="Nothing today."
    )


def _row(id: int, kind: str, time: datetime | None, text: str, where: str) -> Row:
    return {"id": id, "type": kind, "time": time, "text": text, "where": where}


def _reminders(end: datetime) -> Iterator[Row]:
    for each in backpack_orm.Reminder.all(due_before=end):
        row = reminder.row_of(each)
        people = ", ".join(row["remindees"])
        yield _row(each.id, "reminder", each.remind_at, each.content, people)


def _events(start: datetime, end: datetime) -> Iterator[Row]:
    for each in backpack_orm.CalendarEvent.all(since=start, until=end):
        row = calendar.row_of(each)
        yield _row(each.id, "event", row["occurs_at"], each.title, row["calendar"])


def _entries(start: datetime, end: datetime, connection: Connection) -> Iterator[Row]:
    for each in backpack_orm.JournalEntry.iter(since=start, until=end):
        row = journal.row_of(each)
        yield _row(each.id, "journal", local(each.created_at, connection), each.body, row["user"])


def _items(state: State) -> Iterator[Row]:
    with progress(state) as report:
        pages = list(backpack_orm.Page.all(load=True, progress=report))
    for row in todos.open_items(pages):
        yield _row(row["id"], "item", None, row["content"], row["page"])
