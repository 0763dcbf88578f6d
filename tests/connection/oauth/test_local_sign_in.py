"""Signing in from a terminal: the browser returns to this machine, or its address is pasted."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from backpack_orm import AuthenticationError, OAuthApp, Timeout, ValidationError
from backpack_orm.connection.oauth.loopback import Listener
from backpack_orm.sandbox import Sandbox
from tests.connection.oauth.conftest import REDIRECT, SECRET, Clocks

CHROMIUM = shutil.which("chromium")


def free_port(host: str = "127.0.0.1") -> Any:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        return server.getsockname()[1]


def local_app(box: Sandbox, path: str = "/back", host: str = "127.0.0.1") -> OAuthApp:
    """Return an application of this machine, which is registered with the sandbox."""
    named = f"[{host}]" if ":" in host else host
    registered = box.oauth.register(f"http://{named}:{free_port(host)}{path}", name="Terminal")
    return OAuthApp(
        registered.client_id, registered.client_secret, registered.redirect_uri, provider=box.url
    )


class Person:
    """A user who answers in the sandbox and returns; stands for a browser and its user."""

    def __init__(self, box: Any, user: Any = None, answer: str = "allow") -> None:
        self.box, self.user, self.answer = box, user, answer
        self.visited: list[str] = []
        self.responses: list[requests.Response] = []
        self._thread = threading.Thread(target=lambda: None)

    def open(self, url: Any) -> Any:
        """Visit a page like `webbrowser.open`, which does not wait."""
        self.visited.append(url)
        self._thread = threading.Thread(target=self._visit, args=(url,))
        self._thread.start()
        return True

    def _visit(self, url: Any) -> None:
        back = self.box.oauth.deny(url) if self.answer == "deny" else self.box.oauth.allow(url)
        for address in self.before(back):
            self.responses.append(requests.get(address, timeout=30))
        self.responses.append(requests.get(back, timeout=30))

    def before(self, back: Any) -> Any:
        return []

    def join(self) -> Any:
        self._thread.join(30)
        return self.responses


def never(text: str) -> NoReturn:
    raise AssertionError("nothing should be pasted")


class TestListening:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
    @pytest.mark.parametrize("path", ["/back", "", "/deep/back?kind=a"])
    def test_the_browser_returns_to_this_machine(
        self, provider: Sandbox, host: str, path: str
    ) -> None:
        person = Person(provider)
        grant = local_app(provider, path, host).sign_in(open_browser=person.open, ask=never)
        assert [each.name for each in grant.accounts()] == ["acme"]
        (response,) = person.join()
        assert response.status_code == 200
        assert "You can close this window and return to the program." in response.text
        assert response.headers["Cache-Control"] == "no-store"

    def test_a_user_who_denies_is_an_authentication_error(self, provider: Sandbox) -> None:
        person = Person(provider, answer="deny")
        with pytest.raises(AuthenticationError, match="access_denied"):
            local_app(provider).sign_in(open_browser=person.open, ask=never)
        assert person.join()[0].status_code == 200

    def test_other_requests_do_not_end_the_wait(self, provider: Sandbox) -> None:
        class Nosy(Person):
            def before(self, back: Any) -> Any:
                base = back.partition("/back")[0]
                return [
                    f"{base}/favicon.ico",
                    f"{base}/back",
                    f"{base}/back?code=evil",
                    f"{base}/back?code=evil&state=evil",
                    f"{base}/back?code=evil&state=%ff",
                    back.replace("/back?", "/elsewhere?"),
                ]

        person = Nosy(provider)
        grant = local_app(provider).sign_in(open_browser=person.open, ask=never)
        assert grant.accounts()
        assert [each.status_code for each in person.join()] == [404] * 6 + [200]

    def test_a_page_under_another_host_name_is_not_the_return(self, network: Any) -> None:
        address = f"http://127.0.0.1:{free_port()}/back"
        with Listener(address, lambda target: True) as listener:
            headers = {"Host": "evil.example"}
            assert requests.get(address, headers=headers, timeout=30).status_code == 404
            assert requests.post(address, timeout=30).status_code == 501
            assert listener.wait(0.01) is None

    def test_an_open_connection_without_a_request_blocks_nobody(self, provider: Sandbox) -> None:
        """Browsers open connections in advance."""

        class Eager(Person):
            def before(self, back: Any) -> Any:
                host, _, port = back.split("/")[2].partition(":")
                self.idle = socket.create_connection((host, int(port)))
                return []

        person = Eager(provider)
        assert local_app(provider).sign_in(open_browser=person.open, ask=never).accounts()
        person.join()
        person.idle.close()

    def test_a_browser_that_does_not_return_is_a_timeout(self, provider: Sandbox) -> None:
        app = local_app(provider)
        with pytest.raises(Timeout, match=f"has not returned to {app.redirect_uri} in 0.05 s"):
            app.sign_in(open_browser=lambda url: True, ask=never, timeout=0.05)

    def test_the_port_is_free_again_afterwards(self, provider: Sandbox) -> None:
        app = local_app(provider)
        for _ in range(2):
            with pytest.raises(Timeout):
                app.sign_in(open_browser=lambda url: True, ask=never, timeout=0.01)

    def test_the_code_is_logged_nowhere(
        self,
        provider: Sandbox,
        capfd: Any,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(logging.root, "handlers", [caplog.handler])  # and none of other tests
        caplog.set_level(1)
        person = Person(provider)
        local_app(provider).sign_in(open_browser=person.open, ask=never)
        code = person.join()[0].request.url.partition("code=")[2].partition("&")[0]
        ours = [each for each in caplog.records if "urllib3" not in each.name]
        assert len(code) > 20
        assert code not in "".join(capfd.readouterr()) + repr([each.msg for each in ours])


class TestPasting:
    def pasting(self, box: Any, texts: Any, change: Any = lambda address: address) -> Any:
        def ask(text: Any) -> Any:
            texts.append(text)
            url = text.split()[3]
            return change(box.oauth.allow(url))

        return ask

    def test_a_redirect_address_elsewhere_is_pasted(self, provider: Sandbox, app: OAuthApp) -> None:
        texts: list[str] = []
        grant = app.sign_in(open_browser=never, ask=self.pasting(provider, texts))
        assert grant.accounts()
        (text,) = texts
        assert text.startswith(f"Open this address: {provider.url}/authorization/new?type=web_")
        assert text.endswith("paste the whole address that the browser ends at: ")

    def test_white_space_around_it_does_no_harm(self, provider: Sandbox, app: OAuthApp) -> None:
        ask = self.pasting(provider, [], lambda address: f"  {address}\n")
        assert app.sign_in(ask=ask).accounts()

    def test_without_a_browser_it_is_pasted(self, provider: Sandbox) -> None:
        ask = self.pasting(provider, [])
        assert local_app(provider).sign_in(open_browser=lambda url: False, ask=ask).accounts()

    def test_with_its_port_in_use_it_is_pasted(self, provider: Sandbox) -> None:
        app = local_app(provider)
        port = int(app.redirect_uri.rpartition(":")[2].partition("/")[0])
        with socket.create_server(("127.0.0.1", port)):
            assert app.sign_in(open_browser=never, ask=self.pasting(provider, [])).accounts()

    @pytest.mark.parametrize("pasted", ["", "abc", "https://evil.example/back?code=a"])
    def test_something_else_is_refused(self, app: OAuthApp, pasted: str) -> None:
        with pytest.raises(ValidationError, match="another address"):
            app.sign_in(ask=lambda text: pasted)

    def test_the_browser_and_the_input_of_python_are_the_defaults(
        self, provider: Sandbox, app: OAuthApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = []
        monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url))
        monkeypatch.setattr("builtins.input", self.pasting(provider, []))
        assert local_app(provider).sign_in().accounts()
        assert opened[0].startswith(f"{provider.url}/authorization/new?")


@pytest.mark.browser
class TestBrowser:
    """A real browser signs in and returns."""

    @pytest.fixture
    def sign_in(self, running: Sandbox) -> Callable[..., Any]:
        """Return a function that signs in with a browser whose user presses a button."""

        def sign_in(app: Any, button: Any, token: Any = running.token) -> Any:
            found: list[Any] = []
            opened = Opened()

            def wait() -> None:
                try:
                    found.append(app.sign_in(open_browser=opened.append, ask=never, timeout=60))
                except AuthenticationError as error:
                    found.append(error)

            waiting = threading.Thread(target=wait)
            waiting.start()
            assert opened.event.wait(30)
            with sync_playwright() as playwright:
                browser: Browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                page = browser.new_page()
                # From a page of another site, as an application would lead here.
                page.goto("data:text/html,<a>Sign in</a>")
                page.goto(opened.url)
                assert Axe().run(page).violations_count == 0, "the page is accessible"
                page.get_by_label("API token").fill(token)
                page.get_by_role("button", name=button).click()
                text = page.inner_text("main, body")
                browser.close()
            waiting.join(30)
            return text, found[0]

        return sign_in

    def test_allowing_returns_a_grant(self, running: Sandbox, clocks: Clocks, sign_in: Any) -> None:
        text, grant = sign_in(local_app(running), "Allow")
        assert "You can close this window" in text
        assert [each.name for each in grant.accounts()] == ["acme"]

    def test_denying_is_an_authentication_error(
        self, running: Sandbox, clocks: Clocks, sign_in: Any
    ) -> None:
        text, error = sign_in(local_app(running), "Deny", token="")
        assert "You can close this window" in text
        assert error.hint == "Ask the user to sign in again, and to allow access."


class Opened:
    """What was opened, for another thread."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def append(self, url: Any) -> Any:
        self.url = url
        self.event.set()
        return True


def test_a_secret_of_an_application_of_this_machine_is_not_in_the_address(
    provider: Sandbox,
) -> None:
    app = OAuthApp("trips", SECRET, REDIRECT, provider=provider.url)
    assert SECRET not in app.authorization_url()[0]
