"""Users sign in, choose an account and sign out, on a site built with each framework."""

from __future__ import annotations

import json
import logging
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from backpack_orm import Page
from backpack_orm.connection import context
from backpack_orm.integrations.sign_in import SignIn
from backpack_orm.sandbox import Sandbox
from tests.integrations.sign_in.conftest import Browser, Memory, Site

STARTED = "This sign-in was started elsewhere, or is already complete."
NOT_ALLOWED = "Access was not allowed, or the sign-in took too long."
UNREACHABLE = "Backpack cannot be reached at the moment."
AGAIN = "Please sign in again."


def is_failure(text: str, problem: str) -> bool:
    return f'<p role="alert">{problem}</p>' in text and "/backpack/login" in text


def test_a_view_sends_the_browser_to_sign_in_and_back(browser: Browser, provider: Sandbox) -> None:
    reply = browser.get("/titles?order=old")
    assert (reply.status, urlsplit(reply.location).path) in (
        (302, "/backpack/login"),
        (303, "/backpack/login"),
    )
    (next,) = parse_qs(urlsplit(reply.location).query)["next"]
    page = browser.get(reply.location).location
    assert page.startswith(f"{provider.url}/authorization/new?")
    reply = browser.get(browser.returned(provider.oauth.allow(page, "Ann")))
    assert reply.location == next == "/titles?order=old"
    assert json.loads(browser.get(reply.location).text) == ["Ann in acme"]


def test_a_form_of_nobody_is_refused(browser: Browser) -> None:
    reply = browser.submit("/", "/titles")
    assert reply.status == 401
    assert is_failure(reply.text, AGAIN)


def test_users_see_their_own_accounts(site: Site, provider: Sandbox) -> None:
    ann, bob, nobody = site.browser(), site.browser(), site.browser()
    ann.sign_in(provider, "Ann")
    bob.sign_in(provider, "Bob", "other")
    for _ in range(3):
        assert json.loads(ann.get("/titles").text) == ["Ann in acme"]
        assert json.loads(bob.get("/titles").text) == ["Bob in other"]
        assert nobody.get("/open").text == "nobody"
    assert list(context.candidates()) == []


def test_requests_of_a_user_share_a_connection(browser: Browser, provider: Sandbox) -> None:
    browser.sign_in(provider, "Ann")
    browser.get("/titles")
    before = provider.requests
    browser.get("/titles")
    assert provider.requests == before  # cached


# --- several accounts -------------------------------------------------------------------------


def choices(text: str) -> dict[str, str]:
    found = re.findall(r'<button name="account" value="([^"]+)">(\w+)</button>', text)
    return {name: href for href, name in found}


def test_a_user_of_several_accounts_chooses_one(browser: Browser, provider: Sandbox) -> None:
    reply = browser.sign_in(provider, "Both", next="/open")
    assert reply.location == "/backpack/accounts"
    assert browser.get("/open").text == "nobody"
    assert browser.get("/titles").location == "/backpack/accounts"
    hrefs = choices(browser.get("/backpack/accounts").text)
    assert list(hrefs) == ["acme", "other"]
    reply = browser.submit("/backpack/accounts", "/backpack/accounts", account=hrefs["other"])
    assert reply.location == "/open"
    assert browser.get("/open").text == hrefs["other"]
    reply = browser.submit("/backpack/accounts", "/backpack/accounts", account=hrefs["acme"])
    assert reply.location == "/"
    assert json.loads(browser.get("/titles").text) == ["Both in acme"]


def test_no_other_account_can_be_chosen(site: Site, provider: Sandbox) -> None:
    both, browser = site.browser(), site.browser()
    both.sign_in(provider, "Both")
    hrefs = choices(both.get("/backpack/accounts").text)
    browser.sign_in(provider, "Ann")
    before = provider.requests
    for href in (hrefs["other"], "https://evil.example", ""):
        reply = browser.submit("/backpack/accounts", "/backpack/accounts", account=href)
        assert reply.status == 400
    assert provider.requests == before
    assert json.loads(browser.get("/titles").text) == ["Ann in acme"]


def test_nobody_can_choose_before_signing_in(browser: Browser) -> None:
    assert browser.get("/backpack/accounts").location == "/backpack/login"
    reply = browser.submit("/", "/backpack/accounts", account="https://acme.backpackit.com")
    assert reply.status == 401
    assert is_failure(reply.text, AGAIN)


# --- tokens -----------------------------------------------------------------------------------


def test_cookies_and_pages_contain_no_token(
    browser: Browser, provider: Sandbox, storage: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = [repr(browser.sign_in(provider, "Both")), repr(browser.get("/backpack/accounts"))]
    seen += [*browser.cookies.values(), browser.readable()]
    assert len(storage.tokens) == 2
    for token in storage.tokens:
        assert token not in "".join(seen) + caplog.text


def test_a_refreshed_token_is_stored(browser: Browser, provider: Sandbox, storage: Memory) -> None:
    browser.sign_in(provider, "Ann")
    before = storage.tokens
    provider.oauth.expire_access_tokens()
    assert json.loads(browser.get("/titles").text) == ["Ann in acme"]
    assert storage.tokens[0] != before[0]


def test_a_process_uses_the_token_that_another_has_stored(
    browser: Browser, provider: Sandbox, storage: Memory, flow: SignIn
) -> None:
    browser.sign_in(provider, "Ann")
    browser.get("/titles")
    (id,) = storage.rows
    other = SignIn(flow.app, storage)
    connection = other.connection({"_backpack_id": id})
    provider.oauth.expire_access_tokens()
    assert Page.count(using=connection) == 1
    before = len(provider.oauth.log)
    assert json.loads(browser.get("/titles").text) == ["Ann in acme"]
    assert len(provider.oauth.log) == before


def test_a_user_who_has_withdrawn_access_is_asked_to_sign_in_again(
    browser: Browser, provider: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    browser.sign_in(provider, "Ann")
    provider.oauth.revoke()
    reply = browser.get("/titles")
    assert reply.status == 401
    assert is_failure(reply.text, AGAIN)
    assert "a user has to sign in again" in caplog.text
    browser.sign_in(provider, "Ann")
    assert browser.get("/titles").status == 200


@pytest.mark.parametrize(
    "change", [{"grant": None}, {"accounts": []}, {"accounts": [7]}, {"account": 7}]
)
def test_damaged_values_sign_the_user_out(
    browser: Browser, provider: Sandbox, storage: Memory, change: dict[str, object]
) -> None:
    browser.sign_in(provider, "Ann")
    (id,) = storage.rows
    storage.save(id, storage.load(id) | change)
    assert browser.get("/titles").location.startswith("/backpack/login")
    browser.sign_in(provider, "Ann")
    assert browser.get("/titles").status == 200


def test_values_of_another_application_sign_the_user_out(
    browser: Browser, provider: Sandbox, storage: Memory
) -> None:
    browser.sign_in(provider, "Ann")
    (id,) = storage.rows
    values = storage.load(id)
    values["grant"]["client_id"] = "journeys"
    storage.save(id, values)
    assert browser.get("/open").text == "nobody"


# --- sessions ---------------------------------------------------------------------------------


def test_signing_in_starts_a_new_session(browser: Browser, provider: Sandbox) -> None:
    browser.get("/color/blue")
    before = browser.cookies
    assert browser.get("/color").text == "blue"
    browser.sign_in(provider, "Ann")
    assert browser.get("/color").text == "None"
    assert {*before.values()}.isdisjoint(browser.cookies.values())


def test_signing_out_starts_a_new_session_and_deletes_the_tokens(
    browser: Browser, provider: Sandbox, storage: Memory
) -> None:
    browser.sign_in(provider, "Ann")
    browser.get("/color/blue")
    reply = browser.submit("/", "/backpack/logout")
    assert reply.location == "/"
    assert storage.rows == {}
    assert browser.get("/color").text == "None"
    assert browser.get("/open").text == "nobody"


def test_another_sign_in_deletes_the_tokens_of_the_earlier_one(
    browser: Browser, provider: Sandbox, storage: Memory
) -> None:
    browser.sign_in(provider, "Ann")
    (before,) = storage.rows
    browser.sign_in(provider, "Bob", "other")
    (after,) = storage.rows
    assert before != after
    assert json.loads(browser.get("/titles").text) == ["Bob in other"]


def test_the_cookie_of_a_session_that_was_signed_out_is_worthless(
    site: Site, provider: Sandbox
) -> None:
    browser, thief = site.browser(), site.browser()
    browser.sign_in(provider, "Ann")
    for name, value in browser.cookies.items():
        if name != "csrftoken":
            thief.set_cookie(name, value)
    assert thief.get("/open").text == provider.url
    browser.submit("/", "/backpack/logout")
    assert thief.get("/open").text == "nobody"


@pytest.mark.parametrize("path", ["/backpack/logout", "/backpack/accounts"])
def test_forms_of_other_sites_are_refused(browser: Browser, provider: Sandbox, path: str) -> None:
    browser.sign_in(provider, "Ann")
    assert browser.post(path, account=provider.url).status in (400, 403)
    assert browser.post(path, csrf_token="", csrfmiddlewaretoken="").status in (400, 403)
    assert browser.get(path).status == (405 if path.endswith("logout") else 200)
    assert browser.get("/open").text == provider.url


# --- what goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
    ],
)
def test_no_other_site_is_returned_to(browser: Browser, provider: Sandbox, next: str) -> None:
    query = urlencode({"next": next})
    page = browser.get(f"/backpack/login?{query}").location
    reply = browser.get(browser.returned(provider.oauth.allow(page, "Ann")))
    assert reply.location == "/"


def test_a_path_with_all_characters_is_returned_to(browser: Browser, provider: Sandbox) -> None:
    query = urlencode({"next": "/pages/São Paulo?a=1&b=%2F#top"})
    page = browser.get(f"/backpack/login?{query}").location
    reply = browser.get(browser.returned(provider.oauth.allow(page, "Ann")))
    assert reply.location == "/pages/S%C3%A3o%20Paulo?a=1&b=%2F#top"


def test_a_return_that_was_not_started_here_is_refused(
    site: Site, browser: Browser, provider: Sandbox
) -> None:
    attacker = site.browser()
    back = browser.returned(provider.oauth.allow(attacker.start(), "Bob", account="other"))
    before = len(provider.oauth.log)
    for address in (back, back.partition("&state")[0], "/backpack/callback", f"{back}&state=2"):
        browser.start()
        reply = browser.get(address)
        assert reply.status == 400
        assert is_failure(reply.text, STARTED)
    assert len(provider.oauth.log) == before
    assert browser.get("/open").text == "nobody"


def test_a_return_counts_once(browser: Browser, provider: Sandbox, storage: Memory) -> None:
    back = browser.returned(provider.oauth.allow(browser.start(), "Ann"))
    browser.get(back)
    (id,) = storage.rows
    assert browser.get(back).status == 400
    assert [*storage.rows] == [id]
    assert browser.get("/open").text == provider.url


def test_a_return_counts_once_also_if_access_was_denied(
    browser: Browser, provider: Sandbox
) -> None:
    page = browser.start()
    assert browser.get(browser.returned(provider.oauth.deny(page))).status == 403
    reply = browser.get(browser.returned(provider.oauth.allow(page, "Ann")))
    assert (reply.status, is_failure(reply.text, STARTED)) == (400, True)


def test_several_tabs_may_sign_in_at_the_same_time(browser: Browser, provider: Sandbox) -> None:
    pages = [browser.start(f"/tab/{number}") for number in range(3)]
    reply = browser.get(browser.returned(provider.oauth.allow(pages[0], "Ann")))
    assert reply.location == "/tab/0"


def test_a_browser_that_starts_many_sign_ins_has_a_short_session(
    browser: Browser, provider: Sandbox
) -> None:
    pages = [browser.start(f"/{number}{'a' * 450}") for number in range(20)]
    assert sum(map(len, browser.cookies.values())) < 4000
    assert browser.get(browser.returned(provider.oauth.allow(pages[0], "Ann"))).status == 400
    reply = browser.get(browser.returned(provider.oauth.allow(pages[-1], "Ann")))
    assert reply.location.startswith("/19a")


def test_a_user_who_denies_access_may_try_again(browser: Browser, provider: Sandbox) -> None:
    reply = browser.get(browser.returned(provider.oauth.deny(browser.start())))
    assert reply.status == 403
    assert is_failure(reply.text, NOT_ALLOWED)
    browser.sign_in(provider, "Ann")
    assert browser.get("/open").text == provider.url


def test_a_code_that_has_expired_is_refused(browser: Browser, provider: Sandbox) -> None:
    provider.oauth.grants.code_lifetime = -1
    reply = browser.sign_in(provider, "Ann")
    assert reply.status == 403
    assert is_failure(reply.text, NOT_ALLOWED)


def test_a_failure_leaves_an_earlier_sign_in(browser: Browser, provider: Sandbox) -> None:
    browser.sign_in(provider, "Ann")
    browser.get(browser.returned(provider.oauth.deny(browser.start())))
    assert browser.get("/open").text == provider.url


@pytest.mark.parametrize("path", ["/authorization/token", "/authorization.json", "/me.xml"])
def test_a_provider_that_is_down_is_reported(
    browser: Browser, provider: Sandbox, storage: Memory, path: str
) -> None:
    provider.faults.status(500, path=path)
    reply = browser.sign_in(provider, "Ann")
    assert reply.status == 502
    assert is_failure(reply.text, UNREACHABLE)
    assert storage.rows == {}
    provider.faults.clear()
    browser.sign_in(provider, "Ann")
    assert browser.get("/titles").status == 200


def test_a_code_whose_response_was_lost_is_not_sent_again(
    browser: Browser, provider: Sandbox, storage: Memory
) -> None:
    provider.faults.drop_after_write(path="/authorization/token")
    before = len(provider.oauth.log)
    reply = browser.sign_in(provider, "Ann")
    assert (reply.status, is_failure(reply.text, UNREACHABLE)) == (502, True)
    assert len(provider.oauth.log) == before + 1
    assert storage.rows == {}


def test_a_user_without_an_account_is_told_so(
    browser: Browser, provider: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backpack_orm.connection.oauth.Grant.accounts", lambda grant: [])
    reply = browser.sign_in(provider, "Ann")
    assert reply.status == 403
    assert is_failure(reply.text, "You have no Backpack account.")


@pytest.mark.parametrize("path", ["/backpack/login", "/backpack/callback", "/backpack/accounts"])
def test_responses_stay_out_of_caches_frames_and_logs_of_others(
    browser: Browser, provider: Sandbox, path: str
) -> None:
    browser.sign_in(provider, "Ann")
    headers = browser.get(path).headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
