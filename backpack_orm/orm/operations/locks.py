"""Locks for what is read, decided and written as a whole, such as the tags of a page."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from backpack_orm.connection import Connection
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.turns import leave
from backpack_orm.orm.signals import deferred

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model


class _Exclusive:
    """A lock, and the thread that holds it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.thread: int | None = None


_locks: WeakValueDictionary[Hashable, _Exclusive] = WeakValueDictionary()
_guard = Lock()


@contextmanager
def exclusive(key: Hashable) -> Iterator[None]:
    """Lock the block for each key against the other threads of this process.

    A lock lives as long as some thread holds it or waits for it. Signals are sent once it is
    released, so that functions that are called with them may need the same one.

    Raises:
        RuntimeError: This thread holds it: a hook is called while its request is under way, and
            would wait for itself.

    >>> with exclusive(("acme.backpackit.com", 71)), exclusive(("acme.backpackit.com", 72)):
    ...     pass
    """
    with _guard:
        own = _locks.get(key)
        if own is None:
            own = _locks[key] = _Exclusive()
    if own.thread == get_ident():
        raise RuntimeError(
            "a hook cannot change what the call that it is called for is changing: use a signal, "
            "such as Page.saved, which is sent afterwards"
        )
    come_back = leave()
    with deferred(), own.lock:
        own.thread = get_ident()
        try:
            come_back()
            yield
        finally:
            own.thread = None


def deciding_in(place: Connection | Model, model: type[Model]) -> AbstractContextManager[None]:
    """Lock what is created in a place, which depends on what is there, against other threads.

    All places of a page share a lock for the records of one kind, since its items are also those
    of its first list.

    Args:
        place: The connection, or the parent of the records.
        model: The model of the records.
    """
    root: Any = place
    while hasattr(getattr(root, "_source", None), "_source"):
        root = root._source
    if isinstance(root, Connection):
        return exclusive((root.account, model._container))
    account = root.connection.account
    return exclusive((account, model._container, root._record_type, root._saved_id))


@after_fork
def _reset_after_fork() -> None:
    """Replace the locks that other threads of the parent process may have held."""
    global _locks, _guard
    _locks, _guard = WeakValueDictionary(), Lock()
