"""One call over HTTP: rate limits, redirects, retries, and the error that it ends with."""

from __future__ import annotations

import logging
import os
import time
from http import HTTPStatus
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from backpack_orm import errors
from backpack_orm.connection.calls import Call
from backpack_orm.connection.counters import Counters
from backpack_orm.connection.credentials import Credentials
from backpack_orm.connection.rate_limits import WINDOW, RateLimiter
from backpack_orm.connection.redaction import Secret
from backpack_orm.connection.redirects import Redirect
from backpack_orm.connection.retries import (
    MAX_TRIES,
    MAY_HAVE_HAPPENED,
    RULES,
    WAS_NOT_SENT,
    Action,
    Failed,
    Outcome,
    back_off,
    parse_retry_after,
)
from backpack_orm.connection.sending import Received, Sender
from backpack_orm.connection.settings import Settings
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
)
from backpack_orm.wire import documents, size
from backpack_orm.wire.endpoint import Safety
from backpack_orm.wire.shapes import Response

T = TypeVar("T")

logger = logging.getLogger("backpack_orm")
logger.addHandler(logging.NullHandler())  # a library is silent by default

_DESTROYED = Response(200, b'<response success="true"/>')


class AnyTransport(Protocol):
    """What a connection gets its responses from: the service, or a copy of its responses.

    Attributes:
        url: The address for messages.
        counters: What it has done so far.
    """

    url: str
    counters: Counters

    def exchange(self, call: Call[T]) -> tuple[T, int]:
        """Return the parsed response and its size in bytes, or raise why there is none."""

    def reset(self) -> None:
        """Share nothing with the parent process after a fork."""

    def close(self) -> None:
        """Free what it holds; the next call opens it again."""


class Transport:
    """Sends the calls of one account and returns their responses, or raises why there is none.

    Threads may share it: they share its pool of sockets, and nothing of each other's calls.

    Args:
        settings: The settings of the connection.
        limits: The rate limiter of the account.
        credentials: The token.
    """

    def __init__(self, settings: Settings, limits: RateLimiter, credentials: Credentials) -> None:
        self.url = settings.url
        self._credentials = credentials
        self._settings = settings
        self._limits = limits
        self._sender = Sender(settings)
        self.counters = Counters()

    def reset(self) -> None:
        """Start with new sockets and new counters."""
        self._sender.reset()
        self.counters = Counters()

    def close(self) -> None:
        """Close the sockets."""
        self._sender.close()

    def exchange(self, call: Call[T]) -> tuple[T, int]:
        """Make one call: one request, and more if sending it again does no harm.

        Returns:
            The parsed response, and its size in bytes.

        Raises:
            TransportError: There is no response, or a redirect.
            InvalidResponse: The response cannot be parsed.
            ApiError: The service refused the call.
        """
        call.url, call.max_wait = self.url, self._settings.max_wait
        while True:
            self._wait_for_rate_limit(call)
            call.secret = self._current_secret(call)
            outcome = self._attempt(call)
            if self._follow(call, outcome):
                continue
            result = outcome if isinstance(outcome, Failed) else self._result(call, outcome)
            if not isinstance(result, Failed):
                return result
            del outcome  # it holds the response, and errors raised from here keep this frame
            if self._has_new_token(call, result):
                continue
            action = RULES[call.endpoint.safety, result.outcome]
            if action is Action.SUCCEED:
                return call.read(_DESTROYED), 0
            if not self._wait_for_retry(call, action, result):
                raise _final_error(call, action, result)

    def _current_secret(self, call: Call[Any]) -> Secret:
        """Return the token to send, or raise why there is none."""
        try:
            return self._credentials.secret(call.deadline)
        except BackpackError as error:
            if call.may_have_happened and call.endpoint.safety is not Safety.READ:
                error.add("the write may have succeeded")
                error.may_have_happened = True
            raise

    def _has_new_token(self, call: Call[Any], failed: Failed) -> bool:
        """Return whether there is a new token for a call whose token was refused, once.

        A write is sent again only if it was certainly not processed.
        """
        if call.has_new_token or not isinstance(failed.error, AuthenticationError):
            return False
        if call.may_have_happened and call.endpoint.safety is not Safety.READ:
            return False
        call.has_new_token = self._credentials.replace(call.secret, call.deadline)
        if call.has_new_token:
            logger.info("%s %s is sent again with a new token", call.endpoint.verb, call.path)
            self.counters.add_retry(call.endpoint.label)
        return call.has_new_token

    def _wait_for_rate_limit(self, call: Call[Any]) -> None:
        """Wait until the service accepts one more request.

        Raises:
            RateLimited: That would take longer than `max_wait`.
            Timeout: It would take longer than the call's deadline.
        """
        error: BackpackError
        kind, ticket = call.endpoint.rate_limit, os.urandom(8).hex()
        while seconds := self._limits.seconds_until_free(kind, ticket, call.patience):
            blocked = f"{self._host} accepts no request for another {seconds:.1f} s"
            if seconds > call.max_wait:
                error = RateLimited(
                    f"{blocked}, and a call waits for max_wait={self._settings.max_wait:g} s "
                    "at most, in total"
                )
                error.retry_after = seconds
            elif call.deadline is not None and seconds > call.deadline.remaining:
                error = Timeout(
                    f"{blocked}, which exceeds the deadline of {call.deadline.seconds:g} s"
                )
            else:
                self._wait(call, seconds, "the rate limit")
                continue
            raise _final_error(call, Action.PAUSE, Failed(Outcome.NOT_SENT, error))

    def _attempt(self, call: Call[Any]) -> Received | Failed:
        """Send it once."""
        verb, hooks = call.endpoint.verb, call.hooks
        self.counters.add_request(call.endpoint.label)
        request = None if hooks is None else hooks.begin(call)
        start = time.perf_counter()
        outcome = self._sender.send(call)
        took = (time.perf_counter() - start) * 1000
        if hooks is not None and request is not None:
            hooks.end(request, outcome, took / 1000)
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, Failed):
            logger.warning("%s %s: %s, %.0f ms", verb, call.path, outcome.error.message, took)
        else:
            status, size = outcome.response.status, len(outcome.response.content)
            logger.debug("%s %s: %d, %d bytes, %.0f ms", verb, call.path, status, size, took)
        return outcome

    def _follow(self, call: Call[Any], outcome: Received | Failed) -> bool:
        """Return whether the account has moved to https, so that the call has to be sent there.

        A call follows one redirect. The connection uses the new address only after a response from
        there: a single redirect must not separate it from the address that works.
        """
        if isinstance(outcome, Failed):
            return False
        if outcome.redirect is None:
            if call.has_moved and self.url != call.url and outcome.response.status < 500:
                self.url = call.url
                logger.info("the account has moved to %s", self.url)
            return False
        if call.has_moved:
            return False
        if outcome.redirect is Redirect.UPGRADE or (
            outcome.redirect is Redirect.DOWNGRADE and self._settings.allow_insecure
        ):
            call.url = outcome.target
            call.has_moved = True
        return call.has_moved

    def _result(self, call: Call[T], received: Received) -> tuple[T, int] | Failed:
        """Return the parsed response and its size, or the failure that it means."""
        failed = self._problem(call, received)
        if failed is not None:
            return failed
        response, secret = received.response, call.secret
        try:
            size.check_size(response.content, self._settings.max_response_size)
            return call.read(response), len(response.content)
        except InvalidResponse as error:
            message = error.message
        unreadable = InvalidResponse(  # a new one: the frames of the first hold the response
            secret.redact(message),
            status=response.status,
            excerpt=documents.excerpt(secret.redact_bytes(response.content)) or None,
        )
        return Failed(Outcome.UNREADABLE, unreadable)

    def _problem(self, call: Call[Any], received: Received) -> Failed | None:
        """Return the failure that a response means; None for a success."""
        secret = call.secret
        if received.redirect is not None:
            target = secret.redact(received.target)
            return Failed(Outcome.REFUSED, self._redirected(received.redirect, target))
        status, content = received.response.status, received.response.content
        if status < 300 and documents.failure(content) is None:
            return None
        content = secret.redact_bytes(content)
        failed = documents.failure(content)
        code, message = failed or (status, _phrase(status))
        if status >= 300:
            code = status
        if code == 429 or (code == 503 and received.retry_after is not None):
            limited = RateLimited(f"too many requests; {message}", status=code)
            limited.retry_after = parse_retry_after(received.retry_after)
            return Failed(Outcome.BUSY, limited)
        excerpt = None if failed or not content.strip() else documents.excerpt(content)
        error = errors.for_status(code)(message, status=code, excerpt=excerpt)
        if code in call.endpoint.refusals:
            error.add(call.endpoint.refusals[code])
        if status in (502, 503, 504):
            return Failed(Outcome.OUTAGE, error)
        is_gone = isinstance(error, NotFound) and call.may_have_happened
        return Failed(Outcome.GONE if is_gone else Outcome.REFUSED, error)

    def _redirected(self, redirect: Redirect, target: str) -> BackpackError:
        if redirect is Redirect.LOGIN:
            return AuthenticationError(
                f"{self._host} redirects to its login page: "
                "the token is wrong, or belongs to another account",
                status=302,
            )
        if redirect is Redirect.DOWNGRADE:
            return UnexpectedRedirect(
                f"{self._host} redirects to http, which would send the token in clear; "
                "if you accept that, connect with an http:// address and allow_insecure=True",
                status=302,
            )
        return UnexpectedRedirect(
            f"{self._host} redirects to {target}, where the token must not be sent: "
            "check the account's address",
            status=302,
        )

    def _wait_for_retry(self, call: Call[Any], action: Action, failed: Failed) -> bool:
        """Wait before the next try; return False if there is none."""
        call.may_have_happened |= failed.outcome in MAY_HAVE_HAPPENED
        if action is Action.PAUSE:
            after = failed.error.retry_after
            seconds = max(WINDOW if after is None else after, 1.0)  # 0 would repeat without end
            self._limits.pause(call.endpoint.rate_limit, seconds)
        elif action is Action.RETRY and call.tries < MAX_TRIES:
            seconds = back_off(call.tries)
        else:
            return False
        if seconds > call.max_wait:
            return False
        if not call.has_time_for(seconds):
            if call.deadline is not None and call.deadline.remaining > 0:
                limit = f"{call.deadline.seconds:g} s"
                failed.error.add(f"the deadline of {limit} leaves no time to try again")
            return False
        if call.hooks is not None and call.request is not None:
            call.hooks.retry(call.request, seconds, failed.error)
        if action is Action.RETRY:  # a pause is waited for with the rate limit
            call.tries += 1
            self._wait(call, seconds, f"try {call.tries} of {MAX_TRIES}")
        self.counters.add_retry(call.endpoint.label)
        return True

    def _wait(self, call: Call[Any], seconds: float, reason: str) -> None:
        logger.info("%s %s waits %.1f s for %s", call.endpoint.verb, call.path, seconds, reason)
        call.max_wait -= seconds
        self.counters.add_wait(seconds)
        time.sleep(seconds)

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc


def _final_error(call: Call[Any], action: Action, failed: Failed) -> BackpackError:
    """Return the error that a call ends with."""
    error = failed.error
    if action is Action.OUTCOME_UNKNOWN:
        error = OutcomeUnknown(
            f"{error.message}; the write may have happened or not, "
            "and was not sent again: check on the service first",
            status=error.status,
            excerpt=error.excerpt,
        )
    elif call.may_have_happened and call.endpoint.safety is not Safety.READ:
        error.add("the write may have succeeded")
        error.may_have_happened = True
    elif (
        failed.outcome in WAS_NOT_SENT
        and not call.may_have_happened
        and isinstance(error, TransportError)
    ):
        error.add("nothing was sent")
    error.verb, error.path = call.endpoint.verb, call.path
    error.retryable = action in (Action.RETRY, Action.PAUSE)
    return error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unknown status"
