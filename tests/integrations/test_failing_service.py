"""Applications whose account cannot be reached, at the start or later, or refuses the token."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import django
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from flask import Flask

django.setup()

from django.test import Client, override_settings  # noqa: E402 - after the setup

from backpack_orm import Page  # noqa: E402
from backpack_orm.integrations import fastapi, flask  # noqa: E402
from backpack_orm.sandbox import Sandbox  # noqa: E402
from tests.conftest import TOKEN  # noqa: E402

Get = Callable[[], int]
Start = Callable[[], Sandbox]


@pytest.fixture
def port(demo: Callable[..., Sandbox], network: None) -> int:
    """A port that nobody listens on."""
    with demo() as box:
        return int(box.url.rpartition(":")[2])


@pytest.fixture
def start(demo: Callable[..., Sandbox], port: int) -> Iterator[Start]:
    """Return a function that starts the service."""
    started: list[Sandbox] = []

    def start() -> Sandbox:
        started.append(demo(port=port))
        started[-1].start()
        return started[-1]

    yield start
    for box in started:
        box.close()


@pytest.fixture(params=["flask", "django", "fastapi"])
def get(request: pytest.FixtureRequest, port: int) -> Iterator[Get]:
    """Return a function that requests all titles of an application, and returns the status."""
    url = f"http://127.0.0.1:{port}"
    if request.param == "flask":
        app = Flask("diary")
        app.config.update(
            BACKPACK_URL=url, BACKPACK_TOKEN=TOKEN, BACKPACK_TTL=0, BACKPACK_MAX_WAIT=0
        )
        flask.Backpack(app, handle_errors=True)
        app.get("/")(lambda: [page.title for page in Page.all()])
        yield lambda: app.test_client().get("/").status_code
    elif request.param == "django":
        account = {"URL": url, "TOKEN": TOKEN, "TTL": 0, "MAX_WAIT": 0}
        with override_settings(BACKPACK={"default": account}, DEBUG_PROPAGATE_EXCEPTIONS=False):
            client = Client(raise_request_exception=False)
            yield lambda: client.get("/titles").status_code
    else:
        backpack = fastapi.Backpack(url, token=TOKEN, ttl=0, max_wait=0)
        service = FastAPI(lifespan=backpack.lifespan)
        fastapi.handle_errors(service)

        @service.get("/")
        def titles() -> list[str]:
            return [page.title for page in Page.all(using=backpack.connection)]

        with TestClient(service) as started:
            yield lambda: started.get("/").status_code


def test_an_application_starts_while_the_service_is_down(get: Get, start: Start) -> None:
    assert get() == 502
    start()
    assert get() == 200


def test_a_service_may_go_down_and_come_back(get: Get, start: Start) -> None:
    box = start()
    assert get() == 200
    box.close()
    assert get() == 502
    start()
    assert get() == 200


def test_a_token_may_be_revoked_and_replaced(get: Get, start: Start) -> None:
    box = start()
    assert get() == 200
    for token in box.tokens.all():
        box.tokens.revoke(token.id)
    assert get() == 500
    box.add_account("acme", token=TOKEN)
    assert get() == 200
