"""What a connection has done so far, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Lock

from attrs import field, frozen

from backpack_orm.rich_display import RichDisplay


@frozen
class Stats(RichDisplay):
    """What a connection has done so far.

    Attributes:
        requests: Requests sent.
        cache_hits: Reads that were answered from the cache.
        retries: Requests that were sent again after a failure.
        seconds_waited: Seconds that calls have waited before they were sent, in total.
        by_endpoint: Requests by call of the API.
        retries_by_endpoint: Retries by call of the API.

    >>> Page.all()[0].connection.stats.by_endpoint
    {'POST /ws/pages/all': 1}
    """

    requests: int
    cache_hits: int
    retries: int
    seconds_waited: float
    by_endpoint: Mapping[str, int] = field(repr=False)
    retries_by_endpoint: Mapping[str, int] = field(repr=False)


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
        with self._lock:
            return Stats(
                requests=self._requests.total(),
                cache_hits=cache_hits,
                retries=self._retries.total(),
                seconds_waited=self._seconds_waited,
                by_endpoint=dict(self._requests),
                retries_by_endpoint=dict(self._retries),
            )
