"""Archives at any address that fsspec supports, such as S3."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

try:
    from fsspec.core import url_to_fs
except ModuleNotFoundError as missing:
    raise ImportError(
        f"an archive at an address requires {missing.name}, part of an extra: "
        'pip install "backpack_orm[archive]"'
    ) from missing

from backpack_orm.archive.storage import Storage
from backpack_orm.errors import ArchiveError


class RemoteStorage(Storage):
    """A folder at an address of fsspec.

    `create` is exclusive where the file system has an exclusive write, as S3 and the memory have;
    elsewhere two runs at the same moment are noticed by reading the file again.

    >>> storage = RemoteStorage("memory://notes")
    >>> storage.create("log/1", b"one")
    >>> storage.read("log/1"), storage.names("log")
    (b'one', ['1'])
    >>> storage.delete("log/1")
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.name = re.sub(r"//[^/@]*@", "//", url).rstrip("/")
        self._fs, self._root = url_to_fs(url, **options)

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        end = None if length is None else start + length
        with self._explained("read", path):
            content: bytes = self._fs.cat_file(self._path(path), start=start, end=end)
        return content

    def names(self, folder: str) -> list[str]:
        return list(self.sizes(folder))

    def sizes(self, folder: str) -> dict[str, int]:
        with self._explained("read", folder):
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(self._path(folder), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
        sizes = {posixpath.basename(each["name"].rstrip("/")): each["size"] or 0 for each in found}
        return {name: sizes[name] for name in sorted(sizes) if name}

    def create(self, path: str, content: bytes) -> None:
        with self._explained("write", path):
            self._make_parent(path)
            try:
                self._fs.pipe_file(self._path(path), content, mode="create")
            except FileExistsError:
                raise
            except OSError as error:
                if self._fs.exists(self._path(path)):
                    raise FileExistsError(path) from error
                raise
            if self._fs.cat_file(self._path(path)) != content:
                raise FileExistsError(path)

    def replace(self, path: str, content: bytes) -> None:
        with self._explained("write", path):
            self._make_parent(path)
            self._fs.pipe_file(self._path(path), content)

    def delete(self, path: str) -> None:
        with self._explained("delete", path):
            self._fs.invalidate_cache()
            if self._fs.exists(self._path(path)):
                self._fs.rm_file(self._path(path))

    def clean(self) -> None:
        """Do nothing: there are no temporary files."""

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _make_parent(self, path: str) -> None:
        self._fs.makedirs(posixpath.dirname(self._path(path)), exist_ok=True)

    @contextmanager
    def _explained(self, verb: str, path: str) -> Iterator[None]:
        """Replace errors of the file system, except those with a meaning of their own.

        Not all are an OSError: that of a lost connection is one of the file system's library.
        """
        try:
            yield
        except (FileExistsError, FileNotFoundError):
            raise
        except Exception as error:
            reason = getattr(error, "strerror", None) or error
            raise ArchiveError(f"cannot {verb} {self.name}/{path}: {reason}") from error
