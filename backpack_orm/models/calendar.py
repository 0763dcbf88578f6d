"""Calendars: named sets of events, which calendar programs can subscribe to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backpack_orm.orm.declarations import HasMany, field
from backpack_orm.orm.records.finding import Findable
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import rest

if TYPE_CHECKING:
    from backpack_orm.models.calendar_event import CalendarEvent


@resource
class Calendar(Findable):
    """A calendar. The API can neither create nor update one, only its events.

    Attributes:
        id: Number of the record.
        name: Name.
        color: Color, as six hexadecimal digits.
        account_id: Id of the account.
        created_at: Time of creation.
        updated_at: Time of the last change.
        token: Secret in the address of the feed. Whoever has it can read the calendar.
        ical_subscription_url: Address of the external feed that it mirrors; None for an ordinary
            calendar.
        events: Events. Loading them makes one request.

    >>> home = Calendar.all()[0]
    >>> event = home.events.create(title="tomorrow 2pm Tea with Rui")
    >>> event.title, event.occurs_at.hour
    ('Tea with Rui', 21)
    >>> event.destroy()["title"]
    'Tea with Rui'
    """

    _element = "calendar"
    _container = "calendars"
    _times_have_zone = True

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
        """The address of its feed for calendar programs. It contains the secret token.

        Makes no request.

        >>> Calendar.all()[0].ics_url.startswith("webcal://")
        True
        """
        return f"webcal://{urlsplit(self.connection.url).netloc}/{self.token}.ics"
