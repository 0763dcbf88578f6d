"""The service's request limits, kept: whether one more request may go, and if not, when."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backpack_orm.errors import TransportError, ValidationError
from backpack_orm.wire.endpoint import Budget

if TYPE_CHECKING:
    from limits.strategies import MovingWindowRateLimiter

WINDOW = 5
"""Seconds within which the service counts."""

MARGIN = 0.1
"""Seconds more to wait when a window is full, since requests do not all travel equally fast."""

# Shared by all connections of this process: to the service they are one client.
_counters: dict[str, MovingWindowRateLimiter] = {}
_counting = Lock()
_pauses: dict[str, float] = {}
_pausing = Lock()


class Limits:
    """What one account may be sent.

    Args:
        account: What tells the account from others; it goes into shared storages, and tells no
            token.
        storage: Where requests are counted, as a URI of the `limits` library; None counts none.
    """

    def __init__(self, account: str, storage: str | None) -> None:
        self._account = account
        self._storage = storage

    def seconds_until_free(self, budget: Budget) -> float:
        """How long to wait before asking again; 0 when a request may go, which is then counted.

        Raises:
            TransportError: The storage cannot be reached.
            ValidationError: There is no such storage.
        """
        name = self._name(budget)
        with _pausing:
            paused = _pauses.get(name, 0.0) - time.monotonic()
        if paused > 0:
            return paused
        if self._storage is None:
            return 0.0
        return self._count(self._storage, budget, name)

    def pause(self, budget: Budget, seconds: float) -> None:
        """Let nobody in this process send anything of that kind for a while."""
        now = time.monotonic()
        name = self._name(budget)
        with _pausing:
            for other in [other for other, until in _pauses.items() if until <= now]:
                del _pauses[other]
            _pauses[name] = max(_pauses.get(name, 0.0), now + seconds)

    def _name(self, budget: Budget) -> str:
        return f"{self._account}/{budget.name.lower()}"

    def _count(self, storage: str, budget: Budget, name: str) -> float:
        from limits import RateLimitItemPerSecond
        from limits.errors import StorageError

        window = RateLimitItemPerSecond(budget.value, WINDOW)
        try:
            with _counting:  # the library's own counting in memory is not safe among threads
                counter = _counters.get(storage) or _counter(storage)
                if counter.hit(window, name):
                    return 0.0
                free = counter.get_window_stats(window, name).reset_time
        except StorageError as error:
            problem = type(error.storage_error).__name__
        else:
            return max(free - time.time(), 0.0) + MARGIN
        raise TransportError(
            f"requests cannot be counted at {_shown(storage)} ({problem}), so none was sent"
        )


def _counter(storage: str) -> MovingWindowRateLimiter:
    """The counter of a storage, made once."""
    from limits.errors import ConfigurationError
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter

    try:
        counter = MovingWindowRateLimiter(storage_from_string(storage, wrap_exceptions=True))
    except (ConfigurationError, NotImplementedError, ValueError):
        pass  # what they say may hold the storage's password
    else:
        _counters[storage] = counter
        return counter
    raise ValidationError(
        f"limits={_shown(storage)!r} names no storage that can be used: there is memory://, "
        "and redis://HOST:PORT with the package redis installed"
    )


def _shown(storage: str) -> str:
    """A storage's URI for messages: without a password.

    >>> _shown("redis://:secret@127.0.0.1:6379/0")
    'redis://127.0.0.1:6379'
    """
    parts = urlsplit(storage)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
