"""The HTTP session of a connection: the phase of each request, and its deadline."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar

from backpack_orm.connection.addresses import is_loopback
from backpack_orm.connection.deadline import Deadline

POOL_SIZE = 32
"""How many sockets stay open for later requests."""


class Phase(IntEnum):
    """How far a request has come."""

    ELSEWHERE = 0
    """It has not reached this library's sockets: a mock has replaced them."""
    PREPARING = 1
    """Certificates and the proxy's address are looked up."""
    STARTED = 2
    """The pool has received it. Whether anything was sent is unknown."""
    CONNECTING = 3
    """The connection is being established, with proxy and TLS. Nothing was sent."""
    SENDING = 4
    """The connection is established. Anything may have been sent."""


class Progress(threading.local):
    """The phase and deadline of the current request of each thread."""

    phase = Phase.ELSEWHERE
    deadline: Deadline | None = None

    def begin(self, deadline: Deadline | None) -> None:
        """Start a new request in this thread."""
        self.phase = Phase.PREPARING
        self.deadline = deadline

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Mark a block that establishes the connection and sends nothing of the request."""
        self.phase = Phase.CONNECTING
        yield
        self.phase = Phase.SENDING


progress = Progress()


class _BoundedReader(io.RawIOBase):
    """The raw reader of a socket; each read ends with the deadline of the call at the latest."""

    def __init__(self, owner: BoundedSocket, raw: Any) -> None:
        self._owner = owner
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._owner.shrink_timeout()
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        super().close()
        self._raw.close()


class BoundedSocket:
    """A socket whose operations end with the deadline of the call that uses it.

    A socket's own time-out starts again with each read, so that a server that sends a byte now and
    then could block its reader forever.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._timeout: float | None = sock.gettimeout()
        self.deadline: Deadline | None = None

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds
        self._sock.settimeout(seconds)

    def gettimeout(self) -> float | None:
        return self._timeout

    def shrink_timeout(self) -> None:
        """Limit the next operation to the time that the call has left.

        Raises:
            TimeoutError: The deadline has passed.
        """
        if self.deadline is not None:
            seconds = self.deadline.cap(float("inf") if self._timeout is None else self._timeout)
            self._sock.settimeout(seconds)

    def sendall(self, data: Any, *flags: int) -> None:
        self.shrink_timeout()
        self._sock.sendall(data, *flags)

    def recv(self, *args: Any) -> Any:
        self.shrink_timeout()
        return self._sock.recv(*args)

    def recv_into(self, *args: Any) -> Any:
        self.shrink_timeout()
        return self._sock.recv_into(*args)

    def makefile(self, mode: str = "rb", *args: Any, **options: Any) -> io.BufferedReader:
        raw = self._sock.makefile(mode, buffering=0)
        return io.BufferedReader(_BoundedReader(self, raw))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Tracking:
    """A mixin for pools that records the phase of a request, and connects before it sends.

    Uses only urllib3's public methods and those for subclasses. If one were no longer called, the
    phase would stay at `STARTED`, which is always safe.
    """

    def urlopen(self, *args: Any, **options: Any) -> Any:
        progress.phase = Phase.STARTED
        return super().urlopen(*args, **options)  # type: ignore[misc]

    def _validate_conn(self, conn: Any) -> None:
        with progress.connecting():
            super()._validate_conn(conn)  # type: ignore[misc]
            if conn.is_closed:
                conn.connect()
            if progress.deadline is not None:
                _bind(conn, progress.deadline)

    def _prepare_proxy(self, conn: Any) -> None:
        with progress.connecting():
            super()._prepare_proxy(conn)  # type: ignore[misc]


@cache
def _tracking(pool: type) -> type:
    """Return a subclass of a pool, for http, https or a SOCKS proxy, that tracks its requests."""
    return type(f"Tracking{pool.__name__}", (_Tracking, pool), {})


def _track(manager: Any) -> Any:
    """Make a manager of pools track the requests of all pools that it creates from now on."""
    kinds = manager.pool_classes_by_scheme
    if not any(issubclass(kind, _Tracking) for kind in kinds.values()):
        manager.pool_classes_by_scheme = {name: _tracking(kind) for name, kind in kinds.items()}
    return manager


def _bind(conn: Any, deadline: Deadline) -> None:
    """Apply a deadline to the socket of a connection."""
    if isinstance(conn.sock, socket.socket):
        conn.sock = BoundedSocket(conn.sock)
    if isinstance(conn.sock, BoundedSocket):
        conn.sock.deadline = deadline


class _TrackingAdapter(HTTPAdapter):
    """The adapter of requests, with pools that track their requests."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _track(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        return _track(super().proxy_manager_for(proxy, **options))

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        progress.phase = Phase.PREPARING
        pool = super().get_connection_with_tls_context(*args, **options)
        if not isinstance(pool, _Tracking):
            progress.phase = Phase.STARTED
        return pool


class _NoCookies(RequestsCookieJar):
    """Stores no cookies: the API has none, and threads share a session."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass


class Session(requests.Session):
    """A session that sends prepared requests, stores no cookies and follows no redirects.

    Libraries such as requests-mock and responses can replace its adapters as usual.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies = _NoCookies()
        self._network_settings: dict[str, Any] | None = None
        adapter = _TrackingAdapter(pool_connections=1, pool_maxsize=POOL_SIZE)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def network_settings(self, url: str) -> dict[str, Any]:
        """Return the proxies and certificates of the environment, as arguments for `send`.

        They are read once. This machine is never reached through a proxy, which would see the
        token.
        """
        if self._network_settings is None:
            with requests.Session() as session:
                found = session.merge_environment_settings(url, {}, None, None, None)
            if is_loopback(urlsplit(url).hostname or ""):
                found["proxies"] = {}
            self._network_settings = {name: found[name] for name in ("proxies", "verify", "cert")}
        return self._network_settings

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: the transport checks a redirect before anything is sent to its target."""
