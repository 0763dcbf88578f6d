"""Calling a function for many arguments in threads, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

S = TypeVar("S")
T = TypeVar("T")

WORKERS = 8
"""More threads would only wait: the service accepts twenty requests per second."""


def in_order(
    function: Callable[[S], T],
    arguments: Iterable[S],
    *,
    ahead: int | None = None,
    workers: int | None = None,
) -> Iterator[T]:
    """Yield the results of a function in the order of the arguments, computed ahead in threads.

    If a call fails, or if the iterator is closed, calls that have not started are cancelled.

    Args:
        function: The function to call; several threads call it at the same time.
        arguments: The arguments, one for each call.
        ahead: The number of calls to start at first; doubled after each result, up to `workers`.
            None: start `workers` calls at once.
        workers: The number of threads; None: `WORKERS`.

    >>> list(in_order(abs, [-3, 1, -2]))
    [3, 1, 2]
    """
    from concurrent.futures import ThreadPoolExecutor  # most programs never need it

    workers = workers or WORKERS
    ahead = ahead or workers
    pending: deque[Future[T]] = deque()
    left = iter(arguments)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="backpack_orm")
    try:
        while True:
            for argument in left:
                pending.append(pool.submit(function, argument))
                if len(pending) >= ahead:
                    break
            if not pending:
                return
            yield pending.popleft().result()
            ahead = min(2 * ahead, workers)
    finally:
        pool.shutdown(cancel_futures=True)
