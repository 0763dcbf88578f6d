"""The service's rate limits: whether a request may be sent now, and if not, when."""

from __future__ import annotations

import time
from math import inf
from threading import Lock

from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.moving_windows import MovingWindows, Store
from backpack_orm.wire.endpoint import RateLimit

WINDOW = 5
"""Length of the service's window in seconds."""

MARGIN = 0.15
"""Seconds added to it, since requests take different times to arrive."""

IN_MEMORY = "memory://"
_ROUNDING = 0.001
"""Seconds to wait longer, since sleeps may end a little early."""


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
        account: The key of the account and of the client's address; it contains no token.
        storage: Where to count requests: `memory://`, or the address of a Redis server, such as
            `redis://127.0.0.1:6379`, to share limits between processes; None disables limits.
    """

    def __init__(self, account: str, storage: str | None) -> None:
        self._account = account
        self._storage = storage

    def seconds_until_free(
        self, rate_limit: RateLimit, ticket: str = "", patience: float = inf
    ) -> float:
        """Return 0 if a request may be sent now, else the seconds to wait before asking again.

        Args:
            rate_limit: The rate limit by which the service counts it.
            ticket: Identifies the request while it waits.
            patience: Seconds that it can wait.

        Raises:
            ValidationError: The storage is not supported.
        """
        key = self._key(rate_limit)
        with _lock:
            paused = _pauses.get(key, 0.0) - time.monotonic()
        if paused > 0:
            return paused
        if self._storage is None:
            return 0.0
        patience = max(patience - _ROUNDING, 0.0)
        wait = _store(self._storage).acquire(key, rate_limit.value, ticket, patience)
        return wait + _ROUNDING if wait else 0.0

    def pause(self, rate_limit: RateLimit, seconds: float) -> None:
        """Block requests of this kind for a time, in all processes that share the storage."""
        now = time.monotonic()
        key = self._key(rate_limit)
        with _lock:
            for other in [other for other, until in _pauses.items() if until <= now]:
                del _pauses[other]
            _pauses[key] = max(_pauses.get(key, 0.0), now + seconds)
        if self._storage is not None:
            _store(self._storage).pause(key, seconds)

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
    from backpack_orm.connection.shared_rate_limits import SharedWindows

    return SharedWindows(storage, WINDOW, MovingWindows(WINDOW + MARGIN))
