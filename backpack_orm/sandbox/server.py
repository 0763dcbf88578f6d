"""The HTTP of a sandbox: the application, what stands before it, and the server it runs in."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from flask import Blueprint, Flask, Response, request
from waitress import wasyncore
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask, WSGITask
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import http_date
from werkzeug.routing import IntegerConverter, Map

from .bookmarks import bookmarks
from .calendars import calendars, feeds
from .calls import SERVICE, TOKEN_IN_PATH, TURN, NotSignedIn, Service, asked_service, failure
from .exports import exports
from .faults import Faults, HangUp
from .journal import journal
from .limits import Busy
from .lists import lists
from .notes import notes
from .pages import pages
from .reading import LARGEST_ID, Unreadable
from .reminders import reminders
from .scheduling import ClientGone
from .separators import separators
from .statuses import statuses
from .tags import tags
from .users import users

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 8
CONNECTIONS = 500  # idle ones count too, and past these new ones wait for minutes
LOG_LENGTH = 10_000

log = logging.getLogger("backpack_orm.sandbox")
# That a request waits a moment for a thread is no news: it is answered all the same.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)

_ALL: tuple[Blueprint, ...] = (
    pages,
    lists,
    notes,
    tags,
    separators,
    reminders,
    users,
    bookmarks,
    exports,
    statuses,
    journal,
    calendars,
    feeds,
)
CLIENT_CLOSED_REQUEST = 499  # as nginx logs it; nobody reads this response
_MESSAGES = {404: "Record not found", 500: "Internal error"}


class _Id(IntegerConverter):
    """An id in a path; one too large for any record matches nothing."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


@cache
def application() -> Flask:
    """The API as a WSGI application: one for all sandboxes, which only differ in their service."""
    app = Flask("backpack_orm.sandbox", static_folder=None)
    app.url_map.converters["id"] = _Id
    app.url_map.merge_slashes = False
    for endpoints in _ALL:
        app.register_blueprint(endpoints)

    @app.before_request
    def ask_for_ssl() -> Response | None:
        if not asked_service().require_ssl or request.is_secure:
            return None
        path = quote(request.environ[ORIGINAL_PATH], encoding="latin-1")
        query = request.query_string.decode("latin-1")
        return failure(302, "Found", f"https://{request.host}{path}{query and '?'}{query}")

    @app.get("/login")
    def login() -> str:
        """Where a request without a token ends up, as a page that looks like a success."""
        return "<!DOCTYPE html><title>Sign in</title><p>Sign in to Backpack"

    _answer_failures(app)
    return app


def _answer_failures(app: Flask) -> None:
    @app.errorhandler(NotSignedIn)
    def send_to_login(error: NotSignedIn) -> Response:
        return failure(302, "Found", f"{request.scheme}://{request.host}/login")

    @app.errorhandler(Unreadable)
    def report_unreadable(error: Unreadable) -> Response:
        log.warning("cannot read %s: %s", request.environ[SHOWN], error)
        return failure(500, _MESSAGES[500])

    @app.errorhandler(Busy)
    def ask_to_wait(error: Busy) -> Response:
        response = failure(503, "Service Unavailable")
        response.headers["Retry-After"] = str(error.wait)
        return response

    @app.errorhandler(ClientGone)
    def abandon(error: ClientGone) -> Response:
        return failure(CLIENT_CLOSED_REQUEST, "Client Closed Request")

    @app.errorhandler(HTTPException)
    def report_failure(error: HTTPException) -> Response:
        status = error.code or InternalServerError.code
        return failure(status, _MESSAGES.get(status, error.name))

    @app.errorhandler(Exception)
    def report_defect(error: Exception) -> Response:
        log.exception("defect in %s", request.environ[SHOWN])
        return failure(500, _MESSAGES[500])


ORIGINAL_PATH = "backpack.original_path"
CLIENT_IS_GONE = "backpack.client_is_gone"
SHOWN = "backpack.shown"  # the request as a log may show it


class Exchange(NamedTuple):
    """A request, and what came of it; what the log of a sandbox holds.

    Attributes:
        verb: Such as `POST`.
        path: With its query; a token in it is shown as `[token]`.
        status: What it was answered; None where a fault left it without an answer.

    >>> Exchange("GET", "/users.xml", 200).status
    200
    """

    verb: str
    path: str
    status: int | None


_FEED = re.compile(r"/[^/]+\.ics$")


class Gate:
    """What a request passes first: finds the token in the path, counts, keeps a log, has faults."""

    def __init__(self, service: Service, tokens: set[str], faults: Faults) -> None:
        app = application()
        self._app: WSGIApplication = app.wsgi_app
        self._service = service
        self._tokens = tokens
        self._faults = faults
        self._first_parts = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
        self._lock = threading.Lock()
        self.count = 0
        self.exchanges: deque[Exchange] = deque(maxlen=LOG_LENGTH)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ[SERVICE] = self._service
        path = environ[ORIGINAL_PATH] = environ["PATH_INFO"]
        shown = self._take_token(environ, path)
        verb = environ["REQUEST_METHOD"]
        environ[SHOWN] = f"{verb} {shown}"
        is_answered = False

        def note(status: int | None) -> None:
            with self._lock:
                self.count += 1
                self.exchanges.append(Exchange(verb, shown, status))

        def answer(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal is_answered
            is_answered = True
            note(int(status[:3]))
            date = ("Date", http_date(self._service.now()))
            return start(status, [*headers, date], *error)

        fault = self._faults.met_by(verb, environ["PATH_INFO"].removeprefix("/"))
        client_is_gone = environ.get(CLIENT_IS_GONE, _never)
        with self._service.scheduler.turn(client_is_gone) as environ[TURN]:
            if fault is None:
                return self._app(environ, answer)
            try:
                return fault.answer(self._app, environ, answer)
            except HangUp:
                if not is_answered:
                    note(None)
                raise

    def _take_token(self, environ: WSGIEnvironment, path: str) -> str:
        """Take a token off the front of the path; returns the path as the log may show it."""
        first, slash, rest = path.removeprefix("/").partition("/")
        if first not in self._first_parts and rest.partition("/")[0] in self._first_parts:
            environ[TOKEN_IN_PATH] = first
            path = environ["PATH_INFO"] = slash + rest
            return "/[token]" + self._without_tokens(path)
        return self._without_tokens(path)

    def _without_tokens(self, path: str) -> str:
        parts = path.split("/")
        shown = "/".join("[token]" if part in self._tokens else part for part in parts)
        return _FEED.sub("/[token].ics", shown)


def _never() -> bool:
    return False


def _is_gone(connection: socket.socket | None) -> bool:
    """Return whether a client has closed its connection, or its half of it.

    Like nginx this takes a half-closed connection for a closed one: no client is known that closes
    its half before it has read the response. Not seen is the end behind what was not read yet.
    """
    if connection is None:
        return True
    try:
        # Not the method of a TLS socket, which would decrypt.
        return socket.socket.recv(connection, 1, socket.MSG_PEEK) == b""
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True


class _Task(WSGITask):
    """A request while it is answered; it can end in a hang-up."""

    def get_environment(self) -> WSGIEnvironment:
        environ = super().get_environment()
        environ[CLIENT_IS_GONE] = partial(_is_gone, self.channel.socket)
        if isinstance(self.channel.socket, ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        return environ

    def service(self) -> None:
        try:
            super().service()
        except HangUp as end:
            with suppress(ClientDisconnected):
                self.channel.write_soon(end.last_words)
            self.close_on_finish = True
        except ClientDisconnected:  # waitress would log the path, where a token may be
            self.close_on_finish = True


class _Refusal(ErrorTask):
    """The answer to what is no HTTP; waitress would quote it, and a token may be in it."""

    def execute(self) -> None:
        self.request.error.body = "this is no HTTP"  # type: ignore[attr-defined]
        super().execute()


class _NotYet(Exception):  # noqa: N818 - says what is the case
    """A part of a TLS record is there: the rest has to come first."""


class _Channel(HTTPChannel):
    """A client's connection, which speaks TLS when its first byte does.

    Waitress has no TLS, so it is put between its reading and writing and the socket. Nothing waits
    here: what TLS cannot give or take yet is asked for again when the socket is ready. No lock is
    needed: waitress does not read from a client while it answers it.
    """

    task_class = _Task
    error_task_class = _Refusal
    tls: ssl.SSLContext | None = None

    def handle_read(self) -> None:
        if self.tls is not None and self.socket is not None:
            if self.socket.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                self.socket = self.tls.wrap_socket(
                    self.socket, server_side=True, do_handshake_on_connect=False
                )
            self.tls = None  # only a beginning tells
        with suppress(_NotYet):
            super().handle_read()

    def recv(self, buffer_size: int) -> bytes:
        try:
            return super().recv(buffer_size)
        except ssl.SSLWantReadError:
            raise _NotYet from None

    def send(self, data: bytes, do_close: bool = True) -> int:
        try:
            return super().send(data, do_close)
        except ssl.SSLWantWriteError:
            return 0


_HANDSHAKE = b"\x16"
_LARGEST_RECORD = 16 * 1024  # of TLS; what is read at once, so that nothing waits unseen


class Server:
    """An application that listens on an address, in threads of its own.

    With `tls` it speaks https there too, and tells the two apart by how a client begins.
    """

    def __init__(
        self, app: Callable[..., Any], host: str, port: int, tls: ssl.SSLContext | None
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[int, Any] = {}
        self._waitress: BaseWSGIServer = create_server(  # type: ignore[assignment]
            app,
            map=self._sockets,
            sockets=[listener],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            recv_bytes=_LARGEST_RECORD,
            log_socket_errors=False,  # clients break off as they like, here even on purpose
            ident="backpack",
        )
        self._waitress.channel_class = type("Channel", (_Channel,), {"tls": tls})
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="backpack sandbox", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and wait until all threads have ended."""
        self._closing.set()
        self._waitress.pull_trigger()
        self._thread.join()
        self._waitress.task_dispatcher.shutdown()
        # Last, because all of those threads may still use the sockets.
        wasyncore.close_all(self._sockets)

    def _serve(self) -> None:
        while not self._closing.is_set():
            wasyncore.loop(use_poll=True, map=self._sockets, count=1)
