"""Each way in which an exchange can fail below HTTP: the error, its message, and what was sent.

What was sent is read from the log of a server that records every byte it gets.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import requests
import trustme
import urllib3
from requests.adapters import HTTPAdapter

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError, OutcomeUnknown, Timeout, TransportError
from backpack_orm.wire import parse
from backpack_orm.wire.endpoint import Endpoint
from tests.connection.conftest import CREATE, DESTROY, DROP, OK, READ, RENAME, TOKEN, Clock, Stub
from tests.connection.conftest import http as response

pytestmark = pytest.mark.network

CALLS = {"read": READ, "idempotent write": RENAME, "create": CREATE, "delete": DESTROY}


def send(connection: Any, row: Any) -> Any:
    payload = {"title": "Lisbon"} if row.sends else {}
    return connection.call(row, (7,) * len(row.ids), payload, read=parse.success)


# --- a server that records all it gets --------------------------------------------------------


class Recorder:
    """Accepts connections, and records the bytes that each of them brings."""

    def __init__(self, behave: Callable[[socket.socket, bytearray], None]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._behave = behave
        self.logs: list[bytearray] = []
        self.port: int = self._socket.getsockname()[1]
        self._visits: dict[int, threading.Event] = {}
        self._serving: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def received(self) -> bytes:
        """All bytes that came, once those who sent them have gone."""
        if self._accepting.is_alive():
            self.settle()
        return b"".join(bytes(log) for log in self.logs)

    def settle(self) -> None:
        """Wait until all who have connected so far have been served: they come in order."""
        with socket.socket() as visitor:
            visitor.bind(("127.0.0.1", 0))
            seen = self._visits[visitor.getsockname()[1]] = threading.Event()
            visitor.connect(("127.0.0.1", self.port))
            assert seen.wait(30)
        for thread in self._serving:
            thread.join(30)

    def forget(self) -> None:
        self.settle()
        self.logs.clear()
        self._serving.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._socket.accept()
            except OSError:
                return
            if address[1] in self._visits:
                client.close()
                self._visits[address[1]].set()
                continue
            log = bytearray()
            self.logs.append(log)
            thread = threading.Thread(target=self._serve, args=(client, log))
            self._serving.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, log: bytearray) -> None:
        with client:
            client.settimeout(30)
            with suppress(OSError):
                self._behave(client, log)

    def stop(self) -> None:
        self.settle()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(30)


@contextmanager
def recording(behave: Callable[[socket.socket, bytearray], None]) -> Iterator[Recorder]:
    recorder = Recorder(behave)
    try:
        yield recorder
    finally:
        recorder.stop()


def read_some(client: socket.socket, log: bytearray) -> None:
    log += client.recv(65536)


def confirm(client: socket.socket, log: bytearray) -> None:
    """Speak HTTP, and confirm everything."""
    while data := client.recv(65536):
        log += data
        client.sendall(response(200, OK))


def reset(client: socket.socket, log: bytearray) -> None:
    """Read something, and break the connection off."""
    read_some(client, log)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(client: socket.socket, log: bytearray) -> None:
    """Read until the other side has had enough."""
    while data := client.recv(65536):
        log += data


def speak_plainly(client: socket.socket, log: bytearray) -> None:
    """Be a server without TLS."""
    read_some(client, log)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def refuse_to_tunnel(client: socket.socket, log: bytearray) -> None:
    read_some(client, log)
    client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


# --- every exception class of the libraries ---------------------------------------------------

STACK = {"requests", "urllib3", "ssl", "socket", "http", "builtins"}
MODULES = (requests.exceptions, urllib3.exceptions, ssl, socket, http.client)


class Row(NamedTuple):
    """What to expect of an exception class: raised before anything was sent, and after."""

    unsent: type[Exception] | None
    sent: type[Exception] | None


FAILURE = Row(TransportError, TransportError)
TIMEOUT = Row(Timeout, Timeout)
ITSELF = Row(None, None)
"""Stays what it is: a warning that the user has turned into an error, or what is not for us."""

FAILURES = """
builtins.BlockingIOError builtins.BrokenPipeError builtins.ChildProcessError
builtins.ConnectionAbortedError builtins.ConnectionError builtins.ConnectionRefusedError
builtins.ConnectionResetError builtins.FileExistsError builtins.FileNotFoundError
builtins.InterruptedError builtins.IsADirectoryError builtins.NotADirectoryError
builtins.OSError builtins.PermissionError builtins.ProcessLookupError
http.client.BadStatusLine http.client.CannotSendHeader http.client.CannotSendRequest
http.client.HTTPException http.client.ImproperConnectionState http.client.IncompleteRead
http.client.InvalidURL http.client.LineTooLong http.client.NotConnected
http.client.RemoteDisconnected http.client.ResponseNotReady
http.client.UnimplementedFileMode http.client.UnknownProtocol
http.client.UnknownTransferEncoding http.cookiejar.LoadError
requests.exceptions.ChunkedEncodingError requests.exceptions.ConnectionError
requests.exceptions.ContentDecodingError requests.exceptions.HTTPError
requests.exceptions.InvalidHeader requests.exceptions.InvalidJSONError
requests.exceptions.InvalidProxyURL requests.exceptions.InvalidSchema
requests.exceptions.InvalidURL requests.exceptions.JSONDecodeError
requests.exceptions.MissingSchema requests.exceptions.ProxyError
requests.exceptions.RequestException requests.exceptions.RetryError
requests.exceptions.SSLError requests.exceptions.StreamConsumedError
requests.exceptions.TooManyRedirects requests.exceptions.URLRequired
requests.exceptions.UnrewindableBodyError
socket.gaierror socket.herror
ssl.SSLCertVerificationError ssl.SSLEOFError ssl.SSLError ssl.SSLSyscallError
ssl.SSLWantReadError ssl.SSLWantWriteError ssl.SSLZeroReturnError
urllib3.exceptions.BodyNotHttplibCompatible urllib3.exceptions.ClosedPoolError
urllib3.exceptions.DecodeError urllib3.exceptions.EmptyPoolError
urllib3.exceptions.FullPoolError urllib3.exceptions.HTTPError
urllib3.exceptions.HeaderParsingError urllib3.exceptions.HostChangedError
urllib3.exceptions.IncompleteRead urllib3.exceptions.InvalidChunkLength
urllib3.exceptions.InvalidHeader urllib3.exceptions.LocationParseError
urllib3.exceptions.LocationValueError urllib3.exceptions.MaxRetryError
urllib3.exceptions.NameResolutionError urllib3.exceptions.NewConnectionError
urllib3.exceptions.PoolError urllib3.exceptions.ProtocolError
urllib3.exceptions.ProxyError urllib3.exceptions.ProxySchemeUnknown
urllib3.exceptions.ProxySchemeUnsupported urllib3.exceptions.RequestError
urllib3.exceptions.ResponseError urllib3.exceptions.ResponseNotChunked
urllib3.exceptions.SSLError urllib3.exceptions.TimeoutStateError
urllib3.exceptions.URLSchemeUnknown urllib3.exceptions.UnrewindableBodyError
"""
TIMEOUTS = """
builtins.TimeoutError
requests.exceptions.ConnectTimeout requests.exceptions.ReadTimeout
requests.exceptions.Timeout
urllib3.exceptions.ConnectTimeoutError urllib3.exceptions.ReadTimeoutError
urllib3.exceptions.TimeoutError
"""
OTHERS = """
requests.exceptions.FileModeWarning requests.exceptions.RequestsDependencyWarning
requests.exceptions.RequestsWarning
urllib3.exceptions.DependencyWarning urllib3.exceptions.HTTPWarning
urllib3.exceptions.InsecurePlatformWarning urllib3.exceptions.InsecureRequestWarning
urllib3.exceptions.NotOpenSSLWarning urllib3.exceptions.SecurityWarning
urllib3.exceptions.SystemTimeWarning
socket._GiveupOnSendfile
"""
TABLE: dict[str, Row] = {
    **dict.fromkeys(FAILURES.split(), FAILURE),
    **dict.fromkeys(TIMEOUTS.split(), TIMEOUT),
    **dict.fromkeys(OTHERS.split(), ITSELF),
}


def _below(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _below(each)


def _classes() -> dict[str, type[Exception]]:
    """Every exception class of the libraries that are installed here."""
    named = [getattr(module, name) for module in MODULES for name in dir(module)]
    roots = [
        each
        for each in named
        if isinstance(each, type) and issubclass(each, Exception) and each is not Exception
    ]
    return {
        f"{kind.__module__}.{kind.__qualname__}": kind
        for root in roots
        for kind in _below(root)
        if kind.__module__.partition(".")[0] in STACK
    }


CLASSES = _classes()


def message(error: Exception) -> str:
    assert isinstance(error, BackpackError)
    return error.message


_CHUNKED: Any = SimpleNamespace(tell=lambda: 0, length_remaining=1)
_NO_POOL: Any = None
MADE: dict[str, Callable[[], Exception]] = {
    "http.client.IncompleteRead": lambda: http.client.IncompleteRead(b"", 5),
    "urllib3.exceptions.IncompleteRead": lambda: urllib3.exceptions.IncompleteRead(0, 5),
    "urllib3.exceptions.InvalidChunkLength": lambda: urllib3.exceptions.InvalidChunkLength(
        _CHUNKED, b"zz"
    ),
    "urllib3.exceptions.MaxRetryError": lambda: urllib3.exceptions.MaxRetryError(_NO_POOL, "/"),
    "urllib3.exceptions.ProxyError": lambda: urllib3.exceptions.ProxyError("failed", OSError()),
}
"""Those whose constructors take more than a message, and which show it."""


def made(kind: type[Exception]) -> Exception:
    """An error of a class, whatever its constructor takes."""
    make = MADE.get(f"{kind.__module__}.{kind.__qualname__}")
    if make is not None:
        return make()
    error = kind.__new__(kind)
    error.args = ("it failed",)
    return error


def raising(kind: type[Exception]) -> Callable[..., Any]:
    """Something that fails with an error of a class."""

    def fail(*_: object, **__: object) -> None:
        raise made(kind)

    return fail


def test_every_exception_class_of_the_libraries_has_a_row() -> None:
    assert sorted(set(CLASSES) - set(TABLE)) == []


@pytest.fixture(scope="module")
def recorder() -> Any:
    with recording(confirm) as recorder:
        yield recorder


@pytest.fixture
def caught(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a call in which something fails; gives the error, and the bytes that came."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")

    def call(row: Any, owner: Any, name: Any, kind: Any) -> Any:
        recorder.forget()
        monkeypatch.setattr(owner, name, raising(kind))
        url = f"http://127.0.0.1:{recorder.port}"
        with (
            Connection(url, token=TOKEN, max_wait=0, limits=None) as connection,
            pytest.raises(Exception) as info,  # noqa: PT011 - which one is what is asked
        ):
            send(connection, row)
        return info.value, recorder.received

    return call


BEFORE = {
    "while it is prepared": (HTTPAdapter, "cert_verify"),
    "while it connects": (urllib3.connection.HTTPConnection, "connect"),
}


@pytest.mark.parametrize("place", BEFORE)
@pytest.mark.parametrize("name", sorted(set(CLASSES) & set(TABLE)))
def test_what_fails_before_anything_was_sent_says_so_and_sent_nothing(
    name: Any, place: Any, caught: Any
) -> None:
    row = TABLE[name]
    for call in CALLS.values():
        error, received = caught(call, *BEFORE[place], CLASSES[name])
        assert received == b""
        if row.unsent is None:
            assert type(error) is CLASSES[name]
        elif place == "while it connects":
            assert type(error) is row.unsent
            assert message(error).endswith("; nothing was sent")
        else:
            assert type(error) is TransportError
            assert message(error).endswith("; nothing was sent")


# urllib3 takes an EmptyPoolError for one of its own, and leaves the socket open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", sorted(set(CLASSES) & set(TABLE)))
def test_what_fails_after_it_was_sent_may_have_been_done(name: Any, caught: Any) -> None:
    row = TABLE[name]
    for kind, call in CALLS.items():
        error, received = caught(
            call, urllib3.connection.HTTPConnection, "getresponse", CLASSES[name]
        )
        assert received.count(b"POST /ws/") == 1
        if row.sent is None:
            assert type(error) is CLASSES[name]
            continue
        assert type(error) is (OutcomeUnknown if kind == "create" else row.sent)
        assert "nothing was sent" not in message(error)
        maybe = kind in ("idempotent write", "delete")
        assert ("the write may have succeeded" in message(error)) is maybe


# --- before anything was sent, in real life ---------------------------------------------------

BUNDLE = "check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment"
PROXY = "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY in the environment"


def unsent(url: Any, row: Any, error: Any, message: Any, **options: Any) -> Any:
    """Make a call that has to fail before it is sent."""
    with (
        Connection(url, token=TOKEN, max_wait=0, **options) as connection,
        pytest.raises(errors.BackpackError) as info,
    ):
        send(connection, row)
    assert type(info.value) is error
    assert message in info.value.message
    assert info.value.message.endswith("; nothing was sent")
    assert TOKEN not in str(info.value)
    return info.value


every_call = pytest.mark.parametrize("row", CALLS.values(), ids=CALLS.keys())


@every_call
def test_a_ca_bundle_that_is_not_there_sends_nothing(
    row: Endpoint, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.forget()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    url = f"https://127.0.0.1:{recorder.port}"
    unsent(url, row, TransportError, f"found no CA bundle at '/nowhere/bundle.pem': {BUNDLE}")
    assert recorder.logs == []


@every_call
def test_a_ca_bundle_without_certificates_sends_nothing(
    row: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with recording(hang) as server:
        url = f"https://127.0.0.1:{server.port}"
        unsent(
            url, row, TransportError, f"the CA bundle at {str(bundle)!r} contains no certificate"
        )
    assert server.received == b""


@every_call
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_without_pysocks_sends_nothing(
    row: Endpoint, scheme: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.forget()
    monkeypatch.setenv("http_proxy", f"{scheme}://127.0.0.1:{recorder.port}")
    message = "a SOCKS proxy needs the package PySocks: pip install 'requests[socks]'"
    unsent("http://acme.test", row, TransportError, message, allow_insecure=True)
    assert recorder.logs == []


@every_call
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "proxy", ["http://", "http:///x", "://", "ftp://x:1", "http://[::1", "http://me:pw@x:99999"]
)
def test_a_malformed_proxy_sends_nothing_and_is_not_shown(
    row: Endpoint, scheme: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    error = unsent(f"{scheme}://acme.test", row, TransportError, PROXY, allow_insecure=True)
    assert "pw" not in str(error)


@every_call
def test_https_to_a_port_that_speaks_http_sends_nothing(row: Endpoint) -> None:
    with recording(speak_plainly) as server:
        message = f"127.0.0.1:{server.port} does not use TLS at that port"
        unsent(f"https://127.0.0.1:{server.port}", row, TransportError, message)
    assert_only_a_greeting(server)


@every_call
def test_a_handshake_that_is_broken_off_sends_nothing(row: Endpoint) -> None:
    with recording(reset) as server:
        message = f"127.0.0.1:{server.port} closed the connection during the TLS handshake"
        unsent(f"https://127.0.0.1:{server.port}", row, TransportError, message)
    assert_only_a_greeting(server)


@every_call
def test_a_handshake_that_takes_too_long_names_its_own_time(row: Endpoint) -> None:
    """Not the time that a response may take, which is a longer one."""
    with recording(hang) as server:
        message = f"127.0.0.1:{server.port} did not complete the TLS handshake in 0.05 s"
        unsent(f"https://127.0.0.1:{server.port}", row, Timeout, message, timeout=(0.05, 30))
    assert_only_a_greeting(server)


@every_call
def test_a_certificate_that_is_not_trusted_is_reported_with_the_reason(
    row: Endpoint, stub: Stub
) -> None:
    url = stub.url.replace("http", "https")
    message = f"the certificate of 127.0.0.1:{stub.port} is not trusted (unable to get local issuer"
    unsent(url, row, TransportError, message)
    assert stub.requests == []


@every_call
def test_a_protocol_that_is_too_old_sends_nothing(
    row: Endpoint, authority: trustme.CA, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_ciphers("NULL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def shake_hands(client: socket.socket, log: bytearray) -> None:
        with context.wrap_socket(client, server_side=True) as secure:
            log += secure.recv(65536)

    with recording(shake_hands) as server:
        message = f"the TLS handshake with 127.0.0.1:{server.port} failed ("
        unsent(f"https://127.0.0.1:{server.port}", row, TransportError, message)
    assert server.received == b""


@every_call
def test_a_proxy_that_opens_no_tunnel_is_sent_no_request(
    row: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(refuse_to_tunnel) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
        message = "the proxy does not connect to acme.test: it responds with 407"
        unsent("https://acme.test", row, TransportError, message)
    assert server.received.startswith(b"CONNECT acme.test:443 HTTP/1.")
    assert b"POST" not in server.received
    assert TOKEN.encode() not in server.received


@every_call
def test_a_proxy_that_does_not_respond_is_sent_no_request(
    row: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(hang) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
        message = "the proxy did not complete the TLS handshake in 0.05 s"
        unsent("https://acme.test", row, Timeout, message, timeout=(0.05, 30))
    assert b"POST" not in server.received


@every_call
def test_an_unknown_name_sends_nothing(row: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    message = "the name of acme.test cannot be resolved: check the address and the network"
    unsent("https://acme.test", row, TransportError, message)


def assert_only_a_greeting(server: Recorder) -> None:
    """What came is the beginning of TLS handshakes, in which nothing of a request is sent."""
    assert server.logs
    assert all(bytes(log[:3]) == b"\x16\x03\x01" for log in server.logs)
    assert b"POST" not in server.received
    assert TOKEN.encode() not in server.received


# --- after it was sent ------------------------------------------------------------------------


def test_a_create_that_a_proxy_took_and_dropped_has_an_unknown_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over plain http a proxy gets the request itself, and may have passed it on."""
    with recording(reset) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        with (
            Connection("http://acme.test", token=TOKEN, allow_insecure=True) as connection,
            pytest.raises(OutcomeUnknown, match="dropped the connection"),
        ):
            send(connection, CREATE)
    assert len(server.logs) == 1
    assert server.received.startswith(b"POST http://acme.test/ws/pages/new ")


def test_what_was_not_sent_after_a_try_that_may_have_been_done_does_not_claim_so(
    stub: Stub, clock: Clock
) -> None:
    """The second try finds no server; but the first may have been carried out."""
    connects = iter([urllib3.connection.HTTPConnection.connect, raising(ConnectionRefusedError)])

    with pytest.MonkeyPatch.context() as patch, Connection(stub.url, token=TOKEN) as connection:
        patch.setattr("backpack_orm.connection.transport.MAX_TRIES", 2)
        patch.setattr(
            urllib3.connection.HTTPConnection, "connect", lambda self: next(connects)(self)
        )
        stub.responses(DROP)
        with pytest.raises(TransportError, match="may have succeeded") as info:
            send(connection, RENAME)
    assert "nothing was sent" not in info.value.message
    assert len(stub.requests) == 1
