"""Replaces a data file by a backup, after a crash too."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import folder_lock, refuse_dangling_link, sync_file, sync_folder
from .maintenance import backup, check, opened_for_reading
from .schema import REVISIONS, readable_errors, revision_of

if sys.platform != "win32":
    import fcntl

_LOGS = ("-wal", "-journal")
"""What SQLite appends to the name of a file for its logs, which it applies to any such file."""
_INDEX_OF_LOG = "-shm"
_LOCKED_BYTES = 512, 0x4000_0000  # length and start of the range that SQLite locks


def restore(copy: Path, data: Path) -> tuple[int, Path | None]:
    """Replace a data file by a copy of a backup; return the size and the path of the former file.

    The former file and its logs are preserved under another name. No server may have it open. If
    this is interrupted, the data file is the former one or missing, and it can be repeated.

    Raises OSError if the backup is missing or has errors, a server has the data file open, or it
    cannot be replaced.
    """
    refuse_dangling_link(data)
    data = data.resolve()  # the logs are where the file is, not where a link to it is
    if data.exists() and copy.exists() and data.samefile(copy):
        raise OSError(f"{copy} is the data file itself: name a backup of it first")
    part = data.with_name(f"{data.name}.restoring")
    part.unlink(missing_ok=True)  # of a restore that was interrupted
    try:
        size = backup(copy, part)
        if faults := _faults(part):
            raise OSError(f"{copy} has an error, and was not restored: {faults[0]}")
        with folder_lock(data.parent, exclusive=True), _not_open(data):
            former = _put_aside(data)
            os.rename(part, data)
            sync_folder(data.parent)
    finally:
        part.unlink(missing_ok=True)
    return size, former


def _faults(part: Path) -> list[str]:
    """Return the errors in a backup; one of an older version is upgraded when it is opened."""
    with readable_errors(), opened_for_reading(part) as connection:
        is_older = revision_of(connection) in REVISIONS[:-1]
    return [] if is_older else check(part)


@contextmanager
def _not_open(data: Path) -> Iterator[None]:
    """Lock a file against SQLite, which may be unable to open a damaged one.

    On Windows, open files cannot be renamed.
    """
    if sys.platform == "win32" or not data.exists():
        yield
        return
    with data.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, *_LOCKED_BYTES)
        except BlockingIOError:
            raise OSError(f"another process has {data} open: stop the server first") from None
        yield


def _put_aside(data: Path) -> Path | None:
    """Rename a file and its logs, which belong together; return the new path of the file.

    At each moment one of the names has both, or there is no data file.
    """
    former, number = data.with_name(f"{data.name}.before-restore"), 1
    while any(former.with_name(former.name + end).exists() for end in ("", *_LOGS)):
        number += 1
        former = data.with_name(f"{data.name}.before-restore-{number}")
    is_there = data.exists()
    logs = [log for end in _LOGS if (log := data.with_name(data.name + end)).exists()]
    for log in logs:
        _link(log, former.with_name(former.name + log.name.removeprefix(data.name)))
    if is_there:
        os.rename(data, former)
        sync_folder(data.parent)
    for log in (*logs, data.with_name(data.name + _INDEX_OF_LOG)):
        log.unlink(missing_ok=True)
    return former if is_there else None


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:  # file systems without hard links
        shutil.copy2(file, name)
        sync_file(name)
