"""The folder that a conversion fills: stale files are removed, and edited ones never replaced."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Self
from uuid import uuid4

from backpack_orm.errors import ValidationError
from backpack_orm.plurals import counted

LISTING = ".backpack-files.jsonl"
_PART = ".backpack-part-"


class OutputFolder:
    """A folder for the files of one conversion, as a context manager.

    A listing in the folder says what was converted to what, and contains the hash of each file that
    was written. When the block ends without an error, files of an earlier conversion that were not
    written again are removed. If the block raises, they stay, and the next conversion removes them.

    Args:
        path: The folder; it is created if there is none.
        format: What the files are, such as `CSV files`.
        source: Identifies what is converted: the account of its connection.

    Raises:
        ValidationError: The folder contains files but no listing, so it is something else; or what
            another source or another format was converted to; or a file was edited since it was
            written. Nothing has been changed then.
        OSError: A file cannot be read or written.
    """

    def __init__(self, path: str | PathLike[str], format: str, source: str) -> None:
        self.path = Path(path)
        self._format = format
        self._header = {"format": format, "source": source}
        self._written: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._before = self._read_listing()
        self._check_edits()
        self.path.mkdir(parents=True, exist_ok=True)
        for part in self.path.rglob(f"{_PART}*"):
            part.unlink()
        if not (self.path / LISTING).exists():
            self._write_listing()
        self._listing: IO[str] = open(self.path / LISTING, "a", encoding="utf-8")
        self._listing.write("\n")  # since a run that was killed may have left half a line
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listing.close()
        if error is not None:
            whose = "this conversion and of the one before" if self._before else "this conversion"
            error.add_note(f"{self.path} contains files of {whose}: convert again to complete it")
        if error is None:
            self._remove(self._before.keys() - self._written.keys())
            self._write_listing()

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file; one with the same content is left as it is.

        Args:
            name: Path below the folder, with slashes.
            content: What it contains; text is encoded in UTF-8.
        """
        data = content.encode() if isinstance(content, str) else content
        with self.open(name) as part:
            part.write_bytes(data)

    @contextmanager
    def open(self, name: str) -> Iterator[Path]:
        """Yield the path of a temporary file, which becomes the file at the end of the block."""
        assert name not in self._written, f"{name} is written twice"
        target = self._path_of(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target) as part:
            yield part
            hashed = _hash(part)
            self._listing.write(_line([name, hashed]))  # before the file is there, see _check_edits
            self._listing.flush()
            if not target.is_file() or _hash(target) != hashed:
                os.replace(part, target)
        self._written[name] = hashed

    def _path_of(self, name: str) -> Path:
        path = PurePosixPath(name)
        assert not path.is_absolute(), name
        assert ".." not in path.parts, name
        return self.path.joinpath(*path.parts)

    def _write_listing(self) -> None:
        lines = [_line(self._header), *map(_line, sorted(self._written.items()))]
        with replacing(self.path / LISTING) as part:
            part.write_text("".join(lines), encoding="utf-8")

    def _read_listing(self) -> dict[str, set[str]]:
        """Return the hashes that each file may have. Lines of an interrupted run follow others."""
        if not self.path.exists():
            return {}
        if not self.path.is_dir():
            raise ValidationError(f"{self.path} is a file: choose a folder")
        listing = self.path / LISTING
        if not listing.exists():
            if any(self.path.iterdir()):
                raise ValidationError(
                    f"{self.path} contains files, and none of them were written by a conversion: "
                    "choose a new folder"
                )
            return {}
        header, *files = map(_value, listing.read_bytes().split(b"\n"))
        self._check_header(header)
        hashes: dict[str, set[str]] = {}
        for name, hashed in filter(None, files):
            hashes.setdefault(name, set()).add(hashed)
        return hashes

    def _check_header(self, found: object) -> None:
        if found == self._header:
            return
        format = found.get("format") if isinstance(found, dict) else "files"
        whose = "another" if format == self._format else "an"
        what = f"the {format} of {whose} archive"
        raise ValidationError(
            f"{self.path} contains {what}, which would be removed: choose another folder, or "
            "delete this one first"
        )

    def _check_edits(self) -> None:
        edited = [
            name
            for name, hashes in self._before.items()
            if (path := self._path_of(name)).is_file() and _hash(path) not in hashes
        ]
        if edited:
            some = ", ".join(sorted(edited)[:3])
            raise ValidationError(
                f"{self.path}: {counted(len(edited), 'file')} edited since the last run would be "
                f"replaced: {some}; move them, or choose a new folder"
            )

    def _remove(self, names: set[str]) -> None:
        for name in sorted(names):
            path = self._path_of(name)
            path.unlink(missing_ok=True)
            for parent in path.relative_to(self.path).parents:
                folder = self.path / parent
                if folder == self.path or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces `path` at the end of the block at once.

    If the block raises, the temporary file is removed and `path` stays as it is.

    Args:
        path: The file to replace, or to create with its folder.

    Raises:
        ValidationError: The path is a folder.
        OSError: The file cannot be written.
    """
    if path.is_dir():
        raise ValidationError(f"{path} is a folder: choose a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _temporary(path) as part:
            yield part
            os.replace(part, path)
    except BaseException as error:
        error.add_note(f"{path} is as it was: convert again")
        raise


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Yield the path of a file in the same folder, which is removed at the end if it is left."""
    part = path.with_name(f"{_PART}{uuid4().hex}{path.suffix}")
    try:
        try:
            part.touch(exist_ok=False)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        yield part
    finally:
        part.unlink(missing_ok=True)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _value(line: bytes) -> Any:
    """Return what a line contains; None for the last one of a run that was interrupted.

    The file of such a line was not written.
    """
    try:
        return json.loads(line)
    except ValueError:
        return None


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
