"""One HTTP exchange done right: where the token goes, where a redirect may lead, what failed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from attrs import define

from backpack_orm import errors
from backpack_orm.connection.deadline import Deadline
from backpack_orm.connection.rate_limits import WINDOW, RateLimiter
from backpack_orm.connection.redaction import Secret
from backpack_orm.connection.redirects import Redirect
from backpack_orm.connection.retries import (
    MAX_TRIES,
    RULES,
    Action,
    Failed,
    Outcome,
    back_off,
    parse_retry_after,
)
from backpack_orm.connection.sending import Received, Sender
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
from backpack_orm.wire import parse, size
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import Endpoint, Safety
from backpack_orm.wire.parse import Response

T = TypeVar("T")

logger = logging.getLogger("backpack_orm")
logger.addHandler(logging.NullHandler())  # where nobody wants to hear of it, nobody does

_DESTROYED = Response(200, b'<response success="true"/>')


@define(eq=False, repr=False)
class _Call:
    """One call on its way, with all its tries."""

    endpoint: Endpoint
    path: str
    url: str
    """The address of the account, as far as this call knows."""
    patience: float
    """Seconds that it may still wait."""
    deadline: Deadline | None = None
    tries: int = 1
    may_be_done: bool = False
    """Whether a try may have been carried out although no response tells."""
    has_moved: bool = False


class Transport:
    """Sends calls to one account and gives their responses, or raises what went wrong.

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
        limits: RateLimiter,
        max_response_size: int = size.DEFAULT_MAX_SIZE,
    ) -> None:
        self.url = url
        self._secret = secret
        self._allow_insecure = allow_insecure
        self._max_wait = max_wait
        self._limits = limits
        self._max_response_size = max_response_size
        self._sender = Sender(
            secret,
            is_bearer=is_bearer,
            user_agent=user_agent,
            timeout=timeout,
            max_response_size=max_response_size,
        )
        self._reset_counts()

    def begin(self) -> None:
        """Begin without sockets, and with nothing sent."""
        self._sender.begin()
        self._reset_counts()

    def _reset_counts(self) -> None:
        self._sent: Counter[str] = Counter()
        self._sent_again: Counter[str] = Counter()
        self._waited = 0.0
        self._counting = Lock()

    def exchange(
        self,
        endpoint: Endpoint,
        ids: Sequence[int],
        payload: Mapping[str, WireValue],
        read: Callable[[Response], T],
        deadline: Deadline | None = None,
    ) -> tuple[T, int]:
        """Make one call: one request, and more where sending it again does no harm.

        Args:
            endpoint: The call.
            ids: What fills its path, in order.
            payload: The values it sends.
            read: Turns the response into a record.
            deadline: When the call has to end, with its waits and retries; None: at no given time.

        Returns:
            What the response was read as, and its size in bytes.

        Raises:
            TransportError: Nothing came back, or a redirect; its classes say what that means.
            InvalidResponse: What came back cannot be read.
            ApiError: The service refused; its classes are by status.
        """
        call = _Call(endpoint, endpoint.path_for_people(ids), self.url, self._max_wait, deadline)
        while True:
            self._wait_until_free(call)
            outcome = self._attempt(call, ids, payload)
            if self._follow(call, outcome):
                continue
            result = self._result(call, outcome, read)
            if not isinstance(result, Failed):
                return result
            del outcome  # it holds the response, and what is raised from here keeps this frame
            action = RULES[endpoint.safety, result.outcome]
            if action is Action.SUCCEED:
                return read(_DESTROYED), 0
            if not self._has_another_try(call, action, result):
                raise _final_error(call, action, result)

    def _has_another_try(self, call: _Call, action: Action, failed: Failed) -> bool:
        """Whether to send it again; once that may be done."""
        call.may_be_done |= failed.outcome in (Outcome.LOST, Outcome.OUTAGE, Outcome.UNREADABLE)
        if action is Action.PAUSE:
            assert isinstance(failed.error, RateLimited)
            seconds = WINDOW if failed.error.retry_after is None else failed.error.retry_after
            seconds = max(seconds, 1.0)  # a service that says 0 would be asked without end
            self._limits.pause(call.endpoint.rate_limit, seconds)
            if seconds > call.patience or _is_too_late(call, seconds, failed.error):
                return False
        else:
            seconds = back_off(call.tries)
            if action is not Action.RETRY or call.tries == MAX_TRIES or seconds > call.patience:
                return False
            if _is_too_late(call, seconds, failed.error):
                return False
            call.tries += 1
            self._wait(call, seconds, f"try {call.tries} of {MAX_TRIES}")
        with self._counting:
            self._sent_again[call.endpoint.label] += 1
        return True

    def _wait_until_free(self, call: _Call) -> None:
        """Wait until the service takes one more request.

        Raises:
            RateLimited: That is longer than `max_wait` lets this call wait.
            Timeout: It is longer than the call's deadline does.
        """
        rate_limit = call.endpoint.rate_limit
        while seconds := self._limits.seconds_until_free(rate_limit):
            if seconds > call.patience:
                error = RateLimited(
                    f"{self._host} takes no request for another {seconds:.1f} s, and this call "
                    f"may wait no longer than max_wait={self._max_wait:g} s in all"
                )
                error.retry_after = seconds
                raise _final_error(call, Action.PAUSE, Failed(Outcome.BUSY, error, is_sent=False))
            if call.deadline is not None and seconds > call.deadline.remaining:
                late = Timeout(
                    f"{self._host} takes no request for another {seconds:.1f} s, which is more "
                    f"than is left of the deadline of {call.deadline.seconds:g} s"
                )
                raise _final_error(call, Action.PAUSE, Failed(Outcome.BUSY, late, is_sent=False))
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
        """A response without the token, should it repeat it."""
        return self._secret.redact_bytes(content)

    def scrub_text(self, text: str) -> str:
        """A message without the token, should it quote a response that repeats it."""
        return self._secret.redact(text)

    def close(self) -> None:
        """Close the sockets."""
        self._sender.close()

    def _attempt(
        self, call: _Call, ids: Sequence[int], payload: Mapping[str, WireValue]
    ) -> Received | Failed:
        """Send it once."""
        verb = call.endpoint.verb
        with self._counting:
            self._sent[call.endpoint.label] += 1
        began = time.perf_counter()
        outcome = self._sender.send(call.url, call.endpoint, ids, payload, call.deadline)
        took = (time.perf_counter() - began) * 1000
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, Failed):
            logger.warning("%s %s: %s, %.0f ms", verb, call.path, outcome.error.message, took)
        else:
            status, size = outcome.response.status, len(outcome.response.content)
            logger.debug("%s %s: %d, %d bytes, %.0f ms", verb, call.path, status, size, took)
        return outcome

    def _follow(self, call: _Call, outcome: Received | Failed) -> bool:
        """Whether the account has moved to https, and the call is to be sent there, once.

        The connection moves with it only when there has been a response from there: one redirect
        must not cut it off from the address that works.
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
            outcome.redirect is Redirect.DOWNGRADE and self._allow_insecure
        ):
            call.url = outcome.target
            call.has_moved = True
        return call.has_moved

    def _result(
        self, call: _Call, outcome: Received | Failed, read: Callable[[Response], T]
    ) -> tuple[T, int] | Failed:
        """What a request came to."""
        if isinstance(outcome, Failed):
            return outcome
        failed = self._problem(call, outcome)
        if failed is not None:
            return failed
        response = outcome.response
        try:
            size.check_size(response.content, self._max_response_size)
            return read(response), len(response.content)
        except InvalidResponse as error:
            message = error.message
        unreadable = InvalidResponse(  # a new one: the frames of the first hold the response
            self.scrub_text(message),
            status=response.status,
            excerpt=parse.excerpt(self.scrub(response.content)) or None,
        )
        return Failed(Outcome.UNREADABLE, unreadable)

    def _problem(self, call: _Call, received: Received) -> Failed | None:
        """The failure that a response stands for, if it does."""
        if received.redirect is not None:
            target = self.scrub_text(received.target)
            return Failed(Outcome.REFUSED, self._redirected(received.redirect, target))
        status, content = received.response.status, received.response.content
        if status < 300 and parse.failure(content) is None:
            return None
        content = self.scrub(content)
        failed = parse.failure(content)
        code, message = failed or (status, _phrase(status))
        if status >= 300:
            code = status
        if code == 429 or (code == 503 and received.retry_after is not None):
            limited = RateLimited(f"too many requests; {message}", status=code)
            limited.retry_after = parse_retry_after(received.retry_after)
            return Failed(Outcome.BUSY, limited)
        excerpt = None if failed or not content.strip() else parse.excerpt(content)
        error = errors.for_status(code)(message, status=code, excerpt=excerpt)
        if status in (502, 503, 504):
            return Failed(Outcome.OUTAGE, error)
        is_gone = isinstance(error, NotFound) and call.may_be_done
        return Failed(Outcome.GONE if is_gone else Outcome.REFUSED, error)

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


def _is_too_late(call: _Call, seconds: float, error: BackpackError) -> bool:
    """Whether the call's deadline leaves no time to wait so long and try again."""
    if call.deadline is None or seconds < call.deadline.remaining:
        return False
    if call.deadline.remaining > 0:
        error.add(f"the deadline of {call.deadline.seconds:g} s leaves no time to try again")
    return True


def _final_error(call: _Call, action: Action, failed: Failed) -> BackpackError:
    """The error that a call ends with."""
    error = failed.error
    if action is Action.OUTCOME_UNKNOWN:
        error = OutcomeUnknown(
            f"{error.message}; the write may have happened or not, "
            "and was not sent again: look at the service first",
            status=error.status,
            excerpt=error.excerpt,
        )
    elif call.may_be_done and call.endpoint.safety is not Safety.READ:
        error.add("the write may have happened all the same")
        error.may_have_happened = True
    elif not failed.is_sent and not call.may_be_done and isinstance(error, TransportError):
        error.add("nothing was sent")
    error.verb, error.path = call.endpoint.verb, call.path
    error.retryable = action in (Action.RETRY, Action.PAUSE)
    return error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "a status that no standard knows"
