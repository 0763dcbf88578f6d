"""The service's rate limits: whether a request may be sent now, and if not, when."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from backpack_orm.connection.forks import after_fork
from backpack_orm.wire.endpoint import RateLimit

WINDOW = 5
"""Length of the service's window in seconds."""

MARGIN = 0.15
"""Seconds added to it, since requests take different times to arrive."""

IN_MEMORY = "memory://"
_ROUNDING = 0.001
"""Seconds to wait longer, since a window is still full at its very end."""


class Store(Protocol):
    """Storage in which requests are counted."""

    def acquire(self, key: str, limit: int) -> float:
        """Count a request and return 0, or return the seconds until one may be sent."""

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
    >>> round(windows.acquire("acme", limit=1), 2)
    2.0
    """

    def __init__(self, seconds: float, clock: Callable[[], float] | None = None) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}
        self._lock = Lock()

    def acquire(self, key: str, limit: int) -> float:
        """Count a request and return 0, or return the seconds until one may be sent.

        Args:
            key: What to count together.
            limit: Requests in a window.
        """
        with self._lock:
            now = (self._clock or time.monotonic)()
            sent = self._sent.get(key)
            if sent is None:
                self._remove_idle(now)
                sent = self._sent[key] = deque()
            while sent and sent[0] <= now - self._seconds:
                sent.popleft()
            if len(sent) < limit:
                sent.append(now)
                return 0.0
            return sent[-limit] + self._seconds - now + _ROUNDING

    def renew_lock(self) -> None:
        """Replace the lock, which a thread of the parent process may hold, after a fork."""
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sent)

    def _remove_idle(self, now: float) -> None:
        for key in [key for key, sent in self._sent.items() if sent[-1] <= now - self._seconds]:
            del self._sent[key]


# Shared by all connections of this process: the service regards them as one client.
_stores: dict[str, Store] = {}
_pauses: dict[str, float] = {}
_lock = Lock()


@after_fork
def _renew_locks() -> None:
    global _lock
    _lock = Lock()
    for store in _stores.values():
        store.renew_lock()


class RateLimiter:
    """The rate limits of one account.

    Args:
        account: The key of the account in shared storages; it contains no token.
        storage: Where to count requests: `memory://`, or a URI of the `limits` library, such as
            `redis://127.0.0.1:6379`, to share limits between processes; None disables limits.
    """

    def __init__(self, account: str, storage: str | None) -> None:
        self._account = account
        self._storage = storage

    def seconds_until_free(self, rate_limit: RateLimit) -> float:
        """Count a request and return 0 if it may be sent now, else return the seconds to wait.

        Raises:
            TransportError: The storage cannot be reached.
            ValidationError: The storage is not supported.
        """
        key = self._key(rate_limit)
        with _lock:
            paused = _pauses.get(key, 0.0) - time.monotonic()
        if paused > 0:
            return paused
        if self._storage is None:
            return 0.0
        return _store(self._storage).acquire(key, rate_limit.value)

    def pause(self, rate_limit: RateLimit, seconds: float) -> None:
        """Block requests of this kind for a time, in the whole process."""
        now = time.monotonic()
        key = self._key(rate_limit)
        with _lock:
            for other in [other for other, until in _pauses.items() if until <= now]:
                del _pauses[other]
            _pauses[key] = max(_pauses.get(key, 0.0), now + seconds)

    def _key(self, rate_limit: RateLimit) -> str:
        return f"{self._account}/{rate_limit.name.lower()}"


def _store(storage: str) -> Store:
    """Return the storage of an address, created at first use."""
    with _lock:
        store = _stores.get(storage)
        if store is None:
            store = _stores[storage] = _new_store(storage)
        return store


def _new_store(storage: str) -> Store:
    if storage == IN_MEMORY:
        return MovingWindows(WINDOW + MARGIN)
    # most programs never need it
    from backpack_orm.connection.shared_rate_limits import SharedWindows

    return SharedWindows(storage, WINDOW)
