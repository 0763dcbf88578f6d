"""CSV: one file for each table."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from datetime import datetime
from os import PathLike
from typing import Any

from backpack_orm.archive.conversions.output import OutputFolder
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.conversions.tables import TABLES, rows_of
from backpack_orm.orm.progress import Progress

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "=", "+", "-", "@")
"""What spreadsheets take for the beginning of a formula, full-width forms included."""


def write_csv(
    source: Source, folder: str | PathLike[str], report: Progress, *, excel: bool = False
) -> None:
    """Write a CSV file for each table, in UTF-8, with one line of column names.

    Times are in ISO 8601, and booleans are `true` and `false`. What is unknown is an empty cell, as
    is an empty text.

    Args:
        source: The records.
        folder: The folder for the files.
        report: Called for each page.
        excel: Write for spreadsheets: with a byte order mark, and with an apostrophe before each
            text that a spreadsheet would take for a formula. Without it, texts are unchanged.

    Raises:
        ValidationError: The folder contains other files, or files that were edited.
        OSError: A file cannot be written.
    """
    with OutputFolder(folder) as output, ExitStack() as files:
        writers: dict[str, Any] = {}
        for table in TABLES:
            part = files.enter_context(output.open(f"{table.name}.csv"))
            file = files.enter_context(part.open("w", encoding=encoding(excel), newline=""))
            writers[table.name] = csv.writer(file)
            writers[table.name].writerow(table.columns)
        for name, row in rows_of(source, report):
            writers[name].writerow([cell(value, excel) for value in row.values()])


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
