"""Records as rows: plain dictionaries, and data frames of pandas and polars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from backpack_orm.orm.queries.plain import parent_values, parents
from backpack_orm.wire import values
from backpack_orm.wire.values import ValueType

if TYPE_CHECKING:
    import pandas
    import polars

    from backpack_orm.orm.records.model import Model

_PANDAS: dict[Callable[[str], Any], str] = {
    values.load_integer: "Int64",
    values.load_boolean: "boolean",
}
_POLARS: dict[Callable[[str], Any], str] = {
    values.load_integer: "Int64",
    values.load_boolean: "Boolean",
}


def columns(model: type[Model]) -> dict[str, ValueType]:
    """Return the columns of rows: the id, the ids and titles of the parents from the outermost in,
    and all fields but secrets, such as the token of a calendar.

    >>> from backpack_orm import Item
    >>> list(columns(Item))
    ['id', 'page_id', 'page_title', 'list_id', 'list_name', 'content', 'completed', 'updated_at']
    """
    fields = {
        name: field.value_type
        for name, field in model._table.fields.items()
        if field.is_shown and not field.is_write_only
    }
    places: dict[str, ValueType] = {}
    for parent, label in reversed(parents(model)):
        places[f"{parent}_id"] = values.INTEGER
        if label:
            places[f"{parent}_{label}"] = values.TEXT
    return {"id": fields["id"], **places, **fields}


def rows(model: type[Model], records: Iterable[Model]) -> list[dict[str, Any]]:
    """Return records as plain dictionaries. What is not loaded is None. Makes no request.

    >>> from backpack_orm import Page
    >>> rows(Page, [Page(title="Porto")])[0]["title"]
    'Porto'
    """
    names, fields = columns(model), model._table.fields
    found = []
    for record in records:
        row = {name: record._slot(name, None) if name in fields else None for name in names}
        row.update(parent_values(model, record))
        found.append(row)
    return found


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

    series: dict[str, pandas.Series[Any]] = {}
    for name, value_type, column in _columns_of(model, records):
        dtype = (
            _dtype_of_times(column)
            if value_type.is_time
            else _PANDAS.get(value_type.load, "string")
        )
        series[name] = pandas.Series(column, dtype=dtype)
    whole: pandas.DataFrame = pandas.DataFrame(series)
    return whole


def polars_frame(model: type[Model], records: Iterable[Model]) -> polars.DataFrame:
    """Return records as a polars frame, each column of the type of its field.

    Raises:
        ImportError: polars is not installed.

    >>> from backpack_orm import Page
    >>> polars_frame(Page, [Page(title="Porto")]).schema["title"]
    String
    """
    try:
        import polars
    except ImportError as error:
        raise ImportError("a frame needs polars: pip install 'backpack_orm[polars]'") from error

    return polars.DataFrame(
        [
            _polars_times(name, column)
            if value_type.is_time
            else polars.Series(
                name, column, getattr(polars, _POLARS.get(value_type.load, "String"))
            )
            for name, value_type, column in _columns_of(model, records)
        ]
    )


def _columns_of(
    model: type[Model], records: Iterable[Model]
) -> Iterator[tuple[str, ValueType, list[Any]]]:
    found = rows(model, records)
    for name, value_type in columns(model).items():
        yield name, value_type, [row[name] for row in found]


def _zones(moments: list[Any]) -> set[tzinfo | None]:
    return {moment.tzinfo for moment in moments if moment is not None} or {None}


def _dtype_of_times(moments: list[Any]) -> Any:
    """Naive times stay naive; aware ones stay in their zone, or are in UTC if zones differ."""
    import pandas

    zones = _zones(moments)
    if zones == {None}:
        return "datetime64[us]"
    if None in zones:
        return "object"
    unit: Any = "us"  # which the stubs of older versions do not know
    return pandas.DatetimeTZDtype(unit, zones.pop() if len(zones) == 1 else "UTC")


def _polars_times(name: str, moments: list[datetime | None]) -> polars.Series:
    """Return times as `_dtype_of_times` has them; in UTC if the zone has no name."""
    import polars

    zones = _zones(moments)
    if zones == {None}:
        return polars.Series(name, moments, polars.Datetime("us"))
    if None in zones:
        return polars.Series(name, moments, polars.Object)
    zone = getattr(zones.pop(), "key", "UTC") if len(zones) == 1 else "UTC"
    plain = [moment and moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    times = polars.Series(name, plain, polars.Datetime("us"))
    return times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
