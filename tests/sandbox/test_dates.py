"""Dates in natural language, on Wednesday, 5 March 2031, 10:30:15 in Los Angeles."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from backpack_orm.sandbox.dates import read_moment, read_start
from backpack_orm.sandbox.zones import RAILS_ZONES, zone

HERE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2031, 3, 5, 10, 30, 15, tzinfo=HERE)


def local(text: str, now: datetime = NOW) -> tuple[str, str]:
    """Return the time as a text in local time, and the remaining text."""
    start = read_start(text, now)
    assert start is not None
    time, rest = start
    return f"{time.astimezone(HERE):%Y-%m-%d %H:%M:%S}", rest


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("+30", "2031-03-05 11:00:15"),
        ("+1:30", "2031-03-05 12:00:15"),
        ("+0", "2031-03-05 10:30:15"),
        ("now", "2031-03-05 10:30:15"),
        ("NOW", "2031-03-05 10:30:15"),
        ("7:30pm", "2031-03-05 19:30:00"),
        ("7pm", "2031-03-05 19:00:00"),
        ("7 pm", "2031-03-05 19:00:00"),
        ("9am", "2031-03-06 09:00:00"),
        ("10:30am", "2031-03-06 10:30:00"),
        ("10:31AM", "2031-03-05 10:31:00"),
        ("12am", "2031-03-06 00:00:00"),
        ("12:15pm", "2031-03-05 12:15:00"),
        ("14:00", "2031-03-05 14:00:00"),
        ("0:30", "2031-03-06 00:30:00"),
        ("24:00", "2031-03-06 00:00:00"),
        ("today 5pm", "2031-03-05 17:00:00"),
        ("today 9am", "2031-03-05 09:00:00"),
        ("tomorrow 9am", "2031-03-06 09:00:00"),
        ("tomorrow 14:00", "2031-03-06 14:00:00"),
        ("Tomorrow", "2031-03-06 09:00:00"),
        ("next Monday 9am", "2031-03-10 09:00:00"),
        ("next Wednesday 9am", "2031-03-12 09:00:00"),
        ("Wednesday 11am", "2031-03-05 11:00:00"),
        ("Wednesday 9am", "2031-03-12 09:00:00"),
        ("sunday", "2031-03-09 09:00:00"),
        ("January 7", "2032-01-07 09:00:00"),
        ("Jan 7 3pm", "2032-01-07 15:00:00"),
        ("Sept. 2nd", "2031-09-02 09:00:00"),
        ("March 5 11:00", "2031-03-05 11:00:00"),
        ("March 5", "2032-03-05 09:00:00"),
        ("February 29", "2032-02-29 09:00:00"),
        ("December 24, 2033 18:00", "2033-12-24 18:00:00"),
        ("January 7 2020", "2020-01-07 09:00:00"),
        ("9/27", "2031-09-27 09:00:00"),
        ("1/2 8:15am", "2032-01-02 08:15:00"),
        ("9/27/2035", "2035-09-27 09:00:00"),
    ],
)
def test_a_date_at_the_start_is_parsed_and_removed(phrase: str, expected: str) -> None:
    assert local(f"{phrase} Call  Ana ") == (expected, "Call  Ana ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Call Ana tomorrow",
        "tomorrows are free",
        "nowhere",
        "3 apples",
        "+ 30",
        "13pm",
        "0am",
        "25:00 too late",
        "10:75 no such minute",
        "2/30 never",
        "13/1 no such month",
        "1/0 no such day",
        "February 30 never",
        "bought 3 apples",
        "next year",
        "March forward",
        "-30 text",
    ],
)
def test_other_texts_are_not_dates(text: str) -> None:
    assert read_start(text, NOW) is None


def test_a_text_can_be_a_date_only() -> None:
    assert local("tomorrow 9am") == ("2031-03-06 09:00:00", "")


def test_29_february_is_found_over_the_skipped_leap_year() -> None:
    now = datetime(2097, 1, 1, tzinfo=HERE)
    assert local("2/29", now)[0] == "2104-02-29 09:00:00"


def test_minutes_are_counted_across_a_daylight_saving_change() -> None:
    before = datetime(2031, 3, 9, 1, 45, tzinfo=HERE)
    assert local("+30", before)[0] == "2031-03-09 03:15:00"


def test_a_time_is_parsed_in_the_given_zone() -> None:
    expected = read_moment(" 2031-07-01 9:05:07 ", HERE)
    assert expected == datetime(2031, 7, 1, 16, 5, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2031-07-01T09:05:00Z", "2031-07-01 11:05:00+0200", "2031-07-01T04:05:00.5-05:00"]
)
def test_a_time_can_include_its_own_zone(text: str) -> None:
    assert read_moment(text, HERE) == datetime(2031, 7, 1, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2031-02-30 9:00", "9999-12-31 23:00", "0000-01-01 0:00"]
)
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_moment(text, HERE)


@pytest.mark.parametrize("name", sorted(RAILS_ZONES))
def test_every_rails_zone_is_known_here(name: str) -> None:
    assert zone(name).key == RAILS_ZONES[name]


def test_a_zone_can_have_its_iana_name() -> None:
    assert zone("Europe/Lisbon").key == "Europe/Lisbon"


@pytest.mark.parametrize("name", ["Atlantis", "", "../etc", "Europe"])
def test_an_unknown_zone_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        zone(name)
