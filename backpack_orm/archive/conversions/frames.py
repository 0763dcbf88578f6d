"""Frames of pandas: one for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backpack_orm.archive.conversions.source import Source, in_utc
from backpack_orm.archive.conversions.tables import BY_NAME, Kind, reason_without, rows_of
from backpack_orm.errors import NotInArchive, ValidationError, did_you_mean, short_repr
from backpack_orm.orm.operations.progress import Progress

if TYPE_CHECKING:
    import pandas

_DTYPES: dict[Kind, str] = {"integer": "Int64", "text": "string", "boolean": "boolean"}


def frame_of(source: Source, name: str, report: Progress) -> pandas.DataFrame:
    """Return a table as a frame. See `Archive.frame`."""
    table = BY_NAME.get(name)
    if table is None:
        hint = did_you_mean(name, BY_NAME)
        raise ValidationError(f"there is no table {short_repr(name)}{hint}")
    try:
        import pandas
    except ImportError as error:
        raise ImportError("a frame needs pandas: pip install 'backpack_orm[pandas]'") from error

    rows = [row for other, row in rows_of(source, report) if other == name]
    if not rows and (reason := reason_without(source, name)):
        raise NotInArchive(f"there are no {name}. {reason}")
    series: dict[str, Any] = {}
    for column, kind in table.columns.items():
        values = [row[column] for row in rows]
        if kind == "local_time":
            values = [in_utc(value, source.time_zone) for value in values]
        is_naive = kind == "local_time" and source.time_zone is None
        dtype = _DTYPES.get(kind) or ("datetime64[us]" if is_naive else "datetime64[us, UTC]")
        series[column] = pandas.Series(values, dtype=dtype)
    return pandas.DataFrame(series)
