"""The connections of this process, and what has to be reset when the process forks."""

from __future__ import annotations

import os
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from backpack_orm.connection import cache
from backpack_orm.connection.rate_limits import renew_locks


class Registered(Protocol):
    """What a connection has to offer to be registered."""

    def _reset_after_fork(self) -> None:
        """Share nothing with the parent process."""


_connections: WeakSet[Registered] = WeakSet()
_lock = Lock()


def add(connection: Registered) -> None:
    """Register a connection for as long as somebody holds it."""
    with _lock:
        _connections.add(connection)


def registered() -> list[Registered]:
    """Return the connections that somebody holds."""
    with _lock:
        return list(_connections)


def _reset_after_fork() -> None:
    """Replace all that the child process would share with its parent, or wait for in vain."""
    global _lock
    _lock = Lock()
    renew_locks()
    cache.reset_after_fork()
    for connection in registered():
        connection._reset_after_fork()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_reset_after_fork)
