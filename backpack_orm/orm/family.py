"""What a record knows of the records around it, kept true when one of them is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.orm.changes import Tracked
from backpack_orm.orm.relations import Embedded
from backpack_orm.orm.state import State
from backpack_orm.wire.parse import MISSING

if TYPE_CHECKING:
    pass


class Related(Tracked):
    """A record that lives in another one, and in which others live."""

    __slots__ = ()

    def _forget_kind(self, child: Related) -> None:
        """Mark the relations in which a child is found as not loaded."""
        self._invalidate(*self._relations_of(child))
        self._forget_copies()

    def _forget_copies(self) -> None:
        """Have collections around this record read again where they show other objects of it."""
        place = self._source
        while isinstance(place, State):
            place._forget_copies_of(self)
            place = place._source

    def _forget_copies_of(self, written: Related) -> None:
        for name, relation in self._table.relations.items():
            collection = self._slot(name)
            if not isinstance(collection, Embedded) or collection._owner is not self:
                continue
            if relation.model._record_type == written._record_type:
                for record in collection._objects:
                    if record is not written and record._is_same_record(written):
                        record._invalidate(*record._readable_relations())
                        self._invalidate(name)
            elif written._record_type in relation.model._types_inside():
                for record in collection._objects:
                    record._forget_copies_of(written)

    @classmethod
    def _types_inside(cls) -> set[str]:
        """The types of the records that live in this one."""
        return {relation.model._record_type for relation in cls._table.relations.values()}

    @classmethod
    def _readable_relations(cls) -> list[str]:
        """The relations that the service returns when it is asked for the record."""
        return [name for name in cls._table.relations if name not in cls._included_elsewhere]

    def _on_child_created(self, child: Related) -> None:
        """Take note that a record was, or may have been, created in this one."""
        self._forget_kind(child)
        for name in self._relations_of(child):
            collection = self._slot(name)
            if isinstance(collection, Embedded) and not child.is_new:
                collection._append(child)

    def _on_child_destroyed(self, child: Related) -> None:
        """Take note that a record in this one was destroyed."""
        for name in self._relations_of(child):
            position = self._position(name)
            if self._record is not None and self._record[position] is not MISSING:
                part = self._record[position]
                left = tuple(record for record in part if record[0] != child._saved_id)
                self._record = type(self._record)(
                    (*self._record[:position], left, *self._record[position + 1 :])
                )

    def _relations_of(self, child: Related) -> list[str]:
        return [
            name
            for name, found in self._table.relations.items()
            if found.model._record_type == child._record_type
        ]
