"""Objects that stand for records, and load what is missing when it is read."""

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
    short_repr,
)
from backpack_orm.orm.family import Related
from backpack_orm.orm.introspection import is_introspection
from backpack_orm.orm.relations import AssignableCollection, Embedded
from backpack_orm.orm.state import UNSET, Reloaded, may_have_happened
from backpack_orm.rich_display import public_names
from backpack_orm.wire import parse
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.parse import MISSING, Record, Response

M = TypeVar("M", bound="Model")
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 50


def _brief(value: object) -> str:
    try:
        return _short.repr(value)
    except ValueError:  # an int of more digits than Python prints
        return short_repr(value)


class Model(Related):
    """One record of the service.

    Attributes are plain: reading and writing them costs nothing and sends nothing. Only a declared
    attribute that has not been loaded yet costs a request, when it is first read.

    Attributes:
        id: Its number; None until it is saved.

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

    if not TYPE_CHECKING:  # else every misspelled attribute would be taken for an Any

        def __getattr__(self, name: str) -> Any:
            """Load what is declared but not loaded yet; Python asks here for unset slots only."""
            table = self._table
            if name in table.relations:
                value = self._relate(name)
                setattr(self, name, value)
                return value
            if name in table.fields and self._record is not None and not is_introspection():
                self._complete(name)
                return object.__getattribute__(self, name)
            if name in self._defaults:
                return self._defaults[name]
            if isinstance(getattr_static(type(self), name, None), property):
                return object.__getattribute__(self, name)  # its own error, not that of this one
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}{table.nearest(name)}"
            )

    def _relate(self, name: str) -> Any:
        """The object or collection that stands for a relation."""
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
        """What the record holds under a relation's name, loaded if it was not known."""
        position = self._position(name)
        if self._record is None:
            raise NotSaved(f"{self!r} has no {name} yet: save() it first")
        if self._record[position] is MISSING:
            self._complete(name)
        return self._record[position]

    def _complete(self, name: str) -> None:
        """Load an attribute. What even the most complete response omits has no value."""
        self._refuse_destroyed()
        if not self.connection.is_file:
            self._load(name, fresh=type(self._record) is Reloaded)
        assert self._record is not None
        if self._record[self._position(name)] is MISSING:
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            empty = (
                field.value_type.empty if field else None if relation and relation.is_single else ()
            )
            self._merge(self._record_with(**{name: empty}))

    def _load(self, name: str, *, fresh: bool = False) -> None:
        """Ask the service for what is missing, so that `name` is known."""
        self._refuse_destroyed()
        self._merge(self._fetch(fresh=fresh))

    def _reload_relation(self, name: str) -> None:
        """Ask the service for a relation, whatever is loaded or cached.

        Raises:
            ReadOnly: No call returns it for a record that is there already.
        """
        if name in self._included_elsewhere:
            raise ReadOnly(
                f"{type(self).__name__}.{name} cannot be read by itself: only searches and "
                f"exports include it, so make another one"
            )
        self._load(name, fresh=True)

    def _fetch(self, *, fresh: bool = False) -> Record:
        """The whole record as the service has it; each model knows by which call."""
        raise AssertionError(f"{type(self).__name__} does not say how it is read")

    def _select(self, records: Iterable[Record]) -> Record:
        """This record among others."""
        for record in records:
            if record[0] == self._saved_id:
                return record
        raise NotFound(f"{self!r} is no longer there", status=404)

    def _send(
        self,
        endpoint: Endpoint,
        payload: Mapping[str, WireValue] | None = None,
        read: Callable[[Response], Record | None] | None = None,
    ) -> Record | None:
        """Make a call about this record, and return the record where `read` finds it.

        Without `read`, the response is success and nothing else.
        """
        self._refuse_new("do that to")
        self._refuse_destroyed()
        if read is None:
            read = parse.success if endpoint.path.startswith("ws/") else parse.anything
        try:
            return self.connection.call(endpoint, self._ids(endpoint), payload or {}, read=read)
        finally:  # also when nobody knows whether it happened
            self._forget_copies()

    def _ids(self, endpoint: Endpoint) -> tuple[int, ...]:
        """The ids in the path of a call about this record."""
        return tuple(
            self._saved_id if name == "id" else getattr(self, name) for name in endpoint.ids
        )

    def _path_ids(self) -> tuple[int, ...]:
        """The ids in the paths of calls about what lives in this record."""
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

    def to_dict(self) -> dict[str, Any]:
        """What is loaded, as plain values, with what it contains. No request.

        Returns:
            Attributes by name; contained records as lists of the same, assigned lists as they
            were assigned; what is not loaded is left out.

        >>> item = Page.find_by(title="Lisbon").lists[0].items[0]
        >>> item.to_dict()["content"]
        'Walking shoes'
        """
        plain: dict[str, Any] = {}
        table = self._table
        for name, position in table.positions.items():
            if name not in table.fields and name not in table.relations:
                continue  # the record it lives in
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
        return plain

    def __repr__(self) -> str:
        fields = [field for field in self._table.fields.values() if field.is_shown]
        told = [field for field in fields if not field.is_read_only] or fields
        slots = ((name, self._slot(name)) for name in ("id", *(field.name for field in told)))
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
            setattr(self, name, value)

    def __copy__(self) -> Self:
        """A second object for the same record, with the same changes of its own."""
        twin = type(self).__new__(type(self))
        for name, value in self.__getstate__().items():
            if isinstance(value, Embedded) and value._owner is self:
                setattr(twin, name, value._copy_in(twin))
            else:
                setattr(twin, name, list(value) if isinstance(value, list) else value)
        return twin


class Readable(Model):
    """A record that the API tells again when asked."""

    __slots__ = ()

    def reload(self) -> Self:
        """Reload the record and discard local changes. Makes one request.

        What this request does not return, such as the `scope` of a page, is not loaded
        afterwards: reading it makes another request, which bypasses the cache too.

        Raises:
            NotSaved: It is new.
            Destroyed: It was destroyed.
            NotFound: It is gone.

        >>> Page.find_by(title="Lisbon").reload().title
        'Lisbon'
        """
        self._refuse_new("reload")
        self._refuse_destroyed()
        record = self._fetch(fresh=True)
        self.discard()
        self._merge(record)
        for name in (*self._table.fields, *self._readable_relations()):
            position = self._table.positions.get(name)
            if position is not None and record[position] is MISSING:
                self._invalidate(name)
                if name in self._table.fields:
                    self._unset(name)
        self._record = Reloaded(self._record or ())
        return self
