"""Rate limits that several processes share, counted by a real Redis server."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm.connection import Connection, rate_limits, redis_server, shared_rate_limits
from backpack_orm.connection.moving_windows import MovingWindows
from backpack_orm.connection.redis_server import AVOIDED
from backpack_orm.connection.shared_rate_limits import SharedWindows
from backpack_orm.errors import RateLimited, ValidationError
from backpack_orm.models.page import Page
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import parse
from tests.benchmarks.shared_limits import measure
from tests.connection.conftest import (
    CALENDAR_READ,
    OK,
    PAGES,
    READ,
    TOKEN,
    Clock,
    Stub,
    http,
    internals,
)
from tests.redis_process import RedisProcess, SilentServer
from tests.seeds import examples

WINDOW = 5.2
"""The window of the service, and the margin."""
NOW = "local now = tonumber(redis.call('GET', 'now'))"
"""What the scripts read instead of the server's clock."""


def ask(connection: Any, row: Any = READ, times: int = 1) -> None:
    for _ in range(times):
        connection.call(row, read=parse.anything, fresh=True)


class Times:
    """The time of a Redis server, in place of its clock."""

    def __init__(self, server: Any) -> None:
        self._client = redis_server.RedisServer(server.url, "limits", 5, "").client
        self._client.flushall()
        self.now = 1_000_000.0

    @property
    def now(self) -> Any:
        return self._now

    @now.setter
    def now(self, now: Any) -> None:
        self._now = now
        self._client.set("now", round(now * 1_000_000))


@pytest.fixture
def times(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(
        shared_rate_limits, "_NOW", "local now = tonumber(redis.call('GET', 'now'))"
    )
    return Times(redis)


@pytest.fixture
def shared(redis: RedisProcess, times: Any) -> Any:
    """Windows as several processes have them."""
    return [SharedWindows(redis.url, 5, MovingWindows(5)) for _ in range(2)]


@pytest.fixture
def shared_clock(clock: Clock, times: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time of this process, which that of Redis follows at a distance."""
    sleep = clock.sleep

    def sleep_both(seconds: Any) -> None:
        sleep(seconds)
        times.now += seconds

    monkeypatch.setattr(clock, "sleep", sleep_both)
    return clock


@pytest.fixture(autouse=True)
def _success(stub: Stub) -> None:
    stub.default = http(200, OK)


# --- counted together -------------------------------------------------------------------------


def test_processes_that_share_a_server_share_a_window(
    stub: Stub, redis: RedisProcess, shared_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Connection(stub.url, token=TOKEN, limits=redis.url) as one:
        ask(one, CALENDAR_READ, 6)
    monkeypatch.setattr(rate_limits, "_stores", {})  # as in another process
    with Connection(stub.url, token=TOKEN, limits=redis.url) as other:
        ask(other, CALENDAR_READ, 4)
        assert shared_clock.slept == []
        ask(other, CALENDAR_READ)
    assert shared_clock.slept == [pytest.approx(WINDOW + 0.001)]


def test_only_the_clock_of_the_server_counts(
    stub: Stub, redis: RedisProcess, shared_clock: Any
) -> None:
    with Connection(stub.url, token=TOKEN, limits=redis.url) as connection:
        ask(connection, CALENDAR_READ, 10)
        shared_clock.now += 10
        ask(connection, CALENDAR_READ)
    assert shared_clock.slept == [pytest.approx(WINDOW + 0.001)]


STEPS = st.tuples(
    st.floats(0, 3).map(lambda pause: round(pause, 6)),
    st.sampled_from("abcdef"),
    st.sampled_from([0.0, 1.0, 60.0]),
)


@examples(40)
@given(st.lists(STEPS, max_size=60), st.integers(1, 4))
def test_a_server_gives_the_slots_that_a_process_alone_would_give(
    redis: RedisProcess, steps: list[tuple[float, str, float]], limit: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_rate_limits, "_NOW", NOW)
        times = Times(redis)
        alone = MovingWindows(WINDOW, clock=lambda: times.now)
        shared, served = SharedWindows(redis.url, 5, alone), Counter[str]()
        for pause, client, patience in steps:
            times.now += pause
            ticket = f"{client}{served[client]}"
            expected = alone.acquire("acme", limit, ticket, patience)
            slot = shared.acquire("acme", limit, ticket, patience)
            assert slot == pytest.approx(expected, abs=1e-5)
            served[client] += slot == 0.0


@examples(40)
@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 4))
def test_no_window_of_a_server_holds_more_than_the_limit(
    redis: RedisProcess, pauses: Any, limit: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_rate_limits, "_NOW", NOW)
        times, sent = Times(redis), []
        shared = SharedWindows(redis.url, 5, MovingWindows(5))
        for number, pause in enumerate(pauses):
            times.now += pause
            while wait := shared.acquire("acme", limit, str(number), 60):
                times.now += wait
            sent.append(times.now)
    spans = [later - earlier for earlier, later in zip(sent, sent[limit:], strict=False)]
    assert all(span >= WINDOW - 1e-5 for span in spans)


def test_two_processes_are_never_refused(
    redis: RedisProcess, shared_clock: Any, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def now() -> Any:
        return datetime.fromtimestamp(times.now, UTC)

    with (
        Sandbox(seed="empty", limits=True, clock=now) as box,
        Connection(box.url, token=box.token, limits=redis.url) as one,
        Connection(box.url, token=box.token, limits=redis.url) as other,
    ):
        for connection, counters in [(one, dict[Any, Any]()), (other, dict[Any, Any]())] * 150:
            monkeypatch.setattr(rate_limits, "_stores", counters)  # as in processes of their own
            Page.all(using=connection, fresh=True)
        assert [exchange.status for exchange in box.log] == [200] * 300
        assert one.stats.retries == other.stats.retries == 0


@pytest.mark.network
def test_four_processes_keep_to_the_limit_through_random_delays() -> None:
    """Less than they reach on a quiet machine, see the page on performance."""
    measured = measure(11, delay=0.3, skew=10)
    assert measured.rate >= 0.9
    assert measured.refused <= 3


# --- pauses -----------------------------------------------------------------------------------


def test_a_pause_of_one_process_holds_for_all(shared: Any, times: Any) -> None:
    one, other = shared
    one.pause("acme", 7)
    assert other.acquire("acme", 100, "a", 60) == 7.0
    times.now += 7
    assert other.acquire("acme", 100, "a", 60) == 0.0


def test_a_shorter_pause_ends_no_longer_one(shared: Any) -> None:
    one, other = shared
    one.pause("acme", 30)
    other.pause("acme", 5)
    assert one.acquire("acme", 100, "a", 60) == 30.0


def test_a_pause_of_one_account_holds_for_no_other(shared: Any) -> None:
    one, other = shared
    one.pause("acme/calendars", 7)
    assert other.acquire("acme/all_else", 100, "a", 60) == 0.0


def test_what_was_reserved_before_a_pause_is_reserved_anew_after_it(
    shared: Any, times: Any
) -> None:
    one, other = shared
    assert one.acquire("acme", 1, "first", 60) == 0.0
    assert one.acquire("acme", 1, "a", 60) == WINDOW
    other.pause("acme", 8)
    times.now += WINDOW
    assert one.acquire("acme", 1, "a", 60) == pytest.approx(8 - WINDOW)
    times.now += 8 - WINDOW
    assert one.acquire("acme", 1, "a", 60) == 0.0
    assert other.acquire("acme", 1, "b", 60) == WINDOW


def test_a_refusal_pauses_the_other_processes(
    stub: Stub, redis: RedisProcess, shared_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.responses(http(503, b"", "Retry-After: 7"))
    one = Connection(stub.url, token=TOKEN, limits=redis.url, max_wait=0)
    with one, pytest.raises(RateLimited):
        ask(one)
    monkeypatch.setattr(rate_limits, "_stores", {})  # as in another process
    monkeypatch.setattr(rate_limits, "_pauses", {})
    with Connection(stub.url, token=TOKEN, limits=redis.url) as other:
        ask(other)
    assert shared_clock.slept == [pytest.approx(7.001)]


# --- a clock that steps back -----------------------------------------------------------------


def test_reservations_from_before_the_clock_stepped_back_block_nobody(
    shared: Any, times: Any
) -> None:
    one, other = shared
    assert one.acquire("acme", 1, "a", 60) == 0.0
    assert one.acquire("acme", 1, "b", 60) == WINDOW
    times.now -= 3600
    assert other.acquire("acme", 1, "c", 60) == 0.0
    assert one.acquire("acme", 1, "b", 60) == WINDOW


def test_a_pause_from_before_the_clock_stepped_back_blocks_nobody(shared: Any, times: Any) -> None:
    one, other = shared
    one.pause("acme", 7)
    times.now -= 3600
    assert other.acquire("acme", 1, "a", 60) == 0.0
    other.pause("acme", 5)
    assert one.acquire("acme", 1, "b", 60) == 5.0


# --- what is stored ---------------------------------------------------------------------------


def test_a_server_holds_no_token_and_forgets_accounts_that_are_idle(
    stub: Stub, redis: RedisProcess, times: Any
) -> None:
    with Connection(stub.url, token=TOKEN, limits=redis.url, egress="office") as connection:
        ask(connection)
        internals(connection)._limits.pause(READ.rate_limit, 3)
    client = times._client
    keys = sorted(key.decode() for key in client.keys("backpack_orm:*"))
    assert [key.endswith(":pause") for key in keys] == [False, True]
    assert all(f"127.0.0.1:{stub.port}/" in key and "@office" in key for key in keys)
    assert TOKEN not in repr([*keys, *client.zrange(keys[0], 0, -1)])
    assert 0 < client.pttl(keys[0]) <= 1000 * WINDOW
    assert 0 < client.pttl(keys[1]) <= 3000


# --- without the server -----------------------------------------------------------------------


@pytest.fixture
def mortal(tmp_path: Path) -> Any:
    """A server that a test may kill."""
    server = RedisProcess(tmp_path)
    yield server
    server.kill()


def messages(caplog: Any) -> Any:
    return [record.message for record in caplog.records if "redis" in record.message]


def test_a_process_whose_server_is_gone_counts_by_itself(
    stub: Stub, closed_port: int, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    storage = f"redis://:secret@127.0.0.1:{closed_port}"
    with Connection(stub.url, token=TOKEN, limits=storage) as connection:
        ask(connection, CALENDAR_READ, 10)
        assert clock.slept == []
        ask(connection, CALENDAR_READ)
    assert clock.slept == [pytest.approx(5.151)]
    assert messages(caplog) == [
        f"redis://127.0.0.1:{closed_port} fails (ConnectionError): "
        "each process counts only its own requests for now"
    ]


def test_a_server_that_was_restarted_is_used_again(
    mortal: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    windows = SharedWindows(mortal.url, 5, MovingWindows(5))
    other = SharedWindows(mortal.url, 5, MovingWindows(5))
    windows.acquire("acme", 1, "a", 0)
    mortal.kill()
    assert windows.acquire("acme", 1, "b", 0) == 0.0
    mortal.start()
    other.acquire("acme", 1, "c", 0)
    server: Any = windows._server
    assert server.is_avoided
    clock.now += AVOIDED
    with caplog.at_level(logging.WARNING):
        assert windows.acquire("acme", 1, "d", 0) > 0.0
    assert not server.is_avoided
    assert caplog.messages[-1].endswith("responds again")


def test_a_server_that_does_not_respond_holds_up_one_call_and_no_more(
    silent: SilentServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_rate_limits, "TIMEOUT", 0.05)
    windows = SharedWindows(silent.url, 5, MovingWindows(5))
    assert [windows.acquire("acme", 9, str(number), 0) for number in range(9)] == [0.0] * 9
    windows.pause("acme", 5)
    assert silent.connections() == 1


def test_a_call_through_a_socket_that_the_server_has_closed_is_counted_once(mortal: Any) -> None:
    windows = SharedWindows(mortal.url, 5, MovingWindows(5))
    windows.acquire("acme", 1, "a", 0)
    mortal.kill()
    mortal.start()
    assert windows.acquire("acme", 1, "b", 0) == 0.0
    assert not windows._server.is_avoided
    assert windows.acquire("acme", 1, "c", 0) > 0.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_uses_sockets_of_its_own(redis: RedisProcess) -> None:
    windows = SharedWindows(redis.url, 5, MovingWindows(5))
    windows.acquire("acme", 1, "a", 0)
    before = windows._server.client
    windows.renew_lock()
    assert windows._server.client is not before
    assert windows.acquire("acme", 1, "b", 0) > 0.0


@pytest.mark.parametrize("address", ["redis://:secret@127.0.0.1:x", "redis://:secret@h:1/?db=x"])
def test_an_invalid_address_is_reported_at_the_first_call(stub: Stub, address: str) -> None:
    with (
        Connection(stub.url, token=TOKEN, limits=address) as connection,
        pytest.raises(ValidationError, match="^limits=.* is not the address of a Redis") as caught,
    ):
        ask(connection)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert stub.requests == []


def test_the_package_for_several_processes_is_not_needed_for_one(stub: Stub) -> None:
    """It belongs to the extra redis."""
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from backpack_orm import Connection, Page\n"
        f"print(Page.all(using=Connection({stub.url!r}, token='x'))[0].title)"
    )
    stub.default = http(200, PAGES)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "Lisbon\n"


def test_without_that_package_the_message_names_the_extra(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with (
        Connection(stub.url, token=TOKEN, limits="redis://:secret@127.0.0.1") as connection,
        pytest.raises(ValidationError, match=r"needs the extra redis: pip install") as caught,
    ):
        ask(connection)
    assert "secret" not in str(caught.value)
