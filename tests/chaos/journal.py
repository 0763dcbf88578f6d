"""What the clients of a campaign know of their writes, and how that compares with what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

from attrs import define, field, frozen

from backpack_orm import BackpackError, OutcomeUnknown

Key: TypeAlias = tuple[str, str, str]
"""The page where a record stands, its kind, and the word that marks it."""
State: TypeAlias = object
"""What is told of a record; None where there is none."""
T = TypeVar("T")


@frozen
class Differences:
    """What is not as it was told.

    Attributes:
        lost: Records that should be there or look otherwise: a write that was told did not happen.
        doubled: Records that are there once too often.
        unreported: Records that are there although nobody was told so.
    """

    lost: int = 0
    doubled: int = 0
    unreported: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.lost + self.doubled + self.unreported

    def __add__(self, other: Differences) -> Differences:
        return Differences(
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.unreported + other.unreported,
        )


@define
class Journal:
    """The states that each record may have, as far as its writer was told.

    Every record is written by one thread only; so is its entry here.
    """

    outcomes: Counter[str] = field(factory=Counter)
    _states: dict[Key, frozenset[State]] = field(factory=dict)

    def write(
        self,
        key: Key,
        change: Callable[[State], State],
        send: Callable[[], T],
        *,
        is_repeatable: bool,
    ) -> T | None:
        """Send a write that changes a record so, and note what was told of it.

        What cannot be repeated was not done, unless an error says that nobody knows. What can be
        may have been done by a try before the one that failed.
        """
        before = self._states.get(key, frozenset({None}))
        after = frozenset(map(change, before))
        try:
            result = send()
        except OutcomeUnknown:
            self._note(key, before | after, "unknown")
        except BackpackError:
            self._note(key, before | after if is_repeatable else before, "failed")
        else:
            self._note(key, after, "done")
            return result
        return None

    def differences(self, page: str, found: Mapping[Key, list[State]]) -> Differences:
        """How what was found on a page differs from what was told of it."""
        here = {key for key in [*self._states] if key[0] == page}
        return self._compared(here, found)

    def all_differences(self, found: Mapping[Key, list[State]]) -> Differences:
        """How all that was found differs from all that was told."""
        return self._compared([*self._states], found)

    def _note(self, key: Key, states: frozenset[State], outcome: str) -> None:
        self._states[key] = states
        self.outcomes[outcome] += 1

    def _compared(self, known: Iterable[Key], found: Mapping[Key, list[State]]) -> Differences:
        each = (self._difference(key, found.get(key, [])) for key in {*known, *found})
        return sum(each, Differences())

    def _difference(self, key: Key, there: list[State]) -> Differences:
        states = self._states.get(key, frozenset({None}))
        if len(there) > 1:
            return Differences(doubled=len(there) - 1)
        if not there:
            return Differences(lost=None not in states)
        if states == {None}:
            return Differences(unreported=1)
        return Differences(lost=there[0] not in states)
