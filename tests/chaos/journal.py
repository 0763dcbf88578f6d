"""What the clients of a campaign know of their writes, and how that compares with what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TypeAlias, TypeVar

from attrs import define, field, frozen

from backpack_orm import BackpackError, OutcomeUnknown

Key: TypeAlias = tuple[str, str, str]
"""The page where a record stands, its kind, and the word that marks it."""
State: TypeAlias = object
"""What is told of a record; None where there is none."""
T = TypeVar("T")


class Kind(Enum):
    """In what way something is not as it was told."""

    LOST = "it should be there or look otherwise: a write that was told did not happen"
    DOUBLED = "it is there more than once"
    UNREPORTED = "it is there although nobody was told so"


@frozen
class Difference:
    """A record that is not as it was told.

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
    """The states that each record may have, as far as its writer was told.

    Every record is written by one thread only; so is its entry here.
    """

    outcomes: Counter[str] = field(factory=Counter)
    _states: dict[Key, frozenset[State]] = field(factory=dict)

    def write(self, key: Key, change: Callable[[State], State], send: Callable[[], T]) -> T | None:
        """Send a write that changes a record so, and note what was told of it.

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
        """How what was found on a page differs from what was told of it."""
        here = {key for key in [*self._states] if key[0] == page}
        return self._compared(here, found)

    def all_differences(self, found: Mapping[Key, list[State]]) -> list[Difference]:
        """How all that was found differs from all that was told."""
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
