"""Misbehaviour on demand: what goes wrong, and which requests meet it."""

from __future__ import annotations

import inspect
import math
import random
import re
import threading
from collections.abc import Callable, Iterable
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
_NO_HTTP = bytes(range(256))


class HangUp(Exception):  # noqa: N818 - says what is the case
    """The server closes the connection, after some last words that may be no HTTP."""

    def __init__(self, last_words: bytes = b"") -> None:
        super().__init__()
        self.last_words = last_words


class Which(TypedDict, total=False):
    """Which requests meet a fault: all of them, unless some of these say less.

    `verb`, such as `"POST"`. `path`, such as `"ws/page/*/notes/create"`, without a token: `*`
    stands for anything between two slashes, `**` for anything. `times`: how many requests meet it
    at most. `after`: how many that fit are let pass first. `chance`: which share of those that fit
    meets it, more than 0 and at most 1; it falls alike in every run with the same requests in turn.
    """

    verb: str
    path: str
    times: int
    after: int
    chance: float


@dataclass(frozen=True)
class Occasion:
    """A request that meets a fault, before anything was done about it."""

    app: WSGIApplication
    environ: WSGIEnvironment
    start: StartResponse
    fault: Fault

    def carry_out(self) -> Response:
        """Do what was asked for; returns what the client should have been answered."""
        return Response.from_app(self.app, self.environ, buffered=True)

    def begin(self, answer: Response) -> Callable[[bytes], object]:
        """Send the head of an answer; returns what sends more."""
        write = self.start(answer.status, list(answer.headers))
        write(b"")
        return write

    def send(self, answer: Response) -> Iterable[bytes]:
        """Answer something else, with its headers just as they are."""
        answer.content_length = len(answer.data)
        self.begin(answer)(answer.data)
        return []


class Fault:
    """A kind of misbehaviour, and which requests meet it; what the methods of `Faults` give.

    Attributes:
        fired: How many requests have met it so far.

    >>> Faults().latency(0.2).fired
    0
    """

    def __init__(
        self,
        words: str,
        misbehave: Callable[[Occasion], Iterable[bytes]],
        *,
        verb: str | None = None,
        path: str | None = None,
        times: int | None = None,
        after: int = 0,
        chance: float = 1.0,
    ) -> None:
        if times is not None and times < 1:
            raise ValueError(f"a fault happens once or more, not {times} times")
        if after < 0:
            raise ValueError(f"a fault happens after 0 requests or more, not {after}")
        if not 0 < chance <= 1:
            raise ValueError(f"a chance is more than 0 and at most 1, not {chance}")
        self._words = words
        self._misbehave = misbehave
        self._verb = verb and verb.upper()
        self._path = path and _pattern(path)
        self._times = math.inf if times is None else times
        self._after = after
        self._chance = chance
        self._over = threading.Event()
        self.fired = 0

    def __repr__(self) -> str:
        return f"<Fault {self._words!r}, fired {self.fired}>"

    def fires(self, verb: str, path: str, dice: random.Random) -> bool:
        """Whether a request meets it; counts that."""
        if (
            self.fired >= self._times
            or self._verb not in (None, verb)
            or (self._path and not re.fullmatch(self._path, path))
        ):
            return False
        if self._after:
            self._after -= 1
            return False
        if dice.random() >= self._chance:
            return False
        self.fired += 1
        return True

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Misbehave once, as a WSGI application would; raises `HangUp` to drop the connection."""
        return self._misbehave(Occasion(app, environ, start, self))

    def wait(self, seconds: float) -> None:
        """Let time pass, but none once this fault is over."""
        self._over.wait(seconds)

    def end(self) -> None:
        """Let go of all that wait."""
        self._over.set()


class Faults:
    """What goes wrong in a sandbox, and when: `box.faults`.

    Each method plans one fault, and returns it; its `fired` counts the requests that met it. A
    request meets one fault at most, the first planned of those that fit it, so that faults which
    happen once make up a script. Which requests fit is said by `verb`, `path`, `times`, `after` and
    `chance`, as `Which` explains them. Any thread may plan, and all threads meet what is planned.

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

    Raises `ValueError` for what cannot be planned.
    """

    def __init__(self) -> None:
        self._plan: list[Fault] = []
        self._lock = threading.Lock()
        self._dice = random.Random(0)  # noqa: S311 - the same in every run is the point

    def __repr__(self) -> str:
        return f"<Faults {self._plan}>"

    def latency(self, seconds: float, **which: Unpack[Which]) -> Fault:
        """Let some seconds pass, then do and answer what was asked for.

        >>> Faults().latency(0.2, path="ws/page/*")
        <Fault 'latency 0.2 path=ws/page/*', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            request.fault.wait(seconds)
            return request.app(request.environ, request.start)

        return self._planned(f"latency {_seconds(seconds)}", misbehave, which)

    def slow_body(self, seconds: float, **which: Unpack[Which]) -> Fault:
        """Send the answer in ten pieces, so that all of it takes some seconds.

        >>> Faults().slow_body(3)
        <Fault 'slow_body 3', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            answer = request.carry_out()
            write, body = request.begin(answer), answer.data
            for piece in range(_PIECES):
                request.fault.wait(seconds / _PIECES)
                write(body[len(body) * piece // _PIECES : len(body) * (piece + 1) // _PIECES])
            return []

        return self._planned(f"slow_body {_seconds(seconds)}", misbehave, which)

    def drop_before_write(self, **which: Unpack[Which]) -> Fault:
        """Close the connection when the request is there, and do nothing of what it asks for.

        >>> Faults().drop_before_write(times=2)
        <Fault 'drop_before_write times=2', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            raise HangUp

        return self._planned("drop_before_write", misbehave, which)

    def drop_after_write(self, **which: Unpack[Which]) -> Fault:
        """Do what was asked for, then close the connection instead of answering.

        >>> Faults().drop_after_write(path="**/create", times=1)
        <Fault 'drop_after_write path=**/create times=1', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            request.carry_out()
            raise HangUp

        return self._planned("drop_after_write", misbehave, which)

    def drop_when_idle(self, **which: Unpack[Which]) -> Fault:
        """Answer well, then close the connection, which the answer had promised to keep.

        Whoever keeps it for the next request finds out only then.

        >>> Faults().drop_when_idle(after=1)
        <Fault 'drop_when_idle after=1', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            answer = request.carry_out()
            request.begin(answer)(answer.data)
            raise HangUp

        return self._planned("drop_when_idle", misbehave, which)

    def truncate(self, **which: Unpack[Which]) -> Fault:
        """Do what was asked for, but close the connection after half of the answer's body.

        >>> Faults().truncate(verb="GET")
        <Fault 'truncate verb=GET', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            answer = request.carry_out()
            half = len(answer.data) // 2
            request.begin(answer)(answer.data[:half])
            raise HangUp

        return self._planned("truncate", misbehave, which)

    def wrong_length(self, **which: Unpack[Which]) -> Fault:
        """Do what was asked for, but announce half as many bytes as the answer's body has.

        >>> Faults().wrong_length(times=1)
        <Fault 'wrong_length times=1', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            answer = request.carry_out()
            body = answer.data
            answer.content_length = half = len(body) // 2
            request.begin(answer)(body[:half])
            raise HangUp(body[half:])

        return self._planned("wrong_length", misbehave, which)

    def garbage(self, **which: Unpack[Which]) -> Fault:
        """Do what was asked for, but answer bytes that are not even HTTP.

        >>> Faults().garbage(chance=0.1)
        <Fault 'garbage chance=0.1', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            request.carry_out()
            raise HangUp(_NO_HTTP)

        return self._planned("garbage", misbehave, which)

    def html_page(self, **which: Unpack[Which]) -> Fault:
        """Answer 200 and a page for people, as a network does that wants its terms accepted.

        >>> Faults().html_page(times=1)
        <Fault 'html_page times=1', fired 0>
        """

        def misbehave(request: Occasion) -> Iterable[bytes]:
            return request.send(Response(_PORTAL, content_type="text/html; charset=utf-8"))

        return self._planned("html_page", misbehave, which)

    def status(
        self,
        status: int,
        *,
        retry_after: int | None = None,
        executed: bool = False,
        **which: Unpack[Which],
    ) -> Fault:
        """Answer an error, such as 500, 502 or 503.

        `retry_after` are the seconds to wait that it tells. When it is `executed`, what was asked
        for is done first, as when only a gateway before the service failed.

        >>> Faults().status(503, retry_after=2)
        <Fault 'status 503 retry_after=2', fired 0>
        """
        if status < HTTPStatus.BAD_REQUEST:
            raise ValueError(f"{status} is no error: one is 400 or more")
        phrase = HTTPStatus(status).phrase

        def misbehave(request: Occasion) -> Iterable[bytes]:
            if executed:
                request.carry_out()
            answer = failure(status, phrase)
            if retry_after is not None:
                answer.headers["Retry-After"] = str(retry_after)
            return request.send(answer)

        said = f" retry_after={retry_after}" if retry_after is not None else ""
        said += " executed=yes" if executed else ""
        return self._planned(f"status {status}{said}", misbehave, which)

    def error_body(self, code: int = 500, **which: Unpack[Which]) -> Fault:
        """Answer 200, with a body that tells of an error and has its code.

        >>> Faults().error_body(404, path="ws/page/7")
        <Fault 'error_body 404 path=ws/page/7', fired 0>
        """
        error = element("error", HTTPStatus(code).phrase, code=code)
        body = b"".join(document([element("response", [error], success=False)], newline=False))

        def misbehave(request: Occasion) -> Iterable[bytes]:
            return request.send(Response(body, content_type="application/xml; charset=utf-8"))

        return self._planned(f"error_body {code}", misbehave, which)

    def redirect(self, to: str, **which: Unpack[Which]) -> Fault:
        r"""Answer 302 and the address `to`, just as it is.

        `{host}` in it stands for the sandbox's host and port, `{path}` for the path that was asked
        for, with its query and any token. So `"https://{host}@evil.example{path}"` leads elsewhere,
        and so do `"//evil.example{path}"` and `r"\\evil.example{path}"`.

        >>> Faults().redirect("http://{host}/login")
        <Fault 'redirect http://{host}/login', fired 0>
        """
        if not (to.isascii() and to.isprintable()):
            raise ValueError(f"an address is printable ASCII, not {to!r}")

        def misbehave(request: Occasion) -> Iterable[bytes]:
            host, path = get_host(request.environ), request.environ["REQUEST_URI"]
            location = to.replace("{host}", host).replace("{path}", path)
            return request.send(failure(302, "Found", location))

        return self._planned(f"redirect {to}", misbehave, which)

    def add(self, words: str) -> Fault:
        """Plan a fault by its words on the command line: a method, then what it takes.

        >>> Faults().add("status 503 retry_after=2 path=ws/page/*/notes/create times=1")
        <Fault 'status 503 retry_after=2 path=ws/page/*/notes/create times=1', fired 0>
        """
        kind, *rest = words.split() or [""]
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; there are {', '.join(KINDS)}")
        plan = KINDS[kind]
        *own, _ = list(inspect.signature(plan).parameters.values())[1:]
        names = [parameter.name for parameter in own]
        options: dict[str, Any] = {}
        for word in rest:
            name, is_named, value = word.partition("=")
            if not is_named and names:
                name, value = names[0], word
            if name not in (*names, *Which.__annotations__):
                raise ValueError(f"the fault {kind} does not take {word!r}")
            options[name] = _READERS.get(name, str)(value)
        for parameter in own:
            if parameter.default is parameter.empty and parameter.name not in options:
                raise ValueError(f"the fault {kind} needs {parameter.name}=…")
        return plan(self, **options)

    def clear(self) -> None:
        """Forget all that is planned; what waits goes on at once.

        >>> with Sandbox(seed="empty") as box:
        ...     never = box.faults.html_page()
        ...     box.faults.clear()
        ...     box.faults, never.fired
        (<Faults []>, 0)
        """
        with self._lock:
            plan, self._plan = self._plan, []
        for fault in plan:
            fault.end()

    def met_by(self, verb: str, path: str) -> Fault | None:
        """The fault that a request meets, if it does."""
        if not self._plan:
            return None
        with self._lock:
            for fault in self._plan:
                if fault.fires(verb, path, self._dice):
                    return fault
        return None

    def _planned(
        self, words: str, misbehave: Callable[[Occasion], Iterable[bytes]], which: Which
    ) -> Fault:
        said = "".join(f" {name}={value}" for name, value in which.items())
        fault = Fault(words + said, misbehave, **which)
        with self._lock:
            self._plan.append(fault)
        return fault


def _pattern(path: str) -> str:
    """A path with stars as a regular expression.

    >>> _pattern("/ws/page/*/**")
    'ws/page/[^/]*/.*'
    """
    return re.escape(path.removeprefix("/")).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")


def _seconds(seconds: float) -> float:
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"a fault takes 0 seconds or more, not {seconds}")
    return seconds


def _yes_or_no(word: str) -> bool:
    if word not in ("yes", "no"):
        raise ValueError(f"say yes or no, not {word!r}")
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
    plan.__name__: plan
    for plan in (
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
