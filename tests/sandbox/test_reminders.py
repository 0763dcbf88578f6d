"""Reminders over HTTP, in both dialects, at 2031-03-05 18:30:15 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from backpack_orm.sandbox import Sandbox
from tests.sandbox.conftest import Client, matched

XML = '<?xml version="1.0" encoding="UTF-8"?>'
DONE = XML + '<response success="true"></response>'


def reminder(content: str = "Call", remind_at: str = "2031-03-06 09:00:00", extra: str = "") -> str:
    fields = f"<content>{content}</content><remind_at>{remind_at}</remind_at>{extra}"
    return f"<reminder>{fields}</reminder>"


def when(response: requests.Response) -> Any:
    return matched("<remind_at>([^<]*)<", response.text)


def what(response: requests.Response) -> str:
    return matched("<content>([^<]*)<", response.text)


def test_creating_a_reminder_returns_its_location(api: Client) -> None:
    response = api.send("POST", "/t0ken-0123456789/reminders.xml", reminder())
    assert response.status_code == 201
    assert response.headers["Location"] == "/reminders/40000002"
    assert response.text == (
        f'{XML}<reminder id="40000002"><remind_at>2031-03-06 09:00:00</remind_at>'
        '<content>Call</content><creator id="40000001" name="Owner"/>'
        '<remindees><user id="40000001" name="Owner"/></remindees></reminder>'
    )


def test_upcoming_reminders_are_listed_earliest_first(api: Client) -> None:
    api.rest("POST", "/reminders.xml", reminder("Later", "2031-05-01 00:00:00"))
    api.rest("POST", "/reminders.xml", reminder("Sooner"))
    listed = api.send("GET", "/t0ken-0123456789/reminders.xml").text
    assert listed.startswith(f'{XML}<reminders><reminder id="40000003">')
    assert re.findall("<content>([^<]*)<", listed) == ["Sooner", "Later"]


def test_past_reminders_are_not_listed(demo: Client) -> None:
    listed = demo.rest("GET", "/reminders.xml").text
    assert "Renew the library card" not in listed
    assert listed.count("<reminder ") == 4


def test_without_reminders_the_list_is_empty(api: Client) -> None:
    assert api.rest("GET", "/reminders.xml").text == f"{XML}<reminders></reminders>"


class TestTime:
    @pytest.mark.parametrize(
        ("given", "stored"),
        [
            ("2031-03-06 9:05:00", "2031-03-06 09:05:00"),
            ("2031-03-06 24:00:00", "2031-03-07 00:00:00"),
            ("2031-03-06 9:05", "2031-03-06 09:05:00"),
            ("2031-03-06T09:05:00Z", "2031-03-06 09:05:00"),
            ("2031-03-06T09:05:00+02:00", "2031-03-06 07:05:00"),
            ("", "2031-03-05 21:30:15"),
            (" \n", "2031-03-05 21:30:15"),
        ],
    )
    def test_a_time_can_have_several_formats(self, api: Client, given: str, stored: str) -> None:
        assert when(api.rest("POST", "/reminders.xml", reminder("x", given))) == stored

    @pytest.mark.parametrize(
        "given",
        [
            "soon",
            "2031-13-01 00:00:00",
            "2031-02-30 00:00:00",
            "2031-01-02 25:00:00",
            "2031-01-02 23:60:00",
            "2031-01-02 23:00:60",
            "9999-12-31 24:00:00",
            "2031-01-02",
        ],
    )
    def test_an_invalid_time_is_an_error(self, api: Client, given: str) -> None:
        assert api.rest("POST", "/reminders.xml", reminder("x", given)).status_code == 500

    def test_a_time_in_the_past_is_refused(self, api: Client) -> None:
        response = api.rest("POST", "/reminders.xml", reminder("x", "2031-03-05 18:30:14"))
        assert response.status_code == 422
        assert '<error code="422">' in response.text
        assert "<reminders></reminders>" in api.rest("GET", "/reminders.xml").text

    def test_now_is_not_the_past(self, api: Client) -> None:
        response = api.rest(
            "POST", "/reminders.xml", "<reminder><content>now go</content></reminder>"
        )
        assert (response.status_code, when(response), what(response)) == (
            201,
            "2031-03-05 18:30:15",
            "go",
        )

    def test_a_date_at_the_start_sets_the_time_and_is_not_stored(self, api: Client) -> None:
        body = "<reminder><content>tomorrow 9am Call Ana</content></reminder>"
        response = api.rest("POST", "/reminders.xml", body)
        assert (when(response), what(response)) == ("2031-03-06 09:00:00", "Call Ana")

    def test_today_means_this_morning_like_tomorrow_the_next_one(
        self, box: Sandbox, as_user: Callable[..., Client]
    ) -> None:
        sam = as_user(box.add_user("Sam", time_zone="Hawaii"))  # where it is 8:30 in the morning
        body = "<reminder><content>today Call Ana</content></reminder>"
        response = sam.rest("POST", "/reminders.xml", body)
        assert (when(response), what(response)) == ("2031-03-05 09:00:00", "Call Ana")

    def test_today_is_refused_when_its_morning_is_over(self, api: Client) -> None:
        body = "<reminder><content>today Call Ana</content></reminder>"
        assert api.rest("POST", "/reminders.xml", body).status_code == 422

    def test_with_a_time_a_date_in_the_content_is_text(self, api: Client) -> None:
        response = api.rest("POST", "/reminders.xml", reminder("tomorrow 9am Call"))
        assert what(response) == "tomorrow 9am Call"

    def test_the_default_time_is_in_three_hours(self, api: Client) -> None:
        body = "<reminder><content>Stretch</content></reminder>"
        response = api.rest("POST", "/reminders.xml", body)
        assert (when(response), what(response)) == ("2031-03-05 21:30:15", "Stretch")

    def test_times_are_in_the_zone_of_the_user(
        self, box: Sandbox, as_user: Callable[..., Client]
    ) -> None:
        sam = as_user(box.add_user("Sam", time_zone="Pacific Time (US & Canada)"))
        response = sam.rest("POST", "/reminders.xml", reminder("x", "2031-03-05 10:31:00"))
        assert (response.status_code, when(response)) == (201, "2031-03-05 10:31:00")
        past = sam.rest("POST", "/reminders.xml", reminder("x", "2031-03-05 10:30:00"))
        assert past.status_code == 422


class TestUpdating:
    @pytest.fixture(autouse=True)
    def stored(self, api: Client) -> None:
        api.rest("POST", "/reminders.xml", reminder())

    def update(self, api: Client, body: str) -> requests.Response:
        return api.send("PUT", "/t0ken-0123456789/reminders/40000002.xml", body)

    def test_everything_can_be_changed(self, api: Client) -> None:
        response = self.update(api, reminder("Write", "2031-04-01 10:00:00"))
        assert (response.status_code, when(response), what(response)) == (
            200,
            "2031-04-01 10:00:00",
            "Write",
        )

    @pytest.mark.parametrize("remind_at", ["", "<remind_at></remind_at>"])
    def test_an_update_without_a_time_preserves_it(self, api: Client, remind_at: str) -> None:
        body = f"<reminder><content>Write</content>{remind_at}</reminder>"
        response = self.update(api, body)
        assert (when(response), what(response)) == ("2031-03-06 09:00:00", "Write")

    def test_a_date_at_the_start_changes_the_time(self, api: Client) -> None:
        response = self.update(api, "<reminder><content>+30 Write</content></reminder>")
        assert (when(response), what(response)) == ("2031-03-05 19:00:15", "Write")

    def test_an_update_without_content_preserves_it(self, api: Client) -> None:
        response = self.update(
            api, "<reminder><remind_at>2031-04-01 10:00:00</remind_at></reminder>"
        )
        assert (when(response), what(response)) == ("2031-04-01 10:00:00", "Call")

    def test_it_cannot_be_moved_to_the_past(self, api: Client) -> None:
        assert self.update(api, reminder("x", "2030-01-01 00:00:00")).status_code == 422
        assert "<content>Call</content>" in api.rest("GET", "/reminders.xml").text

    def test_an_unknown_id_is_not_found(self, api: Client) -> None:
        assert api.rest("PUT", "/reminders/7.xml", reminder()).status_code == 404


def test_a_reminder_can_be_destroyed_once(api: Client) -> None:
    api.rest("POST", "/reminders.xml", reminder())
    response = api.send("DELETE", "/t0ken-0123456789/reminders/40000002.xml")
    assert (response.status_code, response.content) == (204, b"")
    assert api.send("DELETE", "/t0ken-0123456789/reminders/40000002.xml").status_code == 404


class TestRemindees:
    @pytest.fixture
    def sam(self, box: Sandbox, as_user: Callable[..., Client]) -> Client:
        """A user with the id 40000002."""
        return as_user(box.add_user("Sam"))

    @pytest.mark.parametrize(
        "remindees",
        [
            "<r type='array'><user_id>40000002</user_id><user_id>40000001</user_id></r>",
            "<r><user_id>40000002</user_id><user_id>40000001</user_id></r>",
            "<r><user><id>40000002</id></user><user><id>40000001</id></user></r>",
        ],
    )
    def test_remindees_are_selected_by_id(self, api: Client, sam: Client, remindees: str) -> None:
        extra = remindees.replace("<r", "<remindees").replace("</r>", "</remindees>")
        assert api.rest("POST", "/reminders.xml", reminder(extra=extra)).status_code == 201
        assert (
            '<remindees><user id="40000001" name="Owner"/>'
            '<user id="40000002" name="Sam"/></remindees>'
        ) in api.rest("GET", "/reminders.xml").text

    def test_a_reminder_is_visible_to_its_remindees_only(
        self, box: Sandbox, api: Client, sam: Client, as_user: Callable[..., Client]
    ) -> None:
        kim = as_user(box.add_user("Kim"))
        extra = "<remindees type='array'><user_id>40000002</user_id></remindees>"
        api.rest("POST", "/reminders.xml", reminder("For Sam", extra=extra))
        assert "For Sam" in api.rest("GET", "/reminders.xml").text
        assert "For Sam" in sam.rest("GET", "/reminders.xml").text
        assert "For Sam" not in kim.rest("GET", "/reminders.xml").text
        assert kim.rest("DELETE", "/reminders/40000004.xml").status_code == 404

    def test_an_update_replaces_them_and_none_means_the_creator(
        self, api: Client, sam: Client
    ) -> None:
        api.rest("POST", "/reminders.xml", reminder())
        update = "<reminder><remindees type='array'>{}</remindees></reminder>"
        response = api.rest(
            "PUT", "/reminders/40000003.xml", update.format("<user_id>40000002</user_id>")
        )
        assert '<remindees><user id="40000002" name="Sam"/></remindees>' in response.text
        response = api.rest("PUT", "/reminders/40000003.xml", update.format(""))
        assert '<remindees><user id="40000001" name="Owner"/></remindees>' in response.text

    def test_an_unknown_id_is_not_found(self, api: Client) -> None:
        extra = "<remindees type='array'><user_id>7</user_id></remindees>"
        assert api.rest("POST", "/reminders.xml", reminder(extra=extra)).status_code == 404


class TestOlderDialect:
    def test_create_list_update_destroy(self, api: Client) -> None:
        line = '<reminder remind_at="2031-03-06 09:00:00" id="40000002">Call</reminder>'
        assert api.ws("reminders/create", reminder()) == (
            f'{XML}<response success="true">{line}</response>'
        )
        assert api.ws("reminders") == (
            f'{XML}<response success="true"><reminders>{line}</reminders></response>'
        )
        changed = "<reminder><content>+1:30 Write</content></reminder>"
        assert api.ws("reminders/update/40000002", changed) == (
            f'{XML}<response success="true">'
            '<reminder remind_at="2031-03-05 20:00:15" id="40000002">Write</reminder></response>'
        )
        assert api.ws("reminders/destroy/40000002") == DONE
        assert "<reminders></reminders>" in api.ws("reminders")

    def test_the_past_is_refused(self, api: Client) -> None:
        response = api.ws("reminders/create", reminder(remind_at="2001-01-01 00:00:00"), 422)
        assert '<response success="false">' in response
