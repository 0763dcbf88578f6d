"""Locks between the threads of a sandbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class LockTimeout(Exception):  # noqa: N818 - part of normal operation
    """The lock could not be acquired in time."""


class ReadWriteLock:
    """A lock for many readers or one writer. Waiting writers have priority.

    With `readers_wait=False` only writers lock, for storage whose readers use snapshots.
    """

    def __init__(self, timeout: float, *, readers_wait: bool) -> None:
        self._timeout = timeout
        self._readers_wait = readers_wait
        self._changed = threading.Condition()
        self._readers = 0
        self._waiting_writers = 0
        self._is_written = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock as a reader; raise `LockTimeout` if it is not available in time."""
        if not self._readers_wait:
            yield
            return
        with self._changed:
            self._wait_until(lambda: not (self._is_written or self._waiting_writers))
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock as the writer; raise `LockTimeout` if it is not available in time."""
        with self._changed:
            self._waiting_writers += 1
            try:
                self._wait_until(lambda: not (self._is_written or self._readers))
                self._is_written = True
            finally:
                self._waiting_writers -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._is_written = False
                self._changed.notify_all()

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        if not self._changed.wait_for(condition, self._timeout):
            raise LockTimeout
