"""Fixtures of the archive's tests: an archive in a temporary folder, with a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.archive.packs import rows_in
from backpack_orm.sandbox import Sandbox


class Clock:
    """A clock that advances by a second each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 1, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def damage(folder: Path, response: str) -> Path:
    """Flip a bit in a response of the newest snapshot, and return the path of the pack."""
    archive = Archive(folder)
    parts = {each.name: parts for each, parts in archive.newest.entry.responses()}
    for index in (folder / "packs").glob("*.jsonl"):
        for part, offset, length, _ in rows_in(index.read_bytes()):
            if part == parts[response][-1]:
                pack = index.with_suffix(".gz")
                content = bytearray(pack.read_bytes())
                content[offset + length - 1] ^= 1
                pack.write_bytes(content)
                return pack
    raise LookupError(response)


class S3:
    """A server that can be killed, and started again with the same objects."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", port=0)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]
        self.options: dict[str, Any] = {
            "endpoint_url": f"http://127.0.0.1:{self._port}",
            "key": "test",
            "secret": "test",
            "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 5},
        }

    def kill(self) -> None:
        self._server.stop()

    def restart(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", port=self._port)
        self._server.start()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an archive, which does not exist yet."""
    return tmp_path / "backup"


@pytest.fixture
def opened(folder: Path, clock: Clock) -> Callable[[], Archive]:
    """Return a function that opens the archive, as a new process would."""
    return lambda: Archive(folder, clock=clock)


@pytest.fixture
def archive(opened: Callable[[], Archive]) -> Archive:
    """An archive without a snapshot."""
    return opened()


@pytest.fixture
def synced(archive: Archive, connection: Connection) -> Archive:
    """An archive with one snapshot of the demo account."""
    archive.sync(connection)
    return archive


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, network: None) -> Path:
    """An archive with two snapshots of a small account."""
    folder = tmp_path_factory.mktemp("original") / "backup"
    archive = Archive(folder, clock=Clock())
    with Sandbox(seed="empty") as box:
        connection = Connection(box.url, token=box.token)
        page = Page.create(title="Lisbon", using=connection)
        page.lists.create(name="Packing").items.create(content="Socks")
        archive.sync(connection)
        page.notes.create(title="Tram", body="28 & 12")
        archive.sync(connection)
    return folder


@pytest.fixture(scope="module")
def s3(network: None) -> Iterator[S3]:
    """A server that is compatible with S3."""
    s3 = S3()
    yield s3
    s3.kill()
