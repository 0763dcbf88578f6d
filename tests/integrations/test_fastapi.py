"""The dependency for FastAPI, in real applications that talk to a sandbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from backpack_orm import Connection, Page
from backpack_orm.connection import context
from backpack_orm.errors import BackpackError, ValidationError
from backpack_orm.integrations.fastapi import Backpack, handle_errors
from backpack_orm.sandbox import Sandbox
from tests.integrations.test_http_errors import STATUSES

TOKEN = "0123456789abcdef"


@pytest.fixture
def backpack(box: Sandbox) -> Backpack:
    """A dependency on the demo account."""
    return Backpack(box.url, token=box.token, max_wait=5)


@pytest.fixture
def app(backpack: Backpack) -> FastAPI:
    """An application that uses it."""
    app = FastAPI(lifespan=backpack.lifespan)
    account = Annotated[Connection, Depends(backpack)]

    def titles(connection: account) -> list[str]:
        return [page.title for page in Page.all(using=connection)]

    async def titles_async(connection: account) -> list[str]:
        pages = await run_in_threadpool(Page.all, using=connection)
        return [page.title for page in pages]

    for function in (titles, titles_async):
        function.__annotations__["connection"] = account
        app.get(f"/{function.__name__}")(function)
    return app


@pytest.mark.parametrize("path", ["/titles", "/titles_async"])
def test_path_functions_get_the_connection(app: FastAPI, box: Sandbox, path: str) -> None:
    with TestClient(app) as client:
        assert "Lisbon" in client.get(path).json()
        assert box.requests == 1
        client.get(path)
        assert box.requests == 1  # requests share the cache
    assert context.default() is None


def test_the_connection_is_closed_at_the_end(app: FastAPI, backpack: Backpack) -> None:
    with TestClient(app) as client:
        client.get("/titles")
        assert backpack.connection._is_open
    assert not backpack.connection._is_open


def test_accounts_never_mix(box: Sandbox, backpack: Backpack) -> None:
    home = Backpack(box.url, token=box.add_account("home"))
    Page.create(title="Attic", using=home.connection)
    barrier = Barrier(2, timeout=60)
    app = FastAPI()

    def count(connection: Connection) -> list[int]:
        before = Page.count(using=connection)
        barrier.wait()
        return [before, Page.count(using=connection)]

    @app.get("/work")
    def work(connection=Depends(backpack)) -> list[int]:  # type: ignore[no-untyped-def] # noqa: B008
        return count(connection)

    @app.get("/home")
    async def at_home(connection=Depends(home)) -> list[int]:  # type: ignore[no-untyped-def] # noqa: B008
        return await run_in_threadpool(count, connection)

    with TestClient(app) as client, ThreadPoolExecutor(2) as pool:
        for _ in range(200):
            found = pool.map(lambda path: client.get(path).json(), ["/work", "/home"])
            assert list(found) == [[13, 13], [1, 1]]


def test_applications_of_starlette_use_it_too(box: Sandbox, backpack: Backpack) -> None:
    async def titles(request: Request) -> JSONResponse:
        pages = await run_in_threadpool(Page.all, using=backpack.connection)
        return JSONResponse([page.title for page in pages])

    async def missing(request: Request) -> JSONResponse:
        await run_in_threadpool(Page.find, 7, using=backpack.connection)
        raise AssertionError

    routes = [Route("/", titles), Route("/missing", missing)]
    app = Starlette(routes=routes, lifespan=backpack.lifespan)
    handle_errors(app)
    with TestClient(app) as client:
        assert "Lisbon" in client.get("/").json()
        assert client.get("/missing").status_code == 404


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_errors_become_responses(
    caplog: pytest.LogCaptureFixture, kind: type[BackpackError], status: int
) -> None:
    error = kind("no such thing")
    app = FastAPI()
    handle_errors(app)
    error.retry_after = 4.2 if status == 503 else None

    @app.get("/")
    def view() -> None:
        raise error

    response = TestClient(app).get("/")
    assert (response.status_code, response.json()) == (status, {"detail": kind.code})
    assert response.headers.get("Retry-After") == ("5" if status == 503 else None)
    assert (str(error) in caplog.text) == (status >= 500)


def test_it_is_configured_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_URL", "acme")
    monkeypatch.setenv("BACKPACK_TOKEN", TOKEN)
    assert Backpack(read_only=True).connection.read_only


def test_a_wrong_configuration_fails_at_the_start_and_shows_no_token() -> None:
    with pytest.raises(ValidationError, match="ttl takes a number") as caught:
        Backpack("acme", token=TOKEN, ttl="long")  # type: ignore[arg-type]
    assert TOKEN not in str(caught.value)
    with pytest.raises(TypeError, match="did you mean 'timeout'"):
        Backpack("acme", token=TOKEN, timout=1)  # type: ignore[call-arg]
