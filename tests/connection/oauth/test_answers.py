"""Answers of a provider, byte by byte: documented ones, odd ones and wrong ones."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backpack_orm import (
    ApiError,
    AuthenticationError,
    Grant,
    InvalidResponse,
    OAuthAccount,
    OAuthApp,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TransportError,
    UnexpectedRedirect,
)
from backpack_orm.connection.oauth.accounts import read_accounts
from backpack_orm.connection.oauth.token_set import TokenSet, received
from tests.connection.conftest import DROP, Stub, http
from tests.connection.oauth.conftest import REDIRECT, SECRET, Clocks

TOKENS = b'{"access_token": "BAhbByIB", "refresh_token": "BAhbR3Jm", "expires_in": 1209600}'
IDENTITY = b'"identity": {"id": 9999999, "first_name": "Nora", "email_address": "n@acme.example"}'
ACME = b'{"product": "backpack", "id": 88, "name": "Acme", "href": "https://acme.backpackit.com"}'
CAMP = b'{"product": "bcx", "id": 99, "name": "Camp", "href": "https://basecamp.com/99"}'
HTML = b"<!DOCTYPE html><title>Sign in</title><p>access_token"


def accounts(*listed: Any) -> Any:
    return b'{"expires_at": "2012-03-22T16:56:48-05:00", %s, "accounts": [%s]}' % (
        IDENTITY,
        b", ".join(listed),
    )


@pytest.fixture
def app(stub: Stub, clocks: Clocks) -> Any:
    return OAuthApp("trips", SECRET, REDIRECT, provider=stub.url)


def exchange(app: Any) -> Any:
    _, state = app.authorization_url()
    return app.exchange(f"{REDIRECT}?code=c0de&state={state}", state=state)


@pytest.fixture
def grant(app: OAuthApp) -> Any:
    stored = {"client_id": "trips", "access_token": "BAhbOld", "refresh_token": "BAhbR3Jm"}
    return Grant.from_dict(stored, app)


class TestRequests:
    def test_a_code_is_sent_as_a_form_and_not_in_the_address(
        self, stub: Stub, app: OAuthApp
    ) -> None:
        stub.responses(http(200, TOKENS))
        exchange(app)
        (request,) = stub.requests
        assert (request.verb, request.target) == ("POST", "/authorization/token")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers["user-agent"].startswith("backpack_orm/")
        assert "authorization" not in request.headers
        assert request.body == (
            b"type=web_server&client_id=trips&redirect_uri=https%3A%2F%2Ftrips.example%2Fback"
            b"&client_secret=5ca1ab1e-secret-of-the-application&code=c0de"
        )

    def test_a_refresh_has_the_parameters_of_draft_5(self, stub: Stub, grant: Grant) -> None:
        stub.responses(http(200, TOKENS))
        grant.refresh()
        assert stub.requests[0].body == (
            b"type=refresh&client_id=trips&redirect_uri=https%3A%2F%2Ftrips.example%2Fback"
            b"&client_secret=5ca1ab1e-secret-of-the-application&refresh_token=BAhbR3Jm"
        )

    def test_accounts_are_requested_with_the_access_token_in_the_header(
        self, stub: Stub, grant: Grant
    ) -> None:
        stub.responses(http(200, accounts(ACME)))
        grant.accounts()
        (request,) = stub.requests
        assert (request.verb, request.target) == ("GET", "/authorization.json")
        assert request.headers["authorization"] == "Bearer BAhbOld"
        assert request.body == b""


class TestTokens:
    def test_the_documented_answer_is_read(self, stub: Stub, app: OAuthApp, clocks: Clocks) -> None:
        stub.responses(http(200, TOKENS))
        grant = exchange(app)
        assert (grant.access_token, grant.refresh_token) == ("BAhbByIB", "BAhbR3Jm")
        assert grant.expires_at == clocks.here + timedelta(days=14)

    def test_an_answer_to_a_refresh_keeps_the_refresh_token(self, stub: Stub, grant: Grant) -> None:
        stub.responses(http(200, b'{"access_token": "BAhbNew", "expires_in": 1209600}'))
        grant.refresh()
        assert (grant.access_token, grant.refresh_token) == ("BAhbNew", "BAhbR3Jm")

    def test_an_answer_to_a_refresh_may_replace_the_refresh_token(
        self, stub: Stub, grant: Grant
    ) -> None:
        stub.responses(http(200, b'{"access_token": "BAhbNew", "refresh_token": "BAhbNext"}'))
        grant.refresh()
        assert grant.refresh_token == "BAhbNext"

    def test_a_number_of_seconds_may_be_text(
        self, stub: Stub, app: OAuthApp, clocks: Clocks
    ) -> None:
        stub.responses(http(200, b'{"access_token": "BAhb", "expires_in": "1209600"}'))
        assert exchange(app).expires_at == clocks.here + timedelta(days=14)

    @pytest.mark.parametrize(
        "expires_in",
        [b"null", b'"soon"', b'""', b"0", b"-5", b"true", b"[]", b"{}", b"NaN", b"1e400", b"9e30"],
    )
    def test_other_times_of_expiry_are_unknown(
        self, stub: Stub, app: OAuthApp, expires_in: bytes
    ) -> None:
        stub.responses(http(200, b'{"access_token": "BAhb", "expires_in": %s}' % expires_in))
        assert exchange(app).expires_at is None

    def test_a_missing_time_of_expiry_is_unknown(self, stub: Stub, app: OAuthApp) -> None:
        stub.responses(http(200, b'{"access_token": "BAhb", "refresh_token": "BAhbR3Jm"}'))
        grant = exchange(app)
        assert grant.expires_at is None
        assert "access token expires: unknown" in repr(grant)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (HTML, "has sent HTML or XML instead of JSON"),
            (b"<response/>", "has sent HTML or XML instead of JSON"),
            (b"", "has sent nothing instead of JSON"),
            (b"   ", "has sent nothing instead of JSON"),
            (b"access_token=BAhb", "has sent something else instead of JSON"),
            (TOKENS[:30], "has sent something else instead of JSON"),
            (b"\xff\xfe", "instead of JSON"),
            (b"[" * 100_000, "instead of JSON"),
            (b"[]", "is not a JSON object"),
            (b'"BAhb"', "is not a JSON object"),
            (b"null", "is not a JSON object"),
            (b"{}", "has no access_token"),
            (b'{"error": "invalid_grant"}', "has no access_token"),
            (b'{"access_token": null}', "has no access_token"),
            (b'{"access_token": ""}', "has no access_token"),
            (b'{"access_token": 7}', "has no access_token"),
            (b'{"access_token": "a b"}', "has no access_token"),
            (b'{"access_token": "a\\r\\nX: y"}', "has no access_token"),
            ('{"access_token": "ñ"}'.encode(), "has no access_token"),
            (b'{"access_token": "a", "refresh_token": 7}', "refresh_token that is not a token"),
            (b'{"access_token": "a", "refresh_token": ""}', "refresh_token that is not a token"),
        ],
    )
    def test_something_else_is_an_invalid_response(
        self, stub: Stub, app: OAuthApp, content: Any, problem: str
    ) -> None:
        stub.responses(http(200, content))
        with pytest.raises(InvalidResponse, match=problem) as error:
            exchange(app)
        assert "BAhb" not in str(error.value)

    def test_a_huge_answer_is_refused(self, stub: Stub, app: OAuthApp) -> None:
        stub.responses(http(200, b" " * 2_000_000))
        with pytest.raises(InvalidResponse, match="sends more than 1,048,576 bytes;"):
            exchange(app)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_any_json_is_read_or_refused_without_an_error(self, answer: str) -> None:
        for fields in (answer, {"access_token": "a", "expires_in": answer}):
            assert isinstance(received(fields), TokenSet | str)
        listed = read_accounts({"accounts": [answer]})
        assert listed is None or all(isinstance(each.name, str) for each in listed)


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "content", "kind", "message"),
        [
            (400, b'{"error": "invalid_grant"}', AuthenticationError, ": invalid_grant"),
            (
                401,
                b'{"error": "invalid_client", "error_description": "wrong secret"}',
                AuthenticationError,
                ": invalid_client, wrong secret",
            ),
            (401, b"The code has expired", AuthenticationError, ": The code has expired"),
            (401, b"", AuthenticationError, "has refused the request$"),
            (401, HTML, AuthenticationError, "has refused the request$"),
            (403, b'{"error": ["a"]}', AuthenticationError, "has refused the request$"),
            (400, b"a\nb\x07", AuthenticationError, ": a b$"),
            (404, b"", ApiError, "failed; the code may"),
            (500, HTML, ServerError, "failed; the code may"),
            (500, b"", ServerError, "failed; the code may"),
        ],
    )
    def test_an_error_status_names_the_reason(
        self, stub: Stub, app: OAuthApp, status: int, content: Any, kind: Any, message: str
    ) -> None:
        stub.responses(http(status, content))
        with pytest.raises(kind) as error:
            exchange(app)
        assert error.value.status == status
        assert error.value.path == "/authorization/token"
        assert re.search(message, error.value.message)
        assert len(stub.requests) == 1

    @pytest.mark.parametrize(
        "location",
        ["https://evil.example/", "/login", "", "http://127.0.0.1:1/authorization/token"],
    )
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed(
        self, stub: Stub, other: Stub, app: OAuthApp, grant: Grant, status: int, location: str
    ) -> None:
        for call in (lambda: exchange(app), grant.refresh, grant.accounts):
            stub.responses(http(status, b"", f"Location: {location}"))
            with pytest.raises(UnexpectedRedirect, match="where no token must be sent"):
                call()
        assert len(stub.requests) == 3

    def test_a_busy_provider_says_when_to_try_again(self, stub: Stub, grant: Grant) -> None:
        stub.responses(http(503, b"", "Retry-After: 90"))
        with pytest.raises(RateLimited) as error:
            grant.refresh()
        assert (error.value.retry_after, error.value.retryable) == (90.0, True)

    def test_a_provider_that_says_nothing_is_asked_three_times_for_a_refresh(
        self, stub: Stub, grant: Grant
    ) -> None:
        stub.responses(DROP, DROP, DROP, DROP)
        with pytest.raises(TransportError, match="dropped the connection") as error:
            grant.refresh()
        assert not isinstance(error.value, OutcomeUnknown)
        assert len(stub.requests) == 3

    @pytest.mark.parametrize("failure", [DROP, http(502), http(503), http(504)])
    def test_an_outage_of_a_moment_is_overcome(
        self, stub: Stub, grant: Grant, failure: Any
    ) -> None:
        stub.responses(failure, http(200, TOKENS))
        grant.refresh()
        assert grant.access_token == "BAhbByIB"

    @pytest.mark.parametrize("failure", [DROP, http(502), http(503), http(504)])
    def test_a_code_is_not_sent_again_after_an_outage(
        self, stub: Stub, app: OAuthApp, failure: Any
    ) -> None:
        stub.responses(failure, http(200, TOKENS))
        with pytest.raises((TransportError, ServerError), match="may have been used: sign in"):
            exchange(app)
        assert len(stub.requests) == 1

    def test_a_reason_that_quotes_secrets_does_not_show_them(
        self, stub: Stub, grant: Grant
    ) -> None:
        stub.responses(http(400, f"wrong {SECRET} or BAhbR3Jm".encode()))
        with pytest.raises(AuthenticationError, match=r"wrong \[token\] or \[token\]"):
            grant.refresh()


class TestAccounts:
    def test_those_of_backpack_are_returned_unless_others_are_requested(
        self, stub: Stub, grant: Grant
    ) -> None:
        acme = OAuthAccount("Acme", "backpack", "https://acme.backpackit.com", 88)
        camp = OAuthAccount("Camp", "bcx", "https://basecamp.com/99", 99)
        stub.default = http(200, accounts(CAMP, ACME))
        assert grant.accounts() == [acme]
        assert grant.accounts(product="bcx") == [camp]
        assert grant.accounts(product=None) == [camp, acme]

    def test_a_user_without_a_backpack_account_has_none(self, stub: Stub, grant: Grant) -> None:
        stub.default = http(200, accounts(CAMP))
        assert grant.accounts() == []
        stub.default = http(200, accounts())
        assert grant.accounts() == []

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            [],
            {"accounts": None},
            {"accounts": {}},
            {"accounts": ["acme"]},
            {"accounts": [{}]},
            {"accounts": [{"name": "Acme", "product": "backpack"}]},
            {"accounts": [{"name": "Acme", "product": "backpack", "href": 7}]},
        ],
    )
    def test_another_form_is_an_invalid_response(
        self, stub: Stub, grant: Grant, answer: Any
    ) -> None:
        stub.responses(http(200, json.dumps(answer).encode()))
        with pytest.raises(InvalidResponse, match="a list of accounts of another form"):
            grant.accounts()

    def test_a_refused_access_token_is_replaced_once(self, stub: Stub, grant: Grant) -> None:
        stub.responses(http(401), http(200, TOKENS), http(200, accounts(ACME)))
        assert [each.name for each in grant.accounts()] == ["Acme"]
        assert stub.requests[2].headers["authorization"] == "Bearer BAhbByIB"
        stub.responses(http(401), http(200, TOKENS), http(401))
        with pytest.raises(AuthenticationError):
            grant.accounts()
