"""Making a collection like a target state: what differs is created, updated or destroyed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, field, frozen

from backpack_orm.connection.counters import tallied
from backpack_orm.errors import (
    MultipleFound,
    StaleRecord,
    ValidationError,
    did_you_mean,
    short_repr,
)
from backpack_orm.orm.copying.create_many import values_of
from backpack_orm.orm.copying.creating import StepsInMemory
from backpack_orm.orm.copying.places import Place, Values, contents
from backpack_orm.orm.copying.portions import in_portions
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.locks import deciding_in
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.operations.resuming import Resumable
from backpack_orm.orm.queries.collections import label_of
from backpack_orm.orm.records.state import differ
from backpack_orm.orm.schema.fields import listed
from backpack_orm.orm.signals import send_saved
from backpack_orm.plurals import counted
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire.build import name_of

if TYPE_CHECKING:
    from backpack_orm.orm.copying.children import Children
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


@frozen(repr=False)
class SyncPlan(RichDisplay, Generic[M]):
    """What makes a collection like a target state. It has been done unless `is_dry_run`.

    Attributes:
        to_create: Attributes of the records that are missing, by their index in the target.
        to_update: The records that differ, each with its new values.
        to_destroy: The records that the target does not have; empty without `destroy=True`.
        extra: The records that the target does not have, and that stay.
        unchanged: The records that are as the target has them.
        created: The new records; empty for a dry run.
        is_dry_run: Whether nothing was written.
        requests: Number of requests.

    >>> items = Page.find_by(title="Lisbon").lists["Not to be missed"].items
    >>> items.sync({"Tram 28": True, "Tile museum": True}, dry_run=True)
    SyncPlan: 1 to create, 1 to update, 3 others (dry run, 1 request)
      + 'Tram 28' (completed=True)
      ~ 'Tile museum': completed False -> True
    """

    to_create: Mapping[int, Values] = field(factory=dict)
    to_update: tuple[tuple[M, Values], ...] = ()
    to_destroy: tuple[M, ...] = ()
    extra: tuple[M, ...] = ()
    unchanged: tuple[M, ...] = ()
    created: tuple[M, ...] = ()
    is_dry_run: bool = True
    requests: int = 0
    _lines: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs.

        >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
        >>> items.sync(["Sun hat"], dry_run=True).is_empty
        True
        """
        return not (self.to_create or self.to_update or self.to_destroy)

    def __repr__(self) -> str:
        counts = {
            "create": len(self.to_create),
            "update": len(self.to_update),
            "destroy": len(self.to_destroy),
        }
        parts = [f"{n} to {what}" for what, n in counts.items() if n] or ["nothing to do"]
        if not self.is_dry_run:
            done = {"create": "created", "update": "updated", "destroy": "destroyed"}
            parts = [f"{n} {done[what]}" for what, n in counts.items() if n] or ["nothing to do"]
        parts += [f"{len(self.unchanged)} unchanged"] if self.unchanged else []
        parts += [counted(len(self.extra), "other")] if self.extra else []
        kind = "dry run, " if self.is_dry_run else ""
        request = "request" if self.requests == 1 else "requests"
        head = f"SyncPlan: {', '.join(parts)} ({kind}{self.requests} {request})"
        return "\n".join([head, *self._lines])


class Syncing(Resumable[SyncPlan[M]], Generic[M]):
    """The synchronization of a collection. See `Children.sync` for arguments and errors."""

    _is_repeatable = True

    def __init__(
        self,
        children: Children[M],
        target: object,
        key: str | None,
        progress: bool | Progress,
        *,
        destroy: bool,
    ) -> None:
        self._what = f"{children._relation.name}.sync"
        self._children = children
        children._owner._check_exists()
        self._key = self._key_for(key)
        self._rows = list(self._rows_of(target))
        self._check_keys()
        self._destroys = destroy
        self._progress = progress
        self._place = Place(children, StepsInMemory())
        self._done = Counter[str]()
        self._requests = 0
        self._planned: dict[int, object] = {}
        """The contents of the records to destroy, when the plan was made."""

    def _key_for(self, key: str | None) -> str:
        model = self._children._model
        name = label_of(model) if key is None else key
        if not isinstance(name, str) or name not in model._table.fields:
            hint = did_you_mean(str(name), model._table.fields)
            raise ValidationError(f"{self._what}: {model.__name__} has no field {name!r}{hint}")
        return name

    def _rows_of(self, target: object) -> Iterator[Values]:
        """Yield the wanted values of each record, all of them valid, at least with the key."""
        if isinstance(target, Mapping):
            fields = self._children._model._table.fields
            settable = [n for n, f in fields.items() if not f.is_read_only and not f.is_write_only]
            others = [name for name in settable if name != self._key]
            if len(others) != 1:
                raise ValidationError(f"{self._what} takes a list here, not a dictionary")
            target = [{self._key: key, others[0]: value} for key, value in target.items()]
        if self._key == "id":
            yield from self._rows_with_ids(target)
        else:
            yield from values_of(self._what, self._children, target)

    def _rows_with_ids(self, target: object) -> Iterator[Values]:
        """Yield rows that name existing records by their ids; rows without one are new."""
        given = listed(self._what, target, " of rows")
        rows = [{**row} if isinstance(row, Mapping) else row for row in given]
        ids = [row.pop("id", None) if isinstance(row, dict) else None for row in rows]
        for id, values in zip(ids, values_of(self._what, self._children, rows), strict=True):
            yield values if id is None else {"id": id, **values}

    def _check_keys(self) -> None:
        """Raise if a row has no key, or the key of another one."""
        keys = [row.get(self._key) for row in self._rows]
        for index, key in enumerate(keys):
            if key is None and self._key != "id":
                raise ValidationError(f"{self._what}: row {index} has no {self._key}")
        twice = [key for key, n in Counter(keys).items() if n > 1 and key is not None]
        if twice:
            raise ValidationError(
                f"{self._what}: several rows have the {self._key} {short_repr(twice[0])}, and it "
                "must be different in each; nothing was sent"
            )

    # --- planning -----------------------------------------------------------------------------

    def plan(self) -> SyncPlan[M]:
        """Read the collection, and return what differs. Makes one request.

        Raises:
            MultipleFound: Several records have the key of a row.
            ValidationError: A record with unsaved changes differs. Or there is none with an id.
        """
        compared = None if self._destroys else {name for row in self._rows for name in row}
        self._children._check_saved("sync", compared)
        with tallied() as tally:
            records = self._children._present(fresh=True)
            self._place.prepare(records)
        there: dict[Any, list[M]] = {}
        for record in records:
            there.setdefault(getattr(record, self._key), []).append(record)
        create, update, unchanged, lines = [], [], [], []
        for index, row in enumerate(self._rows):
            made = self._place.created.get(_step(index))
            key = row.get(self._key) if made is None else getattr(made, self._key)
            found = there.pop(key, [])
            if len(found) > 1:
                raise MultipleFound(
                    f"{self._what}: {len(found)} records have the {self._key} "
                    f"{short_repr(row[self._key])}: destroy all but one, or leave it out"
                )
            if not found:
                if "id" in row:
                    raise ValidationError(f"{self._what}: there is no record with id {row['id']}")
                create.append((index, row))
                lines.append(f"  + {self._described(row)}")
                continue
            record = found[0]
            values = {n: v for n, v in row.items() if n != "id" and differ(getattr(record, n), v)}
            if values:
                update.append((record, values))
                changes = (f"{n} {getattr(record, n)!r} -> {v!r}" for n, v in values.items())
                lines.append(f"  ~ {_label(record)}: {', '.join(changes)}")
            else:
                unchanged.append(record)
        left = [record for found in there.values() for record in found]
        extra = set(map(id, left))
        destroy = [record for record in records if id(record) in extra] if self._destroys else []
        self._planned = {each._saved_id: contents(each) for each in destroy}
        lines += [f"  - {_label(record)}" for record in destroy]
        return SyncPlan(
            dict(create),
            tuple(update),
            tuple(destroy),
            () if self._destroys else tuple(left),
            tuple(unchanged),
            requests=tally.requests,
            lines=tuple(lines),
        )

    def _described(self, row: Values) -> str:
        label = label_of(self._children._model) or self._key
        others = ", ".join(f"{n}={v!r}" for n, v in row.items() if n != label)
        return f"{row.get(label)!r}" + (f" ({others})" if others else "")

    # --- doing --------------------------------------------------------------------------------

    @property
    def created(self) -> tuple[M, ...]:
        """The records that were created so far."""
        return tuple(self._place.created.values())

    def _state(self) -> str:
        done = ", ".join(f"{n} {what}" for what, n in self._done.items())
        return f"done: {done or 'nothing'}"

    def _run(self) -> SyncPlan[M]:
        self._children._owner._ensure_writable(self._what)
        children = self._children
        with deciding_in(children._owner, children._model), tallied() as tally:
            try:
                plan = self.plan()
                self._create(plan)
                self._update_all(plan)
                self._destroy_all(plan)
                requests = self._requests + tally.requests
                return evolve(plan, created=self.created, is_dry_run=False, requests=requests)
            finally:
                self._requests += tally.requests

    def _create(self, plan: SyncPlan[M]) -> None:
        def create(index: int) -> None:
            self._place.create(_step(index), plan.to_create[index])
            self._done["created"] += 1

        if plan.to_create:
            bulk.run("creating", create, plan.to_create, progress=self._progress, workers=1)

    def _update_all(self, plan: SyncPlan[M]) -> None:
        def update(change: tuple[Any, Values]) -> None:
            self._update(change)
            self._done["updated"] += 1

        if plan.to_update:
            bulk.run(
                "updating", update, plan.to_update, progress=self._progress, shared=lambda _: 0
            )

    def _destroy_all(self, plan: SyncPlan[M]) -> None:
        def prove(records: Sequence[M]) -> list[M]:
            there = {each._saved_id: each for each in self._children._present(fresh=True)}
            for record in records:
                now = there.get(record._saved_id)
                if (
                    now is not None
                    and contents(now._as_stored()) != self._planned[record._saved_id]
                ):
                    raise StaleRecord(
                        f"{self._what}: somebody has changed {now!r} since it was read, so it was "
                        "not destroyed"
                    )
            return [record for record in records if record._saved_id in there]

        def destroy(record: Any) -> None:
            record._destroy_now()
            self._done["destroyed"] += 1

        in_portions(
            "destroying", plan.to_destroy, prove=prove, destroy=destroy, progress=self._progress
        )

    def _update(self, change: tuple[Any, Values]) -> None:
        """Save values of a record. Makes one request for each of its calls, and one more to read
        an item of which only `completed` differs."""
        record, values = change
        saved: list[str] = []
        try:
            for name, value in values.items():
                setattr(record, name, value)
            for endpoint in record._updates:
                changed = [name for name in map(name_of, endpoint.sends) if name in values]
                if changed:
                    saved += record._update(endpoint, changed, None)
        except BaseException:
            for name in values:
                record._restore(name, None)
            raise
        finally:
            if saved:
                send_saved(record, tuple(saved))


def _step(index: int) -> str:
    return f"row {index}"


def _label(record: Model) -> str:
    label = label_of(type(record))
    return repr(getattr(record, label)) if label else repr(record)
