"""A connection that is used for long grows no memory, no sockets and no threads."""

from __future__ import annotations

import gc
import io
import itertools
import threading
import tracemalloc
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from backpack_orm import errors
from backpack_orm.connection import Connection, moving_windows, rate_limits, transport
from backpack_orm.models.page import Page
from backpack_orm.wire import parse, values
from backpack_orm.wire.shapes import Column, Shape
from tests.connection.conftest import (
    CREATE,
    DESTROY,
    READ,
    RENAME,
    SHOW,
    TOKEN,
    Stub,
    http,
    internals,
)

read_page = parse.one(Shape("page", (Column("id", values.INTEGER), Column("title", values.TEXT))))
PAGE = b"<response success='true'><page id='7' title='" + b"x" * 2000 + b"'/></response>"


class Service:
    """Responds without a network; now and then with a failure."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.sent = 0

    def send(self, request: Any, **_: Any) -> Any:
        self.sent = next(self.numbers)
        status = {0: 502, 50: 404, 75: 503}.get(self.sent % 100, 200)
        wait = {"Retry-After": "1"} if status == 503 else {}
        body = io.BytesIO(PAGE if status == 200 else b"")
        return SimpleNamespace(
            status_code=status,
            url=request.url,
            history=(),
            headers=CaseInsensitiveDict(wait),
            raw=SimpleNamespace(read=lambda size, decode_content: body.read(size)),
            close=body.close,
        )

    def close(self) -> None:
        """Nothing is open."""


class Clock:
    """A time that passes only in sleeps."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    monotonic = perf_counter = time

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Any:
    clock = Clock()
    for module in (transport, rate_limits, moving_windows):
        monkeypatch.setattr(module, "time", clock)
    return Service()


def use(connection: Connection, calls: int) -> None:
    """Read and write, three in four from the cache."""
    for number in range(calls):
        id = number * 7 % 500 + 1
        try:
            match number % 40:
                case 0:
                    connection.call(RENAME, (id,), {"title": "a"}, read=parse.anything)
                case 10:
                    connection.call(CREATE, (), {"title": "a"}, read=parse.anything)
                case 20:
                    connection.call(DESTROY, (id,), read=parse.anything)
                case 1 | 2 | 3 | 4 | 5 | 6:
                    connection.call(SHOW, (id,), read=read_page, fresh=True)
                case _:
                    connection.call(SHOW, (id,), read=read_page)
        except (errors.NotFound, errors.OutcomeUnknown):
            pass


_OURS = [
    tracemalloc.Filter(True, f"*/{package}/*")
    for package in ("backpack_orm", "cachetools", "limits", "requests", "urllib3")
]


def memory_in_use() -> int:
    """Bytes that the package and what it uses have allocated; others' do not count."""
    gc.collect()
    traces = tracemalloc.take_snapshot().filter_traces(_OURS)
    return sum(found.size for found in traces.statistics("filename"))


def test_thousands_of_calls_leave_the_memory_as_it_was(service: Service) -> None:
    tracemalloc.start()
    try:
        with Connection("acme", token=TOKEN, ttl=3600) as connection:
            internals(connection)._sender._session.mount("https://", service)
            use(connection, 10_000)
            before = memory_in_use()
            use(connection, 20_000)
            after = memory_in_use()
            stats = connection.stats
    finally:
        tracemalloc.stop()
    assert after <= before * 1.02
    assert stats.requests == service.sent > 6_000
    assert stats.cache_hits > 18_000
    assert stats.retries > 60


def test_models_leave_the_memory_as_it_was(service: Service) -> None:
    def use(connection: Connection, times: int) -> None:
        for number in range(times):
            with suppress(errors.NotFound):
                page = Page.find(7, using=connection)
                page.title = str(number)
                page.save()

    tracemalloc.start()
    try:
        with Connection("acme", token=TOKEN, limits=None) as connection:
            internals(connection)._sender._session.mount("https://", service)
            use(connection, 500)
            before, sent = memory_in_use(), service.sent
            use(connection, 1500)
            grown, requests = memory_in_use() - before, service.sent - sent
    finally:
        tracemalloc.stop()
    assert requests > 3000
    assert grown < requests, "less than a byte for each request"


@pytest.fixture
def all_ended() -> Any:
    """Whether all threads that were started since have ended, given a while for it.

    A thread of the stub's ends when its socket is closed.
    """
    before = set(threading.enumerate())

    def all_ended() -> bool:
        left = set(threading.enumerate()) - before
        for thread in left:
            thread.join(30)
        return not any(thread.is_alive() for thread in left)

    return all_ended


def test_a_closed_connection_leaves_no_socket_and_no_thread(stub: Stub, all_ended: Any) -> None:
    with Connection(stub.url, token=TOKEN, ttl=0) as connection:
        for _ in range(50):
            connection.call(READ, read=parse.anything)
    assert len(stub.sockets) == 1
    assert all_ended()


def test_a_connection_that_is_closed_and_used_again_opens_one_socket_each_time(
    stub: Stub, all_ended: Any
) -> None:
    connection = Connection(stub.url, token=TOKEN, ttl=0)
    for _ in range(20):
        connection.call(READ, read=parse.anything)
        connection.call(READ, read=parse.anything)
        connection.close()
    assert len(stub.sockets) == 20
    assert all_ended()


def test_failures_leave_no_socket_open(stub: Stub, connection: Connection) -> None:
    stub.default = http(500, b"oops")
    for _ in range(50):
        with pytest.raises(errors.ServerError):
            connection.call(READ, read=parse.anything)
    assert len(stub.sockets) == 1
