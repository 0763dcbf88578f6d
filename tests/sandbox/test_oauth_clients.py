"""Unmodified OAuth clients complete the flow, with the hooks that their documentation gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session

from backpack_orm.sandbox import Application, Sandbox

APP = Application("https://trips.example/back", "Trips", "trips", "s3cret-of-trips")
SECRET = {"client_id": APP.client_id, "client_secret": APP.client_secret}


@pytest.fixture(scope="module")
def provider(network: None) -> Iterator[Sandbox]:
    with Sandbox(seed="empty", tls=True, applications=[APP]) as box:
        yield box


@pytest.fixture(autouse=True)
def _trust(provider: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", provider.ca_bundle)


def test_requests_oauthlib_signs_in_refreshes_and_reaches_the_account(provider: Sandbox) -> None:
    stored: list[dict[str, Any]] = []
    session = OAuth2Session(
        APP.client_id,
        redirect_uri=APP.redirect_uri,
        auto_refresh_url=f"{provider.url}/authorization/token",
        auto_refresh_kwargs={"type": "refresh", "redirect_uri": APP.redirect_uri, **SECRET},
        token_updater=stored.append,
    )
    address, _ = session.authorization_url(f"{provider.url}/authorization/new", type="web_server")
    token = session.fetch_token(
        f"{provider.url}/authorization/token",
        authorization_response=provider.oauth.allow(address),
        client_secret=APP.client_secret,
        include_client_id=True,
        type="web_server",
    )
    assert session.get(f"{provider.url}/authorization.json").json()["accounts"][0]["name"] == "acme"
    assert session.get(f"{provider.url}/me.xml").status_code == 200
    session.token = {name: token[name] for name in ("access_token", "refresh_token")} | {
        "expires_at": 1
    }
    assert session.get(f"{provider.url}/me.xml", allow_redirects=False).status_code == 200
    assert [each["access_token"] == token["access_token"] for each in stored] == [False]
    assert stored[0]["refresh_token"] == token["refresh_token"], "the old one is kept"


def test_authlib_signs_in_refreshes_and_reaches_the_account(provider: Sandbox) -> None:
    stored: list[dict[str, Any]] = []
    session = AuthlibSession(
        APP.client_id,
        APP.client_secret,
        redirect_uri=APP.redirect_uri,
        token_endpoint=f"{provider.url}/authorization/token",
        token_endpoint_auth_method="client_secret_post",
        update_token=lambda token, **old: stored.append(token),
    )

    def as_refresh(url: str, headers: Any, body: str) -> Any:
        body += f"&type=refresh&redirect_uri={quote(APP.redirect_uri, safe='')}"
        return url, headers, body

    def with_type(response: requests.Response) -> Any:
        fields = {"token_type": "Bearer", **response.json()}
        response.json = lambda **_: fields  # type: ignore[method-assign]
        return response

    session.register_compliance_hook("refresh_token_request", as_refresh)
    for hook in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(hook, with_type)
    address, state = session.create_authorization_url(
        f"{provider.url}/authorization/new", type="web_server"
    )
    token = session.fetch_token(
        authorization_response=provider.oauth.allow(address), state=state, type="web_server"
    )
    assert session.get(f"{provider.url}/me.xml").status_code == 200
    session.token = {**token, "expires_at": 1}
    assert session.get(f"{provider.url}/me.xml", allow_redirects=False).status_code == 200
    assert [each["access_token"] == token["access_token"] for each in stored] == [False]


@pytest.mark.parametrize("client", ["requests-oauthlib", "Authlib"])
def test_a_client_without_the_hooks_is_refused(provider: Sandbox, client: str) -> None:
    """They send grant_type, which the provider does not accept in place of type."""
    sign_in, tokens = f"{provider.url}/authorization/new", f"{provider.url}/authorization/token"
    if client == "Authlib":
        session = AuthlibSession(
            APP.client_id,
            APP.client_secret,
            redirect_uri=APP.redirect_uri,
            token_endpoint_auth_method="client_secret_post",
        )
        address, _ = session.create_authorization_url(sign_in, type="web_server")
        options = {}
    else:
        session = OAuth2Session(APP.client_id, redirect_uri=APP.redirect_uri)
        address, _ = session.authorization_url(sign_in, type="web_server")
        options = {"client_secret": APP.client_secret, "include_client_id": True}
    back = provider.oauth.allow(address)
    with pytest.raises(Exception, match="type is missing; grant_type does not replace it"):
        session.fetch_token(tokens, authorization_response=back, **options)
