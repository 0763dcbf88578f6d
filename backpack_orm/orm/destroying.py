"""Records that the API can destroy."""

from __future__ import annotations

from typing import ClassVar

from backpack_orm.orm.model import Model
from backpack_orm.orm.state import DestroyedRecord, may_have_happened
from backpack_orm.wire.endpoint import Endpoint


class Destroyable(Model):
    """A record that the API can destroy."""

    __slots__ = ()

    _destroy: ClassVar[Endpoint]

    def destroy(self) -> None:
        """Destroy the record with all that it contains. Makes one request. It cannot be undone.

        Raises:
            NotSaved: The record is new.
            Destroyed: The record was destroyed already.
            ReadOnly: The connection is read-only, or the id was changed.
            NotFound: The record no longer exists.

        >>> Page.find_by(title="Lisbon").destroy()
        >>> Page.find_by(title="Lisbon") is None
        True
        """
        self._check_exists()
        self._ensure_writable("destroy")
        self._check_changes_allowed()
        try:
            self._send_destroy()
        except BaseException as error:
            if may_have_happened(error) and isinstance(self._source, Model):
                self._source._invalidate_relations_of(self)
            raise
        self._mark_destroyed()

    def _send_destroy(self) -> None:
        self._send(self._destroy)

    def _mark_destroyed(self) -> None:
        assert self._record is not None
        self._record = DestroyedRecord(self._record)
        if isinstance(self._source, Model):
            self._source._on_child_destroyed(self)
