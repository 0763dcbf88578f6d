"""The HTTP of a sandbox: the application, what stands before it, and the server it runs in."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from flask import Blueprint, Flask, Response, request
from waitress import wasyncore
from waitress.server import create_server
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import http_date
from werkzeug.routing import IntegerConverter, Map

from .bookmarks import bookmarks
from .calendars import calendars, feeds
from .calls import TOKEN_IN_PATH, NotSignedIn, Service, failure
from .exports import exports
from .journal import journal
from .limits import Busy
from .lists import lists
from .notes import notes
from .pages import pages
from .reading import LARGEST_ID, Unreadable
from .reminders import reminders
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
_MESSAGES = {404: "Record not found", 500: "Internal error"}


class _Id(IntegerConverter):
    """An id in a path; one too large for any record matches nothing."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


def application(service: Service, *, require_ssl: bool) -> Flask:
    """The API as a WSGI application."""
    app = Flask("backpack_orm.sandbox", static_folder=None)
    app.extensions["sandbox"] = service
    app.url_map.converters["id"] = _Id
    app.url_map.merge_slashes = False
    for endpoints in _ALL:
        app.register_blueprint(endpoints)

    @app.before_request
    def ask_for_ssl() -> Response | None:
        if not require_ssl or request.is_secure:
            return None
        path = quote(request.environ[ORIGINAL_PATH], encoding="latin-1")
        query = request.query_string.decode("latin-1")
        return failure(302, "Found", f"https://{request.host}{path}{query and '?'}{query}")

    @app.get("/login")
    def login() -> str:
        """Where a request without a token ends up, as a page that looks like a success."""
        return "<!DOCTYPE html><title>Sign in</title><p>Sign in to Backpack"

    @app.errorhandler(NotSignedIn)
    def send_to_login(error: NotSignedIn) -> Response:
        return failure(302, "Found", f"{request.scheme}://{request.host}/login")

    @app.errorhandler(Unreadable)
    def report_unreadable(error: Unreadable) -> Response:
        log.warning("cannot read %s %s: %s", request.method, request.path, error)
        return failure(500, _MESSAGES[500])

    @app.errorhandler(Busy)
    def ask_to_wait(error: Busy) -> Response:
        response = failure(503, "Service Unavailable")
        response.headers["Retry-After"] = str(error.wait)
        return response

    @app.errorhandler(HTTPException)
    def report_failure(error: HTTPException) -> Response:
        status = error.code or InternalServerError.code
        return failure(status, _MESSAGES.get(status, error.name))

    @app.errorhandler(Exception)
    def report_defect(error: Exception) -> Response:
        log.exception("defect in %s %s", request.method, request.path)
        return failure(500, _MESSAGES[500])

    return app


ORIGINAL_PATH = "backpack.original_path"


class Exchange(NamedTuple):
    """A request that was answered. A token in its path is shown as `[token]`."""

    verb: str
    path: str
    status: int


_FEED = re.compile(r"/[^/]+\.ics$")


class Gate:
    """What a request passes first: finds the token in the path, counts, and keeps a log."""

    def __init__(self, app: Flask, service: Service, tokens: set[str]) -> None:
        self._app: WSGIApplication = app.wsgi_app
        self._service = service
        self._tokens = tokens
        self._first_parts = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
        self._lock = threading.Lock()
        self.count = 0
        self.exchanges: deque[Exchange] = deque(maxlen=LOG_LENGTH)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ[ORIGINAL_PATH] = environ["PATH_INFO"]
        shown = self._take_token(environ, path)

        def answer(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            with self._lock:
                self.count += 1
                self.exchanges.append(Exchange(environ["REQUEST_METHOD"], shown, int(status[:3])))
            date = ("Date", http_date(self._service.now()))
            return start(status, [*headers, date], *error)

        return self._app(environ, answer)

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


class Server:
    """An application that listens on an address, in threads of its own."""

    def __init__(self, app: Callable[..., Any], host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[int, Any] = {}
        self._waitress: Any = create_server(
            app,
            map=self._sockets,
            sockets=[listener],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            ident="backpack",
        )
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
