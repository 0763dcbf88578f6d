"""Records as rows: plain dictionaries, and frames of pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from backpack_orm.connection import Connection
from backpack_orm.wire import values
from backpack_orm.wire.values import ValueType

if TYPE_CHECKING:
    import pandas

    from backpack_orm.orm.model import Model

_DTYPES: dict[Callable[[str], Any], str] = {
    values.load_integer: "Int64",
    values.load_boolean: "boolean",
}


def columns(model: type[Model]) -> dict[str, ValueType]:
    """Return the columns of rows: the id, the ids of the parents from the outermost in, and all
    fields but secrets, such as the token of a calendar.

    >>> from backpack_orm import Item
    >>> list(columns(Item))
    ['id', 'page_id', 'list_id', 'content', 'completed', 'updated_at']
    """
    fields = {
        name: field.value_type
        for name, field in model._table.fields.items()
        if field.is_shown and not field.is_write_only
    }
    places: dict[str, ValueType] = {}
    parent = model._table.parent
    while parent is not None:
        places = {f"{parent.name}_id": values.INTEGER, **places}
        parent = parent.model._table.parent
    return {"id": fields["id"], **places, **fields}


def rows(model: type[Model], records: Iterable[Model]) -> list[dict[str, Any]]:
    """Return records as plain dictionaries. What is not loaded is None. Makes no request.

    >>> from backpack_orm import Page
    >>> rows(Page, [Page(title="Porto")])[0]["title"]
    'Porto'
    """
    names, fields = columns(model), model._table.fields
    outward = [name for name in reversed(names) if name not in fields]
    found = []
    for record in records:
        row = {name: record._slot(name, None) if name in fields else None for name in names}
        places = list(_places(record))[-len(outward) :]  # an item of a page may be in a list too
        row.update(zip(outward, places, strict=False))
        found.append(row)
    return found


def _places(record: Model) -> Iterator[int | None]:
    """Yield the ids of the parents of a record, from the nearest out."""
    source = record._source
    while source is not None and not isinstance(source, Connection):
        yield source._slot("id", None)
        source = source._source


def frame(model: type[Model], records: Iterable[Model]) -> pandas.DataFrame:
    """Return records as a pandas frame, each column of the type of its field.

    Raises:
        ImportError: pandas is not installed.

    >>> from backpack_orm import Page
    >>> frame(Page, [Page(title="Porto")]).dtypes["title"].name
    'string'
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("a frame needs pandas: pip install 'backpack_orm[pandas]'") from error

    found = rows(model, records)
    series: dict[str, pandas.Series[Any]] = {}
    for name, value_type in columns(model).items():
        column = [row[name] for row in found]
        dtype = (
            _dtype_of_times(column)
            if value_type.is_time
            else _DTYPES.get(value_type.load, "string")
        )
        series[name] = pandas.Series(column, dtype=dtype)
    whole: pandas.DataFrame = pandas.DataFrame(series)
    return whole


def _dtype_of_times(moments: list[Any]) -> Any:
    """Naive times stay naive; aware ones stay in their zone, or are in UTC if zones differ."""
    import pandas

    zones = {moment.tzinfo for moment in moments if moment is not None} or {None}
    if zones == {None}:
        return "datetime64[us]"
    if None in zones:
        return "object"
    unit: Any = "us"  # which the stubs of older versions do not know
    return pandas.DatetimeTZDtype(unit, zones.pop() if len(zones) == 1 else "UTC")
