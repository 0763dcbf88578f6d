"""Calendars and their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli.common import group
from backpack_orm.cli.finding import find_calendar
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import typed
from backpack_orm.cli.times import TIME, local, spoken

if TYPE_CHECKING:
    from backpack_orm import CalendarEvent
    from backpack_orm.cli.formats import Row

FIELDS = ("id", "name", "color")
EVENT = ("id", "occurs_at", "occurs_until", "all_day", "title", "calendar", "message", "remind")

calendar = group(
    "calendar",
    "List calendars and events, and add events.",
    examples=["backpack calendar events", "backpack calendar add 'Home & away' 9/27 2pm Tea"],
)


def row_of(event: CalendarEvent) -> Row:
    """Return an event as a row, with times in the account's zone."""
    connection = event.connection
    start, end = event.occurs_at, event.occurs_until
    if not event.all_day:  # such an event has dates, which are the same in every zone
        start, end = local(start, connection), local(end, connection)
    return {
        "id": event.id,
        "occurs_at": start,
        "occurs_until": end,
        "all_day": bool(event.all_day),
        "title": event.title,
        "calendar": event.calendar.name,
        "message": event.message,
        "remind": bool(event.remind),
    }


@calendar.command("list", examples=["backpack calendar list"])
@pass_state
def list_(state: State) -> None:
    """List the calendars. Makes one request.

    The address of a feed is not shown, since whoever has it can read the calendar.
    """
    state.connect()
    found = backpack_orm.Calendar.all()
    state.output.rows(
        FIELDS,
        ({"id": each.id, "name": each.name, "color": each.color} for each in found),
        summary=counted("calendar"),
    )


@calendar.command(
    "events",
    examples=["backpack calendar events", "backpack calendar events Choir --since 2031-05-01"],
)
@click.argument("calendar", required=False)
@click.option("--since", type=TIME, help="Only events that last beyond this time.")
@click.option("--until", type=TIME, help="Only events that start before this time.")
@pass_state
def events(
    state: State, calendar: str | None, since: datetime | None, until: datetime | None
) -> None:
    """List the events of a calendar, or of all calendars.

    Makes one request for the calendars, one for each of them, and one for the time zone.
    """
    state.connect()
    place = find_calendar(calendar) if calendar is not None else None
    found = list(backpack_orm.CalendarEvent.all(calendar=place, since=since, until=until))
    listed = sorted(map(row_of, found), key=lambda row: str(row["occurs_at"] or ""))
    state.output.rows(
        EVENT,
        listed,
        hidden=("occurs_until", "message", "remind"),
        summary=counted("event"),
    )


@calendar.command(
    "add",
    examples=["backpack calendar add 'Home & away' tomorrow 2pm Tea with Rui --remind"],
)
@click.argument("calendar")
@click.argument("title", nargs=-1)
@click.option("--remind", is_flag=True, help="Have Backpack send a reminder.")
@pass_state
def add(state: State, calendar: str, title: Sequence[str], remind: bool) -> None:
    """Add an event to a calendar, and say when it is.

    TITLE starts with the time in plain words, as for `backpack remind`.
    """
    with typed(state, title, what="title of the event", extension=".txt") as given:
        state.connect()
        place = find_calendar(calendar)
        made = place.events.create(title=given.text(), remind=remind)
    row = row_of(made)
    when = spoken(row["occurs_at"])
    state.output.done(f"Added {made.title!r} to {place.name!r}, on {when}.", EVENT, row)
