"""Records that the API can create and update."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Self, TypeVar

from backpack_orm.connection import Connection
from backpack_orm.connection.time_zones import clock_time
from backpack_orm.errors import (
    InvalidResponse,
    ReadOnly,
    StaleRecord,
    ValidationError,
    may_have_happened,
)
from backpack_orm.orm.copying.get_or_create import (
    evaluated,
    get_or_create,
    new_values,
    saved,
    updated,
)
from backpack_orm.orm.declarations import ParentId, typed_fields
from backpack_orm.orm.operations.resuming import stopped
from backpack_orm.orm.queries.conditions import all_of
from backpack_orm.orm.records.finding import Findable
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.records.state import UNSET
from backpack_orm.orm.schema.fields import Field, serialize
from backpack_orm.orm.schema.hints import wrong_create
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.orm.signals import send_created, send_saved
from backpack_orm.orm.writing.save_result import SaveResult, report_saved
from backpack_orm.wire import parse
from backpack_orm.wire.build import WireValue, name_of
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import MISSING, Record, Response
from backpack_orm.wire.values import plain_time

if TYPE_CHECKING:
    from dataclasses import InitVar

    from backpack_orm.orm.queries.collections import Collection

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Model)


@typed_fields
class Savable(Findable):
    """A record that the API can create and update."""

    __slots__ = ()

    if TYPE_CHECKING:
        using: InitVar[Connection | None] = None  # the constructors of all models take it

    _create: ClassVar[Endpoint]
    _created: ClassVar[Projection | None] = None
    """The fields that the response to a create includes, if not all."""
    _updated: ClassVar[Projection | None] = None
    """The fields that the response to an update includes, if any."""
    _updates: ClassVar[tuple[Endpoint, ...]]
    """The calls that update the record, each for the fields that it sends."""
    _server_updated: ClassVar[tuple[str, ...]] = ()
    """The fields that the service may set to other values when the record is written."""

    _sent_together: ClassVar[tuple[str, ...]] = ()
    """The fields of which the service derives those that a request omits from the others."""

    def __init__(self, *, using: Connection | None = None, **attributes: Any) -> None:
        cls, table = type(self), self._table
        self._record = None
        self._source = None
        if table.parent is not None:
            given = attributes.pop(table.parent.name, None)
            if given is None:
                raise ValidationError(
                    f"{cls.__name__} needs the {table.parent.target} that contains it: "
                    f"pass {table.parent.name}=…"
                )
            self._set_parent(given)
        table.check_names(cls, attributes)
        for name, field in table.fields.items():
            if name in attributes and field.is_read_only:
                raise ReadOnly(f"{cls.__name__}.{name} is read-only: leave it out")
            if field.is_required and attributes.get(name) is None:
                raise ValidationError(f"{cls.__name__} needs {name}=…, which cannot be None")
            setattr(self, name, attributes.get(name, field.default))
        for name, relation in table.relations.items():
            if name in attributes:
                if relation.key is None:
                    raise ReadOnly(f"{cls.__name__}.{name} cannot be set: use its create()")
                setattr(self, name, attributes[name])
        if using is not None:
            self._attach(using)

    @classmethod
    def create(cls: Callable[P, T], *positional: P.args, **attributes: P.kwargs) -> T:
        """Create a record. `create(title=…)` does the same as `Model(title=…)` and `save()`.

        Makes one request, and more for a tag, see `Tag`. Type checkers know its arguments: they are
        those of the constructor.

        Args:
            **attributes: The fields of the model, and its parent if it has one. And `using`: the
                connection to use instead of the current one or the parent's.

        Raises:
            TypeError: An attribute is misspelled, or not passed by keyword.
            ValidationError: A value cannot be sent. No request was made.
            ApiError: The service refused the request.
            OutcomeUnknown: The response was lost.

        >>> Page.create(title="Porto").title
        'Porto'
        """
        if positional:
            raise wrong_create(cls)
        record: Any = cls(*positional, **attributes)
        return saved(record)  # type: ignore[no-any-return]  # a T, which is not known to be a model

    @classmethod
    def get_or_create(
        cls,
        *,
        defaults: Mapping[str, Any] | None = None,
        using: Connection | None = None,
        fresh: bool = True,
        **lookups: Any,
    ) -> tuple[Self, bool]:
        """Return the only record that fulfils lookups, or else create it.

        Makes requests as for `where`, and one to create the record. It is created with the values
        of exact lookups (`title="Lisbon"`) and with `defaults`. Other lookups, such as
        `title__icontains`, only find. Threads of one process never create the same record twice;
        other processes can, since the API has no unique fields. A create whose response was lost
        is not repeated: call `get_or_create` again, which looks for the record first.

        Args:
            defaults: More values of a new record. Functions among them are called without
                arguments, also if the record is found.
            using: Connection to use instead of the current one or the parent's.
            fresh: Bypass the cache. If false, that is done only before the record is created.
            **lookups: As for `where`, with the parent that contains the record if it has one.

        Returns:
            The record, and whether it was created.

        Raises:
            MultipleFound: Several records fulfil the lookups.
            TypeError: An attribute or a lookup is misspelled.
            ValidationError: The record could not be created with these values. No request was made.
            OutcomeUnknown: The response to the create was lost.

        >>> page, is_created = Page.get_or_create(title="Porto", defaults={"description": "May"})
        >>> is_created, page.description
        (True, 'May')
        >>> Page.get_or_create(title__iexact="PORTO", defaults={"title": "Porto"}) == (page, False)
        True
        """
        return cls._get_or_create(lookups, defaults, using, fresh=fresh)

    @classmethod
    def update_or_create(
        cls,
        *,
        defaults: Mapping[str, Any] | None = None,
        using: Connection | None = None,
        fresh: bool = True,
        **lookups: Any,
    ) -> tuple[Self, bool]:
        """Update the only record that fulfils lookups with `defaults`, or else create it.

        As `get_or_create`, but saves `defaults` if the record is found. Only changed fields are
        sent.

        >>> page = Page.get(title="Lisbon")
        >>> note, is_created = Note.update_or_create(
        ...     page=page, title="Where we sleep", defaults={"body": "Rua da Rosa 7"}
        ... )
        >>> is_created, note.reload().body
        (False, 'Rua da Rosa 7')
        """
        values = evaluated(defaults)
        record, is_created = cls._get_or_create(lookups, values, using, fresh=fresh)
        return (record, True) if is_created else updated(record, values)

    @classmethod
    def _get_or_create(
        cls,
        lookups: Mapping[str, Any],
        defaults: Mapping[str, Any] | None,
        using: Connection | None,
        *,
        fresh: bool,
    ) -> tuple[Self, bool]:
        parent = cls._table.parent
        places = {*cls._scopes} - {parent.name if parent else ""}
        own = {name: value for name, value in lookups.items() if name not in places}
        all_of(cls, (), own)  # first: a misspelled one is no value
        record = cls._draft({**new_values(own, defaults), "using": using})

        def search(fresh: bool) -> Collection[Self]:
            return cls.where(using=using, fresh=fresh, **lookups)

        return get_or_create(record, search, partial(saved, record), fresh=fresh)

    @classmethod
    def _draft(cls, values: Mapping[str, Any]) -> Self:
        """Return a new record, which is not saved yet.

        Raises:
            ValidationError: A value cannot be sent.
        """
        record = cls(**values)
        record._validate(list(record.changes))
        return record

    @classmethod
    def _with_unlisted(cls, records: list[M], owner: Model) -> list[M]:
        """Return the records of a collection, with those of which its owner has only the ids."""
        return records

    @classmethod
    def _create_in(cls, owner: Model, attributes: Mapping[str, Any]) -> Self:
        parent = cls._table.parent
        assert parent is not None
        cls._check_parent_is_left_out(owner, attributes)
        model: Any = cls
        return model.create(**{**attributes, parent.name: owner})  # type: ignore[no-any-return]

    @classmethod
    def _check_parent_is_left_out(cls, owner: Model, attributes: Container[str]) -> None:
        parent = cls._table.parent
        if parent is not None and parent.name in attributes:
            raise TypeError(f"leave {parent.name}= out: the record is created in {owner!r}")

    def save(self, *, check: bool = False) -> SaveResult:
        """Send the fields that have changed, and no others.

        Makes no request if nothing has changed, otherwise one. If the API needs several calls to
        update the changed fields, makes one request for each call. Changing `completed` of an item
        makes one more request, see `Item.complete`.

        If a response is lost, the values of the sent fields on the service are unknown. The next
        `save()` sends these fields again, whatever their values. After `discard()`, each of these
        fields is loaded when you read it.

        Args:
            check: Read the record first, bypassing the cache, and raise if it has changed on the
                service since it was loaded. Makes one more request.

        Returns:
            A result with the names of the sent fields; false if nothing was sent.

        Raises:
            ValidationError: A value cannot be sent. Nothing was sent.
            ReadOnly: The connection is read-only, or a read-only field was changed. Nothing was
                sent.
            Destroyed: The record was destroyed.
            StaleRecord: The record has changed on the service. Nothing was sent.
            ApiError: The service refused a request. The message names the fields saved before it.
            OutcomeUnknown: The response to a call that is not retried, such as a create, was lost.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.title = "Lisboa"
        >>> page.save()
        SaveResult(created=False, updated=True, fields=('title',))
        >>> bool(page.save())
        False
        """
        self._check_not_destroyed()
        self._check_changes_allowed()
        is_new, changed = self.is_new, list(self.changes)
        if is_new or changed:
            self._ensure_writable("create" if is_new else "save")
        self._validate(changed)
        fresh = self._check_not_stale() if check and changed and not is_new else None
        if changed and self._is_unverified:
            fresh = self._verify_texts(fresh)
            changed = list(self.changes)
        saved: list[str] = []
        created: list[str] | None = None
        try:
            if is_new:
                created = self._create_record(changed)
                if created is None:
                    return SaveResult()
                send_created(self)
                saved += created
            for endpoint in self._updates:
                group = [name for name in _names(endpoint) if name in changed]
                if not set(group) <= set(saved):
                    saved += self._update(endpoint, group, fresh)
        except BaseException as error:
            if saved or created is not None:
                report_saved(error, self, saved, changed, is_new=is_new)
            raise
        finally:
            if saved or created is not None:
                send_saved(self, tuple(saved), created=is_new)
        self._drop_equal_lists()
        return SaveResult(is_new, not is_new and bool(saved), tuple(saved))

    def update(self, *args: Any, **attributes: Any) -> SaveResult:
        """Set attributes and save them, together with other local changes.

        Makes the same requests as `save`. Fields that already have the passed values are not sent,
        unless the service would otherwise derive them from another field that is sent: the time of
        a reminder from the words of its content. If a call fails, the attributes have their former
        values again, except those that were saved before. If the response was lost, they are loaded
        when you read them.

        Args:
            **attributes: The fields of the model that can be set, and lists that can be assigned.

        Returns:
            A result with the names of the sent fields; false if nothing was sent.

        Raises:
            TypeError: An attribute is misspelled. No request was made.
            ReadOnly: An attribute is read-only, or is the parent of the record. No request was
                made.
            ValidationError: A value cannot be sent. No request was made.
            BackpackError: As for `save`.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.update(title="Lisboa", tags=["Travel"]).fields
        ('title', 'tags')
        >>> bool(page.update(title="Lisboa"))
        False
        """
        self._check_exists()
        self._check_settable(args, attributes)
        before = self.changes
        derived: dict[str, Any] = {}
        try:
            for name, value in attributes.items():
                setattr(self, name, value)
            if any(name in self._sent_together for name in self.changes):
                derived = {
                    name: self._snapshot(name)
                    for name in self._sent_together
                    if name in attributes and name not in self.changes
                }
                self._invalidate(*derived)  # so that they count as changed
            return self.save()
        except BaseException as error:
            if derived and not may_have_happened(error):
                self._update_snapshot(derived)
            for name in attributes:
                self._restore(name, before.get(name))
            saved = getattr(error, "saved", ())
            if saved:
                stopped(error, lambda: self._resume_update(saved, attributes), is_repeatable=True)
            raise

    def _resume_update(self, saved: tuple[str, ...], attributes: Mapping[str, Any]) -> SaveResult:
        rest = self.update(**attributes)
        return SaveResult(updated=True, fields=tuple(dict.fromkeys((*saved, *rest.fields))))

    @classmethod
    def _check_settable(cls, positional: Sequence[object], names: Iterable[str]) -> None:
        """Raise if arguments of `update` are not fields that can be set."""
        parent, fields = cls._table.parent, cls._table.fields
        if positional:
            raise TypeError(f"{cls.__name__}.update() takes keyword arguments only")
        for name in names:
            if parent is not None and name in (parent.name, f"{parent.name}_id"):
                raise ReadOnly(
                    f"{cls.__name__}.{name} cannot be changed: the API has no call that moves a "
                    "record"
                )
            cls._table.check_names(cls, [name], call="update")
            relation = cls._table.relations.get(name)
            if relation.key is None if relation else fields[name].is_read_only:
                raise ReadOnly(f"{cls.__name__}.{name} is read-only: leave it out")

    @classmethod
    def _check_values(
        cls, attributes: Mapping[str, Any], source: Connection | Model | None
    ) -> None:
        """Raise if an existing record cannot be updated with these values.

        Raises:
            ValidationError: A value cannot be sent.
        """
        record = cls._stub(1, source)
        for name, value in attributes.items():
            setattr(record, name, value)
        record._validate(list(attributes))

    @classmethod
    def _updater(cls, attributes: Mapping[str, Any]) -> Callable[[Self], SaveResult]:
        """Return the function that updates one of many records."""
        return lambda record: record.update(**attributes)

    def _restore(self, name: str, edit: tuple[Any, Any] | None) -> None:
        """Set an attribute to an earlier local change, else to the value last received."""
        if edit is None:
            self._discard(name)
        else:
            setattr(self, name, edit[1])

    def _drop_equal_lists(self) -> None:
        """Drop assigned lists that equal the loaded ones, so that the loaded objects show again."""
        for name, relation in self._table.relations.items():
            slot = self._slot(name)
            if relation.key is None or slot is UNSET or self._is_own(slot):
                continue
            if name not in self.changes:
                self._unassign(name)

    def _validate(self, changed: Sequence[str]) -> None:
        """Raise if a value cannot be sent."""
        for name, field in self._table.fields.items():
            if name not in changed and not (self.is_new and field.is_required):
                continue
            value = self._slot(name)
            if value is None and field.is_optional and not self.is_new:
                raise ValidationError(
                    f"{type(self).__name__}.{name} cannot be removed: "
                    "set another value, or discard() the change"
                )
            field.check(type(self), self._in_account_zone(field, value))
            if value is not None:
                setattr(self, name, field.value_type.plain(value))
        self._payload(changed)

    def _payload(self, names: Sequence[str]) -> dict[str, WireValue]:
        """Return the serialized values of attributes, except those that are unset or None."""
        cls, payload = type(self), dict[str, WireValue]()
        for name in names:
            value = self._slot(name)
            if value is UNSET or value is None:
                continue
            field, relation = self._table.fields.get(name), self._table.relations.get(name)
            if field is not None:
                payload[name] = field.serialize(cls, self._in_account_zone(field, value))
            elif relation is not None and relation.dump is not None:
                if self._is_own(value):
                    continue  # nothing is assigned
                keys = [
                    getattr(key, relation.key or "id") if isinstance(key, Model) else key
                    for key in value._keys()
                ]
                payload[name] = serialize(f"{cls.__name__}.{name}", relation.dump, keys)
            elif isinstance(getattr_static(cls, name, None), ParentId):
                payload[name] = str(value)
        return payload

    def _in_account_zone(self, field: Field, value: object) -> object:
        """Return a value. An aware time is converted to a naive time in the account's zone.

        Raises:
            ValidationError: The account's clock does not show the time, or shows it twice.
        """
        # What differs from itself, such as NaT of pandas, is refused when it is serialized.
        if not isinstance(value, datetime) or value != value or value.utcoffset() is None:
            return value
        zone, what = self.connection.zone, f"{type(self).__name__}.{field.name}"
        return serialize(what, lambda time: clock_time(plain_time(time), zone), value)

    def _create_record(self, changed: Sequence[str]) -> list[str] | None:
        """Make the create call. Once it has succeeded, the object counts as saved.

        Returns:
            The names of the fields that were sent; None if the record exists already.
        """
        endpoint, connection = self._create, self.connection
        payload = self._payload(_names(endpoint))
        if (self._created or self._full.partial).includes_times:
            connection.ensure_time_zone()
        try:
            record = connection.call(
                endpoint, self._ids(endpoint), payload, read=self._read_created
            )
        except BaseException as error:
            if may_have_happened(error) and isinstance(self._source, Model):
                self._source._on_child_created(self)
            raise
        self._attach(connection)
        self._apply_created(record, payload, changed)
        if isinstance(self._source, Model):
            self._source._on_child_created(self)
        return [name for name in changed if name in payload]

    def _apply_created(
        self, record: Record, payload: Mapping[str, WireValue], changed: Sequence[str]
    ) -> None:
        """Set each attribute to the value received, else the value sent, else to not loaded."""
        snapshot = list(record)
        for name, field in self._table.fields.items():
            position = self._table.positions.get(name)
            if position is None:
                if name in payload:
                    setattr(self, name, None)
            elif record[position] is not MISSING:
                setattr(self, name, record[position])
            elif name in payload and name not in self._server_updated:
                snapshot[position] = getattr(self, name)
            elif name in payload or self._slot(name) == field.default:
                self._unset(name)
        self._record = tuple(snapshot)
        for name in self._table.relations:
            if name in payload or name not in changed:
                self._unassign(name)

    @classmethod
    def _read_created(cls, response: Response) -> Record:
        """Return the record in the response to a create. Use the id in `Location`, if any."""
        id = parse.location_id(response)
        if response.content.strip():
            record = (cls._created or cls._full.partial).read_one(response)
            return record if id is None else (id, *record[1:])
        if id is None:
            raise InvalidResponse("the response does not include the id of the created record")
        return cls._record_of(id)

    def _update(
        self, endpoint: Endpoint, changed: Sequence[str], fresh: Record | None
    ) -> list[str]:
        """Send one group of changed fields. If the call succeeds, the fields are clean.

        Args:
            endpoint: The call that updates the fields.
            changed: The names of the fields.
            fresh: The record as just read from the service; None if it was not read.

        Returns:
            The names of the fields that were sent.
        """
        updated = self._send_update(endpoint, self._payload(changed))
        self._apply_updated(changed)
        if updated is not None:
            self._merge(updated)
        return list(changed)

    def _send_update(self, endpoint: Endpoint, payload: Mapping[str, WireValue]) -> Record | None:
        """Send fields. If the outcome of the call is unknown, mark the fields as unknown."""
        projection = self._updated

        def read(response: Response) -> Record | None:
            return (
                projection.read_one(response) if projection and response.content.strip() else None
            )

        try:
            return self._send(endpoint, payload, read if projection else None)
        except BaseException as error:
            if may_have_happened(error):
                self._mark_unknown([*payload, *self._server_updates(payload)])
            raise

    def _mark_unknown(self, names: Iterable[str]) -> None:
        """Mark values on the service as unknown.

        An edited attribute retains its value and counts as changed, whatever the value is. All
        other attributes are loaded when they are read.
        """
        edited = self.changes
        known = [name for name in dict.fromkeys(names) if name in self._table.positions]
        self._invalidate(*known)
        for name in known:
            if name not in edited:
                self._unset(name)

    def _server_updates(self, sent: Container[str]) -> list[str]:
        """Return the attributes that the service may change when it receives the sent ones."""
        fields = self._table.fields
        return [name for name in self._server_updated if name in sent or fields[name].is_read_only]

    def _apply_updated(self, changed: Sequence[str]) -> None:
        """Update the snapshot. Mark attributes that the service may have changed as not loaded."""
        stored: dict[str, Any] = {}
        for name in changed:
            if name not in self._table.positions:
                setattr(self, name, None)
            elif name in self._table.relations:
                stored[name] = MISSING
                self._unassign(name)
            else:
                stored[name] = getattr(self, name)
        for name in self._server_updates(changed):
            stored[name] = MISSING
            self._unset(name)
        self._update_snapshot(stored)

    def _check_not_stale(self) -> Record:
        """Read the record, and raise if it has changed since it was loaded."""
        assert self._record is not None
        fresh = self._fetch(fresh=True)
        table = self._table
        assigned = (name for name, found in table.relations.items() if found.key is not None)
        for name in (*table.fields, *assigned):
            if name not in table.positions:
                continue
            old, new = self._snapshot(name), self._values_in(fresh, name)
            if old is not MISSING and new is not MISSING and old != new:
                raise StaleRecord(
                    f"{self!r} has changed on the service: {name} was {old!r} and is {new!r}; "
                    "reload() it and edit again"
                )
        return fresh


def _names(endpoint: Endpoint) -> tuple[str, ...]:
    return tuple(name_of(path) for path in endpoint.sends)
