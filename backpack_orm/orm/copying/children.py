"""Collections in which records can be created."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast

from backpack_orm.errors import ValidationError, short_repr
from backpack_orm.orm.copying.get_or_create import evaluated, get_or_create, new_values, updated
from backpack_orm.orm.queries.bulk_methods import M_co
from backpack_orm.orm.queries.collections import Collection, Embedded, label_of
from backpack_orm.orm.queries.conditions import all_of

if TYPE_CHECKING:
    from backpack_orm.orm.copying.syncing import SyncPlan
    from backpack_orm.orm.operations.progress import Progress
    from backpack_orm.orm.records.model import Model
    from backpack_orm.orm.writing.saving import Savable

P = ParamSpec("P")


def named(
    model: type[Model], positional: tuple[Any, ...], attributes: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the arguments of `create` by name.

    Raises:
        TypeError: There is more than one text, or it is passed by name too.

    >>> from backpack_orm import Note
    >>> named(Note, ("Hotel",), {"body": "Rua da Rosa 7"})
    {'title': 'Hotel', 'body': 'Rua da Rosa 7'}
    """
    if not positional:
        return attributes
    label = label_of(model)
    if label is None or len(positional) > 1 or not isinstance(positional[0], str):
        raise TypeError(
            f"create() of a collection takes one text, the {label}, and keyword arguments, "
            f"not {', '.join(map(short_repr, positional))}"
        )
    if label in attributes:
        raise TypeError(f"create() takes {label} once: {short_repr(positional[0])} is another one")
    return {label: positional[0], **attributes}


class _CreatedWith(Protocol[P]):
    """A model, for type checkers, with the arguments of `create` of its collections."""

    def _created_with(self, *args: P.args, **fields: P.kwargs) -> object: ...


class Children(Embedded[M_co]):
    """Records inside a record, where you can create new ones one by one.

    >>> lists = Page.find_by(title="Lisbon").lists
    >>> lists.create(name="Food") in lists
    True
    """

    __slots__ = ()

    def create(self: Iterable[_CreatedWith[P]], *args: P.args, **attributes: P.kwargs) -> M_co:
        """Create a record in this collection.

        Makes one request, and one more when the collection is used again.

        Args:
            *args: At most one text: the title of a note or an event, the name of a list or a
                separator, the content of an item, the body of a journal entry.
            **attributes: The fields of the model.

        Raises:
            TypeError: An attribute is misspelled or passed twice.
            ValidationError: A value cannot be sent. No request was made.

        >>> notes = Page.find_by(title="Lisbon").notes
        >>> notes.create("Hotel").title, notes.create(title="Hotel", body="Rua da Rosa 7").body
        ('Hotel', 'Rua da Rosa 7')
        """
        own = cast("Children[M_co]", self)
        return own._create(named(own._model, args, attributes))

    def get_or_create(
        self, *, defaults: Mapping[str, Any] | None = None, fresh: bool = True, **lookups: Any
    ) -> tuple[M_co, bool]:
        """Return the only record here that fulfils lookups, or else create it.

        Reloads the collection with one request, unless `fresh` is false and the record is found.
        See `Note.get_or_create`.

        Raises:
            ValidationError: A loaded record has unsaved changes to what is looked up. Or as for
                `Note.get_or_create`. No request was made.

        >>> page = Page.get(title="Lisbon")
        >>> note, is_created = page.notes.get_or_create(title="Hotel")
        >>> is_created, page.notes.get_or_create(title="Hotel") == (note, False)
        (True, True)
        """
        values = new_values(lookups, defaults)
        cast("type[Savable]", self._model)._check_parent_is_left_out(self._owner, values)
        all_of(self._model, (), lookups)  # first: a misspelled one is no value
        draft = self._draft(values)
        self._check_saved("get_or_create", [name.partition("__")[0] for name in lookups])
        record, is_created = get_or_create(
            draft,
            lambda fresh: cast("Collection[Any]", self).where(fresh=fresh, **lookups),
            lambda: cast(Any, self._create(values)),
            fresh=fresh,
        )
        return cast("M_co", record), is_created

    def update_or_create(
        self, *, defaults: Mapping[str, Any] | None = None, fresh: bool = True, **lookups: Any
    ) -> tuple[M_co, bool]:
        """Update the only record here that fulfils lookups with `defaults`, or else create it.

        Makes the same requests as `get_or_create`, and those of `save` if the record is found.

        >>> items = Page.get(title="Lisbon").lists["Packing"].items
        >>> items.update_or_create(content="Sun hat", defaults={"completed": True})[1]
        False
        """
        values = evaluated(defaults)
        record, is_created = self.get_or_create(defaults=values, fresh=fresh, **lookups)
        if is_created:
            return record, True
        return cast("tuple[M_co, bool]", updated(cast("Savable", record), values))

    def create_many(
        self,
        rows: Iterable[str | Mapping[str, Any] | Model],
        *,
        progress: bool | Progress = False,
        adopt: bool = False,
    ) -> Collection[M_co]:
        """Create records in this collection, in the order of the rows.

        Checks all rows before it sends anything. Makes one request to read the collection, and one
        for each row, one after the other.

        An error, or Ctrl-C, has the records that exist in `error.created`. `error.resume()` creates
        the others, and returns all. A record is never created twice: if a response was lost, the
        collection is reloaded, and the only record with equal content that was not there before is
        used.

        Args:
            rows: Dictionaries with the arguments of `create`, or texts: the title of a note, the
                name of a list, the content of an item. Or unsaved objects, which become the new
                records.
            progress: True to show it on standard error, or a function that takes what is done, the
                number of finished rows, and the total.
            adopt: Use records with equal content that exist already, each for one row, instead of
                creating them. It continues after the process was killed.

        Raises:
            TypeError: An attribute is misspelled, or `rows` is not a list. Nothing was sent.
            ValidationError: A value cannot be sent. The message names the row. Or with `adopt`, a
                loaded record has changes that are not saved. Nothing was sent.
            BackpackError: A request failed.
            OutcomeUnknown: A response was lost, and the record is not there, or several are.

        >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
        >>> new = items.create_many(["Socks", {"content": "Passport", "completed": True}])
        >>> [(item.content, item.completed) for item in new]
        [('Socks', False), ('Passport', True)]
        """
        from backpack_orm.orm.copying.create_many import CreateMany  # which most programs never use

        what = f"{self._relation.name}.create_many"
        self._owner._check_exists()
        self._owner._ensure_writable(what)
        if adopt:
            self._check_saved("create_many")
        return CreateMany(what, self, self._owner, rows, progress, adopt=adopt).run()

    def sync(
        self,
        target: Mapping[Any, Any] | Iterable[str | Mapping[str, Any]],
        *,
        key: str | None = None,
        destroy: bool = False,
        dry_run: bool = False,
        progress: bool | Progress = False,
    ) -> SyncPlan[M_co]:
        """Make this collection have the records of a target state.

        Reloads the collection, and makes one request for each record that differs, or two if only
        `completed` of an item does: first it creates those that are missing, in order, then it
        updates, and with `destroy` it destroys, after it has read them again, eight at a time. If
        it is stopped, syncing again does the rest. Threads of one process take turns on a page.

        Args:
            target: Rows as for `create_many`. Attributes that a row leaves out are not compared. Or
                a dictionary: contents of items and whether they are completed, titles of notes and
                their bodies.
            key: The attribute by which rows and records are matched. Default: the content of
                items, the title of notes, the name of lists. With `id`, rows without one are
                created.
            destroy: Whether to destroy records that the target does not have.
            dry_run: Only return the plan. Makes one request.
            progress: True to show it on standard error, or a function that takes what is done, the
                number of finished records, and the total.

        Returns:
            What was done, or would be done with `dry_run`.

        Raises:
            ValidationError: Two rows have the same key, a value cannot be sent, or a loaded record
                has unsaved changes to what is compared, with `destroy` to anything. No request was
                made. Or there is no record with an id. Nothing was written.
            MultipleFound: Several records have the key of a row. Nothing was written.
            StaleRecord: Somebody has changed a record before it was destroyed.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
        >>> target = {"Sun hat": True, "Rain jacket": True, "Socks": False}
        >>> items.sync(target, dry_run=True)
        SyncPlan: 1 to create, 1 to update, 1 unchanged, 6 others (dry run, 1 request)
          ~ 'Sun hat': completed False -> True
          + 'Socks' (completed=False)
        >>> items.sync(target).is_dry_run, items.sync(target, dry_run=True).is_empty
        (False, True)
        """
        from backpack_orm.orm.copying.syncing import Syncing  # which most programs never use

        syncing = Syncing(self, target, key, progress, destroy=destroy)
        return syncing.plan() if dry_run else syncing.run()

    def _present(self, *, fresh: bool = False) -> list[M_co]:
        """Return the records, all of which have at least an id; reload them first if asked to."""
        present = (self.reload() if fresh else self)._all()
        return cast("type[Savable]", self._model)._with_unlisted(present, self._owner)

    def _object(self, id: int) -> M_co:
        """Return the object of a record that was read."""
        return next(each for each in self._present() if each._saved_id == id)

    def _check_saved(self, method: str, names: Container[str] | None = None) -> None:
        """Raise if a loaded record has unsaved changes to what is compared. Makes no request.

        Args:
            method: The call that compares, for the message.
            names: The compared attributes; None: all of them.

        Raises:
            ValidationError: It has. To match it could mean its stored or its new values.
        """
        for record in self._loaded():
            unsaved = [n for n in record._unsaved() if names is None or n in names]
            if unsaved:
                raise ValidationError(
                    f"{self._relation.name}.{method}: {record!r} has changes that are not saved "
                    f"({', '.join(unsaved)}): save() or discard() them first"
                )

    def _draft(self, values: Mapping[str, Any]) -> Savable:
        """Return a new record of this collection, which is not saved.

        Raises:
            TypeError: An attribute is misspelled.
            ValidationError: A value cannot be sent.
        """
        model = cast("type[Savable]", self._model)
        model._check_parent_is_left_out(self._owner, values)
        parent = model._table.parent
        assert parent is not None
        return model._draft({**values, parent.name: self._owner})

    def _complete(self, record: M_co, values: Mapping[str, Any]) -> None:  # type: ignore[misc]
        """Do nothing: the request that creates a record sends all values."""

    def _create(self, attributes: Mapping[str, Any]) -> M_co:
        model = cast("type[Savable]", self._model)
        return cast(M_co, model._create_in(self._owner, attributes))
