"""Functions that a connection calls as it works: for metrics, tracing and tests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from backpack_orm.connection.retries import Failed
from backpack_orm.errors import BackpackError
from backpack_orm.wire.endpoint import Endpoint, Safety

if TYPE_CHECKING:
    from backpack_orm.connection.calls import Call
    from backpack_orm.connection.sending import Received

E = TypeVar("E")
F = TypeVar("F", bound=Callable[[Any], object])

logger = logging.getLogger("backpack_orm")


@frozen(eq=False)
class RequestEvent:
    """A request that is about to be sent. Nothing of an event contains the token.

    Two requests are never equal, so an event can be the key of what belongs to its request.

    Attributes:
        url: The address of the account, or of the OAuth provider.
        verb: The HTTP method.
        path: The path, with a placeholder for the token.
        endpoint: The call of the API, with placeholders for ids, such as `POST /ws/page/{id}`.
        attempt: 1 for the first request of a call, 2 for the first retry.
        is_write: Whether it may change the account.

    >>> event = RequestEvent(
    ...     "https://acme.backpackit.com", "POST", "/ws/page/7", "POST /ws/page/{id}", 1, False
    ... )
    >>> event.verb, event.path
    ('POST', '/ws/page/7')
    """

    url: str
    verb: str
    path: str
    endpoint: str
    attempt: int
    is_write: bool


@frozen
class ResponseEvent:
    """A response, or the failure to get one.

    Attributes:
        request: The event of the request: the same object.
        seconds: How long it took.
        status: The HTTP status; None without a response.
        size: The size of the uncompressed body in bytes; None without a response.
        error: Without a response, the code of the error, or the name of its class; else None.

    >>> seen = []
    >>> connection = Page.all()[0].connection
    >>> function = connection.hooks.on_response(seen.append)
    >>> page = Page.find(Page.all()[0].id)
    >>> seen[0].status, seen[0].error, seen[0].request.endpoint
    (200, None, 'POST /ws/page/{id}')
    """

    request: RequestEvent
    seconds: float
    status: int | None
    size: int | None
    error: str | None


@frozen
class RetryEvent:
    """A request that has failed and is going to be sent again.

    Attributes:
        request: The event of the request that has failed: the same object.
        seconds: How long the call waits before.
        error: The code of the error.

    >>> request = RequestEvent(
    ...     "https://acme.backpackit.com", "POST", "/ws/pages/all", "POST /ws/pages/all", 1, False
    ... )
    >>> RetryEvent(request, 0.5, "server_error").seconds
    0.5
    """

    request: RequestEvent
    seconds: float
    error: str


@frozen
class CacheEvent:
    """A read that may have been answered by the cache.

    Attributes:
        verb: The HTTP method.
        path: The path, with a placeholder for the token.
        endpoint: The call of the API, with placeholders for ids.
        is_hit: Whether the response came from the cache, or from another thread's request.

    >>> CacheEvent("POST", "/ws/page/7", "POST /ws/page/{id}", is_hit=True).is_hit
    True
    """

    verb: str
    path: str
    endpoint: str
    is_hit: bool


_running: ContextVar[tuple[Callable[[Any], object], ...]] = ContextVar(
    "backpack_orm_running_hooks", default=()
)
"""The functions that are being called, so that none is called for what it does itself."""


class Hook(Generic[E]):
    """The functions that are called with one kind of event, in the order in which they were added.

    Call it with a function to add it; it can be used as a decorator. Threads may share it. An error
    of a function is logged, and changes nothing: neither the call nor the other functions. No
    function is called for what it requests or writes itself.

    >>> connection = Page.all()[0].connection
    >>> @connection.hooks.on_request
    ... def show(event):
    ...     print(event.verb, event.path, event.attempt)
    >>> connection.clear_cache()
    >>> pages = Page.all()
    POST /ws/pages/all 1
    >>> connection.hooks.on_request.remove(show)
    """

    def __init__(self) -> None:
        self._functions: list[Callable[[E], object]] = []

    def __call__(self, function: F) -> F:
        """Add a function, and return it.

        Raises:
            TypeError: It cannot be called.
        """
        if not callable(function):
            raise TypeError(f"a hook is a function that takes an event, not {function!r}")
        self._functions.append(function)
        return function

    def remove(self, function: Callable[[E], object]) -> None:
        """Remove a function.

        Raises:
            ValueError: It was not added.

        >>> hook = Hook()
        >>> hook.remove(hook(print))
        """
        if function not in self._functions:
            raise ValueError(f"{function!r} was not added, so it cannot be removed")
        self._functions.remove(function)

    def __len__(self) -> int:
        return len(self._functions)

    def send(self, event: E) -> None:
        """Call all functions with an event.

        >>> hook = Hook()
        >>> function = hook(print)
        >>> hook.send("event")
        event
        """
        running = _running.get()
        for function in tuple(self._functions):
            if function in running:
                continue
            before = _running.set((*running, function))
            try:
                function(event)
            except Exception:
                logger.exception("a hook has failed: %r", function)
            finally:
                _running.reset(before)


class Hooks:
    """The hooks of a connection, or of an application that signs users in.

    Attributes:
        on_request: Called with a `RequestEvent` before each request.
        on_response: Called with a `ResponseEvent` after each request.
        on_retry: Called with a `RetryEvent` before the wait for a retry.
        on_cache: Called with a `CacheEvent` after each read that may be cached.

    >>> connection = Connection("acme", token="0123456789abcdef")
    >>> len(connection.hooks.on_response)
    0
    """

    def __init__(self) -> None:
        self.on_request: Hook[RequestEvent] = Hook()
        self.on_response: Hook[ResponseEvent] = Hook()
        self.on_retry: Hook[RetryEvent] = Hook()
        self.on_cache: Hook[CacheEvent] = Hook()

    def begin(self, call: Call[Any]) -> RequestEvent:
        """Report a request that is about to be sent."""
        endpoint = call.endpoint
        call.request = RequestEvent(
            url=call.url,
            verb=endpoint.verb,
            path=call.path,
            endpoint=endpoint.label,
            attempt=call.tries,
            is_write=endpoint.safety is not Safety.READ,
        )
        self.on_request.send(call.request)
        return call.request

    def begin_sign_in(self, url: str, verb: str, path: str, attempt: int) -> RequestEvent:
        """Report a request to an OAuth provider that is about to be sent."""
        request = RequestEvent(url, verb, path, f"{verb} {path}", attempt, is_write=False)
        self.on_request.send(request)
        return request

    def end(
        self,
        request: RequestEvent,
        outcome: Received | Failed | BaseException,
        seconds: float,
    ) -> None:
        """Report what became of a request."""
        status = size = error = None
        if isinstance(outcome, BaseException):
            error = type(outcome).__name__
        elif isinstance(outcome, Failed):
            error = outcome.error.code
        else:
            status, size = outcome.response.status, len(outcome.response.content)
        self.on_response.send(ResponseEvent(request, seconds, status, size, error))

    def retry(self, request: RequestEvent, seconds: float, error: BackpackError) -> None:
        """Report that a request is going to be sent again."""
        self.on_retry.send(RetryEvent(request, seconds, error.code))

    def cached(self, endpoint: Endpoint, ids: Sequence[int], *, is_hit: bool) -> None:
        """Report a read that may have been answered by the cache."""
        path = endpoint.path_for_people(ids)
        self.on_cache.send(CacheEvent(endpoint.verb, path, endpoint.label, is_hit))
