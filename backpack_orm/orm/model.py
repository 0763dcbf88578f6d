"""Objects that stand for records: their state, identity, saving and destroying."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar, cast

from backpack_orm.connection import Connection, connection_for, current, ensure_connection
from backpack_orm.errors import (
    BackpackError,
    Destroyed,
    InvalidResponse,
    NotConnected,
    NotFound,
    NotSaved,
    ReadOnly,
    StaleRecord,
    ValidationError,
    shown,
)
from backpack_orm.orm.fields import ParentId, Table, View, say
from backpack_orm.orm.looking import only_looking
from backpack_orm.orm.model_type import ModelType
from backpack_orm.orm.relations import AssignableCollection, Embedded, entries_of
from backpack_orm.shown import Shown, offered
from backpack_orm.wire import parse, values
from backpack_orm.wire.build import Words, name_of
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.parse import MISSING, Answer, Record

M = TypeVar("M", bound="Model")
_UNSET: Any = object()
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 50


def _brief(value: object) -> str:
    try:
        return _short.repr(value)
    except ValueError:  # an int of more digits than Python prints
        return shown(value)


def _differ(old: object, new: object) -> bool:
    """Whether a value was changed; one that cannot say so, such as `pandas.NA`, was."""
    try:
        return bool(old != new)
    except (TypeError, ValueError):
        return True


class _Tombstone(tuple[Any, ...]):
    """The last record of what was destroyed."""

    __slots__ = ()


class _Reloaded(tuple[Any, ...]):
    """A record that was read by `reload()`: what it omits is not read from the cache either."""

    __slots__ = ()


class SaveResult(NamedTuple):
    """What a `save()` did; false when it sent nothing.

    Attributes:
        created: Whether the record is new on the service.
        updated: Whether an existing record was changed.
        fields: The attributes that were sent because they had changed; no others are.

    >>> bool(SaveResult()), bool(SaveResult(updated=True, fields=("title",)))
    (False, True)
    """

    created: bool = False
    updated: bool = False
    fields: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.created or self.updated


class Changes(dict[str, tuple[Any, Any]], Shown):
    """Attributes that were changed, each with its old and its new value."""

    __slots__ = ()


class Model(Shown, metaclass=ModelType):
    """One record of the service.

    Attributes are plain: reading and writing them costs nothing and sends nothing. Only a declared
    attribute that has not been loaded yet costs a request, when it is first read.

    Attributes:
        id: Its number; None until it is saved.

    >>> page = Page.find_by(title="Lisbon")
    >>> isinstance(page, Model), page.is_new, page.is_dirty
    (True, False, False)
    """

    __slots__ = ("_record", "_source")

    _table: ClassVar[Table]
    _resource: ClassVar[type[Model]]
    """The model that the API knows: the class itself, or the one that it is a subclass of."""
    _record_type: ClassVar[str]
    """What the service calls such records: objects of one type are equal if they have one id."""
    _included_elsewhere: ClassVar[tuple[str, ...]] = ()
    """Relations that only a search or an export includes, so that they cannot be read again."""
    _defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults of the attributes that a subclass has added."""
    _own: ClassVar[tuple[str, ...]] = ()
    """The attributes that a subclass has added, which the service never sees."""
    _element: ClassVar[str]
    """What one record is called in answers."""
    _container: ClassVar[str]
    """What a list of them is called."""
    _is_grouped: ClassVar[bool] = False
    """Whether answers may sort them into completed ones and others, and mark them by that alone."""
    _whole: ClassVar[View]
    """What an answer tells that leaves nothing out."""

    _record: Record | None
    """What the service told last: the snapshot that changes are told by. None: nothing yet."""
    _source: Connection | Model | None
    """Where it lives: in another record, or in an account itself."""

    id: Any

    def __init__(self, **attributes: Any) -> None:
        cls, table = type(self), self._table
        if not issubclass(cls, Savable):
            raise ReadOnly(
                f"{cls.__name__}: the API has no call that makes one, so find those there are"
            )
        self._record = None
        self._source = None
        if table.parent is not None:
            given = attributes.pop(table.parent.name, None)
            if given is None:
                raise ValidationError(
                    f"{cls.__name__} needs the {table.parent.target} it lives in: "
                    f"give {table.parent.name}=…"
                )
            self._set_parent(given)
        table.check_names(cls, attributes)
        for name, field in table.fields.items():
            if name in attributes and field.is_read_only:
                raise ReadOnly(f"{cls.__name__}.{name} is given by the service: leave it out")
            if field.is_needed and attributes.get(name) is None:
                raise ValidationError(f"{cls.__name__} needs {name}=…, which cannot be None")
            setattr(self, name, attributes.get(name, field.default))
        for name, relation in table.relations.items():
            if name in attributes:
                if relation.key is None:
                    raise ReadOnly(f"{cls.__name__}.{name} cannot be given: create them one by one")
                setattr(self, name, attributes[name])

    # --- loading ----------------------------------------------------------------------------

    if not TYPE_CHECKING:  # else every misspelled attribute would be taken for an Any

        def __getattr__(self, name: str) -> Any:
            """Load what is declared but not loaded yet; Python asks here for unset slots only."""
            table = self._table
            if name in table.relations:
                value = self._relate(name)
                setattr(self, name, value)
                return value
            if name in table.fields and self._record is not None and not only_looking():
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
            self._load(name, fresh=type(self._record) is _Reloaded)
        assert self._record is not None
        if self._record[self._position(name)] is MISSING:
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            empty = field.kind.empty if field else None if relation and relation.is_single else ()
            self._absorb(self._record_with(**{name: empty}))

    def _load(self, name: str, *, fresh: bool = False) -> None:
        """Ask the service for what is missing, so that `name` is known."""
        self._refuse_destroyed()
        self._absorb(self._fetch(fresh=fresh))

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

    def _pick(self, records: Iterable[Record]) -> Record:
        """This record among others."""
        for record in records:
            if record[0] == self._saved_id:
                return record
        raise NotFound(f"{self!r} is no longer there", status=404)

    def _absorb(self, record: Record) -> None:
        """Take in a record: what it knows replaces what was loaded, never what was edited."""
        assert self._record is not None
        for name in self._table.fields:
            position = self._table.positions.get(name)
            if position is None or record[position] is MISSING:
                continue
            value = self._slot(name)
            if value is _UNSET or not _differ(value, self._record[position]):
                setattr(self, name, record[position])
        self._record = type(self._record)(
            tuple(
                old if new is MISSING else new
                for old, new in zip(self._record, record, strict=True)
            )
        )

    def _learn(self, record: Record) -> None:
        """Take in what another response tells of this record and it does not know yet."""
        known = self._record
        if known is None or self.is_destroyed or record[0] != known[0]:
            return
        news = tuple(
            new if old is MISSING else MISSING for old, new in zip(known, record, strict=True)
        )
        if any(value is not MISSING for value in news):
            self._absorb(news)

    def _slot(self, name: str, unset: Any = _UNSET) -> Any:
        """An attribute as it stands, without loading it."""
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            return unset

    def _unset(self, name: str) -> None:
        """Take an attribute for not loaded."""
        if self._slot(name) is not _UNSET:
            delattr(self, name)

    def _position(self, name: str) -> int:
        return self._table.positions[name]

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

    @classmethod
    def _record_of(cls, id: int) -> Record:
        """A record of which only the id is known."""
        return (id, *[MISSING] * (len(cls._table.positions) - 1))

    def _record_with(self, **values: Any) -> Record:
        """A record that knows nothing but the id and these values."""
        return tuple(
            self._saved_id if name == "id" else values.get(name, MISSING)
            for name in self._table.positions
        )

    # --- where it comes from ----------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The connection it came from, else the one in use. No request.

        Raises:
            NotConnected: There is none.

        >>> Page.find_by(title="Lisbon").connection.stats.requests
        1
        """
        source = self._source
        while isinstance(source, Model):
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
        if not isinstance(self._source, Model):
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

    def _settle_in(self, connection: Connection) -> None:
        """Belong to a connection from now on.

        Raises:
            ValidationError: It belongs to another account already, or that is no connection.
        """
        ensure_connection(connection)
        root: Model = self
        while isinstance(root._source, Model):
            root = root._source
        if root._source is None:
            root._source = connection
        elif root._source.account != connection.account:
            raise ValidationError(
                f"{root!r} belongs to {root._source!r}, so it cannot be used with {connection!r}"
            )

    @property
    def _saved_id(self) -> int:
        """The id that the service knows it by, whatever was written into `id`."""
        if self._record is None:
            raise NotSaved(f"{self!r} has no id yet: save() it first")
        return cast(int, self._record[0])

    @property
    def _identity(self) -> object:
        """What tells it from others of its model in its account."""
        return self._saved_id

    def _refuse_foreign(self, what: str, value: object) -> None:
        """Refuse a record of another account, whose id means another thing here.

        Raises:
            ValidationError: It is one.
        """
        if isinstance(value, Model) and value._account != self._account:
            raise ValidationError(f"{what}: {value!r} belongs to another account")

    @classmethod
    def _check_id(cls, what: str, value: object) -> int:
        """The id that an argument names, by number or by object.

        Raises:
            ValidationError: It is neither.
            NotSaved: The object has no id yet.
        """
        if isinstance(value, Model) and value._record_type == cls._record_type:
            return value._saved_id
        try:
            return values.plain_id(value)
        except ValueError:
            raise ValidationError(
                f"{what} takes the id of a record, a whole number above 0 and below 2**63, "
                f"or a {cls.__name__}, not {shown(value)}"
            ) from None

    @classmethod
    def _sought(
        cls, id: object, using: Connection | None, what: str = "find"
    ) -> tuple[int, Connection]:
        """The id that an argument names, and where to look for it: an object tells both.

        Raises:
            ValidationError: It is neither an id nor an object, or one of another account.
        """
        if type(id) is int and 0 < id <= values.LARGEST_ID:
            return id, connection_for(using)
        wanted = cls._check_id(f"{cls.__name__}.{what}", id)
        if not isinstance(id, Model):
            return wanted, connection_for(using)
        if using is not None:
            id._settle_in(using)
        return wanted, id.connection

    # --- identity ---------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Model) or self._record_type != other._record_type:
            return NotImplemented
        if self._record is None or other._record is None:
            return False
        return self._identity == other._identity and self._account == other._account

    def __hash__(self) -> int:
        if self._record is None:
            raise TypeError(f"{self!r} has no identity yet: save() it first")
        return hash((self._record_type, self._identity))

    def __repr__(self) -> str:
        fields = [field for field in self._table.fields.values() if field.is_shown]
        told = [field for field in fields if not field.is_read_only] or fields
        slots = ((name, self._slot(name)) for name in ("id", *(field.name for field in told)))
        shown = [
            f"{name}={_brief(value)}"
            for name, value in dict(slots).items()
            if value is not _UNSET and value is not None
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __dir__(self) -> Iterable[str]:
        return offered(self, object.__dir__(self))

    # --- state ------------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Whether it is not on the service yet. No request.

        >>> Page(title="Porto").is_new, Page.create(title="Porto").is_new
        (True, False)
        """
        return self._record is None

    @property
    def is_destroyed(self) -> bool:
        """Whether it was destroyed through this object. No request.

        >>> page = Page.create(title="Porto")
        >>> page.destroy()
        >>> page.is_destroyed
        True
        """
        return type(self._record) is _Tombstone

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
            if slot is _UNSET or self._is_own(slot):
                continue
            old, new = self._snapshot(name), self._comparable(name, slot)
            if _differ(old, new):
                found[name] = (None if old is MISSING else old, new)
        return found

    def _is_own(self, value: object) -> bool:
        """Whether a value is this object's own collection, which holds what was loaded."""
        return isinstance(value, Embedded) and value._owner is self and not value.is_assigned

    def _snapshot(self, name: str) -> Any:
        """What an attribute was when it was loaded or saved, in comparable form."""
        position = self._table.positions.get(name)
        if self._record is None or position is None:
            field = self._table.fields.get(name)
            return field.default if field else None
        return self._told(self._record, name)

    def _told(self, record: Record, name: str) -> Any:
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
            return value._saved_id if isinstance(value, Model) else value
        try:
            if isinstance(value, AssignableCollection):
                return value._keys()
            return tuple(
                item._saved_id if isinstance(item, Model) else item
                for item in entries_of(self, relation, value)
            )
        except ValidationError:  # save() says what is wrong with it
            return value._assigned if isinstance(value, AssignableCollection) else value

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
            if value is _UNSET and name in table.relations and self._record is not None:
                value = _UNSET if self._record[position] is MISSING else getattr(self, name)
            if isinstance(value, AssignableCollection) and value.is_assigned:
                plain[name] = value._assigned
            elif isinstance(value, Embedded):
                if value.is_loaded:
                    plain[name] = [record.to_dict() for record in value._contained()]
            elif value is not _UNSET:
                plain[name] = value.to_dict() if isinstance(value, Model) else value
        return plain

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
            if slot is _UNSET or self._is_own(slot):
                continue
            if position is None:
                setattr(self, name, None)
            elif name in self._table.relations:
                self._unassign(name)
            elif self._record[position] is MISSING:
                delattr(self, name)
            else:
                setattr(self, name, self._record[position])

    def _unassign(self, name: str) -> None:
        """Give up what was assigned to a relation, and show again what is loaded."""
        slot = self._slot(name)
        if isinstance(slot, Embedded) and slot._owner is self:
            slot._unassign()
        else:
            self._unset(name)

    # --- copies -----------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        names = ("_record", "_source", *self._table.fields, *self._table.relations, *self._own)
        slots = ((name, self._slot(name)) for name in names)
        return {name: value for name, value in slots if value is not _UNSET}

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

    # --- refusals ---------------------------------------------------------------------------

    def _refuse_new(self, verb: str) -> None:
        if self._record is None:
            raise NotSaved(f"{self!r} is not on the service yet: save() it before you {verb} it")

    def _refuse_destroyed(self) -> None:
        if self.is_destroyed:
            raise Destroyed(f"{self!r} was destroyed")

    def _refuse_unassignable(self) -> None:
        """Refuse what was assigned to a relation and is no list of its records."""
        for name in self._table.relations:
            slot = self._slot(name)
            if isinstance(slot, AssignableCollection) and slot.is_assigned:
                slot._keys()

    def _ensure_writable(self, method: str) -> None:
        """Refuse a write on a read-only connection before anything is read for it.

        Raises:
            ReadOnly: The connection refuses writes.
        """
        with suppress(NotConnected):  # the write itself says how to connect
            self.connection.ensure_writable(f"{type(self).__name__}.{method}()")

    def _refuse_read_only(self) -> None:
        for name, (old, new) in self.changes.items():
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            if (field and field.is_read_only) or (relation and relation.key is None):
                raise ReadOnly(
                    f"{type(self).__name__}.{name} cannot be changed through the API "
                    f"(it was {shown(old)}, now {shown(new)}): discard() the change"
                )

    # --- calls ------------------------------------------------------------------------------

    def _send(
        self,
        endpoint: Endpoint,
        words: Mapping[str, Words] | None = None,
        read: Callable[[Answer], Record | None] | None = None,
    ) -> Record | None:
        """Make a call about this record, and return the record where `read` finds it.

        Without `read`, the response is success and nothing else.
        """
        self._refuse_new("do that to")
        self._refuse_destroyed()
        if read is None:
            read = parse.success if endpoint.path.startswith("ws/") else parse.anything
        try:
            return self.connection.call(endpoint, self._ids(endpoint), words or {}, read=read)
        finally:  # also when nobody knows whether it happened
            self._forget_copies()

    def _ids(self, endpoint: Endpoint) -> tuple[int, ...]:
        """The ids in the path of a call about this record."""
        return tuple(
            self._saved_id if name == "id" else getattr(self, name) for name in endpoint.ids
        )

    def _place(self) -> tuple[int, ...]:
        """The ids in the paths of calls about what lives in this record."""
        return (self._saved_id,)

    @contextmanager
    def _changing(self, *names: str) -> Iterator[None]:
        """Mark attributes as not loaded after a call that has changed them, or may have."""
        try:
            yield
        except BaseException as error:
            if _may_have_happened(error):
                self._drop(names)
            raise
        self._drop(names)

    def _drop(self, names: Iterable[str]) -> None:
        """Mark attributes as not loaded, edited or not."""
        self._forget(*names)
        for name in names:
            if name in self._table.fields:
                self._unset(name)

    def _forget(self, *names: str) -> None:
        """Take relations for unknown, so that their next use loads them again."""
        if self._record is not None:
            record = list(self._record)
            for name in names:
                record[self._position(name)] = MISSING
            self._record = type(self._record)(record)

    def _forget_kind(self, child: Model) -> None:
        """Mark the relations in which a child is found as not loaded."""
        self._forget(*self._relations_of(child))
        self._forget_copies()

    def _forget_copies(self) -> None:
        """Have collections around this record read again where they show other objects of it."""
        place = self._source
        while isinstance(place, Model):
            place._forget_copies_of(self)
            place = place._source

    def _forget_copies_of(self, written: Model) -> None:
        for name, relation in self._table.relations.items():
            collection = self._slot(name)
            if not isinstance(collection, Embedded) or collection._owner is not self:
                continue
            if relation.model._record_type == written._record_type:
                for record in collection._objects:
                    if record is not written and record._is_same_record(written):
                        record._forget(*record._readable_relations())
                        self._forget(name)
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

    def _is_same_record(self, other: Model) -> bool:
        return (
            self._record is not None and not self.is_destroyed and self._identity == other._identity
        )

    def _child_came(self, child: Model) -> None:
        """Take note that a record was, or may have been, created in this one."""
        self._forget_kind(child)
        for name in self._relations_of(child):
            collection = self._slot(name)
            if isinstance(collection, Embedded) and not child.is_new:
                collection._objects = [*collection._objects, child]

    def _child_went(self, child: Model) -> None:
        """Take note that a record in this one was destroyed."""
        for name in self._relations_of(child):
            position = self._position(name)
            if self._record is not None and self._record[position] is not MISSING:
                part = self._record[position]
                left = tuple(record for record in part if record[0] != child._saved_id)
                self._record = type(self._record)(
                    (*self._record[:position], left, *self._record[position + 1 :])
                )

    def _relations_of(self, child: Model) -> list[str]:
        return [
            name
            for name, found in self._table.relations.items()
            if found.model._record_type == child._record_type
        ]


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
        self._absorb(record)
        for name in (*self._table.fields, *self._readable_relations()):
            position = self._table.positions.get(name)
            if position is not None and record[position] is MISSING:
                self._forget(name)
                if name in self._table.fields:
                    self._unset(name)
        self._record = _Reloaded(self._record or ())
        return self


class Savable(Model):
    """A record that the API can create and change."""

    __slots__ = ()

    _create: ClassVar[Endpoint]
    _created: ClassVar[View | None] = None
    """What the answer to its creation tells, where that is not all."""
    _updated: ClassVar[View | None] = None
    """What the response to an update includes, where it includes the record."""
    _updates: ClassVar[tuple[Endpoint, ...]]
    """The calls that change it, each for the fields that it sends."""
    _rewritten: ClassVar[tuple[str, ...]] = ()
    """What the service may make something else of, or change by itself, when it is written to."""

    @classmethod
    def create(cls, *, using: Connection | None = None, **attributes: Any) -> Self:
        """Make a new record on the service; `create(title=…)` is `Model(title=…)`, saved.

        Args:
            using: The connection, where it is not the one in use or the parent's.
            **attributes: What the model takes.

        Raises:
            TypeError: An attribute is misspelled.
            ValidationError: A value could not be sent; nothing was.
            ApiError: The service refused.
            OutcomeUnknown: The answer was lost.

        >>> Page.create(title="Porto").title
        'Porto'
        """
        record = cls(**attributes)
        if using is not None:
            record._settle_in(using)
        record.save()
        return record

    @classmethod
    def _create_in(cls, owner: Model, attributes: Mapping[str, Any]) -> Self:
        parent = cls._table.parent
        assert parent is not None
        if parent.name in attributes:
            raise TypeError(f"leave {parent.name}= out: it is created in {owner!r}")
        return cls.create(**{**attributes, parent.name: owner})

    def save(self, *, check: bool = False) -> SaveResult:
        """Send the fields that have changed, and no others.

        Makes no request if nothing has changed, else one; where the API sets fields by several
        calls, one for each call that is needed. Changing `completed` of an item makes one more,
        see `Item.complete`.

        If a response is lost, the fields that were sent count as unknown: they are sent again by
        the next `save()`, whatever they are set to, or read again after `discard()`.

        Args:
            check: Read the record afresh first (one request more), and refuse when it has changed
                on the service since it was loaded.

        Returns:
            What was done; false when nothing was sent.

        Raises:
            ValidationError: A value could not be sent; nothing was.
            ReadOnly: The connection is read-only, or a field that the API cannot change was
                changed; nothing was sent.
            Destroyed: The record was destroyed.
            StaleRecord: `check` found it changed on the service; nothing was sent.
            ApiError: The service refused; the message says what had been saved before.
            OutcomeUnknown: The response to the creation was lost.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.save()
        SaveResult(created=False, updated=True, fields=('title',))
        >>> bool(page.save())
        False
        """
        self._refuse_destroyed()
        self._refuse_read_only()
        is_new, changed = self.is_new, list(self.changes)
        if is_new or changed:
            self._ensure_writable("create" if is_new else "save")
        self._validate(changed)
        fresh = self._refuse_stale() if check and changed and not is_new else None
        saved: list[str] = []
        try:
            if is_new:
                saved += self._create_record(changed)
            for endpoint in self._updates:
                group = [name for name in _names(endpoint) if name in changed]
                if not set(group) <= set(saved):
                    saved += self._update(endpoint, group, fresh)
        except BackpackError as error:
            if saved:
                left = [name for name in changed if name not in saved]
                error.add(f"saved before: {', '.join(saved)}; not saved: {', '.join(left)}")
                error.add(f"it is {self!r}")
            raise
        self._drop_equal_lists()
        return SaveResult(is_new, not is_new and bool(saved), tuple(saved))

    def _drop_equal_lists(self) -> None:
        """Give up assigned lists that say what was loaded, so that objects are read again."""
        for name, relation in self._table.relations.items():
            slot = self._slot(name)
            if relation.key is None or slot is _UNSET or self._is_own(slot):
                continue
            if name not in self.changes:
                self._unassign(name)

    def _validate(self, changed: Sequence[str]) -> None:
        """Refuse to send values that cannot be sent."""
        for name, field in self._table.fields.items():
            if name not in changed and not (self.is_new and field.is_needed):
                continue
            value = self._slot(name)
            if value is None and field.is_optional and not self.is_new:
                raise ValidationError(
                    f"{type(self).__name__}.{name} cannot be taken away: "
                    "give a value, or discard() the change"
                )
            field.check(type(self), self._on_its_clock(value))
            if value is not None:
                setattr(self, name, field.kind.plain(value))
        self._words(changed)

    def _words(self, names: Sequence[str]) -> dict[str, Words]:
        """Attributes in the words of the wire; what is unset or None has none."""
        cls, words = type(self), dict[str, Words]()
        for name in names:
            value = self._slot(name)
            if value is _UNSET or value is None:
                continue
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            if field is not None:
                words[name] = field.words(cls, self._on_its_clock(value))
            elif relation is not None and relation.dump is not None:
                if self._is_own(value):
                    continue  # it shows what is on the service
                keys = [
                    getattr(key, relation.key or "id") if isinstance(key, Model) else key
                    for key in value._keys()
                ]
                words[name] = say(f"{cls.__name__}.{name}", relation.dump, keys)
            elif isinstance(getattr_static(cls, name, None), ParentId):
                words[name] = str(value)
        return words

    def _on_its_clock(self, value: object) -> object:
        """A time with a zone as the account's clock shows it; all else as it stands."""
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(self.connection.zone).replace(tzinfo=None)
        return value

    def _create_record(self, changed: Sequence[str]) -> list[str]:
        """Make the creating call; from its success on, the object is saved."""
        endpoint, connection = self._create, self.connection
        words = self._words(_names(endpoint))
        if (self._created or self._whole.unsure).tells_times:
            connection.ensure_time_zone()
        try:
            record = connection.call(endpoint, self._ids(endpoint), words, read=self._read_created)
        except BaseException as error:
            if _may_have_happened(error) and isinstance(self._source, Model):
                self._source._child_came(self)
            raise
        self._settle_in(connection)
        self._take_created(record, words, changed)
        if isinstance(self._source, Model):
            self._source._child_came(self)
        return [name for name in changed if name in words]

    def _take_created(
        self, record: Record, words: Mapping[str, Words], changed: Sequence[str]
    ) -> None:
        """Become what was created: what the service told, else what was sent, else unknown."""
        snapshot = list(record)
        for name, field in self._table.fields.items():
            position = self._table.positions.get(name)
            if position is None:
                if name in words:
                    setattr(self, name, None)
            elif record[position] is not MISSING:
                setattr(self, name, record[position])
            elif name in words and name not in self._rewritten:
                snapshot[position] = getattr(self, name)
            elif name in words or self._slot(name) == field.default:
                self._unset(name)
        self._record = tuple(snapshot)
        for name in self._table.relations:
            if name in words or name not in changed:
                self._unassign(name)

    @classmethod
    def _read_created(cls, answer: Answer) -> Record:
        """The record that a creation answers with; its id is what the `Location` says, if any."""
        id = parse.location_id(answer)
        if answer.content.strip():
            record = (cls._created or cls._whole.unsure).read_one(answer)
            return record if id is None else (id, *record[1:])
        if id is None:
            raise InvalidResponse("the answer does not tell what was created")
        return cls._record_of(id)

    def _update(
        self, endpoint: Endpoint, changed: Sequence[str], fresh: Record | None
    ) -> list[str]:
        """Send one group of changed fields, which are clean as soon as that has succeeded.

        Args:
            endpoint: The call that changes them.
            changed: Their names.
            fresh: The record as the service has it, if it was just read.

        Returns:
            The names of those that were sent.
        """
        updated = self._send_update(endpoint, self._words(changed))
        self._take_updated(changed)
        if updated is not None:
            self._absorb(updated)
        return list(changed)

    def _send_update(self, endpoint: Endpoint, words: Mapping[str, Words]) -> Record | None:
        """Send fields; if nobody knows whether they were stored, neither does the object."""
        view = self._updated

        def read(answer: Answer) -> Record | None:
            return view.read_one(answer) if view and answer.content.strip() else None

        try:
            return self._send(endpoint, words, read if view else None)
        except BaseException as error:
            if _may_have_happened(error):
                self._mark_unknown([*words, *self._rewritten_by(words)])
            raise

    def _mark_unknown(self, names: Iterable[str]) -> None:
        """Mark values on the service as unknown.

        An edited attribute stays as it is, and counts as changed whatever it is set to; any other
        is loaded when it is read.
        """
        edited = self.changes
        known = [name for name in dict.fromkeys(names) if name in self._table.positions]
        self._forget(*known)
        for name in known:
            if name not in edited:
                self._unset(name)

    def _rewritten_by(self, sent: Container[str]) -> list[str]:
        """The attributes that the service may change by itself when these are sent."""
        fields = self._table.fields
        return [name for name in self._rewritten if name in sent or fields[name].is_read_only]

    def _take_updated(self, changed: Sequence[str]) -> None:
        """Take over what was stored, and mark as not loaded what the service may have changed."""
        assert self._record is not None
        record = list(self._record)
        for name in changed:
            position = self._table.positions.get(name)
            if position is None:
                setattr(self, name, None)
            elif name in self._table.relations:
                record[position] = MISSING
                self._unassign(name)
            else:
                record[position] = getattr(self, name)
        for name in self._rewritten_by(changed):
            record[self._position(name)] = MISSING
            self._unset(name)
        self._record = type(self._record)(record)

    def _refuse_stale(self) -> Record:
        """Read the record, and refuse if it is not what it was when it was loaded."""
        assert self._record is not None
        fresh = self._fetch(fresh=True)
        table = self._table
        assigned = (name for name, found in table.relations.items() if found.key is not None)
        for name in (*table.fields, *assigned):
            if name not in table.positions:
                continue
            old, new = self._snapshot(name), self._told(fresh, name)
            if old is not MISSING and new is not MISSING and old != new:
                raise StaleRecord(
                    f"{self!r} has changed on the service: {name} was {old!r} and is {new!r}; "
                    "reload() it and edit again"
                )
        return fresh


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
            if _may_have_happened(error) and isinstance(self._source, Model):
                self._source._forget_kind(self)
            raise
        self._bury()

    def _bury(self) -> None:
        assert self._record is not None
        self._record = _Tombstone(self._record)
        if isinstance(self._source, Model):
            self._source._child_went(self)


def _may_have_happened(error: BaseException) -> bool:
    """Whether the service may have carried out a call that has ended with an error."""
    if isinstance(error, BackpackError):
        return error.may_have_happened
    return True  # such as Ctrl-C: it may have come at any time


def _names(endpoint: Endpoint) -> tuple[str, ...]:
    return tuple(name_of(path) for path in endpoint.sends)
