"""The account and parent of a record, and the records that it contains."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection, connection_for, current, ensure_connection
from backpack_orm.errors import (
    InvalidResponse,
    NotConnected,
    ReadOnly,
    ValidationError,
    short_repr,
)
from backpack_orm.orm.queries.collections import Embedded
from backpack_orm.orm.records.state import UNSET, State
from backpack_orm.orm.schema.fields import label_in
from backpack_orm.wire import values
from backpack_orm.wire.shapes import MISSING

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model


class Related(State):
    """A record of an account or of a parent, which may contain other records."""

    __slots__ = ()

    @property
    def connection(self) -> Connection:
        """The connection that the record was loaded from, else the current one.

        Makes no request.

        Raises:
            NotConnected: There is none.

        >>> Page.find_by(title="Lisbon").connection.stats.requests
        1
        """
        source = self._source
        while isinstance(source, State):
            source = source._source
        return current() if source is None else source.resolved()

    @property
    def _account(self) -> str | None:
        """The account of the record; None if there is no connection."""
        try:
            return self.connection.account
        except NotConnected:
            return None

    @property
    def _parent(self) -> Model:
        if not isinstance(self._source, State):
            assert self._table.parent is not None
            raise InvalidResponse(
                f"the response did not include the {self._table.parent.target} of {self!r}"
            )
        return self._source

    def _set_parent(self, value: Model | int, suffix: str = "") -> None:
        parent = self._table.parent
        assert parent is not None
        what = f"{type(self).__name__}.{parent.name}{suffix}"
        if self._record is not None:
            way = "; use move_to()" if hasattr(self, "move_to") else ""
            raise ReadOnly(
                f"{what} cannot be changed: the API has no call that moves a record{way}"
            )
        if isinstance(value, parent.model):
            self._source = value
            return
        id = parent.model._check_id(what, value)
        if parent.model._table.parent is not None:
            raise ValidationError(
                f"{what} takes a {parent.target}, not only its id: pass {parent.target}.find({id})"
            )
        self._source = parent.model._stub(id, None)

    def _clock_time(self, name: str, moment: datetime) -> datetime:
        """Return the value of a field as the clock of the account shows it.

        Makes no request, or one if the time has a zone and the account's zone is not loaded yet.
        """
        return moment if moment.tzinfo is None else moment.astimezone(self.connection.zone)

    def _attach(self, connection: Connection) -> None:
        """Attach the record to a connection.

        Raises:
            ValidationError: The record belongs to another account, or that is no connection.
        """
        ensure_connection(connection)
        root: Related = self
        while isinstance(root._source, State):
            root = root._source
        if root._source is None:
            root._source = connection
        elif root._source.account != connection.account:
            raise ValidationError(
                f"{root!r} belongs to {root._source!r}, so it cannot be used with {connection!r}"
            )

    @classmethod
    def _stub(cls, id: int, source: Connection | Model | None) -> Self:
        """Return an object of which only the id is known."""
        self = cls.__new__(cls)
        self._record = cls._record_of(id)
        self._source = source
        self._store("id", id)
        for name, field in cls._table.fields.items():
            if field.is_write_only:
                self._store(name, None)
        return self

    @property
    def _identity(self) -> object:
        """The key of the record among those of its model and account."""
        return self._saved_id

    def _is_same_record(self, other: Model) -> bool:
        return (
            self._record is not None and not self.is_destroyed and self._identity == other._identity
        )

    def _check_same_account(self, what: str, value: object) -> None:
        """Raise for a record of another account, whose id would name another record here.

        Raises:
            ValidationError: The record belongs to another account.
        """
        if isinstance(value, Related) and value._account != self._account:
            raise ValidationError(f"{what}: {value!r} belongs to another account")

    def _ensure_writable(self, method: str) -> None:
        """Raise for a write on a read-only connection, before anything is read for it.

        Raises:
            ReadOnly: The connection refuses writes.
        """
        with suppress(NotConnected):  # the write itself raises it
            self.connection.ensure_writable(f"{type(self).__name__}.{method}()")

    @classmethod
    def _check_id(cls, what: str, value: object) -> int:
        """Return the id that an argument names, by number or by object.

        Raises:
            ValidationError: The argument is neither an id nor an object.
            NotSaved: The object has no id yet.
        """
        if isinstance(value, State) and value._record_type == cls._record_type:
            return value._saved_id
        try:
            return values.plain_id(value)
        except ValueError:
            raise ValidationError(
                f"{what} takes the id of a record, a whole number above 0 and below 2**63, "
                f"or a {cls.__name__}, not {short_repr(value)}{cls._finder_hint(value)}"
            ) from None

    @classmethod
    def _finder_hint(cls, value: object) -> str:
        """Return a hint at the finder that takes what is no id, or ""."""
        label = label_in(cls._table.fields)
        if isinstance(value, str) and label is not None:
            return f"; use {cls.__name__}.get({label}=…)"
        return f"; use {cls.__name__}.where(id__in=…)" if isinstance(value, list | tuple) else ""

    @classmethod
    def _resolve_id(cls, id: object, using: Connection | None) -> tuple[int, Connection]:
        """Return the id that an argument names, and the connection to use.

        Raises:
            ValidationError: The argument is neither an id nor an object, or an object of another
                account.
        """
        if isinstance(id, str) and "://" in id:
            return cls._id_at(id, using), connection_for(using)
        wanted = cls._check_id(f"{cls.__name__}.find", id)
        if not isinstance(id, Related):
            return wanted, connection_for(using)
        if using is not None:
            id._attach(using)
        return wanted, id.connection

    @classmethod
    def _id_at(cls, address: str, using: Connection | None) -> int:
        """Return the id of the record at an address of the web site; only pages have one."""
        return cls._check_id(f"{cls.__name__}.find", address)

    @classmethod
    def _resolve(cls, what: str, value: Self | int, using: Connection | None) -> Self:
        """Return the record that an argument names, by object or by id, with a connection.

        Raises:
            ValidationError: The argument is neither an id nor an object, or an object of another
                account.
        """
        if not isinstance(value, cls._resource):
            return cls._stub(cls._check_id(what, value), connection_for(using))
        if using is not None:
            value._attach(using)
        return value

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Related) or self._record_type != other._record_type:
            return NotImplemented
        if self._record is None or other._record is None:
            return False
        return self._identity == other._identity and self._account == other._account

    def __hash__(self) -> int:
        if self._record is None:
            raise TypeError(f"{self!r} has no identity yet: save() it first")
        return hash((self._record_type, self._identity))

    def _invalidate_relations_of(self, child: Related) -> None:
        """Mark the relations in which a child is found as not loaded."""
        self._invalidate(*self._relations_of(child))
        self._invalidate_copies()

    def _invalidate_copies(self) -> None:
        """Invalidate collections of ancestors that contain another object of this record."""
        place = self._source
        while isinstance(place, State):
            place._invalidate_copies_of(self)
            place = place._source

    def _invalidate_copies_of(self, written: Related) -> None:
        for name, relation in self._table.relations.items():
            collection = self._slot(name)
            if collection is UNSET and not relation.is_single and self._has_part(name):
                collection = getattr(self, name)  # loaded, but not read yet
            if not isinstance(collection, Embedded) or collection._owner is not self:
                continue
            if relation.model._record_type == written._record_type:
                for record in collection._loaded():
                    if record is not written and record._is_same_record(written):
                        record._invalidate(*record._readable_relations())
                        self._invalidate(name)
            elif relation.model._relations_of(written):
                for record in collection._loaded():
                    record._invalidate_copies_of(written)

    def _has_part(self, name: str) -> bool:
        """Return whether the records of a relation are loaded."""
        return self._record is not None and self._record[self._position(name)] is not MISSING

    @classmethod
    def _readable_relations(cls) -> list[str]:
        """Return the relations that are included when the record is reloaded."""
        return [name for name in cls._table.relations if name not in cls._included_elsewhere]

    def _on_child_created(self, child: Related) -> None:
        """Update relations after a record was, or may have been, created in this one."""
        self._invalidate_relations_of(child)
        for name in self._relations_of(child):
            collection = self._slot(name)
            if isinstance(collection, Embedded) and not child.is_new:
                collection._append(child)

    def _on_child_destroyed(self, child: Related) -> None:
        """Update relations after a record in this one was destroyed."""
        for name in self._relations_of(child):
            position = self._position(name)
            if self._record is not None and self._record[position] is not MISSING:
                part = self._record[position]
                left = tuple(record for record in part if record[0] != child._saved_id)
                self._update_snapshot({name: left})

    @classmethod
    def _relations_of(cls, child: Related) -> list[str]:
        return [
            name
            for name, found in cls._table.relations.items()
            if found.model._record_type == child._record_type
        ]
