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
    """The state of one request in the scheduler."""

    def __init__(self, scheduler: Scheduler, client_is_gone: Callable[[], bool]) -> None:
        self._scheduler = scheduler
        self._client_is_gone = client_is_gone
        self._is_short = True
        self._is_alone = scheduler.wait_to_run_alone()
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
        self._stop_being_short()
        self._scheduler.let_short_ones_pass()
        self._next_pause = time.perf_counter() + _SLICE

    def let_others_run(self) -> None:
        """Let other short requests run, since this one waits for something else."""
        if self._is_alone:
            self._is_alone = False
            self._scheduler.alone.release()

    def end(self) -> None:
        """Stop counting this request."""
        self._stop_being_short()

    def _stop_being_short(self) -> None:
        self.let_others_run()
        if self._is_short:
            self._is_short = False
            self._scheduler.remove_short_one()


class Scheduler:
    """Counts the short requests that are running.

    Python runs one thread at a time and switches from a busy thread only every 5 ms. A short
    request needs the interpreter a dozen times, after each step in the database, so next to a long
    request it would take many times as long. Therefore long requests yield: at each checkpoint they
    pause, and wait while short requests are running, up to a limit.

    Short requests run one after another, from reading their headers to writing the response, if
    statements are executed in this process. Each statement lets another thread take the
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
        self._short = 0

    @contextmanager
    def turn(self, client_is_gone: Callable[[], bool]) -> Iterator[Turn]:
        """Count a request while it runs."""
        with self._changed:
            self._short += 1
        turn = Turn(self, client_is_gone)
        try:
            yield turn
        finally:
            turn.end()

    def wait_to_run_alone(self) -> bool:
        """Wait for the lock; return whether it is held.

        After a limit a request runs beside others, since one of them may wait for a lock or a disk.
        """
        return self._one_at_a_time and self.alone.acquire(timeout=_LONGEST_QUEUE)

    def remove_short_one(self) -> None:
        """Count one short request less: it has ended or turned out to be long."""
        with self._changed:
            self._short -= 1
            if not self._short:
                self._changed.notify_all()

    def let_short_ones_pass(self) -> None:
        """Wait for running short requests, or pause."""
        with self._changed:
            if self._short:
                self._changed.wait_for(lambda: not self._short, _LONGEST_WAIT)
                return
        time.sleep(_PAUSE)
