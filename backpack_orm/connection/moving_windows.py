"""Requests of the last seconds, counted in this process."""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Lock
from typing import Protocol

LATE = 0.5
"""Seconds after which a reservation lapses: so late a request would burden another window."""


class Store(Protocol):
    """Storage in which requests are counted."""

    def acquire(self, key: str, limit: int, ticket: str, patience: float) -> float:
        """Reserve a slot for a request, and return the seconds until it; 0: send it now.

        After the wait, ask again with the same ticket. Slots are given in the order of asking.

        Args:
            key: What to count together.
            limit: Requests in a window.
            ticket: Identifies the request.
            patience: Seconds that the request can wait; for a longer wait, nothing is reserved.
        """

    def pause(self, key: str, seconds: float) -> None:
        """Let other processes grant no slot for a time."""

    def renew_lock(self) -> None:
        """Replace the lock, which a thread of the parent process may hold, after a fork."""


class MovingWindows:
    """Requests of the last seconds, counted in this process under any number of keys.

    Args:
        seconds: Length of the window.
        clock: A monotonic clock in seconds.

    >>> now = 100.0
    >>> windows = MovingWindows(5, clock=lambda: now)
    >>> windows.acquire("acme", limit=1)
    0.0
    >>> now += 3
    >>> windows.acquire("acme", limit=1)
    2.0
    """

    def __init__(self, seconds: float, clock: Callable[[], float] | None = None) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sent: dict[str, list[float]] = {}  # in order; some are reserved
        self._reserved: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def acquire(self, key: str, limit: int, ticket: str = "", patience: float = inf) -> float:
        """Reserve a slot for a request and return the seconds until it, see `Store`."""
        with self._lock:
            now = (self._clock or time.monotonic)()
            sent = self._sent.get(key)
            if sent is None:
                self._remove_idle(now)
                sent = self._sent[key] = []
            reserved = self._reserved.pop((key, ticket), None)
            if reserved is not None:
                if now < reserved:
                    self._reserved[key, ticket] = reserved
                    return reserved - now
                if now <= reserved + LATE:
                    return 0.0
                with suppress(ValueError):  # it is over
                    sent.remove(reserved)
            del sent[: bisect_right(sent, now - self._seconds)]
            slot = now if len(sent) < limit else max(now, sent[-limit] + self._seconds)
            if slot - now <= patience:
                insort(sent, slot)
                if slot > now:
                    self._reserved[key, ticket] = slot
            return slot - now

    def pause(self, key: str, seconds: float) -> None:
        """Do nothing: there are no other processes."""

    def renew_lock(self) -> None:
        """Replace the lock, which a thread of the parent process may hold, after a fork."""
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sent)

    def _remove_idle(self, now: float) -> None:
        oldest = now - self._seconds
        for key in [key for key, sent in self._sent.items() if not sent or sent[-1] <= oldest]:
            del self._sent[key]
        for turn in [turn for turn, slot in self._reserved.items() if slot <= oldest]:
            del self._reserved[turn]
