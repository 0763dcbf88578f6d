"""What a connection has done so far, in numbers."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from backpack_orm.rich_display import RichDisplay


@frozen
class Stats(RichDisplay):
    """What a connection has done so far.

    Attributes:
        requests: Requests sent.
        cache_hits: Reads whose response came from the cache.
        retries: Requests that were sent again after a failure.
        seconds_waited: Seconds that calls have waited before they were sent, in total.
        by_endpoint: Requests by call of the API.
        retries_by_endpoint: Retries by call of the API.

    >>> Page.all()[0].connection.stats.by_endpoint
    {'POST /ws/pages/all': 1}
    """

    requests: int
    cache_hits: int
    retries: int
    seconds_waited: float
    by_endpoint: Mapping[str, int] = field(repr=False)
    retries_by_endpoint: Mapping[str, int] = field(repr=False)
