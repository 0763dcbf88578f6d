"""Plain values of records: ids and titles of their parents, and what JSON can represent."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from json import dumps
from typing import TYPE_CHECKING, Any

from backpack_orm.connection import Connection
from backpack_orm.orm.schema.fields import label_in

if TYPE_CHECKING:
    from typing import Protocol

    from backpack_orm.orm.records.model import Model

    class _Convertible(Protocol):
        def to_dict(self, *, json: bool = ...) -> dict[str, Any]: ...


def jsonable(value: Any) -> Any:
    """Return a value in a form that JSON can represent; times in ISO 8601.

    Raises:
        TypeError: JSON cannot represent the value.

    >>> jsonable({"created_at": datetime(2031, 1, 2, 9, 5)})
    {'created_at': '2031-01-02T09:05:00'}
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "to_dict"):
        record: _Convertible = value
        return record.to_dict(json=True)
    if isinstance(value, Mapping):
        return {name: jsonable(each) for name, each in value.items()}
    if isinstance(value, Collection):
        return [jsonable(each) for each in value]
    if hasattr(value, "__index__"):
        return operator.index(value)
    raise TypeError(f"JSON cannot represent {value!r}")


def to_json(value: Any, indent: int | None) -> str:
    """Return a value as JSON; other characters than ASCII stay as they are.

    >>> to_json(["Fado à tarde"], None)
    '["Fado à tarde"]'
    """
    return dumps(jsonable(value), ensure_ascii=False, indent=indent)


def parents(model: type[Model]) -> list[tuple[str, str | None]]:
    """Return the names of the parents of a model, from the nearest out, each with the attribute
    that is its title.

    >>> from backpack_orm import Item
    >>> parents(Item)
    [('list', 'name'), ('page', 'title')]
    """
    found = []
    parent = model._table.parent
    while parent is not None:
        found.append((parent.name, label_in(parent.model._table.fields)))
        parent = parent.model._table.parent
    return found


def parent_values(model: type[Model], record: Model) -> dict[str, Any]:
    """Return the ids and titles of the parents of a record, as far as they are loaded.

    >>> note = Page.find_by(title="Lisbon").notes[0]
    >>> parent_values(Note, note)["page_title"]
    'Lisbon'
    """
    known: dict[str, Any] = {}
    wanted, sources = parents(model), list(_sources(record))
    for (parent, label), source in zip(wanted, sources[-len(wanted) :], strict=False):
        known[f"{parent}_id"] = source._slot("id", None)
        if label:
            known[f"{parent}_{label}"] = source._slot(label, None)
    return known


def _sources(record: Model) -> Iterator[Model]:
    """Yield the parents of a record, from the nearest out."""
    source = record._source
    while source is not None and not isinstance(source, Connection):
        yield source
        source = source._source
