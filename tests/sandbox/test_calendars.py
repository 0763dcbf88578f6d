"""Calendars, events and feeds over HTTP, on Wednesday, 2031-03-05 18:30:15 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import requests

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import matched

from .conftest import NOW, Client

XML = '<?xml version="1.0" encoding="UTF-8"?>'
TIME = "2031-03-05T18:30:15Z"
EVENT = "/calendar_events/40000003.xml"


def event(title: str = "tomorrow 9am Dentist", more: str = "") -> str:
    return (
        "<request><event><calendar-id>40000002</calendar-id>"
        f"<title>{title}</title>{more}</event></request>"
    )


def change(fields: str) -> str:
    return f"<request><event>{fields}</event></request>"


def values(response: requests.Response, *names: Any) -> list[str]:
    return [matched(f"<{name}[^>]*>([^<]*)</{name}>", response.text) for name in names]


def when(response: requests.Response) -> Any:
    return values(response, "occurs-at", "all-day", "title")


@pytest.fixture
def calendar(box: Sandbox) -> int:
    """A calendar with the id 40000002."""
    return box.add_calendar("Home & away", color="c2452d")


@pytest.fixture
def made(api: Client, calendar: int) -> None:
    """An event with the id 40000003."""
    api.rest("POST", "/calendar_events.xml", event())


class TestCalendars:
    def test_a_calendar_is_listed_with_the_token_of_its_feed(
        self, api: Client, calendar: int
    ) -> None:
        response = api.rest("GET", "/calendars.xml").text
        token = matched("<token>([0-9a-f]{40})</token>", response)
        assert response == (
            f'{XML}\n<calendars><calendar><account-id type="integer">40000000</account-id>'
            f'<color>c2452d</color><created-at type="datetime">{TIME}</created-at>'
            "<ical-subscription-url></ical-subscription-url>"
            '<id type="integer">40000002</id><name>Home &amp; away</name>'
            f'<token>{token}</token><updated-at type="datetime">{TIME}</updated-at>'
            "</calendar></calendars>"
        )

    def test_without_calendars_the_list_is_empty(self, api: Client) -> None:
        assert api.rest("GET", "/calendars.xml").text == f"{XML}\n<calendars></calendars>"

    @pytest.mark.network
    def test_tokens_are_random(self, empty: Callable[..., Sandbox]) -> None:
        tokens = []
        for _ in range(2):
            with empty() as box:
                box.add_calendar("Home")
                client = Client(box.url, box.token)
                tokens += re.findall("<token>(.*?)<", client.rest("GET", "/calendars.xml").text)
                client.close()
        assert [len(token) for token in tokens] == [40, 40]
        assert len(set(tokens)) == 2

    def test_tokens_come_from_the_given_factory(self, as_user: Callable[..., Client]) -> None:
        with Sandbox(seed="demo", token_factory=map("{:040x}".format, count()).__next__) as box:
            response = as_user(box.token, box.url).rest("GET", "/calendars.xml").text
        assert re.findall("<token>(.*?)<", response) == ["0" * 40, "0" * 39 + "1"]

    def test_calendars_are_visible_to_all_users_of_the_account_only(
        self, box: Sandbox, calendar: int, as_user: Callable[..., Client]
    ) -> None:
        sam, other = as_user(box.add_user("Sam")), as_user(box.add_account("other"))
        assert "Home" in sam.rest("GET", "/calendars.xml").text
        assert "Home" not in other.rest("GET", "/calendars.xml").text
        events = "/calendars/40000002/calendar_events.xml"
        assert sam.rest("GET", events).status_code == 200
        assert other.rest("GET", events).status_code == 404

    def test_a_calendar_needs_an_account(self, box: Sandbox) -> None:
        with pytest.raises(ValueError, match="has no account 'nobody'"):
            box.add_calendar("Home", account="nobody")

    def test_a_color_with_a_hash_is_returned_without_it(self, box: Sandbox, api: Client) -> None:
        box.add_calendar("Home", color="#C2452d")
        assert "<color>C2452d</color>" in api.rest("GET", "/calendars.xml").text

    @pytest.mark.parametrize("color", ["red", "#3185c", "#3185c5ff", "##3185c5", ""])
    def test_a_color_is_written_in_hex(self, box: Sandbox, api: Client, color: str) -> None:
        with pytest.raises(ValueError, match="is not a color"):
            box.add_calendar("Home", color=color)
        assert "<calendar>" not in api.rest("GET", "/calendars.xml").text

    def test_a_name_that_xml_cannot_contain_is_refused(self, box: Sandbox, api: Client) -> None:
        with pytest.raises(ValueError, match="control characters"):
            box.add_calendar("Ho\0me")
        assert "<calendar>" not in api.rest("GET", "/calendars.xml").text

    def test_the_demonstration_has_two(self, demo: Client) -> None:
        response = demo.rest("GET", "/calendars.xml")
        ids = re.findall('<id type="integer">([0-9]+)<', response.text)
        counts = [
            demo.rest("GET", f"/calendars/{id}/calendar_events.xml").text.count("<calendar-event>")
            for id in ids
        ]
        assert counts == [5, 13]


class TestCreating:
    def test_creating_an_event_returns_only_its_absolute_location(
        self, api: Client, calendar: int
    ) -> None:
        response = api.rest("POST", "/calendar_events.xml", event())
        assert (response.status_code, response.content) == (201, b"")
        assert response.headers["Location"] == f"{api.url}{EVENT}"

    def test_it_is_shown_with_every_field_and_empty_ones_have_no_type(
        self, api: Client, made: None
    ) -> None:
        shown = (
            '<calendar-event><all-day type="boolean">false</all-day>'
            '<calendar-id type="integer">40000002</calendar-id>'
            f'<created-at type="datetime">{TIME}</created-at><id type="integer">40000003</id>'
            '<message></message><occurs-at type="datetime">2031-03-06T09:00:00Z</occurs-at>'
            '<occurs-until></occurs-until><remind type="boolean">false</remind>'
            f"<reminded-at></reminded-at><title>Dentist</title>"
            f'<updated-at type="datetime">{TIME}</updated-at></calendar-event>'
        )
        assert api.rest("GET", EVENT).text == f"{XML}\n{shown}"
        assert api.rest("GET", "/calendars/40000002/calendar_events.xml").text == (
            f"{XML}\n<calendar-events>{shown}</calendar-events>"
        )

    @pytest.mark.parametrize(
        ("title", "shown"),
        [
            ("tomorrow 9am Dentist", ["2031-03-06T09:00:00Z", "false", "Dentist"]),
            ("+1:30 Tea", ["2031-03-05T20:00:15Z", "false", "Tea"]),
            ("7:30pm Choir", ["2031-03-05T19:30:00Z", "false", "Choir"]),
            ("now Here", ["2031-03-05T18:30:15Z", "false", "Here"]),
            ("9/27 Harvest", ["2031-09-27T00:00:00Z", "true", "Harvest"]),
            ("January 7 Snow", ["2032-01-07T00:00:00Z", "true", "Snow"]),
            ("March 5 Today", ["2031-03-05T00:00:00Z", "true", "Today"]),
            ("March 4 Next year", ["2032-03-04T00:00:00Z", "true", "Next year"]),
            ("March 5 9am Next year", ["2032-03-05T09:00:00Z", "false", "Next year"]),
            ("Wednesday Today", ["2031-03-05T00:00:00Z", "true", "Today"]),
            ("next Wednesday A week on", ["2031-03-12T00:00:00Z", "true", "A week on"]),
            ("tomorrow", ["2031-03-06T00:00:00Z", "true", ""]),
            ("January 7 2020 Long ago", ["2020-01-07T00:00:00Z", "true", "Long ago"]),
        ],
    )
    def test_the_date_at_the_start_of_the_title_is_removed(
        self, api: Client, calendar: int, title: str, shown: list[str]
    ) -> None:
        assert api.rest("POST", "/calendar_events.xml", event(title)).status_code == 201
        assert when(api.rest("GET", EVENT)) == shown

    @pytest.mark.parametrize("title", ["Dentist", "", "2/30 Never", "13pm Never"])
    def test_without_a_readable_date_it_cannot_be_processed(
        self, api: Client, calendar: int, title: str
    ) -> None:
        response = api.rest("POST", "/calendar_events.xml", event(title))
        assert response.status_code == 422
        assert '<error code="422">' in response.text
        assert (
            "<calendar-event>"
            not in api.rest("GET", "/calendars/40000002/calendar_events.xml").text
        )

    def test_without_any_title_it_cannot_be_processed(self, api: Client, calendar: int) -> None:
        body = change("<calendar-id>40000002</calendar-id>")
        assert api.rest("POST", "/calendar_events.xml", body).status_code == 422

    def test_times_are_parsed_in_the_zone_of_the_user_and_shown_in_utc(
        self, box: Sandbox, calendar: int, as_user: Callable[..., Client]
    ) -> None:
        sam = as_user(box.add_user("Sam", time_zone="Auckland"))  # it is Thursday there
        for title in ("tomorrow 9am Call", "tomorrow Rest"):
            sam.rest("POST", "/calendar_events.xml", event(title))
        listed = sam.rest("GET", "/calendars/40000002/calendar_events.xml").text
        assert re.findall("<occurs-at[^>]*>([^<]*)<", listed) == [
            "2031-03-06T20:00:00Z",
            "2031-03-07T00:00:00Z",
        ]

    def test_the_optional_fields_can_be_set_too(self, api: Client, calendar: int) -> None:
        more = (
            "<remind>1</remind><message>Bring the X-ray</message>"
            "<occurs-until>2031-03-06T09:45</occurs-until>"
        )
        api.rest("POST", "/calendar_events.xml", event(more=more))
        names = ("remind", "message", "occurs-until")
        assert values(api.rest("GET", EVENT), *names) == [
            "true",
            "Bring the X-ray",
            "2031-03-06T09:45:00Z",
        ]

    def test_an_invalid_end_is_an_error(self, api: Client, calendar: int) -> None:
        more = "<occurs-until>soon</occurs-until>"
        assert api.rest("POST", "/calendar_events.xml", event(more=more)).status_code == 500

    @pytest.mark.parametrize(
        "body",
        [
            "<request><event><calendar_id>40000002</calendar_id><title>now x</title></event>"
            "</request>",
            "<event><calendar-id>40000002</calendar-id><title>now x</title></event>",
            '{"event": {"calendar_id": 40000002, "title": "now x"}}',
            "event[calendar_id]=40000002&event[title]=now x",
        ],
    )
    def test_several_formats_of_the_request_are_accepted(
        self, api: Client, calendar: int, body: str
    ) -> None:
        assert api.rest("POST", "/calendar_events.xml", body).status_code == 201

    def test_it_needs_an_existing_calendar(self, api: Client) -> None:
        assert api.rest("POST", "/calendar_events.xml", event()).status_code == 404
        assert api.rest("POST", "/calendar_events.xml", change("")).status_code == 500


class TestChanging:
    def test_an_update_returns_only_success(self, api: Client, made: None) -> None:
        response = api.rest("PUT", EVENT, change("<title>9/27 Harvest</title><remind>1</remind>"))
        assert (response.status_code, response.content) == (200, b"")
        shown = api.rest("GET", EVENT)
        assert when(shown) == ["2031-09-27T00:00:00Z", "true", "Harvest"]
        assert values(shown, "remind") == ["true"]

    def test_omitted_fields_are_preserved(self, api: Client, made: None) -> None:
        api.rest("PUT", EVENT, change("<remind>1</remind><message>X-ray!</message>"))
        api.rest("PUT", EVENT, change(""))
        shown = api.rest("GET", EVENT)
        assert when(shown) == ["2031-03-06T09:00:00Z", "false", "Dentist"]
        assert values(shown, "remind", "message") == ["true", "X-ray!"]

    def test_a_title_without_a_readable_date_changes_nothing(self, api: Client, made: None) -> None:
        body = change("<title>Doctor</title><remind>1</remind>")
        assert api.rest("PUT", EVENT, body).status_code == 422
        assert values(api.rest("GET", EVENT), "title", "remind") == ["Dentist", "false"]

    def test_a_moved_event_keeps_its_duration(self, api: Client, made: None) -> None:
        until = "<occurs-until>2031-03-06T09:45:00Z</occurs-until>"
        api.rest("PUT", EVENT, change(until))
        api.rest("PUT", EVENT, change("<title>9/27 2pm Dentist</title>"))
        shown = api.rest("GET", EVENT)
        assert values(shown, "occurs-at", "occurs-until") == [
            "2031-09-27T14:00:00Z",
            "2031-09-27T14:45:00Z",
        ]

    def test_an_empty_end_removes_the_end(self, api: Client, made: None) -> None:
        api.rest("PUT", EVENT, change("<occurs-until>2031-03-06T09:45:00Z</occurs-until>"))
        api.rest("PUT", EVENT, change("<occurs-until></occurs-until>"))
        assert "<occurs-until></occurs-until>" in api.rest("GET", EVENT).text

    def test_an_update_changes_only_the_time_of_the_update(
        self, as_user: Callable[..., Client]
    ) -> None:
        now = [NOW]
        with Sandbox(seed="empty", token="one-token-of-many", clock=lambda: now[0]) as box:
            box.add_calendar("Home")
            api = as_user("one-token-of-many", box.url)
            api.rest("POST", "/calendar_events.xml", event())
            now[0] += timedelta(minutes=1)
            api.rest("PUT", EVENT, change("<remind>1</remind>"))
            shown = values(api.rest("GET", EVENT), "created-at", "updated-at")
        assert shown == [TIME, "2031-03-05T18:31:15Z"]

    def test_an_event_can_be_destroyed_once(self, api: Client, made: None) -> None:
        response = api.rest("DELETE", EVENT)
        assert (response.status_code, response.content) == (200, b"")
        assert api.rest("DELETE", EVENT).status_code == 404
        assert api.rest("GET", EVENT).status_code == 404
        listed = api.rest("GET", "/calendars/40000002/calendar_events.xml").text
        assert listed.endswith("<calendar-events></calendar-events>")

    @pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
    def test_an_event_of_another_account_is_not_found(
        self, box: Sandbox, made: None, as_user: Callable[..., Client], verb: str
    ) -> None:
        other = as_user(box.add_account("other"))
        assert other.rest(verb, EVENT, change("<remind>1</remind>")).status_code == 404


def test_events_are_listed_earliest_first(api: Client, calendar: int) -> None:
    for title in ("9/27 c", "tomorrow a", "tomorrow 9am b"):
        api.rest("POST", "/calendar_events.xml", event(title))
    listed = api.rest("GET", "/calendars/40000002/calendar_events.xml").text
    assert re.findall("<title>(.*?)<", listed) == ["a", "b", "c"]


class TestFeed:
    @pytest.fixture
    def read(self, api: Client, calendar: int) -> Any:
        icalendar = pytest.importorskip("icalendar")

        def read() -> Any:
            """Read the feed like a calendar program, with its address only."""
            calendars = api.rest("GET", "/calendars.xml").text
            token = matched("<token>(.*?)<", calendars)
            response = api.send("GET", f"/{token}.ics")
            assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
            return icalendar.Calendar.from_ical(response.content)

        return read

    def test_it_is_named_and_may_be_empty(self, read: Callable[[], Any]) -> None:
        feed = read()
        assert feed["X-WR-CALNAME"] == "Home & away"
        assert feed.walk("VEVENT") == []

    def test_an_event_at_a_time(self, api: Client, read: Callable[[], Any]) -> None:
        more = "<message>Bring,\nthe X-ray</message><occurs-until>2031-03-06T09:45</occurs-until>"
        api.rest("POST", "/calendar_events.xml", event(more=more))
        [entry] = read().walk("VEVENT")
        assert entry["SUMMARY"] == "Dentist"
        assert entry["DESCRIPTION"] == "Bring,\nthe X-ray"
        assert entry["UID"] == "40000003@acme.backpackit.com"
        assert entry["DTSTART"].dt == datetime(2031, 3, 6, 9, tzinfo=UTC)
        assert entry["DTEND"].dt == datetime(2031, 3, 6, 9, 45, tzinfo=UTC)

    def test_an_event_of_whole_days_ends_before_the_day_after(
        self, api: Client, read: Callable[[], Any]
    ) -> None:
        more = "<occurs-until>2031-09-29T00:00</occurs-until>"
        api.rest("POST", "/calendar_events.xml", event("9/27 Harvest", more))
        [entry] = read().walk("VEVENT")
        assert entry["DTSTART"].dt == date(2031, 9, 27)
        assert entry["DTEND"].dt == date(2031, 9, 30)

    def test_an_event_without_an_end_has_none(
        self, api: Client, made: None, read: Callable[[], Any]
    ) -> None:
        [entry] = read().walk("VEVENT")
        assert "DTEND" not in entry

    def test_another_address_is_not_found(self, api: Client, calendar: int) -> None:
        assert api.send("GET", f"/{'0' * 40}.ics").status_code == 404

    def test_its_address_is_not_in_the_log(self, box: Sandbox, api: Client) -> None:
        api.send("GET", f"/{'0' * 40}.ics")
        assert box.log[-1].path == "/[token].ics"
