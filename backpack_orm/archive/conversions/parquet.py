"""Parquet: one file for each table, with types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from os import PathLike
from typing import Any

from backpack_orm.archive.conversions.output import OutputFolder
from backpack_orm.archive.conversions.source import Source, in_utc
from backpack_orm.archive.conversions.tables import (
    BY_NAME,
    TABLES,
    Kind,
    Row,
    Table,
    contained_tables,
    rows_of,
)
from backpack_orm.orm.operations.progress import Progress

_BATCH = 10_000


def write_parquet(source: Source, folder: str | PathLike[str], report: Progress) -> None:
    """Write a Parquet file for each table. Needs pyarrow.

    Times have microseconds and are in UTC. Times of the account's zone have no zone if it is
    unknown. What is a gap of the snapshot has no file.

    Args:
        source: The records.
        folder: The folder for the files.
        report: Called for each page.

    Raises:
        ImportError: pyarrow is not installed.
        ValidationError: The folder contains other files, another conversion, or edited files.
        OSError: A file cannot be written.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'backpack-orm[parquet]'") from error

    schemas = {table.name: _schema(table, is_local=source.time_zone is None) for table in TABLES}
    with (
        OutputFolder(folder, "Parquet files", source.connection.account) as output,
        ExitStack() as files,
    ):

        @cache
        def writer(name: str) -> Any:
            part = files.enter_context(output.open(f"{name}.parquet"))
            return files.enter_context(parquet.ParquetWriter(part, schemas[name]))

        for name, rows in _batches(source, report):
            writer(name).write_batch(pyarrow.RecordBatch.from_pylist(rows, schema=schemas[name]))
        for name in contained_tables(source):
            writer(name)


def _schema(table: Table, *, is_local: bool) -> Any:
    import pyarrow

    types: dict[Kind, Any] = {
        "integer": pyarrow.int64(),
        "text": pyarrow.string(),
        "boolean": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", "UTC"),
        "local_time": pyarrow.timestamp("us", None if is_local else "UTC"),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])


def _batches(source: Source, report: Progress) -> Iterator[tuple[str, list[Row]]]:
    waiting: dict[str, list[Row]] = {}
    for name, row in rows_of(source, report):
        for column, kind in BY_NAME[name].columns.items():
            if kind == "local_time":
                row[column] = in_utc(row[column], source.time_zone)
        rows = waiting.setdefault(name, [])
        rows.append(row)
        if len(rows) == _BATCH:
            yield name, waiting.pop(name)
    yield from waiting.items()
