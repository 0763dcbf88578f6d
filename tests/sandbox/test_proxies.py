"""A sandbox behind a proxy with TLS: a simulated one, nginx, and a browser in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from backpack_orm.sandbox import Application, Sandbox
from backpack_orm.sandbox.__main__ import main
from backpack_orm.sandbox.guard import Guard, Refused
from tests.browsers import launched
from tests.sandbox import nginx
from tests.sandbox.conftest import NOW, Client

TOKEN = "t0ken-0123456789"
URL = "https://backpack.example"
EVENT = b"<calendar-event><title>x</title><occurs-at>2031-03-06 09:00</occurs-at></calendar-event>"
APP = Application("http://127.0.0.1:9/back", name="Trips", client_id="trips")
SIGN_IN = "/authorization/new?" + urlencode(
    {"type": "web_server", "client_id": APP.client_id, "redirect_uri": APP.redirect_uri}
)


@pytest.fixture
def sandbox(network: None) -> Iterator[Callable[..., Client]]:
    """Return a function that starts a sandbox with options, and returns a client of it."""
    opened: list[Any] = []

    def start(**options: Any) -> Client:
        box = Sandbox(seed="empty", token=TOKEN, clock=lambda: NOW, applications=[APP], **options)
        box.start()
        client = Client(box.url, TOKEN)
        opened.extend([client, box])
        return client

    yield start
    for one in opened:
        one.close()


def environ(**changes: str) -> Any:
    return {
        "HTTP_HOST": "backpack.example",
        "PATH_INFO": "/",
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": "POST",
        "wsgi.url_scheme": "http",
    } | changes


def checked(guard: Guard, **changes: str) -> tuple[str, str, str]:
    """Return scheme, host and client of a request that the guard accepts."""
    request = environ(**changes)
    guard.check(request)
    return request["wsgi.url_scheme"], request["HTTP_HOST"], request["REMOTE_ADDR"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://backpack.example", "https://backpack.example"),
        ("HTTPS://Backpack.Example:443/", "https://backpack.example"),
        ("http://backpack.example:80", "http://backpack.example"),
        ("https://backpack.example:8443", "https://backpack.example:8443"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_public_url_is_what_responses_contain(url: str, origin: str) -> None:
    host = origin.partition("://")[2]
    guard = Guard("127.0.0.1", public=url)
    assert "://".join(checked(guard, HTTP_HOST=host)[:2]) == origin
    # nginx passes the address of its upstream, unless it is configured otherwise.
    assert "://".join(checked(guard, HTTP_HOST="127.0.0.1:8137", HTTP_ORIGIN=origin)[:2]) == origin


@pytest.mark.parametrize(
    "url",
    ["", "backpack.example", "ftp://a.example", "https://", "https://a.example/backpack",
     "https://user@a.example", "https://a.example?b", "https://a.example#b", "https://*.example",
     "https://a.example:x", "https://[fe80::1%25eth0]", "https://a b", "https:///"],
)  # fmt: skip
def test_what_is_no_public_url_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--public-url", url]) == 2
    assert f"{url!r} is not a public URL" in capsys.readouterr().err


@pytest.mark.parametrize("proxy", ["", "proxy.example", "127.0.0.1:80", "10.0.0.0/8", "**"])
def test_what_is_no_address_of_a_proxy_is_refused(
    proxy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", "--trusted-proxy", proxy]) == 2
    assert f"{proxy!r} is not the address of a proxy" in capsys.readouterr().err


@pytest.mark.parametrize(
    "origin", ["http://backpack.example", "https://evil.example", "http://127.0.0.1:8137", "null"]
)
def test_only_pages_at_the_public_url_may_send_requests(origin: str) -> None:
    guard = Guard("127.0.0.1", public=URL)
    for host in ("backpack.example", "127.0.0.1:8137"):
        with pytest.raises(Refused, match="from other origins"):
            guard.check(environ(HTTP_HOST=host, HTTP_ORIGIN=origin))


def test_other_hosts_stay_refused() -> None:
    with pytest.raises(Refused, match="is not a host name of this sandbox"):
        Guard("127.0.0.1", public=URL, proxy="*").check(environ(HTTP_HOST="evil.example"))


FORWARDED = {"HTTP_X_FORWARDED_FOR": "192.0.2.7", "HTTP_X_FORWARDED_PROTO": "https"}


@pytest.mark.parametrize(
    ("proxy", "peer"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1"), ("*", "10.0.0.9"),
     ("0:0:0:0:0:0:0:1", "::1")],
)  # fmt: skip
def test_a_trusted_proxy_names_the_client_and_the_scheme(proxy: str, peer: str) -> None:
    guard = Guard("127.0.0.1", ["backpack.example"], proxy=proxy)
    found = checked(guard, REMOTE_ADDR=peer, HTTP_ORIGIN=URL, **FORWARDED)
    assert found == ("https", "backpack.example", "192.0.2.7")


@pytest.mark.parametrize(("proxy", "peer"), [(None, "127.0.0.1"), ("10.0.0.9", "127.0.0.1")])
def test_nobody_else_does(proxy: str | None, peer: str) -> None:
    guard = Guard("127.0.0.1", ["backpack.example"], proxy=proxy)
    assert checked(guard, REMOTE_ADDR=peer, **FORWARDED) == ("http", "backpack.example", peer)


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [("203.0.113.1, 192.0.2.7", "192.0.2.7"), ("192.0.2.7:5123", "192.0.2.7"),
     ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"), (" ::7 ", "::7"),
     ("192.0.2.7,", "127.0.0.1")],
)  # fmt: skip
def test_the_last_address_counts_which_the_proxy_has_added(forwarded: str, client: str) -> None:
    guard = Guard("127.0.0.1", ["backpack.example"], proxy="127.0.0.1")
    assert checked(guard, HTTP_X_FORWARDED_FOR=forwarded)[2] == client


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_X_FORWARDED_FOR": value}
        for value in ("unknown", ":.", "1.2.3.4, :.", "x" * 5000, '"', "[", "a:1")
    ]
    + [{"HTTP_X_FORWARDED_PROTO": value} for value in ("ftp", "https,http", "https, https", '"')],
)
def test_a_malformed_header_of_a_proxy_is_refused(headers: dict[str, str]) -> None:
    guard = Guard("127.0.0.1", ["backpack.example"], proxy="127.0.0.1")
    with pytest.raises(Refused, match="the proxy must pass") as caught:
        guard.check(environ(**headers))
    assert caught.value.status == 400


def test_https_is_required_of_clients_and_not_of_the_proxy(
    sandbox: Callable[..., Client],
) -> None:
    for options in ({}, {"trusted_proxy": "127.0.0.1"}):
        client = sandbox(require_ssl=True, public_url=URL, **options)
        for headers in ({}, {"X_Forwarded_Proto": "https"}):
            response = client.send("GET", "/me.xml", X_BP_Token=TOKEN, **headers)
            assert response.status_code == 200
    plain = client.send("GET", "/me.xml?a=b", X_BP_Token=TOKEN, X_Forwarded_Proto="http")
    assert (plain.status_code, plain.headers["Location"]) == (302, f"{URL}/me.xml?a=b")


def test_a_header_of_anybody_does_not_stand_for_https(sandbox: Callable[..., Client]) -> None:
    for options in ({}, {"trusted_proxy": "192.0.2.9"}):
        client = sandbox(require_ssl=True, **options)
        response = client.send("GET", "/me.xml", X_BP_Token=TOKEN, X_Forwarded_Proto="https")
        assert response.status_code == 302


def test_clients_of_a_proxy_do_not_share_a_limit(sandbox: Callable[..., Client]) -> None:
    client = sandbox(limits=True, trusted_proxy="127.0.0.1")

    def statuses(address: str) -> set[int]:
        header = {"X_BP_Token": TOKEN, "X_Forwarded_For": f"203.0.113.1, {address}"}
        return {client.send("GET", "/calendars.xml", **header).status_code for _ in range(11)}

    assert statuses("192.0.2.7") == {200, 503}
    assert client.send("GET", "/calendars.xml", X_BP_Token=TOKEN, X_Forwarded_For="192.0.2.8").ok


def test_accounts_behind_a_proxy_are_listed_without_ports(network: None) -> None:
    with Sandbox(seed="empty", token=TOKEN, applications=[APP], public_url=URL) as box:
        box.add_account("other")
        for account in ("acme", "other"):
            box.add_user("Nora", account=account, email_address="nora@example.com")
        code = box.oauth.allow(box.url + SIGN_IN, "Nora").partition("code=")[2]
        fields = {"type": "web_server", "client_id": "trips", "client_secret": APP.client_secret,
                  "redirect_uri": APP.redirect_uri, "code": code}  # fmt: skip
        tokens = requests.post(f"{box.url}/authorization/token", fields, timeout=60).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        listed = requests.get(f"{box.url}/authorization.json", headers=bearer, timeout=60).json()
        assert [(one["name"], one["href"]) for one in listed["accounts"]] == [("acme", URL)]
        as_xml = requests.get(f"{box.url}/authorization.xml", headers=bearer, timeout=60).text
        assert as_xml.count("<href>") == as_xml.count(f"<href>{URL}</href>") == 1


class TestNginx:
    @pytest.fixture(params=["as documented", "without headers"])
    def url(
        self,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        sandbox: Callable[..., Client],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[str]:
        port = nginx.free_port()
        url = f"https://localhost:{port}"
        options = {"require_ssl": True, "limits": True, "trusted_proxy": "127.0.0.1"}
        self.upstream = int(sandbox(public_url=url, **options).url.rpartition(":")[2])
        documented = request.param == "as documented"
        with nginx.running(tmp_path, port, self.upstream, headers=documented) as authority:
            self.authority = str(authority)
            yield url

    def test_addresses_are_public_and_limits_are_by_client(self, url: str) -> None:
        with requests.Session() as client:
            client.verify, client.trust_env = self.authority, False
            client.headers["X-BP-Token"] = TOKEN
            spoofed = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
            entry = client.post(
                f"{url}/users/40000001/journal_entries.xml",
                b"<journal-entry><body>Ferry</body></journal-entry>",
                headers={"Content-Type": "application/xml"} | spoofed,
            )
            assert entry.headers["Location"].startswith(f"{url}/journal-entries/")
            lost = client.get(f"{url}/me.xml", headers={"X-BP-Token": "x"}, allow_redirects=False)
            assert lost.headers["Location"] == f"{url}/login"
            codes = {client.get(f"{url}/calendars.xml").status_code for _ in range(11)}
            assert codes == {200, 503}

    @pytest.mark.browser
    def test_a_user_signs_in_with_a_browser(self, url: str) -> None:
        with launched() as browser:
            page = browser.new_context(ignore_https_errors=True).new_page()
            page.route(f"{APP.redirect_uri}**", lambda route: route.fulfill(body="Welcome back"))
            page.goto(url + SIGN_IN)
            page.get_by_label("API token").fill(TOKEN)
            page.get_by_role("button", name="Allow").click()
            page.get_by_text("Welcome back").wait_for()
            assert page.url.startswith(f"{APP.redirect_uri}?code=")
