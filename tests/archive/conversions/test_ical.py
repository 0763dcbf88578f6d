"""iCalendar: read back by another library."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import vobject

from backpack_orm.archive import Snapshot


@pytest.fixture
def events(snapshot: Snapshot, tmp_path: Path) -> dict[str, Any]:
    snapshot.to_ics(tmp_path / "a.ics")
    calendar = vobject.readOne((tmp_path / "a.ics").read_text("utf-8"))
    return {event.uid.value: event for event in calendar.vevent_list}


def test_every_event_and_reminder_is_read_back(snapshot: Snapshot, events: dict[str, Any]) -> None:
    dated = [event for event in snapshot.events if event.occurs_at]
    assert len(events) == len(dated) + len(snapshot.reminders)
    for event in dated:
        found = events[f"event-{event.id}@{snapshot.host}"]
        assert found.summary.value == event.title
        assert event.occurs_at is not None
        wanted = event.occurs_at.date() if event.all_day else event.occurs_at
        assert found.dtstart.value == wanted
        if event.message:
            assert found.description.value == event.message


def test_an_event_that_lasts_all_day_ends_before_the_next_day(events: dict[str, Any]) -> None:
    (birthday,) = (each for each in events.values() if each.summary.value == "Yuki's birthday")
    begin = birthday.dtstart.value
    assert type(begin) is date
    assert (birthday.dtend.value - begin).days == 1


def test_reminders_have_an_alarm_at_their_moment(
    snapshot: Snapshot, events: dict[str, Any]
) -> None:
    reminder = snapshot.reminders[0]
    found = events[f"reminder-{reminder.id}@{snapshot.host}"]
    assert found.summary.value == reminder.content
    assert found.valarm.trigger.value.total_seconds() == 0
    assert reminder.remind_at is not None
    difference = found.dtstart.value - reminder.remind_at.replace(tzinfo=UTC)
    assert difference.total_seconds() in (7 * 3600, 8 * 3600), "the account is in California"


def test_times_of_the_file_are_those_of_the_snapshot(
    snapshot: Snapshot, events: dict[str, Any]
) -> None:
    reminder = events[f"reminder-{snapshot.reminders[0].id}@{snapshot.host}"]
    assert reminder.dtstamp.value == datetime(2026, 10, 1, 3, 0, 1, tzinfo=UTC)


def test_two_conversions_write_the_same(snapshot: Snapshot, tmp_path: Path) -> None:
    contents = []
    for name in ("a.ics", "b.ics"):
        snapshot.to_ics(tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
