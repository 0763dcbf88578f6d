"""Calendars: named sets of events, which calendar programs can subscribe to."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.orm.declarations import field
from backpack_orm.orm.finding import InAccount
from backpack_orm.orm.relations import HasMany
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import rest


@resource
class Calendar(InAccount):
    """A calendar. The API can neither make one nor change it, but all about its events.

    Attributes:
        id: Its number.
        name: Its name.
        color: The color it is shown in, as six hexadecimal digits.
        account_id: The account's number.
        created_at: When it was made.
        updated_at: When it was last changed.
        token: What its feed is addressed by. Whoever has it can read the calendar.
        ical_subscription_url: The address of the outside feed that it mirrors; None for an
            ordinary calendar.
        events: Its events; one request.

    >>> home = Calendar.all()[0]
    >>> event = home.events.create(title="tomorrow 2pm Tea with Rui")
    >>> event.title, event.occurs_at.hour
    ('Tea with Rui', 21)
    >>> event.destroy()
    """

    _element = "calendar"
    _container = "calendars"

    id: int = field(read_only=True)
    name: str = field(read_only=True)
    color: str = field(read_only=True)
    account_id: int | None = field(read_only=True)
    created_at: datetime | None = field(read_only=True)
    updated_at: datetime | None = field(read_only=True)
    token: str = field(read_only=True, shown=False)
    ical_subscription_url: str | None = field(read_only=True, shown=False)

    events = HasMany["CalendarEvent"]("")

    _all = rest("GET", "calendars.xml", reads="calendars")

    @property
    def ics_url(self) -> str:
        """The address of its feed for calendar programs. It contains the token, which is secret.

        Makes no request.

        >>> Calendar.all()[0].ics_url.startswith("webcal://")
        True
        """
        return f"webcal://{urlsplit(self.connection.url).netloc}/{self.token}.ics"

    def _load(self, name: str, *, fresh: bool = False) -> None:
        if name == "events":
            records = CalendarEvent._records_of(self, fresh=fresh)
            self._merge(self._record_with(events=records))
        else:
            super()._load(name, fresh=fresh)
