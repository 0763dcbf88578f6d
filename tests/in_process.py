"""Sandboxes of tests: a request of the same process is handled in the thread that sends it.

A sandbox listens on its port as usual, but its threads start when something connects to it: another
process, another library than requests, a test with the mark `sockets`, or any client while a fault
is active. Until then the parser and the tasks of the server are called without a socket, which
takes half the time. `tests/in_process` compares both.
"""

from __future__ import annotations

import atexit
import http.client
import io
import os
import selectors
import socket
import ssl
import threading
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from waitress.adjustments import Adjustments

from backpack_orm import sandbox
from backpack_orm.connection.sockets import Phase, progress
from backpack_orm.sandbox import http_server
from backpack_orm.sandbox.scheduling import Scheduler

_send_by_socket = HTTPAdapter.send
_Connection = HTTPConnectionPool.ConnectionCls
_adjustments = Adjustments(**http_server.WAITRESS_SETTINGS)
_connected, _client_end = socket.socketpair()  # stands for a client that has not disconnected
_connected.setblocking(False)
for _end in (_connected, _client_end):
    atexit.register(_end.close)


class InProcessServer:
    """Stands in for `http_server.Server`, which it starts when something connects."""

    def __init__(
        self,
        app: Any,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        scheduler: Scheduler,
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self.app, self.adj, self.scheduler = app, _adjustments, scheduler
        self.server_name, self.effective_host = "localhost", listener.getsockname()[0]
        self.application, self.effective_port = app, self.port
        self._listener, self._tls = listener, tls
        self._lock = threading.Lock()
        self._server: http_server.Server | None = None
        _servers[self.port] = self
        _doorman.watch(listener, self.serve)

    def needs_a_socket(self) -> bool:
        """Whether clients must connect: for TLS, or since a fault may delay or break responses."""
        return not _allowed or self._tls is not None or bool([*self.app.faults])

    def serve(self) -> None:
        """Start the threads that accept connections, unless they run."""
        with self._lock:
            if self._server is None and self.port in _servers:
                _doorman.forget(self._listener)
                self._server = http_server.Server(
                    self.app, self._listener, self._tls, self.scheduler
                )

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            _servers.pop(self.port, None)
            if self._server is not None:
                self._server.close()
            else:
                _doorman.forget(self._listener)
                self._listener.close()


_servers: dict[int, InProcessServer] = {}
_allowed = True


class _Doorman:
    """A thread that waits for the first connection to any of the sockets."""

    def __init__(self) -> None:
        self._process = 0

    def watch(self, listener: socket.socket, serve: Any) -> None:
        if self._process != os.getpid():  # a fork has no threads, and shares the selector
            self._process = os.getpid()
            self._selector = selectors.DefaultSelector()
            threading.Thread(target=self._run, name="doorman", daemon=True).start()
        self._selector.register(listener, selectors.EVENT_READ, serve)

    def forget(self, listener: socket.socket) -> None:
        if self._process == os.getpid() and listener in self._selector.get_map():
            self._selector.unregister(listener)

    def _run(self) -> None:
        selector = self._selector
        while True:
            for key, _ in selector.select():
                key.data()


_doorman = _Doorman()


class _Channel:
    """A connection without a socket."""

    creation_time = 0

    def __init__(self, server: InProcessServer) -> None:
        self.server, self.adj, self.scheduler = server, server.adj, server.scheduler
        self.addr, self.socket = ("127.0.0.1", 0), _connected
        self.load = SimpleNamespace(is_closing=False)
        self.written: list[bytes] = []

    def write_soon(self, data: bytes) -> int:
        if data:
            self.written.append(bytes(data))
        return len(data)

    def check_client_disconnected(self) -> bool:
        return False


class _Received:
    """Received bytes that http.client can read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def _request_bytes(request: requests.PreparedRequest) -> bytes:
    body = request.body or b""
    if isinstance(body, str):
        body = body.encode()
    fields = {"Host": urlsplit(request.url).netloc, **request.headers}
    lines = [b"%s %s HTTP/1.1" % (str(request.method).encode(), request.path_url.encode("ascii"))]
    for name, value in fields.items():
        content = value if isinstance(value, bytes) else str(value).encode("latin-1")
        lines.append(str(name).encode() + b": " + content)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _response_bytes(server: InProcessServer, content: bytes) -> bytes:
    parser = http_server.RequestParser(server.adj)
    while content and not parser.completed:
        content = content[parser.received(content) :]
    channel: Any = _Channel(server)
    task: Any = http_server.Refusal if parser.error else http_server.Task
    try:
        task(channel, parser).service()
    finally:
        parser.close()
    return b"".join(channel.written)


def _send(
    adapter: HTTPAdapter,
    request: requests.PreparedRequest,
    stream: bool = False,
    timeout: Any = None,
    verify: Any = True,
    cert: Any = None,
    proxies: Any = None,
) -> requests.Response:
    """Send a request: without a socket, if it is for a sandbox of this process."""
    parts = urlsplit(str(request.url))
    server = _servers.get(parts.port or 0) if parts.hostname in _HOSTS else None
    if (
        server is None
        or proxies
        or server.needs_a_socket()
        or HTTPConnectionPool.ConnectionCls is not _Connection  # vcrpy records connections
        or not isinstance(request.body, bytes | str | None)
    ):
        return _send_by_socket(adapter, request, stream, timeout, verify, cert, proxies)
    progress.phase = Phase.SENDING
    content = _response_bytes(server, _request_bytes(request))
    try:
        received = http.client.HTTPResponse(_Received(content), method=request.method)  # type: ignore[arg-type]
        received.begin()
    except (http.client.HTTPException, OSError) as error:
        broken = urllib3.exceptions.ProtocolError("Connection aborted.", error)
        raise requests.ConnectionError(broken, request=request) from error
    raw = urllib3.HTTPResponse(
        body=received,
        headers=urllib3.HTTPHeaderDict(received.headers.items()),
        status=received.status,
        reason=received.reason,
        preload_content=False,
        decode_content=False,
        original_response=received,
        request_method=request.method,
        enforce_content_length=True,
    )
    response = adapter.build_response(request, raw)
    if not stream:
        _ = response.content
    return response


_HOSTS = ("127.0.0.1", "localhost")


def _serve(
    app: Any, listener: socket.socket, tls: ssl.SSLContext | None, scheduler: Scheduler
) -> InProcessServer | http_server.Server:
    server = InProcessServer if _allowed else http_server.Server
    return server(app, listener, tls, scheduler)


def install() -> None:
    """Handle requests to sandboxes of this process without sockets, from now on."""
    patch = pytest.MonkeyPatch()  # which is never undone
    patch.setattr(sandbox, "Server", _serve)
    patch.setattr(HTTPAdapter, "send", _send)


def allow(allowed: bool) -> None:
    """Set whether the next test may do without sockets."""
    global _allowed
    _allowed = allowed
