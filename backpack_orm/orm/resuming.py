"""Operations that create several records, and continue where an error has stopped them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from backpack_orm.errors import BackpackError

R = TypeVar("R")


class Resumable(ABC, Generic[R]):
    """An operation that knows what it has done, so that running it again does the rest.

    An error, or Ctrl-C, that stops it gets two attributes: `created`, a tuple of the new records,
    and `resume`, a function that does the rest and returns the result of the whole operation.
    """

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
        remark = f"{self._state()}: resume() of this error does the rest, and nothing twice"
        if isinstance(error, BackpackError):
            error.created, error._resume = self.created, self.run
            error.add(remark)
        else:
            error.created = self.created  # type: ignore[attr-defined]  # an exception has a
            error.resume = self.run  # type: ignore[attr-defined]  # __dict__
            error.add_note(remark)
