"""Request limits: how many calls an account may make from one address within a while."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta
from enum import Enum

WINDOW = timedelta(seconds=5)


class Family(Enum):
    """Calls that are counted together, and how many of them a window takes."""

    CALENDARS = 10
    ALL_ELSE = 100


class Busy(Exception):  # noqa: N818 - says what is the case
    """Too many requests; there is room for another one after some seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many requests: wait {wait} s")
        self.wait = wait


class Limits:
    """A window for each family of calls of each account from each address.

    It moves with the clock, so that it always holds the last five seconds. What was refused is not
    in it: who waits as told is served.
    """

    def __init__(self) -> None:
        self._served: defaultdict[tuple[int, str, Family], deque[datetime]] = defaultdict(deque)
        self._lock = threading.Lock()

    def count(self, account: int, address: str, family: Family, now: datetime) -> None:
        """Let one more request pass, or raise `Busy`."""
        with self._lock:
            served = self._served[account, address, family]
            while served and served[0] + WINDOW <= now:
                served.popleft()
            if len(served) >= family.value:
                raise Busy(math.ceil((served[0] + WINDOW - now).total_seconds()))
            served.append(now)
