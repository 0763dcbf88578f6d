"""Long requests, abandoned requests and locked files do not block other clients."""

from __future__ import annotations

import http.client
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backpack_orm.sandbox import Sandbox, database
from tests.sandbox.conftest import Client

pytestmark = pytest.mark.network

SERVER = """
import sys
from backpack_orm.sandbox import Sandbox
with Sandbox(seed=sys.argv[1], data=sys.argv[2]) as box:
    print(box.url, box.token, flush=True)
    sys.stdin.read()
"""
DEADLINE = 60.0


def export_with(items: int) -> str:
    """Return an export with a small page, and one with the given number of items."""
    notes = "".join(f"<note id='{50 + i}' title='Keys'>With the baker</note>" for i in range(20))
    many = "".join(f"<item id='{1000 + i}'>To do some day: {i}</item>" for i in range(items))
    return (
        f"<pages><page id='1' title='Small'><notes>{notes}</notes></page><page id='2' title='Big'>"
        f"<lists><list id='3' name='All'><items>{many}</items></list></lists></page></pages>"
    )


class Reader:
    """A client with a persistent connection."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE)
        self._token = token

    def seconds(self, path: str) -> float:
        """Return how long a call takes."""
        begin = time.perf_counter()
        self._connection.request("POST", f"/ws/{path}", headers={"X-BP-Token": self._token})
        response = self._connection.getresponse()
        response.read()
        assert response.status == 200
        return time.perf_counter() - begin

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(params=["file", "memory"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Reader]]:
    """Return a function that creates clients of a sandbox process with 40,000 items."""
    export = tmp_path / "export.xml"
    export.write_text(export_with(40_000))
    data = str(tmp_path / "data.db") if request.param == "file" else ":memory:"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(export), data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdin
        url, token = process.stdout.readline().split()
        yield lambda: Reader(url, token)
        process.stdin.close()


def test_a_page_does_not_wait_for_a_long_export(served: Callable[[], Reader]) -> None:
    reader, exporter = served(), served()
    for _ in range(20):
        reader.seconds("page/1")
    for _ in range(3):  # the machine may be busy with something else
        alone = [reader.seconds("page/1") for _ in range(50)]
        is_over = threading.Event()

        def export(is_over: threading.Event = is_over) -> None:
            exporter.seconds("account/export")
            is_over.set()

        thread = threading.Thread(target=export)
        thread.start()
        meanwhile = []
        while not is_over.wait(0.005):
            meanwhile.append(reader.seconds("page/1"))
        thread.join()
        assert len(meanwhile) >= 10
        alone += [reader.seconds("page/1") for _ in range(50)]
        ratio = statistics.median(meanwhile) / statistics.median(alone)
        if ratio <= 10:
            break
    reader.close()
    exporter.close()
    assert ratio <= 10, "the export itself takes hundreds of times as long"


def eventually(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + DEADLINE
    while not is_so():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)
    return True


def test_a_request_of_a_disconnected_client_is_aborted(tmp_path: Path) -> None:
    export = tmp_path / "export.xml"
    export.write_text(export_with(20_000))
    with Sandbox(seed=str(export), data=str(tmp_path / "data.db")) as box:
        at = urlsplit(box.url)
        with socket.create_connection((at.hostname, at.port)) as client:
            head = f"POST /ws/account/export HTTP/1.1\r\nHost: {at.netloc}\r\n"
            client.sendall(f"{head}X-BP-Token: {box.token}\r\nContent-Length: 0\r\n\r\n".encode())
        assert eventually(lambda: bool(box.log))
        assert box.log[-1].status == 499


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose file another program writes to."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
    path = tmp_path / "data.db"
    with Sandbox(seed="demo", data=str(path)) as box, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield box


@pytest.fixture
def api(locked: Sandbox) -> Iterator[Client]:
    client = Client(locked.url, locked.token)
    yield client
    client.close()


def test_a_write_to_a_locked_file_is_retryable(api: Client) -> None:
    response = api.rest("POST", "/ws/pages/new", "<page><title>Lisbon</title></page>")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert '<error code="503">' in response.text


def test_reading_goes_on_while_a_file_is_locked(api: Client) -> None:
    assert "Lisbon" in api.ws("pages/all")


@pytest.mark.parametrize("data", ["file", ":memory:"])
def test_a_write_waits_for_another_thread_until_its_timeout(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_user: Callable[..., Client]
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
    data = str(tmp_path / "data.db") if data == "file" else data
    with Sandbox(seed="empty", data=data) as box, box._database.transaction():
        response = as_user(box.token, box.url).rest("POST", "/ws/pages/new", "")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def test_readers_of_a_file_do_not_wait_for_a_writer(
    tmp_path: Path, as_user: Callable[..., Client]
) -> None:
    with (
        Sandbox(seed="demo", data=str(tmp_path / "data.db")) as box,
        box._database.transaction() as session,
    ):
        session.connection().exec_driver_sql("UPDATE pages SET title = 'Changed'")
        listed = as_user(box.token, box.url).ws("pages/all")
        assert "Lisbon" in listed
        assert "Changed" not in listed
