"""Checks, locks and flushing of files, for each operating system."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("backpack_orm.sandbox")


def refuse_dangling_link(path: Path) -> None:
    """Raise FileNotFoundError for a link whose target does not exist."""
    if path.is_symlink() and not path.exists():
        target = os.readlink(path)
        raise FileNotFoundError(f"{str(path)!r} is a link to {target!r}, which does not exist")


def warn_if_others_can_read(path: Path) -> None:
    """Log a warning for a file that other users can read. Windows has no modes that tell."""
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        log.warning("%s can be read by other users of this machine: chmod 600 it", path)


def sync_file(path: Path) -> None:
    """Flush a file to disk."""
    _flush(path, os.O_RDWR)  # Windows flushes only files that are open for writing


def sync_folder(path: Path) -> None:
    """Flush the names of the files in a folder to disk. Windows writes them with the files."""
    if sys.platform != "win32":
        _flush(path, os.O_RDONLY)


def _flush(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def folder_lock(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the lock of a folder, alone or together with others. Waits until that is possible.

    SQLite finds a database and its journals by name. If the file is replaced while another process
    has it open, that process can apply the journal of the new file to the old one. On Windows,
    which does not replace open files, this does nothing.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)  # releases the lock
