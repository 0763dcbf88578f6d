"""Archives at addresses: in memory, and on a server that is compatible with S3.

The tests on S3 run if `moto[server]` and `s3fs` are installed, which are too large for every
developer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.archive.remote import RemoteStorage

Opener = Callable[[], Archive]


@pytest.fixture(params=["memory", "s3"])
def remote(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    network: None,
) -> Iterator[Opener]:
    """Return a function that opens an archive at an address."""
    if request.param == "memory":
        yield lambda: Archive(f"memory://{tmp_path}")
        return
    pytest.importorskip("s3fs")
    server_class = pytest.importorskip("moto.server").ThreadedMotoServer
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = server_class(port=0)
    server.start()
    options = {"endpoint_url": f"http://127.0.0.1:{server.get_host_and_port()[1]}"}
    bucket = f"backups-{secrets.token_hex(4)}"
    file_system(Archive(f"s3://{bucket}/acme", **options)).mkdir(bucket)
    yield lambda: Archive(f"s3://{bucket}/acme", **options)
    server.stop()


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
    assert remote().verify().files == len(file_system(archive).find(archive._storage._root))


@pytest.mark.long
def test_killed_after_any_write_it_has_the_old_or_the_new_state(
    remote: Opener, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = remote()
    archive.sync(connection)
    Page.create(title="New")
    write, numbers = file_system(archive).pipe_file, []
    for last in count(1):
        writes = count(1)

        def pipe_file(*args: Any, last: int = last, writes: Any = writes, **options: Any) -> Any:
            if next(writes) > last:
                raise KeyboardInterrupt  # which only ends the process
            return write(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(file_system(archive), "pipe_file", pipe_file)
            try:
                remote().sync(connection)
            except KeyboardInterrupt:
                pass
            else:
                break
            finally:
                numbers.append(remote().newest.number)
        assert remote().verify()
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2}
    assert len(numbers) > 15
    assert len(archive._storage.names("snapshots")) == 2
    assert len(archive.pages) == 14


def test_of_two_commits_at_once_one_is_refused(remote: Opener) -> None:
    storage = remote()._storage
    storage.create("commits/000001.json", b"one\n")
    with pytest.raises(FileExistsError):
        storage.create("commits/000001.json", b"two\n")
    assert storage.read("commits/000001.json") == b"one\n"
