"""Time zones by the names that Rails has for them, and by IANA's."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from backpack_orm.errors import ValidationError, did_you_mean, redacted

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

ACCOUNT = "account"
"""Stands for the time zone in the settings of the user on the service."""


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
