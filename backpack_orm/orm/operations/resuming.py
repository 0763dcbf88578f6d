"""Operations of several requests, and how they continue where an error has stopped them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from backpack_orm.errors import BackpackError

R = TypeVar("R")


def stopped(
    error: BaseException,
    rest: Callable[[], Any],
    *,
    created: tuple[Any, ...] = (),
    is_repeatable: bool,
) -> None:
    """Have an exception continue a call that it has stopped.

    Args:
        error: The exception.
        rest: Does the rest, and returns the result of the whole call.
        created: The records that the call has created, in order.
        is_repeatable: Whether the same call, unchanged, would do the rest too, and nothing twice.
    """

    def resume() -> Any:
        try:
            return rest()
        except BaseException as again:
            stopped(again, rest, created=created, is_repeatable=is_repeatable)
            raise

    _attach(error, resume, created, is_repeatable)


def add_remark(error: BaseException, remark: str) -> None:
    """Add to what an exception says: to its message, if it is one of the package."""
    add = error.add if isinstance(error, BackpackError) else error.add_note
    add(remark)


def resume_of(error: BaseException) -> Callable[[], Any]:
    """Return the function that continues the call that an exception has stopped."""
    resume: Any = error._resume if isinstance(error, BackpackError) else error.resume  # type: ignore[attr-defined]
    return resume  # type: ignore[no-any-return]  # see _attach


def _attach(
    error: BaseException,
    resume: Callable[[], Any],
    created: tuple[Any, ...],
    is_repeatable: bool,
) -> None:
    error.created = created  # type: ignore[attr-defined]  # an exception has a __dict__
    if isinstance(error, BackpackError):
        error._resume = resume
        error.retryable = error.retryable and is_repeatable
    else:
        error.resume = resume  # type: ignore[attr-defined]


class Resumable(ABC, Generic[R]):
    """An operation that knows what it has done, so that running it again does the rest.

    An error, or Ctrl-C, that stops it gets two attributes: `created`, a tuple of the new records,
    and `resume`, a function that does the rest and returns the result of the whole operation.
    """

    _is_repeatable = False
    """Whether the same call, unchanged, would do the rest too, and nothing twice."""

    def run(self) -> R:
        """Do what is not done yet, and return the result of the whole operation."""
        try:
            return self._run()
        except BaseException as error:
            self._attach(error)
            raise

    @abstractmethod
    def _run(self) -> R: ...

    @property
    @abstractmethod
    def created(self) -> tuple[Any, ...]:
        """The records that exist so far because of the operation, in order."""

    @abstractmethod
    def _state(self) -> str:
        """Return what was done, for the message of an error."""

    def _attach(self, error: BaseException) -> None:
        _attach(error, self.run, self.created, self._is_repeatable or not self.created)
        add_remark(
            error, f"{self._state()}: resume() of this error does the rest, and nothing twice"
        )
