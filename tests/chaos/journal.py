"""What the clients of a campaign know about their writes, compared with what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TypeAlias, TypeVar

from attrs import define, field, frozen

from backpack_orm import BackpackError, OutcomeUnknown

Key: TypeAlias = tuple[str, str, str]
"""The page of a record, its type, and the word that identifies it."""
State: TypeAlias = object
"""The known state of a record; None if there is none."""
T = TypeVar("T")


class Kind(Enum):
    """How something differs from what was reported."""

    LOST = "it should be there or look otherwise: a write that was told did not happen"
    DOUBLED = "it is there more than once"
    UNREPORTED = "it is there although nobody was told so"


@frozen
class Difference:
    """A record that differs from what was reported.

    Attributes:
        kind: In what way.
        key: Which record it is.
        told: How it may be.
        there: How it is, as often as it is there.
    """

    kind: Kind
    key: Key
    told: frozenset[State]
    there: tuple[State, ...]

    def __str__(self) -> str:
        told = " or ".join(sorted(map(repr, self.told)))
        there = ", ".join(map(repr, self.there)) or "nothing"
        return f"{self.kind.name.lower()}: {' '.join(self.key)}: told {told}, there {there}"


@define
class Journal:
    """The possible states of each record, according to what its writer was told.

    Every record is written by one thread only; so is its entry here.
    """

    outcomes: Counter[str] = field(factory=Counter)
    _states: dict[Key, frozenset[State]] = field(factory=dict)

    def write(self, key: Key, change: Callable[[State], State], send: Callable[[], T]) -> T | None:
        """Send a write that changes a record, and note the result.

        A write that failed was not done, unless the error says that it may have been.
        """
        before = self._states.get(key, frozenset({None}))
        after = frozenset(map(change, before))
        try:
            result = send()
        except BackpackError as error:
            maybe = "may have happened" in error.message
            self._note(key, before | after if maybe else before, _outcome(error))
        else:
            self._note(key, after, "done")
            return result
        return None

    def differences(self, page: str, found: Mapping[Key, list[State]]) -> list[Difference]:
        """Return how the records found on a page differ from what was reported."""
        here = {key for key in [*self._states] if key[0] == page}
        return self._compared(here, found)

    def all_differences(self, found: Mapping[Key, list[State]]) -> list[Difference]:
        """Return how all records found differ from what was reported."""
        return self._compared([*self._states], found)

    def _note(self, key: Key, states: frozenset[State], outcome: str) -> None:
        self._states[key] = states
        self.outcomes[outcome] += 1

    def _compared(self, known: Iterable[Key], found: Mapping[Key, list[State]]) -> list[Difference]:
        differences = []
        for key in {*known, *found}:
            told, there = self._states.get(key, frozenset({None})), tuple(found.get(key, ()))
            kind = _kind_of(told, there)
            if kind is not None:
                differences.append(Difference(kind, key, told, there))
        return differences


def _outcome(error: BackpackError) -> str:
    return "unknown" if isinstance(error, OutcomeUnknown) else "failed"


def _kind_of(told: frozenset[State], there: tuple[State, ...]) -> Kind | None:
    if len(there) > 1:
        return Kind.DOUBLED
    if (there or (None,))[0] in told:
        return None
    return Kind.UNREPORTED if told == {None} else Kind.LOST
