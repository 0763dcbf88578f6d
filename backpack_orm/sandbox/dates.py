"""Parses dates and times that users type: `tomorrow 9am`, `+30`, `9/27`."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from dateutil.parser import isoparser, parserinfo
from dateutil.relativedelta import relativedelta, weekday

NO_DATE = timedelta(hours=3)
MORNING = (9, 0)

_FIRST = datetime(1, 1, 3, tzinfo=UTC)
_LAST = datetime(9999, 12, 29, tzinfo=UTC)

_NAMES = parserinfo()

_CLOCK = (
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s?(?P<half>am|pm)"
    r"|(?P<hour24>\d{1,2}):(?P<minute24>\d\d))"
)
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

_MOMENT = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"[ T](?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:\.\d+)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
)

Match = re.Match[str]


def read_moment(text: str, zone: tzinfo) -> datetime:
    """Parse a time such as `2031-01-02 9:05:00`; raise ValueError if it is malformed.

    Hours need no leading zero, and hour 24 is the next midnight. `zone` applies to times without
    an offset.
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a date and time")
    try:
        day = date(int(match["year"]), int(match["month"]), int(match["day"]))
        moment = _at(day, int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
        own = isoparser().parse_tzstr(match["zone"]) if match["zone"] else zone
        return check_moment(moment.replace(tzinfo=own).astimezone(UTC))
    except OverflowError:
        raise ValueError(f"{text!r} is outside of the calendar") from None


def check_moment(moment: datetime) -> datetime:
    """Return a time; raise ValueError if it cannot be displayed in every time zone.

    Zones differ by up to a day, and an all-day event ends on the following day in a feed.
    """
    if not _FIRST <= moment <= _LAST:
        raise ValueError(f"{moment.isoformat()} is too close to the end of the calendar")
    return moment


def read_start(text: str, now: datetime) -> tuple[datetime, str] | None:
    """Return the date at the start of a text and the rest of it; None without a date.

    `now` is in the zone of the user.
    """
    found = _read(text, now, now)
    return found and (found[0], found[2])


class Start(NamedTuple):
    """Start and title of an event."""

    at: datetime
    all_day: bool
    rest: str


def read_event_start(text: str, now: datetime) -> Start | None:
    """Like `read_start`, but a date without a time of day is the whole day, which may be today.

    A day starts at midnight in UTC, so that it is the same for all users.
    """
    found = _read(text, now, now.replace(hour=0, minute=0, second=0, microsecond=0))
    if found is None:
        return None
    moment, timed, rest = found
    if timed:
        return Start(moment, False, rest)
    day = moment.astimezone(now.tzinfo).date()
    return Start(datetime.combine(day, time(), UTC), True, rest)


def _read(text: str, now: datetime, today: datetime) -> tuple[datetime, bool, str] | None:
    """Return the date at the start of a text, whether it includes a time, and the rest.

    A date without a time is the next one that is not before `today`.
    """
    for pattern, moment_of in _GRAMMAR:
        match = pattern.match(text)
        if match is None:
            continue
        timed = _names_a_time(match)
        try:
            moment = check_moment(moment_of(match, now if timed else today).astimezone(UTC))
        except (ValueError, OverflowError):  # not a valid date: 2/30, 25:00
            continue
        return moment, timed, text[match.end() :].lstrip()
    return None


def _names_a_time(match: Match) -> bool:
    groups = match.groupdict()
    return "half" not in groups or bool(groups["half"] or groups["hour24"])


def _minutes_from_now(match: Match, now: datetime) -> datetime:
    wait = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"]))
    return now.astimezone(UTC) + wait  # in UTC: clocks may change in between


def _now(match: Match, now: datetime) -> datetime:
    return now


def _time_of_day(match: Match, now: datetime) -> datetime:
    today = _on(now.date(), match, now)
    return today if today >= now else _on(now.date() + timedelta(days=1), match, now)


def _today(match: Match, now: datetime) -> datetime:
    return _on(now.date(), match, now)


def _tomorrow(match: Match, now: datetime) -> datetime:
    return _on(now.date() + timedelta(days=1), match, now)


def _weekday(match: Match, now: datetime) -> datetime:
    wanted = weekday(_WEEKDAYS.index(match["weekday"].lower()))
    if not match["next"]:
        soonest = _on(now.date() + relativedelta(weekday=wanted), match, now)
        if soonest >= now:
            return soonest
    return _on(now.date() + relativedelta(days=1, weekday=wanted), match, now)


def _month_and_day(match: Match, now: datetime) -> datetime:
    month = _NAMES.month(match["name"]) if match["name"] else int(match["month"])
    if month is None:
        raise ValueError(f"{match['name']!r} is not a month")
    day = int(match["day"])
    if match["year"]:
        return _on(date(int(match["year"]), month, day), match, now)
    # The next 29 February is at most eight years away.
    for year in range(now.year, now.year + 9):
        if day <= (date(year, month, 1) + relativedelta(day=31)).day:
            moment = _on(date(year, month, day), match, now)
            if moment >= now:
                return moment
    raise ValueError(f"month {month} has no day {day}")


def _on(day: date, match: Match, now: datetime) -> datetime:
    """Return a day at the time that was typed, or at 9:00 without one."""
    return _at(day, *_hour_and_minute(match)).replace(tzinfo=now.tzinfo)


def _hour_and_minute(match: Match) -> tuple[int, int]:
    if match["half"]:
        hour = int(match["hour"])
        if not 1 <= hour <= 12:
            raise ValueError(f"there is no {hour} {match['half']}")
        afternoon = 12 if match["half"].lower() == "pm" else 0
        return hour % 12 + afternoon, int(match["minute"] or 0)
    if match["hour24"]:
        return int(match["hour24"]), int(match["minute24"])
    return MORNING


def _at(day: date, hour: int, minute: int, second: int = 0) -> datetime:
    if hour > 24 or minute > 59 or second > 59:
        raise ValueError(f"there is no {hour}:{minute:02}:{second:02}")
    return datetime.combine(day, time()) + timedelta(hours=hour, minutes=minute, seconds=second)


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{expression}(?=\s|$)", re.IGNORECASE)


_GRAMMAR: list[tuple[re.Pattern[str], Callable[[Match, datetime], datetime]]] = [
    (_pattern(r"\+(?:(?P<hours>\d{1,6}):)?(?P<minutes>\d{1,6})"), _minutes_from_now),
    (_pattern("now"), _now),
    (_pattern(_CLOCK), _time_of_day),
    (_pattern(rf"today(?:\s+{_CLOCK})?"), _today),
    (_pattern(rf"tomorrow(?:\s+{_CLOCK})?"), _tomorrow),
    (_pattern(rf"(?P<next>next\s+)?(?P<weekday>{'|'.join(_WEEKDAYS)})(?:\s+{_CLOCK})?"), _weekday),
    (
        _pattern(
            rf"(?:(?P<name>[a-z]+)\.?\s+|(?P<month>\d{{1,2}})/)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
            rf"(?:(?:,\s*|\s+|/)(?P<year>20\d\d))?(?:\s+{_CLOCK})?"
        ),
        _month_and_day,
    ),
]
