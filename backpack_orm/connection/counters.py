"""Counting what a connection does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backpack_orm.connection.stats import Stats


_tallies: ContextVar[tuple[Tally, ...]] = ContextVar("backpack_orm_tallies", default=())


class Tally:
    """The number of requests of a block, by any connection and in the threads it starts."""

    def __init__(self) -> None:
        self.requests = 0
        self._lock = Lock()

    def add(self) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count the requests of a block. Threads count that run in a copy of its context.

    >>> from backpack_orm import Page
    >>> with tallied() as tally:
    ...     page = Page.find_by(title="Lisbon")
    >>> tally.requests
    1
    """
    tally = Tally()
    before = _tallies.set((*_tallies.get(), tally))
    try:
        yield tally
    finally:
        _tallies.reset(before)


class Counters:
    """Counts requests, retries and waits; threads may share it."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._retries: Counter[str] = Counter()
        self._seconds_waited = 0.0
        self._lock = Lock()

    def add_request(self, label: str) -> None:
        """Count a request of an endpoint."""
        with self._lock:
            self._requests[label] += 1
        for tally in _tallies.get():
            tally.add()

    def add_retry(self, label: str) -> None:
        """Count a retry of an endpoint."""
        with self._lock:
            self._retries[label] += 1

    def add_wait(self, seconds: float) -> None:
        """Count seconds of waiting."""
        with self._lock:
            self._seconds_waited += seconds

    def stats(self, cache_hits: int) -> Stats:
        """Return the counts so far, with those of the cache."""
        from backpack_orm.connection.stats import Stats  # most programs never need it

        with self._lock:
            return Stats(
                requests=self._requests.total(),
                cache_hits=cache_hits,
                retries=self._retries.total(),
                seconds_waited=self._seconds_waited,
                by_endpoint=dict(self._requests),
                retries_by_endpoint=dict(self._retries),
            )
