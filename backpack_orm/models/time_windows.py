"""Time windows: the bounds that some calls accept, and which times lie between them."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from typing import Self, TypeAlias

from attrs import frozen

from backpack_orm.connection import Connection
from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.wire import values

When: TypeAlias = datetime | date


@frozen
class TimeWindow:
    """The time from one moment up to another, which is not included.

    A bound without a zone is a time in the account's zone.

    Attributes:
        since: The first moment; None: there is no first one.
        until: The first moment after the window; None: the window has no end.
    """

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, what: str, *, since: When | None = None, until: When | None = None) -> Self:
        """Return the window between two bounds. A date is the midnight that it starts with.

        Args:
            what: The call, for messages.
            since: The first moment.
            until: The first moment after the window.

        Raises:
            ValidationError: A bound is neither a time nor a date, the end is before the start, or
                only one of the bounds has a zone.

        >>> TimeWindow.of("JournalEntry.all", since=date(2031, 5, 1)).since
        datetime.datetime(2031, 5, 1, 0, 0)
        """
        window = cls(bound(what, "since", since), bound(what, "until", until))
        if window.since is None or window.until is None:
            return window
        if (window.since.tzinfo is None) != (window.until.tzinfo is None):
            raise ValidationError(
                f"{what}: give since= and until= both with a time zone, or both without one"
            )
        if _exact(window.until) < _exact(window.since):
            raise ValidationError(
                f"{what}: until={short_repr(until)} is before since={short_repr(since)}"
            )
        return window

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def ends_before(self, moment: datetime, connection: Connection) -> bool:
        """Return whether the window has ended by a moment. See `is_earlier` for requests."""
        return self.until is not None and not is_earlier(moment, self.until, connection)

    def starts_after(self, moment: datetime, connection: Connection) -> bool:
        """Return whether the window starts after a moment. See `is_earlier` for requests."""
        return self.since is not None and is_earlier(moment, self.since, connection)

    def starts_before(self, moment: datetime, connection: Connection) -> bool:
        """Return whether the window starts before a moment. See `is_earlier` for requests."""
        return self.since is None or is_earlier(self.since, moment, connection)

    def contains(self, moment: datetime, connection: Connection) -> bool:
        """Return whether a moment lies in the window. See `is_earlier` for requests."""
        return not (self.starts_after(moment, connection) or self.ends_before(moment, connection))


def is_earlier(one: datetime, other: datetime, connection: Connection) -> bool:
    """Return whether a time is earlier than another one.

    A time without a zone is a time in the account's zone. Makes no request, but one if only one of
    the times has a zone and the account's zone is not loaded yet.

    >>> is_earlier(datetime(2031, 5, 1), datetime(2031, 5, 2), Page.all()[0].connection)
    True
    """
    if (one.tzinfo is None) != (other.tzinfo is None):
        one, other = (
            each.replace(tzinfo=connection.zone) if each.tzinfo is None else each
            for each in (one, other)
        )
    return _exact(one) < _exact(other)


def _exact(moment: datetime) -> datetime:
    """Return a time that compares by its offset: times of one zone compare by their clocks."""
    offset = moment.utcoffset()
    return moment if offset is None else moment.replace(tzinfo=timezone(offset), fold=0)


def bound(what: str, name: str, value: object) -> datetime | None:
    """Return a bound of a window as a time. A date is the midnight that it starts with.

    Raises:
        ValidationError: The value is neither a time nor a date.

    >>> bound("Reminder.all", "due_before", date(2031, 5, 1))
    datetime.datetime(2031, 5, 1, 0, 0)
    """
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    try:
        return values.plain_time(value)
    except ValueError:
        raise ValidationError(
            f"{what}: {name} takes a datetime or a date, not {short_repr(value)}"
        ) from None
