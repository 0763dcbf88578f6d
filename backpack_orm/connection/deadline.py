"""The moment at which a call has to end."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A moment at which a call has to end.

    Args:
        seconds: Seconds from now on.
        clock: A monotonic clock in seconds.
    """

    __slots__ = ("_clock", "_end", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] | None = None) -> None:
        self.seconds = seconds
        self._clock = clock or time.monotonic
        self._end = self._clock() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left; 0 or less when it has passed."""
        return self._end - self._clock()

    def cap(self, seconds: float) -> float:
        """Return a time-out that ends with the deadline at the latest.

        Raises:
            TimeoutError: The deadline has passed.
        """
        remaining = self.remaining
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        return min(seconds, remaining)
