"""What is sent again after a failure, and what never is."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from typing import Any

import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.connection.retries import RULES, Outcome
from backpack_orm.wire import parse
from backpack_orm.wire.endpoint import Safety
from tests.connection.conftest import (
    CREATE,
    DESTROY,
    DROP,
    OK,
    PATH_CREATE,
    PATH_DESTROY,
    READ,
    RENAME,
    TOKEN,
    Clock,
    Stub,
    Withheld,
    http,
    internals,
)

CALLS = {"read": READ, "idempotent write": RENAME, "other write": CREATE, "destroy": DESTROY}
HTML = b"<html><title>Down for maintenance</title></html>"
RESPONSES: dict[str, bytes | str] = {
    "dropped": DROP,
    "500": http(500, b"oops"),
    "502": http(502, b"oops"),
    "503": http(503, b"oops"),
    "503 with a wait": http(503, b"", "Retry-After: 7"),
    "504": http(504, b"oops"),
    "429": http(429, b"slowly"),
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n<resp",
    "HTML": http(200, HTML),
}


def send(connection: Any, row: Any) -> Any:
    payload = {} if row.reads else {"title": "a", "content": "a"}
    return connection.call(row, (7,) * len(row.ids), payload, read=parse.success)


@pytest.fixture(autouse=True)
def _success(stub: Stub) -> None:
    stub.default = http(200, OK)


# --- each kind of call, and each failure ----------------------------------


@pytest.mark.parametrize("what", ["dropped", "502", "503", "504", "truncated"])
@pytest.mark.parametrize("call", ["read", "idempotent write", "destroy"])
def test_what_may_be_repeated_is_sent_again(
    stub: Stub, patient: Connection, clock: Clock, call: str, what: str
) -> None:
    stub.responses(RESPONSES[what])
    send(patient, CALLS[call])
    assert len(stub.requests) == 2
    assert clock.slept == [0.5]


@pytest.mark.parametrize("what", ["dropped", "502", "503", "504", "truncated", "HTML"])
def test_any_other_write_is_not_and_its_outcome_is_unknown(
    stub: Stub, patient: Connection, clock: Clock, what: str
) -> None:
    stub.responses(RESPONSES[what])
    with pytest.raises(errors.OutcomeUnknown, match="was not sent again"):
        send(patient, CREATE)
    assert len(stub.requests) == 1
    assert clock.slept == []


@pytest.mark.parametrize(("what", "wait"), [("503 with a wait", 7.0), ("429", 5.0)])
@pytest.mark.parametrize("call", CALLS)
def test_what_the_service_was_too_busy_for_is_sent_again(
    stub: Stub, patient: Connection, clock: Clock, call: Any, what: str, wait: float
) -> None:
    stub.responses(RESPONSES[what])
    send(patient, CALLS[call])
    assert len(stub.requests) == 2
    assert clock.slept == [wait]


@pytest.mark.parametrize("call", CALLS)
def test_a_failure_of_the_service_itself_is_its_response(
    stub: Stub, patient: Connection, call: Any
) -> None:
    stub.responses(RESPONSES["500"])
    with pytest.raises(errors.ServerError):
        send(patient, CALLS[call])
    assert len(stub.requests) == 1


@pytest.mark.parametrize("call", ["read", "idempotent write", "destroy"])
def test_a_page_of_html_is_not_asked_for_again(stub: Stub, patient: Connection, call: str) -> None:
    stub.responses(RESPONSES["HTML"])
    with pytest.raises(errors.InvalidResponse, match="HTML"):
        send(patient, CALLS[call])
    assert len(stub.requests) == 1


@pytest.mark.parametrize("call", CALLS)
def test_what_finds_no_connection_is_tried_again_whatever_it_is(
    closed_port: int, clock: Clock, call: Any
) -> None:
    with Connection(f"http://127.0.0.1:{closed_port}", token=TOKEN) as connection:
        with pytest.raises(errors.TransportError, match="cannot be reached") as caught:
            send(connection, CALLS[call])
        assert type(caught.value) is errors.TransportError
        assert (connection.stats.requests, connection.stats.retries) == (5, 4)


@pytest.mark.parametrize("call", CALLS)
def test_what_is_given_no_connection_in_time_is_tried_again(
    full_port: int, clock: Clock, call: Any
) -> None:
    address = f"http://127.0.0.1:{full_port}"
    with Connection(address, token=TOKEN, timeout=(0.01, 5)) as connection:
        with pytest.raises(errors.Timeout, match="did not accept a connection"):
            send(connection, CALLS[call])
        assert connection.stats.retries == 4


@pytest.mark.parametrize("call", CALLS)
def test_a_socket_that_was_dropped_meanwhile_is_not_used(
    stub: Stub, patient: Connection, clock: Clock, call: Any
) -> None:
    """So that a write after a while of silence is not lost: nothing is sent into such a socket."""
    send(patient, READ)
    stub.sockets[0].shutdown(socket.SHUT_RDWR)
    patient.clear_cache()
    send(patient, CALLS[call])
    assert len(stub.requests) == len(stub.sockets) == 2
    assert (clock.slept, patient.stats.retries) == ([], 0)


@pytest.fixture
def withheld(stub: Stub) -> Any:
    """The first response of the service, which does not come."""
    withheld = Withheld(http(200, OK))
    stub.responses(withheld)
    yield withheld
    withheld.released.set()


@pytest.fixture
def slow(stub: Stub, withheld: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection without patience for the first response, and with much for the others."""
    with Connection(stub.url, token=TOKEN, timeout=(5, 0.05)) as connection:

        def sleep(seconds: Any) -> None:
            assert withheld.asked.wait(30)
            internals(connection)._sender._timeout = (5, 30)

        monkeypatch.setattr(clock, "sleep", sleep)
        yield connection


@pytest.mark.parametrize("call", ["read", "idempotent write", "destroy"])
def test_what_may_be_repeated_is_sent_again_after_a_time_out(
    stub: Stub, slow: Any, call: str
) -> None:
    send(slow, CALLS[call])
    assert slow.stats.requests == len(stub.requests) == 2


def test_any_other_write_is_not_sent_again_after_a_time_out(
    stub: Stub, slow: Any, withheld: Any
) -> None:
    with pytest.raises(errors.OutcomeUnknown, match="did not respond"):
        send(slow, CREATE)
    assert withheld.asked.wait(30)
    assert slow.stats.requests == len(stub.requests) == 1


def test_there_is_a_rule_for_whatever_happens_to_any_call() -> None:
    assert set(RULES) == {(safety, outcome) for safety in Safety for outcome in Outcome}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_is_final(stub: Stub, patient: Connection, call: Any, status: int) -> None:
    stub.responses(http(status, b"no"))
    with pytest.raises(errors.ApiError):
        send(patient, CALLS[call])
    assert len(stub.requests) == 1


def test_a_redirect_is_final(stub: Stub, patient: Connection) -> None:
    stub.responses(http(302, b"", "Location: https://evil.example/"))
    with pytest.raises(errors.UnexpectedRedirect):
        send(patient, READ)
    assert len(stub.requests) == 1


# --- what was destroyed already ---------------------------------------------------------------


@pytest.mark.parametrize("row", [DESTROY, PATH_DESTROY])
@pytest.mark.parametrize("what", ["dropped", "502", "truncated"])
def test_a_destroy_that_finds_nothing_the_second_time_has_succeeded(
    stub: Stub, patient: Connection, row: Any, what: str
) -> None:
    stub.responses(RESPONSES[what], http(404, b"gone"))
    assert send(patient, row) is None
    assert len(stub.requests) == 2


def test_a_destroy_that_finds_nothing_the_first_time_has_not(
    stub: Stub, patient: Connection
) -> None:
    stub.responses(http(404, b"gone"))
    with pytest.raises(errors.NotFound):
        send(patient, DESTROY)


def test_a_destroy_that_was_not_looked_at_and_then_finds_nothing_has_not(
    stub: Stub, patient: Connection
) -> None:
    stub.responses(RESPONSES["503 with a wait"], http(404, b"gone"))
    with pytest.raises(errors.NotFound):
        send(patient, DESTROY)


@pytest.mark.parametrize("row", [READ, RENAME])
def test_nothing_else_succeeds_by_finding_nothing(
    stub: Stub, patient: Connection, row: Any
) -> None:
    stub.responses(DROP, http(404, b"gone"))
    with pytest.raises(errors.NotFound):
        send(patient, row)


# --- what a failed write may have done --------------------------------------------------------

MAYBE = "the write may have succeeded"


@pytest.mark.parametrize("row", [RENAME, DESTROY])
@pytest.mark.parametrize("what", ["dropped", "502", "truncated"])
def test_a_write_that_is_given_up_says_that_a_try_may_have_done_it(
    stub: Stub, patient: Connection, row: Any, what: str
) -> None:
    stub.responses(RESPONSES[what], http(500, b"no"))
    with pytest.raises(errors.ServerError, match=MAYBE):
        send(patient, row)


def test_a_write_whose_response_cannot_be_read_says_so_too(stub: Stub, patient: Connection) -> None:
    stub.responses(http(200, b"<html/>"))
    with pytest.raises(errors.InvalidResponse, match=MAYBE):
        send(patient, RENAME)


def test_a_write_whose_second_try_would_wait_too_long_says_so_too(stub: Stub, clock: Clock) -> None:
    with Connection(stub.url, token=TOKEN, max_wait=1) as connection:
        for _ in range(99):
            connection.call(READ, read=parse.anything, fresh=True)
        stub.responses(DROP)
        with pytest.raises(errors.RateLimited, match=MAYBE):
            send(connection, RENAME)


@pytest.mark.parametrize("row", [RENAME, CREATE, DESTROY])
def test_a_write_that_was_refused_at_once_has_not_happened(
    stub: Stub, patient: Connection, row: Any
) -> None:
    stub.responses(http(500, b"no"))
    with pytest.raises(errors.ServerError) as caught:
        send(patient, row)
    assert "may have happened" not in str(caught.value)


def test_of_a_read_nothing_can_have_happened(stub: Stub, patient: Connection) -> None:
    stub.responses(DROP, http(500, b"no"))
    with pytest.raises(errors.ServerError) as caught:
        send(patient, READ)
    assert "may have happened" not in str(caught.value)


# --- how often, and how long between ----------------------------------------------------------


def test_it_is_given_up_after_five_tries(stub: Stub, patient: Connection, clock: Clock) -> None:
    stub.default = http(502, b"oops")
    with pytest.raises(errors.ServerError, match="Bad Gateway"):
        send(patient, READ)
    assert len(stub.requests) == 5
    assert clock.slept == [0.5, 1.0, 2.0, 4.0]


def test_each_wait_is_anything_up_to_twice_the_one_before(
    stub: Stub, patient: Connection, clock: Clock
) -> None:
    """So that many who failed together do not come again together."""
    stub.default = DROP
    with pytest.raises(errors.TransportError):
        send(patient, READ)
    assert clock.ranges[:4] == [(0, 0.5), (0, 1.0), (0, 2.0), (0, 4.0)]


def test_all_waits_of_a_call_are_no_longer_than_max_wait(stub: Stub, clock: Clock) -> None:
    stub.default = DROP
    with (
        Connection(stub.url, token=TOKEN, max_wait=2) as connection,
        pytest.raises(errors.TransportError),
    ):
        send(connection, READ)
    assert clock.slept == [0.5, 1.0]


def test_each_call_begins_with_all_its_patience(stub: Stub, clock: Clock) -> None:
    stub.responses(DROP, http(), DROP, http())
    with Connection(stub.url, token=TOKEN, max_wait=0.5, ttl=0) as connection:
        send(connection, READ)
        send(connection, READ)
    assert clock.slept == [0.5, 0.5]


def test_without_patience_nothing_is_sent_again(
    stub: Stub, connection: Connection, clock: Clock
) -> None:
    stub.responses(DROP)
    with pytest.raises(errors.TransportError):
        send(connection, READ)
    assert (len(stub.requests), clock.slept) == (1, [])


def test_different_failures_count_together(stub: Stub, patient: Connection) -> None:
    stub.responses(DROP, RESPONSES["502"], RESPONSES["503"], RESPONSES["truncated"])
    send(patient, READ)
    assert len(stub.requests) == 5


def test_a_write_that_was_not_looked_at_may_still_be_lost(stub: Stub, patient: Connection) -> None:
    stub.responses(RESPONSES["503 with a wait"], DROP)
    with pytest.raises(errors.OutcomeUnknown):
        send(patient, CREATE)
    assert len(stub.requests) == 2


def test_the_move_to_https_is_no_try(
    stub: Stub, clock: Clock, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    target = f"Location: https://127.0.0.1:{stub.port}/ws/pages/all"
    stub.responses(DROP, http(302, b"", target), DROP)
    with Connection(stub.url, token=TOKEN) as connection:
        send(connection, READ)
        assert connection.stats.retries == 2
    assert [request.is_secure for request in stub.requests] == [False, False, True, True]


# --- seeing what happens ----------------------------------------------------------------------


def test_stats_count_what_was_sent_again_and_how_long_was_waited(
    stub: Stub, patient: Connection
) -> None:
    stub.responses(DROP, RESPONSES["503 with a wait"])
    send(patient, READ)
    send(patient, CREATE)
    stats = patient.stats
    assert (stats.requests, stats.retries, stats.seconds_waited) == (4, 2, 7.5)
    assert stats.retries_by_endpoint == {"POST /ws/pages/all": 2}


def test_each_wait_is_logged(
    stub: Stub, patient: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backpack_orm")
    stub.responses(DROP, RESPONSES["503 with a wait"])
    send(patient, READ)
    waits = [line for line in caplog.messages if "waits" in line]
    assert waits == [
        "POST /ws/pages/all waits 0.5 s for try 2 of 5",
        "POST /ws/pages/all waits 7.0 s for the rate limit",
    ]


def test_a_wait_is_logged_without_the_token(
    stub: Stub, patient: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backpack_orm")
    stub.responses(RESPONSES["503 with a wait"])
    send(patient, PATH_CREATE)
    assert "POST /[token]/reminders.xml waits 7.0 s for the rate limit" in caplog.messages
    assert TOKEN not in caplog.text


def test_a_program_that_has_set_up_no_logging_prints_nothing(closed_port: int) -> None:
    program = f"""
from backpack_orm import Connection, Page, TransportError
try:
    Page.all(using=Connection("http://127.0.0.1:{closed_port}", token="secret", max_wait=0))
except TransportError:
    print("failed")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("failed\n", "")
