"""Collections in which records can be created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast

from backpack_orm.orm.collections import Collection, Embedded, M_co
from backpack_orm.orm.get_or_create import evaluated, get_or_create, new_values, update
from backpack_orm.orm.lookups import all_of

if TYPE_CHECKING:
    from backpack_orm.orm.saving import Savable

P = ParamSpec("P")


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

        Raises:
            TypeError: An attribute is misspelled.
            ValidationError: A value cannot be sent. No request was made.

        >>> Page.find_by(title="Lisbon").notes.create(title="Hotel").title
        'Hotel'
        """
        return cast("Children[M_co]", self)._create(attributes)

    def get_or_create(
        self, *, defaults: Mapping[str, Any] | None = None, fresh: bool = True, **lookups: Any
    ) -> tuple[M_co, bool]:
        """Return the only record here that fulfils lookups, or else create it.

        Reloads the collection with one request, unless `fresh` is false. See `Note.get_or_create`.

        >>> page = Page.get(title="Lisbon")
        >>> note, is_created = page.notes.get_or_create(title="Hotel")
        >>> is_created, page.notes.get_or_create(title="Hotel") == (note, False)
        (True, True)
        """
        model = cast("type[Savable]", self._model)
        values, parent = new_values(lookups, defaults), model._table.parent
        assert parent is not None
        model._check_parent_is_left_out(self._owner, values)
        all_of(model, (), lookups)  # first: a misspelled one is no value
        record, is_created = get_or_create(
            lookups,
            model._draft({**values, parent.name: self._owner}),
            lambda: cast("Collection[Any]", self).where(fresh=fresh, **lookups),
            lambda: cast(Any, self._create(values)),
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
        if not is_created:
            update(cast("Savable", record), values)
        return record, is_created

    def _create(self, attributes: Mapping[str, Any]) -> M_co:
        model = cast("type[Savable]", self._model)
        return cast(M_co, model._create_in(self._owner, attributes))
