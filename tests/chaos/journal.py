"""The results that the clients of a campaign received for their writes, compared with storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TypeAlias, TypeVar

from attrs import define, field, frozen

from backpack_orm import BackpackError, OutcomeUnknown

Key: TypeAlias = tuple[str, str, str]
"""The page of a record, its type, and the mark that identifies it."""
State: TypeAlias = object
"""The known state of a record; None if there is none."""
T = TypeVar("T")


class Kind(Enum):
    """How a record differs from the reported results."""

    LOST = "a write that was reported as done is not stored"
    DOUBLED = "a record is stored more than once"
    UNREPORTED = "a record is stored although no write reported it"


@frozen
class Difference:
    """A record that differs from the reported results.

    Attributes:
        kind: How it differs.
        key: Identifies the record.
        expected: Its possible states, according to the reported results.
        actual: Its stored states, one for each copy found.
    """

    kind: Kind
    key: Key
    expected: frozenset[State]
    actual: tuple[State, ...]

    def __str__(self) -> str:
        expected = " or ".join(sorted(map(repr, self.expected)))
        actual = ", ".join(map(repr, self.actual)) or "nothing"
        return (
            f"{self.kind.name.lower()}: {' '.join(self.key)}: expected {expected}, found {actual}"
        )


@define
class Journal:
    """The possible states of each record, according to the results that its writer received.

    Only one thread writes a record and its entry here.
    """

    outcomes: Counter[str] = field(factory=Counter)
    _states: dict[Key, frozenset[State]] = field(factory=dict)

    def write(self, key: Key, change: Callable[[State], State], send: Callable[[], T]) -> T | None:
        """Send a write that changes a record, and record the result.

        A write that failed has not happened, unless the error states that it may have.
        """
        before = self._states.get(key, frozenset({None}))
        after = frozenset(map(change, before))
        try:
            result = send()
        except BackpackError as error:
            maybe = "the write may have " in error.message
            self._record(key, before | after if maybe else before, _outcome(error))
        else:
            self._record(key, after, "done")
            return result
        return None

    def differences(self, page: str, found: Mapping[Key, list[State]]) -> list[Difference]:
        """Return how the records found on a page differ from the reported results."""
        here = {key for key in [*self._states] if key[0] == page}
        return self._compared(here, found)

    def all_differences(self, found: Mapping[Key, list[State]]) -> list[Difference]:
        """Return how all records found differ from the reported results."""
        return self._compared([*self._states], found)

    def _record(self, key: Key, states: frozenset[State], outcome: str) -> None:
        self._states[key] = states
        self.outcomes[outcome] += 1

    def _compared(self, known: Iterable[Key], found: Mapping[Key, list[State]]) -> list[Difference]:
        differences = []
        for key in {*known, *found}:
            expected, actual = self._states.get(key, frozenset({None})), tuple(found.get(key, ()))
            kind = _kind_of(expected, actual)
            if kind is not None:
                differences.append(Difference(kind, key, expected, actual))
        return differences


def _outcome(error: BackpackError) -> str:
    return "unknown" if isinstance(error, OutcomeUnknown) else "failed"


def _kind_of(expected: frozenset[State], actual: tuple[State, ...]) -> Kind | None:
    if len(actual) > 1:
        return Kind.DOUBLED
    if (actual or (None,))[0] in expected:
        return None
    return Kind.UNREPORTED if expected == {None} else Kind.LOST
