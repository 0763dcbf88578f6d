"""Paths of relations and parents, which lead from a record to those that conditions compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model
    from backpack_orm.orm.schema.fields import Field


class Path(NamedTuple):
    """Relations and parents, one after the other, and the model that they lead to.

    Attributes:
        model: The model of the records at the end.
        names: The attributes to follow, none of them for the record itself.
        is_single: Whether it leads to at most one record.
    """

    model: type[Model]
    names: tuple[str, ...] = ()
    is_single: bool = True

    def records(self, record: Model) -> Iterator[Model]:
        """Yield the records to which the path leads from a record, loading only what is used."""
        if not self.names:
            yield record
            return
        rest = self._replace(names=self.names[1:])
        for each in related_to(record, self.names[0]):
            yield from rest.records(each)

    def _then(self, name: str) -> Path | None:
        """Return the path that goes on to a relation, to the parent or to a parent of it."""
        relation = self.model._table.relations.get(name)
        if relation is not None:
            is_single = self.is_single and relation.is_single
            return Path(relation.model, (*self.names, name), is_single)
        names, model = self.names, self.model
        while (parent := model._table.parent) is not None:
            names, model = (*names, parent.name), parent.model
            if parent.name == name:
                return Path(model, names, self.is_single)
        return None


def path_of(model: type[Model], names: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the path that some names begin with, and the names that are left.

    >>> from backpack_orm import Item, Page
    >>> path, left = path_of(Page, ["lists", "items", "content", "in"])
    >>> path.names, left
    (('lists', 'items'), ['content', 'in'])
    >>> path_of(Item, ["page", "title"])[0].names
    ('list', 'page')
    """
    path = Path(model)
    for position, name in enumerate(names):
        following = path._then(name)
        if following is None:
            return path, [*names[position:]]
        path = following
    return path, []


def related_to(record: Model, name: str) -> Sequence[Model]:
    """Return the records of a relation or the parent of a record, which are loaded if needed."""
    related = getattr(record, name)
    if related is None:
        return ()
    return (related,) if hasattr(related, "_record_type") else related


def field_named(model: type[Model], name: str, what: str) -> Field:
    """Return a field whose values can be compared.

    Args:
        model: The model.
        name: The name of the field.
        what: What its records cannot be, for the message, and the way out.

    Raises:
        TypeError: No attribute has this name. The message suggests the nearest name. Or the
            attribute is not such a field.
    """
    field = model._table.fields.get(name)
    if field is None and (not name or not hasattr(model, name)):
        model._table.check_names(model, [name], call="where")
    if field is None or field.is_write_only:
        raise TypeError(f"{model.__name__} cannot be {what}")
    return field
