"""Rate limits shared by several processes, counted in a storage of the `limits` library."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Lock
from urllib.parse import urlsplit

from backpack_orm.errors import TransportError, ValidationError

MARGIN = 1
"""Seconds added to a window: the clocks of machines differ, and storages count whole seconds."""


class SharedWindows:
    """Requests of the last seconds, counted together with those of other processes.

    Args:
        storage: The URI of a storage that supports moving windows: `redis://…`.
        seconds: Length of the window.

    Raises:
        ValidationError: There is no such storage, or its package is not installed.
    """

    def __init__(self, storage: str, seconds: int) -> None:
        self._storage = storage
        self._seconds = seconds + MARGIN
        self._lock = Lock()
        self._counter = _counter(storage)

    def acquire(self, key: str, limit: int) -> float:
        """Count a request and return 0, or return the seconds until one may be sent.

        Raises:
            TransportError: The storage cannot be reached.
        """
        from limits.errors import StorageError

        window = f"backpack_orm/{key}", limit, self._seconds
        try:
            with self._lock:
                if self._counter.acquire_entry(*window):
                    return 0.0
                oldest, _ = self._counter.get_moving_window(*window)
        except StorageError as error:
            problem = type(error.storage_error).__name__
        else:
            # the window is still full at its very end
            return max(float(oldest) + self._seconds - time.time(), 0.0) + 0.001
        raise TransportError(
            f"requests cannot be counted at {_without_password(self._storage)} ({problem}), "
            "so none was sent"
        )

    def renew_lock(self) -> None:
        """Replace the lock, which a thread of the parent process may hold, after a fork."""
        self._lock = Lock()


def _counter(storage: str):  # type: ignore[no-untyped-def]  # limits is imported only if it is used
    """Return the storage."""
    try:
        from limits.errors import ConfigurationError
        from limits.storage import MovingWindowSupport, storage_from_string
    except ImportError:
        raise ValidationError(
            f"limits={_without_password(storage)!r} needs the extra redis: "
            "pip install 'backpack_orm[redis]'"
        ) from None
    counter: object = None
    with suppress(ConfigurationError, ValueError):  # which may contain the storage's password
        counter = storage_from_string(storage, wrap_exceptions=True)
    if isinstance(counter, MovingWindowSupport):
        return counter
    raise ValidationError(
        f"limits={_without_password(storage)!r} is not supported: use "
        "memory://, or redis://HOST:PORT with the package redis installed"
    )


def _without_password(storage: str) -> str:
    """Return a storage's URI for messages.

    >>> _without_password("redis://:secret@127.0.0.1:6379/0")
    'redis://127.0.0.1:6379'
    """
    parts = urlsplit(storage)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
