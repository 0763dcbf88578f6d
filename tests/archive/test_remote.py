"""Archives at addresses: in memory, and on a server that is compatible with S3."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import s3fs

from backpack_orm import ArchiveError, Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.archive.remote import RemoteStorage
from backpack_orm.sandbox import Sandbox
from tests.archive.conftest import S3

Opener = Callable[[], Archive]


@pytest.fixture
def bucket(s3: S3) -> Opener:
    """Return a function that opens an archive in a bucket."""
    name = f"backups-{secrets.token_hex(4)}"
    s3fs.S3FileSystem(**s3.options).mkdir(name)
    return lambda: Archive(f"s3://{name}/acme", **s3.options)


@pytest.fixture(params=["memory", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, network: None) -> Opener:
    """Return a function that opens an archive at an address."""
    if request.param == "memory":
        return lambda: Archive(f"memory://{tmp_path}")
    found: Opener = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def small(network: None) -> Iterator[Connection]:
    """A connection to an account with one page."""
    with Sandbox(seed="empty") as box:
        connection = Connection(box.url, token=box.token)
        Page.create(title="Lisbon", using=connection)
        yield connection


def file_system(archive: Archive) -> Any:
    assert isinstance(archive._storage, RemoteStorage)
    return archive._storage._fs


def test_an_archive_at_an_address_is_as_one_in_a_folder(
    remote: Opener, connection: Connection
) -> None:
    archive = remote()
    assert archive.sync(connection).added["page"] == 13
    assert not remote().sync(connection).is_new
    note = Page.get(title="Lisbon").notes.create(title="New")
    assert remote().sync(connection).added == {"note": 1}
    assert archive.notes["New"].id == note.id
    assert remote().verify()
    assert len(remote().prune(keep_last=1).removed) == 1
    assert [each.number for each in remote().snapshots] == [2]
    assert archive.notes["New"].page.title == "Lisbon"
    archive = remote()
    root = file_system(archive)._strip_protocol(archive.name)
    assert archive.verify().files == len(file_system(archive).find(root))


class _Writes:
    """Counts the writes of a file system, and does something instead of those behind a number."""

    def __init__(self, write: Callable[..., Any], last: int, fail: Callable[[], object]) -> None:
        self.count = 0
        self._write, self._last, self._fail = write, last, fail

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.count += 1
        if self.count > self._last:
            self._fail()
        return self._write(*arguments, **options)


def _die() -> None:
    raise KeyboardInterrupt  # which only ends the process


@pytest.mark.parametrize("remote", ["memory"], indirect=True)
def test_killed_after_any_write_it_has_the_old_or_the_new_state(
    remote: Opener, small: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = remote()
    archive.sync(small)
    Page.create(title="New", using=small)
    write, numbers = file_system(archive).pipe_file, []
    for last in count(1):
        writes = _Writes(write, last, _die)
        with monkeypatch.context() as patch:
            patch.setattr(file_system(archive), "pipe_file", writes)
            try:
                remote().sync(small)
            except KeyboardInterrupt:
                pass
            else:
                break
            finally:
                numbers.append(remote().newest.number)
        assert remote().verify()
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2}
    assert len(numbers) > 2
    assert len(archive._storage.names("packs")) == 4  # what was stored before is used
    assert len(archive.pages) == 2


def test_a_server_that_is_killed_in_the_middle_of_a_sync_leaves_the_old_or_the_new_state(
    s3: S3, bucket: Opener, small: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = bucket()
    write = file_system(archive).pipe_file
    archive.sync(small)
    Page.create(title="New", using=small)
    numbers = []
    for last in (0, 1, 2):  # nothing, the pack, its index and the entry
        with monkeypatch.context() as patch:
            patch.setattr(file_system(archive), "pipe_file", _Writes(write, last, s3.kill))
            with pytest.raises(ArchiveError, match=r"cannot (read|write) s3://backups-"):
                bucket().sync(small)
        s3.restart()
        numbers.append(bucket().newest.number)
        assert bucket().verify()
    assert numbers == [1, 1, 2]
    assert not bucket().sync(small).is_new
    assert len(bucket()._storage.names("packs")) == 4  # what was stored before is used


def test_a_server_that_cannot_be_reached_is_reported(s3: S3, bucket: Opener) -> None:
    s3.kill()
    try:
        with pytest.raises(ArchiveError, match=r"cannot read s3://backups-.*Could not connect"):
            bucket()
    finally:
        s3.restart()


def test_of_two_entries_at_once_one_is_refused(remote: Opener) -> None:
    storage = remote()._storage
    storage.create("log/000001.jsonl.gz", b"one\n")
    with pytest.raises(FileExistsError):
        storage.create("log/000001.jsonl.gz", b"two\n")
    assert storage.read("log/000001.jsonl.gz") == b"one\n"
