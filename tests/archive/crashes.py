"""A process that is killed, and a disk that forgets what was not synced.

`Recorder` takes the place of `os` in the module that writes archives. It records every call that
changes something, and can kill the process after any of them: nothing has an effect from then on.
`Disk` replays such a record up to a call, and drops what was not yet synced.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

Call = tuple[Any, ...]


class Killed(BaseException):
    """The process was killed."""


class Recorder:
    """The module `os`, as far as archives are written with it.

    Args:
        kill_after: Number of the call after which the process is killed; None: never.
        is_torn: Whether this call, if it is a write, writes only half.
    """

    def __init__(self, kill_after: int | None = None, *, is_torn: bool = False) -> None:
        self.log: list[Call] = []
        self._kill_after = kill_after
        self._is_torn = is_torn
        self._is_dead = False
        self._paths: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        self._check()
        descriptor = os.open(path, flags, mode)
        self._paths[descriptor] = str(path)
        self._done("create" if flags & os.O_CREAT else "open", str(path))
        return descriptor

    def write(self, descriptor: int, content: Any) -> int:
        self._check()
        part = bytes(content)
        if self._is_torn and len(self.log) + 1 == self._kill_after:
            part = part[: len(part) // 2]
        count = os.write(descriptor, part)
        self._done("write", self._paths[descriptor], part[:count])
        return count

    def fsync(self, descriptor: int) -> None:
        self._check()
        self._done("fsync", self._paths[descriptor])

    def close(self, descriptor: int) -> None:
        os.close(descriptor)  # also by the death of a process
        self._check()
        self._done("close", self._paths.pop(descriptor))

    def link(self, old: Any, new: Any) -> None:
        self._check()
        os.link(old, new)
        self._done("link", str(old), str(new))

    def replace(self, old: Any, new: Any) -> None:
        self._check()
        os.replace(old, new)
        self._done("replace", str(old), str(new))

    def unlink(self, path: Any) -> None:
        self._check()
        os.unlink(path)
        self._done("unlink", str(path))

    def mkdir(self, path: Any, mode: int = 0o777) -> None:
        self._check()
        os.mkdir(path, mode)
        self._done("mkdir", str(path))

    def rmdir(self, path: Any) -> None:
        self._check()
        os.rmdir(path)
        self._done("rmdir", str(path))

    def _check(self) -> None:
        if self._is_dead:
            raise Killed

    def _done(self, *call: Any) -> None:
        self.log.append(call)
        if len(self.log) == self._kill_after:
            self._is_dead = True
            raise Killed


class _File:
    def __init__(self, content: bytes = b"") -> None:
        self.content = self.durable = content


class _Folder:
    def __init__(self) -> None:
        self.names: dict[str, _File | _Folder] = {}
        self.durable: dict[str, _File | _Folder] = {}


class Loss(NamedTuple):
    """What a crash loses of what was not synced."""

    names: bool
    contents: bool


LOSSES = [Loss(names=True, contents=True), Loss(True, False), Loss(False, True)]


class Disk:
    """A file system that remembers what is durable.

    Args:
        root: The folder whose parent contains everything.
        start: A folder with the state before the first call; None: there is none.
    """

    def __init__(self, root: Path, start: Path | None) -> None:
        self._top = _Folder()
        self._base = root.parent
        if start is not None:
            self._top.names[root.name] = self._top.durable[root.name] = _read(start)

    def do(self, call: Call) -> None:
        """Replay a call."""
        name, path, *rest = call
        parent, last = self._parent(path)
        if name == "create":
            parent.names[last] = _File()
        elif name == "write":
            file = self._at(path)
            assert isinstance(file, _File)
            file.content += rest[0]
        elif name == "fsync":
            found = self._at(path)
            if isinstance(found, _File):
                found.durable = found.content
            else:
                found.durable = dict(found.names)
        elif name == "mkdir":
            parent.names[last] = _Folder()
        elif name in ("unlink", "rmdir"):
            del parent.names[last]
        elif name in ("link", "replace"):
            folder, new = self._parent(rest[0])
            folder.names[new] = parent.names[last]
            if name == "replace":
                del parent.names[last]

    def write(self, to: Path, loss: Loss) -> None:
        """Write the state after a crash to a folder that does not exist."""
        to.mkdir()
        _write(self._top, to, loss)

    def _at(self, path: str) -> _File | _Folder:
        parts = Path(path).relative_to(self._base).parts
        found: _File | _Folder = self._top
        for part in parts:
            assert isinstance(found, _Folder)
            found = found.names[part]
        return found

    def _parent(self, path: str) -> tuple[_Folder, str]:
        if Path(path) == self._base:
            return self._top, "."
        parent = self._at(str(Path(path).parent))
        assert isinstance(parent, _Folder)
        return parent, Path(path).name


def _read(folder: Path) -> _Folder:
    found = _Folder()
    for path in folder.iterdir():
        found.names[path.name] = _read(path) if path.is_dir() else _File(path.read_bytes())
    found.durable = dict(found.names)
    return found


def _write(folder: _Folder, to: Path, loss: Loss) -> None:
    for name, found in (folder.durable if loss.names else folder.names).items():
        if isinstance(found, _Folder):
            (to / name).mkdir()
            _write(found, to / name, loss)
        else:
            (to / name).write_bytes(found.durable if loss.contents else found.content)


def states(log: list[Call], root: Path, start: Path | None, to: Path) -> Iterator[tuple[int, Path]]:
    """Yield the states that a crash after each call may leave: its number and the folder."""
    disk = Disk(root, start)
    for number, call in enumerate(log, 1):
        disk.do(call)
        for loss in LOSSES:
            shutil.rmtree(to, ignore_errors=True)
            disk.write(to, loss)
            yield number, to / root.name
