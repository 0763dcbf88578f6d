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
        """Destroy the record, with all that it contains; one request. There is no way back.

        Raises:
            NotSaved: It is not on the service yet.
            Destroyed: It was destroyed already.
            ReadOnly: Its id was overwritten, or the connection is read-only.
            NotFound: It is gone.

        >>> Page.find_by(title="Lisbon").destroy()
        >>> Page.find_by(title="Lisbon") is None
        True
        """
        self._refuse_new("destroy")
        self._refuse_destroyed()
        self._ensure_writable("destroy")
        self._refuse_read_only()
        try:
            self._send(self._destroy)
        except BaseException as error:
            if may_have_happened(error) and isinstance(self._source, Model):
                self._source._forget_kind(self)
            raise
        self._mark_destroyed()

    def _mark_destroyed(self) -> None:
        assert self._record is not None
        self._record = DestroyedRecord(self._record)
        if isinstance(self._source, Model):
            self._source._on_child_destroyed(self)
