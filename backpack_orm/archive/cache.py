"""The cache: where the pages of a snapshot are in its responses, so that one is found quickly."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from backpack_orm.archive.contents import Contents, Index
from backpack_orm.archive.log import Log, LogEntry
from backpack_orm.archive.slices import Slice
from backpack_orm.archive.storage import Storage
from backpack_orm.archive.stored_pages import sliced_responses
from backpack_orm.errors import ArchiveError

FOLDER = "cache"
_VERSION = 1
NAME = re.compile(r"\d{6,}\.jsonl")


def cache_path(entry: LogEntry) -> str:
    """Return the path of the cache of a snapshot."""
    return f"{FOLDER}/{entry.number:06}.jsonl"


def packed_index(entry: LogEntry, index: Index) -> bytes:
    """Return the content of a cache: its entry, a line for each page, and a hash of them."""
    lines = [_dumped(_head(entry)), *chain.from_iterable(map(_lines, index, index.values()))]
    content = b"".join(lines)
    return content + _dumped({"sha256": hashlib.sha256(content).hexdigest()})


def unpacked_index(entry: LogEntry, content: bytes) -> Index | None:
    """Return the slices in a cache by response; None if it is damaged or of something else."""
    *lines, last = content.splitlines(keepends=True) or [b""]
    checked = content[: len(content) - len(last)]
    if last != _dumped({"sha256": hashlib.sha256(checked).hexdigest()}):
        return None
    if lines[:1] != [_dumped(_head(entry))]:
        return None
    found: dict[str, list[Slice]] = {}
    for line in map(json.loads, lines[1:]):
        values = {name: line[name] for name in ("id", "title") if name in line}
        slice = Slice(line["start"], line["end"], values, tuple(line["tags"]))
        found.setdefault(line["response"], []).append(slice)
    return found


class Cache:
    """The files in `cache/`. They are disposable: a missing or damaged one is written by a sync.

    Args:
        storage: The archive's files.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def index(self, entry: LogEntry) -> Index | None:
        """Return the slices of a snapshot by response; None without a cache that can be used."""
        try:
            content = self._storage.read(cache_path(entry))
        except (ArchiveError, FileNotFoundError):  # it is only a cache
            return None
        return unpacked_index(entry, content)

    def refresh(self, log: Log, entry: LogEntry, contents: Contents) -> None:
        """Write the cache of a snapshot unless it exists, and delete those of no entry.

        Does nothing if they cannot be written: the snapshot is complete without.
        """
        with suppress(ArchiveError):
            self._clean(log)
            if self.index(entry) is None:
                self._storage.replace(cache_path(entry), built(entry, contents))

    def delete(self, number: int) -> None:
        """Delete the cache of a snapshot."""
        self._storage.delete(f"{FOLDER}/{number:06}.jsonl")

    def _clean(self, log: Log) -> None:
        names = [name for name in self._storage.names(FOLDER) if NAME.fullmatch(name)]
        known = {f"{number:06}.jsonl" for number in log.numbers()} if names else set()
        for name in names:
            if name not in known:
                self._storage.delete(f"{FOLDER}/{name}")


def built(entry: LogEntry, contents: Contents) -> bytes:
    """Return what the cache of a snapshot must contain.

    Raises:
        DamagedArchive: A file of the snapshot is missing or changed.
    """
    found = sliced_responses(contents, {})
    return packed_index(entry, {name: sliced.slices for name, sliced in found})


def _head(entry: LogEntry) -> Mapping[str, Any]:
    return {"entry": entry.number, "sha256": entry.identity, "version": _VERSION}


def _lines(response: str, slices: Sequence[Slice]) -> list[bytes]:
    return [
        _dumped(
            {
                "response": response,
                **{name: slice.values[name] for name in ("id", "title") if name in slice.values},
                "start": slice.start,
                "end": slice.end,
                "tags": slice.tags,
            }
        )
        for slice in slices
    ]


def _dumped(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
