"""The service's request limits, kept: whether one more request may go, and if not, when."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from backpack_orm.errors import TransportError, ValidationError
from backpack_orm.wire.endpoint import Budget

if TYPE_CHECKING:
    from limits.storage import MovingWindowSupport

WINDOW = 5
"""Seconds within which the service counts."""

MARGIN = 0.15
"""Seconds to keep clear of it: not all requests are equally long on their way."""

SHARED_MARGIN = 1
"""The same among several processes: machines' clocks differ, and storages count whole seconds."""

# Shared by all connections of this process: to the service they are one client.
_counters: dict[str, MovingWindowSupport] = {}
_counting = Lock()
_pauses: dict[str, float] = {}
_pausing = Lock()


def renew_locks() -> None:
    """Let go of what threads may have held that this process does not have: it was forked off."""
    global _counting, _pausing
    _counting, _pausing = Lock(), Lock()


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
        from limits.errors import StorageError
        from limits.storage import MemoryStorage

        try:
            with _counting:  # the library's own counting in memory is not safe among threads
                counter, window = _counter(storage)
                question = f"backpack_orm/{name}", budget.value, window
                if counter.acquire_entry(*question):
                    return 0.0
                oldest, _ = counter.get_moving_window(*question)
                seconds: float = oldest + window - time.time()
                if seconds > window + 1 and isinstance(counter, MemoryStorage):
                    counter.clear(question[0])  # the clock was set back since these were sent
                    seconds = window
        except StorageError as error:
            problem = type(error.storage_error).__name__
        else:
            return max(seconds, 0.0) + 0.001  # at the very end of a window it is still full
        raise TransportError(
            f"requests cannot be counted at {_shown(storage)} ({problem}), so none was sent"
        )


def _counter(storage: str) -> tuple[MovingWindowSupport, Any]:
    """What counts there, made once, and over how many seconds it does."""
    from limits.errors import ConfigurationError
    from limits.storage import MemoryStorage, MovingWindowSupport, storage_from_string

    counter: object = _counters.get(storage)
    if counter is None:
        with suppress(ConfigurationError, ValueError):  # which may tell the storage's password
            counter = storage_from_string(storage, wrap_exceptions=True)
    if isinstance(counter, MovingWindowSupport):
        _counters[storage] = counter
        is_ours = isinstance(counter, MemoryStorage)
        return counter, WINDOW + (MARGIN if is_ours else SHARED_MARGIN)
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
