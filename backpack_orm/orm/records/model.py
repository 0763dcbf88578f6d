"""Model objects, which load missing attributes when they are read."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, Self, TypeVar

from backpack_orm.errors import (
    NotFound,
    NotSaved,
    ReadOnly,
    StaleRecord,
    may_have_happened,
    short_repr,
)
from backpack_orm.orm.queries.collections import AssignableCollection, Embedded
from backpack_orm.orm.queries.introspection import is_introspection
from backpack_orm.orm.queries.plain import jsonable, to_json
from backpack_orm.orm.records.related import Related
from backpack_orm.orm.records.state import UNSET, Reloaded
from backpack_orm.orm.records.unverified import UnverifiedRecord
from backpack_orm.orm.schema.hints import record_hint
from backpack_orm.orm.signals import send_saved
from backpack_orm.rich_display import public_names
from backpack_orm.wire import parse
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import MISSING, Record, Response

M = TypeVar("M", bound="Model")
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 50


def _brief(value: object) -> str:
    try:
        return _short.repr(value)
    except ValueError:  # an int of more digits than Python prints
        return short_repr(value)


class Model(Related):
    """A record of the service.

    Attributes are plain slots. Reading a declared attribute that is not loaded yet makes a request;
    reading any other, and writing, makes none.

    Attributes:
        id: Number of the record; None until it is saved.

    >>> page = Page.find_by(title="Lisbon")
    >>> isinstance(page, Model), page.is_new, page.is_dirty
    (True, False, False)
    """

    __slots__ = ()

    id: Any

    def __init__(self, **attributes: Any) -> None:
        raise ReadOnly(
            f"{type(self).__name__}: the API has no call that creates one; find the existing ones"
        )

    if TYPE_CHECKING:

        def _created_with(self, *args: Any, **fields: Any) -> object:
            """Declare the arguments of `create` of collections of this model. Never called."""

    else:  # or every misspelled attribute would be taken for an Any

        def __getattr__(self, name: str) -> Any:
            """Load a declared attribute; Python calls this for unset slots only."""
            table = self._table
            if name in table.relations:
                value = self._relate(name)
                self._store(name, value)
                return value
            if name in table.fields and self._record is not None and not is_introspection():
                self._complete(name)
                return object.__getattribute__(self, name)
            if name in self._defaults:
                return self._defaults[name]
            if isinstance(getattr_static(type(self), name, None), property):
                return object.__getattribute__(self, name)  # its own error, not that of this one
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
                f"{record_hint(type(self), name) or table.nearest(name)}"
            )

    def _relate(self, name: str) -> Any:
        """Return the object or collection of a relation."""
        relation = self._table.relations[name]
        if relation.is_single:
            part = self._part(name)
            return None if part is None else relation.contents.load_one[relation.model](part, self)
        return (relation.collection or Embedded)(self, relation)

    def _children(self, name: str, cls: type[M]) -> Sequence[M]:
        """Return the records of a relation as objects of a class: the model or a subclass."""
        relation = self._table.relations[name]
        if relation.model is cls:
            own: Sequence[M] = getattr(self, name)
            return own
        return Embedded(self, relation._replace(narrowed=cls))

    def _part(self, name: str) -> Any:
        """Return the records of a relation, which are loaded if they were not."""
        position = self._position(name)
        if self._record is None:
            raise NotSaved(f"{self!r} has no {name} yet: save() it first")
        if self._record[position] is MISSING:
            self._complete(name)
        return self._record[position]

    def _as_stored(self) -> Self:
        """Return another object for the record as it was last received, without local changes."""
        assert self._record is not None
        stored = self._stub(self._saved_id, self._source)
        stored._merge(self._record)
        return stored

    def _complete(self, name: str) -> None:
        """Load an attribute. It is empty if the most complete response omits it."""
        self._check_not_destroyed()
        if not self.connection.is_file:
            self._load(name, fresh=type(self._record) is Reloaded)
        assert self._record is not None
        if self._record[self._position(name)] is MISSING:
            self.connection.ensure_known(f"{type(self).__name__}.{name}")
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            empty = (
                field.value_type.empty if field else None if relation and relation.is_single else ()
            )
            self._merge_values(**{name: empty})

    def _load(self, name: str, *, fresh: bool = False) -> None:
        """Load an attribute: by the call that lists the records of a relation, else by the call
        that returns the record.
        """
        self._check_not_destroyed()
        relation = self._table.relations.get(name)
        if name in self._included_elsewhere:
            self._merge_values(**{name: ()})
        elif relation is not None and relation.is_listed:
            model: Any = relation.model
            records = tuple(model._records_in(self, fresh=fresh))
            self._merge_values(**{name: records})
        else:
            self._merge(self._fetch(fresh=fresh))

    def _fetch(self, *, fresh: bool = False) -> Record:
        """Return the whole record as the service has it."""
        raise AssertionError(f"{type(self).__name__} declares no call that returns it")

    @property
    def _is_unverified(self) -> bool:
        """Whether a text of the record may have been escaped twice, see `records.unverified`."""
        return type(self._record) is UnverifiedRecord

    def _verify_texts(self, fresh: Record | None) -> Record:
        """Merge the texts that the service has, and raise if an edit repeats others."""
        stored = self._fetch(fresh=True) if fresh is None else fresh
        self._merge(stored)
        if self._is_unverified:
            raise StaleRecord(
                f"{self!r} was edited on the basis of an export, where a text was escaped twice or "
                "which is older: reload() it, which discards your changes, and edit again"
            )
        return stored

    def _select(self, records: Iterable[Record]) -> Record:
        """Return this record out of several."""
        for record in records:
            if record[0] == self._saved_id:
                return record
        raise NotFound(f"{self!r} no longer exists", status=404)

    def _send(
        self,
        endpoint: Endpoint,
        payload: Mapping[str, WireValue] | None = None,
        read: Callable[[Response], Record | None] | None = None,
    ) -> Record | None:
        """Make a call about this record, and return the record that `read` finds in the response.

        Without `read`, the response is only checked for success.
        """
        self._check_exists()
        if read is None:
            read = parse.success if endpoint.path.startswith("ws/") else parse.anything
        try:
            return self.connection.call(endpoint, self._ids(endpoint), payload or {}, read=read)
        finally:  # also if the outcome is unknown
            self._invalidate_copies()

    def _change(self, endpoint: Endpoint, payload: Mapping[str, WireValue], *names: str) -> None:
        """Make a call that changes attributes, which are loaded when they are used again."""
        with self._changing(*names):
            self._send(endpoint, payload)
        send_saved(self, names)

    def _ids(self, endpoint: Endpoint) -> tuple[int, ...]:
        """Return the ids in the path of a call about this record."""
        return tuple(
            self._saved_id if name == "id" else getattr(self, name) for name in endpoint.ids
        )

    def _path_ids(self) -> tuple[int, ...]:
        """Return the ids in the paths of calls about the children of this record."""
        return (self._saved_id,)

    @contextmanager
    def _changing(self, *names: str) -> Iterator[None]:
        """Mark attributes as not loaded after a call that has changed them, or may have."""
        try:
            yield
        except BaseException as error:
            if may_have_happened(error):
                self._drop(names)
            raise
        self._drop(names)

    def to_dict(self, *, json: bool = False) -> dict[str, Any]:
        """Return the loaded attributes as plain values. Makes no request.

        Args:
            json: Whether to return only values that JSON can represent: times as texts in ISO 8601.

        Returns:
            Attributes by name: contained records as lists of such dictionaries, assigned lists as
            they were assigned. Attributes that are not loaded are left out.

        >>> item = Page.find_by(title="Lisbon").lists[0].items[0]
        >>> item.to_dict()["content"]
        'Walking shoes'
        >>> Page.find_by(title="Lisbon").notes[0].to_dict(json=True)["created_at"]
        '2026-05-02T04:39:02'
        """
        plain: dict[str, Any] = {}
        table = self._table
        for name, position in table.positions.items():
            if name not in table.fields and name not in table.relations:
                continue  # the parent
            value = self._slot(name)
            if value is UNSET and name in table.relations and self._record is not None:
                value = UNSET if self._record[position] is MISSING else getattr(self, name)
            if isinstance(value, AssignableCollection) and value.is_assigned:
                plain[name] = value._assigned
            elif isinstance(value, Embedded):
                if value.is_loaded:
                    plain[name] = [record.to_dict() for record in value._contained()]
            elif value is not UNSET:
                plain[name] = value.to_dict() if isinstance(value, Model) else value
        return jsonable(plain) if json else plain

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict(json=True)` as JSON text. Makes no request.

        Args:
            indent: Number of spaces by which to indent each level; None: all on one line.

        >>> Page.find_by(title="Lisbon").tags[0].to_json()
        '{"id": ..., "name": "Travel"}'
        """
        return to_json(self.to_dict(), indent)

    def __repr__(self) -> str:
        fields = [field for field in self._table.fields.values() if field.is_shown]
        writable = [field for field in fields if not field.is_read_only] or fields
        slots = ((name, self._slot(name)) for name in ("id", *(field.name for field in writable)))
        shown = [
            f"{name}={_brief(value)}"
            for name, value in dict(slots).items()
            if value is not UNSET and value is not None
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __dir__(self) -> Iterable[str]:
        return public_names(self, object.__dir__(self))

    def __getstate__(self) -> dict[str, Any]:
        names = ("_record", "_source", *self._table.fields, *self._table.relations, *self._own)
        slots = ((name, self._slot(name)) for name in names)
        return {name: value for name, value in slots if value is not UNSET}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            self._store(name, value)

    def __copy__(self) -> Self:
        """Return another object for the same record, with a copy of the local changes."""
        copied = type(self).__new__(type(self))
        for name, value in self.__getstate__().items():
            if isinstance(value, Embedded) and value._owner is self:
                copied._store(name, value._copy_in(copied))
            else:
                copied._store(name, list(value) if isinstance(value, list) else value)
        return copied
