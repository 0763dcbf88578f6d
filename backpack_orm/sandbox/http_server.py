"""The HTTP server under a sandbox: waitress, with TLS, deadlines and bounded memory."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from waitress import wasyncore
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask, WSGITask

from .faults import HangUp
from .reading import SIZE_LIMIT
from .rendering import document, element
from .scheduling import TURN, Scheduler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from waitress.utilities import Error

    from .server import AccountGate, Gate

THREADS = 8
MOST_CONNECTIONS = 2000
IDLE_TIMEOUT = 5.0
"""Seconds without a byte in either direction after which a connection is closed."""
HEADER_DEADLINE = 10.0
REQUEST_DEADLINE = 30.0
RESPONSE_DEADLINE = 60.0
"""Seconds to send a complete header or request, and to read a complete response. Unlike the idle
timeout, these limit clients that send or read a little at a time."""
BUFFER_LIMIT = 256 * 1024 * 1024
"""Bytes of unread responses and incomplete requests of all connections together."""
MEMORY_PER_CONNECTION = 512 * 1024
"""Bytes that a connection buffers in memory, in each direction; the rest is in a temporary file."""
SHUTDOWN_TIMEOUT = 1.5
"""Seconds for requests to finish when the server is closed."""

_HEADER_LIMIT = 64 * 1024
_TIDY_INTERVAL = 1.0
_HANDSHAKE = b"\x16"
_LARGEST_RECORD = 16 * 1024  # of TLS; reading whole records leaves nothing in its buffer

WAITRESS_SETTINGS: dict[str, Any] = {
    "threads": THREADS,
    "channel_timeout": int(IDLE_TIMEOUT),
    "cleanup_interval": 3600,  # see `Server._tidy`
    "outbuf_high_watermark": 1 << 30,  # no thread ever waits for a client to read
    "outbuf_overflow": MEMORY_PER_CONNECTION,
    "inbuf_overflow": MEMORY_PER_CONNECTION,
    "max_request_header_size": _HEADER_LIMIT,
    "max_request_body_size": 2 * SIZE_LIMIT,  # up to this size, the application responds
    "recv_bytes": _LARGEST_RECORD,
    "log_socket_errors": False,  # clients may disconnect at any time
    "clear_untrusted_proxy_headers": False,  # see `Guard`
    "ident": "backpack",
}

log = logging.getLogger("backpack_orm.sandbox")
# That a request has to wait for a thread is normal.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _is_gone(connection: socket.socket | None) -> bool:
    """Return whether a client has closed its connection, or its half of it.

    As in nginx, a half-closed connection counts as closed. Data that is not read yet hides the end
    of the connection.
    """
    if connection is None:
        return True
    try:
        # The method of a TLS socket would decrypt.
        return socket.socket.recv(connection, 1, socket.MSG_PEEK) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


class RequestParser(HTTPRequestParser):
    """Parses a request; refuses one whose length is ambiguous."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        is_encoded = self.chunked or "TRANSFER_ENCODING" in self.headers
        if is_encoded and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("both Content-Length and Transfer-Encoding")


class Task(WSGITask):
    """Executes a request, which can end with a closed connection."""

    channel: _Channel

    def get_environment(self) -> WSGIEnvironment:
        environ = super().get_environment()
        environ[TURN] = self._turn
        if isinstance(self.channel.socket, ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        return environ

    def build_response_header(self) -> bytes:
        if self.channel.load.is_closing:
            self.set_close_on_finish()
        return super().build_response_header()

    def service(self) -> None:
        # Waitress would log the path, which may contain a token.
        client_is_gone = partial(_is_gone, self.channel.socket)
        try:
            with self.channel.scheduler.turn(client_is_gone) as self._turn:
                super().service()
        except HangUp as end:
            with suppress(ClientDisconnected):
                self.channel.write_soon(end.last_bytes)
            self.close_on_finish = True
        except ClientDisconnected:
            self.close_on_finish = True
        except Exception:
            log.exception("defect while a response was sent")
            self.close_on_finish = True


class Refusal(ErrorTask):
    """The response to invalid HTTP; that of waitress quotes the request, which may have a token."""

    def execute(self) -> None:
        error = cast("Error", self.request.error)  # type: ignore[attr-defined]
        failure = element("error", error.reason, code=error.code)
        root = element("response", [failure], success=False)
        body = document([root], newline=False)
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", "application/xml; charset=utf-8")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _IncompleteRecord(Exception):  # noqa: N818 - a signal, not an error
    """Only a part of a TLS record has arrived."""


class _Load:
    """State shared by the connections of a server: bytes buffered, and whether it is closing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.buffered = 0
        self.is_closing = False

    def add(self, change: int) -> None:
        with self._lock:
            self.buffered += change


class _Channel(HTTPChannel):
    """A client's connection, with TLS if its first byte starts a handshake.

    Waitress has no TLS, so this wraps the socket. Reading and writing never block: they are
    repeated when the socket is ready. No lock is needed, since waitress does not read from a
    connection while it executes a request of it.
    """

    task_class = Task
    error_task_class = Refusal
    parser_class = RequestParser
    tls: ssl.SSLContext | None = None
    load: _Load
    scheduler: Scheduler

    has_single_response = True
    """Whether all that is buffered belongs to one response, since requests were not pipelined."""

    _counted = 0  # bytes of this connection that are included in the load
    _began: float | None = None  # time of the first byte of an incomplete request
    _answered: float | None = None  # time since when there is unread data

    # --- TLS

    def handle_read(self) -> None:
        if self.tls is not None and self.socket is not None:
            if self.socket.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                self.socket = self.tls.wrap_socket(
                    self.socket, server_side=True, do_handshake_on_connect=False
                )
            self.tls = None  # only the first byte is checked
        with suppress(_IncompleteRecord):
            super().handle_read()

    def recv(self, buffer_size: int) -> bytes:
        try:
            return super().recv(buffer_size)
        except ssl.SSLWantReadError:
            raise _IncompleteRecord from None

    def send(self, data: bytes, do_close: bool = True) -> int:
        try:
            return super().send(data, do_close)
        except ssl.SSLWantWriteError:
            return 0

    # --- time and memory

    @property
    def is_busy(self) -> bool:
        """Whether a request or its response is incomplete."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)

    @property
    def is_served(self) -> bool:
        """Whether a request is executed or queued, so that no deadline applies."""
        return bool(self.requests)

    @property
    def since(self) -> float:
        """Time since when the server waits for the client, of the monotonic clock."""
        return min(self._began or _LATER, self._answered or _LATER)

    @property
    def buffered(self) -> int:
        """Bytes that are buffered for this connection."""
        return self._counted

    def is_overdue(self, now: float) -> bool:
        """Return whether the client has exceeded a deadline."""
        if self._began is not None and self.request is not None:
            received = self.request.headers_finished
            if now - self._began > (REQUEST_DEADLINE if received else HEADER_DEADLINE):
                return True
        return self._answered is not None and now - self._answered > RESPONSE_DEADLINE

    def readable(self) -> bool:
        if self.load.is_closing and self.request is None:
            return False
        return super().readable()

    def received(self, data: bytes) -> bool:
        before = self.request
        result = super().received(data)
        if self.request is None:
            self._began = None
        elif self.request is not before:
            self._began = time.monotonic()
        self._count()
        return result

    def write_soon(self, data: bytes) -> int:
        written = super().write_soon(data)
        self._count()
        return written

    def handle_write(self) -> None:
        super().handle_write()
        self._count()

    def service(self) -> None:
        self.has_single_response = not self.total_outbufs_len
        super().service()
        self._count()

    def handle_close(self) -> None:
        super().handle_close()
        if self.request is not None:
            self.request.close()
            self.request = None
        self._count()

    def _count(self) -> None:
        with self.outbuf_lock:
            unread = self.total_outbufs_len
            if not unread:
                self._answered = None
            elif self._answered is None:
                self._answered = time.monotonic()
            request = self.request
            held = unread + (0 if request is None else request.body_bytes_received)
            change, self._counted = held - self._counted, held
        if change:
            self.load.add(change)
            if change > 0 and self.load.buffered > BUFFER_LIMIT:
                self.server.pull_trigger()


_LATER = float("inf")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one, and `::` includes IPv4."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, dualstack_ipv6=both)


class Server:
    """Serves an application on a socket, in threads of its own.

    With `tls` it also accepts https on the same port.
    """

    def __init__(
        self,
        app: Gate | AccountGate,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        scheduler: Scheduler,
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[int, Any] = {}
        self._load = _Load()
        self._most = _connection_limit()
        self._waitress: BaseWSGIServer = create_server(  # type: ignore[assignment]
            app,
            map=self._sockets,
            sockets=[listener],
            connection_limit=self._most,
            **WAITRESS_SETTINGS,
        )
        shared = {"tls": tls, "load": self._load, "scheduler": scheduler}
        channel = type("Channel", (_Channel,), shared)
        self._waitress.channel_class = channel
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="backpack sandbox", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and finish requests that have started, within two seconds."""
        self._closing.set()
        self._waitress.pull_trigger()
        self._thread.join()
        self._waitress.task_dispatcher.shutdown(timeout=0.3)  # type: ignore[arg-type]
        # Last, because all of those threads may still use the sockets.
        for channel in self._channels():
            channel.handle_close()
        wasyncore.close_all(self._sockets)

    def _serve(self) -> None:
        tidied = 0.0
        while not self._closing.is_set():
            wasyncore.loop(timeout=_TIDY_INTERVAL, use_poll=True, map=self._sockets, count=1)
            now = time.monotonic()
            if now - tidied >= _TIDY_INTERVAL:
                tidied = now
                self._tidy(now)
            if self._load.buffered > BUFFER_LIMIT:
                self._free_memory()
        self._drain()

    def _channels(self) -> list[_Channel]:
        channels = list(self._waitress.active_channels.values())  # type: ignore[attr-defined]
        return cast("list[_Channel]", channels)

    def _tidy(self, now: float) -> None:
        """Close idle and overdue connections, and more if the limit of connections is close."""
        channels = self._channels()
        idle_since = time.time() - IDLE_TIMEOUT  # the clock that waitress uses
        for channel in channels:
            is_idle = not channel.is_served and channel.last_activity < idle_since
            if is_idle or channel.is_overdue(now):
                channel.handle_close()
        waiting = [one for one in self._channels() if not one.is_served]
        if len(self._sockets) > 0.9 * self._most:
            # Idle connections first, then those whose clients take longest.
            waiting.sort(key=lambda one: (one.is_busy, one.since))
            for channel in waiting[: len(waiting) // 2]:
                channel.handle_close()
            log.warning("closed %d waiting connections to make room", len(waiting) // 2)

    def _free_memory(self) -> None:
        """Close connections until the buffers are within the limit, longest waiting first.

        A single response may be larger than the limit, and is still delivered.
        """
        holding = [channel for channel in self._channels() if channel.buffered]
        holding.sort(key=lambda one: one.since)
        for channel in holding:
            is_last = channel is holding[-1]
            if self._load.buffered <= BUFFER_LIMIT or (is_last and channel.has_single_response):
                return
            log.warning("closed a connection that held %d bytes", channel.buffered)
            channel.handle_close()

    def _drain(self) -> None:
        """Finish requests that have started without accepting others."""
        self._load.is_closing = True
        self._waitress.accepting = False
        end = time.monotonic() + SHUTDOWN_TIMEOUT
        while time.monotonic() < end and any(one.is_busy for one in self._channels()):
            for channel in self._channels():
                if not channel.is_busy:
                    channel.handle_close()
            wasyncore.loop(timeout=0.05, use_poll=True, map=self._sockets, count=1)


def _connection_limit() -> int:
    """Return how many connections the limit of open files allows, at two files per connection."""
    try:
        import resource
    except ImportError:  # Windows, where there is no such limit
        return MOST_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(20, min(MOST_CONNECTIONS, (files - 100) // 2))


def raise_file_limit() -> None:
    """Raise the limit of open files to what the server can need, as far as the system allows."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS + 200
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
