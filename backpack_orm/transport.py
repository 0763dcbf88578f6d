"""One HTTP exchange done right: where the token goes, where a redirect may lead, what failed."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cached_property
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit
from weakref import WeakSet

import requests
from attrs import frozen
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from backpack_orm import errors
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    InvalidResponse,
    OutcomeUnknown,
    RateLimited,
    Timeout,
    TransportError,
    UnexpectedRedirect,
    ValidationError,
)
from backpack_orm.wire import parse
from backpack_orm.wire.build import Words
from backpack_orm.wire.endpoint import Endpoint, Place
from backpack_orm.wire.parse import Answer

logger = logging.getLogger("backpack_orm")

MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_POOL_SIZE = 32
_LOGIN = re.compile(r"log-?in|sign-?in|session|launchpad", re.IGNORECASE)


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


@frozen
class _Received:
    """What came back."""

    answer: Answer
    redirect: Redirect | None
    target: str
    retry_after: str | None


@frozen
class _Lost:
    """Why nothing came back, and whether the request may have been carried out."""

    reason: str
    kind: type[BackpackError]
    may_have_arrived: bool


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
    ) -> None:
        self.url = url
        self._secret = secret
        self._is_bearer = is_bearer
        self._timeout = timeout
        self._allow_insecure = allow_insecure
        self._sent: Counter[str] = Counter()
        self._counting = Lock()
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL_SIZE)
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/xml",
            "Accept-Encoding": "gzip",
        }
        _hide_tokens.hide(secret)

    def exchange(
        self, endpoint: Endpoint, ids: Sequence[int], words: Mapping[str, Words]
    ) -> Answer:
        """Make one call; more than one request only when the account has moved to https.

        Raises:
            TransportError: Nothing came back, or a redirect; its classes say what that means.
            ApiError: The service refused; its classes are by status.
        """
        path = endpoint.path_for_people(ids)
        received = self._attempt(endpoint, ids, words, path)
        if received.redirect is Redirect.UPGRADE or (
            received.redirect is Redirect.DOWNGRADE and self._allow_insecure
        ):
            self.url = received.target
            logger.info("the account has moved to %s", self.url)
            received = self._attempt(endpoint, ids, words, path)
        problem = self._problem(received)
        if problem is not None:
            problem.verb, problem.path = endpoint.verb, path
            raise problem
        return received.answer

    @property
    def sent(self) -> dict[str, int]:
        """The requests sent so far, by call."""
        with self._counting:
            return dict(self._sent)

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
        self, endpoint: Endpoint, ids: Sequence[int], words: Mapping[str, Words], path: str
    ) -> _Received:
        with self._counting:
            self._sent[endpoint.label] += 1
        began = time.perf_counter()
        outcome = self._send(endpoint, ids, words)
        took = (time.perf_counter() - began) * 1000
        if isinstance(outcome, _Received):
            status, size = outcome.answer.status, len(outcome.answer.content)
            logger.debug("%s %s: %d, %d bytes, %.0f ms", endpoint.verb, path, status, size, took)
            return outcome
        logger.warning("%s %s: %s, %.0f ms", endpoint.verb, path, outcome.reason, took)
        if outcome.may_have_arrived and not endpoint.is_idempotent:
            raise OutcomeUnknown(
                f"{outcome.reason}; the write may have happened or not, "
                "and was not sent again: look at the service first",
                verb=endpoint.verb,
                path=path,
            )
        raise outcome.kind(outcome.reason, verb=endpoint.verb, path=path)

    def _problem(self, received: _Received) -> BackpackError | None:
        """The error that an answer stands for, if it does."""
        if received.redirect is not None:
            return self._redirected(received.redirect, self.scrub_text(received.target))
        status = received.answer.status
        content = self.scrub(received.answer.content)
        failed = parse.failure(content)
        if status < 300 and failed is None:
            return None
        code, message = failed or (status, _phrase(status))
        if status >= 300:
            code = status
        if code in (429, 503) and received.retry_after is not None:
            limited = RateLimited(f"too many requests; {message}", status=code)
            limited.retry_after = _seconds(received.retry_after)
            return limited
        excerpt = None if failed or not content.strip() else parse.excerpt(content)
        return errors.for_status(code)(message, status=code, excerpt=excerpt)

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
    ) -> _Received | _Lost:
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
            return _Lost(f"this cannot be sent: {error}", ValidationError, False)
        if content is None:
            reason = f"{self._host} sends more than {MAX_ANSWER_BYTES:,} bytes"
            return _Lost(reason, InvalidResponse, True)
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

    def _lost(self, error: Exception) -> _Lost:
        """What a failure of the libraries below means."""
        host, (connecting, answering) = self._host, self._timeout
        if isinstance(error, requests.ConnectTimeout):
            return _Lost(f"{host} took no connection in {connecting:g} s", Timeout, False)
        if isinstance(error, requests.ReadTimeout | ReadTimeoutError):
            return _Lost(f"{host} gave no answer in {answering:g} s", Timeout, True)
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return _Lost(f"{host} shows no certificate to be trusted", TransportError, False)
        if isinstance(error, requests.exceptions.ProxyError):
            reason = f"the proxy leads to no {host}: check the proxy and the network"
            return _Lost(reason, TransportError, False)
        cause = error.args[0] if error.args else None
        if isinstance(getattr(cause, "reason", None), NewConnectionError):
            reason = f"{host} cannot be reached: check the address and the network"
            return _Lost(reason, TransportError, False)
        return _Lost(f"{host} dropped the connection", TransportError, True)

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
    if _LOGIN.search(f"{new.hostname}{new.path}"):
        return Redirect.LOGIN, target
    return Redirect.ELSEWHERE, target


def _port_when_secure(parts: SplitResult) -> int:
    """The port, once http's own is taken for https's."""
    return 443 if parts.port in (None, 80) else parts.port


def _seconds(words: str) -> float | None:
    """What a `Retry-After` asks for, when it does so in seconds."""
    return float(words) if words.isdecimal() else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "a status that no standard knows"
