"""Connections as dependencies of FastAPI, and responses to errors; usable with Starlette alone."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backpack_orm.connection import Connection
from backpack_orm.connection.connection import opened
from backpack_orm.connection.credentials import Credentials
from backpack_orm.connection.settings import (
    Settings,
    checked,
    from_environment,
    method_signature_of,
)
from backpack_orm.errors import BackpackError
from backpack_orm.integrations.http_errors import retry_after, status_of

try:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
except ModuleNotFoundError as missing:
    raise ImportError(
        f'the dependency for FastAPI needs {missing.name}: pip install "backpack_orm[fastapi]"'
    ) from missing

logger = logging.getLogger("backpack_orm")


class Backpack:
    """A connection as a dependency: `connection: Annotated[Connection, Depends(backpack)]`.

    Takes the parameters of `connect`: a missing account or token is read from the environment,
    `BACKPACK_URL` and `BACKPACK_TOKEN`. The connection is made when the dependency is created, with
    no request. All requests of a process share it.

    Its calls block. Pass the connection to each of them: `Page.all(using=connection)`. A path
    function that is declared with `def` runs in a thread; one that is declared with `async def`
    calls `await run_in_threadpool(Page.all, using=connection)`. What was loaded needs no thread.

    Create one dependency for each account. Applications of Starlette use `backpack.connection`.

    Raises:
        ValidationError: An option has an invalid value, or there is no account or token.

    >>> backpack = Backpack("acme", token="0123456789abcdef", max_wait=5)
    >>> backpack.connection
    Connection('https://acme.backpackit.com')
    """

    @method_signature_of(Settings)
    def __init__(self, *arguments: Any, **options: Any) -> None:
        arguments, options = from_environment(arguments, options)
        settings = checked("Backpack", arguments, options)
        del arguments, options  # tracebacks may show the variables of this frame
        if not isinstance(settings, Settings):
            raise settings
        self._connection = opened(settings, Credentials(settings.secret))

    @property
    def connection(self) -> Connection:
        """The connection.

        >>> Backpack("acme", token="0123456789abcdef").connection.url
        'https://acme.backpackit.com'
        """
        return self._connection

    async def __call__(self) -> Connection:
        """Return the connection: this is the dependency."""
        return self._connection

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Close the sockets when an application ends: `FastAPI(lifespan=backpack.lifespan)`.

        >>> from fastapi import FastAPI
        >>> backpack = Backpack("acme", token="0123456789abcdef")
        >>> app = FastAPI(lifespan=backpack.lifespan)
        """
        yield
        self._connection.close()


def handle_errors(app: Starlette) -> None:
    """Respond to errors of this library that a path function does not handle.

    The status is 404 for `NotFound`, 503 with `Retry-After` for `RateLimited`, 502 if the service
    cannot be reached. The body has the code of the error, such as `{"detail": "not_found"}`. Errors
    of 500 and more are logged.

    >>> from fastapi import FastAPI
    >>> app = FastAPI()
    >>> handle_errors(app)
    """
    app.add_exception_handler(BackpackError, _respond)


async def _respond(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BackpackError)
    status, seconds = status_of(error), retry_after(error)
    if status >= 500:
        logger.error("%s", error, exc_info=error)
    headers = {} if seconds is None else {"Retry-After": seconds}
    return JSONResponse({"detail": error.code}, status, headers)
