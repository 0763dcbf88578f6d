"""Backups and checks of data files."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .files import folder_lock, refuse_dangling_link, sync_file, sync_folder
from .schema import HEAD, integrity_faults, readable_errors, revision_of

LOCK_TIMEOUT = 60.0
"""Seconds to wait for a server that writes."""

_POSITIONS = {
    # table: (owner of the records, lowest position, description)
    "widgets": ("page_key", 1, "the widgets of page"),
    "items": ("coalesce(list_key, -page_key)", 1, "the items of list"),
    "taggings": ("page_key", 0, "the tags of page"),
}


def backup(data: Path, target: Path) -> int:
    """Copy a data file, also while a server writes to it, and return the size in bytes.

    Uses SQLite's online backup, which copies the state between two transactions. The copy is
    checked, is readable only by its owner, and gets its name when it is complete.

    Raises:
        FileExistsError: `target` already exists. It is not changed.
        OSError: The data file is missing, damaged or of another program, or the copy cannot be
            written.
    """
    refuse_dangling_link(target)
    if target.exists():
        raise FileExistsError(f"{target} already exists: backups do not replace files")
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        with readable_errors(), opened_for_reading(data) as source:
            revision_of(source)
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                source.backup(copy)  # in one step, so that writes do not restart it
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a -wal
                fault = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
                if fault != "ok":
                    raise OSError(f"the copy is damaged, and so may be {data}: {fault}")
        sync_file(part)
        size = part.stat().st_size
        os.link(part, target)  # fails if the file has been created in the meantime
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)
    return size


def check(data: Path) -> list[str]:
    """Return the errors in a data file, one sentence each.

    Checks the structure of the file, its schema, references between records, and whether the
    positions of widgets, items and tags have no gaps. Nothing is written.

    Raises:
        OSError: The file is missing, cannot be read, or belongs to another program.
    """
    with readable_errors(), opened_for_reading(data) as connection:
        revision = revision_of(connection)
        if revision is None:
            return ["it is empty"]
        if revision != HEAD:
            return [
                f"it has the older schema {revision}: start a sandbox with it to upgrade it to "
                f"{HEAD}, then check again"
            ]
        connection.execute("BEGIN")  # all queries read the same snapshot
        return [*integrity_faults(connection), *_positions(connection)]


@contextmanager
def opened_for_reading(data: Path) -> Iterator[sqlite3.Connection]:
    """Connect without permission to write; raise FileNotFoundError if there is no such file."""
    refuse_dangling_link(data)
    if not data.is_file():
        raise FileNotFoundError(f"there is no file {str(data)!r}")
    path = data.absolute()
    with folder_lock(path.parent, exclusive=False):
        uri = f"{path.as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_TIMEOUT)
        with closing(connection):
            yield connection


def _positions(connection: sqlite3.Connection) -> Iterator[str]:
    for table, (owner, first, description) in _POSITIONS.items():
        rows = connection.execute(
            f"SELECT {owner}, count(*), count(DISTINCT position), min(position), max(position) "  # noqa: S608
            f"FROM {table} GROUP BY 1"
        )
        for key, count, distinct, lowest, highest in rows:
            if (distinct, lowest, highest) != (count, first, first + count - 1):
                last = first + count - 1
                yield f"{description} {abs(key)} are not numbered from {first} to {last}"
