"""Destroying many records, each soon after a reading has proven that it may be destroyed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from backpack_orm.connection import parallel
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.progress import Progress, reporting

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


def in_portions(
    what: str,
    records: Sequence[M],
    *,
    prove: Callable[[Sequence[M]], Sequence[M]],
    destroy: Callable[[M], object],
    progress: bool | Progress,
) -> None:
    """Destroy records, as many at a time as there are threads to do it.

    What somebody else changes between the reading of a portion and the requests that destroy it is
    lost. That takes as long as two responses, and up to five seconds more at the rate limit.

    Args:
        what: What is done, for the progress.
        records: The records.
        prove: Reads some of them, raises if one must not be destroyed, and returns those that are
            left to destroy.
        destroy: Makes the request for one record.
        progress: As for `bulk.run`, for all records together.
    """
    size, total = parallel.WORKERS, len(records)
    with reporting(progress) as report:
        for start in range(0, total, size):
            proven = prove(records[start : start + size])

            def report_all(what: str, done: int, _: int, start: int = start) -> None:
                report(what, start + done, total)

            if proven:
                bulk.run(
                    what,
                    destroy,
                    proven,
                    progress=report_all,
                    shared=lambda record: id(record._parent),
                )
