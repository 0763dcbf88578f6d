"""Clients that send little, send slowly, or do not read their response."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from backpack_orm.sandbox import Sandbox, http_server
from tests.sandbox.conftest import Client

pytestmark = pytest.mark.network

TOKEN = "t0ken-0123456789"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short deadlines for tests."""
    monkeypatch.setattr(http_server, "IDLE_TIMEOUT", 1.0)
    monkeypatch.setattr(http_server, "HEADER_DEADLINE", 1.0)
    monkeypatch.setattr(http_server, "REQUEST_DEADLINE", 2.0)
    monkeypatch.setattr(http_server, "RESPONSE_DEADLINE", 2.0)
    monkeypatch.setattr(http_server, "_TIDY_INTERVAL", 0.2)


@pytest.fixture
def connected(box: Sandbox) -> Iterator[Callable[..., socket.socket]]:
    """Return a function that connects to the sandbox."""
    with contextlib.ExitStack() as stack:
        port = int(box.url.rpartition(":")[2])

        def connect(receive_buffer: int | None = None) -> socket.socket:
            client = stack.enter_context(socket.socket())
            if receive_buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.connect(("127.0.0.1", port))
            client.settimeout(20)
            return client

        yield connect


def seconds_until_closed(client: socket.socket, *, trickle: bytes = b"") -> float:
    began = time.monotonic()
    client.settimeout(0.1)
    while time.monotonic() - began < 20:
        try:
            if trickle:
                client.send(trickle)
            if client.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


def server_of(box: Sandbox) -> http_server.Server:
    assert box._server is not None
    return box._server


def is_served(url: str) -> bool:
    """Return whether another client gets a response soon."""
    response = requests.get(f"{url}/me.xml", headers={"X-BP-Token": TOKEN}, timeout=5)
    return response.status_code == 200


@pytest.mark.parametrize(
    ("sent", "trickle"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: lo", b""),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ", b"a"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n", b"a"),
    ],
    ids=["nothing", "half a header", "a header in drops", "a body in drops"],
)
def test_a_client_that_does_not_finish_its_request_is_disconnected(
    hasty: None, connected: Callable[..., socket.socket], sent: bytes, trickle: bytes
) -> None:
    client = connected()
    client.sendall(sent)
    assert seconds_until_closed(client, trickle=trickle) < 6


@pytest.fixture
def large(api: Client) -> bytes:
    """A page with 8 MB of notes."""
    page = api.ws("pages/new", "<page><title>Large</title></page>").split('id="')[1].split('"')[0]
    for _ in range(3):
        api.ws(f"page/{page}/notes/create", f"<note><body>{'x' * 2_700_000}</body></note>")
    return (
        f"POST /ws/page/{page}/notes/list HTTP/1.1\r\nHost: localhost\r\n"
        f"X-BP-Token: {TOKEN}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def test_clients_that_do_not_read_do_not_block_others(
    hasty: None, box: Sandbox, connected: Callable[..., socket.socket], large: bytes
) -> None:
    clients = [connected(4096) for _ in range(2 * http_server.THREADS)]
    for client in clients:
        client.sendall(large)
    assert is_served(box.url)
    time.sleep(3)
    for client in clients:  # disconnected, so that the rest of the response does not come
        received = 0
        with contextlib.suppress(OSError):
            while part := client.recv(1 << 20):
                received += len(part)
        assert received < 8_000_000


def test_a_client_that_reads_slowly_does_not_outlast_the_deadline(
    hasty: None, box: Sandbox, api: Client, connected: Callable[..., socket.socket], large: bytes
) -> None:
    api.close()
    client = connected(4096)
    client.sendall(large)
    began = time.monotonic()
    with contextlib.suppress(OSError):  # what the system has buffered can still be read
        while client.recv(1024) and server_of(box)._channels() and time.monotonic() - began < 15:
            time.sleep(0.05)
    assert time.monotonic() - began < 10


def test_the_memory_of_unread_responses_is_bounded(
    box: Sandbox,
    connected: Callable[..., socket.socket],
    large: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "BUFFER_LIMIT", 20_000_000)
    clients = [connected(4096) for _ in range(6)]
    highest = 0
    for client in clients:
        client.sendall(large)
        time.sleep(0.3)
        highest = max(highest, server_of(box)._load.buffered)
    assert 8_000_000 < highest < 30_000_000
    assert is_served(box.url)
    monkeypatch.setattr(http_server, "BUFFER_LIMIT", 0)
    server_of(box)._waitress.pull_trigger()
    deadline = time.monotonic() + 10
    while server_of(box)._load.buffered > 9_000_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server_of(box)._load.buffered < 9_000_000


def test_a_response_larger_than_the_bound_is_delivered(
    box: Sandbox, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "BUFFER_LIMIT", 1_000_000)
    page = large.split()[1].decode()
    for _ in range(3):
        response = requests.post(f"{box.url}{page}", headers={"X-BP-Token": TOKEN}, timeout=20)
        assert len(response.content) > 8_000_000


def test_pipelined_requests_do_not_evade_the_bound(
    box: Sandbox,
    connected: Callable[..., socket.socket],
    large: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "BUFFER_LIMIT", 20_000_000)
    client = connected(4096)
    client.sendall(20 * large)
    highest = 0
    deadline = time.monotonic() + 20
    while server_of(box)._channels() and time.monotonic() < deadline:
        highest = max(highest, server_of(box)._load.buffered)
        time.sleep(0.02)
    assert 8_000_000 < highest < 40_000_000
    assert is_served(box.url)


def test_unread_responses_are_in_files_except_for_their_beginning(
    box: Sandbox, connected: Callable[..., socket.socket], large: bytes
) -> None:
    connected(4096).sendall(large)
    deadline = time.monotonic() + 10
    while server_of(box)._load.buffered < 2_000_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    channel = max(server_of(box)._channels(), key=lambda one: one.buffered)
    in_memory = [buffer for buffer in channel.outbufs if not buffer.overflowed]
    assert sum(map(len, in_memory)) <= http_server.MEMORY_PER_CONNECTION
    assert channel.total_outbufs_len > 2_000_000


@pytest.mark.parametrize("opening", [b"", b"GET / HTTP/1.1\r\nA: "], ids=["idle", "half a header"])
def test_more_connections_than_the_limit_do_not_block_others(
    monkeypatch: pytest.MonkeyPatch, opening: bytes
) -> None:
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 60)
    with Sandbox(seed="empty", token=TOKEN) as box, contextlib.ExitStack() as stack:
        port = int(box.url.rpartition(":")[2])
        for _ in range(120):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(opening)
        began = time.monotonic()
        assert is_served(box.url)
        assert time.monotonic() - began < 4


def test_a_client_that_pauses_less_than_the_timeout_stays_connected(
    box: Sandbox, connected: Callable[..., socket.socket]
) -> None:
    client = connected()
    for _ in range(2):
        client.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while not received.endswith(b"Sign in to Backpack"):
            received += client.recv(65536)
        assert received.startswith(b"HTTP/1.1 200")
        time.sleep(2)
