"""Operations over many records: one call for each, several at once, and what became of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextvars import copy_context
from threading import Event, Lock
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from attrs import frozen

from backpack_orm.connection import parallel
from backpack_orm.connection.counters import tallied
from backpack_orm.connection.turns import turn
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    NotConnected,
    ValidationError,
    may_have_happened,
    short_repr,
)
from backpack_orm.orm.operations.progress import Progress, reporting
from backpack_orm.orm.operations.resuming import add_remark, stopped
from backpack_orm.rich_display import RichDisplay

T = TypeVar("T")
R = TypeVar("R")
OnError: TypeAlias = Literal["stop", "continue"]

_HOPELESS = (AuthenticationError, NotConnected)
"""Errors that every further call would raise too."""


class Failure(NamedTuple, Generic[T]):
    """A record on which an operation failed.

    Attributes:
        record: The record, or what was to become one.
        error: The error.

    >>> from backpack_orm.orm.operations.bulk import run
    >>> result = run("finding pages", Page.find, [1], on_error="continue")
    >>> [(record, error.status) for record, error in result.failed]
    [(1, 404)]
    """

    record: T
    error: BaseException

    @property
    def saved(self) -> tuple[str, ...]:
        """Names of the attributes that were saved before the error.

        >>> Failure(Page.all()[0], NotFound("no such page")).saved
        ()
        """
        saved: tuple[str, ...] = getattr(self.error, "saved", ())
        return saved


@frozen(repr=False)
class BulkResult(RichDisplay, Generic[T, R]):
    """What an operation over many records has done. Each record is in one of five groups, in order.

    An operation that does not finish, because of an error or of Ctrl-C, attaches this result to the
    exception: see `BulkResult.of`.

    Attributes:
        succeeded: The records on which the operation succeeded.
        values: What it returned for each of them, such as a `SaveResult`.
        failed: The records on which it failed, each with its error. Nothing of them was changed.
        partial: The records on which it failed after a part was saved, each with its error and the
            names of the attributes that were `saved`.
        unknown: The records of which the outcome is unknown, each with its error: the response was
            lost. Look at them before you try again.
        not_attempted: The records for which nothing was sent.
        requests: Number of requests of the operation, with those that it made to read.

    >>> from backpack_orm.orm.operations.bulk import run
    >>> result = run("loading pages", Page.reload, Page.all()[:2])
    >>> result
    BulkResult(2 succeeded, 2 requests)
    >>> result.is_complete
    True
    """

    succeeded: tuple[T, ...] = ()
    values: tuple[R, ...] = ()
    failed: tuple[Failure[T], ...] = ()
    partial: tuple[Failure[T], ...] = ()
    unknown: tuple[Failure[T], ...] = ()
    not_attempted: tuple[T, ...] = ()
    requests: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the operation succeeded on all records.

        >>> from backpack_orm.orm.operations.bulk import run
        >>> run("finding pages", Page.find, [1], on_error="continue").is_complete
        False
        """
        return not (self.failed or self.partial or self.unknown or self.not_attempted)

    @staticmethod
    def of(error: BaseException) -> BulkResult[Any, Any]:
        """Return the result that an exception carries as its attribute `result`.

        Raises:
            ValueError: It carries none: it was raised before the operation started.

        >>> from backpack_orm.orm.operations.bulk import run
        >>> try:
        ...     run("finding pages", Page.find, [1, 2, 3], workers=1)
        ... except NotFound as error:
        ...     BulkResult.of(error)
        BulkResult(0 succeeded, 1 failed, 2 not attempted, 1 request)
        """
        result = getattr(error, "result", None)
        if not isinstance(result, BulkResult):
            raise ValueError(f"{type(error).__name__} carries no result") from error
        return result

    def __repr__(self) -> str:
        counts = {
            "failed": len(self.failed),
            "partial": len(self.partial),
            "unknown": len(self.unknown),
            "not attempted": len(self.not_attempted),
        }
        others = "".join(f", {count} {name}" for name, count in counts.items() if count)
        request = "request" if self.requests == 1 else "requests"
        return f"BulkResult({len(self.succeeded)} succeeded{others}, {self.requests} {request})"


def run(
    what: str,
    function: Callable[[T], R],
    records: Iterable[T],
    *,
    on_error: OnError = "stop",
    progress: bool | Progress = False,
    workers: int | None = None,
    shared: Callable[[T], Hashable] = id,
    is_repeatable: bool = True,
) -> BulkResult[T, R]:
    """Call a function once for each record, in threads, and return what became of each record.

    Calls start in the order of the records. Each runs in a copy of the caller's context. Those that
    share objects take turns, but wait for their responses at the same time, see `connection.turns`.

    Args:
        what: What is done, for the progress, such as `updating pages`.
        function: Makes the requests for one record.
        records: The records, or whatever the function takes.
        on_error: `"stop"`: start no further call after the first error, and raise it. `"continue"`:
            go on, unless every further call would raise the same: the token is wrong.
        progress: True to show it on standard error, or a function that takes what is done, the
            number of finished calls, and the total. It is called in the thread of the caller.
        workers: The number of threads; None: as many as the rate limits allow to be of use. 1: one
            call after the other.
        shared: Returns a key for a record: records of one key have objects in common.
        is_repeatable: Whether the same operation, unchanged, would do the rest, and nothing twice.
            In any case, `resume` of an error does the rest.

    Raises:
        ValidationError: `on_error` has another value.
        BackpackError: A call failed, and `on_error` is `"stop"`; the first in the order of the
            records. Other exceptions are always raised. All carry the result: `error.result`.
        KeyboardInterrupt: The user pressed Ctrl-C. Calls under way were finished; a second Ctrl-C
            does not wait for them. It carries the result too.
    """
    if on_error not in ("stop", "continue"):
        raise ValidationError(f'on_error takes "stop" or "continue", not {short_repr(on_error)}')
    with tallied() as tally:
        calls = _Calls(function, list(records), shared, is_stopping=on_error == "stop")
    calls.requests = tally.requests  # of loading the records

    def rest() -> BulkResult[T, R]:
        with tallied() as tally:
            try:
                calls.run(what, progress, workers or parallel.WORKERS)
            except BaseException as interrupt:
                attach(interrupt, calls.result(tally.requests, interrupt))
                raise
            result = calls.result(tally.requests)
        error = calls.stopped_by()
        if error is not None:
            attach(error, result)
            raise error
        return result

    def attach(error: BaseException, result: BulkResult[T, R]) -> None:
        if result.succeeded or getattr(error, "saved", ()):
            is_harmless = is_repeatable or not result.succeeded
            stopped(error, rest, is_repeatable=is_harmless)
        _attach(error, result)

    return rest()


def _attach(error: BaseException, result: BulkResult[Any, Any]) -> None:
    error.result = result  # type: ignore[attr-defined]  # an exception has a __dict__
    add_remark(error, f"{len(result.succeeded)} done, {len(result.not_attempted)} not attempted")


class _Calls(Generic[T, R]):
    """The calls of one operation, of which several run at the same time."""

    def __init__(
        self,
        function: Callable[[T], R],
        records: Sequence[T],
        shared: Callable[[T], Hashable],
        *,
        is_stopping: bool,
    ) -> None:
        self._function = function
        self._records = records
        self._shared = shared
        self._is_stopping = is_stopping
        self._locks: defaultdict[Hashable, Lock] = defaultdict(Lock)
        self._stop = Event()
        self._values: dict[int, R] = {}
        self._errors: dict[int, BaseException] = {}
        self._started: set[int] = set()
        self.requests = 0

    def run(self, what: str, progress: bool | Progress, workers: int) -> None:
        """Make the calls that have not succeeded, until one stops them.

        Those under way are always finished.
        """
        self._stop.clear()
        self._errors.clear()
        self._started = set(self._values)
        left = [index for index in range(len(self._records)) if index not in self._values]
        pool = ThreadPoolExecutor(workers, thread_name_prefix="backpack_orm")
        try:
            with reporting(progress) as report:
                futures: list[Future[bool]] = [
                    pool.submit(copy_context().run, self._call, index, self._lock_of(index))
                    for index in left
                ]
                made = (future for future in as_completed(futures) if future.result())
                for done, _ in enumerate(made, 1):
                    report(what, done, len(futures))
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)

    def _lock_of(self, index: int) -> Lock:
        return self._locks[self._shared(self._records[index])]

    def _call(self, index: int, lock: Lock) -> bool:
        """Make a call, and return whether it was made: not if the operation has stopped."""
        with turn(lock):
            if self._stop.is_set():
                return False
            self._started.add(index)
            try:
                self._values[index] = self._function(self._records[index])
            except BaseException as error:
                self._errors[index] = error
                if self._stops(error):
                    self._stop.set()
            return True

    def _stops(self, error: BaseException) -> bool:
        is_of_one_record = isinstance(error, BackpackError) and not isinstance(error, _HOPELESS)
        return self._is_stopping or not is_of_one_record

    def stopped_by(self) -> BaseException | None:
        """Return the error that ended the operation, the first in the order of the records."""
        errors = (self._errors[index] for index in sorted(self._errors))
        return next(filter(self._stops, errors), None)

    def result(self, requests: int, interrupt: BaseException | None = None) -> BulkResult[T, R]:
        """Return what became of each record; it is unknown of calls that did not end."""
        self.requests += requests
        failed: list[Failure[T]] = []
        partial: list[Failure[T]] = []
        unknown: list[Failure[T]] = []
        not_attempted: list[T] = []
        for index, record in enumerate(self._records):
            error = self._errors.get(index)
            if error is not None:
                failure = Failure(record, error)
                is_partial = failure.saved or getattr(error, "created", ())
                known = partial if is_partial else failed
                (unknown if may_have_happened(error) else known).append(failure)
            elif index not in self._started:
                not_attempted.append(record)
            elif index not in self._values:
                assert interrupt is not None
                unknown.append(Failure(record, interrupt))
        done = sorted(self._values)
        return BulkResult(
            tuple(self._records[index] for index in done),
            tuple(self._values[index] for index in done),
            tuple(failed),
            tuple(partial),
            tuple(unknown),
            tuple(not_attempted),
            self.requests,
        )
