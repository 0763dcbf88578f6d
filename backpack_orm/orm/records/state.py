"""The values of a record: what is loaded, and what was changed since then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from backpack_orm.connection import Connection
from backpack_orm.errors import (
    Destroyed,
    NotSaved,
    ReadOnly,
    ValidationError,
    short_repr,
)
from backpack_orm.orm.queries.collections import AssignableCollection, Collection, Embedded
from backpack_orm.orm.records.unverified import UnverifiedRecord, doubtful, repeats
from backpack_orm.orm.schema.fields import Table
from backpack_orm.orm.schema.model_type import ModelType
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire.shapes import MISSING, Record

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

UNSET: Any = object()


class DestroyedRecord(tuple[Any, ...]):
    """The last snapshot of a destroyed record."""

    __slots__ = ()


class Reloaded(tuple[Any, ...]):
    """A snapshot from `reload()`. Loading a value that it omits bypasses the cache too."""

    __slots__ = ()


class Changes(dict[str, tuple[Any, Any]], RichDisplay):
    """Attributes that were changed, each with its old and its new value."""

    __slots__ = ()


class State(RichDisplay, metaclass=ModelType):
    """The loaded values of a record, and the local changes to them."""

    __slots__ = ("__weakref__", "_record", "_source")

    _table: ClassVar[Table]
    _resource: ClassVar[type[Model]]
    """The registered model: the class itself, or the registered class that it inherits from."""
    _record_type: ClassVar[str]
    """The type of the records: objects of one type and one id are equal."""
    _included_elsewhere: ClassVar[tuple[str, ...]] = ()
    """Relations that only a search or an export includes, so that they cannot be reloaded."""
    _defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults of the attributes that a subclass has added."""
    _own: ClassVar[tuple[str, ...]] = ()
    """The attributes that a subclass has added. They are never sent to the service."""
    _element: ClassVar[str]
    """The name of the element of a record."""
    _container: ClassVar[str]
    """The name of the element of a list of records."""
    _is_grouped: ClassVar[bool] = False
    """Whether responses may put completed and open records into separate groups."""
    _times_have_zone: ClassVar[bool | None] = None
    """Whether times in responses have a zone; None: it depends on the response."""
    _full: ClassVar[Projection]
    """The fields of the most complete response."""

    _record: Record | None
    """Values last received from the service; changes are computed against them. None if the
    record is new."""
    _source: Connection | Model | None
    """The parent of the record; for a record without a parent, its connection."""

    id: Any

    @property
    def is_new(self) -> bool:
        """Whether the record is not saved yet. Makes no request.

        >>> Page(title="Porto").is_new, Page.create(title="Porto").is_new
        (True, False)
        """
        return self._record is None

    @property
    def is_destroyed(self) -> bool:
        """Whether the record was destroyed through this object. Makes no request.

        >>> page = Page.create(title="Porto")
        >>> gone = page.destroy()
        >>> page.is_destroyed
        True
        """
        return type(self._record) is DestroyedRecord

    @property
    def _saved_id(self) -> int:
        """The id on the service, whatever was assigned to `id`."""
        if self._record is None:
            raise NotSaved(f"{self!r} has no id yet: save() it first")
        return cast(int, self._record[0])

    def _slot(self, name: str, unset: Any = UNSET) -> Any:
        """Return an attribute without loading it."""
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            return unset

    def _store(self, name: str, value: object) -> None:
        """Set an attribute to what the service has, without the check of assignments."""
        object.__setattr__(self, name, value)

    def _unset(self, name: str) -> None:
        """Mark an attribute as not loaded."""
        if self._slot(name) is not UNSET:
            delattr(self, name)

    def _position(self, name: str) -> int:
        return self._table.positions[name]

    @classmethod
    def _record_of(cls, id: int, **values: Any) -> Record:
        """Return a record of which only the id and these values are known."""
        return (id, *(values.get(name, MISSING) for name in list(cls._table.positions)[1:]))

    def _become(self, record: State) -> None:
        """Become the record that was created with the values of this new one. Makes no request."""
        if self._record is not None:
            return
        self._record, self._source = record._record, record._source
        for name in self._table.fields:
            value = record._slot(name)
            if value is UNSET:
                self._unset(name)
            else:
                setattr(self, name, value)
        for name, relation in self._table.relations.items():
            if relation.key is not None:
                self._unassign(name)

    def _merge_values(self, **values: Any) -> None:
        """Merge single values."""
        self._merge(self._record_of(self._saved_id, **values))

    def _merge(self, record: Record) -> None:
        """Merge a record: its values replace loaded ones, but not edited ones."""
        assert self._record is not None
        kind: type[Record] = type(self._record)
        if UnverifiedRecord in (kind, type(record)):
            kind, record = self._verified(record)
        for name in self._table.fields:
            position = self._table.positions.get(name)
            if position is None or record[position] is MISSING:
                continue
            value = self._slot(name)
            if value is UNSET or not differ(value, self._record[position]):
                self._store(name, record[position])
        self._record = kind(
            tuple(
                old if new is MISSING else new
                for old, new in zip(self._record, record, strict=True)
            )
        )

    def _verified(self, record: Record) -> tuple[type[Record], Record]:
        """Return the type of this record once another one is merged, and what to merge of that.

        An edit that repeats a text which an export has escaped twice remains unverified.
        """
        assert self._record is not None
        table = self._table
        if type(record) is UnverifiedRecord:
            is_doubtful = bool(doubtful(table, record))
            return UnverifiedRecord if is_doubtful else type(self._record), record
        values = list(record)
        for name, (old, new) in self.changes.items():
            position = table.positions.get(name, 0)
            if values[position] is not MISSING and repeats(new, old, self._values_in(record, name)):
                values[position] = MISSING
        left = [each for each in doubtful(table, self._record) if values[each] is MISSING]
        return UnverifiedRecord if left else tuple, tuple(values)

    def _fill_in(self, record: Record) -> None:
        """Merge those values of a record that this object has not loaded yet."""
        known = self._record
        if known is None or self.is_destroyed or record[0] != known[0]:
            return
        added = type(record)(
            new if old is MISSING else MISSING for old, new in zip(known, record, strict=True)
        )
        if any(value is not MISSING for value in added):
            self._merge(added)

    def _drop(self, names: Iterable[str]) -> None:
        """Mark attributes as not loaded, edited or not."""
        self._invalidate(*names)
        for name in names:
            if name in self._table.fields:
                self._unset(name)

    def _invalidate(self, *names: str) -> None:
        """Mark values as unknown, so that relations are loaded again at their next use."""
        if self._record is not None:
            self._update_snapshot(dict.fromkeys(names, MISSING))

    def _update_snapshot(self, values: Mapping[str, Any]) -> None:
        assert self._record is not None
        record = list(self._record)
        for name, value in values.items():
            record[self._position(name)] = value
        self._record = type(self._record)(record)

    @property
    def is_dirty(self) -> bool:
        """Whether `save()` would send something. Makes no request.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.is_dirty
        True
        """
        return self.is_new or bool(self.changes)

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Return the old and the new value of each changed attribute. Makes no request.

        An old value that is not known is None. For a new record, returns the values that differ
        from the defaults.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.changes
        {'title': ('Lisbon', 'Lisboa')}
        """
        found = Changes()
        for name in (*self._table.fields, *self._table.relations):
            slot = self._slot(name)
            if slot is UNSET or self._is_own(slot):
                continue
            old, new = self._snapshot(name), self._comparable(name, slot)
            if differ(old, new):
                found[name] = (None if old is MISSING else old, new)
        return found

    def _unsaved(self) -> list[str]:
        """Return the attributes with local changes, and the relations with records that have some.

        Makes no request.
        """
        slots = ((name, self._slot(name)) for name in self._table.relations)
        inside = (name for name, slot in slots if self._is_own(slot) and slot._unsaved())
        return [*self.changes, *inside]

    def discard(self) -> None:
        """Undo all local changes. Makes no request.

        Raises:
            NotSaved: The record is new.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.discard()
        >>> page.title
        'Lisbon'
        """
        if self._record is None:
            raise NotSaved(f"{self!r} is new: there is no earlier state to go back to")
        for name in (*self._table.fields, *self._table.relations):
            self._discard(name)

    def _discard(self, name: str) -> None:
        """Undo a local change of one attribute."""
        assert self._record is not None
        slot, position = self._slot(name), self._table.positions.get(name)
        if slot is UNSET or self._is_own(slot):
            return
        if position is None:
            self._store(name, None)
        elif name in self._table.relations:
            self._unassign(name)
        elif self._record[position] is MISSING:
            delattr(self, name)
        else:
            self._store(name, self._record[position])

    def _is_own(self, value: object) -> bool:
        """Return whether a value is this object's own collection of loaded records."""
        return isinstance(value, Embedded) and value._owner is self and not value.is_assigned

    def _snapshot(self, name: str) -> Any:
        """Return the value of an attribute before all local changes."""
        position = self._table.positions.get(name)
        if self._record is None or position is None:
            field = self._table.fields.get(name)
            return field.default if field else None
        return self._values_in(self._record, name)

    def _values_in(self, record: Record, name: str) -> Any:
        """Return the value of an attribute in a record, in comparable form."""
        value = record[self._position(name)]
        relation = self._table.relations.get(name)
        if relation is None or value is MISSING or value is None:
            return value
        key = relation.model._table.positions[relation.key or "id"]
        return value[key] if relation.is_single else tuple(record[key] for record in value)

    def _comparable(self, name: str, value: object) -> Any:
        relation = self._table.relations.get(name)
        if relation is None:
            return value
        if isinstance(value, AssignableCollection):
            try:
                return value._keys()
            except ValidationError:  # save() raises it
                return value._assigned
        if isinstance(value, list | tuple | Collection):
            return tuple(map(_id_of, value))
        return _id_of(value)

    def _unassign(self, name: str) -> None:
        """Drop the value assigned to a relation, so that it shows the loaded records again."""
        slot = self._slot(name)
        if isinstance(slot, Embedded) and slot._owner is self:
            slot._unassign()
        else:
            self._unset(name)

    def _check_assigned(self) -> None:
        """Raise if a value assigned to a relation is not a list of its records."""
        for name in self._table.relations:
            slot = self._slot(name)
            if isinstance(slot, AssignableCollection) and slot.is_assigned:
                slot._keys()

    def _check_changes_allowed(self) -> None:
        for name, (old, new) in self.changes.items():
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            if (field and field.is_read_only) or (relation and relation.key is None):
                raise ReadOnly(
                    f"{type(self).__name__}.{name} cannot be changed through the API "
                    f"(it was {short_repr(old)}, now {short_repr(new)}): discard() the change"
                )

    def _check_exists(self) -> None:
        if self._record is None:
            raise NotSaved(f"{self!r} is not on the service yet: call save() first")
        self._check_not_destroyed()

    def _check_not_destroyed(self) -> None:
        if self.is_destroyed:
            raise Destroyed(f"{self!r} was destroyed")


def _id_of(value: object) -> object:
    return value._saved_id if isinstance(value, State) else value


def differ(old: object, new: object) -> bool:
    """Return whether two values differ. True if they cannot be compared, such as `pandas.NA`."""
    try:
        return bool(old != new)
    except (TypeError, ValueError):
        return True
