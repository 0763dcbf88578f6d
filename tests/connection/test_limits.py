"""The service's rate limits: respected by waiting, shared by all connections of one client."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.connection import Connection, rate_limits
from backpack_orm.connection.moving_windows import MovingWindows
from backpack_orm.errors import RateLimited, ValidationError
from backpack_orm.models.page import Page
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import parse
from tests.connection.conftest import (
    CALENDAR_READ,
    CREATE,
    OK,
    READ,
    TOKEN,
    Clock,
    Stub,
    http,
    internals,
)


def ask(connection: Any, row: Any = READ, times: int = 1) -> None:
    for _ in range(times):
        connection.call(row, read=parse.anything, fresh=True)


@pytest.fixture(autouse=True)
def _success(stub: Stub) -> None:
    stub.default = http(200, OK)


# --- windows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "count"), [(READ, 100), (CALENDAR_READ, 10)])
def test_a_window_takes_so_many_requests_and_the_next_waits(
    stub: Stub, patient: Connection, clock: Clock, row: Any, count: int
) -> None:
    ask(patient, row, count)
    assert clock.slept == []
    ask(patient, row)
    assert clock.slept == [pytest.approx(5.151)]
    assert len(stub.requests) == count + 1


def test_a_window_moves(stub: Stub, patient: Connection, clock: Clock) -> None:
    ask(patient, CALENDAR_READ, 5)
    clock.now += 3
    ask(patient, CALENDAR_READ, 5)
    ask(patient, CALENDAR_READ, 5)
    assert clock.slept == [pytest.approx(2.151)]
    ask(patient, CALENDAR_READ)
    assert clock.slept[1:] == [pytest.approx(3.0)]


def test_every_request_keeps_clear_of_the_hundredth_before_it(
    stub: Stub, patient: Connection, clock: Clock
) -> None:
    """Also when those after a wait follow each other faster than those before it."""
    for _ in range(10):
        ask(patient, CALENDAR_READ)
        clock.now += 0.1
    began = clock.now - 1.0
    for number in range(10):
        ask(patient, CALENDAR_READ)
        assert clock.now >= began + number * 0.1 + 5.15


def test_after_a_window_all_is_free_again(patient: Connection, clock: Clock) -> None:
    ask(patient, CALENDAR_READ, 10)
    clock.now += 5.16
    ask(patient, CALENDAR_READ, 10)
    assert clock.slept == []


def test_a_wall_clock_that_is_set_back_costs_nothing(
    stub: Stub, patient: Connection, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(patient, CALENDAR_READ, 10)
    monkeypatch.setattr(clock, "time", lambda: clock.now - 600)
    ask(patient, CALENDAR_READ)
    assert clock.slept == [pytest.approx(5.151)]
    assert len(stub.requests) == 11


def test_a_window_of_ones_own_goes_by_the_clock_it_is_given() -> None:
    now = [100.0]
    windows = MovingWindows(5, clock=lambda: now[0])
    assert [windows.acquire("acme", 2) for _ in range(2)] == [0.0, 0.0]
    now[0] = 103.0
    assert windows.acquire("acme", 2) == 2.0
    assert windows.acquire("other", 2) == 0.0
    now[0] = 105.0
    assert windows.acquire("acme", 2) == 0.0


Full = tuple[MovingWindows, list[float]]


@pytest.fixture
def full() -> Full:
    """A window with one slot every 5 seconds, taken now; and its clock."""
    now = [100.0]
    windows = MovingWindows(5, clock=lambda: now[0])
    windows.acquire("acme", 1, "first")
    return windows, now


def test_those_that_wait_are_served_in_the_order_in_which_they_asked(
    full: Full,
) -> None:
    windows, now = full
    assert [windows.acquire("acme", 1, ticket) for ticket in "ab"] == [5.0, 10.0]
    now[0] = 105.0
    assert [windows.acquire("acme", 1, ticket) for ticket in "cba"] == [10.0, 5.0, 0.0]


def test_one_that_cannot_wait_so_long_takes_the_place_of_no_other(
    full: Full,
) -> None:
    windows, _ = full
    assert windows.acquire("acme", 1, "a", patience=4.9) == 5.0
    assert windows.acquire("acme", 1, "b", patience=5) == 5.0
    assert windows.acquire("acme", 1, "c") == 10.0


def test_one_that_comes_late_waits_again_since_others_have_gone_on(
    full: Full,
) -> None:
    windows, now = full
    assert [windows.acquire("acme", 1, ticket) for ticket in "ab"] == [5.0, 10.0]
    now[0] = 105.6
    assert windows.acquire("acme", 1, "a") == pytest.approx(9.4)
    now[0] = 110.0
    assert windows.acquire("acme", 1, "b") == 0.0


def test_reservations_that_nobody_claims_leave_no_trace() -> None:
    now = [0.0]
    windows = MovingWindows(5, clock=lambda: now[0])
    for number in range(1000):
        windows.acquire(f"account {number}", 1, "served")
        windows.acquire(f"account {number}", 1, "gives up")
        now[0] += 1
    assert len(windows) <= 11
    assert len(windows._reserved) <= 11


def test_windows_that_are_over_leave_no_trace() -> None:
    now = [0.0]
    windows = MovingWindows(5, clock=lambda: now[0])
    for number in range(1000):
        windows.acquire(f"account {number}", 10)
        now[0] += 1
    assert len(windows) <= 6


def test_threads_together_take_no_more_than_the_limit() -> None:
    windows = MovingWindows(60)
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: windows.acquire("acme", 100), range(2000)))
    assert waits.count(0.0) == 100


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_than_the_limit(pauses: Any, limit: Any) -> None:
    now, sent = [0.0], []
    windows = MovingWindows(5, clock=lambda: now[0])
    for pause in pauses:
        now[0] += pause
        while seconds := windows.acquire("acme", limit):
            now[0] += seconds
        sent.append(now[0])
    spans = [later - earlier for earlier, later in zip(sent, sent[limit:], strict=False)]
    assert all(span >= 5 - 1e-9 for span in spans)


def test_calendars_and_all_else_are_counted_apart(patient: Connection, clock: Clock) -> None:
    ask(patient, CALENDAR_READ, 10)
    ask(patient, READ, 10)
    assert clock.slept == []


def test_writes_and_reads_are_counted_together(patient: Connection, clock: Clock) -> None:
    ask(patient, READ, 99)
    patient.call(CREATE, (), {"title": "a"}, read=parse.anything)
    ask(patient, READ)
    assert len(clock.slept) == 1


def test_a_cached_read_does_not_count(patient: Connection, clock: Clock) -> None:
    for _ in range(200):
        patient.call(READ, read=parse.success)
    assert clock.slept == []


def test_what_is_sent_again_counts_again(stub: Stub, patient: Connection, clock: Clock) -> None:
    ask(patient, CALENDAR_READ, 9)
    stub.responses(http(502, b"oops"))
    ask(patient, CALENDAR_READ)
    assert clock.slept == [0.5, pytest.approx(4.651)]


def test_all_connections_to_an_account_are_counted_together(
    stub: Stub, patient: Connection, clock: Clock
) -> None:
    ask(patient, CALENDAR_READ, 5)
    with Connection(stub.url, token=TOKEN) as twin:
        ask(twin, CALENDAR_READ, 6)
    assert len(clock.slept) == 1


def test_accounts_are_counted_apart(stub: Stub, patient: Connection, clock: Clock) -> None:
    ask(patient, CALENDAR_READ, 10)
    with Connection(stub.url, token="another") as other:
        ask(other, CALENDAR_READ, 10)
    assert clock.slept == []


def test_machines_behind_other_addresses_are_counted_apart(clock: Clock) -> None:
    office = internals(Connection("acme", token=TOKEN, egress="office"))._limits
    for _ in range(10):
        assert office.seconds_until_free(CALENDAR_READ.rate_limit) == 0
    home = internals(Connection("acme", token=TOKEN))._limits
    assert home.seconds_until_free(CALENDAR_READ.rate_limit) == 0
    assert office.seconds_until_free(CALENDAR_READ.rate_limit) == pytest.approx(5.151)


@pytest.mark.parametrize("egress", ["", "a b", "{a}", 7])
def test_the_name_of_an_address_is_one_word(egress: Any) -> None:
    with pytest.raises(ValidationError, match="^egress takes a name of letters"):
        Connection("acme", token=TOKEN, egress=egress)


@pytest.mark.parametrize("sam", [{"token": "sam's"}, {"oauth_token": "sam's"}])
def test_requests_of_all_users_count_for_the_account(clock: Clock, sam: dict[str, Any]) -> None:
    ana = internals(Connection("acme", token="ana's"))._limits
    for _ in range(10):
        assert ana.seconds_until_free(CALENDAR_READ.rate_limit) == 0
    ana.pause(READ.rate_limit, 7)
    for row, seconds in (CALENDAR_READ, 5.151), (READ, 7):
        with pytest.raises(RateLimited) as caught:
            ask(Connection("acme", max_wait=0, **sam), row)
        assert caught.value.retry_after == pytest.approx(seconds)


def test_no_limits_count_no_requests(stub: Stub, clock: Clock) -> None:
    with Connection(stub.url, token=TOKEN, limits=None) as connection:
        ask(connection, READ, 150)
    assert clock.slept == []
    assert rate_limits._stores == {}


def test_threads_are_counted_together(stub: Stub, clock: Clock) -> None:
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        refused = []

        def work() -> None:
            for _ in range(20):
                try:
                    ask(connection)
                except RateLimited:
                    refused.append(1)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(stub.requests), len(refused)) == (100, 60)


def test_stats_contain_the_wait(patient: Connection, clock: Clock) -> None:
    ask(patient, CALENDAR_READ, 11)
    assert patient.stats.seconds_waited == pytest.approx(5.151)
    assert patient.stats.retries == 0


def test_an_account_is_read_at_nearly_the_rate_that_is_permitted_and_never_refused(
    clock: Clock,
) -> None:
    def now() -> Any:
        return datetime.fromtimestamp(clock.now, UTC)

    with (
        Sandbox(seed="empty", limits=True, clock=now) as box,
        Connection(box.url, token=box.token) as connection,
    ):
        for number in range(300):
            Page.create(title=f"page {number}", using=connection)
        clock.now += 10
        began = clock.now
        for page in Page.all(using=connection):
            Page.find(page.id, using=connection)
        rate = 301 / (clock.now - began)
        assert {exchange.status for exchange in box.log} == {200}
    assert rate >= 0.95 * 100 / 5


# --- patience ---------------------------------------------------------------------------------


def test_a_wait_that_would_be_too_long_is_not_begun(stub: Stub, clock: Clock) -> None:
    with Connection(stub.url, token=TOKEN, max_wait=5) as connection:
        ask(connection, CALENDAR_READ, 10)
        with pytest.raises(RateLimited, match=r"max_wait=5 s at most, in total") as caught:
            ask(connection, CALENDAR_READ)
    assert caught.value.retry_after == pytest.approx(5.151)
    assert (caught.value.verb, caught.value.path) == ("GET", "/calendars.xml")
    assert caught.value.status is None
    assert (len(stub.requests), clock.slept) == (10, [])


def test_a_wait_that_takes_exactly_max_wait_is_made(stub: Stub, clock: Clock) -> None:
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        ask(connection, CALENDAR_READ, 10)
        with pytest.raises(RateLimited) as caught:
            ask(connection, CALENDAR_READ)
    seconds = caught.value.retry_after
    assert seconds is not None
    with Connection(stub.url, token=TOKEN, max_wait=seconds) as connection:
        ask(connection, CALENDAR_READ)
    assert clock.slept == [seconds]


def test_a_call_that_waits_as_requested_is_served(stub: Stub, clock: Clock) -> None:
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        ask(connection, CALENDAR_READ, 10)
        with pytest.raises(RateLimited) as caught:
            ask(connection, CALENDAR_READ)
        assert caught.value.retry_after is not None
        clock.now += caught.value.retry_after
        ask(connection, CALENDAR_READ)
    assert len(stub.requests) == 11


@pytest.mark.parametrize("seconds", [-1, None, "60", True, float("nan")])
def test_max_wait_is_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(ValidationError, match="max_wait takes a number of seconds"):
        Connection("acme", token=TOKEN, max_wait=seconds)


# --- when the service is too busy all the same ------------------------------------------------


def busy(wait: object) -> bytes:
    return http(503, b"", f"Retry-After: {wait}")


@pytest.fixture
def hasty(stub: Stub) -> Any:
    """Another connection to the account, without patience."""
    with Connection(stub.url, token=TOKEN, max_wait=0, ttl=0) as connection:
        yield connection


def test_a_requested_wait_applies_to_the_whole_account(
    stub: Stub, patient: Connection, hasty: Connection, clock: Clock
) -> None:
    stub.responses(busy(7))
    with pytest.raises(RateLimited):
        ask(hasty)
    ask(patient)
    assert clock.slept == [7.0]


def test_while_all_wait_nothing_is_sent(stub: Stub, hasty: Connection, clock: Clock) -> None:
    stub.responses(busy(7))
    for left in 7.0, 4.0:
        with pytest.raises(RateLimited) as caught:
            ask(hasty)
        assert caught.value.retry_after == left
        clock.now += 3
    assert len(stub.requests) == 1


def test_calendars_do_not_wait_for_all_else(
    stub: Stub, patient: Connection, hasty: Connection, clock: Clock
) -> None:
    stub.responses(busy(7))
    with pytest.raises(RateLimited):
        ask(hasty)
    ask(patient, CALENDAR_READ)
    assert clock.slept == []


def test_another_account_does_not_wait(stub: Stub, hasty: Connection, clock: Clock) -> None:
    stub.responses(busy(7))
    with pytest.raises(RateLimited):
        ask(hasty)
    with Connection(stub.url, token="another") as other:
        ask(other)
    assert clock.slept == []


def test_all_wait_even_without_limits(stub: Stub, hasty: Connection, clock: Clock) -> None:
    stub.responses(busy(7))
    with pytest.raises(RateLimited):
        ask(hasty)
    with Connection(stub.url, token=TOKEN, limits=None) as connection:
        ask(connection)
    assert clock.slept == [7.0]


def test_a_shorter_wait_ends_no_longer_one(clock: Clock) -> None:
    account = rate_limits.RateLimiter("acme", None)
    account.pause(READ.rate_limit, 30)
    account.pause(READ.rate_limit, 5)
    assert account.seconds_until_free(READ.rate_limit) == 30


def test_waits_that_are_over_leave_no_trace(clock: Clock) -> None:
    for number in range(100):
        rate_limits.RateLimiter(f"account {number}", None).pause(READ.rate_limit, 5)
        clock.now += 1
    assert len(rate_limits._pauses) <= 6


@pytest.mark.parametrize(("wait", "seconds"), [("0", 1.0), ("soon", 5.0), ("", 5.0)])
def test_a_wait_of_nothing_or_of_unknown_length_is_one_all_the_same(
    stub: Stub, patient: Connection, clock: Clock, wait: str, seconds: float
) -> None:
    stub.responses(busy(wait))
    ask(patient)
    assert clock.slept == [seconds]


def test_a_wait_that_is_too_long_is_reported_at_once(
    stub: Stub, patient: Connection, clock: Clock
) -> None:
    stub.responses(busy(61))
    with pytest.raises(RateLimited, match="too many requests") as caught:
        ask(patient)
    assert (caught.value.retry_after, caught.value.status) == (61.0, 503)
    assert (clock.slept, len(stub.requests)) == ([], 1)


def test_a_service_that_is_always_too_busy_is_given_up(
    stub: Stub, patient: Connection, clock: Clock
) -> None:
    stub.default = busy(7)
    with pytest.raises(RateLimited):
        ask(patient)
    assert clock.slept == [7.0] * 8


# --- storages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "storage", ["", "redis", 5, True, "async+memory://", "://x", "redis+unix:///x", "memory://x"]
)
def test_a_storage_is_an_address(storage: Any) -> None:
    with pytest.raises(ValidationError, match="limits takes memory://, an address"):
        Connection("acme", token=TOKEN, limits=storage)


def test_a_storage_is_not_in_a_pickle() -> None:
    connection = Connection("acme", token=TOKEN, limits="redis://:secret@127.0.0.1")
    assert "secret" not in repr(connection.__reduce__())
