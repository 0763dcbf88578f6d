"""What the rules of Windows for files, simulated here, would break.

Folders cannot be opened, only files that are open for writing can be flushed, open files can be
neither replaced nor removed, renaming never replaces, and all files have the same mode.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox, token_file
from backpack_orm.sandbox.maintenance import backup, check
from backpack_orm.sandbox.restoring import restore

fcntl = pytest.importorskip("fcntl")  # what is real on Windows needs no simulation

TOKEN = "t0ken-0123456789"
OPEN, FSYNC, REPLACE, RENAME, UNLINK = os.open, os.fsync, os.replace, os.rename, os.unlink


def is_open(path: str | os.PathLike[str]) -> bool:
    """Return whether a file exists and this process has it open."""
    if not os.path.exists(path):
        return False
    for handle in os.listdir("/proc/self/fd"):
        try:
            if os.path.samefile(f"/proc/self/fd/{handle}", path):
                return True
        except FileNotFoundError:  # a socket, or the listing itself
            continue
    return False


def refused(number: int, path: object) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.db"
    Sandbox(seed="demo", data=str(path), token=TOKEN).close()
    return path


def open_(path: Any, *arguments: Any, **options: Any) -> int:
    if os.path.isdir(path):
        raise refused(errno.EACCES, path)
    return OPEN(path, *arguments, **options)


def fsync(handle: int) -> None:
    if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise refused(errno.EBADF, handle)
    FSYNC(handle)


def replace(source: Any, target: Any) -> None:
    if is_open(source) or is_open(target):
        raise refused(errno.EACCES, target)
    REPLACE(source, target)


def rename(source: Any, target: Any) -> None:
    if is_open(source) or os.path.exists(target):
        raise refused(errno.EEXIST, target)
    RENAME(source, target)


def unlink(path: Any, **options: Any) -> None:
    if is_open(path):
        raise refused(errno.EACCES, path)
    UNLINK(path, **options)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    for each in (fsync, replace, rename, unlink):
        monkeypatch.setattr(os, each.__name__, each)
    monkeypatch.setattr(os, "open", open_)


@pytest.mark.usefixtures("windows")
class TestWindows:
    def test_a_backup_is_made_and_restored(self, data: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy.db"
        assert backup(data, copy) == copy.stat().st_size
        size, former = restore(copy, data)
        assert (size, former) == (data.stat().st_size, tmp_path / "data.db.before-restore")
        assert check(data) == []

    def test_an_older_file_is_migrated(self, old: Path) -> None:
        Sandbox(data=str(old)).close()
        assert check(old) == []

    def test_modes_cause_no_warning(
        self, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = tmp_path / "token"
        file.write_text(TOKEN)
        for each in (file, data):
            each.chmod(0o666)
        Sandbox(data=str(data)).close()
        assert token_file.token_and_source(file, {}) == (TOKEN, str(file))
        assert caplog.text == ""
