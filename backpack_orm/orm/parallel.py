"""Doing many things at once, and giving their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

S = TypeVar("S")
T = TypeVar("T")

WORKERS = 8
"""More would only wait: the service takes twenty requests a second."""


def in_order(
    function: Callable[[S], T], things: Sequence[S], *, ahead: int | None = None
) -> Iterator[T]:
    """The results of a function, in the order of what it is given, some made ahead of their turn.

    When one fails, or when nobody wants the next, no other is begun.

    Args:
        function: What threads may call at the same time.
        things: What it is given, one at a time.
        ahead: How many are made at once in the beginning, and twice as many after each result, up
            to `WORKERS`; None: as many as that at once.

    >>> list(in_order(abs, [-3, 1, -2]))
    [3, 1, 2]
    """
    from concurrent.futures import ThreadPoolExecutor  # most programs never need it

    ahead = ahead or WORKERS
    pending: deque[Future[T]] = deque()
    left = iter(things)
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="backpack_orm")
    try:
        while True:
            for thing in left:
                pending.append(pool.submit(function, thing))
                if len(pending) >= ahead:
                    break
            if not pending:
                return
            yield pending.popleft().result()
            ahead = min(2 * ahead, WORKERS)
    finally:
        pool.shutdown(cancel_futures=True)
