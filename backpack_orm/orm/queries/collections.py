"""Collections of records: results of calls, and records inside another record."""

from __future__ import annotations

import collections.abc
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Self,
    cast,
    overload,
)

from backpack_orm.errors import (
    MultipleFound,
    NotFound,
    ReadOnly,
    ValidationError,
    did_you_mean,
    short_repr,
)
from backpack_orm.orm.queries.bulk_methods import NEEDED, BulkMethods, M_co
from backpack_orm.orm.queries.conditions import Conditions, all_of, not_all_of
from backpack_orm.orm.queries.copy_methods import CopyMethods
from backpack_orm.orm.queries.introspection import is_introspection
from backpack_orm.orm.queries.orders import order_of
from backpack_orm.orm.queries.plain import jsonable, to_json
from backpack_orm.orm.schema.fields import Relation, label_in
from backpack_orm.orm.schema.hints import collection_hint
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.rich_display import RichDisplay, public_names
from backpack_orm.wire.shapes import MISSING, Record

if TYPE_CHECKING:
    import pandas
    import polars

    from backpack_orm.orm.records.model import Model
    from backpack_orm.orm.records.related import Related

_SHOWN = 5


def label_of(model: type[Model]) -> str | None:
    """Return the attribute that serves as the title of a model's objects, or None.

    >>> from backpack_orm import Belonging, Item
    >>> label_of(Item), label_of(Belonging)
    ('content', None)
    """
    return label_in(model._table.fields)


class Collection(BulkMethods[M_co], CopyMethods[M_co], Sequence[M_co], RichDisplay, Generic[M_co]):
    """An immutable sequence of objects of one model.

    An index is a number, a slice or a title: the title of a page or a note, the name of a list or a
    tag, the content of an item, the subject of an email. A title selects the first object with this
    title.

    A collection equals another one, or a list, with equal objects in the same order. `==` makes no
    request: it raises `TypeError` for a collection that is not loaded.

    >>> pages = Page.all()
    >>> len(pages), pages[0].title, [page.title for page in pages[1:3]]
    (13, 'Lisbon', ['Book club', 'The garden'])
    >>> pages["Lisbon"].lists["Packing"].items["Sun hat"].completed
    False
    """

    __slots__ = ("__weakref__", "_model", "_objects")

    def __init__(self, model: type[M_co], objects: list[M_co]) -> None:
        self._model = model
        self._objects = objects

    @property
    def is_loaded(self) -> bool:
        """Whether the collection is loaded, so that using it makes no request.

        >>> Page.all().is_loaded
        True
        """
        return True

    def _all(self) -> list[M_co]:
        return self._objects

    def _iterate(self) -> Iterator[M_co]:
        """Iterate over the objects, reading no further than the iterator gets."""
        return iter(self._all())

    if not TYPE_CHECKING:  # else every misspelled call would be taken for an Any

        def __getattr__(self, name: str) -> Any:
            """Raise for an unknown attribute, with a hint at the right call."""
            cls = type(self)
            raise AttributeError(
                f"{cls.__name__!r} object has no attribute {name!r}{collection_hint(cls, name)}"
            )

    @overload
    def __getitem__(self, index: int | str) -> M_co: ...
    @overload
    def __getitem__(self, index: slice) -> Collection[M_co]: ...
    def __getitem__(self, index: int | str | slice) -> M_co | Collection[M_co]:
        if isinstance(index, str):
            return self._labelled(index)
        if isinstance(index, slice):
            return Collection(self._model, self._all()[index])
        return self._all()[index]

    def _labelled(self, label: str) -> M_co:
        """Return the first object with a title.

        Raises:
            TypeError: The model has no title.
            NotFound: No object has this title. The message suggests the nearest titles.
        """
        name = self._label("find")
        for record in self._iterate():
            if getattr(record, name) == label:
                return record
        hint = did_you_mean(label, self._ipython_key_completions_(), most=3)
        what = f"{self._model.__name__} with {name} {label!r}"
        raise NotFound(f"there is no {what} here{hint}", status=404)

    def _ipython_key_completions_(self) -> list[str]:
        """Return the titles of loaded objects."""
        name = label_of(self._model) or ""
        labels = (record._slot(name, None) for record in self._loaded())
        return list(dict.fromkeys(label for label in labels if label))

    def _loaded(self) -> list[M_co]:
        """Return the objects if that makes no request, else none."""
        return self._objects

    def __dir__(self) -> Iterable[str]:
        missing = {name for name, needed in NEEDED.items() if not hasattr(self._model, needed)}
        return [name for name in public_names(self, super().__dir__()) if name not in missing]

    def __contains__(self, value: object) -> bool:
        """Return whether the collection contains a record, or a record with a title.

        Raises:
            TypeError: The value is a number, which could be an id or an index. Or the value is a
                text, but the model has no title.

        >>> tags = Page.find_by(title="Lisbon").tags
        >>> "Travel" in tags, tags[0] in tags, "Work" in tags
        (True, True, False)
        """
        return next(self._matches(value), None) is not None

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return the index of a record, or of the first record with a title.

        Raises:
            ValueError: The collection does not contain such a record.
            TypeError: As for `in`.

        >>> Page.find_by(title="Lisbon").tags.index("Portugal")
        2
        """
        wanted = range(len(self))[start:stop]
        for index in self._matches(value):
            if index in wanted:
                return index
        raise ValueError(f"{value!r} is not in this collection")

    def count(self, value: object = ..., **lookups: Any) -> int:
        """Return how often the collection contains a record, or how many records have a title or
        fulfil all conditions.

        Without an argument, it returns the number of records.

        Args:
            value: A record, a title, or a function that takes a record and returns whether to count
                it.
            **lookups: As for `where`.

        Raises:
            TypeError: As for `in`, or an attribute or a lookup is misspelled.

        >>> notes = Page.get(title="Lisbon").notes
        >>> notes.count(""), notes.count(body__icontains="tram"), notes.count()
        (1, 1, 2)
        """
        if callable(value):
            return len(self.where(value, **lookups))
        if value is ...:
            return len(self.where(**lookups)) if lookups else len(self)
        if lookups:
            raise TypeError(
                f"count() takes a record, a title or conditions: {short_repr(value)} was passed "
                f"with {', '.join(f'{name}=' for name in lookups)}"
            )
        return sum(1 for _ in self._matches(value))

    def _matches(self, value: object) -> Iterator[int]:
        """Yield the indexes of the records that equal the value or have it as title."""
        if isinstance(value, str):
            name = self._label("find")
            found = (getattr(record, name) == value for record in self._all())
        elif hasattr(value, "__index__"):
            raise TypeError(
                f"{value!r} could be an id or an index: use .find({value!r}) for the "
                f"{self._model.__name__} with this id (NotFound if there is none)"
            )
        else:
            found = (record is value or record == value for record in self._all())
        return (index for index, is_match in enumerate(found) if is_match)

    def _label(self, verb: str) -> str:
        """Return the attribute that is the title.

        Raises:
            TypeError: The model has no title.
        """
        name = label_of(self._model)
        if name is None:
            raise TypeError(f"a {self._model.__name__} has no title to {verb} it by: use an index")
        return name

    def __eq__(self, other: object) -> bool:
        """Return whether a collection or list has equal objects in the same order. No request.

        Raises:
            TypeError: One of the collections is not loaded, or the list has titles.

        >>> tags = Page.get(title="Lisbon").tags
        >>> tags == [tags[0], tags[1], tags[2]], tags == tags[:2], tags == []
        (True, False, False)
        """
        if self is other:
            return True
        if not isinstance(other, Collection | list | tuple):
            return NotImplemented
        if isinstance(other, Collection) and other._model._record_type != self._model._record_type:
            return False
        for each in (self, other):
            if isinstance(each, Collection) and not each.is_loaded:
                raise TypeError(f"{each!r} makes no request for ==: compare list(…) of it")
        label = label_of(self._model)
        if label is not None and any(isinstance(each, str) for each in other):
            kind = self._model.__name__
            raise TypeError(f"{kind} records equal no texts: compare [each.{label} for each in …]")
        return self._all() == list(other)

    __hash__ = None  # type: ignore[assignment]  # as for a list

    def __iter__(self) -> Iterator[M_co]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        objects = self._loaded()
        shown = ", ".join(map(repr, objects[:_SHOWN]))
        more = len(objects) - _SHOWN
        return f"[{shown}, … {more} more]" if more > 0 else f"[{shown}]"

    def find(self, id: Model | int) -> M_co:
        """Return the record with an id.

        Raises:
            ValidationError: The id is not valid.
            NotFound: There is no such record.

        >>> notes = Page.find_by(title="Lisbon").notes
        >>> notes.find(notes[1].id) is notes[1]
        True
        """
        wanted = self._model._check_id("find", id)
        for record in self._all():
            if record.id == wanted and (not hasattr(id, "_record_type") or record == id):
                return record
        raise NotFound(f"there is no {self._model.__name__} {wanted} here", status=404)

    def get(
        self, *predicates: Callable[[M_co], object], fresh: bool = False, **lookups: Any
    ) -> M_co:
        """Return the only record that fulfils all conditions.

        Args:
            *predicates: As for `where`.
            fresh: As for `where`.
            **lookups: As for `where`.

        Raises:
            NotFound: There is none.
            MultipleFound: There are several. The message contains the first of them.
            TypeError: An attribute or a lookup is misspelled.

        >>> Page.find_by(title="Lisbon").lists.get(name="Packing").items[0].content
        'Walking shoes'
        """
        return self.where(*predicates, fresh=fresh, **lookups)._only(lookups)

    def _only(self, lookups: Mapping[str, object]) -> M_co:
        """Return the only record, or raise an error that names what was looked up."""
        found = self._all()
        if len(found) == 1:
            return found[0]
        name = self._model.__name__
        if not found:
            wanted = ", ".join(f"{key}={short_repr(value)}" for key, value in lookups.items())
            raise NotFound(f"there is no {name}{f' with {wanted}' if wanted else ' here'}")
        raise MultipleFound(f"{len(found)} {name} records fulfil the conditions: {self!r}")

    def find_by(
        self, *predicates: Callable[[M_co], object], fresh: bool = False, **lookups: Any
    ) -> M_co | None:
        """Return the first record that fulfils all conditions, or None. Takes the same arguments as
        `where`.

        >>> Page.find_by(title="Lisbon").lists.find_by(name="Packing").items[0].content
        'Walking shoes'
        """
        is_wanted = all_of(self._model, predicates, lookups).matches
        return next(filter(is_wanted, self._reloaded(fresh)._iterate()), None)

    def where(
        self, *predicates: Callable[[M_co], object], fresh: bool = False, **lookups: Any
    ) -> Collection[M_co]:
        """Return the records that fulfil all conditions as a new collection.

        Args:
            *predicates: Functions that take a record and return whether to include it.
            fresh: Reload the collection first, with one request that bypasses the cache. Only
                records inside another record can be reloaded, such as `page.notes`.
            **lookups: As for `Page.where`, such as `completed=True` or `content__contains="shoes"`.

        Raises:
            TypeError: An attribute or a lookup is misspelled, or the collection is a result, which
                cannot be reloaded.
            ValidationError: A value can never match, such as one of another type.

        >>> items = Page.find_by(title="Lisbon").lists[0].items
        >>> [item.content for item in items.where(completed=True)]
        ['Passports', 'Train tickets', 'Rain jacket']
        >>> [item.content for item in items.where(lambda item: len(item.content) < 8)]
        ['Sun hat']
        """
        conditions = all_of(self._model, predicates, lookups)
        return self._reloaded(fresh)._where(conditions)

    def exclude(
        self, *predicates: Callable[[M_co], object], fresh: bool = False, **lookups: Any
    ) -> Collection[M_co]:
        """Return the records that do not fulfil all conditions, which are given as to `where`.

        >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
        >>> [item.content for item in items.exclude(completed=False)]
        ['Passports', 'Train tickets', 'Rain jacket']
        """
        conditions = not_all_of(self._model, predicates, lookups)
        return self._reloaded(fresh)._where(conditions)

    def _where(self, conditions: Conditions) -> Collection[M_co]:
        return Collection(self._model, list(filter(conditions.matches, self._all())))

    def _reloaded(self, fresh: bool) -> Self:
        """Return the same collection, reloaded if that is wanted."""
        if fresh:
            raise TypeError("a result cannot be reloaded: pass fresh=True to the call it is from")
        return self

    def order_by(self, *keys: str | Callable[[M_co], Any]) -> Collection[M_co]:
        """Return the records in the order of attributes as a new collection.

        Texts are compared without regard to case, as by the lookup `iexact`. Records without a
        value are last.

        Args:
            *keys: Attributes, the most significant first; `-` before a name reverses its order.
                Attributes of a parent are named as in `where`, such as `page__title`. Or functions
                that take a record and return what to compare.

        Raises:
            TypeError: An attribute is misspelled, not a field, or one of several related records.

        >>> [page.title for page in Page.all().order_by("-title")][:2]
        ['Words: كلمات ומילים', 'Unsent letters']
        >>> Page.all(load=True).order_by(lambda page: len(page.notes)).last().title
        'Running log'
        """
        orders = [order_of(self._model, key) for key in keys]  # first: mistakes make no request
        ordered = list(self._all())
        for order in reversed(orders):
            ordered = order.sort(ordered)
        return Collection(self._model, ordered)

    def first(self, *predicates: Callable[[M_co], object], **lookups: Any) -> M_co | None:
        """Return the first record, or the first that fulfils all conditions, or None.

        >>> Page.all().first().title
        'Lisbon'
        """
        return self.find_by(*predicates, **lookups)

    def last(
        self, *predicates: Callable[[M_co], object], fresh: bool = False, **lookups: Any
    ) -> M_co | None:
        """Return the last record, or the last that fulfils all conditions, or None. Takes the same
        arguments as `where`.

        >>> Page.get(title="Lisbon").notes.last(title="no such note") is None
        True
        """
        is_wanted = all_of(self._model, predicates, lookups).matches
        return next(filter(is_wanted, reversed(self._reloaded(fresh)._all())), None)

    def exists(self, *predicates: Callable[[M_co], object], **lookups: Any) -> bool:
        """Return whether there is a record, or one that fulfils all conditions.

        >>> Page.all().exists(title="Lisbon"), Page.all().exists(title="no such page")
        (True, False)
        """
        return self.find_by(*predicates, **lookups) is not None

    def __or__(self, other: Collection[M_co]) -> Collection[M_co]:
        """Return the records of both collections, each once, in their order.

        >>> pages = Page.all()
        >>> len(pages.where(scope="friends") | pages), len(pages)
        (13, 13)
        """
        if not isinstance(other, Collection):
            return NotImplemented
        return Collection(self._model, list(dict.fromkeys([*self._all(), *other._all()])))

    def __and__(self, other: Collection[M_co]) -> Collection[M_co]:
        """Return the records that both collections contain, in the order of the first.

        >>> pages = Page.all()
        >>> len(pages.where(scope="friends") & pages.where(title="Lisbon"))
        0
        """
        if not isinstance(other, Collection):
            return NotImplemented
        both = set(other._all())
        return Collection(self._model, [record for record in self._all() if record in both])

    def __sub__(self, other: Collection[M_co]) -> Collection[M_co]:
        """Return the records that the other collection does not contain, in their order.

        >>> pages = Page.all()
        >>> len(pages - pages.where(scope="friends"))
        11
        """
        if not isinstance(other, Collection):
            return NotImplemented
        others = set(other._all())
        return Collection(self._model, [record for record in self._all() if record not in others])

    def to_records(self, *, json: bool = False) -> list[dict[str, Any]]:
        """Return a plain dictionary for each record: its id, ids and titles of its parents, fields.

        All dictionaries have the same keys. Values that are not loaded are None. Makes one request
        if the collection itself is not loaded, otherwise none.

        Args:
            json: Whether to return only values that JSON can represent: times as texts in ISO 8601.

        >>> item = Page.find_by(title="Lisbon").lists["Packing"].items.to_records()[0]
        >>> item["content"], item["list_name"]
        ('Walking shoes', 'Packing')
        """
        from backpack_orm.orm.queries import frames  # which most programs never use

        rows = frames.rows(self._model, self._all())
        return [jsonable(row) for row in rows] if json else rows

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_records(json=True)` as JSON text. Makes the same requests.

        Args:
            indent: Number of spaces by which to indent each level; None: all on one line.

        >>> Page.find_by(title="Lisbon").tags[:1].to_json()
        '[{"id": ..., "page_id": ..., "page_title": "Lisbon", "name": "Travel"}]'
        """
        return to_json(self.to_records(), indent)

    def to_frame(self) -> pandas.DataFrame:
        """Return a pandas data frame with a column for each key of `to_records`.

        Makes the same requests as `to_records`. Numbers are `Int64`, booleans `boolean`, texts
        `string`, times `datetime64` with their zone if they have one. So missing values do not
        change the type of a column. An empty collection returns an empty data frame with the same
        columns.

        Raises:
            ImportError: pandas is not installed.

        >>> items = Item.all(page=Page.find_by(title="Lisbon")).to_frame()
        >>> items.groupby("list_name").completed.sum().to_dict()
        {'Not to be missed': 1, 'Packing': 3}
        """
        from backpack_orm.orm.queries import frames

        return frames.frame(self._model, self._all())

    def to_polars(self) -> polars.DataFrame:
        """Return a polars data frame with a column for each key of `to_records`.

        Makes the same requests as `to_records`. Numbers are `Int64`, booleans `Boolean`, texts
        `String`, times `Datetime` with their zone if they have one. An empty collection returns an
        empty data frame with the same columns.

        Raises:
            ImportError: polars is not installed.

        >>> items = Item.all(page=Page.find_by(title="Lisbon")).to_polars()
        >>> items.filter(items["completed"])["list_name"].to_list()
        ['Packing', 'Packing', 'Packing', 'Not to be missed']
        """
        from backpack_orm.orm.queries import frames

        return frames.polars_frame(self._model, self._all())


class Embedded(Collection[M_co]):
    """Records inside a record, such as the notes of a page. They are loaded on first use.

    When they are loaded again, the objects stay the same and retain their local changes.

    >>> [tag.name for tag in Page.find_by(title="Lisbon").tags]
    ['Travel', 'Long weekends', 'Portugal']
    """

    __slots__ = ("_ids", "_owner", "_part", "_relation")

    def __init__(self, owner: Model, relation: Relation) -> None:
        super().__init__(relation.model, [])  # type: ignore[arg-type]  # a registry knows no M_co
        self._owner = owner
        self._relation = relation
        self._part: tuple[Record, ...] | None = None
        self._ids: tuple[list[M_co], dict[int, M_co]] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the collection is loaded, so that using it makes no request.

        >>> Page.all()[0].notes.is_loaded, Page.find(Page.all()[0].id).notes.is_loaded
        (False, True)
        """
        return self._known_part() is not None

    @property
    def is_assigned(self) -> bool:
        """Whether the collection shows an assigned list that is not saved yet. Makes no request.

        >>> Page.find_by(title="Lisbon").notes.is_assigned
        False
        """
        return False

    def reload(self) -> Self:
        """Reload the collection, bypassing the cache. Makes one request.

        The objects stay the same and retain their local changes.

        Raises:
            NotSaved: Its owner is new.
            Destroyed: Its owner was destroyed.
            NotFound: Its owner no longer exists.
            ReadOnly: No call of the API returns the collection by itself. The message names the
                calls that include it.

        >>> len(Page.find_by(title="Lisbon").notes.reload())
        2
        """
        self._owner._check_exists()
        name, owner = self._relation.name, self._owner
        if name in owner._included_elsewhere:
            raise ReadOnly(
                f"{type(owner).__name__}.{name} cannot be reloaded by itself: only searches "
                f"and exports include it, so make a new one"
            )
        owner._load(name, fresh=True)
        return self

    def _reloaded(self, fresh: bool) -> Self:
        return self.reload() if fresh else self

    def _unassign(self) -> None:
        """Drop an assigned list; only an `AssignableCollection` can have one."""

    def __len__(self) -> int:
        if is_introspection() and not self.is_loaded:
            raise TypeError("not loaded yet")
        return len(self._all())

    def __repr__(self) -> str:
        if not self.is_loaded:
            return f"<{self._relation.name} of {self._owner!r}, not loaded yet>"
        return super().__repr__()

    def _append(self, record: M_co) -> None:  # type: ignore[misc]  # only what its owner creates
        """Add the object of a new record, until the records are loaded again."""
        self._objects = [*self._objects, record]
        self._part = None  # empty tuples are identical: the next part would seem unchanged

    def _unsaved(self) -> bool:
        """Whether any of its objects has local changes."""
        return any(record._unsaved() for record in self._objects)

    def _copy_in(self, owner: Model) -> Self:
        """Return the same collection for a copy of its owner, with copies of its objects."""
        copied = type(self)(owner, self._relation)
        copied._part = self._part
        copied._objects = [copy(record) for record in self._objects]
        for record in copied._objects:
            record._source = owner
        return copied

    def _known_part(self) -> tuple[Record, ...] | None:
        record = self._owner._record
        part = MISSING if record is None else record[self._owner._position(self._relation.name)]
        return None if part is MISSING else part

    def _loaded(self) -> list[M_co]:
        return self._all() if self.is_loaded else []

    def _all(self) -> list[M_co]:
        part: tuple[Record, ...] = self._owner._part(self._relation.name)
        if part is not self._part:
            self._objects = self._renew(part)
            self._part = part
        return self._objects

    def _contained(self) -> list[M_co]:
        """Return the objects that no other collection of the owner contains."""
        return self._all()

    @property
    def _by_id(self) -> dict[int, M_co]:
        """The objects by id, computed once per load."""
        objects = self._all()
        if self._ids is None or self._ids[0] is not objects:
            self._ids = objects, {record._saved_id: record for record in objects}
        return self._ids[1]

    def _renew(self, part: tuple[Record, ...]) -> list[M_co]:
        """Return objects for newly loaded records, merging into those that exist already."""
        projection: Projection = getattr(self._model, self._relation.projection)
        objects = projection.load[self._model](part, self._owner)
        if not self._objects:
            return objects
        there = {record._identity: record for record in self._objects if not record.is_destroyed}
        seen = {id(record) for record in self._part or ()}  # older than later saves
        for position, new in enumerate(objects):
            old = there.get(new._identity)
            if old is not None:
                if id(part[position]) not in seen:
                    old._merge(part[position])
                objects[position] = old
        return objects


class _Unassigned:
    """Marker of a collection to which nothing was assigned."""


class AssignableCollection(Embedded[M_co]):
    """Records inside a record that are replaced by assigning a list, such as the tags of a page.

    Until you save, the collection shows the assigned list as records. For a key in the list, it
    shows the loaded record with this key, or else a new record. Later changes to the assigned list
    show too.

    >>> page = Page.find(Page.find_by(title="Lisbon").id)
    >>> page.tags = ["Travel", "Sea side"]
    >>> [(tag.name, tag.is_new) for tag in page.tags]
    [('Travel', False), ('Sea side', True)]
    >>> page.discard()
    >>> [tag.name for tag in page.tags]
    ['Travel', 'Long weekends', 'Portugal']
    """

    __slots__ = ("_assigned", "_shown")

    def __init__(self, owner: Model, relation: Relation) -> None:
        super().__init__(owner, relation)
        self._assigned: Any = _Unassigned
        self._shown: tuple[tuple[Any, ...], list[M_co]] = ((), [])
        """The assigned entries at the last use, and the records that represent them."""

    @property
    def is_assigned(self) -> bool:
        """Whether the collection shows an assigned list that is not saved yet. Makes no request.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.tags = ["Travel"]
        >>> page.tags.is_assigned
        True
        """
        return self._assigned is not _Unassigned

    @property
    def is_loaded(self) -> bool:
        """Whether the collection is loaded, so that using it makes no request.

        >>> Page.find(Page.all()[0].id).tags.is_loaded
        True
        """
        return self.is_assigned or super().is_loaded

    def _assign(self, value: object) -> None:
        if value is not self:
            self._assigned = value

    def _unassign(self) -> None:
        self._assigned = _Unassigned
        self._shown = ((), [])

    def _keys(self) -> tuple[Any, ...]:
        """Return the key of each record, or the record itself if its key is not loaded.

        Raises:
            ValidationError: The assigned value is not a list, or has records of another account.
        """
        entries = entries_of(self._owner, self._relation, self._assigned)
        known = dict(zip(map(id, self._shown[0]), self._shown[1], strict=True))
        keys: list[Any] = []
        for entry in entries:
            record = entry if isinstance(entry, self._model) else known.get(id(entry))
            keys.append(entry if record is None else record._slot(self._key, record))
        return tuple(keys)

    @property
    def _key(self) -> str:
        return self._relation.key or "id"

    def _all(self) -> list[M_co]:
        if not self.is_assigned:
            return super()._all()
        entries = entries_of(self._owner, self._relation, self._assigned)
        known, objects = self._shown
        if len(entries) == len(known) and all(map(operator.is_, entries, known)):
            return objects
        there: dict[Any, M_co] = {}
        if self._known_part() is not None:
            there = {record._slot(self._key): record for record in super()._all()}
        there |= {key: record for key, record in zip(known, objects, strict=True) if _is_key(key)}
        objects = []
        for entry in entries:
            if isinstance(entry, self._model):
                record = entry
            else:
                found = there.get(entry) if _is_key(entry) else None
                record = self._record_for(entry) if found is None else found
            objects.append(record)
        self._shown = entries, objects
        return objects

    def _record_for(self, key: Any) -> M_co:
        """Return a record for a key: an existing one if the key is an id, else a new one."""
        if self._key == "id":
            what = f"{type(self._owner).__name__}.{self._relation.name}"
            return self._model._stub(self._model._check_id(what, key), self._owner)
        parent = self._model._table.parent
        assert parent is not None
        return self._model(**{parent.name: self._owner, self._key: key})

    def _loaded(self) -> list[M_co]:
        try:
            return super()._loaded()
        except ValidationError:  # save() raises it
            return []

    def __repr__(self) -> str:
        if self.is_assigned and not _is_list(self._assigned):
            return repr(self._assigned)
        return super().__repr__()

    def _copy_in(self, owner: Model) -> Self:
        copied = super()._copy_in(owner)
        assigned = self._assigned
        copied._assigned = list(assigned) if isinstance(assigned, list) else assigned
        return copied


def _is_key(entry: object) -> bool:
    return isinstance(entry, str | int)


def _is_list(value: object) -> bool:
    return isinstance(value, collections.abc.Collection) and not isinstance(
        value, str | bytes | bytearray | collections.abc.Mapping
    )


def entries_of(owner: Related, relation: Relation, value: object) -> tuple[Any, ...]:
    """Return the entries of an assigned list.

    Raises:
        ValidationError: The value is not a list, or has records of another account.
    """
    what = f"{type(owner).__name__}.{relation.name}"
    if not _is_list(value):
        hint = ": assign [] to remove all" if value is None else ""
        raise ValidationError(f"{what} takes a list, not {short_repr(value)}{hint}")
    entries = tuple(cast("collections.abc.Collection[Any]", value))
    if relation.key == "id":
        for entry in entries:
            owner._check_same_account(what, entry)
    return entries
