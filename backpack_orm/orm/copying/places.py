"""Collections in which records are created once each, even if responses are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from backpack_orm.orm.copying.creating import StepsInMemory, create_once
from backpack_orm.orm.records.state import UNSET, differ

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model
    from backpack_orm.orm.writing.saving import Savable

M = TypeVar("M", bound="Model")
Values = Mapping[str, Any]


class Target(Protocol[M]):
    """A collection, or an account, where records are created."""

    _model: type[M]

    def _present(self, *, fresh: bool = False) -> list[M]:
        """Return the records that are there."""

    def _object(self, id: int) -> M:
        """Return the object of a record that was read."""

    def _draft(self, values: Values) -> Savable:
        """Return a new record of it, which is not saved."""

    def _create(self, attributes: Values) -> M:
        """Create a record with one request."""

    def _complete(self, record: M, values: Values) -> None:
        """Send what the request that creates a record does not send, with requests to repeat."""


class Place(Generic[M]):
    """A collection with the ids of what it contains, and the records that are created in it.

    Args:
        children: The collection.
        steps: Log of intended and completed creations.
    """

    def __init__(self, children: Target[M], steps: StepsInMemory) -> None:
        self.children = children
        self._steps = steps
        self._ids: set[int] | None = None
        self._found: dict[int, M] = {}
        self._ours: set[int] = set()
        """The ids of all records that were ever created here, also for other steps."""
        self.created: dict[str, M] = {}
        """The records by step, in the order of their creation."""

    def begin(self) -> None:
        """Begin a call, before which others may have created records."""
        self._ids = None

    def prepare(self, records: Iterable[Model] | None = None) -> None:
        """Note which records exist before the call creates any, so that they are not adopted.

        Makes one request, unless the records are passed.
        """
        records = self.children._present(fresh=True) if records is None else records
        self._ids = {record._saved_id for record in records}

    def adopt(
        self,
        wanted: Mapping[str, Values],
        records: Iterable[Model] | None = None,
        *,
        is_wanted: Callable[[str, Model], bool] = lambda step, record: True,
    ) -> None:
        """Take existing records with equal content for the records of steps, each for one step.

        Makes one request, unless the records are passed.

        Args:
            wanted: The values of the records, by step.
            records: The existing records, without local changes.
            is_wanted: Whether a record with equal content can be the one of a step.
        """
        if records is None:
            records = [each._as_stored() for each in self.children._present(fresh=True)]
        free = {each._saved_id: each for each in records}
        self.prepare(free.values())
        for each in self.created.values():
            free.pop(each._saved_id, None)
        for step, values in wanted.items():
            if self._steps.outcome(step) is not None or self._steps.unfinished(step) is not None:
                continue
            draft = self.draft(values)
            for id in sorted(free):
                if has_content(free[id], draft) and is_wanted(step, free[id]):
                    del free[id]
                    self._steps.finish(step, id)
                    self._add(step, self.children._object(id))
                    break

    def draft(self, values: Values) -> Savable:
        """Return a new record, which is not saved.

        Raises:
            TypeError: An attribute is misspelled.
            ValidationError: A value cannot be sent.
        """
        return self.children._draft(values)

    def create(self, step: str, values: Values) -> M:
        """Return the record of a step, which is created or adopted if it is not known yet."""
        if step in self.created:
            return self.created[step]
        if self._ids is None:
            self.prepare()
        assert self._ids is not None
        draft = self.draft(values)

        def equal() -> list[M]:
            equal = [
                each
                for each in self.children._present(fresh=True)
                if each._saved_id not in self._ours
                and has_content(each, draft)
                and not contained_in(each)  # no request creates a list with items
            ]
            self._found |= {each._saved_id: each for each in equal}
            return equal

        def create() -> int:
            record = self.children._create(values)
            self._found[record._saved_id] = record
            return record._saved_id

        id = create_once(self._steps, step, siblings=self._ids, equal=equal, create=create)
        return self._add(step, self._found[id])

    def _add(self, step: str, record: M) -> M:
        assert self._ids is not None
        self._ids.add(record._saved_id)
        self._ours.add(record._saved_id)
        self.created[step] = record
        return record


def values_of(record: Model) -> Values:
    """Return the attributes with which a copy of a record is created."""
    return {
        name: getattr(record, name)
        for name, field in record._table.fields.items()
        if not field.is_read_only and not field.is_write_only
    }


def contained_in(record: Any) -> Any:
    """Return the items of a list; nothing for all else."""
    return record.items if "items" in record._table.relations else ()


def contents(record: Model) -> tuple[Any, ...]:
    """Return what a copy of a record has, in comparable form."""
    return (values_of(record), [contents(each) for each in contained_in(record)])


def has_content(record: Model, draft: Savable) -> bool:
    """Return whether a record has what a new record with the values of a draft would have.

    Values that are not loaded, and those that the service may change, are not compared.

    >>> page = Page.find_by(title="Lisbon")
    >>> note = page.notes[0]
    >>> has_content(note, Note(page=page, title=note.title, body=note.body))
    True
    >>> has_content(note, Note(page=page, title=note.title))
    False
    """
    for name, field in draft._table.fields.items():
        if field.is_read_only or field.is_write_only or name in draft._server_updated:
            continue
        sent, stored = draft._slot(name), record._slot(name)
        if sent is not None and stored is not UNSET and differ(cast(object, stored), sent):
            return False
    return True
