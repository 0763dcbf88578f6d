"""Moving records into other collections: copied, proven by reading, and destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from backpack_orm.connection import Connection
from backpack_orm.connection.counters import tallied
from backpack_orm.errors import NotFound, StaleRecord, ValidationError
from backpack_orm.orm import bulk
from backpack_orm.orm.copies import CopyResult
from backpack_orm.orm.copying import (
    Copier,
    Copying,
    contained_in,
    find_stored,
    is_blank,
    step_of,
    values_of,
)
from backpack_orm.orm.locks import exclusive
from backpack_orm.orm.progress import Progress
from backpack_orm.orm.signals import send_destroyed
from backpack_orm.plurals import counted

if TYPE_CHECKING:
    from backpack_orm.orm.children import Children
    from backpack_orm.orm.model import Model

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
        with exclusive((self.children._owner.connection.account, *self._target)):
            if self._finished is None:
                self._finished = self._move()
            return self._finished

    def _move(self) -> CopyResult[M]:
        self._unfinished[self._target] = self._copier
        with tallied() as tally:
            try:
                left = [source for source in self.sources if not source.is_destroyed]
                self._copy(left)
                originals = self._prove(left)
                self._destroy(left)
                ids = [source._saved_id for source in self.sources]
                result = self._result(originals, self._requests + tally.requests, ids)
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

    def _prove(self, left: Sequence[M]) -> list[M]:
        """Read copies and originals anew, and raise if a copy is not what its original is."""
        for _ in range(_ROUNDS):
            originals = self._read_originals(left)
            self._read_copies(left)
            edited = [each for each in originals if not self._is_copied(each)]
            if not edited:
                return originals
            for original in edited:
                self._follow(original)
        raise StaleRecord(f"{edited[0]!r} is being edited; nothing was destroyed")

    def _read_originals(self, left: Sequence[M]) -> list[M]:
        """Return the originals as the service has them, without those that the move destroyed."""
        found: list[M] = []
        for source, original in zip(left, find_stored(left), strict=True):
            if original is not None:
                found.append(original)
            elif step_of(source) in self._copier.destroying:  # but no response was seen
                source._mark_destroyed()  # type: ignore[attr-defined]  # all can be destroyed
                send_destroyed(source)
            else:
                raise self._stale(source, "is left: somebody else has destroyed the original")
        return found

    def _read_copies(self, left: Sequence[M]) -> None:
        """Read the target, and compare the copies with what was sent for them."""
        there = self.children.reload()._by_id if left else {}
        for source in left:
            step = step_of(source)
            copy = there.get(self._copier.copies[step]._saved_id)
            if copy is None:
                error = self._stale(source, "is gone; moving again makes another one")
                self._copier.forget(source)
                self._steps = {step: None for step in self._steps if step in self._copier.copies}
                raise error
            self._copier.copies[step] = copy
            if values_of(copy) != self._copier.values[step]:
                raise self._stale(source, "was changed by somebody else")

    def _stale(self, source: M, what: str) -> StaleRecord:
        copy = self._copier.copies[step_of(source)]
        return StaleRecord(f"the copy {copy!r} of {source!r} {what}; nothing was destroyed")

    def _is_copied(self, original: M) -> bool:
        copy = self._copier.copies[step_of(original)]
        return contents(copy) == contents(original)

    def _follow(self, original: M) -> None:
        """Update the copy of an original that has changed since it was copied."""
        copy: Any = self._copier.copies[step_of(original)]
        items, copied = contained_in(original), contained_in(copy)
        if sorted(map(repr, map(contents, items))) != sorted(map(repr, map(contents, copied))):
            raise self._stale(original, "has other items, since somebody has changed one of both")
        if [*map(contents, items)] != [*map(contents, copied)]:
            copy.items.reorder([self._copier.copies[step_of(item)] for item in items])
        values = values_of(original)
        for name, value in values.items():
            setattr(copy, name, value)
        copy.save()
        self._copier.values[step_of(original)] = values

    # --- destroying ---------------------------------------------------------------------------

    def _destroy(self, left: Sequence[M]) -> None:
        proven = [source for source in left if not source.is_destroyed]
        if proven:
            bulk.run(
                "destroying originals",
                self._destroy_one,
                proven,
                progress=self._progress,
                shared=lambda source: id(source._parent),
            )

    def _destroy_one(self, source: Any) -> None:
        self._copier.destroying.add(step_of(source))
        try:
            source._destroy_now()
        except NotFound:  # somebody else was faster, or a response was lost
            source._mark_destroyed()

    def _forget(self) -> None:
        """Have a later move of the same records to the same place start anew."""
        for source in self.sources:
            self._copier.forget(source)
        if not self._copier.copies:
            self._unfinished.pop(self._target, None)


def contents(record: Model) -> tuple[Any, ...]:
    """Return what a copy of a record has, in comparable form."""
    return (values_of(record), [contents(each) for each in contained_in(record)])
