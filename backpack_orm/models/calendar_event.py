"""Calendar events: what happens when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from backpack_orm.connection import Connection, connection_for
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.model import Readable
from backpack_orm.orm.registry import registry
from backpack_orm.orm.relations import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.wire import values
from backpack_orm.wire.endpoint import rest
from backpack_orm.wire.parse import Record

if TYPE_CHECKING:
    from backpack_orm.models.calendar import Calendar
    from backpack_orm.orm.declarations import BelongsTo


@resource
class CalendarEvent(Readable, Savable, Destroyable):
    """Something that happens at a time.

    When it happens is told by words at the head of its title, such as `tomorrow 2pm` or `9/27`;
    the service takes them out. A new title needs such words too, and moves the event.

    Attributes:
        id: Its number.
        title: What happens.
        remind: Whether to be reminded of it.
        occurs_at: When it begins.
        occurs_until: When it ends; None where that is not said.
        all_day: Whether it lasts all day.
        message: What else is said about it.
        reminded_at: When somebody was reminded of it.
        created_at: When it was made.
        updated_at: When it was last changed.
        calendar: The calendar it is in.
        calendar_id: That calendar's id.

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

    _element = "calendar_event"
    _container = "calendar_events"
    _rewritten = (
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
        """Those of a calendar; one request. Without a calendar, those of all: one request more
        than there are calendars.

        Raises:
            ValidationError: `calendar` is neither a calendar nor an id.
            NotFound: There is no such calendar.

        >>> len(CalendarEvent.all()) == sum(len(calendar.events) for calendar in Calendar.all())
        True
        """
        places = _calendars(cls, calendar, using, fresh)
        return Collection(
            cls,
            [
                event
                for place in places
                for event in cls._full.load[cls](cls._records_of(place, fresh=fresh), place)
            ],
        )

    @classmethod
    def find(cls, id: Self | int, *, using: Connection | None = None, fresh: bool = False) -> Self:
        """The event with an id; one request.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> event = CalendarEvent.all()[0]
        >>> CalendarEvent.find(event.id) == event
        True
        """
        wanted, connection = cls._resolve_id(id, using)
        record = connection.call(cls._show, (wanted,), read=cls._full.read_one, fresh=fresh)
        found: Self = cls._full.load_one[cls](record, connection)
        return found

    @classmethod
    def find_by(
        cls,
        *,
        calendar: Calendar | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Self | None:
        """The first one with these attributes, or None; requests as for `all`.

        >>> CalendarEvent.find_by(title="no such event") is None
        True
        """
        return cls.where(calendar=calendar, using=using, **attributes).first()

    @classmethod
    def where(
        cls,
        *,
        calendar: Calendar | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Collection[Self]:
        """Those with these attributes; requests as for `all`.

        >>> all(event.all_day for event in CalendarEvent.where(all_day=True))
        True
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(calendar=calendar, using=using).where(**attributes)

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self.connection.call(
            self._show, self._path_ids(), read=self._full.read_one, fresh=fresh
        )

    @classmethod
    def _records_of(cls, calendar: Calendar, *, fresh: bool) -> tuple[Record, ...]:
        return calendar.connection.call(
            cls._all, calendar._path_ids(), read=cls._full.read_many, fresh=fresh
        )


def _calendars(
    cls: type[CalendarEvent],
    calendar: Calendar | int | None,
    using: Connection | None,
    fresh: bool,
) -> Sequence[Calendar]:
    """The calendar that an argument names, else all, with a connection."""
    kind: type[Calendar] = registry["Calendar"]  # type: ignore[assignment]  # it knows its events
    if calendar is None:
        return kind.all(using=using, fresh=fresh)
    if not isinstance(calendar, kind):
        id = kind._check_id("CalendarEvent: calendar", calendar)
        return [kind._stub(id, connection_for(using))]
    if using is not None:
        calendar._attach(using)
    return [calendar]
