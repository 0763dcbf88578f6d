"""Schedules requests: short ones have priority, and those of disconnected clients are aborted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TURN = "backpack.turn"
"""Key of the turn in the environment of a request."""

_SHORT = 0.003  # seconds after which a request counts as long
_SLICE = 0.0003  # seconds that a long request runs between two pauses
_PAUSE = 0.00005  # seconds; enough for another thread to take the interpreter lock
_LONGEST_WAIT = 0.01  # maximum seconds that a long request waits for short ones at a checkpoint
_LONGEST_QUEUE = 0.03  # maximum seconds that a short request waits for others to run alone


class ClientGone(Exception):  # noqa: N818 - part of normal operation
    """The client has closed its connection and will not read the response."""


class Turn:
    """The state of one request in the scheduler.

    Attributes:
        began: When it began to wait for its turn, as `time.perf_counter()` counts.
    """

    def __init__(self, scheduler: Scheduler, client_is_gone: Callable[[], bool]) -> None:
        self._scheduler = scheduler
        self._client_is_gone = client_is_gone
        self.began = time.perf_counter()
        self._is_alone = False
        self._next_pause = self.began + _SHORT

    def begin(self) -> None:
        """Wait to run alone, if requests run one after another."""
        self._is_alone = self._scheduler.wait_to_run_alone()
        self._next_pause = time.perf_counter() + _SHORT

    def check_client(self) -> None:
        """Raise `ClientGone` if the client has closed its connection."""
        if self._client_is_gone():
            raise ClientGone

    def checkpoint(self) -> None:
        """Let short requests run first; to be called repeatedly in long work.

        Raises `ClientGone` if the client has closed its connection.
        """
        if time.perf_counter() < self._next_pause:
            return
        self.check_client()
        self.end()
        self._scheduler.let_short_ones_pass()
        self._next_pause = time.perf_counter() + _SLICE

    def let_others_run(self) -> None:
        """Let other short requests run."""
        if self._is_alone:
            self._is_alone = False
            self._scheduler.alone.release()

    def end(self) -> None:
        """Let other short requests run, and stop counting this one among them."""
        self.let_others_run()
        self._scheduler.remove(self)


class Scheduler:
    """Knows the short requests that are running.

    Python runs one thread at a time and switches from a busy thread only every 5 ms. A short
    request needs the interpreter a dozen times, after each step in the database, so next to a long
    request it would take many times as long. Therefore long requests yield: at each checkpoint they
    pause, and wait while short requests are running, up to a limit.

    If statements are executed in this process, short requests run one after another, from their
    start in a thread until the response is buffered. Each statement lets another thread take the
    interpreter, and handing it over takes longer than most statements do.

    Args:
        one_at_a_time: Whether short requests run one after another.

    Attributes:
        alone: Lock of the short request that runs alone.
    """

    def __init__(self, *, one_at_a_time: bool) -> None:
        self.alone = threading.Lock()
        self._one_at_a_time = one_at_a_time
        self._changed = threading.Condition()
        self._short: set[Turn] = set()

    @contextmanager
    def turn(self, client_is_gone: Callable[[], bool]) -> Iterator[Turn]:
        """Count a request as a short one while it runs."""
        turn = Turn(self, client_is_gone)
        with self._changed:
            self._short.add(turn)
        try:
            turn.begin()
            yield turn
        finally:
            turn.end()

    def wait_to_run_alone(self) -> bool:
        """Wait for the lock; return whether it is held.

        After a limit a request runs beside others, since one of them may wait for a lock or a disk.
        """
        return self._one_at_a_time and self.alone.acquire(timeout=_LONGEST_QUEUE)

    def remove(self, turn: Turn) -> None:
        """Do not count a request as a short one: it has ended or turned out to be long."""
        with self._changed:
            self._short.discard(turn)
            if not self._short:
                self._changed.notify_all()

    def let_short_ones_pass(self) -> None:
        """Wait for running short requests, or pause.

        Those that take longer wait for something else, so nobody waits for them again.
        """
        with self._changed:
            awaited = self._short.copy()
            if awaited:
                if not self._changed.wait_for(lambda: not self._short, _LONGEST_WAIT):
                    self._short -= awaited
                return
        time.sleep(_PAUSE)
