"""The log: numbered entries, each a snapshot or the record of a removal, chained by hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, TypeAlias

from attrs import asdict, field, frozen

from backpack_orm.archive.contents import Contents, Gap, StoredResponse
from backpack_orm.archive.packs import Packs, packed, unpacked
from backpack_orm.archive.parts import cut
from backpack_orm.archive.sealed import sha256
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import DamagedArchive

FOLDER = "log"
_NAME = re.compile(r"(\d{6,})\.jsonl\.gz")
Kind: TypeAlias = Literal["snapshot", "removal"]
Line: TypeAlias = "Mapping[str, Any]"


@frozen
class LogEntry:
    """An entry of the log.

    Attributes:
        number: Its position: snapshots are ordered by it, whatever their times are.
        kind: `snapshot` or `removal`.
        taken_at: When the sync or the removal began, an aware datetime.
        previous: Number and identity of the newest readable entry before; None for the first.
        archive: Description of the archive, as in `archive.json`.
        identity: SHA-256 of its content.
    """

    number: int
    kind: Kind
    taken_at: datetime
    previous: tuple[int, str] | None
    archive: Mapping[str, Any] = field(repr=False)
    identity: str
    _content: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path of its file below the archive's root."""
        return path_of(self.number)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines between the head and the hash."""
        yield from map(json.loads, self._content.splitlines()[1:-1])

    def responses(self) -> list[tuple[StoredResponse, list[str]]]:
        """Return the responses of a snapshot, each with the SHA-256 of its parts."""
        found = [line for line in self.lines() if "parts" in line]
        parts = [line.pop("parts") for line in found]
        return [(StoredResponse(**line), each) for line, each in zip(found, parts, strict=True)]

    def gaps(self) -> list[Gap]:
        """Return the gaps of a snapshot."""
        return [Gap(**line) for line in self.lines() if "reason" in line]

    def parts(self) -> set[str]:
        """Return the SHA-256 of all parts of a snapshot."""
        return {part for _, parts in self.responses() for part in parts}

    def removed(self) -> dict[int, str]:
        """Return the identities of the entries that a removal has removed, by number."""
        lines = self.lines() if self.kind == "removal" else ()
        return {line["removed"]: line["sha256"] for line in lines if "removed" in line}

    def condemned(self) -> list[str]:
        """Return the names of the packs that a removal deletes."""
        lines = self.lines() if self.kind == "removal" else ()
        return [line["condemned"] for line in lines if "condemned" in line]


class Log:
    """The log of an archive.

    Args:
        storage: The archive's files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def numbers(self) -> list[int]:
        """Return the numbers of all files of entries, in order."""
        found = map(_NAME.fullmatch, self._storage.names(FOLDER))
        return sorted(int(match[1]) for match in found if match)

    def unknown(self) -> list[str]:
        """Return the names in the folder that are not those of entries."""
        return [name for name in self._storage.names(FOLDER) if not _NAME.fullmatch(name)]

    def read(self, number: int) -> LogEntry:
        """Return an entry.

        Raises:
            DamagedArchive: Its file is missing, incomplete or changed.
        """
        path = f"{self._storage.name}/{path_of(number)}"
        try:
            return _loaded(number, unpacked(self._storage.read(path_of(number))))
        except FileNotFoundError:
            raise DamagedArchive(f"{path} is missing") from None
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArchive(f"{path} is not as it was written: {error}") from error

    def readable(self) -> list[LogEntry]:
        """Return the entries whose files are as they were written, in order."""
        found = []
        for number in self.numbers():
            with suppress(DamagedArchive):
                found.append(self.read(number))
        return found

    def snapshots(self) -> list[LogEntry]:
        """Return the readable snapshots that were not removed, in order."""
        return snapshots_in(self.readable())

    def last(self) -> LogEntry | None:
        """Return the newest snapshot, or None if there is none.

        Raises:
            DamagedArchive: A file behind it is changed. One that a crash has truncated is skipped.
        """
        for number in reversed(self.numbers()):
            try:
                entry = self.read(number)
            except DamagedArchive as error:
                if "truncated" not in str(error):
                    raise
                continue
            if entry.kind == "snapshot":
                return entry
        return None

    def lost(self, readable: Sequence[LogEntry], newest: int = 0) -> list[int]:
        """Return the numbers without a file that no removal lists.

        Args:
            readable: The entries that can be read.
            newest: The highest number that is known to have been used.
        """
        numbers = self.numbers()
        known = {*numbers, *removed_in(readable)}
        return [n for n in range(1, max([newest, *numbers]) + 1) if n not in known]

    def check(self, newest: int) -> list[LogEntry]:
        """Return all entries, and make sure that none is damaged, lost or unknown.

        Raises:
            DamagedArchive: One is.
        """
        found = [self.read(number) for number in self.numbers()]
        for number in self.lost(found, newest):
            raise DamagedArchive(f"{self._storage.name}/{path_of(number)} is missing")
        for name in self.unknown():
            raise DamagedArchive(f"{self._storage.name}/{FOLDER}/{name} is no entry of the log")
        return found

    def append(
        self,
        number: int,
        kind: Kind,
        taken_at: datetime,
        archive: Mapping[str, Any],
        previous: LogEntry | None,
        lines: Iterable[Line],
    ) -> LogEntry:
        """Create an entry.

        Raises:
            FileExistsError: Another process has used the number. Nothing is changed.
            ArchiveError: It cannot be written.
        """
        head = {
            "kind": kind,
            "number": number,
            "taken_at": taken_at.isoformat(),
            "previous": previous and {"number": previous.number, "sha256": previous.identity},
            "archive": archive,
        }
        content = b"".join(map(_dumped, (head, *lines)))
        content += _dumped({"sha256": sha256(content)})
        self._storage.create(path_of(number), packed(content))
        return _loaded(number, content)

    def delete(self, number: int) -> None:
        """Delete the file of an entry."""
        self._storage.delete(path_of(number))


def stored_parts(contents: Contents, packs: Packs, before: LogEntry | None) -> dict[str, list[str]]:
    """Store the parts that are not there, or damaged; return those of each response, by its name.

    Args:
        contents: What to store.
        packs: The packs, as listed after the newest entry was read.
        before: A snapshot whose responses need not be cut again.
    """
    known = {each.sha256: parts for each, parts in before.responses()} if before else {}
    found, new = dict[str, list[str]](), dict[str, bytes]()
    for name, stored in contents.responses.items():
        parts = known.get(stored.sha256)
        if parts is None or not packs.present.issuperset(parts):
            pieces = cut(contents.read(name))
            parts = [sha256(piece) for piece in pieces]
            pairs = zip(parts, pieces, strict=True)
            new |= {part: piece for part, piece in pairs if part not in packs.present}
        found[name] = parts
    if new:
        packs.add(new)
    return found


def lines_of(contents: Contents, parts: Mapping[str, Sequence[str]]) -> Iterator[Line]:
    """Yield the lines of a snapshot.

    Args:
        contents: What it contains.
        parts: SHA-256 of the parts of each response, by its name.
    """
    for name in sorted(contents.responses):
        yield {**asdict(contents.responses[name]), "parts": parts[name]}
    yield from (asdict(gap) for gap in contents.gaps)


def snapshots_in(readable: Sequence[LogEntry]) -> list[LogEntry]:
    """Return the snapshots among entries that none of them removes."""
    removed = removed_in(readable)
    return [
        each
        for each in readable
        if each.kind == "snapshot" and removed.get(each.number) != each.identity
    ]


def removed_in(readable: Iterable[LogEntry]) -> dict[int, str]:
    """Return the identities of the entries that were removed, by number."""
    return {n: identity for each in readable for n, identity in each.removed().items()}


def condemned_in(readable: Iterable[LogEntry]) -> set[str]:
    """Return the names of the packs that were deleted, or will be."""
    return {name for each in readable for name in each.condemned()}


def path_of(number: int) -> str:
    """Return the path of an entry below the archive's root."""
    return f"{FOLDER}/{number:06}.jsonl.gz"


def _loaded(number: int, content: bytes) -> LogEntry:
    head, *_, last = content.splitlines(keepends=True)
    identity = sha256(content[: len(content) - len(last)])
    if last != _dumped({"sha256": identity}):
        raise ValueError("its hash does not match")
    values = json.loads(head)
    if values["number"] != number:
        raise ValueError(f"it is entry {values['number']}")
    if values["kind"] not in ("snapshot", "removal"):
        raise ValueError(f"its kind is unknown: {values['kind']}")
    previous = values["previous"]
    return LogEntry(
        number=number,
        kind=values["kind"],
        taken_at=datetime.fromisoformat(values["taken_at"]),
        previous=previous and (previous["number"], previous["sha256"]),
        archive=values["archive"],
        identity=identity,
        content=content,
    )


def _dumped(values: Line) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
