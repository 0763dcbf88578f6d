"""From the sign-in page to a grant: what is sent, and which callbacks are refused."""

from __future__ import annotations

import pickle
from copy import copy
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import (
    AuthenticationError,
    Grant,
    OAuthApp,
    Page,
    RateLimited,
    TransportError,
    ValidationError,
)
from backpack_orm.connection.oauth.callbacks import read_callback
from backpack_orm.connection.redaction import Secret
from backpack_orm.sandbox import Sandbox
from tests.connection.oauth.conftest import REDIRECT, SECRET, Clocks, requests_for

STATE = "the-state-of-this-sign-in"


class TestAuthorizationUrl:
    def test_it_leads_to_the_provider_with_the_parameters_of_draft_5(self) -> None:
        url, state = OAuthApp("trips", SECRET, REDIRECT).authorization_url()
        parts = urlsplit(url)
        assert url.startswith("https://launchpad.37signals.com/authorization/new?")
        assert parse_qs(parts.query) == {
            "type": ["web_server"],
            "client_id": ["trips"],
            "redirect_uri": [REDIRECT],
            "state": [state],
        }

    def test_each_has_a_state_of_its_own(self) -> None:
        app = OAuthApp("trips", SECRET, REDIRECT)
        states = {app.authorization_url()[1] for _ in range(100)}
        assert len(states) == 100
        assert min(map(len, states)) >= 40


def read_code(address: str, redirect_uri: str) -> str:
    code = read_callback(address, redirect_uri, STATE)
    assert isinstance(code, Secret)
    return code.reveal()


class TestExchange:
    def test_a_user_who_allows_opens_the_account(
        self, provider: Sandbox, app: OAuthApp, clocks: Clocks
    ) -> None:
        url, state = app.authorization_url()
        grant = app.exchange(provider.oauth.allow(url), state=state)
        assert grant.expires_at is not None
        assert grant.refresh_token is not None
        assert (grant.expires_at - clocks.here).total_seconds() == 1209600
        assert len(grant.access_token) == len(grant.refresh_token) == 40
        (account,) = grant.accounts()
        assert (account.name, account.product, account.href) == ("acme", "backpack", provider.url)
        with grant.connect(account) as connection:
            Page.create(title="Lisbon")
        assert [page.title for page in Page.all(using=connection)][-1] == "Lisbon"

    def test_a_user_who_denies_is_an_authentication_error(
        self, provider: Sandbox, app: OAuthApp
    ) -> None:
        url, state = app.authorization_url()
        back = provider.oauth.deny(url)
        with pytest.raises(AuthenticationError, match="returned no code: 'access_denied'") as error:
            app.exchange(back, state=state)
        assert error.value.hint == "Ask the user to sign in again, and to allow access."

    def test_a_wrong_client_secret_is_refused_with_the_providers_reason(
        self, provider: Sandbox
    ) -> None:
        app = OAuthApp("trips", "wrong-secret", REDIRECT, provider=provider.url)
        url, state = app.authorization_url()
        with pytest.raises(AuthenticationError, match="the client id or the client secret is wro"):
            app.exchange(provider.oauth.allow(url), state=state)

    def test_a_wrong_code_is_refused(self, app: OAuthApp) -> None:
        _, state = app.authorization_url()
        with pytest.raises(AuthenticationError, match="invalid_grant") as error:
            app.exchange(f"{REDIRECT}?code=wrong&state={state}", state=state)
        assert "sign in again" in error.value.hint

    def test_an_expired_code_is_refused(
        self, provider: Sandbox, app: OAuthApp, clocks: Clocks
    ) -> None:
        url, state = app.authorization_url()
        back = provider.oauth.allow(url)
        clocks.advance(61)
        with pytest.raises(AuthenticationError, match="the code has expired"):
            app.exchange(back, state=state)

    def test_a_code_is_sent_once(self, provider: Sandbox, app: OAuthApp) -> None:
        url, state = app.authorization_url()
        back = provider.oauth.allow(url)
        app.exchange(back, state=state)
        before = provider.requests
        with pytest.raises(ValidationError, match="this code was used before: sign in again"):
            app.exchange(back, state=state)
        assert provider.requests == before

    def test_a_code_that_another_process_has_used_is_refused_by_the_provider(
        self, provider: Sandbox, app: OAuthApp
    ) -> None:
        url, state = app.authorization_url()
        back = provider.oauth.allow(url)
        app.exchange(back, state=state)
        other = OAuthApp("trips", SECRET, REDIRECT, provider=provider.url)
        with pytest.raises(AuthenticationError, match="was used before"):
            other.exchange(back, state=state)

    def test_a_code_whose_answer_was_lost_is_not_sent_again(
        self, provider: Sandbox, app: OAuthApp
    ) -> None:
        provider.faults.drop_after_write(path="authorization/token", times=1)
        url, state = app.authorization_url()
        before = requests_for(provider, "web_server")
        with pytest.raises(TransportError, match="the code may have been used: sign in") as error:
            app.exchange(provider.oauth.allow(url), state=state)
        assert not error.value.retryable
        assert requests_for(provider, "web_server") == before + 1

    def test_a_code_that_was_certainly_not_used_can_be_exchanged_again(
        self, provider: Sandbox, app: OAuthApp
    ) -> None:
        provider.faults.status(503, retry_after=5, path="authorization/token", times=1)
        url, state = app.authorization_url()
        back = provider.oauth.allow(url)
        with pytest.raises(RateLimited) as error:
            app.exchange(back, state=state)
        assert (error.value.retryable, error.value.retry_after) == (True, 5.0)
        assert app.exchange(back, state=state).accounts()


def back(query: Any = f"code=abc&state={STATE}", address: Any = REDIRECT) -> Any:
    return f"{address}?{query}"


class TestCallbacks:
    @pytest.mark.parametrize(
        ("address", "problem"),
        [
            (back(address="https://evil.example/back"), "another address"),
            (back(address="https://trips.example.evil.example/back"), "another address"),
            (back(address="https://trips.example@evil.example/back"), "another address"),
            (back(address="https://me@trips.example/back"), "another address"),
            (back(address="http://trips.example/back"), "another address"),
            (back(address="https://trips.example:8443/back"), "another address"),
            (back(address="https://trips.example/back/"), "another address"),
            (back(address="https://trips.example/"), "another address"),
            (back(address="//trips.example/back"), "another address"),
            (back(address="https://[trips.example/back"), "another address"),
            (back() + "#code=abc", "another address"),
            ("", "another address"),
            ("abc", "another address"),
            (None, "as text"),
            (b"https://trips.example/back?code=abc", "as text"),
            (back("code=abc"), "state in the address is missing or is not that of this sign-in"),
            (back("code=abc&state="), "state in the address is missing"),
            (back("code=abc&state=wrong"), "is not that of this sign-in"),
            (back(f"code=abc&state={STATE}x"), "is not that of this sign-in"),
            (back(f"code=abc&state={STATE[:-1]}"), "is not that of this sign-in"),
            (back("code=abc&state=%ff%fe"), "is not that of this sign-in"),
            (back(f"state={STATE}"), "has no code"),
            (back(f"code=&state={STATE}"), "has no code"),
            (back(f"code=a&code=b&state={STATE}"), "other parameters"),
            (back(f"code=a&state=wrong&state={STATE}"), "other parameters"),
            (back(f"code=a&error=denied&error=denied&state={STATE}"), "other parameters"),
        ],
    )
    def test_what_is_not_the_return_of_this_sign_in_is_refused(
        self, address: Any, problem: str
    ) -> None:
        with pytest.raises(ValidationError, match=problem):
            OAuthApp("trips", SECRET, REDIRECT).exchange(address, state=STATE)

    @pytest.mark.parametrize("state", [None, "", 7])
    def test_a_state_is_required(self, state: Any) -> None:
        app = OAuthApp("trips", SECRET, REDIRECT)
        with pytest.raises(ValidationError, match="state is missing: pass what authorization_url"):
            app.exchange(back("code=abc&state="), state=state)

    def test_the_state_is_checked_before_the_answer_of_the_user(self) -> None:
        app = OAuthApp("trips", SECRET, REDIRECT)
        with pytest.raises(ValidationError, match="is not that of this sign-in"):
            app.exchange(back("error=access_denied&state=wrong"), state=STATE)

    @pytest.mark.parametrize(
        "address",
        [
            back(address="https://trips.example:443/back"),
            back(address="HTTPS://TRIPS.example/back"),
            f"  {back()}\n",
        ],
    )
    def test_another_notation_of_the_same_address_is_accepted(self, address: Any) -> None:
        assert read_code(address, REDIRECT) == "abc"

    def test_the_query_of_the_redirect_address_is_required(self) -> None:
        own = f"{REDIRECT}?kind=a"
        assert isinstance(read_callback(back(), own, STATE), ValidationError)
        address = f"{own}&code=abc&state={STATE}"
        assert read_code(address, own) == "abc"

    def test_no_refused_address_is_sent_anywhere(self, provider: Sandbox, app: OAuthApp) -> None:
        before = provider.requests
        for address in (back("code=abc&state=wrong"), back(address="https://evil.example/back")):
            with pytest.raises(ValidationError):
                app.exchange(address, state=STATE)
        assert provider.requests == before

    @given(st.text(), st.text(min_size=1))
    def test_any_text_is_refused_without_another_error(self, address: str, state: str) -> None:
        assert isinstance(read_callback(address, REDIRECT, state), ValidationError)

    @given(st.text(), st.text(min_size=1))
    def test_only_the_same_state_is_accepted(self, sent: str, state: str) -> None:
        try:
            quoted = quote(sent, safe="")
        except UnicodeEncodeError:
            return
        found = read_callback(back(f"code=abc&state={quoted}"), REDIRECT, state)
        assert isinstance(found, Secret) == (sent == state)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"client_id": ""}, "client_id takes"),
            ({"client_id": None}, "client_id takes"),
            ({"client_id": "a b"}, "client_id takes"),
            ({"client_secret": ""}, "client_secret takes"),
            ({"client_secret": None}, "client_secret takes"),
            ({"client_secret": "a\nb"}, "client_secret takes"),
            ({"redirect_uri": "http://trips.example/back"}, "must not be sent in clear"),
            ({"redirect_uri": "trips://back"}, "starts with https://"),
            ({"redirect_uri": "https://trips.example/back#a"}, "fragments"),
            ({"redirect_uri": "https://a:b@trips.example/back"}, "passwords"),
            ({"redirect_uri": "https://trips.example/a b"}, "starts with https://"),
            ({"redirect_uri": "https://trips.example:x/"}, "starts with https://"),
            ({"redirect_uri": "https://"}, "starts with https://"),
            ({"redirect_uri": None}, "starts with https://"),
            ({"provider": "http://launchpad.37signals.com"}, "must not be sent in clear"),
            ({"provider": "https://launchpad.37signals.com/path"}, "nothing after it"),
            ({"provider": "https://launchpad.37signals.com?a=b"}, "nothing after it"),
            ({"provider": "ftp://launchpad.37signals.com"}, "starts with https://"),
            ({"hosts": "acme.example"}, "a list of names"),
            ({"hosts": ["https://acme.example"]}, "hosts takes names"),
            ({"hosts": ["*"]}, "hosts takes names"),
            ({"hosts": ["a.*.example"]}, "hosts takes names"),
            ({"hosts": [7]}, "hosts takes names"),
            ({"timeout": 5}, "timeout takes two numbers"),
            ({"user_agent": "a\nb"}, "user_agent takes"),
        ],
    )
    def test_an_invalid_option_is_refused(self, options: Any, problem: str) -> None:
        given = {"client_id": "trips", "client_secret": SECRET, "redirect_uri": REDIRECT}
        with pytest.raises(ValidationError, match=problem):
            OAuthApp(**given | options)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
    def test_http_is_accepted_on_this_machine(self, host: str) -> None:
        app = OAuthApp("trips", SECRET, f"http://{host}:8400/", provider=f"http://{host}:8137/")
        assert app.provider == f"http://{host}:8137"

    def test_an_application_is_not_pickled_or_copied(self) -> None:
        app = OAuthApp("trips", SECRET, REDIRECT)
        for copier in (pickle.dumps, copy):
            with pytest.raises(TypeError, match="it contains its secret"):
                copier(app)


class TestStoring:
    def test_a_stored_grant_connects_without_a_request(
        self, provider: Sandbox, app: OAuthApp, grant: Grant
    ) -> None:
        with grant.connect(provider.url):
            stored = grant.to_dict()
        before = provider.requests
        restored = Grant.from_dict(stored, app)
        assert restored.to_dict() == stored
        with restored.connect(provider.url) as connection:
            assert provider.requests == before
            assert Page.all(using=connection) is not None

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"access_token": None}, "no valid access_token"),
            ({"access_token": ""}, "no valid access_token"),
            ({"access_token": "a b"}, "no valid access_token"),
            ({"access_token": 7}, "no valid access_token"),
            ({"access_token": "a" * 20_000}, "no valid access_token"),
            ({"refresh_token": "a\r\nb"}, "no valid refresh_token"),
            ({"refresh_token": ["a"]}, "no valid refresh_token"),
            ({"expires_at": "soon"}, "no valid expires_at"),
            ({"expires_at": "0001-01-01T00:00:00+14:00"}, "no valid expires_at"),
            ({"expires_at": 7}, "no valid expires_at"),
            ({"expires_at": "2031-03-05T18:30:15"}, "no valid expires_at"),
            ({"users": ["acme"]}, "no valid users"),
            ({"users": {"acme": "7"}}, "no valid users"),
            ({"users": {"acme": True}}, "no valid users"),
            ({"client_id": "other"}, "is that of another application"),
            ({"client_id": None}, "is that of another application"),
            ({"provider": "https://evil.example"}, "is that of another provider"),
        ],
    )
    def test_a_damaged_one_is_refused(self, change: Any, problem: str) -> None:
        app = OAuthApp("trips", SECRET, REDIRECT)
        stored = {"client_id": "trips", "access_token": "a", "refresh_token": "r"}
        with pytest.raises(ValidationError, match=problem):
            Grant.from_dict(stored | change, app)

    @pytest.mark.parametrize("stored", [None, "text", 7, ["access_token"], {}])
    def test_something_else_is_refused(self, stored: Any) -> None:
        with pytest.raises(ValidationError, match="stored grant"):
            Grant.from_dict(stored, OAuthApp("trips", SECRET, REDIRECT))

    @given(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.lists(st.text())))
    def test_any_dict_is_refused_without_another_error(self, stored: Any) -> None:
        with pytest.raises(ValidationError):
            Grant.from_dict(stored, OAuthApp("trips", SECRET, REDIRECT))

    def test_a_grant_is_not_pickled_or_copied(self, grant: Grant) -> None:
        for copier in (pickle.dumps, copy):
            with pytest.raises(TypeError, match="it contains tokens: use to_dict"):
                copier(grant)
