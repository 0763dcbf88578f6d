"""Calendars and their events, replayed and live."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backpack_orm import (
    Calendar,
    CalendarEvent,
    Connection,
    NotFound,
    Rejected,
    SaveResult,
    ValidationError,
)
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.wire.shapes import Response


def test_calendars_are_listed(account: Connection) -> None:
    calendars = Calendar.all()
    assert [calendar.name for calendar in calendars] == ["Home & away", "Choir 🎶"]
    assert [calendar.color for calendar in calendars] == ["c2452d", "3185c5"]
    assert calendars[0].created_at is not None
    assert Calendar.find(calendars[1].id).name == "Choir 🎶"
    assert calendars[1].reload().name == "Choir 🎶"


def test_the_address_of_a_feed_is_no_matter_for_a_repr(account: Connection) -> None:
    calendar = Calendar.all()[0]
    host = account.url.partition("//")[2]
    assert calendar.ics_url == f"webcal://{host}/{calendar.token}.ics"
    assert account.stats.requests == 1
    assert calendar.ical_subscription_url is None
    assert calendar.token not in repr(calendar)
    assert calendar.token not in repr(Calendar.all())


def test_the_feed_of_an_account_is_at_its_own_host() -> None:
    with Connection("acme", token="secret") as connection:
        content = (
            b"<calendars><calendar><id>61</id><name>Home</name><token>c0ffee</token>"
            b"<ical-subscription-url>http://example.com/a.ics</ical-subscription-url>"
            b"</calendar></calendars>"
        )
        records = Calendar._full.read_many(Response(200, content))
        calendar = Calendar._full.load[Calendar](records, connection)[0]
        assert calendar.ics_url == "webcal://acme.backpackit.com/c0ffee.ics"
        assert calendar.ical_subscription_url == "http://example.com/a.ics"
        for secret in ("c0ffee", "example.com"):
            assert secret not in repr(calendar)
            assert secret not in repr(Collection(Calendar, [calendar]).to_records())


def test_the_events_of_a_calendar_make_one_request(account: Connection) -> None:
    calendar = Calendar.all()[0]
    events = calendar.events
    assert events
    assert account.stats.requests == 2
    assert all(event.calendar is calendar for event in events)
    assert list(CalendarEvent.all(calendar=calendar.id)) == list(events)
    assert account.stats.requests == 2


def test_all_events_are_those_of_all_calendars(account: Connection) -> None:
    events = CalendarEvent.all()
    assert account.stats.requests == 3
    assert len(events) == 18
    assert {event.calendar.name for event in events} == {"Home & away", "Choir 🎶"}
    assert CalendarEvent.find_by(title=events[-1].title) == events[-1]


def test_an_event_is_found_by_one_request(account: Connection) -> None:
    wanted = CalendarEvent.all()[0]
    before = account.stats.requests
    found = CalendarEvent.find(wanted.id)
    assert account.stats.requests == before + 1
    assert found == wanted
    assert found.to_dict() == wanted.to_dict()
    assert found.calendar_id == wanted.calendar_id
    assert found.calendar.name == wanted.calendar.name


def test_an_event_takes_its_time_from_its_title(account: Connection) -> None:
    calendar = Calendar.all()[0]
    event = calendar.events.create(title="9/27 2pm Tea & cake", remind=True)
    assert account.stats.requests == 2
    assert event.remind is True
    assert event.title == "Tea & cake"
    assert event.occurs_at == datetime(2026, 9, 27, 21, 0, tzinfo=UTC)
    assert event.occurs_until is None
    assert account.stats.requests == 3
    assert event in list(calendar.events)


def test_an_event_is_created_in_a_calendar_that_is_named(account: Connection) -> None:
    calendar = Calendar.all()[0]
    event = CalendarEvent.create(calendar=calendar.id, title="tomorrow Off")
    assert event.all_day is True
    assert event.calendar_id == calendar.id
    assert CalendarEvent.find(event.id).calendar == calendar


def test_a_new_title_moves_the_event(account: Connection) -> None:
    event = CalendarEvent.all()[0]
    event.title = "9/28 2pm Tea"
    assert event.save() == SaveResult(updated=True, fields=("title",))
    assert event.title == "Tea"
    assert event.occurs_at == datetime(2026, 9, 28, 21, 0, tzinfo=UTC)


def test_the_reminding_is_changed_alone(account: Connection) -> None:
    event = CalendarEvent.all()[0]
    title, event.remind = event.title, not event.remind
    assert event.save().fields == ("remind",)
    assert event.reload().title == title


def test_a_title_without_a_date_is_rejected(account: Connection) -> None:
    calendar = Calendar.all()[0]
    with pytest.raises(Rejected):
        calendar.events.create(title="Tea")
    assert len(calendar.events) == len(CalendarEvent.all(calendar=calendar, fresh=True))


def test_a_destroyed_event_is_gone(account: Connection) -> None:
    calendar = Calendar.all()[0]
    event = calendar.events[0]
    event.destroy()
    assert event not in list(calendar.events)
    with pytest.raises(NotFound):
        CalendarEvent.find(event.id)


def test_what_the_api_cannot_do_is_no_method() -> None:
    for verb in ("create", "save", "destroy"):
        assert not hasattr(Calendar, verb)


def test_bad_input_is_refused_before_any_request() -> None:
    with pytest.raises(ValidationError, match="CalendarEvent needs the Calendar that contains it"):
        CalendarEvent.create(title="tomorrow Tea")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="CalendarEvent.title cannot be empty"):
        CalendarEvent.create(calendar=7, title="")
    with pytest.raises(ValidationError, match="CalendarEvent.remind cannot be 'yes'"):
        CalendarEvent.create(calendar=7, title="tomorrow Tea", remind="yes")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="CalendarEvent: calendar takes the id"):
        CalendarEvent.all(calendar="Home")  # type: ignore[arg-type]
