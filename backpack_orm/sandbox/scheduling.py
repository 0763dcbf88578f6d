"""Priorities of requests: short ones go first, and nobody works for a client that is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SLICE = 0.0003  # seconds that a long request works between two naps
_NAP = 0.00005  # seconds; enough for another thread to take the interpreter lock
_LONGEST_WAIT = 0.01  # seconds that a long request waits for short ones at a time


class ClientGone(Exception):  # noqa: N818 - says what happened
    """The client has closed its connection, so nobody will read the response."""


class Turn:
    """The part of one request in the scheduling; it ends with the request."""

    def __init__(self, scheduler: Scheduler, client_is_gone: Callable[[], bool]) -> None:
        self._scheduler = scheduler
        self._client_is_gone = client_is_gone
        self._is_short = True
        self._last_nap = time.perf_counter()

    def check_client(self) -> None:
        """Raise `ClientGone` if the client has closed its connection."""
        if self._client_is_gone():
            raise ClientGone

    def checkpoint(self) -> None:
        """Let short requests go first; to be called again and again in work that may take long.

        Raises `ClientGone` if the client has closed its connection.
        """
        now = time.perf_counter()
        if now - self._last_nap < _SLICE:
            return
        self.check_client()
        self._end_being_short()
        self._scheduler.let_short_ones_pass()
        self._last_nap = time.perf_counter()

    def end(self) -> None:
        """Count this request no longer."""
        self._end_being_short()

    def _end_being_short(self) -> None:
        if self._is_short:
            self._is_short = False
            self._scheduler.remove_short_one()


class Scheduler:
    """Counts the short requests that are being served.

    Python executes one thread at a time, and takes the interpreter from a busy thread only every
    5 ms. A short request needs it some dozen times, once after each step in the database, so beside
    a long one it would take many times as long as alone. Therefore long requests stop of their own
    accord: at each checkpoint they nap, and wait while short ones are being served, though never
    for long.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._short = 0

    @contextmanager
    def turn(self, client_is_gone: Callable[[], bool]) -> Iterator[Turn]:
        """Count a request while it is served."""
        with self._changed:
            self._short += 1
        turn = Turn(self, client_is_gone)
        try:
            yield turn
        finally:
            turn.end()

    def remove_short_one(self) -> None:
        """Count one short request less: it has ended, or proved to be a long one."""
        with self._changed:
            self._short -= 1
            if not self._short:
                self._changed.notify_all()

    def let_short_ones_pass(self) -> None:
        """Give way to the short requests that are being served, or just nap."""
        with self._changed:
            if self._short:
                self._changed.wait_for(lambda: not self._short, _LONGEST_WAIT)
                return
        time.sleep(_NAP)
