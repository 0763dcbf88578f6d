"""A deadline bounds a whole call: its waits, its retries, and a server that drips."""

from __future__ import annotations

import threading
import time
from typing import Any

import attrs
import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.connection.cache import Cache
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.sockets import BoundedSocket
from backpack_orm.errors import OutcomeUnknown, RateLimited, Timeout
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import parse
from tests.connection.conftest import (
    CREATE,
    DROP,
    OK,
    READ,
    RENAME,
    TOKEN,
    Clock,
    Stub,
    Withheld,
    http,
)
from tests.connection.test_transport_failures import recording

pytestmark = pytest.mark.network

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def send(connection: Any, row: Any) -> Any:
    payload = {} if row.reads else {"title": "a"}
    return connection.call(row, (7,) * len(row.ids), payload, read=parse.success)


def dripping(beginning: Any) -> Any:
    """A server that sends a beginning, and then a byte every 10 ms for as long as anybody reads."""

    def drip(client: Any, log: Any) -> None:
        log += client.recv(65536)
        client.sendall(beginning)
        while True:
            client.sendall(b"x")
            time.sleep(0.01)

    return recording(drip)


def limited(server: Any, **options: Any) -> Any:
    defaults: dict[str, Any] = {"timeout": (5, 30), "max_wait": 60, "deadline": 0.2}
    return Connection(f"http://127.0.0.1:{server.port}", token=TOKEN, **defaults | options)


# --- a server that drips ----------------------------------------------------------------------

BEGINNINGS = {
    "the status line": b"HTTP/1.1 200 ",
    "the headers": b"HTTP/1.1 200 OK\r\nX-Endless: ",
    "the body": HEAD,
    "a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    "a body without a length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS.keys())
def test_a_server_that_drips_holds_a_read_no_longer(beginning: Any) -> None:
    with dripping(beginning) as server, limited(server) as connection:
        began = time.monotonic()
        with pytest.raises(Timeout, match=r"did not respond within the deadline of 0\.2 s"):
            send(connection, READ)
        assert 0.2 <= time.monotonic() - began < 5
        assert connection.stats.requests == 1


def test_a_create_that_drips_has_an_unknown_outcome() -> None:
    with (
        dripping(HEAD) as server,
        limited(server) as connection,
        pytest.raises(OutcomeUnknown, match=r"within the deadline of 0\.2 s; the write may have"),
    ):
        send(connection, CREATE)


def test_an_idempotent_write_that_drips_may_have_been_done() -> None:
    with (
        dripping(HEAD) as server,
        limited(server) as connection,
        pytest.raises(Timeout, match="the write may have succeeded"),
    ):
        send(connection, RENAME)


def test_a_tls_server_that_drips_holds_a_call_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(seed="empty", token=TOKEN, tls=True) as box:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", box.ca_bundle)
        box.faults.slow_body(10)
        with (
            Connection(box.url, token=TOKEN, deadline=0.5) as connection,
            pytest.raises(Timeout, match=r"within the deadline of 0\.5 s"),
        ):
            send(connection, READ)


def test_without_a_deadline_each_drop_has_the_time_of_a_response() -> None:
    """So that a large response may take as long as it needs."""
    with recording(_drop_by_drop) as server, limited(server, deadline=None) as connection:
        send(connection, READ)


def _drop_by_drop(client: Any, log: Any) -> None:
    log += client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(OK))
    for number in range(len(OK)):
        client.sendall(OK[number : number + 1])
        time.sleep(0.005)


def test_a_socket_is_used_again_with_the_time_of_the_next_call(stub: Stub) -> None:
    stub.default = http(200, OK)
    with Connection(stub.url, token=TOKEN, ttl=0, deadline=0.5) as connection:
        for _ in range(4):
            send(connection, READ)
            time.sleep(0.2)
        assert {request.socket_number for request in stub.requests} == {1}


# --- a socket -----------------------------------------------------------------------------------


class Recorded:
    """A socket that records the time-out of each operation."""

    def __init__(self) -> None:
        self.timeout = 30.0
        self.operations: list[tuple[str, float]] = []

    def gettimeout(self) -> Any:
        return self.timeout

    def settimeout(self, seconds: Any) -> None:
        self.timeout = seconds

    def makefile(self, mode: Any, buffering: Any) -> Any:
        return self

    def close(self) -> None:
        pass

    def __getattr__(self, name: Any) -> Any:
        def record(*arguments: Any) -> int:
            self.operations.append((name, self.timeout))
            return 0

        return record


OPERATIONS = {
    "sendall": lambda sock: sock.sendall(b"GET"),
    "recv": lambda sock: sock.recv(1),
    "recv_into": lambda sock: sock.recv_into(bytearray(1)),
    "readinto": lambda sock: sock.makefile("rb").read(1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_of_a_socket_has_the_time_that_the_call_has_left(name: Any) -> None:
    now, recorded = [100.0], Recorded()
    sock = BoundedSocket(recorded)
    sock.deadline = Deadline(5, clock=lambda: now[0])
    for now[0] in (100.0, 104.0):
        OPERATIONS[name](sock)
    sock.settimeout(0.5)
    OPERATIONS[name](sock)
    assert recorded.operations == [(name, 5.0), (name, 1.0), (name, 0.5)]
    now[0] = 105.0
    with pytest.raises(TimeoutError, match="the deadline has passed"):
        OPERATIONS[name](sock)
    assert len(recorded.operations) == 3


# --- silence ----------------------------------------------------------------------------------


def test_a_response_that_does_not_come_ends_with_the_deadline(stub: Stub) -> None:
    withheld = Withheld(http(200, OK))
    stub.responses(withheld)
    with (
        Connection(stub.url, token=TOKEN, timeout=(5, 30), deadline=0.1) as connection,
        pytest.raises(Timeout, match=r"within the deadline of 0\.1 s"),
    ):
        send(connection, READ)
    withheld.released.set()


def test_the_shorter_of_the_two_is_shown(stub: Stub) -> None:
    withheld = Withheld(http(200, OK))
    stub.responses(withheld)
    options: dict[str, Any] = {"timeout": (5, 0.05), "deadline": 30, "max_wait": 0}
    with (
        Connection(stub.url, token=TOKEN, **options) as connection,
        pytest.raises(Timeout, match=r"did not respond in 0\.05 s"),
    ):
        send(connection, READ)
    withheld.released.set()


def test_a_connection_that_does_not_come_about_ends_with_the_deadline(full_port: int) -> None:
    with (
        Connection(f"http://127.0.0.1:{full_port}", token=TOKEN, deadline=0.1) as connection,
        pytest.raises(Timeout, match=r"within the deadline of 0\.1 s; nothing was sent"),
    ):
        send(connection, CREATE)


# --- waits and retries, by a clock that moves only in waits -----------------------------


def test_no_retry_begins_that_the_deadline_would_cut_off(stub: Stub, clock: Clock) -> None:
    stub.default = DROP
    with (
        Connection(stub.url, token=TOKEN, deadline=2) as connection,
        pytest.raises(
            errors.TransportError,
            match="dropped the connection; the deadline of 2 s leaves no time to try again",
        ),
    ):
        send(connection, READ)
    assert clock.slept == [0.5, 1.0]


def test_a_pause_that_is_longer_than_the_deadline_is_not_begun(stub: Stub, clock: Clock) -> None:
    stub.responses(http(503, b"", "Retry-After: 7"))
    with (
        Connection(stub.url, token=TOKEN, deadline=5) as connection,
        pytest.raises(RateLimited, match="the deadline of 5 s leaves no time") as caught,
    ):
        send(connection, READ)
    assert caught.value.retry_after == 7
    assert clock.slept == []


def test_a_wait_for_the_rate_limit_that_is_longer_than_the_deadline_is_not_begun(
    stub: Stub, clock: Clock
) -> None:
    stub.default = http(200, OK)
    with Connection(stub.url, token=TOKEN, deadline=2, ttl=0) as connection:
        for _ in range(100):
            send(connection, READ)
        with pytest.raises(Timeout, match=r"which exceeds the deadline of 2 s; nothing was sent"):
            send(connection, CREATE)
    assert (len(stub.requests), clock.slept) == (100, [])


def test_a_wait_for_the_rate_limit_that_is_short_enough_is_made(stub: Stub, clock: Clock) -> None:
    stub.default = http(200, OK)
    with Connection(stub.url, token=TOKEN, deadline=10, ttl=0) as connection:
        for _ in range(101):
            send(connection, READ)
    assert sum(clock.slept) == pytest.approx(5.15, abs=0.1)


def test_each_call_has_a_deadline_of_its_own(stub: Stub, clock: Clock) -> None:
    stub.responses(DROP, http(200, OK), DROP, http(200, OK))
    with Connection(stub.url, token=TOKEN, deadline=1, ttl=0) as connection:
        send(connection, READ)
        send(connection, READ)
    assert clock.slept == [0.5, 0.5]


def test_another_threads_identical_request_is_waited_for_no_longer(stub: Stub) -> None:
    withheld = Withheld(http(200, OK))
    stub.responses(withheld)
    with Connection(stub.url, token=TOKEN, deadline=30) as connection:
        first = threading.Thread(target=send, args=(connection, READ))
        first.start()
        assert withheld.asked.wait(30)
        connection._settings = attrs.evolve(connection._settings, deadline=0.1)
        with pytest.raises(Timeout, match="another thread's identical request.*nothing was sent"):
            send(connection, READ)
        withheld.released.set()
        first.join()
        assert len(stub.requests) == 1


def test_what_another_thread_has_asked_for_in_time_is_shared() -> None:
    cache = Cache(ttl=60, max_bytes=1000)
    begun, end = threading.Event(), threading.Event()

    def ask() -> Any:
        begun.set()
        assert end.wait(30)
        return "response", 6

    first = threading.Thread(target=cache.fetch, args=("question", lambda: ["tag"], ask))
    first.start()
    assert begun.wait(30)
    threading.Timer(0.05, end.set).start()
    assert cache.fetch("question", lambda: ["tag"], ask, deadline=Deadline(30)) == "response"
    first.join()


# --- what it may be ---------------------------------------------------------------------------


@pytest.mark.parametrize("deadline", [0, -1, True, "5", float("nan"), (5, 30)])
def test_a_deadline_that_is_none_is_refused(deadline: Any) -> None:
    with pytest.raises(errors.ValidationError, match="deadline takes a number of seconds above 0"):
        Connection("acme", token=TOKEN, deadline=deadline)


def test_a_deadline_caps_a_time_out_and_passes() -> None:
    now = [100.0]
    deadline = Deadline(5, clock=lambda: now[0])
    assert deadline.cap(30) == 5
    assert deadline.cap(2) == 2
    now[0] = 103.5
    assert (deadline.remaining, deadline.cap(30)) == (1.5, 1.5)
    now[0] = 105.0
    with pytest.raises(TimeoutError):
        deadline.cap(30)
