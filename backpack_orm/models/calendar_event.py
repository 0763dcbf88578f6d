"""Events of calendars."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection
from backpack_orm.models.calendar import Calendar
from backpack_orm.orm.collections import Collection
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.finding import Findable
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.endpoint import rest

if TYPE_CHECKING:
    from backpack_orm.orm.declarations import BelongsTo


@resource
class CalendarEvent(Findable, Savable, Destroyable):
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
    >>> event.destroy()
    """

    _scopes = ("calendar",)
    _element = "calendar_event"
    _container = "calendar_events"
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

    _all = rest("GET", "calendars/{calendar_id}/calendar_events.xml", reads="events")
    _show = rest("GET", "calendar_events/{id}.xml", reads="events")
    _create = rest(
        "POST",
        "calendar_events.xml",
        sends="event/calendar-id event/title event/remind",
        writes="events",
    )
    _update_row = rest(
        "PUT", "calendar_events/{id}.xml", sends="event/title event/remind", writes="events"
    )
    _destroy = rest("DELETE", "calendar_events/{id}.xml", writes="events")
    _updates = (_update_row,)

    @classmethod
    def all(
        cls,
        *,
        calendar: Calendar | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """Return the events of a calendar. Makes one request.

        Without a calendar, returns those of all. Makes one request more than there are calendars.

        Raises:
            ValidationError: `calendar` is neither a calendar nor an id.
            NotFound: There is no such calendar.

        >>> len(CalendarEvent.all()) == sum(len(calendar.events) for calendar in Calendar.all())
        True
        """
        if calendar is None:
            return cls._in(*Calendar.all(using=using, fresh=fresh), fresh=fresh)
        place = Calendar._resolve("CalendarEvent: calendar", calendar, using)
        return cls._in(place, fresh=fresh)
