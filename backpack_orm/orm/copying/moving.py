"""Moving records into other collections: copied, proven by reading, and destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from backpack_orm.connection import Connection
from backpack_orm.connection.counters import tallied
from backpack_orm.errors import NotFound, StaleRecord, ValidationError
from backpack_orm.orm.copying.copier import (
    Copier,
    Copying,
    find_stored,
    is_blank,
    no_longer_there,
    step_of,
)
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.copying.places import contained_in, contents, values_of
from backpack_orm.orm.copying.portions import in_portions
from backpack_orm.orm.operations.locks import deciding_in
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.signals import send_destroyed
from backpack_orm.plurals import counted

if TYPE_CHECKING:
    from backpack_orm.orm.copying.children import Children
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")

_ROUNDS = 3
"""How often copies are updated because their originals are edited at the same time."""

_unfinished: WeakKeyDictionary[Connection, dict[tuple[str, int], Copier]] = WeakKeyDictionary()
"""What moves have copied that were stopped, by target, so that moving again goes on there."""


class Moving(Copying[M]):
    """The move of records into a collection. Takes the arguments of `Copying`.

    Raises:
        ValidationError: A record is there already, or belongs to another account. Or as for
            `Copying`.
        ReadOnly: One of the connections is read-only.
    """

    def __init__(
        self,
        what: str,
        sources: Iterable[M],
        children: Children[M],
        progress: bool | Progress = False,
        *,
        adopt: bool = False,
    ) -> None:
        owner = children._owner
        owner._check_exists()
        self._unfinished = _unfinished.setdefault(owner.connection, {})
        self._target = owner._record_type, owner._saved_id
        copier = self._unfinished.setdefault(self._target, Copier())
        wanted = list(dict.fromkeys(sources))
        moved = [each for each in wanted if each.is_destroyed and step_of(each) in copier.copies]
        left = [each for each in wanted if each not in moved]
        super().__init__(what, left, children, progress, adopt=adopt, copier=copier)
        self._is_repeatable = True  # moving again completes it
        self.sources = wanted  # with those that an earlier call has moved
        for source in self.sources:
            source._ensure_writable(what)
            owner._check_same_account(what, source)
            if source._parent == owner:
                raise ValidationError(f"{what}: {source!r} is in {owner!r} already")
        self._steps |= {step_of(each): None for each in moved}
        self._finished: CopyResult[M] | None = None

    def _state(self) -> str:
        left = sum(not source.is_destroyed for source in self.sources)
        return super()._state().removesuffix("all originals") + counted(left, "original")

    def _run(self) -> CopyResult[M]:
        with deciding_in(self.children._owner, self.children._model):
            if self._finished is None:
                self._finished = self._move()
            return self._finished

    def _move(self) -> CopyResult[M]:
        self._unfinished[self._target] = self._copier
        self._copier.begin()
        with tallied() as tally:
            try:
                originals = self._read_originals(
                    [source for source in self.sources if not source.is_destroyed]
                )
                self._copy([*originals.values()])
                in_portions(
                    "destroying originals",
                    [*originals],
                    prove=self._prove,
                    destroy=self._destroy_one,
                    progress=self._progress,
                )
                ids = [source._saved_id for source in self.sources]
                requests = self._requests + tally.requests
                result = self._result([*originals.values()], requests, ids)
                self._forget()
                return result
            finally:
                self._requests += tally.requests

    def _copy(self, sources: Sequence[Model]) -> None:
        for source in sources:
            for item in contained_in(source):
                if is_blank(item):
                    raise ValidationError(
                        f"{self._what}: {item!r} has no text, and the service would not create its "
                        "copy: destroy it first"
                    )
        super()._copy(sources)

    # --- proving ------------------------------------------------------------------------------

    def _prove(self, sources: Sequence[M]) -> list[M]:
        """Read copies and then originals, and raise if a copy is not what its original is.

        Returns:
            The originals that are left.
        """
        for _ in range(_ROUNDS):
            copies = self._read_copies(sources)
            originals = self._read_originals(sources)
            edited = [
                source
                for source, original in originals.items()
                if contents(copies[source]) != contents(original)
            ]
            if not edited:
                return [*originals]
            for source in edited:
                self._follow(originals[source], copies[source])
        raise StaleRecord(f"{edited[0]!r} is being edited, and was not destroyed")

    def _read_originals(self, sources: Sequence[M]) -> dict[M, M]:
        """Return the originals as they are stored, without those that the move has destroyed."""
        found: dict[M, M] = {}
        for source, original in zip(sources, find_stored(sources), strict=True):
            step = step_of(source)
            if original is not None:
                found[source] = original
            elif step in self._copier.destroying:  # but no response was seen
                source._mark_destroyed()  # type: ignore[attr-defined]  # all can be destroyed
                send_destroyed(source)
            elif step in self._copier.copies:
                copy = self._copier.copies[step]
                raise StaleRecord(
                    f"somebody else has destroyed {source!r}, and its copy {copy!r} is left"
                )
            else:
                raise no_longer_there(source)
        return found

    def _read_copies(self, sources: Sequence[M]) -> dict[M, M]:
        """Return the copies as they are stored."""
        there = {each._saved_id: each for each in self.children.reload()._all()}
        found: dict[M, M] = {}
        for source in sources:
            copy = there.get(self._copier.copies[step_of(source)]._saved_id)
            if copy is None:
                raise self._spoilt(source, "is gone")
            found[source] = copy._as_stored()
        return found

    def _spoilt(self, source: M, what: str) -> StaleRecord:
        """Have a record be copied again, and return the error about its copy."""
        copy = self._copier.copies[step_of(source)]
        self._copier.forget(source)
        self._steps = {step: None for step in self._steps if step in self._copier.copies}
        return StaleRecord(
            f"the copy {copy!r} of {source!r} {what}: the original was not destroyed, and moving "
            "again makes another copy"
        )

    def _follow(self, original: M, copy: Any) -> None:
        """Update the copy of an original that has changed since it was copied."""
        step = step_of(original)
        if values_of(copy) != self._copier.values[step]:
            raise self._spoilt(original, "was changed by somebody else")
        items, copied = contained_in(original), contained_in(copy)
        if sorted(map(repr, map(contents, items))) != sorted(map(repr, map(contents, copied))):
            raise self._spoilt(original, "has other items, since somebody has changed one of both")
        if [*map(contents, items)] != [*map(contents, copied)]:
            copied.reorder([self._copier.copies[step_of(item)]._saved_id for item in items])
        values = values_of(original)
        for name, value in values.items():
            setattr(copy, name, value)
        copy.save()
        self._copier.values[step] = values

    # --- destroying ---------------------------------------------------------------------------

    def _destroy_one(self, source: Any) -> None:
        self._copier.destroying.add(step_of(source))
        try:
            source._destroy_now()
        except NotFound:  # somebody else was faster, or a response was lost
            source._mark_destroyed()

    def _forget(self) -> None:
        """Have a later move of the same records to the same place begin again."""
        for source in self.sources:
            self._copier.forget(source)
        if not self._copier.is_needed:
            self._unfinished.pop(self._target, None)
