"""iCalendar: the events of all calendars, and reminders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from backpack_orm.archive.conversions.extra import require
from backpack_orm.archive.conversions.output import replacing
from backpack_orm.archive.conversions.source import Source, available, in_utc
from backpack_orm.orm.operations.progress import Progress

if TYPE_CHECKING:
    import icalendar


def write_ical(source: Source, path: str | PathLike[str], report: Progress) -> None:
    """Write an iCalendar file with all events and reminders; an existing file is replaced.

    Reminders are events of no duration with an alarm. The identifiers of the events are the same in
    each file of an account, so that importing a newer file updates them. Events without a time are
    left out: iCalendar cannot represent them.

    Args:
        source: The records.
        path: The file, with the suffix `.ics`.
        report: Called for each event and reminder.

    Raises:
        ImportError: icalendar is not installed.
        OSError: The file cannot be written.
    """
    require("icalendar")
    import icalendar

    path = Path(path)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//backpack_orm//archive//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"Backpack: {source.host or 'an export'}")
    with replacing(path) as part:
        done = 0
        for done, component in enumerate(chain(_events(source), _reminders(source)), 1):
            report("converting events", done - 1, 0)
            calendar.add_component(component)
        part.write_bytes(calendar.to_ical())
        report("converting events", done, done)


def _events(source: Source) -> Iterator[icalendar.Event]:
    names = {calendar.id: calendar.name for calendar in available(lambda: source.calendars)}
    for event in available(lambda: source.events):
        begin = event.occurs_at
        if begin is None:
            continue
        component = _component(source, "event", event.id, event.title, event.updated_at)
        end = event.occurs_until
        if event.all_day:
            component.add("dtstart", begin.date())
            component.add("dtend", _day_after(max(end or begin, begin)))
        else:
            component.add("dtstart", begin.astimezone(UTC))
            if end is not None and end >= begin:
                component.add("dtend", end.astimezone(UTC))
        if event.message:
            component.add("description", event.message)
        if event.created_at is not None:
            component.add("created", event.created_at.astimezone(UTC))
        if name := names.get(event.calendar_id):
            component.add("categories", [name])
        yield component


def _reminders(source: Source) -> Iterator[icalendar.Event]:
    import icalendar

    for reminder in available(lambda: source.reminders):
        begin = in_utc(reminder.remind_at, source.time_zone)
        if begin is None:
            continue
        component = _component(source, "reminder", reminder.id, reminder.content, None)
        component.add("dtstart", begin)
        component.add("categories", ["Reminders"])
        alarm = icalendar.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", reminder.content)
        alarm.add("trigger", timedelta(0))
        component.add_component(alarm)
        yield component


def _component(
    source: Source, kind: str, id: int, summary: str, updated_at: datetime | None
) -> icalendar.Event:
    import icalendar

    component = icalendar.Event()
    component.add("uid", f"{kind}-{id}@{source.host or 'backpack'}")
    component.add("dtstamp", (updated_at or source.taken_at).astimezone(UTC))
    component.add("summary", summary)
    if updated_at is not None:
        component.add("last-modified", updated_at.astimezone(UTC))
    return component


def _day_after(moment: datetime) -> date:
    """Return the first day after an event that lasts all day: `dtend` is exclusive."""
    return moment.date() + timedelta(days=1)
