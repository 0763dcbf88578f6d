"""Reading the journal, which the service returns in pages of a hundred entries, newest first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from backpack_orm.connection import Connection
from backpack_orm.models.time_windows import TimeWindow, is_earlier
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import Record, Response

_LENGTH = 100  # the most that the service returns at once
_order = itertools.count()


class _Page(NamedTuple):
    """One page of the journal.

    `asked` and `received` tell whether it was read before or after another page.
    """

    asked: int
    received: int
    records: tuple[Record, ...]

    @property
    def is_last(self) -> bool:
        return len(self.records) < _LENGTH


class JournalPages:
    """The pages of one journal, read as they are needed.

    A new entry moves all others back, so an entry may be on two pages, but it is on none only if a
    page was read before the one in front of it. Such a page, from the cache or from the search for
    the first page, is read again.

    Args:
        connection: The account.
        endpoint: The call that returns a page.
        ids: The ids in its path.
        read: Parses a response.
        position: Where a record has the time of creation.
        fresh: Bypass the cache.
    """

    def __init__(
        self,
        connection: Connection,
        endpoint: Endpoint,
        ids: tuple[int, ...],
        *,
        read: Callable[[Response], tuple[Record, ...]],
        position: int,
        fresh: bool,
    ) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._ids = ids
        self._read_records = read
        self._position = position
        self._fresh = fresh

    def records(self, window: TimeWindow) -> Iterator[Record]:
        """Yield each record of the pages that a time window needs, once."""
        seen: set[int] = set()
        for page in self._pages(window):
            for record in page.records:
                if record[0] not in seen:
                    seen.add(record[0])
                    yield record

    def _pages(self, window: TimeWindow) -> Iterator[_Page]:
        n, page = self._first(window)
        while True:
            yield page
            if page.is_last or self._is_past(page, window):
                return
            n += 1
            following = self._page(n)
            if following.asked < page.received:
                following = self._page(n, fresh=True)
            page = following

    def _first(self, window: TimeWindow) -> tuple[int, _Page]:
        """Return the first page that a window needs, found by doubling steps and bisection."""
        low, high, page = -1, 0, self._page(0)
        while self._is_ahead(page, window):
            low, high = high, 2 * high or 1
            page = self._page(high)
        while high - low > 1:
            middle = (low + high) // 2
            candidate = self._page(middle)
            if self._is_ahead(candidate, window):
                low = middle
            else:
                high, page = middle, candidate
        if page.records and not self._times(page):
            return 0, self._page(0)
        if high and not self._starts_ahead(page, window):
            # An entry may have moved from this page to the one in front since it was read.
            return high - 1, self._page(high - 1, fresh=True)
        return high, page

    def _page(self, n: int, *, fresh: bool = False) -> _Page:
        asked = next(_order)

        def read(response: Response) -> _Page:
            records = self._read_records(response)
            return _Page(asked, next(_order), records)

        return self._connection.call(
            self._endpoint, (*self._ids, n), read=read, fresh=fresh or self._fresh
        )

    def _is_ahead(self, page: _Page, window: TimeWindow) -> bool:
        """Return whether all entries of a page, and of those in front, are after a window."""
        times = self._times(page)
        return bool(times) and not page.is_last and window.ends_before(times[-1], self._connection)

    def _starts_ahead(self, page: _Page, window: TimeWindow) -> bool:
        times = self._times(page)
        return bool(times) and window.ends_before(times[0], self._connection)

    def _is_past(self, page: _Page, window: TimeWindow) -> bool:
        """Return whether all entries behind a page are before a window."""
        times = self._times(page)
        return bool(times) and window.starts_after(times[-1], self._connection)

    def _times(self, page: _Page) -> list[datetime]:
        """Return the times of a page; none if it is not in order, so that every page is read."""
        times = [record[self._position] for record in page.records]
        if not all(isinstance(moment, datetime) for moment in times):
            return []
        is_ordered = not any(
            is_earlier(newer, older, self._connection) for newer, older in itertools.pairwise(times)
        )
        return times if is_ordered else []
