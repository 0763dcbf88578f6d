"""A user signs in and out with a real browser, on a site built with each framework."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.wsgi import get_wsgi_application
from flask import Flask
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from backpack_orm import OAuthApp
from backpack_orm.integrations.sign_in import SignIn
from backpack_orm.sandbox import Sandbox
from tests.integrations.sign_in.conftest import Memory, django_site, flask_app

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.browser,
]


@contextmanager
def serving(framework: str, box: Sandbox, storage: Memory) -> Iterator[str]:
    """Serve a site that is registered with the sandbox, and yield its address."""
    server = make_server("127.0.0.1", 0, Flask("none"), threaded=True)
    url = f"http://127.0.0.1:{server.port}"
    registered = box.oauth.register(f"{url}/backpack/callback", name="Trips")
    app = OAuthApp(
        registered.client_id, registered.client_secret, registered.redirect_uri, provider=box.url
    )
    flow = SignIn(app, storage)
    with django_site(flow):
        site: Any = flask_app(flow) if framework == "flask" else get_wsgi_application()
        server.app = site
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.mark.parametrize("framework", ["flask", "django"])
def test_a_user_signs_in_chooses_an_account_and_signs_out(
    framework: str, provider: Sandbox, storage: Memory
) -> None:
    token = provider.add_user(f"Eve {framework}", email_address=f"{framework}@example.com")
    provider.add_user("Eve", account="other", email_address=f"{framework}@example.com")
    with serving(framework, provider, storage) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{url}/open?tab=1")
        assert page.inner_text("body") == "nobody"
        page.goto(f"{url}/titles")
        page.get_by_label("API token").fill(token)
        page.get_by_role("button", name="Allow").click()
        assert page.url == f"{url}/backpack/accounts"
        assert Axe().run(page).violations_count == 0, "the page is accessible"
        page.get_by_role("button", name="acme").click()
        assert page.url == f"{url}/titles"
        page.goto(url)
        page.get_by_role("button", name="Log out").click()
        assert page.url == f"{url}/"
        assert storage.rows == {}
        page.goto(f"{url}/titles")
        page.get_by_role("button", name="Deny").click()
        assert "Access was not allowed" in page.inner_text("main")
        assert Axe().run(page).violations_count == 0, "the page is accessible"
        page.get_by_role("link", name="Sign in").click()
        assert page.url.startswith(f"{provider.url}/authorization/new")
        browser.close()
