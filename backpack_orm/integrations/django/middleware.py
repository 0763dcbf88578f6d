"""Middleware: the connection of "default" in each request, and HTTP responses to errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from http import HTTPStatus
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest, ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from backpack_orm.connection.context import Missing, in_context, inside
from backpack_orm.errors import BackpackError
from backpack_orm.integrations.django.connections import DEFAULT, connections
from backpack_orm.integrations.http_errors import UNCLEAR, retry_after, status_of

SyncView = Callable[[HttpRequest], HttpResponseBase]
AsyncView = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

_DJANGO_ERRORS = {400: BadRequest, 403: PermissionDenied, 404: Http404}

ACCOUNT = "_backpack_account"
"""Attribute of a request: the connection of its user, or why there is none."""

logger = logging.getLogger("backpack_orm")


@sync_and_async_middleware
def backpack(get_response: SyncView | AsyncView) -> SyncView | AsyncView:
    """Make the connection of "default" current while a view runs and its response streams."""
    if DEFAULT not in connections:
        raise ImproperlyConfigured(
            f"the middleware uses BACKPACK[{DEFAULT!r}]: add this account, or remove the middleware"
        )
    if iscoroutinefunction(get_response):
        respond = cast(AsyncView, get_response)

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            with _application_account(request):
                return streaming(await respond(request))

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with _application_account(request):
            return streaming(cast(SyncView, get_response)(request))

    return middleware


@sync_and_async_middleware
def backpack_errors(get_response: SyncView | AsyncView) -> SyncView | AsyncView:
    """Respond to errors of this library that a view does not handle with an HTTP error.

    It is 404 for `NotFound`, 503 with `Retry-After` for `RateLimited`, 502 if the service cannot be
    reached. For 400, 403 and 404, the handlers of the project apply. Errors above 500 are logged,
    and those of 500 are left to Django.
    """
    if iscoroutinefunction(get_response):
        respond = cast(AsyncView, get_response)

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            return await respond(request)

        async_middleware.process_exception = _response_to  # type: ignore[attr-defined]
        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return cast(SyncView, get_response)(request)

    middleware.process_exception = _response_to  # type: ignore[attr-defined]
    return middleware


def _response_to(request: HttpRequest, error: Exception) -> HttpResponse | None:
    if not isinstance(error, BackpackError):
        return None
    status, seconds = status_of(error), retry_after(error)
    if status in _DJANGO_ERRORS:
        raise _DJANGO_ERRORS[status](error.message) from error
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if status > HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s", error, exc_info=error)
    headers = {} if seconds is None else {"Retry-After": seconds}
    text = UNCLEAR if error.may_have_happened else HTTPStatus(status).phrase
    return HttpResponse(text, "text/plain", status, headers=headers)


def _application_account(request: HttpRequest) -> AbstractContextManager[object]:
    """Make the connection of "default" current, unless the middleware above has found a user."""
    if getattr(request, ACCOUNT, Missing.NOBODY) is not Missing.NOBODY:
        return nullcontext()
    return inside(connections[DEFAULT])


def streaming(response: HttpResponseBase) -> HttpResponseBase:
    """Return a response whose content is made with the account that is current now."""
    if isinstance(response, StreamingHttpResponse):
        content = response.streaming_content
        response.streaming_content = in_context(
            copy_context(),
            (part async for part in content)  # type: ignore[union-attr]
            if response.is_async
            else (part for part in content),  # type: ignore[union-attr]
        )
    return response
