"""Each way of running uses the account of the user who is signed in, or none.

Sixteen requests run at the same time: those of two users with accounts of their own, and those of
visitors, for whom the application's account applies. Each writes a page whose title says for whom;
the sandbox counts which token has come with which title.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from inspect import iscoroutinefunction
from io import BytesIO
from threading import Barrier
from typing import Annotated, Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from celery import Celery
from django.contrib.sessions.backends.cache import SessionStore
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from fastapi import BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from flask import (
    Flask,
    after_this_request,
    copy_current_request_context,
    current_app,
    request,
    stream_with_context,
)
from greenlet import greenlet  # type: ignore[import-untyped]
from starlette.requests import HTTPConnection

from backpack_orm import Connection, NotConnected, Page, connect, using
from backpack_orm.connection import current
from backpack_orm.integrations.flask import Backpack
from backpack_orm.integrations.sign_in import SignIn
from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.server import Gate
from tests.integrations.sign_in.conftest import Memory, django_site, flask_app

ACCOUNTS = {"Ann": "acme", "Bob": "other"}
PEOPLE = ["Ann", "Bob", "Visitor", "Bob"] * 4
USERS = Counter({("Ann", "Ann"): 4, ("Bob", "Bob"): 8})
ALL = USERS + Counter({("Visitor", "Visitor"): 4})
NOBODY: Counter[tuple[str, str]] = Counter()
OURS = "backpack_orm.integrations.django"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"

Way = Callable[[str], Any]


class Site:
    """Two users who are signed in, and an account of the application.

    Attributes:
        received: How many pages the sandbox has got, by person of the title and owner of the token.
        sessions: The session of each person.
        token: The token of the application.
    """

    def __init__(self, box: Sandbox, flow: SignIn, storage: Memory) -> None:
        self.box, self.flow = box, flow
        self.received: Counter[tuple[str, str]] = Counter()
        self.sessions: dict[str, dict[str, Any]] = {"Visitor": {}}
        self.owners: dict[str, str] = {}
        for person, account in ACCOUNTS.items():
            session = self.sessions[person] = {}
            back = box.oauth.allow(flow.start(session), person, account=account)
            flow.finish(session, back.partition("?")[2], session.clear)
            self.owners[storage.tokens[-2]] = person
        url, state = flow.app.authorization_url()
        self.token = flow.app.exchange(box.oauth.allow(url, "Both"), state=state).access_token
        self.owners[self.token] = "Visitor"
        self.barrier = Barrier(len(PEOPLE), timeout=60)


@pytest.fixture
def site(
    provider: Sandbox, flow: SignIn, storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The site. `connect` was called too, with the account of the application."""
    site = Site(provider, flow, storage)
    call = Gate.__call__

    def count(gate: Gate, environ: Any, start: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        if title := re.search(rb"for (\w+)", body):
            token = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
            site.received[title[1].decode(), site.owners[token]] += 1
        return call(gate, environ, start)

    connect(provider.url, oauth_token=site.token)
    monkeypatch.setattr(Gate, "__call__", count)
    yield site
    for session in site.sessions.values():
        flow.end(session, session.clear)


def write(person: str) -> str:
    """Write a page for a person with the current connection."""
    return Page.create(title=f"for {person}").title


def attempt(person: str) -> str:
    """Write a page where the account of the person cannot be known."""
    with pytest.raises(NotConnected):
        write(person)
    return "not connected"


def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a thread that knows nothing of its caller."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


# --- Flask ------------------------------------------------------------------------------------


def view(person: str) -> Any:
    return write(person)


async def async_view(person: str) -> Any:
    return await asyncio.to_thread(write, person)


def plain_generator(person: str) -> Any:
    return (write(person) for _ in range(1))


def stream(person: str) -> Any:
    return stream_with_context(write(person) for _ in range(1))


def other_iterable(person: str) -> Any:
    return map(write, [person])


def after_the_view(person: str) -> Any:
    @after_this_request
    def later(response: Any) -> Any:
        write(person)
        return response

    return ""


def copied_request(person: str) -> Any:
    return in_thread(copy_current_request_context(write), person)


def copied_context(person: str) -> Any:
    return in_thread(copy_context().run, write, person)


def mapped(person: str) -> Any:
    return list(current().map(write, [person]))


def nested_context(person: str) -> Any:
    with current_app.app_context():
        return write(person)


def thread_with_connection(person: str) -> Any:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def work(connection: Connection) -> str:
        with using(connection), app.app_context():
            return write(person)

    return in_thread(work, current())


def thread(person: str) -> Any:
    return in_thread(attempt, person)


def thread_in_app_context(person: str) -> Any:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def work() -> str:
        with app.app_context():
            return attempt(person)

    return in_thread(work)


def run_flask(site: Site, way: Way, set_up: Callable[[Flask], object] = lambda app: None) -> None:
    """Run sixteen requests, each in a thread of its own, which meet in the view."""
    app = flask_app(site.flow)
    app.config.update(BACKPACK_URL=site.box.url, BACKPACK_OAUTH_TOKEN=site.token)
    set_up(app)
    Backpack(app)

    @app.get("/way/<person>")
    def meet(person: str) -> Any:
        site.barrier.wait()
        return current_app.ensure_sync(way)(person)

    def get(person: str) -> None:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update(site.sessions[person])
        assert client.get(f"/way/{person}").status_code == 200

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        list(pool.map(get, PEOPLE))


@pytest.mark.parametrize(
    "way",
    [
        view,
        async_view,
        plain_generator,
        stream,
        other_iterable,
        after_the_view,
        copied_request,
        copied_context,
        mapped,
        nested_context,
        thread_with_connection,
    ],
)
def test_flask_uses_the_account_of_the_user(site: Site, way: Way) -> None:
    run_flask(site, way)
    assert site.received == ALL


@pytest.mark.parametrize("way", [thread, thread_in_app_context])
def test_a_thread_of_flask_that_knows_no_user_is_not_connected(site: Site, way: Way) -> None:
    run_flask(site, way)
    assert site.received == NOBODY


@pytest.mark.parametrize("hook", ["before_request", "after_request", "teardown_request"])
def test_functions_before_and_after_views_of_flask_use_it(site: Site, hook: str) -> None:
    def set_up(app: Flask) -> None:
        def called(*arguments: Any) -> Any:
            if person := (request.view_args or {}).get("person"):
                write(person)
            return arguments[0] if hook == "after_request" else None

        getattr(app, hook)(called)

    run_flask(site, lambda person: person, set_up)
    assert site.received == ALL


def test_the_end_of_a_context_of_flask_has_no_account(site: Site) -> None:
    def set_up(app: Flask) -> None:
        @app.teardown_appcontext
        def ended(error: BaseException | None) -> None:
            attempt("nobody")

    run_flask(site, lambda person: person, set_up)
    assert site.received == NOBODY


def test_commands_of_flask_use_the_account_of_the_application(site: Site) -> None:
    app = flask_app(site.flow)
    app.config.update(BACKPACK_URL=site.box.url, BACKPACK_OAUTH_TOKEN=site.token)
    Backpack(app)
    app.cli.command("write")(lambda: write("Visitor"))
    assert app.test_cli_runner().invoke(args=["write"]).exit_code == 0
    assert site.received == Counter({("Visitor", "Visitor"): 1})


def test_a_user_without_a_chosen_account_gets_no_other_one(site: Site, storage: Memory) -> None:
    for session in site.sessions.values():
        if session:
            id = session["_backpack_id"]
            storage.save(id, storage.load(id) | {"account": None})
    run_flask(site, lambda person: view(person) if person == "Visitor" else attempt(person))
    assert site.received == ALL - USERS


# --- Django -----------------------------------------------------------------------------------


def django_stream(person: str) -> Any:
    return (write(person) for _ in range(1))


async def async_stream(person: str) -> Any:
    return StreamingHttpResponse(async_parts(person))


async def async_parts(person: str) -> AsyncIterator[str]:
    yield await asyncio.to_thread(write, person)


async def by_sync_to_async(person: str) -> Any:
    return await sync_to_async(write, thread_sensitive=False)(person)


def response_of(content: Any) -> Any:
    if isinstance(content, StreamingHttpResponse):
        return content
    return HttpResponse(content) if isinstance(content, str) else StreamingHttpResponse(content)


@contextmanager
def django(site: Site, way: Way, *middleware: str) -> Iterator[dict[str, str]]:
    """Run a block with a site; return the id of the session of each person."""

    def meet(http_request: HttpRequest, person: str) -> Any:
        site.barrier.wait()
        return response_of(way(person))

    async def meet_async(http_request: HttpRequest, person: str) -> Any:
        return response_of(await way(person))

    urls = type("", (), {})()
    urls.urlpatterns = [path("way/<person>", meet_async if iscoroutinefunction(way) else meet)]
    account = {"URL": site.box.url, "OAUTH_TOKEN": site.token}
    installed = [SESSIONS, *(f"{OURS}.{name}" for name in middleware)]
    with (
        django_site(site.flow, MIDDLEWARE=installed, BACKPACK={"default": account}),
        override_settings(ROOT_URLCONF=urls),
    ):
        ids = {}
        for person, values in site.sessions.items():
            store = SessionStore()
            store.update(values)
            store.save()
            ids[person] = str(store.session_key)
        yield ids


def run_django(site: Site, way: Way, *middleware: str) -> None:
    with django(site, way, *middleware) as ids:

        def get(person: str) -> None:
            client = Client()
            client.cookies["sessionid"] = ids[person]
            response: Any = client.get(f"/way/{person}")
            assert response.getvalue() is not None and response.status_code == 200

        async def get_async(person: str) -> None:
            client = AsyncClient()
            client.cookies["sessionid"] = ids[person]
            response: Any = await client.get(f"/way/{person}")
            if response.streaming:
                assert [part async for part in response]
            assert response.status_code == 200

        async def get_all() -> None:
            await asyncio.gather(*map(get_async, PEOPLE))

        if iscoroutinefunction(way):
            asyncio.run(get_all())
            return
        with ThreadPoolExecutor(len(PEOPLE)) as pool:
            list(pool.map(get, PEOPLE))


IN_ORDER = ("middleware.backpack", "sign_in.middleware")
ORDERS = pytest.mark.parametrize("middleware", [IN_ORDER, IN_ORDER[::-1]], ids=["right", "wrong"])


@ORDERS
@pytest.mark.parametrize(
    "way",
    [
        view,
        async_view,
        by_sync_to_async,
        django_stream,
        other_iterable,
        async_stream,
        copied_context,
        mapped,
    ],
)
def test_django_uses_the_account_of_the_user(
    site: Site, way: Way, middleware: tuple[str, ...]
) -> None:
    run_django(site, way, *middleware)
    assert site.received == ALL


def test_visitors_of_django_get_the_account_of_connect_without_another_one(site: Site) -> None:
    run_django(site, view, "sign_in.middleware")
    assert site.received == ALL


@ORDERS
def test_a_thread_of_django_that_knows_no_user_is_not_connected(
    site: Site, middleware: tuple[str, ...]
) -> None:
    run_django(site, thread, *middleware)
    assert site.received == NOBODY


def test_the_end_of_a_request_of_django_has_no_account(site: Site) -> None:
    def finished(**extra: Any) -> None:
        attempt("nobody")

    request_finished.connect(finished)
    try:
        run_django(site, lambda person: person, *IN_ORDER)
    finally:
        request_finished.disconnect(finished)
    assert site.received == NOBODY


# --- FastAPI ----------------------------------------------------------------------------------


def fastapi_app(site: Site) -> FastAPI:  # noqa: C901 - one small function for each way
    """Return a site whose dependencies find the connection of the user in the session."""
    app = FastAPI()
    shared = Connection(site.box.url, oauth_token=site.token)

    async def account(http: HTTPConnection) -> AsyncIterator[Connection]:
        session = site.sessions[http.path_params["person"]]
        connection = await run_in_threadpool(site.flow.connection, session) or shared
        with using(connection):
            yield connection

    Account = Annotated[Connection, Depends(account)]  # noqa: N806

    def passed(person: str, connection: Account) -> str:
        return Page.create(title=f"for {person}", using=connection).title

    def in_block(person: str, connection: Account) -> str:
        return write(person)

    async def in_threadpool(person: str, connection: Account) -> str:
        return await run_in_threadpool(write, person)

    def streamed(person: str, connection: Account) -> StreamingResponse:
        return StreamingResponse(write(person) for _ in range(1))

    async def streamed_async(person: str, connection: Account) -> StreamingResponse:
        return StreamingResponse(async_parts(person))

    def background(person: str, connection: Account, tasks: BackgroundTasks) -> str:
        tasks.add_task(write, person)
        return ""

    def in_a_thread(person: str, connection: Account) -> str:
        return str(in_thread(attempt, person))

    async def socket(websocket: WebSocket, person: str, connection: Account) -> None:
        await websocket.accept()
        await websocket.send_text(await run_in_threadpool(write, person))
        await websocket.close()

    for function in (
        passed,
        in_block,
        in_threadpool,
        streamed,
        streamed_async,
        background,
        in_a_thread,
    ):
        function.__annotations__["connection"] = Account
        app.get(f"/{function.__name__}/{{person}}", response_model=None)(function)
    socket.__annotations__["connection"] = Account
    app.websocket("/socket/{person}")(socket)
    return app


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("passed", ALL),
        ("in_block", ALL),
        ("in_threadpool", ALL),
        ("streamed", ALL),
        ("streamed_async", ALL),
        ("background", ALL),
        ("in_a_thread", NOBODY),
    ],
)
def test_fastapi_uses_the_account_of_the_user(
    site: Site, way: str, expected: Counter[tuple[str, str]]
) -> None:
    async def get_all() -> None:
        transport = httpx.ASGITransport(fastapi_app(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://trips") as client:
            found = await asyncio.gather(*(client.get(f"/{way}/{each}") for each in PEOPLE))
            assert [each.status_code for each in found] == [200] * len(PEOPLE)

    asyncio.run(get_all())
    assert site.received == expected


def test_websockets_of_fastapi_use_the_account_of_the_user(site: Site) -> None:
    client = TestClient(fastapi_app(site))
    with client:
        for person in PEOPLE:
            with client.websocket_connect(f"/socket/{person}") as socket:
                assert socket.receive_text() == f"for {person}"
    assert site.received == ALL


# --- jobs, greenlets and forks ----------------------------------------------------------------


def job(flow: SignIn, ticket: dict[str, str], person: str) -> None:
    """Run a job for a user, for whom it was queued; nothing is known of a visitor."""
    connection = flow.connection(ticket)
    if connection is None:
        attempt(person)
        return
    with using(connection):
        write(person)


def test_jobs_of_celery_use_the_account_of_the_user(site: Site) -> None:
    celery = Celery("trips", broker="memory://", set_as_current=False)

    @celery.task(lazy=False, shared=False)  # bound here, not by sixteen threads
    def write_later(ticket: dict[str, str], person: str) -> None:
        job(site.flow, ticket, person)

    def run(person: str) -> None:
        ticket = json.loads(json.dumps(site.flow.ticket(site.sessions[person])))
        write_later.apply(args=(ticket, person), throw=True)

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        list(pool.map(run, PEOPLE))
    assert site.received == USERS


def test_a_job_of_a_user_who_has_signed_out_has_no_account(site: Site) -> None:
    ticket = site.flow.ticket(site.sessions["Ann"])
    session = dict(site.sessions["Ann"])
    site.flow.end(session, session.clear)
    job(site.flow, ticket, "Ann")
    assert site.received == NOBODY


def test_greenlets_use_the_account_of_the_user(site: Site) -> None:
    def run(person: str) -> None:
        connection = site.flow.connection(site.sessions[person])
        with nullcontext() if connection is None else using(connection):
            greenlet.getcurrent().parent.switch()  # all others enter their blocks
            (attempt if connection is None else write)(person)

    running = [greenlet(run) for _ in PEOPLE]
    for each, person in zip(running, PEOPLE, strict=True):
        each.switch(person)
    for each in running:
        each.switch()
    assert site.received == USERS


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_does_not_use_the_account_of_connect(site: Site) -> None:
    child = os.fork()
    if not child:
        code = 1
        try:
            attempt("Ann")
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_without_sign_in_the_account_of_connect_is_that_of_all_threads(box: Sandbox) -> None:
    connect(box.url, token=box.token)
    assert in_thread(write, "everyone") == "for everyone"
