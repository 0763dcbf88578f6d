"""Simulated failures: what goes wrong, and which requests are affected."""

from __future__ import annotations

import inspect
import math
import random
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from werkzeug.wrappers import Response
from werkzeug.wsgi import get_host

from .calls import failure
from .rendering import document, element

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PIECES = 10  # of a slow body
_PORTAL = "<!DOCTYPE html><title>Welcome</title><p>Accept the terms to use this network"
_NOT_HTTP = bytes(range(256))


class HangUp(Exception):  # noqa: N818 - a signal, not an error
    """Signal to close the connection after sending some bytes, which need not be HTTP."""

    def __init__(self, last_bytes: bytes = b"") -> None:
        super().__init__()
        self.last_bytes = last_bytes


class Which(TypedDict, total=False):
    """Options that select the requests affected by a fault. Default: all requests.

    Attributes:
        verb: HTTP method, such as `"POST"`.
        path: Path without a token, such as `"ws/page/*/notes/create"`. `*` matches anything between
            two slashes, `**` matches anything.
        times: Maximum number of affected requests.
        after: Number of matching requests to let pass before the first affected one.
        chance: Probability that a matching request is affected, above 0 and at most 1. Runs with
            the same sequence of requests affect the same requests.
    """

    verb: str
    path: str
    times: int
    after: int
    chance: float


@dataclass(frozen=True)
class AffectedRequest:
    """A request that is affected by a fault, before it is executed."""

    app: WSGIApplication
    environ: WSGIEnvironment
    start: StartResponse
    fault: Fault

    def execute(self) -> Response:
        """Execute the request and return the response that the client should have received."""
        return Response.from_app(self.app, self.environ, buffered=True)

    def begin(self, response: Response) -> Callable[[bytes], object]:
        """Send the status and headers of a response; return a function that sends the body."""
        write = self.start(response.status, list(response.headers))
        write(b"")
        return write

    def send(self, response: Response) -> Iterable[bytes]:
        """Send a response of the fault, without normalizing its headers."""
        response.content_length = len(response.data)
        self.begin(response)(response.data)
        return []


class Fault:
    """A simulated failure with the requests that it affects; returned by the methods of `Faults`.

    Attributes:
        fired: Number of requests affected so far.

    >>> Faults().latency(0.2).fired
    0
    """

    def __init__(
        self,
        description: str,
        respond: Callable[[AffectedRequest], Iterable[bytes]],
        *,
        verb: str | None = None,
        path: str | None = None,
        times: int | None = None,
        after: int = 0,
        chance: float = 1.0,
    ) -> None:
        if times is not None and times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        if after < 0:
            raise ValueError(f"after must be at least 0, not {after}")
        if not 0 < chance <= 1:
            raise ValueError(f"chance must be above 0 and at most 1, not {chance}")
        self._description = description
        self._respond = respond
        self._verb = verb and verb.upper()
        self._path = path and _pattern(path)
        self._times = math.inf if times is None else times
        self._after = after
        self._chance = chance
        self._is_cleared = threading.Event()
        self.fired = 0

    def __repr__(self) -> str:
        return f"<Fault {self._description!r}, fired {self.fired}>"

    def fires(self, verb: str, path: str, generator: random.Random) -> bool:
        """Return whether the fault affects a request. If so, count the request."""
        if (
            self.fired >= self._times
            or self._verb not in (None, verb)
            or (self._path and not re.fullmatch(self._path, path))
        ):
            return False
        if self._after:
            self._after -= 1
            return False
        if generator.random() >= self._chance:
            return False
        self.fired += 1
        return True

    def respond(
        self, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Simulate the failure as a WSGI application; raise `HangUp` to drop the connection."""
        return self._respond(AffectedRequest(app, environ, start, self))

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until this fault is cleared."""
        self._is_cleared.wait(seconds)

    def end(self) -> None:
        """Release all requests that are waiting."""
        self._is_cleared.set()


class Faults:
    """The simulated failures of a sandbox: `box.faults`.

    Each method adds a fault and returns it. The attribute `fired` of the fault counts the affected
    requests. The options `verb`, `path`, `times`, `after` and `chance` select requests, see
    `Which`. If several faults match a request, only the one that was added first affects it. So
    several faults with `times=1` take effect one after the other. Iterating yields the faults that
    were added and not cleared. Methods may be called from any thread. Other processes that serve
    the same database are not affected.

    >>> from urllib.error import HTTPError
    >>> from urllib.request import urlopen
    >>> with Sandbox(seed="empty") as box:
    ...     address = f"{box.url}/users.xml?token={box.token}"
    ...     outage = box.faults.status(503, retry_after=2, path="users.xml", times=1)
    ...     try:
    ...         urlopen(address)
    ...     except HTTPError as error:
    ...         error.code, error.headers["Retry-After"], outage.fired
    ...     urlopen(address).status
    (503, '2', 1)
    200

    Raises:
        ValueError: An option is unknown or out of range.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._generator = random.Random(0)  # noqa: S311 - every run must be the same

    def __repr__(self) -> str:
        return f"<Faults {self._faults}>"

    def __iter__(self) -> Iterator[Fault]:
        return iter([*self._faults])

    def latency(self, seconds: float, **which: Unpack[Which]) -> Fault:
        """Delay requests by some seconds.

        >>> Faults().latency(0.2, path="ws/page/*")
        <Fault 'latency 0.2 path=ws/page/*', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            request.fault.wait(seconds)
            return request.app(request.environ, request.start)

        return self._add(f"latency {_seconds(seconds)}", respond, which)

    def slow_body(self, seconds: float, **which: Unpack[Which]) -> Fault:
        """Send the response in ten parts over some seconds.

        >>> Faults().slow_body(3)
        <Fault 'slow_body 3', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            response = request.execute()
            write, body = request.begin(response), response.data
            for piece in range(_PIECES):
                request.fault.wait(seconds / _PIECES)
                write(body[len(body) * piece // _PIECES : len(body) * (piece + 1) // _PIECES])
            return []

        return self._add(f"slow_body {_seconds(seconds)}", respond, which)

    def drop_before_write(self, **which: Unpack[Which]) -> Fault:
        """Close the connection when a request has arrived, without executing the request.

        >>> Faults().drop_before_write(times=2)
        <Fault 'drop_before_write times=2', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            raise HangUp

        return self._add("drop_before_write", respond, which)

    def drop_after_write(self, **which: Unpack[Which]) -> Fault:
        """Execute the request, then close the connection without a response.

        >>> Faults().drop_after_write(path="**/create", times=1)
        <Fault 'drop_after_write path=**/create times=1', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            request.execute()
            raise HangUp

        return self._add("drop_after_write", respond, which)

    def drop_when_idle(self, **which: Unpack[Which]) -> Fault:
        """Send a normal response that keeps the connection alive, then close the connection.

        The client notices the closed connection only when it sends the next request.

        >>> Faults().drop_when_idle(after=1)
        <Fault 'drop_when_idle after=1', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            response = request.execute()
            request.begin(response)(response.data)
            raise HangUp

        return self._add("drop_when_idle", respond, which)

    def truncate(self, **which: Unpack[Which]) -> Fault:
        """Execute the request, but close the connection after half of the body.

        >>> Faults().truncate(verb="GET")
        <Fault 'truncate verb=GET', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            response = request.execute()
            half = len(response.data) // 2
            request.begin(response)(response.data[:half])
            raise HangUp

        return self._add("truncate", respond, which)

    def wrong_length(self, **which: Unpack[Which]) -> Fault:
        """Execute the request, but send a `Content-Length` of half the length of the body.

        >>> Faults().wrong_length(times=1)
        <Fault 'wrong_length times=1', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            response = request.execute()
            body = response.data
            response.content_length = half = len(body) // 2
            request.begin(response)(body[:half])
            raise HangUp(body[half:])

        return self._add("wrong_length", respond, which)

    def garbage(self, **which: Unpack[Which]) -> Fault:
        """Execute the request, but respond with bytes that are not HTTP.

        >>> Faults().garbage(chance=0.1)
        <Fault 'garbage chance=0.1', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            request.execute()
            raise HangUp(_NOT_HTTP)

        return self._add("garbage", respond, which)

    def html_page(self, **which: Unpack[Which]) -> Fault:
        """Respond with 200 and an HTML page, like a captive portal, without executing the request.

        >>> Faults().html_page(times=1)
        <Fault 'html_page times=1', fired 0>
        """

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            return request.send(Response(_PORTAL, content_type="text/html; charset=utf-8"))

        return self._add("html_page", respond, which)

    def status(
        self,
        status: int,
        *,
        retry_after: int | None = None,
        executed: bool = False,
        **which: Unpack[Which],
    ) -> Fault:
        """Respond with an error status, such as 500, 502 or 503.

        Args:
            status: Status of the response, at least 400.
            retry_after: Seconds in the header `Retry-After`; no such header if None.
            executed: Whether to execute the request first, as if only a gateway had failed.
            which: The requests affected, see `Which`.

        >>> Faults().status(503, retry_after=2)
        <Fault 'status 503 retry_after=2', fired 0>
        """
        if status < HTTPStatus.BAD_REQUEST:
            raise ValueError(f"status must be an error, 400 or more, not {status}")
        phrase = HTTPStatus(status).phrase

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            if executed:
                request.execute()
            response = failure(status, phrase)
            if retry_after is not None:
                response.headers["Retry-After"] = str(retry_after)
            return request.send(response)

        options = f" retry_after={retry_after}" if retry_after is not None else ""
        options += " executed=yes" if executed else ""
        return self._add(f"status {status}{options}", respond, which)

    def error_body(self, code: int = 500, **which: Unpack[Which]) -> Fault:
        """Respond with 200 and a body with `success="false"` and an error code.

        >>> Faults().error_body(404, path="ws/page/7")
        <Fault 'error_body 404 path=ws/page/7', fired 0>
        """
        error = element("error", HTTPStatus(code).phrase, code=code)
        body = document([element("response", [error], success=False)], newline=False)

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            return request.send(Response(body, content_type="application/xml; charset=utf-8"))

        return self._add(f"error_body {code}", respond, which)

    def redirect(self, to: str, **which: Unpack[Which]) -> Fault:
        r"""Respond with 302 and the location `to`, which is not normalized.

        `{host}` is replaced by the host and port of the sandbox, `{path}` by the requested path
        with its query and token, if any. So `"https://{host}@evil.example{path}"`,
        `"//evil.example{path}"` and `r"\\evil.example{path}"` lead to another host.

        >>> Faults().redirect("http://{host}/login")
        <Fault 'redirect http://{host}/login', fired 0>
        """
        if not (isinstance(to, str) and to.isascii() and to.isprintable()):
            raise ValueError(f"a location must be printable ASCII, not {to!r}")

        def respond(request: AffectedRequest) -> Iterable[bytes]:
            host, path = get_host(request.environ), request.environ["REQUEST_URI"]
            location = to.replace("{host}", host).replace("{path}", path)
            return request.send(failure(302, "Found", location))

        return self._add(f"redirect {to}", respond, which)

    def add(self, description: str) -> Fault:
        """Add a fault from text, as on the command line: the name of a method and its arguments.

        >>> Faults().add("status 503 retry_after=2 path=ws/page/*/notes/create times=1")
        <Fault 'status 503 retry_after=2 path=ws/page/*/notes/create times=1', fired 0>
        """
        kind, *rest = description.split() or [""]
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; known are {', '.join(KINDS)}")
        method = KINDS[kind]
        *own, _ = list(inspect.signature(method).parameters.values())[1:]
        names = [parameter.name for parameter in own]
        options: dict[str, Any] = {}
        for word in rest:
            name, is_named, value = word.partition("=")
            if not is_named and names:
                name, value = names[0], word
            if name not in (*names, *Which.__annotations__):
                raise ValueError(f"the fault {kind} has no option {word!r}")
            options[name] = _READERS.get(name, str)(value)
        for parameter in own:
            if parameter.default is parameter.empty and parameter.name not in options:
                raise ValueError(f"the fault {kind} requires {parameter.name}=…")
        return method(self, **options)

    def clear(self) -> None:
        """Remove all faults and release requests that are waiting.

        >>> with Sandbox(seed="empty") as box:
        ...     never = box.faults.html_page()
        ...     box.faults.clear()
        ...     box.faults, never.fired
        (<Faults []>, 0)
        """
        with self._lock:
            faults, self._faults = self._faults, []
        for fault in faults:
            fault.end()

    def fault_for(self, verb: str, path: str) -> Fault | None:
        """Return the fault that affects a request, or None."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.fires(verb, path, self._generator):
                    return fault
        return None

    def _add(
        self, description: str, respond: Callable[[AffectedRequest], Iterable[bytes]], which: Which
    ) -> Fault:
        options = "".join(f" {name}={value}" for name, value in which.items())
        fault = Fault(description + options, respond, **which)
        with self._lock:
            self._faults.append(fault)
        return fault


def _pattern(path: str) -> str:
    """Return a path with wildcards as a regular expression.

    >>> _pattern("/ws/page/*/**")
    'ws/page/[^/]*/.*'
    """
    return re.escape(path.removeprefix("/")).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")


def _seconds(seconds: float) -> float:
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"seconds must be at least 0, not {seconds}")
    return seconds


def _yes_or_no(word: str) -> bool:
    if word not in ("yes", "no"):
        raise ValueError(f"executed must be yes or no, not {word!r}")
    return word == "yes"


_READERS: dict[str, Callable[[str], Any]] = {
    "seconds": float,
    "status": int,
    "retry_after": int,
    "executed": _yes_or_no,
    "code": int,
    "times": int,
    "after": int,
    "chance": float,
}
KINDS: dict[str, Callable[..., Fault]] = {
    method.__name__: method
    for method in (
        Faults.latency,
        Faults.slow_body,
        Faults.drop_before_write,
        Faults.drop_after_write,
        Faults.drop_when_idle,
        Faults.truncate,
        Faults.wrong_length,
        Faults.garbage,
        Faults.html_page,
        Faults.status,
        Faults.error_body,
        Faults.redirect,
    )
}
