"""Time zones by the names that Rails has for them, and by IANA's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import TYPE_CHECKING

from backpack_orm.errors import ValidationError, did_you_mean, redacted

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

ACCOUNT = "account"
"""Stands for the time zone in the settings of the user on the service."""


def clock_time(moment: datetime, zone: tzinfo) -> datetime:
    """Return the time that a clock in a zone shows at a moment, without the zone.

    Raises:
        ValueError: The clock shows that time twice, because it is set back then. Or the time is out
            of range.

    >>> clock_time(datetime(2031, 6, 1, 7, tzinfo=UTC), zone_named("Europe/Lisbon"))
    datetime.datetime(2031, 6, 1, 8, 0)
    """
    try:
        shown = moment.astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise ValueError("the time is out of range in the time zone of the account") from None
    if shown.replace(fold=1 - shown.fold).utcoffset() != shown.utcoffset():
        raise ValueError(
            f"a clock in {zone} shows {shown:%H:%M} twice on this day, because it is set back, and "
            "the service stores only what the clock shows: choose a time outside of this hour, or "
            "pass the time without its zone"
        )
    return shown.replace(tzinfo=None, fold=0)


@cache
def rails_zones() -> dict[str, str]:
    """Return IANA names by Rails names, those of earlier years included.

    >>> rails_zones()["Pacific Time (US & Canada)"]
    'America/Los_Angeles'
    """
    import pkgutil  # most programs never need it

    names: dict[str, str] = json.loads(pkgutil.get_data(__package__, "rails_time_zones.json") or "")
    return names


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone with a Rails name or an IANA name.

    Raises:
        ValidationError: There is none; the message suggests similar names.

    >>> zone_named("Pacific Time (US & Canada)")
    zoneinfo.ZoneInfo(key='America/Los_Angeles')
    >>> zone_named("Europe/Lisbon")
    zoneinfo.ZoneInfo(key='Europe/Lisbon')
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most programs never need it

    names = rails_zones()
    try:
        return ZoneInfo(names.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValidationError(
        f"timezone {redacted(name)} does not exist: give an IANA name such as Europe/Lisbon, "
        f"or one from Backpack's settings{did_you_mean(name, names, most=2)}"
    )
