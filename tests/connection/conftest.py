"""A stub of the service: it responds with literal bytes from a script, and records requests."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import pytest
import trustme

from backpack_orm.connection import (
    Connection,
    context,
    deadline,
    moving_windows,
    rate_limits,
    redis_server,
    retries,
    transport,
)
from backpack_orm.wire.endpoint import TokenLocation, rest, ws
from tests.redis_process import RedisProcess, SilentServer

TOKEN = "c4na7y0123456789abcdefc4na7y0123456789ab"

OK = b'<?xml version="1.0" encoding="UTF-8"?><response success="true"></response>'
PAGES = b"<response success='true'><pages><page title='Lisbon' id='71'/></pages></response>"
DROP = "the stub closes the socket"

# What the tests call: one row for each way in which calls differ.
READ = ws("pages/all", reads="pages")
SHOW = ws("page/{id}", reads="page:{id}")
CREATE = ws("pages/new", sends="page/title", writes="pages")
DESTROY = ws("page/{id}/destroy", writes="pages page:{id}", idempotent=True)
RENAME = ws("page/{id}/update_title", sends="page/title", writes="pages page:{id}", idempotent=True)
PATH_READ = rest("GET", "reminders.xml", token_in=TokenLocation.PATH, reads="reminders")
PATH_CREATE = rest(
    "POST",
    "reminders.xml",
    token_in=TokenLocation.PATH,
    sends="reminder/content",
    bare=True,
    writes="reminders",
)
PATH_DESTROY = rest("DELETE", "reminders/{id}.xml", token_in=TokenLocation.PATH, writes="reminders")
HEADER_READ = rest("GET", "statuses.xml", reads="statuses")
CALENDAR_READ = rest("GET", "calendars.xml", reads="calendars")


def http(status: int = 200, body: bytes = OK, *headers: str) -> bytes:
    """A response as it goes over the wire, with its length."""
    lines = [f"HTTP/1.1 {status} Stub", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Withheld:
    """A response that comes only when it is released."""

    def __init__(self, response: bytes) -> None:
        self.response = response
        self.asked = threading.Event()
        self.released = threading.Event()


class Seen:
    """A request that the stub got."""

    def __init__(self, raw: bytes, is_secure: bool, socket_number: int) -> None:
        self.raw = raw
        self.is_secure = is_secure
        self.socket_number = socket_number
        head, _, self.body = raw.partition(b"\r\n\r\n")
        line, *self.lines = head.decode("latin-1").split("\r\n")
        self.verb, self.target, _ = line.split(" ")

    @cached_property
    def headers(self) -> dict[str, str]:
        pairs = (line.split(": ", 1) for line in self.lines)
        return {name.lower(): value for name, value in pairs}


class _Handler(socketserver.StreamRequestHandler):
    server: Stub

    def setup(self) -> None:
        self.number = self.server.greet(self.request)
        self.is_secure = self.request.recv(1, socket.MSG_PEEK) == b"\x16"
        if self.is_secure:
            self.request = self.server.secure.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        while request := self._request():
            self.server.requests.append(Seen(request, self.is_secure, self.number))
            response = self.server.next_answer()
            if response is DROP:
                return
            if isinstance(response, Withheld):
                response.asked.set()
                response.released.wait(30)
                response = response.response
            assert isinstance(response, bytes)
            self.wfile.write(response)
            if b"Connection: close" in response:
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _request(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return b""
            head += line
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return head + self.rfile.read(length)


class Stub(socketserver.ThreadingTCPServer):
    """Answers what `script` says, one after the other; when that is used up, `default`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, secure: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secure = secure
        self.requests: list[Seen] = []
        self.script: deque[bytes | str | Withheld] = deque()
        self.default: bytes | str = http(200, PAGES)
        self.sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def responses(self, *script: bytes | str | Withheld) -> None:
        self.script.extend(script)

    def greet(self, client: socket.socket) -> int:
        with self._lock:
            self.sockets.append(client)
            return len(self.sockets)

    def next_answer(self) -> bytes | str | Withheld:
        with self._lock:
            return self.script.popleft() if self.script else self.default

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients break off on purpose here."""


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A Redis server that all tests of this process share."""
    server = RedisProcess(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def silent(network: None) -> Iterator[SilentServer]:
    """A server that never responds, in place of Redis."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield SilentServer(listener)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that is not trusted yet."""
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the certificate that makes one trust the authority."""
    path = tmp_path_factory.mktemp("certificate") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """What makes the stub speak https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@contextmanager
def serving(tls: ssl.SSLContext) -> Iterator[Stub]:
    with Stub(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def stub(tls: ssl.SSLContext, network: None) -> Iterator[Stub]:
    with serving(tls) as server:
        yield server


@pytest.fixture
def other(tls: ssl.SSLContext, network: None) -> Iterator[Stub]:
    """A second server, where no token of the first one's must go."""
    with serving(tls) as server:
        yield server


def internals(connection: Connection) -> Any:
    """Return the transport of a connection, for what no public name shows or changes."""
    return connection._transport


@pytest.fixture
def connection(stub: Stub) -> Iterator[Connection]:
    """A connection without any patience: what fails, fails at once."""
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        yield connection


class Clock:
    """A time that passes only in sleeps; back-off always takes as long as it may."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.ranges: list[tuple[float, float]] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        return self.now

    monotonic = perf_counter = time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds

    def uniform(self, low: float, high: float) -> float:
        self.ranges.append((low, high))
        return high


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that waiting goes by, in the tests that wait."""
    clock = Clock()
    for module in (transport, rate_limits, moving_windows, redis_server, deadline):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(retries, "random", clock)
    return clock


@pytest.fixture
def patient(stub: Stub, clock: Clock) -> Iterator[Connection]:
    """A connection that waits as long as any does by itself."""
    with Connection(stub.url, token=TOKEN) as connection:
        yield connection


@pytest.fixture
def closed_port(network: None) -> int:
    """A port without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def full_port(network: None) -> Iterator[int]:
    """A port whose queue is full, so that it takes no more connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment gets in, and no default connection stays behind."""
    monkeypatch.setattr(context, "_default", None)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("BACKPACK_URL", "BACKPACK_TOKEN", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
