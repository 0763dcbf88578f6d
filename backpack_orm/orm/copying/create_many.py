"""Creating many records in a collection, in order and each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from backpack_orm.errors import BackpackError, ValidationError, short_repr
from backpack_orm.orm.copying.creating import StepsInMemory
from backpack_orm.orm.copying.places import Place, Target, Values
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.locks import deciding_in
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.operations.resuming import Resumable
from backpack_orm.orm.queries.collections import Collection, label_of
from backpack_orm.orm.schema.fields import listed
from backpack_orm.plurals import counted

if TYPE_CHECKING:
    from backpack_orm.connection import Connection
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


class CreateMany(Resumable[Collection[M]], Generic[M]):
    """The creation of many records in a collection. See `Children.create_many`.

    Raises:
        TypeError: An attribute is misspelled. The message names the row.
        ValidationError: A value cannot be sent. The message names the row.
    """

    def __init__(
        self,
        what: str,
        children: Target[M],
        owner: Connection | Model,
        rows: object,
        progress: bool | Progress,
        *,
        adopt: bool = False,
    ) -> None:
        self._owner = owner
        self._place = Place(children, StepsInMemory())
        self._progress = progress
        self._adopt = self._is_repeatable = adopt
        self._incomplete: set[str] = set()
        self._wanted = {
            f"row {index}": values
            for index, values in enumerate(
                values_of(what, children, rows, read=partial(_values_or_object, owner=owner))
            )
        }

    @property
    def created(self) -> tuple[M, ...]:
        """The records that exist so far, in order."""
        return tuple(self._place.created[step] for step in self._wanted if step in self._done)

    @property
    def _done(self) -> Mapping[str, M]:
        return self._place.created

    def _state(self) -> str:
        return f"{len(self._done)} of {counted(len(self._wanted), 'row')} created"

    def _run(self) -> Collection[M]:
        try:
            self._create_left()
        finally:
            for step, record in self._done.items():
                values = self._wanted[step]
                if isinstance(values, _ValuesOf):
                    values.record._become(record)
        return Collection(self._place.children._model, list(self.created))

    def _create_left(self) -> None:
        children = self._place.children
        self._place.begin()
        with deciding_in(self._owner, children._model) if self._adopt else nullcontext():
            if self._adopt and self._wanted:
                self._place.adopt(self._wanted)
            left = [
                step for step in self._wanted if step not in self._done or step in self._incomplete
            ]
            if left:
                bulk.run("creating records", self._create, left, progress=self._progress, workers=1)

    def _create(self, step: str) -> M:
        self._incomplete.add(step)
        record = self._place.create(step, self._wanted[step])
        self._place.children._complete(record, self._wanted[step])
        self._incomplete.remove(step)
        return record


class _ValuesOf(dict[str, Any]):
    """The values of an unsaved record that is a row itself, and is to become the new record."""

    def __init__(self, record: Model) -> None:
        super().__init__({name: new for name, (_, new) in record.changes.items()})
        self.record = record


def _values(children: Target[Any], row: object) -> Values:
    label = label_of(children._model)
    if isinstance(row, str) and label is not None:
        return {label: row}
    if isinstance(row, Mapping):
        return {**row}
    raise ValidationError(f"a row is a text ({label}) or a dictionary")


def _values_or_object(children: Target[Any], row: object, *, owner: Connection | Model) -> Values:
    if not isinstance(row, children._model._resource):
        return _values(children, row)
    if not row.is_new:
        raise ValidationError("it is on the service already: copy_to() copies it")
    if row._source not in (None, owner):
        raise ValidationError(f"it is to be created in {row._source!r}, not in {owner!r}")
    return _ValuesOf(row)


def values_of(
    what: str,
    children: Target[Any],
    rows: object,
    *,
    read: Callable[[Target[Any], object], Values] = _values,
) -> list[Values]:
    """Return the attributes of the records that rows describe, all of them valid.

    Args:
        what: The call that received them, for messages.
        children: The collection in which they are to be created.
        rows: Texts or dictionaries with attributes.
        read: Returns the attributes that a row describes.

    Raises:
        TypeError: An attribute is misspelled. The message names the row.
        ValidationError: A value cannot be sent. The message names the first such row, and says how
            many others there are.
    """
    all_values: list[Values] = []
    bad: list[TypeError | BackpackError] = []
    for index, row in enumerate(listed(what, rows, " of rows")):
        try:
            values = read(children, row)
            children._draft(values)
            all_values.append(values)
        except (TypeError, BackpackError) as error:
            bad.append(error)
            text = f"{what}: row {index}, {short_repr(row)}: {error}"
            if len(bad) == 1:
                first = text, type(error)
    if bad:
        text, kind = first
        others = f"; {len(bad) - 1} more rows are not valid" if len(bad) > 1 else ""
        raise kind(f"{text}{others}; nothing was sent") from None
    return all_values
