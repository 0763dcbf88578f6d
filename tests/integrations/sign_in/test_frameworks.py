"""What is particular to Flask or Django when users sign in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.backends.cache import SessionStore
from django.core.checks.registry import registry
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, RequestFactory, override_settings
from django.urls import include, path
from flask import Flask, stream_with_context
from flask.sessions import SecureCookieSessionInterface
from werkzeug.routing import Rule

from backpack_orm import OAuthApp, ValidationError
from backpack_orm.connection import context
from backpack_orm.integrations import django as django_application
from backpack_orm.integrations.django.apps import BackpackConfig
from backpack_orm.integrations.django.checks import check_sign_in
from backpack_orm.integrations.django.sign_in import middleware as sign_in_middleware
from backpack_orm.integrations.django.sign_in import sign_in_flow, sign_in_required
from backpack_orm.integrations.flask import Backpack, sign_in_blueprint
from backpack_orm.integrations.flask import sign_in_required as required
from backpack_orm.integrations.sign_in import SignIn
from backpack_orm.sandbox import Sandbox
from tests.integrations.sign_in.conftest import (
    CALLBACK,
    Browser,
    DjangoSite,
    FlaskSite,
    Memory,
    django_site,
    flask_app,
    titles,
)

PEOPLE = {"Ann": "acme", "Bob": "other"}


def counts_of(browser: Browser, path: str) -> Any:
    return json.loads(browser.get(path).text)


# --- Flask ------------------------------------------------------------------------------------


@pytest.fixture
def app(flow: SignIn) -> Flask:
    """A site built with Flask."""
    return flask_app(flow)


def test_users_never_mix_in_flask(app: Flask, provider: Sandbox) -> None:
    barrier = Barrier(2, timeout=60)

    @app.get("/barrier")
    @required
    def wait() -> list[str]:
        before = titles()
        barrier.wait()
        return before + titles()

    browsers = {user: FlaskSite(app).browser() for user in PEOPLE}
    for user, account in PEOPLE.items():
        browsers[user].sign_in(provider, user, account)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(200):
            ann, bob = pool.map(lambda user: counts_of(browsers[user], "/barrier"), PEOPLE)
            assert (ann, bob) == (["Ann in acme"] * 2, ["Bob in other"] * 2)


def test_streams_and_async_views_of_flask_use_it_to_their_end(
    app: Flask, provider: Sandbox
) -> None:
    @app.get("/stream")
    @required
    def stream() -> Any:
        return stream_with_context(title for title in titles())

    @app.get("/async")
    @required
    async def titles_async() -> list[str]:
        return await asyncio.to_thread(titles)

    browser = FlaskSite(app).browser()
    browser.sign_in(provider, "Ann")
    assert browser.get("/stream").text == "Ann in acme"
    assert counts_of(browser, "/async") == ["Ann in acme"]
    assert list(context.candidates()) == []


def test_static_files_read_no_session(
    app: Flask, provider: Sandbox, storage: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = FlaskSite(app).browser()
    browser.sign_in(provider, "Ann")
    monkeypatch.setattr(storage, "load", None)
    assert "Cookie" not in browser.get("/static/site.css").headers.get("Vary", "")


def test_an_endpoint_that_ends_in_static_is_a_view_like_others(
    app: Flask, provider: Sandbox
) -> None:
    app.view_functions["pages.static"] = titles
    app.url_map.add(Rule("/static-pages", endpoint="pages.static"))
    browser = FlaskSite(app).browser()
    browser.sign_in(provider, "Ann")
    assert counts_of(browser, "/static-pages") == ["Ann in acme"]


def test_the_account_of_a_user_replaces_that_of_the_application(
    app: Flask, provider: Sandbox
) -> None:
    app.config.update(BACKPACK_URL="http://127.0.0.1:1", BACKPACK_TOKEN="0123456789abcdef")
    Backpack(app)
    browser = FlaskSite(app).browser()
    assert browser.get("/open").text == "http://127.0.0.1:1"
    browser.sign_in(provider, "Ann")
    assert browser.get("/open").text == provider.url


class ServerSideSessions(SecureCookieSessionInterface):
    """Sessions that are stored on the server, as extensions do; the cookie has their id."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.last_id = 0

    def open_session(self, app: Flask, request: Any) -> Any:
        opened = self.session_class(self.stored.get(request.cookies.get("session"), {}))
        opened.sid = request.cookies.get("session") or self._new_id()  # type: ignore[attr-defined]
        return opened

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        self.stored[session.sid] = dict(session)
        response.set_cookie("session", session.sid)

    def regenerate(self, session: Any) -> None:
        if session:  # an empty one keeps its id
            self.stored.pop(session.sid, None)
            session.sid = self._new_id()

    def _new_id(self) -> str:
        self.last_id += 1
        return str(self.last_id)


def test_a_session_on_the_server_gets_another_id(app: Flask, provider: Sandbox) -> None:
    app.session_interface = ServerSideSessions()
    browser = FlaskSite(app).browser()
    browser.get("/")
    planted = browser.cookies["session"]
    browser.sign_in(provider, "Ann")
    thief = FlaskSite(app).browser()
    thief.set_cookie("session", planted)
    assert (browser.get("/open").text, thief.get("/open").text) == (provider.url, "nobody")
    signed_in = browser.cookies["session"]
    browser.submit("/", "/backpack/logout")
    assert browser.cookies["session"] != signed_in


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "SECRET_KEY is missing"),
        (
            {"SECRET_KEY": "for sessions", "SESSION_COOKIE_SAMESITE": "Strict"},
            "SESSION_COOKIE_SAMESITE is 'Strict'.*: use 'Lax'",
        ),
    ],
)
def test_flask_refuses_sessions_that_would_not_work(config: dict[str, Any], message: str) -> None:
    app = Flask("trips")
    app.config.update(config)
    flow = SignIn(OAuthApp("trips", "s3cret", CALLBACK), Memory())
    with pytest.raises(ValidationError, match=message):
        app.register_blueprint(sign_in_blueprint(flow))


def test_flask_refuses_a_second_sign_in(app: Flask, flow: SignIn) -> None:
    with pytest.raises(ValueError, match="already registered"):
        app.register_blueprint(sign_in_blueprint(flow))


@pytest.mark.parametrize(
    ("redirect_uri", "path"),
    [
        ("https://trips.example/back", "/back"),
        ("https://trips.example/", "/"),
        ("https://trips.example/a/b/", "/a/b/"),
        ("https://trips.example/a/b?kind=c", "/a/b"),
    ],
)
def test_the_callback_is_at_the_redirect_address(redirect_uri: str, path: str) -> None:
    app = Flask("trips")
    app.secret_key = "for sessions"
    app.register_blueprint(sign_in_blueprint(SignIn(OAuthApp("a", "b", redirect_uri), Memory())))
    assert app.test_client().get(path).status_code == 400  # without a state


# --- Django -----------------------------------------------------------------------------------

barrier = Barrier(2, timeout=60)


@sign_in_required
def _wait(request: HttpRequest) -> JsonResponse:
    before = titles()
    barrier.wait()
    return JsonResponse(before + titles(), safe=False)


@sign_in_required
async def _wait_async(request: HttpRequest) -> JsonResponse:
    before = await asyncio.to_thread(titles)
    await asyncio.to_thread(barrier.wait)
    return JsonResponse(before + await asyncio.to_thread(titles), safe=False)


@sign_in_required
def _titles(request: HttpRequest) -> JsonResponse:
    return JsonResponse(titles(), safe=False)


@sign_in_required
def _stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(title for title in titles())


@pytest.fixture
def django(flow: SignIn) -> Iterator[DjangoSite]:
    """A site built with Django."""
    urls = type("", (), {})()
    urls.urlpatterns = [
        path("barrier", _wait),
        path("barrier-async", _wait_async),
        path("stream", _stream),
        path("backpack/", include("backpack_orm.integrations.django.urls")),
    ]
    with django_site(flow), override_settings(ROOT_URLCONF=urls):
        yield DjangoSite()


def test_users_never_mix_in_django(django: DjangoSite, provider: Sandbox) -> None:
    browsers = {user: django.browser() for user in PEOPLE}
    for user, account in PEOPLE.items():
        browsers[user].sign_in(provider, user, account)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(200):
            ann, bob = pool.map(lambda user: counts_of(browsers[user], "/barrier"), PEOPLE)
            assert (ann, bob) == (["Ann in acme"] * 2, ["Bob in other"] * 2)


def test_users_never_mix_in_async_views_of_django(django: DjangoSite, provider: Sandbox) -> None:
    clients = {}
    for user, account in PEOPLE.items():
        browser = django.browser()
        browser.sign_in(provider, user, account)
        clients[user] = AsyncClient()
        clients[user].cookies["sessionid"] = browser.cookies["sessionid"]

    async def get(user: str) -> Any:
        return (await clients[user].get("/barrier-async")).json()

    async def get_all() -> None:
        for _ in range(200):
            found = await asyncio.gather(*map(get, PEOPLE))
            assert found == [["Ann in acme"] * 2, ["Bob in other"] * 2]

    asyncio.run(get_all())


def test_nobody_reaches_an_async_view_and_access_ends_in_it(
    django: DjangoSite, provider: Sandbox
) -> None:
    client = AsyncClient()
    response = asyncio.run(client.get("/barrier-async"))
    assert response.headers["Location"] == "/backpack/login?next=%2Fbarrier-async"
    assert asyncio.run(client.post("/barrier-async")).status_code == 401
    browser = django.browser()
    browser.sign_in(provider, "Ann")
    provider.oauth.revoke()
    client.cookies["sessionid"] = browser.cookies["sessionid"]
    assert asyncio.run(client.get("/barrier-async")).status_code == 401


def test_streams_of_django_use_it_to_their_end(django: DjangoSite, provider: Sandbox) -> None:
    browser = django.browser()
    browser.sign_in(provider, "Ann")
    client = AsyncClient()
    client.cookies["sessionid"] = browser.cookies["sessionid"]

    async def read() -> bytes:
        streamed: Any = await client.get("/stream")
        content: bytes = await sync_to_async(streamed.getvalue)()
        return content

    assert asyncio.run(read()) == b"Ann in acme"


def test_django_refuses_forms_of_other_sites_without_the_middleware_for_that(
    flow: SignIn, provider: Sandbox
) -> None:
    ours = "backpack_orm.integrations.django.sign_in.middleware"
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    with django_site(flow, MIDDLEWARE=[sessions, ours]) as site:
        browser = site.browser()
        browser.sign_in(provider, "Ann")
        assert browser.post("/backpack/logout").status == 403
        assert browser.get("/open").text == provider.url


def problems(flow: SignIn, **settings: Any) -> list[str]:
    """Return the ids of the errors that the check of a project reports."""
    with django_site(flow, **settings):
        return [found.id or "" for found in check_sign_in(None)]


def test_a_project_that_signs_in_passes_its_check(flow: SignIn) -> None:
    assert problems(flow) == []


def test_the_check_finds_what_would_make_each_sign_in_fail(flow: SignIn) -> None:
    elsewhere = SignIn(OAuthApp("a", "b", "https://trips.example/accounts/callback"), Memory())
    without = type("", (), {"urlpatterns": []})()
    assert problems(elsewhere) == ["backpack.E001"]
    assert problems(flow, ROOT_URLCONF=without) == ["backpack.E001"]
    ours = "backpack_orm.integrations.django.sign_in.middleware"
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    assert problems(flow, MIDDLEWARE=[sessions]) == ["backpack.E002"]
    assert problems(flow, MIDDLEWARE=[ours, sessions]) == ["backpack.E002"]
    assert problems(flow, SESSION_COOKIE_SAMESITE="Strict") == ["backpack.E003"]


def test_the_check_finds_the_account_of_the_application_below_that_of_users(flow: SignIn) -> None:
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    ours = "backpack_orm.integrations.django.sign_in.middleware"
    application = "backpack_orm.integrations.django.middleware.backpack"
    assert problems(flow, MIDDLEWARE=[sessions, ours, application]) == ["backpack.E004"]
    assert problems(flow, MIDDLEWARE=[sessions, application, ours]) == []


def test_a_view_that_requires_a_sign_in_can_be_called_without_a_client(
    flow: SignIn, provider: Sandbox
) -> None:
    request = RequestFactory().get("/titles")
    with django_site(flow):
        with pytest.raises(ImproperlyConfigured, match="for a RequestFactory, set request.session"):
            _titles(request)
        request.session = SessionStore()
        respond: Any = sign_in_middleware(_titles)
        assert respond(request)["Location"] == "/backpack/login?next=%2Ftitles"
        back = provider.oauth.allow(flow.start(request.session), "Ann")
        flow.finish(request.session, back.partition("?")[2], request.session.clear)
        assert json.loads(respond(request).content) == ["Ann in acme"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (None, "BACKPACK_SIGN_IN takes the path of a SignIn"),
        ("nowhere.flow", "names 'nowhere.flow': No module named 'nowhere'"),
        ("json.dumps", "names 'json.dumps', a function: name a SignIn"),
    ],
)
def test_django_refuses_a_wrong_path_of_the_flow(setting: Any, message: str) -> None:
    with (
        override_settings(BACKPACK_SIGN_IN=setting),
        pytest.raises(ImproperlyConfigured, match=message),
    ):
        sign_in_flow()


def test_a_project_whose_users_sign_in_needs_no_account_of_its_own(
    flow: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "registered_checks", set())
    with django_site(flow):
        del settings.BACKPACK
        BackpackConfig("backpack_orm.integrations.django", django_application).ready()
    assert "check_sign_in" in repr(registry.registered_checks)
