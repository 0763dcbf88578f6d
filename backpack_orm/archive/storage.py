"""Where an archive is stored: a folder of this machine, with writes that survive a crash."""

from __future__ import annotations

import errno
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backpack_orm.errors import ArchiveError

_TEMPORARY = ".tmp-"
_ABANDONED = 24 * 60 * 60
"""Seconds after which a temporary file is the rest of a crash."""
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_PRIVATE = 0o700
"""The mode of folders: an archive is as private as the account."""
_BINARY = getattr(os, "O_BINARY", 0)  # for Windows


class Storage(ABC):
    """Files of an archive, by their paths with slashes below its root.

    Attributes:
        name: The location for messages, without a password.
    """

    name: str

    @abstractmethod
    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Return the content of a file, or a range of it.

        Raises:
            FileNotFoundError: There is no such file.
            ArchiveError: It cannot be read.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Return the sorted names in a folder, without temporary files; none if it is absent."""

    @abstractmethod
    def sizes(self, folder: str) -> dict[str, int]:
        """Return the sizes of the files in a folder by name, as `names` lists them."""

    @abstractmethod
    def create(self, path: str, content: bytes) -> None:
        """Create a file, which is complete from the moment it exists.

        Raises:
            FileExistsError: It exists already, and is unchanged.
            ArchiveError: It cannot be written.
        """

    @abstractmethod
    def replace(self, path: str, content: bytes) -> None:
        """Create or replace a file, which has either its old or its new content at any time."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file; do nothing if it is absent."""

    @abstractmethod
    def clean(self) -> None:
        """Delete temporary files that a crash has left."""


class LocalStorage(Storage):
    """A folder of this machine.

    Every call of the operating system that changes something goes through `os` of this module, so
    that tests can interrupt it at each of them.

    >>> storage = LocalStorage(Path("notes"))
    >>> storage.create("log/1", b"one")
    >>> storage.read("log/1"), storage.names("log")
    (b'one', ['1'])
    """

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        with self._explained("read", path), self._path(path).open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def names(self, folder: str) -> list[str]:
        with self._explained("read", folder), suppress(FileNotFoundError):
            found = os.listdir(self._path(folder))
            return sorted(name for name in found if not _is_temporary(name))
        return []

    def sizes(self, folder: str) -> dict[str, int]:
        with self._explained("read", folder), suppress(FileNotFoundError):
            found = sorted(os.scandir(self._path(folder)), key=lambda each: each.name)
            return {
                each.name: each.stat().st_size for each in found if not _is_temporary(each.name)
            }
        return {}

    def create(self, path: str, content: bytes) -> None:
        target = self._path(path)
        with self._explained("write", path):
            self._make_folder(target.parent)
            temporary = self._write_temporary(target.parent, content)
            try:
                os.link(temporary, target)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._write(target, content)  # such as FAT; see `Log` for crashes
            finally:
                os.unlink(temporary)
            self._sync_folder(target.parent)

    def replace(self, path: str, content: bytes) -> None:
        target = self._path(path)
        with self._explained("write", path):
            self._make_folder(target.parent)
            temporary = self._write_temporary(target.parent, content)
            try:
                os.replace(temporary, target)
            except OSError:
                os.unlink(temporary)
                raise
            self._sync_folder(target.parent)

    def delete(self, path: str) -> None:
        with self._explained("delete", path), suppress(FileNotFoundError):
            os.unlink(self._path(path))

    def clean(self) -> None:
        with self._explained("delete", ""):
            for folder in ("", "log", "packs", "cache"):
                for file in self._path(folder).glob(f"{_TEMPORARY}*"):
                    if file.stat().st_mtime < time.time() - _ABANDONED:
                        os.unlink(file)

    def _path(self, path: str) -> Path:
        return self._root / path if path else self._root

    def _write_temporary(self, folder: Path, content: bytes) -> Path:
        """Write a file that `os.link` or `os.replace` gives its name, and return its path."""
        temporary = folder / f"{_TEMPORARY}{secrets.token_hex(8)}"
        self._write(temporary, content)
        return temporary

    def _write(self, path: Path, content: bytes) -> None:
        """Write a new file, and wait until it is on the disk."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder != folder.parent:
            self._make_folder(folder.parent)
        with suppress(FileExistsError):  # another process was faster
            os.mkdir(folder, _PRIVATE)
        self._sync_folder(folder.parent)

    def _sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        if os.name == "nt":  # which cannot open folders, and writes names with the files
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _explained(self, verb: str, path: str) -> Iterator[None]:
        """Replace errors of the operating system, except those with a meaning of their own."""
        try:
            yield
        except (FileExistsError, FileNotFoundError):
            raise
        except OSError as error:
            where = self._path(path)
            raise ArchiveError(f"cannot {verb} {where}: {error.strerror or error}") from error


def _is_temporary(name: str) -> bool:
    return name.startswith(_TEMPORARY)
