"""The WSGI application of a sandbox, and the middleware around it."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from flask import Blueprint, Flask, Request, Response, request
from sqlalchemy.exc import DatabaseError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES, http_date
from werkzeug.routing import IntegerConverter, Map

from .bookmarks import bookmarks
from .calendars import calendars, feeds
from .calls import ACCOUNT, SERVICE, NotSignedIn, Service, failure
from .credentials import TOKEN_IN_PATH
from .exports import exports
from .faults import Faults, HangUp
from .guard import SCHEME_BEFORE_PROXY, Guard, Refused
from .journal import journal
from .limits import Busy
from .lists import lists
from .notes import notes
from .oauth_endpoints import oauth
from .pages import pages
from .reading import LARGEST_ID, InvalidRequest
from .reminders import reminders
from .scheduling import TURN, ClientGone
from .separators import separators
from .statuses import statuses
from .tags import tags
from .tokens import MIN_LENGTH
from .users import users

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG_LENGTH = 10_000
LONGEST_PATH = 300  # characters of a path in the log
LONGEST_VERB = 20

log = logging.getLogger("backpack_orm.sandbox")
access_log = logging.getLogger("backpack_orm.sandbox.access")

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
    oauth,
)
CLIENT_CLOSED_REQUEST = 499  # as in the logs of nginx; no client reads this response
_MESSAGES = {404: "Record not found", 500: "Internal error"}


class _Id(IntegerConverter):
    """An id in a path; larger numbers than any id match no route."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_ID)


@cache
def application() -> Flask:
    """Return the WSGI application, which all sandboxes share; each passes its own service."""
    app = Flask("backpack_orm.sandbox", static_folder=None)
    app.url_map.converters["id"] = _Id
    app.url_map.merge_slashes = False
    for endpoints in _ALL:
        app.register_blueprint(endpoints)

    @app.get("/login")
    def login() -> str:
        """Return the page that requests without a valid token are redirected to."""
        return "<!DOCTYPE html><title>Sign in</title><p>Sign in to Backpack"

    _register_error_handlers(app)
    return app


def _requiring_https(app: WSGIApplication) -> WSGIApplication:
    """Return an application that redirects to https.

    It is not a function of Flask's `before_request`, which would slow down sandboxes without it.
    """

    def respond(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if environ.get(SCHEME_BEFORE_PROXY, request.scheme) == "https":
            return app(environ, start)
        path = quote(environ[ORIGINAL_PATH], encoding="latin-1")
        query = request.query_string.decode("latin-1")
        location = f"https://{request.host}{path}{query and '?'}{query}"
        return failure(302, "Found", location)(environ, start)

    return respond


def _register_error_handlers(app: Flask) -> None:
    @app.errorhandler(NotSignedIn)
    def redirect_to_login(error: NotSignedIn) -> Response:
        return failure(302, "Found", f"{request.scheme}://{request.host}/login")

    @app.errorhandler(InvalidRequest)
    def report_invalid_request(error: InvalidRequest) -> Response:
        log.warning("cannot read %s: %s", request.environ[SHOWN], error)
        return failure(error.status, _MESSAGES.get(error.status) or HTTP_STATUS_CODES[error.status])

    @app.errorhandler(Busy)
    def report_busy(error: Busy) -> Response:
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

    @app.errorhandler(DatabaseError)
    def report_storage_failure(error: DatabaseError) -> Response:
        status = _storage_status(error)
        if status == InternalServerError.code:
            return report_defect(error)
        log.error("cannot store data for %s: %s", request.environ[SHOWN], error.orig)
        return failure(status, "Insufficient Storage" if status == FULL else "Storage unavailable")

    @app.errorhandler(Exception)
    def report_defect(error: Exception) -> Response:
        log.exception("defect in %s", request.environ[SHOWN])
        return failure(500, _MESSAGES[500])


FULL = 507
_CONNECTION_LOST = "08"
_STORAGE_FAILURES = {
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": 503,
    "SQLITE_IOERR": 503,
    "SQLITE_CANTOPEN": 503,
    "53100": FULL,
    "53": 503,  # not enough of another resource
    "57P": 503,  # the server is shutting down
    _CONNECTION_LOST: 503,
}


def _storage_status(error: DatabaseError) -> int:
    """Return the status for a failure of the storage: 500 only for defects of the program.

    SQLite's names can have suffixes, such as SQLITE_IOERR_WRITE, and PostgreSQL's codes begin with
    their class.
    """
    name = getattr(error.orig, "sqlite_errorname", "")
    if not name and isinstance(error, OperationalError):  # PostgreSQL: also a lost connection
        name = getattr(error.orig, "sqlstate", "") or _CONNECTION_LOST
    statuses = (status for start, status in _STORAGE_FAILURES.items() if name.startswith(start))
    return next(statuses, 500)


ORIGINAL_PATH = "backpack.original_path"
SHOWN = "backpack.shown"  # the request without tokens, for logs


class Exchange(NamedTuple):
    """A request and the status of its response, as in the log of a sandbox.

    Attributes:
        verb: HTTP method, such as `POST`.
        path: Path without the query; tokens in it are replaced by `[token]`.
        status: Status of the response; None if a fault prevented a response.

    >>> Exchange("GET", "/users.xml", 200).status
    200
    """

    verb: str
    path: str
    status: int | None


_FEED = re.compile(r"/[^/]+\.ics$")
_SECRET = re.compile(rf"[A-Za-z0-9_-]{{{MIN_LENGTH},}}")  # what a token may look like
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Gate:
    """The middleware around the application.

    Refuses requests of web pages from other origins, moves the token from the path to the
    environment, applies faults, and counts and logs requests without their tokens.
    """

    def __init__(self, service: Service, guard: Guard, faults: Faults) -> None:
        app = application()
        self._app = _requiring_https(app.wsgi_app) if service.require_ssl else app.wsgi_app
        self._service = service
        self._guard = guard
        self.faults = faults
        parts = {part for rule in app.url_map.iter_rules() for part in rule.rule.split("/")}
        self._first_parts = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
        self._literal = frozenset(parts)
        self._lock = threading.Lock()
        self.count = 0
        self.exchanges: deque[Exchange] = deque(maxlen=LOG_LENGTH)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ[SERVICE] = self._service
        path = environ[ORIGINAL_PATH] = environ["PATH_INFO"]
        shown = _shortened(self._take_token(environ, path), LONGEST_PATH)
        verb = environ["REQUEST_METHOD"]
        shown_verb = _shortened(verb, LONGEST_VERB)
        environ[SHOWN] = f"{shown_verb} {shown}"
        has_started = False

        def record(status: int | None) -> None:
            with self._lock:
                self.count += 1
                self.exchanges.append(Exchange(shown_verb, shown, status))
            if access_log.isEnabledFor(logging.INFO):
                seconds = time.perf_counter() - environ[TURN].began
                self._log(environ, shown_verb, shown, status, seconds)

        def start_response(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal has_started
            has_started = True
            record(int(status[:3]))
            date = ("Date", _http_date(self._service.now()))
            return start(status, [*headers, date], *error)

        try:
            self._guard.check(environ)
        except Refused as refusal:
            log.warning("refused %s: %s", environ[SHOWN], refusal)
            return failure(refusal.status, refusal.message)(environ, start_response)
        fault = self.faults.fault_for(verb, environ["PATH_INFO"].removeprefix("/"))
        if fault is None:
            return self._app(environ, start_response)
        environ[TURN].let_others_run()
        try:
            return fault.respond(self._app, environ, start_response)
        except HangUp:
            if not has_started:
                record(None)
            raise

    def _log(
        self, environ: WSGIEnvironment, verb: str, path: str, status: int | None, seconds: float
    ) -> None:
        fields = {
            "address": environ.get("REMOTE_ADDR"),
            "verb": verb,
            "path": path,
            "status": status,
            "seconds": round(seconds, 6),
        }
        message = f"{fields['address']} {verb} {path} {status or 'no response'} {seconds:.3f}s"
        access_log.info("%s", message, extra={"fields": fields})

    def _take_token(self, environ: WSGIEnvironment, path: str) -> str:
        """Remove a token from the start of the path; return the path for logs."""
        first, slash, rest = path.removeprefix("/").partition("/")
        if first not in self._first_parts and rest.partition("/")[0] in self._first_parts:
            environ[TOKEN_IN_PATH] = first
            path = environ["PATH_INFO"] = slash + rest
            return "/[token]" + self._without_tokens(path)
        return self._without_tokens(path)

    def _without_tokens(self, path: str) -> str:
        """Return a path without what may be a token, whether valid or not."""
        parts = path.split("/")
        shown = "/".join(
            part if part in self._literal else _SECRET.sub("[token]", part) for part in parts
        )
        return _FEED.sub("/[token].ics", shown)


class AccountGate:
    """The middleware of an address that belongs to one account."""

    def __init__(self, gate: Gate, account: str) -> None:
        self._gate = gate
        self._account = account
        self.faults = gate.faults

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ[ACCOUNT] = self._account
        return self._gate(environ, start)


@lru_cache(maxsize=1)
def _http_date(now: datetime) -> str:
    return http_date(now)


def _shortened(text: str, length: int) -> str:
    """Return a text for the log, on one line and of limited length."""
    shown = _CONTROL.sub(lambda char: f"\\x{ord(char[0]):02x}", text[: length + 1])
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
