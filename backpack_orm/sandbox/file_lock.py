"""What keeps files from being replaced by mistake: a lock between processes, a check of links."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def refuse_dangling_link(path: Path) -> None:
    """Raise FileNotFoundError for a link whose target does not exist."""
    if path.is_symlink() and not path.exists():
        target = os.readlink(path)
        raise FileNotFoundError(f"{str(path)!r} is a link to {target!r}, which does not exist")


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
