"""Times in arguments, and the bounds of today."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backpack_orm.cli.state import State
    from backpack_orm.connection import Connection

TIME = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"])
"""A time in the account's zone; a date is the midnight that it starts with."""


def spoken(moment: datetime | None) -> str:
    """Return a time as people say it.

    >>> spoken(datetime(2031, 5, 1, 9, 0))
    'Thursday, May 1, 2031, at 09:00'
    """
    if moment is None:
        return "an unknown time"
    return f"{moment:%A, %B} {moment.day}, {moment:%Y, at %H:%M}"


def today(state: State, connection: Connection) -> tuple[date, datetime, datetime]:
    """Return the date in the account's zone, and the midnights around it.

    Makes one request, for the zone, unless the profile has a `timezone`.
    """
    zone = connection.zone
    day = state.now().astimezone(zone).date()
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    return day, start, datetime(following.year, following.month, following.day, tzinfo=zone)


def local(moment: datetime | None, connection: Connection) -> datetime | None:
    """Return a time in the account's zone; a naive one is in it already."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(connection.zone)
