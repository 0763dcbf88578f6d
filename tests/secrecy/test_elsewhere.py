"""Redirects to other hosts: the client does not even connect to them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backpack_orm import BackpackError, Connection, Page, Reminder, Status, using
from backpack_orm.sandbox import Sandbox
from tests.secrecy.conftest import CANARY

OTHER_ADDRESSES = [
    "http://127.0.0.1:{port}{path}",
    "https://127.0.0.1:{port}{path}",
    "HTTP://127.0.0.1:{port}{path}",
    "hTTpS://127.0.0.1:{port}{path}",
    "//127.0.0.1:{port}{path}",
    "///127.0.0.1:{port}{path}",
    "////127.0.0.1:{port}{path}",
    r"\\127.0.0.1:{port}{path}",
    r"/\127.0.0.1:{port}{path}",
    r"\/127.0.0.1:{port}{path}",
    r"https:\\127.0.0.1:{port}{path}",
    "https:127.0.0.1:{port}{path}",
    "https:/127.0.0.1:{port}{path}",
    "https://{host}@127.0.0.1:{port}{path}",
    r"https://{host}\@127.0.0.1:{port}{path}",
    "https://{host}%40127.0.0.1:{port}{path}",
    "https://{host}:pw@127.0.0.1:{port}{path}",
    "https://127.0.0.1:{port}#@{host}{path}",
    "https://127.0.0.1:{port}?@{host}{path}",
    "https://127.0.0.1:{port};{host}{path}",
    "https://127.0.0.1.:{port}{path}",
    "https://localhost:{port}{path}",
    "https://localhost.:{port}{path}",
    "https://0:{port}{path}",
    "https://2130706433:{port}{path}",
    "https://0x7f.1:{port}{path}",
    "https://[::ffff:127.0.0.1]:{port}{path}",
    " https://127.0.0.1:{port}{path}",
    "https://127.0.0.1:{port}/login",
    "ftp://127.0.0.1:{port}{path}",
    "ws://127.0.0.1:{port}{path}",
    "file:///etc/passwd",
]
CALLS: dict[str, Callable[[], object]] = {
    "in the body": lambda: Page.create(title="Porto"),
    "in the path": Reminder.all,
    "in a header": Status.all,
}


class Listener:
    """A server at another address that counts connections."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while True:
            with self._socket.accept()[0] as client:
                if client.recv(4) == b"stop":
                    return
                self.connections += 1

    def stop(self) -> None:
        """Count the connections made so far, and stop."""
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(b"stop")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def listener(network: None) -> Iterator[Listener]:
    """A server at another address; the test fails if the client connects to it."""
    listener = Listener()
    yield listener
    listener.stop()
    assert listener.connections == 0


@pytest.fixture(scope="module", params=["token", "oauth_token"])
def connected(
    request: pytest.FixtureRequest, network: None
) -> Iterator[tuple[Sandbox, Connection]]:
    """A sandbox, and a connection to it."""
    with Sandbox(seed="empty", token=CANARY) as box:
        location: dict[str, Any] = {request.param: CANARY}
        yield box, Connection(box.url, max_wait=0, limits=None, ttl=0, **location)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("to", OTHER_ADDRESSES)
def test_the_token_is_sent_to_no_other_host(
    to: str,
    call: Callable[[], object],
    connected: tuple[Sandbox, Connection],
    listener: Listener,
) -> None:
    box, connection = connected
    box.faults.clear()
    fault = box.faults.redirect(to.replace("{port}", str(listener.port)))
    before = box.requests
    with using(connection), pytest.raises(BackpackError) as caught:
        call()
    assert CANARY not in str(caught.value)
    assert (fault.fired, box.requests - before) == (1, 1)


@pytest.mark.network
def test_the_listener_counts_connections() -> None:
    listener = Listener()
    with socket.create_connection(("127.0.0.1", listener.port)) as client:
        client.sendall(b"GET ")
        assert client.recv(1) == b""
    listener.stop()
    assert listener.connections == 1
