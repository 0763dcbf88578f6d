"""A provider with users, and the same site that signs them in, built with each framework."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import django
import pytest
from flask import Flask, render_template_string, session

django.setup()

from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402 - after the setup
from django.template import engines  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import include, path  # noqa: E402

from backpack_orm import Connection, NotConnected, OAuthApp, Page  # noqa: E402
from backpack_orm.connection import current  # noqa: E402
from backpack_orm.integrations import flask as extension  # noqa: E402
from backpack_orm.integrations.django.sign_in import sign_in_required  # noqa: E402
from backpack_orm.integrations.sign_in import SignIn  # noqa: E402
from backpack_orm.sandbox import Application, Sandbox  # noqa: E402

CALLBACK = "https://trips.example/backpack/callback"
SECRET = "5ca1ab1e-secret-of-the-application"
LOG_OUT = '<form method="post" action="/backpack/logout">{}<button>Log out</button></form>'


class Memory:
    """A storage in memory, as a database would store what is ready for JSON."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def load(self, id: str) -> Any:
        return json.loads(self.rows[id]) if id in self.rows else None

    def save(self, id: str, values: dict[str, Any]) -> None:
        self.rows[id] = json.dumps(values)

    def replace(self, id: str, old: Any, new: dict[str, Any]) -> bool:
        is_stored: bool = self.load(id) == old
        if is_stored:
            self.rows[id] = json.dumps(new)
        return is_stored

    def delete(self, id: str) -> None:
        self.rows.pop(id, None)

    @property
    def tokens(self) -> list[str]:
        """All tokens of all users."""
        grants = [json.loads(row)["grant"] for row in self.rows.values()]
        return [grant[f"{kind}_token"] for grant in grants for kind in ("access", "refresh")]


@pytest.fixture(scope="module")
def running(network: None) -> Iterator[Sandbox]:
    """A provider whose users Ann and Bob have one account each, and Both has two."""
    registered = Application(CALLBACK, "Trips", "trips", SECRET)
    with Sandbox(seed="empty", applications=[registered]) as box:
        box.add_account("other")
        for name, account in (
            ("Ann", "acme"),
            ("Bob", "other"),
            ("Both", "acme"),
            ("Both", "other"),
        ):
            token = box.add_user(name, account=account, email_address=f"{name}@example.com")
            title = f"{name} in {account}"
            Page.create(title=title, using=Connection(box.url, token=token))
        yield box


@pytest.fixture
def provider(running: Sandbox) -> Iterator[Sandbox]:
    """A provider without grants and faults."""
    running.oauth.revoke()
    yield running
    running.faults.clear()
    running.oauth.grants.code_lifetime = 60


@pytest.fixture
def storage() -> Memory:
    """Where the site stores the tokens."""
    return Memory()


@pytest.fixture
def flow(provider: Sandbox, storage: Memory) -> SignIn:
    """The flow of a site."""
    app = OAuthApp("trips", SECRET, CALLBACK, provider=provider.url)
    return SignIn(app, storage, max_wait=5)


class Reply(NamedTuple):
    """What a browser receives."""

    status: int
    location: str
    text: str
    headers: Mapping[str, str]


class Browser:
    """A browser that follows no redirect."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, path: str) -> Reply:
        return self._reply(self._client.get(path))

    def post(self, path: str, **form: str) -> Reply:
        return self._reply(self._client.post(path, data=form))

    def submit(self, page: str, action: str, **form: str) -> Reply:
        """Submit a form of a page, with the hidden fields that the page contains."""
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', self.get(page).text)
        return self.post(action, **dict(hidden), **form)

    @property
    def cookies(self) -> dict[str, str]:
        """All values that the site has set."""
        raise NotImplementedError

    def set_cookie(self, name: str, value: str) -> None:
        """Set a value that another browser has."""
        raise NotImplementedError

    def readable(self) -> str:
        """Return what the owner of the browser can read in the cookies, which may be encoded."""
        return ""

    def _reply(self, response: Any) -> Reply:
        headers = dict(response.headers.items())
        content = response.data if hasattr(response, "data") else response.content
        return Reply(response.status_code, headers.get("Location", ""), content.decode(), headers)

    def start(self, next: str = "") -> str:
        """Return the address of the sign-in page."""
        return self.get(f"/backpack/login{next and '?next='}{next}").location

    def sign_in(self, box: Sandbox, user: str, account: str = "acme", next: str = "") -> Reply:
        """Sign in a user, who allows access."""
        return self.get(self.returned(box.oauth.allow(self.start(next), user, account=account)))

    @staticmethod
    def returned(address: str) -> str:
        """Return the path to which the provider has redirected the browser."""
        return address.removeprefix("https://trips.example")


class FlaskBrowser(Browser):
    @property
    def cookies(self) -> dict[str, str]:
        cookie = self._client.get_cookie("session")
        return {} if cookie is None else {"session": cookie.value}

    def set_cookie(self, name: str, value: str) -> None:
        self._client.set_cookie(name, value)

    def readable(self) -> str:
        app = self._client.application
        serializer = app.session_interface.get_signing_serializer(app)
        found = repr(serializer.loads(self.cookies["session"]))
        assert "_backpack_id" in found
        return found


class DjangoBrowser(Browser):
    @property
    def cookies(self) -> dict[str, str]:
        return {name: cookie.value for name, cookie in self._client.cookies.items()}

    def set_cookie(self, name: str, value: str) -> None:
        self._client.cookies[name] = value


class Site(Protocol):
    """A site that signs users in."""

    def browser(self) -> Browser:
        """Return another browser."""


class FlaskSite:
    def __init__(self, app: Flask) -> None:
        self.app = app

    def browser(self) -> Browser:
        return FlaskBrowser(self.app.test_client())


class DjangoSite:
    def browser(self) -> Browser:
        return DjangoBrowser(Client(enforce_csrf_checks=True))


def flask_app(flow: SignIn) -> Flask:
    """Return a site built with Flask."""
    app = Flask("trips")
    app.config.update(SECRET_KEY="for sessions", TESTING=True)
    app.register_blueprint(extension.sign_in_blueprint(flow))

    @app.get("/")
    def home() -> str:
        field = '<input type="hidden" name="csrf_token" value="{{ backpack_csrf_token() }}">'
        return render_template_string(LOG_OUT.format(field))

    @app.get("/color/<color>")
    def set_color(color: str) -> str:
        session["color"] = color
        return ""

    @app.get("/color")
    def color() -> str:
        return str(session.get("color"))

    @app.get("/open")
    def open_to_all() -> str:
        return url_of_current()

    app.route("/titles", methods=["GET", "POST"])(extension.sign_in_required(titles))
    return app


def titles() -> list[str]:
    return [page.title for page in Page.all()]


def url_of_current() -> str:
    try:
        return current().url
    except NotConnected:
        return "nobody"


def _home(request: HttpRequest) -> HttpResponse:
    form = engines["django"].from_string(LOG_OUT.format("{% csrf_token %}"))
    return HttpResponse(form.render({}, request))


def _set_color(request: HttpRequest, color: str) -> HttpResponse:
    request.session["color"] = color
    return HttpResponse()


def _color(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.session.get("color")))


def _open_to_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse(url_of_current())


@sign_in_required
def _titles(request: HttpRequest) -> HttpResponse:
    return JsonResponse(titles(), safe=False)


@contextmanager
def django_site(flow: SignIn, **more: Any) -> Iterator[DjangoSite]:
    """Run a block with a site built with Django."""
    here = type("", (), {})()  # stands for the module of a project
    settings = {
        "BACKPACK_SIGN_IN": "tests.integrations.django_project.signing.flow",
        "ROOT_URLCONF": here,
        "SESSION_ENGINE": "django.contrib.sessions.backends.cache",
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "backpack_orm.integrations.django.sign_in.middleware",
        ],
        "TEMPLATES": [
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
    }
    with pytest.MonkeyPatch.context() as patch, override_settings(**settings | more):
        patch.setattr("tests.integrations.django_project.signing.flow", flow)
        here.urlpatterns = [
            path("", _home),
            path("color/<color>", _set_color),
            path("color", _color),
            path("open", _open_to_all),
            path("titles", _titles),
            path("backpack/", include("backpack_orm.integrations.django.urls")),
        ]
        yield DjangoSite()


@pytest.fixture(params=["flask", "django"])
def site(request: pytest.FixtureRequest, flow: SignIn) -> Iterator[Site]:
    """The site, built with each framework."""
    if request.param == "flask":
        yield FlaskSite(flask_app(flow))
    else:
        with django_site(flow) as site:
            yield site


@pytest.fixture
def browser(site: Site) -> Browser:
    """A browser."""
    return site.browser()
