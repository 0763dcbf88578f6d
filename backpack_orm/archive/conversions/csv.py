"""CSV: one file for each table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from os import PathLike
from typing import Any

from backpack_orm.archive.conversions.output import OutputFolder
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.conversions.tables import (
    BY_NAME,
    Row,
    Table,
    contained_tables,
    rows_of,
)
from backpack_orm.orm.operations.progress import Progress

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What spreadsheets take for the beginning of a formula, full-width forms included."""

_NAMES = {
    "users": "name",
    "pages": "title",
    "lists": "name",
    "galleries": "name",
    "calendars": "name",
}
"""The column with the name of a record, by the tables that others refer to."""


def write_csv(
    source: Source, folder: str | PathLike[str], report: Progress, *, excel: bool = False
) -> None:
    """Write a CSV file for each table, in UTF-8, with one line of column names.

    Beside the id of a page, list, gallery, calendar or user is its title or name. Times are in ISO
    8601, and booleans are `true` and `false`. What is unknown is an empty cell, as is an empty
    text. What is a gap of the snapshot has no file.

    Args:
        source: The records.
        folder: The folder for the files.
        report: Called for each page.
        excel: Write for spreadsheets: with a byte order mark, and with an apostrophe before each
            text that a spreadsheet would take for a formula. Without it, texts are unchanged.

    Raises:
        ValidationError: The folder contains other files, another conversion, or edited files.
        OSError: A file cannot be written.
    """
    with (
        OutputFolder(folder, "CSV files", source.connection.account) as output,
        ExitStack() as files,
    ):

        @cache
        def writer(name: str) -> Any:
            part = files.enter_context(output.open(f"{name}.csv"))
            file = files.enter_context(part.open("w", encoding=encoding(excel), newline=""))
            writer = csv.writer(file)
            writer.writerow(_columns(BY_NAME[name]))
            return writer

        for name, row in _with_names(rows_of(source, report)):
            writer(name).writerow([cell(value, excel) for value in row.values()])
        for name in contained_tables(source):
            writer(name)


def _columns(table: Table) -> Iterator[str]:
    """Yield the columns of a file: those of the table, and one for the name of what an id is of."""
    for column in table.columns:
        yield column
        if column in table.references:
            yield _name_column(column, table)


def _name_column(column: str, table: Table) -> str:
    return column.removesuffix("id") + _NAMES[table.references[column]]


def _with_names(rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
    """Yield rows with the names of what their ids are of, which have a row before them."""
    names: dict[tuple[str, int], str] = {}
    for name, row in rows:
        if name in _NAMES:
            names[name, row["id"]] = row[_NAMES[name]]
        shown: Row = {}
        references = BY_NAME[name].references
        for column, value in row.items():
            shown[column] = value
            if column in references:
                shown[_name_column(column, BY_NAME[name])] = names.get((references[column], value))
        yield name, shown


def encoding(excel: bool) -> str:
    """Return the encoding of a file; spreadsheets need a byte order mark."""
    return "utf-8-sig" if excel else "utf-8"


def cell(value: Any, excel: bool) -> Any:
    """Return a value as it is written, for spreadsheets without formulas.

    >>> cell("=1+1", excel=True), cell("=1+1", excel=False), cell(True, excel=False)
    ("'=1+1", '=1+1', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if excel and isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
