"""Events of calendars."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from backpack_orm.connection import Connection
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.time_windows import TimeWindow, When
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.queries.conditions import Conditions
from backpack_orm.orm.queries.searches import Search
from backpack_orm.orm.resources import resource
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.endpoint import rest

if TYPE_CHECKING:
    from backpack_orm.orm.declarations import BelongsTo


_NO_DATE = {
    422: "CalendarEvent.title may have no date that the service can read: begin it with one, "
    "such as '5/18 2pm Talk'"
}


@resource
class CalendarEvent(Savable, Destroyable):
    """An event of a calendar.

    Its time is set by a date at the start of the title, such as `tomorrow 2pm` or `9/27`, which the
    service removes. A new title needs a date too, and moves the event.

    Attributes:
        id: Number of the record.
        title: Title.
        remind: Whether the service sends a reminder.
        occurs_at: Start.
        occurs_until: End, if set.
        all_day: Whether it lasts all day.
        message: Further text.
        reminded_at: Time of the reminder, if it was sent.
        created_at: Time of creation.
        updated_at: Time of the last change.
        calendar: The calendar that contains it.
        calendar_id: Id of that calendar.

    >>> event = CalendarEvent.create(calendar=Calendar.all()[0], title="9/27 2pm Tea", remind=True)
    >>> event.title, event.calendar.name
    ('Tea', 'Home & away')
    >>> event.title = "9/28 2pm Tea"
    >>> event.save().fields
    ('title',)
    >>> event.occurs_at.day
    28
    >>> event.destroy()["title"]
    'Tea'
    """

    _scopes = ("calendar", "since", "until")
    _element = "calendar_event"
    _container = "calendar_events"
    _also_recreated = ("occurs_at", "occurs_until", "all_day", "message")
    _times_have_zone = True
    _server_updated = (
        "title",
        "occurs_at",
        "occurs_until",
        "all_day",
        "message",
        "reminded_at",
        "updated_at",
    )

    id: int = field(read_only=True)
    title: str = field()
    remind: bool | None = field(default=None, value_type=values.DIGIT)
    occurs_at: datetime | None = field(read_only=True)
    occurs_until: datetime | None = field(read_only=True)
    all_day: bool | None = field(read_only=True)
    message: str = field(read_only=True)
    reminded_at: datetime | None = field(read_only=True)
    created_at: datetime | None = field(read_only=True)
    updated_at: datetime | None = field(read_only=True)

    calendar: BelongsTo[Calendar] = belongs_to("Calendar", id_from="calendar_id")
    calendar_id = ParentId("calendar")

    if TYPE_CHECKING:

        def _created_with(self, title: str, *, remind: bool | None = None) -> None: ...

        def update(self, *, title: str = ..., remind: bool | None = ...) -> SaveResult: ...

    _all = rest("GET", "calendars/{calendar_id}/calendar_events.xml", reads="events")
    _show = rest("GET", "calendar_events/{id}.xml", reads="events")
    _create = rest(
        "POST",
        "calendar_events.xml",
        sends="event/calendar-id event/title event/remind",
        writes="events",
        refusals=_NO_DATE,
    )
    _update_row = rest(
        "PUT",
        "calendar_events/{id}.xml",
        sends="event/title event/remind",
        writes="events",
        refusals=_NO_DATE,
    )
    _destroy = rest("DELETE", "calendar_events/{id}.xml", writes="events")
    _updates = (_update_row,)

    @classmethod
    def all(
        cls,
        *,
        calendar: Calendar | int | None = None,
        since: When | None = None,
        until: When | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """Return the events of a calendar. Makes one request.

        Without a calendar, returns those of all. Makes one request more than there are calendars.
        To select events by time, makes one more request to load the account's time zone if a bound
        has no zone or an event lasts all day, unless the connection has a `timezone`.

        Args:
            calendar: The calendar or its id.
            since: Return only events that last beyond this time, or start at it or later. A date
                means midnight at its start; without a zone, the time is in the account's zone.
            until: Return only events that start before this time.
            using: Connection to use instead of the current one or the calendar's.
            fresh: Bypass the cache.

        Raises:
            ValidationError: `calendar` is neither a calendar nor an id; or a bound is neither a
                time nor a date, `until` is before `since`, or only one of them has a zone. No
                request was made.
            NotFound: There is no such calendar.

        >>> len(CalendarEvent.all()) == sum(len(calendar.events) for calendar in Calendar.all())
        True
        >>> from datetime import date
        >>> [event.title for event in CalendarEvent.all(until=date(2026, 4, 30))]
        ["Yuki's birthday", 'Rehearsal 1']
        """
        window = TimeWindow.of("CalendarEvent.all", since=since, until=until)
        if calendar is None:
            found = cls._in(*Calendar.all(using=using, fresh=fresh), fresh=fresh)
        else:
            place = Calendar._resolve("CalendarEvent: calendar", calendar, using)
            found = cls._in(place, fresh=fresh)
        return found.where(lambda event: event._is_in(window)) if window else found

    @classmethod
    def _found_by(
        cls, conditions: Conditions, *, using: Connection, fresh: bool, **scope: Any
    ) -> Collection[Self]:
        TimeWindow.of("CalendarEvent.all", since=scope.get("since"), until=scope.get("until"))
        if scope.get("calendar") is not None:
            return super()._found_by(conditions, using=using, fresh=fresh, **scope)
        places = partial(Calendar.all, using=using, fresh=fresh)
        every = partial(cls.all, using=using, fresh=fresh, **scope)
        return Search(
            cls,
            conditions,
            in_order=lambda: (event for each in places() for event in every(calendar=each)),
            at_once=every,
        )

    def _clock_time(self, name: str, moment: datetime) -> datetime:
        if self.all_day and name in ("occurs_at", "occurs_until"):
            return moment  # dates, which are the same in every zone
        return super()._clock_time(name, moment)

    def _is_in(self, window: TimeWindow) -> bool:
        """Return whether any part of the event lies in a time window."""
        start, end, connection = self.occurs_at, self.occurs_until, self.connection
        if start is None:
            return False
        if self.all_day:  # such an event has dates, which are the same in every zone
            start, end = start.replace(tzinfo=None), end.replace(tzinfo=None) if end else start
            end += timedelta(days=1)
        if window.ends_before(start, connection):
            return False
        if not window.starts_after(start, connection):
            return True
        return end is not None and window.starts_before(end, connection)
