"""Calling a function for many things in threads, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

S = TypeVar("S")
T = TypeVar("T")

WORKERS = 8
"""More would only wait: the service takes twenty requests a second."""


def in_order(
    function: Callable[[S], T],
    things: Iterable[S],
    *,
    ahead: int | None = None,
    workers: int | None = None,
) -> Iterator[T]:
    """Yield the results of a function in the order of its arguments, computed ahead in threads.

    When a call fails, or when the iterator is closed, calls that have not begun are not made.

    Args:
        function: Several threads call it at the same time.
        things: What it is called with, one at a time.
        ahead: How many calls are begun at first; after each result twice as many, up to
            `workers`. None: `workers` at once.
        workers: The number of threads; None: `WORKERS`.

    >>> list(in_order(abs, [-3, 1, -2]))
    [3, 1, 2]
    """
    from concurrent.futures import ThreadPoolExecutor  # most programs never need it

    workers = workers or WORKERS
    ahead = ahead or workers
    pending: deque[Future[T]] = deque()
    left = iter(things)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="backpack_orm")
    try:
        while True:
            for thing in left:
                pending.append(pool.submit(function, thing))
                if len(pending) >= ahead:
                    break
            if not pending:
                return
            yield pending.popleft().result()
            ahead = min(2 * ahead, workers)
    finally:
        pool.shutdown(cancel_futures=True)
