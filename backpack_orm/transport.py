"""One HTTP exchange done right: where the token goes, where a redirect may lead, what failed."""

from __future__ import annotations

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cached_property
from http import HTTPStatus
from threading import Lock
from typing import Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit
from weakref import WeakSet

import requests
from attrs import define, frozen
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import (
    HTTPError,
    InvalidHeader,
    LocationParseError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util.retry import Retry

from backpack_orm import errors
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Timeout,
    TransportError,
    UnexpectedRedirect,
    ValidationError,
)
from backpack_orm.limits import WINDOW, Limits
from backpack_orm.wire import parse
from backpack_orm.wire.build import Words
from backpack_orm.wire.endpoint import Endpoint, Kind, Place
from backpack_orm.wire.parse import Answer

T = TypeVar("T")

logger = logging.getLogger("backpack_orm")
logger.addHandler(logging.NullHandler())  # where nobody wants to hear of it, nobody does

TRIES = 5
"""How often a call is sent at most, those that the service was too busy for not counted."""
BACK_OFF = 0.5
"""Seconds to wait at most before the second try; each further try doubles them."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_POOL_SIZE = 32
_LOGIN = r"(?i)log-?in|sign-?in|session|launchpad"


class Secret:
    """A token that shows itself to nobody but the wire.

    >>> Secret("0123456789abcdef")
    [token]
    """

    __slots__ = ("__weakref__", "_words")

    def __init__(self, words: str) -> None:
        self._words = words

    def reveal(self) -> str:
        """The token itself."""
        return self._words

    def __repr__(self) -> str:
        return "[token]"

    def __reduce__(self) -> Any:
        raise TypeError("a token is never pickled or copied")


class _HideTokens(logging.Filter):
    """Takes tokens out of what the HTTP library logs: some calls carry them in the path."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: WeakSet[Secret] = WeakSet()
        self._lock = Lock()

    def hide(self, secret: Secret) -> None:
        """Take a token out from now on."""
        with self._lock:
            self._secrets.add(secret)

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        with self._lock:
            secrets = tuple(self._secrets)
        for secret in secrets:
            line = line.replace(secret.reveal(), "[token]")
        record.msg, record.args, record.exc_info = line, (), None  # an error may quote an answer
        return True


_hide_tokens = _HideTokens()
for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_hide_tokens)


class Redirect(Enum):
    """Where a redirect leads, as far as it matters."""

    UPGRADE = "the same place under https"
    DOWNGRADE = "the same place without https"
    LOGIN = "a login page"
    ELSEWHERE = "elsewhere"


class Event(Enum):
    """What became of one request, as far as sending it again is concerned."""

    NOT_SENT = "no connection came about"
    LOST = "it was sent, and no whole answer came"
    OUTAGE = "what stands before the service answered in its place: 502, 503 or 504"
    BUSY = "the service has no time for it, and has not looked at it"
    UNREADABLE = "the answer is not what the API documents"
    GONE = "what an earlier try may have destroyed is not there"
    REFUSED = "the service said no, or it cannot be sent at all"


class Then(Enum):
    """What to do then."""

    AGAIN = "wait a little and send it again"
    PAUSE = "send nothing of the kind for as long as the service says, then send it again"
    FAIL = "raise the error"
    UNKNOWN = "raise that nobody knows whether it was done"
    DONE = "take it for done"


_KINDS = (Kind.READ, Kind.REPEATABLE, Kind.ONCE, Kind.DESTROY)
_AGAIN, _PAUSE, _FAIL, _UNKNOWN, _DONE = Then
_TABLE = {
    Event.NOT_SENT: (_AGAIN, _AGAIN, _AGAIN, _AGAIN),
    Event.LOST: (_AGAIN, _AGAIN, _UNKNOWN, _AGAIN),
    Event.OUTAGE: (_AGAIN, _AGAIN, _UNKNOWN, _AGAIN),
    Event.BUSY: (_PAUSE, _PAUSE, _PAUSE, _PAUSE),
    Event.UNREADABLE: (_FAIL, _FAIL, _UNKNOWN, _FAIL),
    Event.GONE: (_FAIL, _FAIL, _FAIL, _DONE),
    Event.REFUSED: (_FAIL, _FAIL, _FAIL, _FAIL),
}
RULES: Mapping[tuple[Kind, Event], Then] = {
    (kind, event): then
    for event, row in _TABLE.items()
    for kind, then in zip(_KINDS, row, strict=True)
}
"""What follows, for each kind of call, from each event."""

_DESTROYED = Answer(200, b'<response success="true"/>')


@frozen(eq=False, repr=False)
class _Received:
    """What came back."""

    answer: Answer
    redirect: Redirect | None
    target: str
    retry_after: str | None


class _Failed(NamedTuple):
    """Why a request came to nothing, and what that means for sending it again."""

    event: Event
    error: BackpackError


@define(eq=False, repr=False)
class _Call:
    """One call on its way, with all its tries."""

    endpoint: Endpoint
    path: str
    patience: float
    """Seconds that it may still wait."""
    tries: int = 1
    may_be_done: bool = False
    """Whether a try may have been carried out although no answer tells."""
    has_moved: bool = False


class Transport:
    """Sends calls to one account and gives their answers, or raises what went wrong.

    Threads may share it: they share its pool of sockets and nothing else.
    """

    def __init__(
        self,
        url: str,
        secret: Secret,
        *,
        is_bearer: bool,
        user_agent: str,
        timeout: tuple[float, float],
        allow_insecure: bool,
        max_wait: float,
        limits: Limits,
    ) -> None:
        self.url = url
        self._secret = secret
        self._is_bearer = is_bearer
        self._timeout = timeout
        self._allow_insecure = allow_insecure
        self._max_wait = max_wait
        self._limits = limits
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/xml",
            "Accept-Encoding": "gzip",
        }
        _hide_tokens.hide(secret)
        self.begin()

    def begin(self) -> None:
        """Begin without sockets, and with nothing sent."""
        self._sent: Counter[str] = Counter()
        self._sent_again: Counter[str] = Counter()
        self._waited = 0.0
        self._counting = Lock()
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL_SIZE)

    def exchange(
        self,
        endpoint: Endpoint,
        ids: Sequence[int],
        words: Mapping[str, Words],
        read: Callable[[Answer], T],
    ) -> tuple[T, int]:
        """Make one call: one request, and more where sending it again does no harm.

        Returns:
            What the answer was read as, and its size in bytes.

        Raises:
            TransportError: Nothing came back, or a redirect; its classes say what that means.
            InvalidResponse: What came back cannot be read.
            ApiError: The service refused; its classes are by status.
        """
        call = _Call(endpoint, endpoint.path_for_people(ids), self._max_wait)
        while True:
            self._wait_until_free(call)
            outcome = self._attempt(call, ids, words)
            if self._follow(call, outcome):
                continue
            result = self._result(call, outcome, read)
            if not isinstance(result, _Failed):
                return result
            del outcome  # it holds the answer, and what is raised from here keeps this frame
            then = RULES[endpoint.kind, result.event]
            if then is Then.DONE:
                return read(_DESTROYED), 0
            if not self._has_another_try(call, then, result):
                raise _told(call, then, result.error)

    def _has_another_try(self, call: _Call, then: Then, failed: _Failed) -> bool:
        """Whether to send it again; once that may be done."""
        call.may_be_done |= failed.event in (Event.LOST, Event.OUTAGE, Event.UNREADABLE)
        if then is Then.PAUSE:
            assert isinstance(failed.error, RateLimited)
            seconds = WINDOW if failed.error.retry_after is None else failed.error.retry_after
            seconds = max(seconds, 1.0)  # a service that says 0 would be asked without end
            self._limits.pause(call.endpoint.budget, seconds)
            if seconds > call.patience:
                return False
        else:
            seconds = random.uniform(0, BACK_OFF * 2 ** (call.tries - 1))  # noqa: S311 - no secret
            if then is not Then.AGAIN or call.tries == TRIES or seconds > call.patience:
                return False
            call.tries += 1
            self._wait(call, seconds, f"try {call.tries} of {TRIES}")
        with self._counting:
            self._sent_again[call.endpoint.label] += 1
        return True

    def _wait_until_free(self, call: _Call) -> None:
        """Wait until the service takes one more request.

        Raises:
            RateLimited: That is longer than this call may wait.
        """
        budget = call.endpoint.budget
        while seconds := self._limits.seconds_until_free(budget):
            if seconds > call.patience:
                error = RateLimited(
                    f"{self._host} takes no request for another {seconds:.1f} s, and this call "
                    f"may wait no longer than max_wait={self._max_wait:g} s in all"
                )
                error.retry_after = seconds
                raise _told(call, Then.PAUSE, error)
            self._wait(call, seconds, "the service's limits")

    def _wait(self, call: _Call, seconds: float, reason: str) -> None:
        logger.info("%s %s waits %.1f s for %s", call.endpoint.verb, call.path, seconds, reason)
        call.patience -= seconds
        with self._counting:
            self._waited += seconds
        time.sleep(seconds)

    @property
    def sent(self) -> dict[str, int]:
        """The requests sent so far, by call."""
        with self._counting:
            return dict(self._sent)

    @property
    def sent_again(self) -> dict[str, int]:
        """How many of them were not the first try of their call, by call."""
        with self._counting:
            return dict(self._sent_again)

    @property
    def waited(self) -> float:
        """Seconds that calls have waited before they were sent, all together."""
        with self._counting:
            return self._waited

    def scrub(self, content: bytes) -> bytes:
        """An answer without the token, should it repeat it."""
        return content.replace(self._secret.reveal().encode(), b"[token]")

    def scrub_text(self, text: str) -> str:
        """A message without the token, should it quote an answer that repeats it."""
        return text.replace(self._secret.reveal(), "[token]")

    def close(self) -> None:
        """Close the sockets."""
        self._adapter.close()

    def _attempt(
        self, call: _Call, ids: Sequence[int], words: Mapping[str, Words]
    ) -> _Received | _Failed:
        """Send it once."""
        verb = call.endpoint.verb
        with self._counting:
            self._sent[call.endpoint.label] += 1
        began = time.perf_counter()
        outcome = self._send(call.endpoint, ids, words)
        took = (time.perf_counter() - began) * 1000
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, _Failed):
            logger.warning("%s %s: %s, %.0f ms", verb, call.path, outcome.error.message, took)
        else:
            status, size = outcome.answer.status, len(outcome.answer.content)
            logger.debug("%s %s: %d, %d bytes, %.0f ms", verb, call.path, status, size, took)
        return outcome

    def _follow(self, call: _Call, outcome: _Received | _Failed) -> bool:
        """Whether the account has moved to https, and the call is to be sent there, once."""
        if isinstance(outcome, _Failed) or call.has_moved:
            return False
        if outcome.redirect is Redirect.UPGRADE or (
            outcome.redirect is Redirect.DOWNGRADE and self._allow_insecure
        ):
            self.url = outcome.target
            call.has_moved = True
            logger.info("the account has moved to %s", self.url)
        return call.has_moved

    def _result(
        self, call: _Call, outcome: _Received | _Failed, read: Callable[[Answer], T]
    ) -> tuple[T, int] | _Failed:
        """What a request came to."""
        if isinstance(outcome, _Failed):
            return outcome
        failed = self._problem(call, outcome)
        if failed is not None:
            return failed
        answer = outcome.answer
        try:
            return read(answer), len(answer.content)
        except InvalidResponse as error:
            message = error.message
        unreadable = InvalidResponse(  # a new one: the frames of the first hold the answer
            self.scrub_text(message),
            status=answer.status,
            excerpt=parse.excerpt(self.scrub(answer.content)) or None,
        )
        return _Failed(Event.UNREADABLE, unreadable)

    def _problem(self, call: _Call, received: _Received) -> _Failed | None:
        """The failure that an answer stands for, if it does."""
        if received.redirect is not None:
            target = self.scrub_text(received.target)
            return _Failed(Event.REFUSED, self._redirected(received.redirect, target))
        status, content = received.answer.status, received.answer.content
        if status < 300 and parse.failure(content) is None:
            return None
        content = self.scrub(content)
        failed = parse.failure(content)
        code, message = failed or (status, _phrase(status))
        if status >= 300:
            code = status
        if code == 429 or (code == 503 and received.retry_after is not None):
            limited = RateLimited(f"too many requests; {message}", status=code)
            limited.retry_after = _seconds(received.retry_after)
            return _Failed(Event.BUSY, limited)
        excerpt = None if failed or not content.strip() else parse.excerpt(content)
        error = errors.for_status(code)(message, status=code, excerpt=excerpt)
        if status in (502, 503, 504):
            return _Failed(Event.OUTAGE, error)
        is_gone = isinstance(error, NotFound) and call.may_be_done
        return _Failed(Event.GONE if is_gone else Event.REFUSED, error)

    def _redirected(self, redirect: Redirect, target: str) -> BackpackError:
        if redirect is Redirect.LOGIN:
            return AuthenticationError(
                f"{self._host} sends to its login page: the token is wrong, or of another account",
                status=302,
            )
        if redirect is Redirect.DOWNGRADE:
            return UnexpectedRedirect(
                f"{self._host} redirects to http, which would send the token in clear; "
                "connect with an http:// address and allow_insecure=True if that is meant",
                status=302,
            )
        return UnexpectedRedirect(
            f"{self._host} redirects to {target}, where the token must not go: "
            "check the account's address",
            status=302,
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc

    # Whatever holds the token lives only below here, in frames that return instead of raising.

    def _send(
        self, endpoint: Endpoint, ids: Sequence[int], words: Mapping[str, Words]
    ) -> _Received | _Failed | BaseException:
        try:
            prepared = self._prepare(endpoint, ids, words)
            response = self._adapter.send(
                prepared, stream=True, timeout=self._timeout, **self._environment
            )
            try:
                content = _read(response)
            finally:
                response.close()
        except (requests.RequestException, HTTPError, OSError) as error:
            return self._lost(error)
        except ValueError as error:
            return _Failed(Event.REFUSED, ValidationError(f"this cannot be sent: {error}"))
        except BaseException as error:  # such as Ctrl-C, while the frames below hold the token
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        if content is None:
            reason = f"{self._host} sends more than {MAX_ANSWER_BYTES:,} bytes"
            return _Failed(Event.UNREADABLE, InvalidResponse(reason))
        status, location = response.status_code, response.headers.get("Location")
        redirect, target = None, ""
        if 300 <= status < 400:
            redirect, target = _where(prepared.url or "", location or "")
        return _Received(
            Answer(status, content, location),
            redirect,
            target,
            response.headers.get("Retry-After"),
        )

    def _lost(self, error: Exception) -> _Failed:
        """What a failure of the libraries below means."""
        host, (connecting, answering) = self._host, self._timeout
        if isinstance(error, requests.ConnectTimeout):
            reason = f"{host} took no connection in {connecting:g} s"
            return _Failed(Event.NOT_SENT, Timeout(reason))
        if isinstance(error, requests.ReadTimeout | ReadTimeoutError):
            return _Failed(Event.LOST, Timeout(f"{host} gave no answer in {answering:g} s"))
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            reason = f"{host} shows no certificate to be trusted"
            return _Failed(Event.REFUSED, TransportError(reason))
        if isinstance(error, requests.exceptions.ProxyError):
            reason = f"the proxy leads to no {host}: check the proxy and the network"
            return _Failed(Event.NOT_SENT, TransportError(reason))
        unreachable = TransportError(f"{host} cannot be reached: check the address and the network")
        if isinstance(error, LocationParseError):
            return _Failed(Event.REFUSED, unreachable)
        cause = error.args[0] if error.args else None
        if isinstance(getattr(cause, "reason", None), NewConnectionError):
            return _Failed(Event.NOT_SENT, unreachable)
        return _Failed(Event.LOST, TransportError(f"{host} dropped the connection"))

    def _prepare(
        self, endpoint: Endpoint, ids: Sequence[int], words: Mapping[str, Words]
    ) -> requests.PreparedRequest:
        """One request, written out: a session's own preparation costs as much as a small answer."""
        token = self._secret.reveal()
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(self._headers)
        if self._is_bearer:
            headers["Authorization"] = f"Bearer {token}"
        elif endpoint.place is Place.HEADER:
            headers["X-BP-Token"] = token
        place = None if self._is_bearer else token
        body = endpoint.body_for(words, place)
        if body is not None:
            headers["Content-Type"] = "application/xml"
            headers["Content-Length"] = str(len(body))
        prepared = requests.PreparedRequest()
        prepared.method = endpoint.verb
        prepared.url = self.url + endpoint.path_for(ids, place)
        prepared.headers = headers
        prepared.body = body
        return prepared

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """Proxies and certificates as the environment has them, read once."""
        with requests.Session() as session:
            settings = session.merge_environment_settings(self.url, {}, None, None, None)
        return {name: settings[name] for name in ("proxies", "verify", "cert")}


def _read(response: requests.Response) -> bytes | None:
    """The body, in large pieces; None when it has no end in sight."""
    pieces, size = [], 0
    while piece := response.raw.read(_PIECE_BYTES, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            return None
    return b"".join(pieces)


def _where(url: str, location: str) -> tuple[Redirect, str]:
    """What a redirect from a URL means, and its target as far as a message may show it.

    >>> _where("http://acme.backpackit.com/ws/page/7", "https://acme.backpackit.com/ws/page/7")
    (<Redirect.UPGRADE: 'the same place under https'>, 'https://acme.backpackit.com')
    >>> _where("https://acme.backpackit.com/ws/page/7", "https://evil.example/login/../x")[0]
    <Redirect.LOGIN: 'a login page'>
    """
    old = urlsplit(url)
    try:
        new = urlsplit(urljoin(url, location))
        host = f"[{new.hostname}]" if ":" in (new.hostname or "") else new.hostname
        target = f"{new.scheme}://{host}" + (f":{new.port}" if new.port else "")
        same_place = (new.hostname, new.path, new.query) == (old.hostname, old.path, old.query)
        same_port = _port_when_secure(new) == _port_when_secure(old)
    except ValueError:
        return Redirect.ELSEWHERE, "an address that cannot be read"
    if same_place and same_port and not new.username:
        if (old.scheme, new.scheme) == ("http", "https"):
            return Redirect.UPGRADE, target
        if (old.scheme, new.scheme) == ("https", "http"):
            return Redirect.DOWNGRADE, target
    if re.search(_LOGIN, f"{new.hostname}{new.path}"):
        return Redirect.LOGIN, target
    return Redirect.ELSEWHERE, target


def _port_when_secure(parts: SplitResult) -> int:
    """The port, once http's own is taken for https's."""
    return 443 if parts.port in (None, 80) else parts.port


def _told(call: _Call, then: Then, error: BackpackError) -> BackpackError:
    """The error that a call ends with."""
    if then is Then.UNKNOWN:
        error = OutcomeUnknown(
            f"{error.message}; the write may have happened or not, "
            "and was not sent again: look at the service first",
            status=error.status,
            excerpt=error.excerpt,
        )
    elif call.may_be_done and call.endpoint.kind is not Kind.READ:
        error.add("the write may have happened all the same")
        error.may_have_happened = True
    error.verb, error.path = call.endpoint.verb, call.path
    error.retryable = then in (Then.AGAIN, Then.PAUSE)
    return error


def _seconds(words: str | None) -> float | None:
    """What a `Retry-After` asks for, in seconds or as a date.

    >>> _seconds("5"), _seconds("Mon, 05 Mar 2007 18:30:15 GMT"), _seconds("soon")
    (5.0, 0.0, None)
    """
    try:
        return float(Retry().parse_retry_after(words or ""))
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "a status that no standard knows"
