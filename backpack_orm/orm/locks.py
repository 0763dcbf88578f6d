"""Locks for records that are read, changed and written as a whole, such as the tags of a page."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakValueDictionary

from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.turns import leave
from backpack_orm.orm.signals import deferred

_locks: WeakValueDictionary[Hashable, Lock] = WeakValueDictionary()
_guard = Lock()


@contextmanager
def exclusive(key: Hashable) -> Iterator[None]:
    """Lock the block for each key against the other threads of this process.

    A lock lives as long as some thread holds it or waits for it. Signals are sent once it is
    released, so that functions that are called with them may need the same one.

    >>> with exclusive(("acme.backpackit.com", 71)), exclusive(("acme.backpackit.com", 72)):
    ...     pass
    """
    with _guard:
        lock = _locks.get(key)
        if lock is None:
            lock = _locks[key] = Lock()
    come_back = leave()
    with deferred(), lock:
        come_back()
        yield


@after_fork
def _reset_after_fork() -> None:
    """Replace the locks that other threads of the parent process may have held."""
    global _locks, _guard
    _locks, _guard = WeakValueDictionary(), Lock()
