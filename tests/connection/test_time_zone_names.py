"""The names of time zones: those of Rails, twice read, and the world's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from backpack_orm import ValidationError
from backpack_orm.connection.time_zones import rails_zones, zone_named
from backpack_orm.sandbox.zones import RAILS_ZONES

INSTANTS = [
    datetime(year, month, 15, 12, tzinfo=UTC) for year in (2006, 2011, 2026) for month in (1, 7, 10)
]


def offsets(zone: ZoneInfo) -> list[object]:
    return [instant.astimezone(zone).utcoffset() for instant in INSTANTS]


def test_the_client_and_the_sandbox_know_the_same_names() -> None:
    assert set(rails_zones()) == set(RAILS_ZONES)


@pytest.mark.parametrize("name", rails_zones())
def test_both_take_a_name_for_the_same_zone(name: str) -> None:
    assert offsets(ZoneInfo(rails_zones()[name])) == offsets(ZoneInfo(RAILS_ZONES[name]))


def test_every_name_leads_to_a_zone_that_exists() -> None:
    assert set(rails_zones().values()) <= available_timezones()


@pytest.mark.parametrize("name", rails_zones())
def test_every_name_is_read(name: str) -> None:
    assert zone_named(name).key == rails_zones()[name]


@pytest.mark.parametrize(
    ("name", "january", "july"),
    [
        ("Pacific Time (US & Canada)", -8, -7),
        ("Arizona", -7, -7),
        ("Newfoundland", -3.5, -2.5),
        ("International Date Line West", -12, -12),
        ("UTC", 0, 0),
        ("London", 0, 1),
        ("Lisbon", 0, 1),
        ("Brisbane", 10, 10),
        ("Sydney", 11, 10),
        ("Kathmandu", 5.75, 5.75),
        ("Mumbai", 5.5, 5.5),
        ("Tokyo", 9, 9),
    ],
)
def test_a_name_means_the_place_that_it_names(name: str, january: float, july: float) -> None:
    zone = zone_named(name)
    offsets = [datetime(2026, month, 15, tzinfo=zone).utcoffset() for month in (1, 7)]
    assert offsets == [timedelta(hours=january), timedelta(hours=july)]


def test_names_of_earlier_years_are_known() -> None:
    assert zone_named("Kyev") == zone_named("Kyiv")
    assert zone_named("Ulaan Bataar") == zone_named("Ulaanbaatar")


@pytest.mark.parametrize("name", ["Europe/Lisbon", "America/Argentina/Buenos_Aires", "Etc/UTC"])
def test_an_iana_name_is_unchanged(name: str) -> None:
    assert zone_named(name).key == name


@pytest.mark.parametrize(
    "name",
    ["", "Lisboa", "lisbon", "../etc/passwd", "/etc/passwd", "Europe", "Europe/", "a\x00b"],
)
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="does not exist: give an IANA name"):
        zone_named(name)


def test_a_refusal_names_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"did you mean 'Pacific Time \(US & Canada\)'"):
        zone_named("Pacific Time (US and Canada)")
    with pytest.raises(ValidationError, match="'Pacific Time' does not exist"):
        zone_named("Pacific Time")


def test_a_name_that_is_near_to_none_gets_no_hint() -> None:
    with pytest.raises(ValidationError) as caught:
        zone_named("xyzzy")
    assert "did you mean" not in str(caught.value)
