"""What threads, tasks and processes share, and what stays apart."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from backpack_orm.connection import Connection, cache, connect, current, rate_limits, using
from backpack_orm.connection import connection as connections
from backpack_orm.models.page import Page
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import parse
from tests.connection.conftest import PAGES, READ, TOKEN, Stub, Withheld, http
from tests.connection.test_cache import wait_for_waiters

THREADS = 32
CALLS = 20_000


class Worker:
    """Changes one page, and reads all of them; each change is a higher number as its title."""

    def __init__(self, number: int, page: Page, pages: list[int]) -> None:
        self.random = random.Random(number)
        self.page, self.pages = page, pages
        self.number = 0
        self.stale: list[str] = []

    def work(self, returned: dict[int, int]) -> None:
        """Do this thread's share; `returned` holds what change of each page has returned last."""
        for _ in range(CALLS // THREADS):
            dice = self.random.random()
            if dice < 0.05:
                self.write(returned)
            elif dice < 0.06:
                self.check(returned, self.all)
            else:
                self.check(returned, self.one)

    def write(self, returned: dict[int, int]) -> None:
        self.number += 1
        self.page.title = str(self.number)
        self.page.save()
        returned[self.page.id] = self.number

    def all(self) -> Iterable[Page]:
        return Page.all(using=self.page.connection)

    def one(self) -> Iterable[Page]:
        return [Page.find(self.random.choice(self.pages), using=self.page.connection)]

    def check(self, returned: dict[int, int], read: Callable[[], Iterable[Page]]) -> None:
        before = dict(returned)
        for page in read():
            if int(page.title) < before[page.id]:
                self.stale.append(f"{page!r} was {before[page.id]} already")


def test_32_threads_share_a_connection_for_20_000_calls() -> None:
    with (
        Sandbox(seed="empty") as box,
        Connection(box.url, token=box.token, limits=None) as connection,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        pages = [Page.create(title="0", using=connection) for _ in range(THREADS)]
        ids = [page.id for page in pages]
        returned = dict.fromkeys(ids, 0)
        workers = [Worker(number, page, ids) for number, page in enumerate(pages)]
        for outcome in [pool.submit(worker.work, returned) for worker in workers]:
            outcome.result()
        stats = connection.stats
        assert [line for worker in workers for line in worker.stale] == []
        assert stats.requests == box.requests
        assert stats.requests + stats.cache_hits == THREADS + CALLS
        assert stats.retries == 0
        titles = {page.id: int(page.title) for page in Page.all(using=connection, fresh=True)}
        assert titles == {worker.page.id: worker.number for worker in workers}
        assert stats.cache_hits > CALLS / 4  # else the cache was not what has been tried


def test_50_threads_that_ask_the_same_make_one_request(stub: Stub) -> None:
    withheld = Withheld(http(200, PAGES))
    stub.responses(withheld)
    with (
        Connection(stub.url, token=TOKEN) as connection,
        ThreadPoolExecutor(50) as pool,
    ):
        asked = [
            pool.submit(connection.call, READ, read=lambda response: response.content)
            for _ in range(50)
        ]
        assert withheld.asked.wait(30)
        wait_for_waiters(connection._cache, 49)
        withheld.released.set()
        assert {outcome.result() for outcome in asked} == {PAGES}
        assert (connection.stats.requests, connection.stats.cache_hits) == (1, 49)
    assert len(stub.requests) == 1


def test_threads_with_as_many_sockets_as_they_need_and_no_more(stub: Stub) -> None:
    with (
        Connection(stub.url, token=TOKEN, ttl=0, limits=None) as connection,
        ThreadPoolExecutor(8) as pool,
    ):
        outcomes = [pool.submit(connection.call, READ, read=parse.anything) for _ in range(400)]
        for outcome in outcomes:
            outcome.result()
    assert len(stub.requests) == 400
    assert len(stub.sockets) <= 8


# --- which connection is used -----------------------------------------------------------------


def named(name: str) -> Connection:
    return Connection(name, token=TOKEN)


def test_using_in_many_threads_at_once_is_that_of_each() -> None:
    meeting = threading.Barrier(16, timeout=30)

    def work(connection: Any) -> Any:
        with using(connection):
            meeting.wait()
            return current()

    connections = [named(f"account-{number}") for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, connections)) == connections


def test_using_does_not_stay_with_a_thread_of_a_pool() -> None:
    default = connect("acme", token=TOKEN)

    def work() -> None:
        with using(named("home")):
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
        assert pool.submit(current).result() is default


def test_to_thread_takes_the_connection_of_its_task_along() -> None:
    async def task(connection: Any, meeting: Any) -> Any:
        with using(connection):
            return await asyncio.to_thread(lambda: meeting.wait() is not None and current())

    async def main(connections: Any) -> Any:
        meeting = threading.Barrier(len(connections), timeout=30)
        return await asyncio.gather(*(task(each, meeting) for each in connections))

    connections = [named(f"account-{number}") for number in range(4)]
    assert asyncio.run(main(connections)) == connections


def test_using_inside_to_thread_does_not_leave_it() -> None:
    default = connect("acme", token=TOKEN)

    def work() -> Any:
        with using(named("home")):
            return current().url

    async def main() -> Any:
        return await asyncio.to_thread(work), current(), await asyncio.to_thread(current)

    assert asyncio.run(main()) == ("https://home.backpackit.com", default, default)


# --- processes --------------------------------------------------------------------------------


def forked(work: Callable[[], object]) -> int:
    """What a process that is forked off ends with: 0 once it has done its work."""
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


forking = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@forking
def test_a_process_that_is_forked_off_uses_no_socket_of_the_first(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN, ttl=0) as connection:
        connection.call(READ, read=parse.anything)
        assert forked(lambda: connection.call(READ, read=parse.anything)) == 0
        connection.call(READ, read=parse.anything)
    assert [request.socket_number for request in stub.requests] == [1, 2, 1]


@forking
def test_a_process_that_is_forked_off_counts_for_itself(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN) as connection:
        connection.call(READ, read=parse.anything)

        def work() -> None:
            for _ in range(2):
                connection.call(READ, read=lambda response: response.content)
            assert (connection.stats.requests, connection.stats.cache_hits) == (1, 1)

        assert forked(work) == 0


@forking
def test_a_process_that_is_forked_off_has_the_blocks_of_its_own_thread_alone(stub: Stub) -> None:
    began, released = threading.Event(), threading.Event()

    def hold(connection: Any) -> None:
        with connection:
            began.set()
            assert released.wait(30)

    connection = Connection(stub.url, token=TOKEN)

    def work() -> None:
        with connection:
            connection.call(READ, read=parse.anything)
        connection.call(READ, read=parse.anything)  # the end of the block has cleared the cache
        assert (connection.stats.requests, connection.stats.cache_hits) == (2, 0)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold, connection)
        assert began.wait(30)
        try:
            assert forked(work) == 0
        finally:
            released.set()
        held.result()


@forking
def test_a_process_that_is_forked_off_waits_for_no_thread_of_the_first(stub: Stub) -> None:
    withheld = Withheld(http(200, PAGES))
    stub.responses(withheld)
    with Connection(stub.url, token=TOKEN) as connection, ThreadPoolExecutor(1) as pool:
        pool.submit(connection.call, READ, read=parse.anything)
        assert withheld.asked.wait(30)
        (store,) = rate_limits._stores.values()
        locks = (
            rate_limits._lock,
            vars(store)["_lock"],
            cache._caches_lock,
            connections._connections_lock,
        )
        with ExitStack() as held:
            held.callback(withheld.released.set)
            for lock in locks:
                held.enter_context(lock)
            assert forked(lambda: connection.call(READ, read=parse.anything)) == 0
