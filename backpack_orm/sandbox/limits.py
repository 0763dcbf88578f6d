"""Rate limits: how many calls an account can make from one address in some time."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta
from enum import Enum

WINDOW = timedelta(seconds=5)


class Family(Enum):
    """Groups of calls with a common limit, and the number of calls per window."""

    CALENDARS = 10
    ALL_ELSE = 100


class Busy(Exception):  # noqa: N818 - part of normal operation
    """The limit is reached, or the database is busy; retry after some seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many requests: wait {wait} s")
        self.wait = wait


class Limits:
    """Moving windows, one for each family of calls, account and client address.

    Refused requests are not counted, so a request after the given time succeeds.
    """

    def __init__(self) -> None:
        self._served: defaultdict[tuple[int, str, Family], deque[datetime]] = defaultdict(deque)
        self._lock = threading.Lock()

    def count(self, account: int, address: str, family: Family, now: datetime) -> None:
        """Count a request, or raise `Busy` if the limit is reached."""
        with self._lock:
            served = self._served[account, address, family]
            while served and served[0] + WINDOW <= now:
                served.popleft()
            if len(served) >= family.value:
                raise Busy(math.ceil((served[0] + WINDOW - now).total_seconds()))
            served.append(now)
