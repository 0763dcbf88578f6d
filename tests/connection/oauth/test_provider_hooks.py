"""Hooks of an application see the requests to the provider, and no secret."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest

from backpack_orm import AuthenticationError, Grant, OAuthApp, Page
from backpack_orm.connection.oauth.provider import ACCOUNTS_PATH, TOKEN_PATH
from backpack_orm.sandbox import Sandbox
from tests.connection.conftest import DROP, Stub, http
from tests.connection.oauth.conftest import REDIRECT, SECRET, Clocks

ACCESS, REFRESH, CODE = "CANARY-access", "CANARY-refresh", "CANARY-code"
STORED = {"client_id": "trips", "access_token": ACCESS, "refresh_token": REFRESH}
TOKENS = b'{"access_token": "CANARY-new", "refresh_token": "CANARY-refresh"}'


@pytest.fixture
def app(stub: Stub, clocks: Clocks) -> Any:
    return OAuthApp("trips", SECRET, REDIRECT, provider=stub.url)


@pytest.fixture
def seen(app: OAuthApp) -> Any:
    events: list[object] = []
    for hook in vars(app.hooks).values():
        hook(events.append)
    return events


def test_the_requests_of_a_sign_in_are_reported(stub: Stub, app: OAuthApp, seen: Any) -> None:
    stub.responses(http(200, TOKENS), http(200, b'{"accounts": []}'))
    _, state = app.authorization_url()
    app.exchange(f"{REDIRECT}?code={CODE}&state={state}", state=state).accounts()
    assert attrs.asdict(seen[0]) == {
        "url": stub.url,
        "verb": "POST",
        "path": "/authorization/token",
        "endpoint": "POST /authorization/token",
        "attempt": 1,
        "is_write": False,
    }
    assert (seen[1].request, seen[1].status, seen[1].size) == (seen[0], 200, len(TOKENS))
    assert [each.endpoint for each in seen[2::2]] == ["GET /authorization.json"]


def test_a_retry_is_reported_between_its_requests(
    stub: Stub, app: OAuthApp, seen: Any, clocks: Clocks
) -> None:
    stub.responses(DROP, http(200, b'{"accounts": []}'))
    Grant.from_dict(STORED, app).accounts()
    kinds = [type(each).__name__.removesuffix("Event") for each in seen]
    assert kinds == ["Request", "Response", "Retry", "Request", "Response"]
    assert (seen[1].error, seen[2].error, seen[3].attempt) == (*["connection_failed"] * 2, 2)
    assert seen[2].seconds == clocks.slept[0]


def test_no_event_contains_a_secret(stub: Stub, app: OAuthApp, seen: Any) -> None:
    echo = f'{{"error": "{SECRET} {REFRESH} {ACCESS}"}}'.encode()
    stub.default = http(401, echo)
    grant = Grant.from_dict(STORED, app)
    for request in (grant.refresh, grant.accounts):
        with pytest.raises(AuthenticationError):
            request()
    assert {each.request.path for each in seen[1::2]} == {TOKEN_PATH, ACCOUNTS_PATH}
    for secret in (SECRET, REFRESH, ACCESS):
        assert secret not in repr(seen)
        assert secret.encode() not in pickle.dumps(seen)


def test_a_hook_that_raises_loses_no_token(stub: Stub, app: OAuthApp) -> None:
    @app.hooks.on_response
    def broken(event: Any) -> None:
        raise RuntimeError("broken")

    stub.responses(http(200, TOKENS))
    grant = Grant.from_dict(STORED, app)
    grant.refresh()
    assert grant.access_token == "CANARY-new"


def test_a_refresh_during_a_call_is_reported_by_the_application_only(
    provider: Sandbox, clocks: Clocks
) -> None:
    app = OAuthApp("trips", SECRET, REDIRECT, provider=provider.url)
    url, state = app.authorization_url()
    grant = app.exchange(provider.oauth.allow(url), state=state)
    connection = grant.connect(grant.accounts()[0])
    ours: list[Any] = []
    theirs: list[Any] = []
    connection.hooks.on_request(ours.append)
    app.hooks.on_request(theirs.append)
    provider.oauth.expire_access_tokens()
    Page.all(using=connection)
    assert [each.endpoint for each in ours] == ["POST /ws/pages/all"] * 2
    assert [each.endpoint for each in theirs] == ["POST /authorization/token"]
