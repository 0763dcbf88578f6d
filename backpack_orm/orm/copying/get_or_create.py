"""Finding a record, and creating it if there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from backpack_orm.errors import redacted
from backpack_orm.orm.operations.locks import deciding_in
from backpack_orm.orm.operations.resuming import resume_of, stopped
from backpack_orm.orm.queries.lookups import exact_values

if TYPE_CHECKING:
    from backpack_orm.orm.queries.collections import Collection
    from backpack_orm.orm.writing.saving import Savable

M = TypeVar("M", bound="Savable")


def new_values(lookups: Mapping[str, Any], defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of a record that is created because none fulfils lookups.

    >>> new_values({"title__icontains": "hotel", "page": 7}, {"title": "Hotel", "body": str})
    {'page': 7, 'title': 'Hotel', 'body': ''}
    """
    return exact_values(lookups) | evaluated(defaults)


def evaluated(defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return values by name. Functions among them are called."""
    if not isinstance(defaults, Mapping | None):
        raise TypeError(f"defaults takes values by name, a dict, not {redacted(defaults)}")
    return {name: value() if callable(value) else value for name, value in (defaults or {}).items()}


def get_or_create(
    record: Savable,
    search: Callable[[bool], Collection[M]],
    create: Callable[[], M],
    *,
    fresh: bool,
) -> tuple[M, bool]:
    """Return the only result of a search, or else a created record.

    Threads of this process take turns in the same place, so that only one of them creates.

    Args:
        record: A new record, for its place and type.
        search: Makes the search; it takes whether to bypass the cache.
        create: Creates the record.
        fresh: Whether to bypass the cache at once, and not only before creating.

    Returns:
        The record, and whether it was created.
    """
    place = record.connection if record._table.parent is None else record._parent
    with deciding_in(place, type(record)):
        found = search(fresh)
        if not (fresh or len(found)):
            found = search(True)
        if len(found):
            return found.get(), False
        try:
            return create(), True
        except BaseException as error:
            created = getattr(error, "created", ())
            if created or getattr(error, "saved", ()):
                rest = resume_of(error)
                stopped(error, lambda: (rest(), True), created=created, is_repeatable=not created)
            raise


def saved(record: M) -> M:
    """Save a new record, and return it.

    If something was saved before an error, `resume` of the error saves the rest and returns it.
    """
    try:
        record.save()
    except BaseException as error:
        created = getattr(error, "created", ())
        if created or getattr(error, "saved", ()):
            rest = partial(_resumed, record, resume_of(error))
            stopped(error, rest, created=created, is_repeatable=not created)
        raise
    return record


def updated(record: M, values: Mapping[str, Any]) -> tuple[M, bool]:
    """Update a found record, and return the result of `update_or_create`.

    `resume` of an error after a part was saved returns it too.
    """
    try:
        record.update(**values)
    except BaseException as error:
        if getattr(error, "saved", ()):
            stopped(error, partial(updated, record, values), is_repeatable=True)
        raise
    return record, False


def _resumed(record: M, save: Callable[[], Any]) -> M:
    save()
    return record
