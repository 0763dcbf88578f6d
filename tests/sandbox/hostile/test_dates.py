"""Dates at the limits of the calendar: refused in requests, and harmless in stored data."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox, models
from backpack_orm.sandbox.models import CalendarEvent, Reminder, User
from tests.sandbox.conftest import Client

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(microsecond=0, tzinfo=UTC)


def reminder(at: str, extra: str = "") -> str:
    return f"<reminder><content>Call</content><remind_at>{at}</remind_at>{extra}</reminder>"


@pytest.mark.parametrize("at", ["9999-12-31 23:59:59", "9999-12-30 00:00:00"])
def test_a_reminder_out_of_range_in_some_zone_is_refused(
    box: Sandbox, api: Client, as_user: Callable[..., Client], at: str
) -> None:
    sam = as_user(box.add_user("Sam", time_zone="Tokyo"))
    extra = "<remindees type='array'><user_id>40000002</user_id></remindees>"
    assert api.rest("POST", "/reminders.xml", reminder(at, extra)).status_code == 500
    assert "<reminders></reminders>" in sam.rest("GET", "/reminders.xml").text


def test_the_last_reminder_is_shown_in_all_zones(
    box: Sandbox, api: Client, as_user: Callable[..., Client]
) -> None:
    sam = as_user(box.add_user("Sam", time_zone="Tokyo"))
    extra = "<remindees type='array'><user_id>40000002</user_id></remindees>"
    response = api.rest("POST", "/reminders.xml", reminder("9999-12-28 23:00:00", extra))
    assert response.status_code == 201
    assert "9999-12-29 08:00:00" in sam.rest("GET", "/reminders.xml").text


@pytest.mark.parametrize("until", ["9999-12-31 00:00:00", "0001-01-01 00:00:00"])
def test_an_event_out_of_range_in_some_zone_is_refused(
    box: Sandbox, api: Client, until: str
) -> None:
    calendar = box.add_calendar("Home")
    event = (
        f"<request><event><calendar-id>{calendar}</calendar-id><title>tomorrow Call</title>"
        f"<occurs-until>{until}</occurs-until></event></request>"
    )
    assert api.rest("POST", "/calendar_events.xml", event).status_code == 500


def test_an_event_cannot_be_moved_beyond_the_calendar(box: Sandbox, api: Client) -> None:
    calendar = box.add_calendar("Home")
    body = "<request><event><title>{}</title>{}</event></request>"
    last = "<occurs-until>9999-12-28 00:00:00</occurs-until>"
    created = api.rest(
        "POST",
        "/calendar_events.xml",
        body.format("tomorrow Call", f"<calendar-id>{calendar}</calendar-id>{last}"),
    )
    path = created.headers["Location"].removeprefix(box.url)
    assert api.rest("PUT", path, body.format("3/1/2099 Call", "")).status_code == 422


class TestStored:
    """Dates that an older version has stored."""

    @pytest.fixture(autouse=True)
    def stored(self, box: Sandbox, api: Client) -> None:
        api.rest("POST", "/reminders.xml", reminder("2040-01-01 09:00:00"))
        calendar = box.add_calendar("Home")
        with box._database.transaction() as session:
            owner = session.query(User).one()
            owner.time_zone = "Tokyo"
            account = owner.account
            times: dict[str, Any] = {"created_at": LAST - timedelta(days=9000), "updated_at": LAST}
            session.add(
                account.new(
                    Reminder, creator=owner, content="Never", remind_at=LAST, remindees=[owner]
                )
            )
            for title, until in (("Good", None), ("Bad", LAST)):
                session.add(
                    account.new(
                        CalendarEvent,
                        calendar_key=next(
                            one.key for one in session.query(models.Calendar) if one.id == calendar
                        ),
                        title=title,
                        occurs_at=datetime(2031, 3, 6, tzinfo=UTC),
                        occurs_until=until,
                        all_day=True,
                        **times,
                    )
                )

    @pytest.mark.parametrize(
        ("verb", "path"),
        [
            ("GET", "/reminders.xml"),
            ("POST", "/ws/reminders"),
            ("GET", "/users/40000001/export.xml"),
            ("POST", "/ws/account/export"),
        ],
    )
    def test_one_invalid_reminder_does_not_hide_the_others(
        self, api: Client, verb: str, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR, "backpack_orm.sandbox"):
            response = api.rest(verb, path)
        assert response.status_code == 200
        assert "Call" in response.text
        assert "Never" not in response.text
        assert "omitted from a response: Reminder 4000000" in caplog.text

    def test_one_invalid_event_does_not_break_the_feed(
        self, api: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        token = api.rest("GET", "/calendars.xml").text.partition("<token>")[2].partition("<")[0]
        feed = api.rest("GET", f"/{token}.ics")
        assert feed.status_code == 200
        assert "SUMMARY:Good" in feed.text
        assert "SUMMARY:Bad" not in feed.text
        assert "omitted from a response: CalendarEvent" in caplog.text


def test_year_1_has_four_digits(box: Sandbox, api: Client, page: str) -> None:
    api.ws(f"{page}/notes/create", "<note><body>Old</body></note>")
    with box._database.transaction() as session:
        session.query(models.Note).one().created_at = FIRST
    assert 'created_at="0001-01-01 00:00:00"' in api.ws(f"{page}/notes/list")
