"""The OAuth provider: the sign-in page, codes, tokens, accounts, and what is refused."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4

import pytest
import requests
from sqlalchemy import select

from backpack_orm.sandbox import Application, Sandbox, TokenRequest
from backpack_orm.sandbox.models import OAuthGrant
from tests.postgresql import create
from tests.sandbox.conftest import DATABASES, Client
from tests.sandbox.test_reference import ACCOUNT, CALENDAR, ROWS, RUI, entry

APP = Application("https://trips.example/back", "Trips", "trips", "s3cret-of-trips")
OTHER_APP = Application("https://other.example/back?kind=a", "Other", "other", "s3cret-of-other")
PAGE = {"type": "web_server", "client_id": "trips", "redirect_uri": APP.redirect_uri}
SECRET = PAGE | {"client_secret": APP.client_secret}
OTHER_SECRET = {
    "client_id": "other",
    "client_secret": OTHER_APP.client_secret,
    "redirect_uri": OTHER_APP.redirect_uri,
}
TOKEN = "t0ken-0123456789"
START = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def clock() -> Any:
    return Clock()


@pytest.fixture(scope="module", params=DATABASES)
def provider(request: pytest.FixtureRequest, network: None, clock: Any) -> Iterator[Sandbox]:
    """A sandbox with two applications and two accounts, for all tests of this module."""
    data = ":memory:"
    if request.param == "postgresql":
        cluster, name = request.getfixturevalue("cluster"), f"provider_{uuid4().hex}"
        create(cluster, name)
        data = cluster.format(name)
    options = {"clock": clock, "data": data, "applications": [APP, OTHER_APP]}
    with Sandbox(seed="empty", token=TOKEN, **options) as box:
        box.add_account("other")
        yield box


@pytest.fixture
def web(provider: Sandbox, clock: Any) -> Iterator[Client]:
    """A client of the provider; nothing is granted yet."""
    clock.now = START
    provider.oauth.revoke()
    client = Client(provider.url, TOKEN)
    yield client
    client.close()


def page(**changes: Any) -> str:
    """Return the path of the sign-in page; None leaves a parameter out."""
    query = {key: value for key, value in (PAGE | changes).items() if value is not None}
    return f"/authorization/new?{urlencode(query)}"


def form(**fields: Any) -> dict[str, str]:
    return {"body": urlencode(fields), "Content_Type": "application/x-www-form-urlencoded"}


def code_of(provider: Sandbox, user: Any = None) -> str:
    back = provider.oauth.allow(provider.url + page(), user)
    return dict(parse_qsl(urlsplit(back).query))["code"]


def post(web: Client, **fields: Any) -> requests.Response:
    return web.send("POST", "/authorization/token", **form(**fields))


def granted(web: Client, provider: Sandbox) -> dict[str, Any]:
    """Return the tokens of a user who has allowed the application."""
    tokens: dict[str, Any] = post(web, **SECRET, code=code_of(provider)).json()
    return tokens


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class TestPage:
    def test_it_names_the_application_and_offers_to_allow_and_to_deny(self, web: Client) -> None:
        response = web.send("GET", page(state="abc"))
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        host = urlsplit(PAGE["redirect_uri"]).netloc
        assert (
            "<p>Trips wants to read and change your Backpack accounts. "
            f"You then return to {host}.</p>" in response.text
        )
        assert re.findall(r'<button name="answer" value="(\w+)">', response.text) == [
            "allow",
            "deny",
        ]

    def test_allowing_redirects_with_a_code_and_the_state(self, web: Client) -> None:
        answer = form(token=TOKEN, answer="allow")
        response = web.send("POST", page(state="a b&c"), **answer)
        assert response.status_code == 303
        address, _, query = response.headers["Location"].partition("?")
        assert address == APP.redirect_uri
        assert parse_qs(query)["state"] == ["a b&c"]
        assert len(parse_qs(query)["code"][0]) >= 20

    def test_denying_needs_no_token_and_redirects_with_an_error(self, web: Client) -> None:
        response = web.send("POST", page(state="abc"), **form(answer="deny"))
        assert response.status_code == 303
        assert response.headers["Location"] == f"{APP.redirect_uri}?error=access_denied&state=abc"

    def test_without_a_state_none_is_returned(self, web: Client) -> None:
        response = web.send("POST", page(), **form(answer="deny"))
        assert response.headers["Location"] == f"{APP.redirect_uri}?error=access_denied"

    def test_an_answer_is_added_to_the_query_of_the_redirect_address(self, web: Client) -> None:
        path = page(client_id="other", redirect_uri=OTHER_APP.redirect_uri)
        response = web.send("POST", path, **form(answer="deny"))
        assert response.headers["Location"] == f"{OTHER_APP.redirect_uri}&error=access_denied"

    @pytest.mark.parametrize("token", ["", "wrong", "wr0ng-0123456789", f"{TOKEN}x"])
    def test_a_wrong_api_token_shows_the_page_again(self, web: Client, token: str) -> None:
        response = web.send("POST", page(), **form(token=token, answer="allow"))
        assert response.status_code == 403
        assert "This is not the API token of a user." in response.text
        assert "Location" not in response.headers

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"type": None}, "type must be web_server"),
            ({"type": None, "response_type": "code"}, "type must be web_server"),
            ({"type": "user_agent"}, "type must be web_server"),
            ({"client_id": None}, "no application has this client id"),
            ({"client_id": "unknown"}, "no application has this client id"),
            ({"redirect_uri": None}, "redirect_uri is not the one"),
            ({"redirect_uri": "https://evil.example/back"}, "redirect_uri is not the one"),
            ({"redirect_uri": f"{APP.redirect_uri}/more"}, "redirect_uri is not the one"),
        ],
    )
    @pytest.mark.parametrize("verb", ["GET", "POST"])
    def test_what_must_not_be_answered_is_not_redirected(
        self, web: Client, verb: str, changes: dict[str, Any], reason: str
    ) -> None:
        answer = form(token=TOKEN, answer="allow")
        response = web.send(verb, page(**changes), **answer)
        assert (response.status_code, reason in response.text) == (400, True)
        assert "Location" not in response.headers

    def test_names_are_escaped(self, provider: Sandbox, web: Client) -> None:
        name = "<script>alert(1)</script>"
        app = provider.oauth.register("https://html.example/", name=name)
        response = web.send("GET", page(client_id=app.client_id, redirect_uri=app.redirect_uri))
        assert "<script>" not in response.text
        assert "&lt;script&gt;" in response.text

    def test_it_cannot_be_embedded_or_cached(self, web: Client) -> None:
        headers = web.send("GET", page()).headers
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"

    def test_a_page_of_another_origin_can_lead_to_it(self, web: Client) -> None:
        visit = {
            "Sec_Fetch_Site": "cross-site",
            "Sec_Fetch_Mode": "navigate",
            "Sec_Fetch_Dest": "document",
        }
        assert web.send("GET", page(), **visit).status_code == 200
        assert web.send("GET", page(), **visit | {"Sec_Fetch_Dest": "iframe"}).status_code == 403
        assert web.send("GET", page(), **visit | {"Sec_Fetch_Mode": "cors"}).status_code == 403
        assert web.send("GET", "/users.xml", **visit).status_code == 403

    def test_a_page_of_another_origin_cannot_answer_in_place_of_the_user(self, web: Client) -> None:
        answer = form(token=TOKEN, answer="allow")
        for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            response = web.send("POST", page(), **answer, **headers)
            assert response.status_code == 403
            assert "Location" not in response.headers


class TestCodes:
    def test_a_code_is_traded_for_tokens(self, web: Client, provider: Sandbox) -> None:
        response = post(web, **SECRET, code=code_of(provider))
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        answer = response.json()
        assert sorted(answer) == ["access_token", "expires_in", "refresh_token"]
        assert answer["expires_in"] == 1209600
        assert answer["access_token"] != answer["refresh_token"]

    def test_parameters_may_be_in_the_query(self, web: Client, provider: Sandbox) -> None:
        query = urlencode(SECRET | {"code": code_of(provider)})
        assert web.send("POST", f"/authorization/token?{query}").status_code == 200

    def test_a_code_is_traded_once(self, web: Client, provider: Sandbox) -> None:
        code = code_of(provider)
        assert post(web, **SECRET, code=code).status_code == 200
        again = post(web, **SECRET, code=code)
        assert again.status_code == 400
        assert again.json() == {
            "error": "invalid_grant",
            "error_description": "the code was used before: all that was issued for it is revoked",
        }

    def test_a_code_that_is_used_again_revokes_all_that_was_issued_for_it(
        self, web: Client, provider: Sandbox, clock: Any
    ) -> None:
        unrelated = granted(web, provider)
        code = code_of(provider)
        tokens = post(web, **SECRET, code=code).json()
        refresh = SECRET | {"type": "refresh", "refresh_token": tokens["refresh_token"]}
        refreshed = post(web, **refresh).json()
        clock.advance(3600)  # a code that was used is remembered after it would have expired
        assert post(web, **SECRET, code=code).status_code == 400
        for token in (tokens["access_token"], refreshed["access_token"]):
            assert web.send("GET", "/me.xml", **bearer(token)).status_code == 302
        assert post(web, **refresh).json()["error"] == "invalid_grant"
        assert web.send("GET", "/me.xml", **bearer(unrelated["access_token"])).status_code == 200

    def test_another_application_cannot_revoke_with_a_used_code(
        self, web: Client, provider: Sandbox
    ) -> None:
        code = code_of(provider)
        tokens = post(web, **SECRET, code=code).json()
        for changes in (OTHER_SECRET, {"client_secret": "wrong"}):
            assert post(web, **SECRET | {"code": code} | changes).status_code in (400, 401)
        assert web.send("GET", "/me.xml", **bearer(tokens["access_token"])).status_code == 200

    def test_a_code_expires_after_a_minute(
        self, web: Client, provider: Sandbox, clock: Any
    ) -> None:
        early, late = code_of(provider), code_of(provider)
        clock.advance(59)
        assert post(web, **SECRET, code=early).status_code == 200
        clock.advance(1)
        response = post(web, **SECRET, code=late)
        assert response.json()["error_description"] == "the code has expired"

    def test_a_code_of_another_application_is_refused_and_stays_valid(
        self, web: Client, provider: Sandbox
    ) -> None:
        code = code_of(provider)
        assert post(web, **SECRET | OTHER_SECRET, code=code).json()["error"] == "invalid_grant"
        assert post(web, **SECRET, code=code).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_secret": ""}, 401, "invalid_client"),
            ({"client_id": "unknown"}, 401, "invalid_client"),
            ({"client_id": "unknown", "client_secret": ""}, 401, "invalid_client"),
            ({"redirect_uri": "https://evil.example/"}, 400, "redirect_uri_mismatch"),
            ({"redirect_uri": ""}, 400, "redirect_uri_mismatch"),
            ({"code": "wrong"}, 400, "invalid_grant"),
            ({"code": ""}, 400, "invalid_grant"),
            ({"type": "password"}, 400, "unsupported_type"),
            ({"type": ""}, 400, "invalid_request"),
            ({"type": "", "grant_type": "authorization_code"}, 400, "invalid_request"),
        ],
    )
    def test_a_wrong_request_is_refused_with_the_reason(
        self, web: Client, provider: Sandbox, changes: dict[str, str], status: int, error: str
    ) -> None:
        code = code_of(provider)
        response = post(web, **SECRET | {"code": code} | changes)
        assert (response.status_code, response.json()["error"]) == (status, error)
        assert response.json()["error_description"]
        assert post(web, **SECRET, code=code).status_code == 200, "the code is not used up"

    def test_a_grant_type_beside_the_type_is_ignored(self, web: Client, provider: Sandbox) -> None:
        code = code_of(provider)
        assert post(web, **SECRET, code=code, grant_type="authorization_code").status_code == 200


class TestRefreshing:
    def refresh(self, web: Client, token: str, **changes: Any) -> requests.Response:
        return post(web, **SECRET | {"type": "refresh", "refresh_token": token} | changes)

    def test_a_refresh_token_gives_a_new_access_token_and_stays_valid(
        self, web: Client, provider: Sandbox
    ) -> None:
        first = granted(web, provider)
        for _ in range(2):
            answer = self.refresh(web, first["refresh_token"]).json()
            assert sorted(answer) == ["access_token", "expires_in"]
            assert answer["access_token"] != first["access_token"]
            assert web.send("GET", "/me.xml", **bearer(answer["access_token"])).status_code == 200

    def test_a_revoked_refresh_token_is_refused(self, web: Client, provider: Sandbox) -> None:
        tokens = granted(web, provider)
        assert provider.oauth.revoke("other") == 0
        assert self.refresh(web, tokens["refresh_token"]).status_code == 200
        assert provider.oauth.revoke("trips") == 3
        response = self.refresh(web, tokens["refresh_token"])
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
        assert web.send("GET", "/me.xml", **bearer(tokens["access_token"])).status_code == 302

    def test_an_access_token_is_no_refresh_token(self, web: Client, provider: Sandbox) -> None:
        assert self.refresh(web, granted(web, provider)["access_token"]).status_code == 400

    def test_the_secret_is_required(self, web: Client, provider: Sandbox) -> None:
        token = granted(web, provider)["refresh_token"]
        assert self.refresh(web, token, client_secret="wrong").status_code == 401

    def test_the_log_tells_what_was_requested(self, web: Client, provider: Sandbox) -> None:
        before = len(provider.oauth.log)
        tokens = granted(web, provider)
        self.refresh(web, tokens["refresh_token"])
        self.refresh(web, "wrong")
        assert provider.oauth.log[before:] == [
            TokenRequest("web_server", "trips", None),
            TokenRequest("refresh", "trips", None),
            TokenRequest("refresh", "trips", "invalid_grant"),
        ]


class TestRotation:
    @pytest.fixture
    def rotating(self, provider: Sandbox) -> Iterator[None]:
        provider.oauth.grants.rotates = True
        yield
        provider.oauth.grants.rotates = False

    def refresh(self, web: Client, token: str) -> requests.Response:
        return post(web, **SECRET | {"type": "refresh", "refresh_token": token})

    @pytest.mark.usefixtures("rotating")
    def test_each_refresh_replaces_the_refresh_token(self, web: Client, provider: Sandbox) -> None:
        tokens = [granted(web, provider)]
        for _ in range(3):
            tokens.append(self.refresh(web, tokens[-1]["refresh_token"]).json())
        assert len({each["refresh_token"] for each in tokens}) == 4
        for each in tokens:
            answer = web.send("GET", "/me.xml", **bearer(each["access_token"]))
            assert answer.status_code == 200, "access tokens stay valid until they expire"

    @pytest.mark.usefixtures("rotating")
    def test_an_old_refresh_token_revokes_the_family(self, web: Client, provider: Sandbox) -> None:
        unrelated, first = granted(web, provider), granted(web, provider)
        second = self.refresh(web, first["refresh_token"]).json()
        again = self.refresh(web, first["refresh_token"])
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert "was used before" in again.json()["error_description"]
        assert self.refresh(web, second["refresh_token"]).status_code == 400
        for each in (first, second):
            answer = web.send("GET", "/me.xml", **bearer(each["access_token"]))
            assert answer.status_code == 302
        assert self.refresh(web, unrelated["refresh_token"]).status_code == 200


class TestAccessTokens:
    def test_one_expires(self, web: Client, provider: Sandbox, clock: Any) -> None:
        token = granted(web, provider)["access_token"]
        clock.advance(1209599)
        assert web.send("GET", "/me.xml", **bearer(token)).status_code == 200
        clock.advance(1)
        assert web.send("GET", "/me.xml", **bearer(token)).status_code == 302
        assert web.send("GET", "/authorization.json", **bearer(token)).status_code == 401

    def test_all_can_be_expired_while_refresh_tokens_stay_valid(
        self, web: Client, provider: Sandbox
    ) -> None:
        tokens = granted(web, provider)
        assert provider.oauth.expire_access_tokens() == 1
        assert web.send("GET", "/me.xml", **bearer(tokens["access_token"])).status_code == 302
        fields = SECRET | {"type": "refresh", "refresh_token": tokens["refresh_token"]}
        assert post(web, **fields).status_code == 200

    @pytest.mark.parametrize("place", ["header", "path", "query", "body", "basic"])
    def test_one_is_valid_as_a_bearer_token_only(
        self, web: Client, provider: Sandbox, place: str
    ) -> None:
        token = granted(web, provider)["access_token"]
        basic = base64.b64encode(f"{token}:X".encode()).decode()
        request = {
            "header": ("/me.xml", "", {"X_BP_Token": token}),
            "path": (f"/{token}/me.xml", "", {}),
            "query": (f"/me.xml?token={token}", "", {}),
            "body": ("/me.xml", f"<request><token>{token}</token></request>", {}),
            "basic": ("/me.xml", "", {"Authorization": f"Basic {basic}"}),
        }
        path, body, headers = request[place]
        assert web.send("POST", path, body, **headers).status_code == 302

    def test_codes_and_refresh_tokens_open_no_account(self, web: Client, provider: Sandbox) -> None:
        code, tokens = code_of(provider), granted(web, provider)
        for wrong in (code, tokens["refresh_token"], APP.client_secret):
            assert web.send("GET", "/me.xml", **bearer(wrong)).status_code == 302

    def test_the_api_token_is_accepted_over_http_basic(self, web: Client) -> None:
        basic = base64.b64encode(f"{TOKEN}:X".encode()).decode()
        response = web.send("GET", "/me.xml", Authorization=f"Basic {basic}")
        assert response.status_code == 200


class TestAuthorization:
    def test_it_lists_the_accounts_of_the_user(self, web: Client, provider: Sandbox) -> None:
        token = granted(web, provider)["access_token"]
        answer = web.send("GET", "/authorization.json", **bearer(token)).json()
        assert answer["expires_at"] == "2031-03-19T18:30:15Z"
        assert answer["accounts"] == [
            {"product": "backpack", "id": 40000000, "name": "acme", "href": provider.url}
        ]
        assert answer["identity"].pop("id") < 40_000_000, "no id of a user"
        assert answer["identity"] == {
            "first_name": "Owner",
            "last_name": "",
            "email_address": "owner@acme.example",
        }

    def test_it_lists_the_same_as_xml(self, web: Client, provider: Sandbox) -> None:
        token = granted(web, provider)["access_token"]
        answer = web.send("GET", "/authorization.json", **bearer(token)).json()
        response = web.send("GET", "/authorization.xml", **bearer(token))
        assert response.headers["Content-Type"] == "application/xml; charset=utf-8"
        root = ET.fromstring(response.content)
        assert root.findtext("expires-at") == answer["expires_at"]
        assert root.findtext("identity/id") == str(answer["identity"]["id"])
        assert root.findtext("identity/email-address") == "owner@acme.example"
        (account,) = root.findall("accounts/account")
        assert {each.tag: each.text for each in account} == {
            "product": "backpack",
            "id": "40000000",
            "name": "acme",
            "href": provider.url,
        }

    @pytest.mark.parametrize("kind", ["json", "xml"])
    @pytest.mark.parametrize("token", ["", "wrong", TOKEN])
    def test_it_needs_an_access_token(self, web: Client, kind: str, token: str) -> None:
        assert web.send("GET", f"/authorization.{kind}", **bearer(token)).status_code == 401

    def test_a_user_with_the_same_address_in_another_account_is_the_same_person(
        self, web: Client, provider: Sandbox
    ) -> None:
        provider.add_account("shared")
        provider.add_user("Me", email_address="me@x.example")
        provider.add_user("Me too", account="shared", email_address="ME@x.example")
        code = code_of(provider, user="Me")
        token = post(web, **SECRET, code=code).json()["access_token"]
        answer = web.send("GET", "/authorization.json", **bearer(token)).json()
        hrefs = {each["name"]: each["href"] for each in answer["accounts"]}
        assert hrefs == {"acme": provider.url, "shared": provider.url_of("shared")}
        shared = Client(hrefs["shared"], "")
        names = [
            ET.fromstring(client.send("GET", "/me.xml", **bearer(token)).content).findtext("name")
            for client in (web, shared)
        ]
        shared.close()
        assert names == ["Me", "Me too"]


class TestAddresses:
    def test_an_access_token_reaches_no_account_of_others(
        self, web: Client, provider: Sandbox
    ) -> None:
        token = granted(web, provider)["access_token"]
        other = Client(provider.url_of("other"), "")
        assert other.send("GET", "/me.xml", **bearer(token)).status_code == 302
        other.close()

    def test_an_api_token_is_valid_at_the_address_of_its_own_account_only(
        self, provider: Sandbox
    ) -> None:
        other = Client(provider.url_of("other"), TOKEN)
        assert other.rest("GET", "/me.xml").status_code == 302
        other.close()

    def test_the_address_of_an_account_stays_the_same(self, provider: Sandbox) -> None:
        assert provider.url_of("other") == provider.url_of("other") != provider.url

    def test_there_is_none_of_an_unknown_account(self, provider: Sandbox) -> None:
        with pytest.raises(ValueError, match="this sandbox has no account 'nobody'"):
            provider.url_of("nobody")

    def test_they_are_closed_with_the_sandbox(self, network: None) -> None:
        with Sandbox(seed="empty") as box:
            box.add_account("other")
            url = box.url_of("other")
        client = Client(url, "")
        with pytest.raises(OSError, match="refused"):
            client.send("GET", "/me.xml")
        client.close()


@pytest.fixture(scope="module")
def full(provider: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The address of an account with a record of every type, and access tokens of two users."""
    export = tmp_path_factory.mktemp("export") / "export.xml"
    export.write_text(ACCOUNT)
    owner = Client(provider.url, provider.add_account("full", seed=str(export)))
    assert provider.add_calendar("Home", account="full") == CALENDAR
    event = f"<event><calendar-id>{CALENDAR}</calendar-id><title>now x</title></event>"
    owner.rest("POST", "/calendar_events.xml", event)
    owner.rest("POST", "/users/17/journal_entries.xml", entry("Mine"))
    owner.rest("PUT", "/users/17/status.xml", "<status><message>Here</message></status>")
    rui = Client(provider.url, provider.add_user("Rui", account="full"))
    rui.rest("POST", f"/users/{RUI}/journal_entries.xml", entry("Theirs"))
    for client in (owner, rui):
        client.close()
    client = Client(provider.url_of("full"), "")
    yield client
    client.close()


class TestEveryEndpoint:
    @pytest.mark.parametrize("who", ["nobody here", "the owner"])
    def test_an_access_token_opens_the_accounts_of_its_user_alone(
        self, full: Client, provider: Sandbox, web: Client, who: str
    ) -> None:
        own = provider.oauth.allow(provider.url + page(), account="full")
        other = provider.oauth.allow(provider.url + page())
        back = own if who == "the owner" else other
        code = dict(parse_qsl(urlsplit(back).query))["code"]
        token = post(web, **SECRET, code=code).json()["access_token"]
        for verb, path, body, *_ in ROWS:
            request = f"<request>{body}</request>" if path.startswith("/ws/") else body
            response = full.send(verb, path.removeprefix("/TOKEN"), request, **bearer(token))
            is_open = response.status_code != 302
            assert is_open == (who == "the owner"), f"{verb} {path}: {response.status_code}"


class TestLimits:
    @pytest.mark.parametrize("path", ["/authorization/token", page()])
    def test_a_large_form_is_refused_before_it_is_parsed(self, web: Client, path: str) -> None:
        assert web.send("POST", path, **form(token="a" * 65_000)).status_code != 413
        assert web.send("POST", path, **form(token="a" * 66_000)).status_code == 413

    def test_expired_tokens_are_forgotten(self, web: Client, provider: Sandbox, clock: Any) -> None:
        tokens = granted(web, provider)
        fields = SECRET | {"type": "refresh", "refresh_token": tokens["refresh_token"]}
        for _ in range(3):
            clock.advance(1209600)
            assert post(web, **fields).status_code == 200
        with provider._database.reading() as session:
            kinds = sorted(session.scalars(select(OAuthGrant.kind)))
        assert kinds == ["access", "refresh", "used"]


class TestRegistering:
    @pytest.mark.parametrize(
        "address",
        [
            "",
            "trips.example/back",
            "http://trips.example/back",
            "https://trips.example/back#part",
            "https://me@trips.example/back",
            "javascript:alert(1)",
            "https://trips.example/a b",
            "https://trips.example/back\r\nX: y",
        ],
    )
    def test_an_unsafe_redirect_address_is_refused(self, address: str) -> None:
        with pytest.raises(ValueError, match="cannot be redirected to"):
            Application(address)

    @pytest.mark.parametrize(
        "address", ["http://127.0.0.1:9000/", "http://[::1]:9/", "http://localhost/"]
    )
    def test_http_is_accepted_on_this_machine(self, address: str) -> None:
        assert Application(address).redirect_uri == address

    def test_a_client_id_is_given_once(self, provider: Sandbox) -> None:
        with pytest.raises(ValueError, match="there is an application with the client id 'trips'"):
            provider.oauth.register("https://trips.example/back", client_id="trips")

    def test_the_secret_is_not_in_the_repr(self) -> None:
        assert APP.client_secret not in repr(APP)


class TestFaults:
    def test_the_answer_to_a_refresh_can_be_lost(self, web: Client, provider: Sandbox) -> None:
        tokens = granted(web, provider)
        fields = SECRET | {"type": "refresh", "refresh_token": tokens["refresh_token"]}
        before = len(provider.oauth.log)
        fault = provider.faults.drop_after_write(path="authorization/token", times=1)
        with pytest.raises(OSError, match="without response|aborted"):
            post(web, **fields)
        assert fault.fired == 1
        assert provider.oauth.log[before:] == [TokenRequest("refresh", "trips", None)]
        assert post(web, **fields).status_code == 200

    def test_no_secret_is_logged(
        self, web: Client, provider: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(1, "backpack_orm.sandbox")
        tokens = granted(web, provider)
        code = code_of(provider)
        web.send("POST", f"/authorization/token?{urlencode(SECRET | {'code': code})}")
        web.send("POST", page(state="abc"), **form(token=TOKEN, answer="allow"))
        logged = caplog.text + repr(provider.log) + repr(provider.oauth.log) + repr(provider.oauth)
        assert "/authorization/token" in logged
        for secret in (*tokens.values(), code, APP.client_secret, TOKEN):
            assert str(secret) not in logged
