"""Shutdown while clients send requests."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.http_server import Server, listen
from backpack_orm.sandbox.scheduling import Scheduler

pytestmark = pytest.mark.network

TOKEN = "t0ken-0123456789"


def connected(box: Sandbox) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(box.url.rpartition(":")[2])))


def all_from(client: socket.socket) -> bytes:
    """Return what is received until the connection is closed."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_it_stops_under_load_within_two_seconds_and_preserves_acknowledged_writes(
    tmp_path: Path,
) -> None:
    data = str(tmp_path / "data.db")
    box = Sandbox(seed="empty", data=data, token=TOKEN)
    box.start()
    acknowledged: list[str] = []
    cut: list[requests.ConnectionError] = []

    def write(number: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for count in range(100_000):
                title = f"{number}.{count}"
                body = f"<request><page><title>{title}</title></page></request>"
                try:
                    response = session.post(
                        f"{box_url}/ws/pages/new", body, headers={"X-BP-Token": TOKEN}
                    )
                except requests.ConnectionError as error:
                    cut.append(error)
                    return
                if response.status_code == 200:
                    acknowledged.append(title)

    box_url = box.url
    clients = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    idle = [connected(box) for _ in "abc"]
    for client in clients:
        client.start()
    time.sleep(1)
    began = time.monotonic()
    box.close()
    took = time.monotonic() - began
    for client in clients:
        client.join()
    for connection in idle:
        connection.close()
    assert took < 2
    assert acknowledged
    with Sandbox(data=data, token=TOKEN) as again:
        response = requests.post(f"{again.url}/ws/pages/all", headers={"X-BP-Token": TOKEN})
        stored = set(re.findall(r'title="(\d+\.\d+)"', response.text))
    assert stored >= set(acknowledged)


def test_a_request_that_has_started_gets_a_response_and_the_connection_is_closed(
    box: Sandbox,
) -> None:
    fault = box.faults.latency(3600)
    with closing(connected(box)) as client:
        client.settimeout(10)
        client.sendall(
            b"GET /me.xml HTTP/1.1\r\nHost: localhost\r\nX-BP-Token: t0ken-0123456789\r\n\r\n"
        )
        while not fault.fired:
            pass
        closer = threading.Thread(target=box.close)
        closer.start()
        received = all_from(client)
        closer.join()
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"</user>")


def test_a_response_during_the_shutdown_says_that_the_connection_is_closed() -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        has_begun.set()
        assert may_end.wait(10)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    gate: Any = respond
    server = Server(gate, listen("127.0.0.1", 0), None, Scheduler(one_at_a_time=True))
    with closing(socket.create_connection(("127.0.0.1", server.port))) as client:
        client.settimeout(10)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert has_begun.wait(10)
        closer = threading.Thread(target=server.close)
        closer.start()
        while not server._load.is_closing:
            assert closer.is_alive()
        may_end.set()
        received = all_from(client)
        closer.join()
    assert received.startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")


def test_an_unfinished_request_does_not_delay_it(box: Sandbox) -> None:
    with closing(
        socket.create_connection(("127.0.0.1", int(box.url.rpartition(":")[2])))
    ) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nx")
        time.sleep(0.2)
        began = time.monotonic()
        box.close()
        assert time.monotonic() - began < 2
