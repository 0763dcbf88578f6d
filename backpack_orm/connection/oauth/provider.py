"""The requests to an OAuth provider: for tokens, and for the accounts of a user."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode, urlsplit
from weakref import WeakSet

import requests
from requests.structures import CaseInsensitiveDict

from backpack_orm import errors
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.forks import after_fork
from backpack_orm.connection.redaction import Secret, log_redactor
from backpack_orm.connection.retries import Failed, Outcome, back_off, parse_retry_after
from backpack_orm.connection.sending import HttpSender, Received
from backpack_orm.errors import (
    AuthenticationError,
    InvalidResponse,
    RateLimited,
    UnexpectedRedirect,
    redacted,
)

if TYPE_CHECKING:
    from backpack_orm.connection.hooks import Hooks

TOKEN_PATH = "/authorization/token"  # noqa: S105 - no token
ACCOUNTS_PATH = "/authorization.json"
SIGN_IN_PATH = "/authorization/new"
MAX_TRIES = 3
MAX_SIZE = 1024 * 1024
_LONGEST_REASON = 200

REPEATABLE = frozenset({Outcome.NOT_SENT, Outcome.LOST, Outcome.OUTAGE})
UNSENT_ONLY = frozenset({Outcome.NOT_SENT})

Prepare = Callable[[], requests.PreparedRequest]

_all: WeakSet[Provider] = WeakSet()


@after_fork
def _reset_all() -> None:
    for provider in list(_all):
        provider.reset()


class Provider:
    """Sends requests to an OAuth provider.

    Args:
        url: The address of the provider, up to the host.
        user_agent: The User-Agent header.
        timeout: Seconds to connect, and to read.

    Attributes:
        hooks: Functions that are called with requests and responses; None if there are none.
    """

    def __init__(self, url: str, user_agent: str, timeout: tuple[float, float]) -> None:
        self.url = url
        self._user_agent = user_agent
        self._sender = HttpSender(timeout, MAX_SIZE)
        self.hooks: Hooks | None = None
        _all.add(self)

    def reset(self) -> None:
        """Start with new sockets, after a fork."""
        self._sender.reset()

    def token(
        self,
        parameters: Mapping[str, str | Secret],
        deadline: Deadline | None,
        repeat_after: frozenset[Outcome],
    ) -> Any:
        """Request tokens; return the answer as parsed JSON.

        Args:
            parameters: What to send, as a form: proxies and servers log addresses.
            deadline: When to stop.
            repeat_after: The outcomes after which it is sent again.

        Raises:
            AuthenticationError: The provider has refused the request.
            BackpackError: There is no answer, or another one than the provider documents.
        """
        secrets = tuple(each for each in parameters.values() if isinstance(each, Secret))
        prepare = partial(self._form, parameters)
        return self._call("POST", TOKEN_PATH, prepare, secrets, deadline, repeat_after)

    def accounts(self, secret: Secret) -> Any:
        """Return the user and the accounts of an access token, as parsed JSON.

        Raises:
            AuthenticationError: The provider has refused the access token.
            BackpackError: There is no answer, or another one than the provider documents.
        """
        prepare = partial(self._read, secret)
        return self._call("GET", ACCOUNTS_PATH, prepare, (secret,), None, REPEATABLE)

    def _form(self, parameters: Mapping[str, str | Secret]) -> requests.PreparedRequest:
        revealed = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in parameters.items()
        }
        prepared = self._prepared("POST", TOKEN_PATH)
        prepared.body = urlencode(revealed).encode()
        prepared.headers["Content-Type"] = "application/x-www-form-urlencoded"
        prepared.headers["Content-Length"] = str(len(prepared.body))
        return prepared

    def _read(self, secret: Secret) -> requests.PreparedRequest:
        prepared = self._prepared("GET", ACCOUNTS_PATH)
        prepared.headers["Authorization"] = f"Bearer {secret.reveal()}"
        return prepared

    def _prepared(self, verb: str, path: str) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = verb, self.url + path
        prepared.headers = CaseInsensitiveDict(
            {
                "User-Agent": self._user_agent,
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
        )
        return prepared

    def _call(
        self,
        verb: str,
        path: str,
        prepare: Prepare,
        secrets: tuple[Secret, ...],
        deadline: Deadline | None,
        repeat_after: frozenset[Outcome],
    ) -> Any:
        for secret in secrets:
            log_redactor.add(secret)
        tries = 1
        while True:
            hooks = self.hooks
            request = hooks.begin_sign_in(self.url, verb, path, tries) if hooks else None
            start = perf_counter()
            outcome = self._sender.exchange(prepare, self.url, secrets, deadline)
            if hooks and request:
                hooks.end(request, outcome, perf_counter() - start)
            if isinstance(outcome, BaseException):
                raise outcome
            answer = outcome if isinstance(outcome, Failed) else self._answer(outcome, secrets)
            del outcome  # it holds the response, and errors raised from here keep this frame
            if not isinstance(answer, Failed):
                return answer
            failed = answer
            seconds = back_off(tries)
            has_time = deadline is None or seconds < deadline.remaining
            if failed.outcome not in repeat_after or tries == MAX_TRIES or not has_time:
                is_repeatable = failed.outcome in repeat_after or failed.outcome is Outcome.BUSY
                _raise(verb, path, failed, is_repeatable)
            if hooks and request:
                hooks.retry(request, seconds, failed.error)
            time.sleep(seconds)
            tries += 1

    def _answer(self, received: Received, secrets: tuple[Secret, ...]) -> Any:
        """Return the answer as parsed JSON, or the failure, whose message does not quote it."""
        failed = self._problem(received, secrets)
        if failed is not None:
            return failed
        content = received.response.content
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            message = (
                f"{self._host} has sent {_kind(content)} instead of JSON: "
                "check the address of the provider"
            )
            status = received.response.status
            return Failed(Outcome.UNREADABLE, InvalidResponse(message, status=status))

    def _problem(self, received: Received, secrets: tuple[Secret, ...]) -> Failed | None:
        """Return the failure that a response means; None for a success."""
        status = received.response.status
        if received.redirect is not None:
            target = received.target
            for secret in secrets:
                target = secret.redact(target)
            message = f"{self._host} redirects to {target}, where no token must be sent"
            return Failed(Outcome.REFUSED, UnexpectedRedirect(message, status=status))
        if 200 <= status < 300:
            return None
        reason = _reason(received.response.content, secrets)
        if status == 429 or (status == 503 and received.retry_after is not None):
            limited = RateLimited(f"{self._host} is busy{reason}", status=status)
            limited.retry_after = parse_retry_after(received.retry_after)
            return Failed(Outcome.BUSY, limited)
        if status in (400, 401, 403):
            refused = f"{self._host} has refused the request{reason}"
            return Failed(Outcome.REFUSED, AuthenticationError(refused, status=status))
        error = errors.for_status(status)(f"{self._host} failed{reason}", status=status)
        is_outage = status in (502, 503, 504)
        return Failed(Outcome.OUTAGE if is_outage else Outcome.REFUSED, error)

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc


def _raise(verb: str, path: str, failed: Failed, is_repeatable: bool) -> NoReturn:
    error = failed.error
    error.verb, error.path, error.retryable = verb, path, is_repeatable
    raise error


def _kind(content: bytes) -> str:
    start = content.lstrip()[:1]
    return "HTML or XML" if start == b"<" else "something else" if start else "nothing"


def _reason(content: bytes, secrets: tuple[Secret, ...]) -> str:
    """Return the reason in the body of an error, as the end of a message, without secrets."""
    text = content[: 10 * _LONGEST_REASON].decode("utf-8", "replace")
    for secret in secrets:
        text = secret.redact(text)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        named = [fields.get("error"), fields.get("error_description")]
        text = ", ".join(each for each in named if isinstance(each, str))
    elif text.lstrip().startswith("<"):
        text = ""
    text = " ".join(re.sub(r"[^\x20-\x7e]", " ", text).split())[:_LONGEST_REASON]
    return f": {redacted(text)[1:-1]}" if text else ""
