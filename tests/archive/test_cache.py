"""The cache: it makes reading fast, and nothing depends on it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive, slices, storage
from backpack_orm.archive.cache import packed_index, unpacked_index
from backpack_orm.archive.entries import digests
from backpack_orm.archive.sealed import sha256
from tests.archive.crashes import Recorder

ENCODINGS = ["utf-8", "iso-8859-1", "utf-16"]


def cache_of(folder: Path, number: int = 2) -> Path:
    return folder / "cache" / f"{number:06}.jsonl"


@pytest.fixture
def copy(original: Path, folder: Path) -> Path:
    """A copy of an archive with two snapshots."""
    shutil.copytree(original, folder)
    return folder


def titles(folder: Path) -> list[str]:
    """Return the titles of all notes, and read all records."""
    archive = Archive(folder)
    digests(archive.connection)
    return [note.title for note in archive.notes]


def test_a_sync_writes_a_cache_that_names_its_snapshot(synced: Archive, folder: Path) -> None:
    head, *lines, _ = map(json.loads, cache_of(folder, 1).read_text("utf-8").splitlines())
    assert (head["entry"], head["sha256"]) == (1, synced.newest.entry.identity)
    assert {line["title"] for line in lines} == {page.title for page in synced.pages}


def test_with_a_cache_the_export_is_not_searched(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the export was searched")

    monkeypatch.setattr(slices, "_Finder", refuse)
    assert Archive(copy).pages["Lisbon"].notes[0].title == "Tram"
    shutil.rmtree(copy / "cache")
    with pytest.raises(AssertionError, match="the export was searched"):
        Archive(copy).pages["Lisbon"].notes[0]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_without_the_cache_the_records_are_the_same(folder: Path, encoding: str) -> None:
    archive = Archive(folder)
    text = f'<?xml version="1.0" encoding="{encoding}"?><pages>' + "".join(
        f'<page id="{id}" title="Café &amp; {id}"><description>été {id}</description>'
        f'<tags><tag id="9" name="Été"/></tags></page>'
        for id in (71, 72)
    )
    archive.add_export(f"{text}</pages>".encode(encoding), taken_at="2009-03-14")
    cached = digests(Archive(folder).connection)
    tagged = [page.title for page in Archive(folder).tags["Été"].pages]
    assert tagged == ["Café & 71", "Café & 72"]
    shutil.rmtree(folder / "cache")
    assert digests(Archive(folder).connection) == cached
    assert [page.title for page in Archive(folder).tags["Été"].pages] == tagged


def _other_snapshot(folder: Path) -> bytes:
    return cache_of(folder, 1).read_bytes()


def _newer_version(folder: Path) -> bytes:
    entry = Archive(folder).newest.entry
    head, _ = packed_index(entry, {}).replace(b'"version": 1', b'"version": 2').splitlines(True)
    return head + json.dumps({"sha256": sha256(head)}).encode() + b"\n"


DAMAGES: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda folder: b"",
    "truncated": lambda folder: cache_of(folder).read_bytes()[:-30],
    "without its last line": lambda folder: b"".join(
        cache_of(folder).read_bytes().splitlines(keepends=True)[:-1]
    ),
    "one byte": lambda folder: cache_of(folder).read_bytes().replace(b'"start": ', b'"start": 1'),
    "of another snapshot": _other_snapshot,
    "of a newer version": _newer_version,
    "no JSON": lambda folder: b"\xff\n\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cache_that_is_damaged_or_stale_is_not_used_but_named_and_written_again(
    copy: Path, damage: str
) -> None:
    path, before = cache_of(copy), cache_of(copy).read_bytes()
    path.write_bytes(DAMAGES[damage](copy))
    assert path.read_bytes() != before
    assert titles(copy) == ["Tram"]
    (problem,) = Archive(copy).verify().problems
    assert problem.path == "cache/000002.jsonl"
    assert "delete it, and the next sync writes it" in problem.reason
    archive = Archive(copy)
    archive._cache.refresh(archive._log, archive.newest.entry, archive.newest.contents)
    assert path.read_bytes() == before
    assert archive.verify()


def test_a_cache_with_wrong_places_and_a_right_hash_is_found_by_verify(copy: Path) -> None:
    entry = Archive(copy).newest.entry
    index = unpacked_index(entry, cache_of(copy).read_bytes())
    assert index is not None
    index["export"][0].start += 1
    cache_of(copy).write_bytes(packed_index(entry, index))
    (problem,) = Archive(copy).verify().problems
    assert problem.path == "cache/000002.jsonl"


def test_a_sync_without_changes_writes_a_missing_cache_and_nothing_else(
    synced: Archive, folder: Path, connection: Connection
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shutil.rmtree(folder / "cache")
    assert not synced.sync(connection).is_new
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in after if before.get(path) != after[path]} == {"last-sync.json"}
    assert before.keys() == after.keys()


def test_reading_writes_nothing(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So archives on read-only media can be read, with a cache or without."""
    recorder = Recorder()
    monkeypatch.setattr(storage, "os", recorder)
    assert titles(copy) == ["Tram"]
    shutil.rmtree(copy / "cache")
    assert titles(copy) == ["Tram"]
    assert recorder.log == []


@pytest.mark.parametrize("place", ["cache", "cache/000002.jsonl"])
def test_a_cache_that_cannot_be_read_or_written_is_named_and_does_no_harm(
    copy: Path, place: str
) -> None:
    shutil.rmtree(copy / "cache")
    if place == "cache":
        (copy / place).write_text("")
    else:
        (copy / place).mkdir(parents=True)
    assert titles(copy) == ["Tram"]
    archive = Archive(copy)
    archive._cache.refresh(archive._log, archive.newest.entry, archive.newest.contents)
    assert place in {problem.path for problem in archive.verify().problems}


def test_a_full_disk_after_the_entry_costs_only_the_cache(
    synced: Archive, folder: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    Page.create(title="New")
    replace = storage.LocalStorage.replace

    def full(self: Any, path: str, content: bytes) -> None:
        if path.startswith("cache/"):
            with self._explained("write", path):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(self, path, content)

    with monkeypatch.context() as patch:
        patch.setattr(storage.LocalStorage, "replace", full)
        assert synced.sync(connection).added == {"page": 1}
    assert not cache_of(folder).exists()
    assert len(synced.pages) == 14
    synced.sync(connection)
    assert cache_of(folder).exists()


def test_the_cache_of_a_removed_snapshot_is_removed(copy: Path) -> None:
    Archive(copy).prune(keep_last=1)
    assert [path.name for path in (copy / "cache").iterdir()] == ["000002.jsonl"]


def test_what_a_crash_has_left_in_the_cache_is_removed_by_a_sync(
    synced: Archive, folder: Path, connection: Connection
) -> None:
    cache_of(folder, 7).write_bytes(b"")
    assert synced.verify()
    synced.sync(connection)
    assert [path.name for path in (folder / "cache").iterdir()] == ["000001.jsonl"]
    (folder / "cache" / "mine.txt").write_text("")
    assert [problem.path for problem in synced.verify().problems] == ["cache/mine.txt"]
