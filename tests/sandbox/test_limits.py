"""Rate limits, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import Client as Caller

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.limits import Busy, Family, Limits
from backpack_orm.sandbox.scheduling import TURN
from tests.sandbox.conftest import Client

START = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class TestWindow:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits()

    def count(
        self,
        limits: Limits,
        seconds: float,
        times: int = 1,
        account: int = 1,
        address: str = "a",
        family: Any = Family.CALENDARS,
    ) -> None:
        for _ in range(times):
            limits.count(account, address, family, at(seconds))

    def wait(self, limits: Limits, seconds: float) -> float:
        with pytest.raises(Busy) as busy:
            self.count(limits, seconds)
        return busy.value.wait

    @pytest.mark.parametrize(("family", "size"), [(Family.CALENDARS, 10), (Family.ALL_ELSE, 100)])
    def test_it_accepts_the_limit_and_no_more(
        self, limits: Limits, family: Family, size: int
    ) -> None:
        self.count(limits, 0, times=size, family=family)
        with pytest.raises(Busy):
            self.count(limits, 4.999, family=family)

    def test_the_window_moves(self, limits: Limits) -> None:
        for second in range(4):
            self.count(limits, second, times=3 if second < 2 else 2)
        assert self.wait(limits, 4) == 1
        self.count(limits, 5, times=3)  # room for those of the first second, and for no more
        assert self.wait(limits, 5) == 1
        self.count(limits, 6, times=3)

    @pytest.mark.parametrize(
        ("seconds", "wait"), [(0, 5), (0.001, 5), (1, 4), (3.5, 2), (4, 1), (4.999, 1)]
    )
    def test_the_wait_is_rounded_up_to_whole_seconds(
        self, limits: Limits, seconds: float, wait: int
    ) -> None:
        self.count(limits, 0, times=10)
        assert self.wait(limits, seconds) == wait
        self.count(limits, seconds + wait)

    def test_refused_requests_do_not_count(self, limits: Limits) -> None:
        self.count(limits, 0, times=10)
        for _ in range(50):
            self.wait(limits, 4)
        self.count(limits, 5, times=10)

    def test_accounts_addresses_and_groups_of_calls_have_separate_windows(
        self, limits: Limits
    ) -> None:
        self.count(limits, 0, times=10)
        self.count(limits, 0, times=10, account=2)
        self.count(limits, 0, times=10, address="b")
        self.count(limits, 0, times=100, family=Family.ALL_ELSE)
        self.wait(limits, 0)


class TestOverHttp:
    @pytest.fixture
    def clock(self) -> Any:
        return [START]

    @pytest.fixture
    def strict(self, clock: Any) -> Iterator[Sandbox]:
        with Sandbox(
            seed="empty", token="t0ken-0123456789", clock=lambda: clock[0], limits=True
        ) as box:
            box.add_calendar("Home")
            yield box

    @pytest.fixture
    def api(self, strict: Sandbox, as_user: Callable[..., Client]) -> Client:
        return as_user("t0ken-0123456789", strict.url)

    def test_an_account_above_its_limit_has_to_wait(self, api: Client, clock: Any) -> None:
        for _ in range(10):
            assert api.rest("GET", "/calendars.xml").status_code == 200
        clock[0] = at(1.5)
        response = api.rest("GET", "/calendars.xml")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "4")
        assert response.text == (
            '<?xml version="1.0" encoding="UTF-8"?><response success="false">'
            '<error code="503">Service Unavailable</error></response>'
        )
        clock[0] = at(5.5)
        assert api.rest("GET", "/calendars.xml").status_code == 200

    def test_a_refused_request_changes_nothing(self, api: Client, clock: Any) -> None:
        body = "<event><calendar-id>40000002</calendar-id><title>now x</title></event>"
        for _ in range(10):
            api.rest("GET", "/calendars.xml")
        assert api.rest("POST", "/calendar_events.xml", body).status_code == 503
        clock[0] = at(5)
        listed = api.rest("GET", "/calendars/40000002/calendar_events.xml").text
        assert listed.endswith("<calendar-events></calendar-events>")

    def test_all_calls_about_calendars_count_together(self, api: Client) -> None:
        for _ in range(5):
            api.rest("GET", "/calendars/40000002/calendar_events.xml")
            api.rest("DELETE", "/calendar_events/7.xml")
        assert api.rest("GET", "/calendars.xml").status_code == 503

    def test_all_others_count_together_in_both_dialects(self, api: Client) -> None:
        for _ in range(50):
            api.ws("pages/all")
            assert api.rest("GET", "/statuses.xml").status_code == 200
        assert api.rest("GET", "/me.xml").status_code == 503
        assert api.rest("GET", "/calendars.xml").status_code == 200

    def test_users_of_one_account_share_a_limit_and_accounts_do_not(
        self, strict: Sandbox, api: Client, as_user: Callable[..., Client]
    ) -> None:
        sam = as_user(strict.add_user("Sam"), strict.url)
        other = as_user(strict.add_account("other"), strict.url)
        for _ in range(10):
            api.rest("GET", "/calendars.xml")
        assert sam.rest("GET", "/calendars.xml").status_code == 503
        assert other.rest("GET", "/calendars.xml").status_code == 200

    @pytest.mark.network
    def test_another_address_has_a_separate_limit(self, strict: Sandbox) -> None:
        def status(address: str) -> Any:
            with strict._scheduler.turn(lambda: False) as turn:
                response = Caller(strict._gate).get(
                    "/calendars.xml",
                    headers={"X-BP-Token": "t0ken-0123456789"},
                    environ_overrides={"REMOTE_ADDR": address, TURN: turn},
                )
            return response.status_code

        assert [status("192.0.2.1") for _ in range(11)] == [200] * 10 + [503]
        assert status("192.0.2.2") == 200

    def test_an_invalid_token_does_not_count(self, api: Client) -> None:
        for _ in range(11):
            assert api.send("GET", "/calendars.xml", X_BP_Token="wrong").status_code == 302
        assert api.rest("GET", "/calendars.xml").status_code == 200

    def test_there_are_no_limits_by_default(
        self, box: Sandbox, as_user: Callable[..., Client]
    ) -> None:
        api = as_user(box.token, box.url)
        assert {api.rest("GET", "/calendars.xml").status_code for _ in range(101)} == {200}
