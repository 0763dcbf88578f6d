"""Results of searches that load records, read no further than they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, TypeVar, overload

from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.queries.conditions import Conditions
from backpack_orm.orm.queries.introspection import is_introspection

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M_co = TypeVar("M_co", bound="Model", covariant=True)


class Search(Collection[M_co]):
    """The results of a search that has to load records to compare them. They are read on use.

    `first`, `find_by`, `exists`, `bool`, an index and a slice read records in order, and stop as
    soon as the result is known. Everything else, such as iterating or `len`, reads all, in the way
    that makes the fewest requests. What was read is not read again. Threads take turns to read.

    Args:
        model: The class of the records.
        conditions: What the records have to fulfil.
        in_order: Returns an iterator over the records to search, which reads them one by one.
        at_once: Reads and returns all records to search.

    >>> with_notes = Page.where(notes__isnull=False)
    >>> with_notes
    <search for Page records, not read yet>
    >>> with_notes.first().title
    'Lisbon'
    """

    __slots__ = ("_at_once", "_conditions", "_in_order", "_is_complete", "_left", "_lock")

    def __init__(
        self,
        model: type[M_co],
        conditions: Conditions,
        in_order: Callable[[], Iterable[M_co]],
        at_once: Callable[[], Iterable[M_co]],
    ) -> None:
        super().__init__(model, [])
        self._conditions = conditions
        self._in_order = in_order
        self._at_once = at_once
        self._left: Iterator[M_co] | None = None
        self._is_complete = False
        self._lock = RLock()

    @property
    def is_loaded(self) -> bool:
        """Whether all results were read, so that using them makes no request.

        >>> found = Page.where(notes__isnull=False)
        >>> found.is_loaded, len(found), found.is_loaded
        (False, 7, True)
        """
        return self._is_complete

    def _where(self, conditions: Conditions) -> Collection[M_co]:
        """Return the results that fulfil more conditions, which are read on use too."""
        if self._is_complete:
            return super()._where(conditions)
        return Search(self._model, conditions, self._iterate, self._all)

    def _iterate(self) -> Iterator[M_co]:
        position = 0
        while found := self._from(position):
            yield found[0]
            position += 1

    def _from(self, position: int) -> list[M_co]:
        """Return the result at a position, reading on to it, or nothing if there are fewer."""
        with self._lock:
            while position >= len(self._objects) and not self._is_complete:
                self._read_next()
            return self._objects[position : position + 1]

    def _read_next(self) -> None:
        """Read on to the next result, or to the end."""
        try:
            if self._left is None:
                self._left = filter(self._conditions.matches, self._in_order())
                self._objects = []
            self._objects.append(next(self._left))
        except StopIteration:
            self._left, self._is_complete = None, True
        except BaseException:  # the iterator is finished, but the search is not
            self._left, self._objects = None, []
            raise

    def _all(self) -> list[M_co]:
        with self._lock:
            if not self._is_complete:
                read = {record: record for record in self._objects}
                found = filter(self._conditions.matches, self._at_once())
                self._objects = [read.get(record, record) for record in found]
                self._left, self._is_complete = None, True
            return self._objects

    def _loaded(self) -> list[M_co]:
        return self._objects if self._is_complete else []

    @overload
    def __getitem__(self, index: int | str) -> M_co: ...
    @overload
    def __getitem__(self, index: slice) -> Collection[M_co]: ...
    def __getitem__(self, index: int | str | slice) -> M_co | Collection[M_co]:
        if isinstance(index, slice):
            start, stop = index.start or 0, index.stop
            if _is_ahead(start) and _is_ahead(stop) and index.step in (None, 1):
                part = list(islice(self._iterate(), start, stop)) if start < stop else []
                return Collection(self._model, part)
        elif not isinstance(index, str) and _is_ahead(index):
            for record in islice(self._iterate(), index, None):
                return record
        return super().__getitem__(index)

    def __bool__(self) -> bool:
        return self.exists()

    def __len__(self) -> int:
        if is_introspection() and not self._is_complete:
            raise TypeError("not read yet")
        return len(self._all())

    def __repr__(self) -> str:
        if not self._is_complete:
            return f"<search for {self._model.__name__} records, not read yet>"
        return super().__repr__()

    def __copy__(self) -> Self:
        return type(self)(self._model, self._conditions, self._in_order, self._at_once)

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._is_complete:
            raise TypeError(f"{self!r} cannot be pickled: read it first, such as with list()")
        return Collection, (self._model, self._objects)


def _is_ahead(index: object) -> bool:
    return isinstance(index, SupportsIndex) and index.__index__() >= 0
