"""Commits: the numbered files that make a snapshot part of an archive, each with its predecessor's
hash."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import frozen

from backpack_orm.archive.bags import TAG_MANIFEST, Bag, sha256
from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import ArchiveError, DamagedArchive

FOLDER, REMOVED, SNAPSHOTS = "commits", "removed", "snapshots"
_NAME = re.compile(r"(\d{6,})\.json")
_SNAPSHOT = re.compile(r"(\d{6,})-[0-9a-f]{8}")


@frozen
class Commit:
    """A committed snapshot.

    Attributes:
        number: Its position: snapshots are ordered by it, whatever their times are.
        snapshot: The folder of its bag, such as `000042-8f3a11c0`.
        taken_at: When the sync began, an aware datetime.
        manifest: SHA-256 of the bag's `tagmanifest-sha256.txt`.
        previous: Number and SHA-256 of the commit before; None for the first.
    """

    number: int
    snapshot: str
    taken_at: datetime
    manifest: str
    previous: tuple[int, str] | None

    @property
    def path(self) -> str:
        """The path of its file below the archive's root."""
        return _path(self.number)

    def dumped(self) -> bytes:
        """Return the content of its file."""
        previous = self.previous and {"number": self.previous[0], "sha256": self.previous[1]}
        return seal(
            {
                "number": self.number,
                "snapshot": self.snapshot,
                "taken_at": self.taken_at.isoformat(),
                "manifest": self.manifest,
                "previous": previous,
            }
        )


class Commits:
    """The commits of an archive."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def numbers(self, folder: str = FOLDER) -> list[int]:
        """Return the numbers of all commits, or of the removed ones, in order."""
        found = map(_NAME.fullmatch, self._storage.names(folder))
        return sorted(int(match[1]) for match in found if match)

    def readable(self) -> list[Commit]:
        """Return the commits whose files are as they were written, in order."""
        found = []
        for number in self.numbers():
            with suppress(DamagedArchive):
                found.append(self.read(number))
        return found

    def lost(self, readable: list[Commit]) -> list[int]:
        """Return the numbers of commits that are missing and were not removed by `remove`.

        Each commit follows the one in `previous`. Numbers between both were never committed.

        Args:
            readable: The commits that can be read.
        """
        numbers = self.numbers()
        known = {*numbers, *self.numbers(REMOVED)}
        for commit in readable:
            known.update(range(commit.previous[0] + 1 if commit.previous else 1, commit.number))
        return [number for number in range(1, max(numbers, default=0)) if number not in known]

    def check(self) -> None:
        """Make sure that no commit is damaged or lost.

        Raises:
            DamagedArchive: One is.
        """
        for number in self.lost(self.all()):
            raise DamagedArchive(f"{self._storage.name}/{_path(number)} is missing")

    def remove(self, commit: Commit) -> None:
        """Remove a commit and its snapshot.

        The commit is moved to `removed`, so that it does not count as lost. It is moved first, so
        that a crash leaves no commit without a snapshot.
        """
        self._storage.replace(_path(commit.number, REMOVED), commit.dumped())
        self._storage.delete(commit.path)
        self._storage.delete(f"{SNAPSHOTS}/{commit.snapshot}")

    def read(self, number: int, folder: str = FOLDER) -> Commit:
        """Return a commit, or a removed one.

        Raises:
            DamagedArchive: Its file is missing or changed.
        """
        commit = self._read(number, folder)
        if commit is None:
            raise DamagedArchive(f"{self._storage.name}/{_path(number, folder)} is incomplete")
        return commit

    def all(self) -> list[Commit]:
        """Return all commits, in order.

        Raises:
            DamagedArchive: A file is changed.
        """
        numbers = self.numbers()
        found = [self._read(number) for number in numbers[-1:]]
        return [*map(self.read, numbers[:-1]), *filter(None, found)]

    def last(self) -> Commit | None:
        """Return the newest commit, or None if there is none.

        Raises:
            DamagedArchive: Its file is changed.
        """
        return self._last(self.numbers())

    def _last(self, numbers: list[int]) -> Commit | None:
        for number in reversed(numbers):
            commit = self._read(number)
            if commit is not None:
                return commit
            if number != numbers[-1]:
                return self.read(number)
        return None

    def bag(self, commit: Commit) -> Bag:
        """Return the bag of a commit."""
        return Bag(self._storage, f"{SNAPSHOTS}/{commit.snapshot}", commit.manifest)

    def add(self, files: dict[str, bytes], taken_at: datetime, after: Commit | None) -> Commit:
        """Write a bag and commit it.

        Args:
            files: The files of the bag by path.
            taken_at: When the sync began.
            after: The newest commit that the bag was compared with.

        Raises:
            FileExistsError: Another process has committed in the meantime. Nothing is changed.
            ArchiveError: It cannot be written.
        """
        numbers = self.numbers()  # once: what is committed from here on has the same number
        if self._last(numbers) != after:
            raise FileExistsError(FOLDER)
        number = max(numbers, default=0) + 1
        commit = Commit(
            number=number,
            snapshot=f"{number:06}-{secrets.token_hex(4)}",
            taken_at=taken_at,
            manifest=sha256(files[TAG_MANIFEST]),
            previous=None if after is None else self._reference(after),
        )
        folder = f"{SNAPSHOTS}/{commit.snapshot}"
        try:
            self._storage.write_folder(folder, files.items())
            self._storage.create(commit.path, commit.dumped())
        except Exception as error:
            if not self._is_committed(commit):
                with suppress(ArchiveError):  # without a commit it is garbage, for a later sync
                    self._storage.delete(folder)
            if isinstance(error, FileNotFoundError) and self.last() != after:
                raise FileExistsError(FOLDER) from error  # the winner has removed the folder
            raise
        return commit

    def garbage(self) -> list[str]:
        """Return the folders of snapshots that were removed, or can no longer be committed.

        A complete snapshot whose removal is not recorded stays: its commit may be lost.
        """
        committed = {commit.number: commit.snapshot for commit in self.readable()}
        numbers, found = self.numbers(), []
        for name in self._storage.names(SNAPSHOTS):
            match = _SNAPSHOT.fullmatch(name)
            if match is None or committed.get(number := int(match[1])) == name:
                continue
            is_removed = number not in numbers and self._is_removed(number, name)
            if is_removed or (number in committed and not self._may_be_complete(name)):
                found.append(f"{SNAPSHOTS}/{name}")
        return found

    def _is_removed(self, number: int, snapshot: str) -> bool:
        """Return whether `remove` has begun to remove a snapshot."""
        try:
            return self.read(number, REMOVED).snapshot == snapshot
        except DamagedArchive:
            return False

    def _may_be_complete(self, snapshot: str) -> bool:
        """Return whether no file of a snapshot is missing or changed, as far as can be read."""
        folder = f"{SNAPSHOTS}/{snapshot}"
        try:
            seal = sha256(self._storage.read(f"{folder}/{TAG_MANIFEST}"))
            Bag(self._storage, folder, seal).check()
        except (DamagedArchive, FileNotFoundError, KeyError, ValueError):
            return False
        except ArchiveError:  # such as an error of the disk, which may be temporary
            return True
        return True

    def _reference(self, commit: Commit) -> tuple[int, str]:
        return commit.number, sha256(self._storage.read(commit.path))

    def _is_committed(self, commit: Commit) -> bool:
        """Return whether a commit exists, although its creation may have failed afterwards."""
        try:
            return self._storage.read(commit.path) == commit.dumped()
        except FileNotFoundError:
            return False

    def _read(self, number: int, folder: str = FOLDER) -> Commit | None:
        """Return a commit; None if a crash has truncated it, see `Storage.create`."""
        path = _path(number, folder)
        try:
            content = self._storage.read(path)
        except FileNotFoundError:
            raise DamagedArchive(f"{self._storage.name}/{path} is missing") from None
        if not content.endswith(b"\n"):
            return None
        try:
            return _loaded(number, unseal(content))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArchive(
                f"{self._storage.name}/{path} is not as it was written: {error}"
            ) from error


def _path(number: int, folder: str = FOLDER) -> str:
    return f"{folder}/{number:06}.json"


def _loaded(number: int, values: dict[str, Any]) -> Commit:
    if values["number"] != number:
        raise ValueError(f"it is commit {values['number']}")
    previous = values["previous"]
    return Commit(
        number=number,
        snapshot=values["snapshot"],
        taken_at=datetime.fromisoformat(values["taken_at"]),
        manifest=values["manifest"],
        previous=previous and (previous["number"], previous["sha256"]),
    )
