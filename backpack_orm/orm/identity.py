"""Which record an object is: its account, its parent and its id."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection, connection_for, current, ensure_connection
from backpack_orm.errors import (
    InvalidResponse,
    NotConnected,
    ReadOnly,
    ValidationError,
    short_repr,
)
from backpack_orm.orm.state import State
from backpack_orm.wire import values

if TYPE_CHECKING:
    from backpack_orm.orm.model import Model


class Identified(State):
    """A record that knows where it is from, and which others are the same."""

    __slots__ = ()

    @property
    def connection(self) -> Connection:
        """The connection it came from, else the one in use. No request.

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
        """What tells its account from others; None when nothing says which that is."""
        try:
            return self.connection.account
        except NotConnected:
            return None

    @property
    def _parent(self) -> Model:
        if not isinstance(self._source, State):
            assert self._table.parent is not None
            raise InvalidResponse(
                f"the service does not tell which {self._table.parent.target} {self!r} belongs to"
            )
        return self._source

    def _set_parent(self, value: Model | int) -> None:
        parent = self._table.parent
        assert parent is not None
        what = f"{type(self).__name__}.{parent.name}"
        if self._record is not None:
            raise ReadOnly(f"{what} cannot be changed: the API moves nothing elsewhere")
        if isinstance(value, parent.model):
            self._source = value
            return
        id = parent.model._check_id(what, value)
        if parent.model._table.parent is not None:
            raise ValidationError(
                f"{what} takes a {parent.target} itself, since its id alone does not tell where "
                f"it is: {parent.target}.find({id})"
            )
        self._source = parent.model._stub(id, None)

    def _attach(self, connection: Connection) -> None:
        """Belong to a connection from now on.

        Raises:
            ValidationError: It belongs to another account already, or that is no connection.
        """
        ensure_connection(connection)
        root: Identified = self
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
        """An object of which only the id is known."""
        self = cls.__new__(cls)
        self._record = cls._record_of(id)
        self._source = source
        self.id = id
        for name, field in cls._table.fields.items():
            if field.is_write_only:
                setattr(self, name, None)
        return self

    @property
    def _identity(self) -> object:
        """What tells it from others of its model in its account."""
        return self._saved_id

    def _is_same_record(self, other: Model) -> bool:
        return (
            self._record is not None and not self.is_destroyed and self._identity == other._identity
        )

    def _refuse_foreign(self, what: str, value: object) -> None:
        """Refuse a record of another account, whose id means another thing here.

        Raises:
            ValidationError: It is one.
        """
        if isinstance(value, Identified) and value._account != self._account:
            raise ValidationError(f"{what}: {value!r} belongs to another account")

    def _ensure_writable(self, method: str) -> None:
        """Refuse a write on a read-only connection before anything is read for it.

        Raises:
            ReadOnly: The connection refuses writes.
        """
        with suppress(NotConnected):  # the write itself says how to connect
            self.connection.ensure_writable(f"{type(self).__name__}.{method}()")

    @classmethod
    def _check_id(cls, what: str, value: object) -> int:
        """The id that an argument names, by number or by object.

        Raises:
            ValidationError: It is neither.
            NotSaved: The object has no id yet.
        """
        if isinstance(value, State) and value._record_type == cls._record_type:
            return value._saved_id
        try:
            return values.plain_id(value)
        except ValueError:
            raise ValidationError(
                f"{what} takes the id of a record, a whole number above 0 and below 2**63, "
                f"or a {cls.__name__}, not {short_repr(value)}"
            ) from None

    @classmethod
    def _resolve_id(
        cls, id: object, using: Connection | None, what: str = "find"
    ) -> tuple[int, Connection]:
        """The id that an argument names, and where to look for it: an object tells both.

        Raises:
            ValidationError: It is neither an id nor an object, or one of another account.
        """
        if type(id) is int and 0 < id <= values.LARGEST_ID:
            return id, using if isinstance(using, Connection) else connection_for(using)
        wanted = cls._check_id(f"{cls.__name__}.{what}", id)
        if not isinstance(id, Identified):
            return wanted, connection_for(using)
        if using is not None:
            id._attach(using)
        return wanted, id.connection

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Identified) or self._record_type != other._record_type:
            return NotImplemented
        if self._record is None or other._record is None:
            return False
        return self._identity == other._identity and self._account == other._account

    def __hash__(self) -> int:
        if self._record is None:
            raise TypeError(f"{self!r} has no identity yet: save() it first")
        return hash((self._record_type, self._identity))
