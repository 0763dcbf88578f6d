"""Packs: the parts of responses, each a gzip member, and an index beside each pack."""

from __future__ import annotations

import json
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TypeAlias

from attrs import frozen

from backpack_orm.archive.sealed import sha256
from backpack_orm.archive.storage import Storage
from backpack_orm.errors import ArchiveError, DamagedArchive
from backpack_orm.orm.operations.progress import Progress

FOLDER = "packs"
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""The header of every gzip member: no name, and time 0."""
MISSING = "is missing"
_STEP = 65_536
Row: TypeAlias = "tuple[str, int, int, int]"
"""SHA-256 of a part; offset and length of its member; size of the part."""


@frozen
class Place:
    """Where a part is stored."""

    pack: str
    offset: int
    length: int
    size: int


def packed(content: bytes) -> bytes:
    """Return a content as a gzip member with a fixed header."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    return _HEADER + body + struct.pack("<LL", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def unpacked(member: bytes) -> bytes:
    """Return the content of a gzip member.

    Raises:
        ValueError: It is not one member as `packed` writes it.
    """
    if not member.startswith(_HEADER):
        raise ValueError("its header is not that of a part")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = inflate.decompress(member)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not inflate.eof or inflate.unused_data:
        raise ValueError("it is truncated" if not inflate.eof else "something is behind it")
    return content


def index_of(rows: Iterable[Row]) -> bytes:
    """Return the content of an index."""
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return content + json.dumps({"sha256": sha256(content)}).encode() + b"\n"


def rows_in(index: bytes) -> list[Row]:
    """Return the rows of an index.

    Raises:
        ValueError: It is not as it was written.
    """
    *lines, _ = index.splitlines() or [b""]
    rows: list[Row] = [(row[0], row[1], row[2], row[3]) for row in map(json.loads, lines)]
    if index_of(rows) != index:
        raise ValueError("its hash does not match")
    return rows


def rows_of(pack: bytes) -> Iterator[Row]:
    """Yield the rows of the index of a pack, as far as its members can be read."""
    offset = 0
    while pack.startswith(_HEADER, offset):
        inflate, end, content = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), offset, []
        try:
            while not inflate.eof and end < len(pack):
                content.append(inflate.decompress(pack[end : end + _STEP]))
                end += _STEP
        except zlib.error:
            return
        if not inflate.eof:
            return
        end = min(end, len(pack)) - len(inflate.unused_data)
        part = b"".join(content)
        yield sha256(part), offset, end - offset, len(part)
        offset = end


class Packs:
    """The packs of an archive. An index that is missing or damaged is rebuilt in memory.

    Args:
        storage: The archive's files.

    Attributes:
        names: Names of the packs in the latest listing.
        present: Parts whose packs have the size that their indexes state.
        rebuilt: Rows of the packs without a usable index.
        problems: What is wrong with packs and indexes, by path, as far as a listing shows it.
    """

    def __init__(self, storage: Storage) -> None:
        self.names: set[str] = set()
        self.present: set[str] = set()
        self.rebuilt: dict[str, list[Row]] = {}
        self.problems: dict[str, str] = {}
        self._storage = storage
        self._rows: dict[str, list[Row]] = {}
        self._places: dict[str, list[Place]] | None = None
        self._without: Set[str] = frozenset()

    def refresh(
        self, without: Set[str] = frozenset(), damaged: Set[tuple[str, str]] = frozenset()
    ) -> None:
        """List all packs, and read the indexes that are new.

        Args:
            without: Names of packs to ignore, since they are about to be deleted.
            damaged: Packs and parts that are known to be damaged.
        """
        self._without, sizes = without, self._storage.sizes(FOLDER)
        self.names = {name.removesuffix(".gz") for name in sizes if name.endswith(".gz")}
        indexed = {name.removesuffix(".jsonl") for name in sizes if name.endswith(".jsonl")}
        self.present, self.rebuilt, self.problems = set(), {}, {}
        places: dict[str, list[Place]] = {}
        for name in sorted((self.names | indexed) - without):
            rows = self._rows_of(name)
            if rows is None:
                continue
            for row in rows:
                places.setdefault(row[0], []).append(Place(name, *row[1:]))
            expected = rows[-1][1] + rows[-1][2] if rows else 0
            size = sizes.get(f"{name}.gz")
            if size is None:
                self.problems[pack_path(name)] = MISSING
            elif size != expected:
                self.problems[pack_path(name)] = f"has {size} bytes instead of {expected}"
            else:
                self.present.update(row[0] for row in rows if (name, row[0]) not in damaged)
        self._places = places

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a pack of the latest listing."""
        return self.rebuilt.get(name) or self._rows.get(name, [])

    def read(self, parts: Sequence[str]) -> list[bytes]:
        """Return the contents of parts, with one access to each pack.

        Raises:
            DamagedArchive: One is missing or changed.
        """
        found, reasons = dict[str, bytes](), dict[str, list[str]]()
        if self._places is not None:
            self._read(parts, found, reasons)
        if len(found) < len(set(parts)):  # perhaps a removal has moved them since the listing
            self.refresh()
            reasons.clear()
            self._read(parts, found, reasons)
        for part in parts:
            if part not in found:
                reason = "; ".join(reasons.get(part, [f"{FOLDER} contains no part {part}"]))
                raise DamagedArchive(f"{self._storage.name}/{reason}")
        return [found[part] for part in parts]

    def _read(
        self, parts: Iterable[str], found: dict[str, bytes], reasons: dict[str, list[str]]
    ) -> None:
        """Read the parts that are not found yet, from another copy where one is damaged."""
        assert self._places is not None
        left = {part: list(self._places.get(part, ())) for part in parts if part not in found}
        while True:
            wanted: dict[str, list[tuple[str, Place]]] = {}
            for part, places in left.items():
                if places and part not in found:
                    place = places.pop(0)
                    wanted.setdefault(place.pack, []).append((part, place))
            if not wanted:
                return
            for name, members in wanted.items():
                for part, content in self._members(name, members):
                    if isinstance(content, bytes):
                        found[part] = content
                    else:
                        reasons.setdefault(part, []).append(f"{pack_path(name)} {content}")

    def add(self, parts: Mapping[str, bytes]) -> str:
        """Store parts by their SHA-256 in a new pack, and return its name."""
        name, members, rows, offset = secrets.token_hex(8), [], [], 0
        for part, content in parts.items():
            members.append(packed(content))
            rows.append((part, offset, len(members[-1]), len(content)))
            offset += len(members[-1])
        self._storage.replace(pack_path(name), b"".join(members))
        self._storage.replace(index_path(name), index_of(rows))
        return name

    def delete(self, name: str) -> None:
        """Delete a pack."""
        self._storage.delete(index_path(name))
        self._storage.delete(pack_path(name))

    def write_indexes(self) -> None:
        """Write the indexes that the latest listing had to rebuild."""
        for name, rows in self.rebuilt.items():
            self._storage.replace(index_path(name), index_of(rows))

    def copies(self, report: Progress) -> tuple[dict[str, set[str]], dict[tuple[str, str], str]]:
        """Read all packs of the latest listing but those to ignore.

        Returns:
            The packs that contain each part as it was written; and what is wrong with other copies,
            by pack and part.
        """
        copies, damaged = dict[str, set[str]](), dict[tuple[str, str], str]()
        for done, name in enumerate(names := sorted(self.names - self._without), 1):
            found = dict(self.damaged(name))
            damaged |= {(name, part): reason for part, reason in found.items()}
            for part, *_ in self.rows(name):
                if part not in found:
                    copies.setdefault(part, set()).add(name)
            report("verifying packs", done, len(names))
        return copies, damaged

    def damaged(self, name: str) -> Iterator[tuple[str, str]]:
        """Read a whole pack, and yield each part that is not as it was written, and why."""
        members = [(row[0], Place(name, *row[1:])) for row in self.rows(name)]
        for part, content in self._members(name, members):
            if not isinstance(content, bytes):
                yield part, content

    def _members(
        self, name: str, members: Sequence[tuple[str, Place]]
    ) -> Iterator[tuple[str, bytes | str]]:
        """Yield the content of members of one pack, or what is wrong with each."""
        start = min((place.offset for _, place in members), default=0)
        end = max((place.offset + place.length for _, place in members), default=0)
        content, reason = None, MISSING
        try:
            content = self._storage.read(pack_path(name), start, end - start)
        except FileNotFoundError:
            pass
        except ArchiveError as error:
            reason = f"cannot be read: {error}"
        for part, place in members:
            if content is None:
                yield part, reason
                continue
            begin = place.offset - start
            try:
                found = unpacked(content[begin : begin + place.length])
            except ValueError as error:
                yield part, f"is not as it was written: {error}"
                continue
            is_right = sha256(found) == part
            yield part, found if is_right else "is not as it was written: a hash does not match"

    def _rows_of(self, name: str) -> list[Row] | None:
        """Return the rows of a pack; None if it was deleted, or can neither be read nor rebuilt."""
        if name in self._rows:
            return self._rows[name]
        try:
            self._rows[name] = rows_in(self._storage.read(index_path(name)))
            return self._rows[name]
        except FileNotFoundError:
            reason = MISSING
        except (ArchiveError, ValueError, LookupError, TypeError) as error:
            reason = f"is not as it was written: {error}"
        self.problems[index_path(name)] = reason
        try:
            self.rebuilt[name] = list(rows_of(self._storage.read(pack_path(name))))
        except FileNotFoundError:
            return None
        except ArchiveError as error:
            self.problems[pack_path(name)] = f"cannot be read: {error}"
            return None
        return self.rebuilt[name]


def pack_path(name: str) -> str:
    """Return the path of a pack below the archive's root."""
    return f"{FOLDER}/{name}.gz"


def index_path(name: str) -> str:
    """Return the path of the index of a pack."""
    return f"{FOLDER}/{name}.jsonl"
