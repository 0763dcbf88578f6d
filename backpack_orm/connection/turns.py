"""Turns: threads that share objects run one at a time, except while they wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

_turn: ContextVar[Lock | None] = ContextVar("backpack_orm_turn", default=None)


@contextmanager
def turn(lock: Lock) -> Iterator[None]:
    """Run a block while no other thread runs a block with the same lock, see `waiting`.

    Several threads can so work on the records of one page: their requests overlap, but no two of
    them change the objects at the same time.

    >>> lock = Lock()
    >>> with turn(lock):
    ...     with waiting():
    ...         lock.locked()
    False
    """
    with lock:
        before = _turn.set(lock)
        try:
            yield
        finally:
            _turn.reset(before)


@contextmanager
def waiting() -> Iterator[None]:
    """Let other threads run during a block that waits, see `leave`."""
    come_back = leave()
    try:
        yield
    finally:
        come_back()


def leave() -> Callable[[], object]:
    """Let other threads run until the returned function is called, which waits for its turn.

    A thread that waits for another one must not hold up that one. So everything that may wait long,
    for a response or for a lock, leaves the turn before.
    """
    lock = _turn.get()
    if lock is None:
        return _nothing
    lock.release()
    return lock.acquire


def _nothing() -> None:
    """Do nothing: there are no turns in this thread."""
