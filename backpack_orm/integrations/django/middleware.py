"""The middleware that makes the connection of "default" current in each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from backpack_orm.connection import Connection, using
from backpack_orm.integrations.django.connections import DEFAULT, connections

SyncView = Callable[[HttpRequest], HttpResponseBase]
AsyncView = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def backpack(get_response: SyncView | AsyncView) -> SyncView | AsyncView:
    """Make the connection of "default" current while a view runs and its response streams."""
    if iscoroutinefunction(get_response):
        respond = cast(AsyncView, get_response)

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            connection = connections[DEFAULT]
            with using(connection):
                return streaming(connection, await respond(request))

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        connection = connections[DEFAULT]
        with using(connection):
            return streaming(connection, cast(SyncView, get_response)(request))

    return middleware


def streaming(connection: Connection, response: HttpResponseBase) -> HttpResponseBase:
    """Return a response whose content, if it is streamed, is made with the connection too."""
    if isinstance(response, StreamingHttpResponse):
        with using(connection):
            content = response.streaming_content
            response.streaming_content = (
                connection.bind(part async for part in content)  # type: ignore[union-attr]
                if response.is_async
                else connection.bind(part for part in content)  # type: ignore[union-attr]
            )
    return response
