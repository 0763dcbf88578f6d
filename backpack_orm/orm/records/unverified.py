"""Records of an export whose texts may have been escaped twice.

An export may escape an entity that a user has typed once more, so that `→` arrives as `&rarr;`. The
text itself does not show whether that happened. It is shown as received, and its record is read
again before its first save.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from backpack_orm.orm.schema.fields import Table
from backpack_orm.wire.shapes import MISSING, Record

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

_ENTITY = r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);"


class UnverifiedRecord(tuple[Any, ...]):
    """A record with a text that may have been escaped twice."""

    __slots__ = ()


def has_entity(text: object) -> bool:
    """Return whether a value is a text that contains what looks like an entity.

    >>> has_entity("Lisbon &rarr; Porto"), has_entity("R & D; more"), has_entity(None)
    (True, False, False)
    """
    return isinstance(text, str) and "&" in text and re.search(_ENTITY, text) is not None


def marked(model: type[Model], record: Record) -> Record:
    """Return a record of an export; it and the records inside are marked where a text is doubtful.

    >>> from backpack_orm import Tag
    >>> type(marked(Tag, (5, "R&amp;D"))).__name__, type(marked(Tag, (5, "R & D"))).__name__
    ('UnverifiedRecord', 'tuple')
    """
    table, values = model._table, list(record)
    for name, relation in table.relations.items():
        position = table.positions[name]
        part = record[position]
        if part is not MISSING and part and not relation.is_single:
            inside = tuple(marked(relation.model, each) for each in part)
            if any(map(operator.is_not, inside, part)):
                values[position] = inside
    if doubtful(table, record):
        return UnverifiedRecord(values)
    return record if all(map(operator.is_, values, record)) else type(record)(values)


def is_marked(model: type[Model], record: Record) -> bool:
    """Return whether a record, or any record inside, is marked."""
    return type(record) is UnverifiedRecord or bool(relations_marked(model, record))


def relations_marked(model: type[Model], record: Record) -> list[str]:
    """Return the relations of a record with records that are marked, or contain marked ones."""
    table, found = model._table, []
    for name, relation in table.relations.items():
        part = record[table.positions[name]]
        if part is MISSING or relation.is_single:
            continue
        if any(is_marked(relation.model, each) for each in part):
            found.append(name)
    return found


def doubtful(table: Table, record: Record) -> list[int]:
    """Return the positions of the values that can be saved and may have been escaped twice."""
    found = []
    for name, position in table.positions.items():
        field, relation = table.fields.get(name), table.relations.get(name)
        value = record[position]
        if field is not None:
            if not field.is_read_only and has_entity(value):
                found.append(position)
        elif relation is not None and relation.key is not None and value is not MISSING:
            key = relation.model._table.positions[relation.key]
            if any(has_entity(each[key]) for each in value):
                found.append(position)
    return found


def repeats(edited: Any, exported: Any, stored: Any) -> bool:
    """Return whether an edited value repeats what an export has escaped twice.

    Args:
        edited: The value that would be saved: a text, or the keys of several records.
        exported: The value in the export.
        stored: The value on the service.

    >>> repeats("a &rarr; b", exported="a &rarr;", stored="a →"), repeats("a", "a &rarr;", "a →")
    (True, False)
    """
    if isinstance(exported, tuple):
        wrong = {key for key in exported if has_entity(key)} - set(stored)
        return any(isinstance(key, str) and key in wrong for key in edited)
    return has_entity(exported) and bool(exported != stored) and has_entity(edited)
