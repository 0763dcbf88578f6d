"""The model behind the page "Scaling": how long many accounts take, and what they need.

It takes what was measured, the rate limit of the service, and an assumption: the time of a request.
"""

from __future__ import annotations

import math

from attrs import frozen

LIMIT, WINDOW = 100, 5
"""The rate limit of an account and address: number of requests, and window in seconds."""
REQUEST_SECONDS = 0.3
"""The time from a request to its response, which was not measured at the service."""


@frozen
class Account:
    """What a sync of an account takes.

    Attributes:
        requests: Number of requests.
        processor: Processor time in seconds.
        files: Number of files of its first snapshot.
        bytes: Their size.
    """

    requests: int
    processor: float
    files: int
    bytes: int


@frozen
class Night:
    """Many accounts of one kind, synced in some hours.

    Attributes:
        account: What each takes.
        accounts: How many there are.
        hours: The time for all.

    >>> account = Account(requests=10, processor=0.05, files=20, bytes=5_000)
    >>> night = Night(account, accounts=9_600, hours=8)
    >>> night.waiting_hours, night.threads, night.processor_hours
    (8.0, 2, 0.13)
    """

    account: Account
    accounts: int
    hours: float

    @property
    def requests(self) -> int:
        """Number of requests."""
        return self.account.requests * self.accounts

    @property
    def requests_per_second(self) -> float:
        """Rate of the requests of all accounts."""
        return self.requests / (self.hours * 3600)

    @property
    def waiting_hours(self) -> float:
        """Hours that one thread waits for responses."""
        return round(self.requests * REQUEST_SECONDS / 3600, 2)

    @property
    def processor_hours(self) -> float:
        """Hours of one processor."""
        return round(self.accounts * self.account.processor / 3600, 2)

    @property
    def threads(self) -> int:
        """Threads that are enough: each waits, or uses a processor, for one account at a time."""
        return math.ceil((self.waiting_hours + self.processor_hours) / self.hours)

    @property
    def processes(self) -> int:
        """Processes that are enough: each uses one processor at most."""
        return math.ceil(self.processor_hours / self.hours)


def shortest_seconds(requests: int) -> int:
    """Return the shortest time for requests of one account from one address.

    >>> shortest_seconds(100), shortest_seconds(101), shortest_seconds(1_000)
    (0, 5, 45)
    """
    return (requests - 1) // LIMIT * WINDOW


def accounts_per_second(account: Account, threads: int) -> float:
    """Return how many accounts threads of one process sync.

    >>> accounts_per_second(Account(10, 0.05, 20, 5_000), threads=6)
    2.0
    """
    waiting = account.requests * REQUEST_SECONDS
    return min(threads / waiting, 1 / account.processor)
