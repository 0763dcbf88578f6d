"""Two clients of one account, whose requests are interleaved in every order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from backpack_orm.connection import Connection

Schedule = str
"""The clients whose turn it is, one letter for each request: `ABBA`."""


def schedules(first: int, second: int) -> Iterator[Schedule]:
    """Every order of the requests of two clients, who are called A and B."""
    for places in combinations(range(first + second), first):
        yield "".join("A" if place in places else "B" for place in range(first + second))


class Turns:
    """Lets the requests of two clients pass one after the other, in the order of a schedule.

    A client that is done gives up the turns that are left to it, so that it may make fewer requests
    than the schedule has for it; if it makes more, they come when the schedule is over.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._left = list(schedule)
        self._done: set[str] = set()
        self._turn = threading.Condition()
        self.taken = ""

    def gate(self, client: str, connection: Connection) -> None:
        """Let every call of a connection, which is a request here, wait for its client's turn."""
        call = connection.call

        def call_in_turn(*args: Any, **more: Any) -> Any:
            with self._turn:
                assert self._turn.wait_for(lambda: self._is_next(client), timeout=30)
                try:
                    return call(*args, **more)
                finally:
                    self.taken += client
                    if self._left:
                        self._left.pop(0)
                    self._turn.notify_all()

        connection.call = call_in_turn  # type: ignore[method-assign]

    def _is_next(self, client: str) -> bool:
        while self._left and self._left[0] in self._done:
            self._left.pop(0)
        return not self._left or self._left[0] == client

    def finish(self, client: str) -> None:
        """Take note that a client makes no more requests."""
        with self._turn:
            self._done.add(client)
            self._turn.notify_all()


def run(
    schedule: Schedule,
    clients: dict[str, tuple[Connection, Callable[[], object]]],
) -> str:
    """Let the clients act at once, with their requests in this order.

    Returns:
        The order in which the requests have come.
    """
    turns = Turns(schedule)
    errors: list[BaseException] = []

    def act(client: str, action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:
            errors.append(error)
        finally:
            turns.finish(client)

    threads = []
    for client, (connection, action) in clients.items():
        turns.gate(client, connection)
        threads.append(threading.Thread(target=act, args=(client, action)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return turns.taken
