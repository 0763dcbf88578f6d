"""What was changed in a record since it was loaded or saved."""

from __future__ import annotations

from typing import Any

from backpack_orm.errors import (
    NotSaved,
    ReadOnly,
    ValidationError,
    short_repr,
)
from backpack_orm.orm.identity import Identified
from backpack_orm.orm.relations import AssignableCollection, Embedded, entries_of
from backpack_orm.orm.state import UNSET, State, differ
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire.parse import MISSING, Record


class Changes(dict[str, tuple[Any, Any]], RichDisplay):
    """Attributes that were changed, each with its old and its new value."""

    __slots__ = ()


class Tracked(Identified):
    """A record whose values are compared with those that were loaded."""

    __slots__ = ()

    @property
    def is_dirty(self) -> bool:
        """Whether `save()` would send something. No request.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.is_dirty
        True
        """
        return self.is_new or bool(self.changes)

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """What was changed since it was loaded or saved: `{"title": (old, new)}`. No request.

        What was not known before was None; of a new object, it is what differs from the defaults.

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

    def discard(self) -> None:
        """Undo all changes made since it was loaded or saved. No request.

        Raises:
            NotSaved: It is new, there is nothing to go back to.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.discard()
        >>> page.title
        'Lisbon'
        """
        if self._record is None:
            raise NotSaved(f"{self!r} is new: there is nothing to go back to")
        for name in (*self._table.fields, *self._table.relations):
            slot, position = self._slot(name), self._table.positions.get(name)
            if slot is UNSET or self._is_own(slot):
                continue
            if position is None:
                setattr(self, name, None)
            elif name in self._table.relations:
                self._unassign(name)
            elif self._record[position] is MISSING:
                delattr(self, name)
            else:
                setattr(self, name, self._record[position])

    def _is_own(self, value: object) -> bool:
        """Whether a value is this object's own collection, which holds what was loaded."""
        return isinstance(value, Embedded) and value._owner is self and not value.is_assigned

    def _snapshot(self, name: str) -> Any:
        """What an attribute was when it was loaded or saved, in comparable form."""
        position = self._table.positions.get(name)
        if self._record is None or position is None:
            field = self._table.fields.get(name)
            return field.default if field else None
        return self._values_in(self._record, name)

    def _values_in(self, record: Record, name: str) -> Any:
        """What a record tells of an attribute, in comparable form."""
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
        if relation.is_single:
            return value._saved_id if isinstance(value, State) else value
        try:
            if isinstance(value, AssignableCollection):
                return value._keys()
            return tuple(
                item._saved_id if isinstance(item, State) else item
                for item in entries_of(self, relation, value)
            )
        except ValidationError:  # save() says what is wrong with it
            return value._assigned if isinstance(value, AssignableCollection) else value

    def _unassign(self, name: str) -> None:
        """Give up what was assigned to a relation, and show again what is loaded."""
        slot = self._slot(name)
        if isinstance(slot, Embedded) and slot._owner is self:
            slot._unassign()
        else:
            self._unset(name)

    def _refuse_unassignable(self) -> None:
        """Refuse what was assigned to a relation and is no list of its records."""
        for name in self._table.relations:
            slot = self._slot(name)
            if isinstance(slot, AssignableCollection) and slot.is_assigned:
                slot._keys()

    def _refuse_read_only(self) -> None:
        for name, (old, new) in self.changes.items():
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            if (field and field.is_read_only) or (relation and relation.key is None):
                raise ReadOnly(
                    f"{type(self).__name__}.{name} cannot be changed through the API "
                    f"(it was {short_repr(old)}, now {short_repr(new)}): discard() the change"
                )
