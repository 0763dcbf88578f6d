"""JSON Lines: one file for each table."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from os import PathLike
from typing import IO

from backpack_orm.archive.conversions.output import OutputFolder
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.conversions.tables import contained_tables, rows_of
from backpack_orm.orm.operations.progress import Progress


def write_json_lines(source: Source, folder: str | PathLike[str], report: Progress) -> None:
    """Write a file for each table, with one JSON object on each line, in UTF-8.

    Times are in ISO 8601. What is unknown is null, and what is a gap of the snapshot has no file.

    Args:
        source: The records.
        folder: The folder for the files.
        report: Called for each page.

    Raises:
        ValidationError: The folder contains other files, another conversion, or edited files.
        OSError: A file cannot be written.
    """
    with (
        OutputFolder(folder, "JSON Lines files", source.connection.account) as output,
        ExitStack() as files,
    ):

        @cache
        def file(name: str) -> IO[str]:
            part = files.enter_context(output.open(f"{name}.jsonl"))
            return files.enter_context(part.open("w", encoding="utf-8"))

        for name, row in rows_of(source, report):
            line = json.dumps(row, ensure_ascii=False, default=datetime.isoformat)
            file(name).write(f"{line}\n")
        for name in contained_tables(source):
            file(name)
