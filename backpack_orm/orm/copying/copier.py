"""Copying records into other collections, with what they contain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from backpack_orm.connection.counters import tallied
from backpack_orm.errors import NotFound, ValidationError
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.copying.creating import StepsInMemory
from backpack_orm.orm.copying.places import Place, Values, contained_in, values_of
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.operations.resuming import Resumable
from backpack_orm.plurals import counted

if TYPE_CHECKING:
    from backpack_orm.orm.copying.children import Children
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")

NEVER = {
    "ids": "the service chooses them",
    "times": "the service sets them to the time of the copy",
}
"""What no copy has of the original."""


class Copier:
    """Creates copies of records, each once, and knows which copy belongs to which original."""

    def __init__(self) -> None:
        self.copies: dict[str, Model] = {}
        """The copies, by step."""
        self.values: dict[str, Values] = {}
        """What was sent for each of them."""
        self.destroying: set[str] = set()
        """The steps whose originals a move has destroyed, or may have."""
        self._inside: dict[str, list[str]] = {}
        """The steps that copy what a record contains, by its own."""
        self._steps = StepsInMemory()
        self._places: dict[tuple[str, int, str], Place[Any]] = {}

    def place(self, children: Children[Any]) -> Place[Any]:
        """Return the collection as a place in which copies are created."""
        key = children._owner._record_type, children._owner._saved_id, children._relation.name
        place = self._places.setdefault(key, Place(children, self._steps))
        place.children = children
        return place

    @property
    def is_needed(self) -> bool:
        """Whether there are copies whose originals are left, or may be."""
        return bool(self.copies) or self._steps.is_pending

    def begin(self) -> None:
        """Begin a call, before which others may have created records in the same places."""
        for place in self._places.values():
            place.begin()

    def jobs(
        self, source: Model, children: Children[Any], *, adopt: bool
    ) -> Iterator[Callable[[], str]]:
        """Yield functions that copy a record and what it contains, each with one request."""
        items = [item for item in contained_in(source) if not is_blank(item)]
        self._inside[step_of(source)] = [*map(step_of, items)]
        yield partial(self._copy, source, children, items, adopt=adopt)
        for item in items:
            yield partial(self.copy_into, item, step_of(source))

    def adopt(
        self,
        sources: Iterable[Model],
        children: Children[Any],
        records: Iterable[Model] | None = None,
    ) -> None:
        """Take equal records of a collection for copies. Makes one request to read them, unless
        they are passed, without local changes.
        """
        of_step = {step_of(source): source for source in sources}

        def is_part(step: str, record: Model) -> bool:
            contained = Counter(map(_key, contained_in(record)))
            return contained <= Counter(map(_key, contained_in(of_step[step])))

        wanted = {step: values_of(source) for step, source in of_step.items()}
        self.place(children).adopt(wanted, records, is_wanted=is_part)

    def forget(self, source: Model) -> None:
        """Have a record, and what it contains or its copy does, be copied again."""
        own = step_of(source)
        copy = self.copies.get(own, source)
        inside = [step for step, each in self.copies.items() if each._source is copy]
        for step in {own, *self._inside.pop(own, ()), *inside}:
            self._steps.forget(step)
            self.destroying.discard(step)
            for each in (self.copies, self.values, *(p.created for p in self._places.values())):
                each.pop(step, None)  # type: ignore[attr-defined]  # all are dictionaries

    def _copy(
        self,
        source: Model,
        children: Children[Any],
        items: Sequence[Model] = (),
        *,
        adopt: bool = False,
    ) -> str:
        step, place = step_of(source), self.place(children)
        is_new, was_there = step not in self.copies, step in place.created
        if is_new:
            values = values_of(source)
            self.copies[step] = place.create(step, values)
            self.values[step] = values
        if items:
            inside = self.place(contained_in(self.copies[step]))
            if adopt and was_there:
                inside.adopt({step_of(each): values_of(each) for each in items})
            elif is_new:
                inside.prepare(())
        return step

    def copy_into(self, item: Model, list_step: str) -> str:
        """Copy an item into the list that a step has created."""
        copied: Any = self.copies[list_step]
        return self._copy(item, copied.items)


class Copying(Resumable[CopyResult[M]], Generic[M]):
    """The copying of records into a collection.

    Args:
        what: The call, for messages.
        sources: The records, all of one model.
        children: The collection that is to contain the copies.
        progress: As for `bulk.run`.
        adopt: Whether to use equal records that exist already.

    Raises:
        NotSaved: A record is new.
        Destroyed: A record or the target was destroyed.
        ReadOnly: The connection of the target is read-only.
        ValidationError: A record has changes that are not saved.
    """

    def __init__(
        self,
        what: str,
        sources: Iterable[M],
        children: Children[M],
        progress: bool | Progress = False,
        *,
        adopt: bool = False,
        copier: Copier | None = None,
    ) -> None:
        self.sources: list[M] = list(dict.fromkeys(check_sources(what, sources)))
        self.children = children
        children._owner._check_exists()
        children._owner._ensure_writable(what)
        self._what = what
        self._copier = copier or Copier()
        self._steps: dict[str, None] = {}
        self._progress = progress
        self._adopt = self._is_repeatable = adopt
        self._requests = 0
        if adopt:
            children._check_saved(what.partition(".")[2])

    @property
    def created(self) -> tuple[Any, ...]:
        """The copies that exist so far."""
        return tuple(self._copier.copies[step] for step in self._steps)

    def _state(self) -> str:
        owner = self.children._owner
        copies = ", ".join(str(copy._saved_id) for copy in self.created[:5])
        more = ", …" if len(self.created) > 5 else ""
        there = f" ({copies}{more})" if copies else ""
        return f"{existing(len(self.created))} in {owner!r}{there}, and all originals"

    def _run(self) -> CopyResult[M]:
        with tallied() as tally:
            try:
                self._copier.begin()
                originals = stored(self.sources)
                self._copy(originals)
                return self._result(originals, self._requests + tally.requests)
            finally:
                self._requests += tally.requests

    def _copy(self, sources: Sequence[Model]) -> None:
        """Create the copies that do not exist yet, one after the other."""
        if not sources:
            return
        if self._adopt:
            self._copier.adopt(sources, self.children)
        jobs = [
            job
            for source in sources
            for job in self._copier.jobs(source, self.children, adopt=self._adopt)
        ]
        bulk.run("copying records", self._do, jobs, progress=self._progress, workers=1)

    def _do(self, job: Callable[[], str]) -> None:
        self._steps[job()] = None

    def _result(
        self, originals: Sequence[Model], requests: int, destroyed: Sequence[int] = ()
    ) -> CopyResult[M]:
        copies: Any = [self._copier.copies[step_of(source)] for source in self.sources]
        ids: dict[str, dict[int, int]] = {}
        for step in self._steps:
            type, _, id = step.partition(":")
            ids.setdefault(type, {})[int(id)] = self._copier.copies[step]._saved_id
        left = impossible(originals)
        return CopyResult(tuple(copies), ids, left, tuple(destroyed), requests)


def check_sources(what: str, sources: Iterable[M]) -> Iterable[M]:
    """Yield records that can be copied.

    Raises:
        NotSaved: A record is new.
        Destroyed: A record was destroyed.
        ValidationError: A record has changes that are not saved.
    """
    for source in sources:
        source._check_exists()
        unsaved = source._unsaved()
        if unsaved:
            raise ValidationError(
                f"{what}: {source!r} has changes that are not saved ({', '.join(unsaved)}): "
                "save() or discard() them first"
            )
        yield source


def stored(sources: Sequence[M]) -> list[M]:
    """Return records as the service has them, with what they contain, in the same order.

    Makes one request for each record that contains some of them. Records of a file are returned as
    they are.

    Raises:
        NotFound: One no longer exists.
    """
    found: list[M] = []
    for source, record in zip(sources, find_stored(sources), strict=True):
        if record is None:
            raise no_longer_there(source)
        found.append(record)
    return found


def no_longer_there(source: Model) -> NotFound:
    """Return the error about a record that somebody else has destroyed."""
    return NotFound(f"{source!r} no longer exists in {source._parent!r}", status=404)


def find_stored(sources: Sequence[M]) -> list[M | None]:
    """Return records as `stored` does, and None for those that no longer exist."""
    read: dict[Model, dict[int, Any]] = {}
    for source in sources:
        parent = source._parent
        if parent not in read:
            model: Any = type(source)
            there = sources if source.connection.is_file else model._stored_in_place(parent)
            read[parent] = {each._saved_id: each for each in there}
    return [read[source._parent].get(source._saved_id) for source in sources]


def step_of(record: Model) -> str:
    """Return the name of the step that copies a record, such as `note:301`."""
    return f"{record._element}:{record._saved_id}"


def is_blank(record: Any) -> bool:
    """Return whether the service would refuse to create a record because it has no text."""
    return any(
        field.is_required and not str(getattr(record, name)).strip()
        for name, field in record._table.fields.items()
    )


def impossible(sources: Sequence[Any]) -> dict[str, str]:
    """Return what could not be taken along of records, and why."""
    found = dict(NEVER)
    if any("show_created_at" in source._table.fields for source in sources):
        found["show_created_at"] = "no response includes it"
    records = [each for source in sources for each in (source, *contained_in(source))]
    comments = sum(
        len(each.messages._loaded()) for each in records if "messages" in each._table.relations
    )
    if comments:
        found[counted(comments, "comment")] = "the API does not create them"
    blank = sum(map(is_blank, records))
    if blank:
        found[counted(blank, "empty item")] = "the service refuses them"
    return found


def existing(copies: int) -> str:
    """Return how many copies exist, in words."""
    return f"{counted(copies, 'copy')} exist{'s' * (copies == 1)}"


def _key(record: Model) -> tuple[Any, ...]:
    return tuple(values_of(record).values())
