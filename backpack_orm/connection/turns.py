"""Turns: threads that share objects run one at a time, except while they wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, get_ident


class _Turn:
    """The turn of one thread. Other threads may run in a copy of its context, without the turn."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        self.thread = get_ident()
        self.is_held = True

    def leave(self) -> None:
        self.is_held = False
        self.lock.release()

    def come_back(self) -> None:
        self.lock.acquire()
        self.is_held = True


_turn: ContextVar[_Turn | None] = ContextVar("backpack_orm_turn", default=None)


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
        own = _Turn(lock)
        before = _turn.set(own)
        try:
            yield
        finally:
            own.is_held = False
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
    for a response or for a lock, leaves the turn before. A hook that makes a request while its
    thread waits has left the turn already.
    """
    turn = _turn.get()
    if turn is None or not turn.is_held or turn.thread != get_ident():
        return _nothing
    turn.leave()
    return turn.come_back


def _nothing() -> None:
    """Do nothing: this thread has no turn."""
