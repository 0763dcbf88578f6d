"""The endpoints of calendars and events, and the iCalendar feeds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, Response, request
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import NotFound, UnprocessableEntity

from .calls import Call, Endpoints, XmlResponse, bare, current_service, found, xml
from .dates import Start, check_moment, read_event_start, read_moment
from .limits import Family
from .models import Calendar, CalendarEvent
from .reading import InvalidRequest, Parameters
from .rendering import Xml, each, element, field, stream

calendars = Endpoints("calendars", __name__, family=Family.CALENDARS)
feeds = Blueprint("feeds", __name__)


@calendars.read("GET", "/calendars.xml")
def all_calendars(call: Call) -> XmlResponse:
    those = select(Calendar).where(call.ours(Calendar)).order_by(Calendar.id)
    listed = call.session.scalars(those.options(joinedload(Calendar.account))).all()
    return xml(stream("calendars", each(listed, _calendar)), newline=True)


@calendars.read("GET", "/calendars/ID/calendar_events.xml")
def all_events(call: Call, id: int) -> XmlResponse:
    """Return the events of a calendar, earliest first."""
    calendar = call.one_of(Calendar, id)
    events = call.session.scalars(
        select(CalendarEvent)
        .where(CalendarEvent.calendar_key == calendar.key)
        .options(joinedload(CalendarEvent.calendar))
        .order_by(CalendarEvent.occurs_at, CalendarEvent.id)
    ).all()
    return xml(stream("calendar-events", each(events, _event)), newline=True)


@calendars.read("GET", "/calendar_events/ID.xml")
def show(call: Call, id: int) -> XmlResponse:
    return xml(_event(call.one_of(CalendarEvent, id)), newline=True)


@calendars.write("POST", "/calendar_events.xml")
def create(call: Call) -> Response:
    fields = call.parameters.group("event")
    calendar = call.one_of(Calendar, fields.required_ids("calendar_id")[0])
    start = _start(fields, call)
    if start is None:
        raise UnprocessableEntity
    event = call.me.account.new(
        CalendarEvent,
        title=start.rest,
        message="",
        occurs_at=start.at,
        occurs_until=None,
        all_day=start.all_day,
        remind=False,
        created_at=call.now,
    )
    _change(event, fields, call)
    calendar.events.append(event)
    return bare(201, location=f"{request.host_url}calendar_events/{event.id}.xml")


@calendars.write("PUT", "/calendar_events/ID.xml")
def update(call: Call, id: int) -> Response:
    event, fields = call.one_of(CalendarEvent, id), call.parameters.group("event")
    start = _start(fields, call)
    if start is not None:
        if event.occurs_until is not None:
            event.occurs_until = _shifted(event.occurs_until, start.at - event.occurs_at)
        event.occurs_at, event.all_day = start.at, start.all_day
    event.title = call.updated(
        "calendar_event.title", start.rest if start else None, event.title, ""
    )
    _change(event, fields, call)
    return bare()


@calendars.write("DELETE", "/calendar_events/ID.xml")
def destroy(call: Call, id: int) -> Response:
    call.session.delete(call.one_of(CalendarEvent, id))
    return bare()


def _start(fields: Parameters, call: Call) -> Start | None:
    """Return the start of an event, parsed from its title; 422 without a date."""
    title = fields.text("title")
    if title is None:
        return None
    start = read_event_start(title, call.now.astimezone(call.zone))
    if start is None:
        raise UnprocessableEntity
    return start


def _change(event: CalendarEvent, fields: Parameters, call: Call) -> None:
    """Set the fields besides the title."""
    event.message = call.updated(
        "calendar_event.message", fields.text("message"), event.message, ""
    )
    event.remind = call.updated("calendar_event.remind", fields.flag("remind"), event.remind, False)
    if (until := fields.text("occurs_until")) is not None:
        event.occurs_until = _moment(until)
    else:
        event.occurs_until = call.updated(
            "calendar_event.occurs_until", None, event.occurs_until, None
        )
    event.updated_at = call.now


def _shifted(end: datetime, by: timedelta) -> datetime:
    """Return the end of a moved event; 422 if it is outside of the calendar."""
    try:
        return check_moment(end + by)
    except (OverflowError, ValueError):
        raise UnprocessableEntity from None


def _moment(text: str) -> datetime | None:
    """Parse a time, in UTC unless it has an offset; None for an empty text."""
    if not text or text.isspace():
        return None
    try:
        return read_moment(text, UTC)
    except ValueError:
        raise InvalidRequest("<occurs_at> and <occurs_until> must be dates and times") from None


@feeds.get("/<token>.ics")
def feed(token: str) -> Response:
    """Return the feed of a calendar; its token is the only authentication."""
    if "\0" in token:  # PostgreSQL has no such texts
        raise NotFound
    with current_service().database.reading() as session:
        wanted = select(Calendar).where(Calendar.token == token)
        calendar = found(session.scalar(wanted.options(joinedload(Calendar.account))))
        events = list(calendar.events)
    return Response(_icalendar(calendar, events), content_type="text/calendar; charset=utf-8")


def _icalendar(calendar: Calendar, events: list[CalendarEvent]) -> bytes:
    import icalendar  # here, since only feeds need it

    feed = icalendar.Calendar()
    feed.add("prodid", "-//backpack_orm//sandbox//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", calendar.name)
    feed.add("x-apple-calendar-color", f"#{calendar.color.removeprefix('#')}")

    def entry(event: CalendarEvent) -> icalendar.Event:
        entry = icalendar.Event()
        entry.add("uid", f"{event.id}@{calendar.account.name}.backpackit.com")
        entry.add("dtstamp", event.updated_at)
        entry.add("created", event.created_at)
        entry.add("last-modified", event.updated_at)
        entry.add("dtstart", _time(event, event.occurs_at))
        if event.occurs_until is not None:
            # In iCalendar the end is exclusive.
            last_day = timedelta(days=1) if event.all_day else timedelta()
            entry.add("dtend", _time(event, event.occurs_until + last_day))
        entry.add("summary", event.title)
        if event.message:
            entry.add("description", event.message)
        return entry

    for one in each(events, entry):
        feed.add_component(one)
    written: bytes = feed.to_ical()
    return written


def _time(event: CalendarEvent, moment: datetime) -> date:
    return moment.date() if event.all_day else moment


def _calendar(calendar: Calendar) -> Xml:
    return element(
        "calendar",
        [
            field("account-id", calendar.account.id),
            element("color", calendar.color.removeprefix("#")),
            field("created-at", calendar.created_at),
            element("ical-subscription-url", ""),  # empty unless it mirrors another feed
            field("id", calendar.id),
            element("name", calendar.name),
            element("token", calendar.token),
            field("updated-at", calendar.updated_at),
        ],
    )


def _event(event: CalendarEvent) -> Xml:
    return element(
        "calendar-event",
        [
            field("all-day", event.all_day),
            field("calendar-id", event.calendar.id),
            field("created-at", event.created_at),
            field("id", event.id),
            element("message", event.message),
            field("occurs-at", event.occurs_at),
            _optional("occurs-until", event.occurs_until),
            field("remind", event.remind),
            _optional("reminded-at", event.reminded_at),
            element("title", event.title),
            field("updated-at", event.updated_at),
        ],
    )


def _optional(name: str, moment: datetime | None) -> Xml:
    """Return a time, or an empty element, which here is neither nil nor typed."""
    return element(name, "") if moment is None else field(name, moment)
