"""Records that the API can destroy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from backpack_orm.errors import NotFound, may_have_happened
from backpack_orm.orm.copying.children import Children
from backpack_orm.orm.queries.collections import AssignableCollection
from backpack_orm.orm.queries.plain import parent_values
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.records.state import DestroyedRecord
from backpack_orm.orm.records.unverified import is_marked, relations_marked
from backpack_orm.orm.signals import send_destroyed
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import MISSING


class Destroyable(Model):
    """A record that the API can destroy."""

    __slots__ = ()

    _destroy: ClassVar[Endpoint]
    _also_recreated: ClassVar[tuple[str, ...]] = ()
    """Read-only fields without which a record cannot be created again."""

    def destroy(self) -> dict[str, Any]:
        """Destroy the record with all that it contains. It cannot be undone.

        Makes one request, and one more before it if the record is not completely loaded; three for
        a past reminder. Makes one or two before it if an export may have escaped a text twice. See
        `Tag` for the requests of a tag.

        Returns:
            The record as it was stored, as plain values, which suffice to create it again: as
            `to_dict` returns them, without local changes, and with the ids of its parents.

        Raises:
            NotSaved: The record is new.
            Destroyed: The record was destroyed already.
            ReadOnly: The connection is read-only, or the id was changed.
            NotFound: The record no longer exists.

        >>> gone = Page.find_by(title="Lisbon").destroy()
        >>> Page.find_by(title="Lisbon") is None
        True
        >>> gone["title"], [note["title"] for note in gone["notes"]]
        ('Lisbon', ['Where we sleep', ''])
        """
        self._check_exists()
        self._ensure_writable("destroy")
        self._check_changes_allowed()
        self._load_to_recreate()
        stored = self._stored()
        return stored | self._destroy_now()

    @staticmethod
    def _destroyer(*lost: Destroyable) -> Callable[[Destroyable], dict[str, Any]]:
        """Return the function that destroys one of many records, which may be of several classes.

        If it is called again after a lost response, the record may be gone.
        """
        may_be_gone = set(map(id, lost))

        def destroy(record: Destroyable) -> dict[str, Any]:
            try:
                return record.destroy()
            except BaseException as error:
                if isinstance(error, NotFound) and id(record) in may_be_gone:
                    stored = record._stored()
                    record._mark_destroyed()
                    send_destroyed(record)
                    return stored
                if may_have_happened(error):
                    may_be_gone.add(id(record))
                raise

        return destroy

    def _destroy_now(self) -> dict[str, Any]:
        """Destroy the record without loading it. Return what was learned about it meanwhile."""
        try:
            learned = self._send_destroy()
        except BaseException as error:
            if may_have_happened(error) and isinstance(self._source, Model):
                self._source._invalidate_relations_of(self)
            raise
        self._mark_destroyed()
        send_destroyed(self)
        return learned

    def _load_to_recreate(self) -> None:
        """Load what is needed to create the record again. Values that cannot be set are not."""
        assert self._record is not None
        if is_marked(type(self), self._record):
            self._verify_texts(None)
            self._invalidate(*relations_marked(type(self), self._record))
        table = self._table
        needed = [
            *(
                name
                for name, field in table.fields.items()
                if not field.is_read_only and not field.is_write_only
            ),
            *self._also_recreated,
            *(
                name
                for name, relation in table.relations.items()
                if issubclass(relation.collection or Model, AssignableCollection | Children)
            ),
        ]
        for name in needed:
            if self._record[self._position(name)] is MISSING:
                self._complete(name)

    def _stored(self) -> dict[str, Any]:
        """Return the record without local changes, as plain values."""
        assert self._record is not None
        stored = self._as_stored()
        parents = parent_values(type(self), self)
        ids = {name: value for name, value in parents.items() if name.endswith("_id")}
        return {"id": self._saved_id, **ids, **stored.to_dict()}

    def _send_destroy(self) -> dict[str, Any]:
        self._send(self._destroy)
        return {}

    def _mark_destroyed(self) -> None:
        assert self._record is not None
        self._record = DestroyedRecord(self._record)
        if isinstance(self._source, Model):
            self._source._on_child_destroyed(self)
