"""Tokens: all locations, redirects of invalid ones to the login page, and secrecy."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from backpack_orm.sandbox import Exchange, Sandbox
from tests.sandbox.conftest import Client


def basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


@pytest.mark.parametrize(
    ("verb", "path", "body", "headers"),
    [
        ("GET", "/me.xml", "", {"X_BP_Token": "t0ken-0123456789"}),
        ("GET", "/t0ken-0123456789/me.xml", "", {}),
        ("GET", "/me.xml?token=t0ken-0123456789", "", {}),
        ("GET", "/me.xml", "", {"Authorization": "Bearer t0ken-0123456789"}),
        ("GET", "/me.xml", "", {"Authorization": "bearer  t0ken-0123456789"}),
        ("POST", "/me.xml", "<request><token>t0ken-0123456789</token></request>", {}),
        ("POST", "/me.xml", "<request><token>\n t0ken-0123456789 </token></request>", {}),
        ("POST", "/me.xml", "token=t0ken-0123456789", {}),
        ("POST", "/ws/pages/all", "", {"X_BP_Token": "t0ken-0123456789"}),
        ("POST", "/ws/pages/all", "", {"Authorization": "Bearer t0ken-0123456789"}),
        ("POST", "/ws/pages/all", "", {"Authorization": basic("t0ken-0123456789:X")}),
        ("GET", "/me.xml", "", {"Authorization": basic("t0ken-0123456789:X")}),
        ("POST", "/t0ken-0123456789/ws/pages/all", "", {}),
        ("POST", "/ws/pages/all?token=t0ken-0123456789", "", {}),
        ("GET", "/reminders.xml", "", {"X_BP_Token": "t0ken-0123456789"}),
        ("GET", "/t0ken-0123456789/users.xml", "", {}),
    ],
)
def test_a_token_can_be_in_any_location(
    api: Client, verb: str, path: str, body: str, headers: dict[str, Any]
) -> None:
    assert api.send(verb, path, body, **headers).status_code == 200


@pytest.mark.parametrize(
    ("verb", "path", "body", "headers"),
    [
        ("GET", "/me.xml", "", {}),
        ("GET", "/wrong/me.xml", "", {}),
        ("GET", "/me.xml", "", {"X_BP_Token": "wrong"}),
        ("GET", "/me.xml", "", {"X_BP_Token": ""}),
        ("GET", "/me.xml?token=wrong", "", {}),
        ("GET", "/me.xml", "", {"Authorization": "Bearer"}),
        ("GET", "/me.xml", "", {"Authorization": basic("X:t0ken-0123456789")}),
        ("GET", "/me.xml", "", {"Authorization": "Basic t0ken-0123456789"}),
        ("GET", "/me.xml", "", {"Authorization": 'Digest username="t0ken-0123456789"'}),
        ("POST", "/ws/pages/all", "<request><token>wrong</token></request>", {}),
        ("POST", "/ws/pages/all", "<request><token/></request>", {}),
        ("POST", "/ws/page/7/destroy", "", {"X_BP_Token": "wrong"}),
    ],
)
def test_an_invalid_token_is_redirected_to_the_login_page(
    api: Client, verb: str, path: str, body: str, headers: dict[str, Any]
) -> None:
    response = api.send(verb, path, body, **headers)
    assert response.status_code == 302
    assert response.headers["Location"] == f"{api.url}/login"
    assert '<response success="false"><error code="302">' in response.text


def test_the_login_page_looks_like_a_success(api: Client) -> None:
    response = api.send("GET", "/login")
    assert (response.status_code, response.headers["Content-Type"]) == (
        200,
        "text/html; charset=utf-8",
    )


def test_a_write_with_an_invalid_token_changes_nothing(api: Client, page: str) -> None:
    api.send("POST", f"/ws/{page}/destroy", "<request><token>wrong</token></request>")
    assert "Lisbon" in api.ws("pages/all")


class TestSsl:
    @pytest.fixture
    def strict(self, as_user: Callable[..., Client]) -> Iterator[Client]:
        with Sandbox(seed="empty", token="t0ken-0123456789", require_ssl=True) as box:
            client = as_user("t0ken-0123456789", box.url)
            yield client

    @pytest.mark.parametrize(
        "path",
        [
            "/ws/pages/all",
            "/t0ken-0123456789/reminders.xml",
            "/nowhere",
            "/",
            "/a%20b%C3%A9?c=%C3%A9&d=1",
        ],
    )
    def test_plain_http_is_redirected_to_https(self, strict: Client, path: str) -> None:
        response = strict.send("POST", path)
        assert response.status_code == 302
        assert response.headers["Location"] == strict.url.replace("http:", "https:") + path


class TestSecrecy:
    def test_no_token_is_shown_by_repr_log_or_logging(
        self, box: Sandbox, api: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            api.send("GET", "/t0ken-0123456789/me.xml")
            api.send("GET", "/wrong/me.xml")
            api.send("GET", "/users.xml?token=t0ken-0123456789")
            api.send("POST", "/t0ken-0123456789/reminders.xml", "<reminder>")
            api.send("GET", "/nowhere/t0ken-0123456789")
            api.send("GET", "/t0ken-0123456789")
        assert box.log == [
            Exchange("GET", "/[token]/me.xml", 200),
            Exchange("GET", "/[token]/me.xml", 302),
            Exchange("GET", "/users.xml", 200),
            Exchange("POST", "/[token]/reminders.xml", 400),
            Exchange("GET", "/nowhere/[token]", 404),
            Exchange("GET", "/[token]", 404),
        ]
        assert box.requests == 6
        assert "t0ken-0123456789" not in repr(box)
        ours = [record for record in caplog.records if "urllib3" not in record.name]
        assert not [record for record in ours if "t0ken" in record.getMessage()]
        assert [one.getMessage() for one in ours if one.name == "backpack_orm.sandbox"] == [
            "cannot read POST /[token]/reminders.xml: XML: no element found: line 1, column 10"
        ]

    @pytest.mark.parametrize("box", ["sqlite"], indirect=True)  # others use the database after it
    def test_a_broken_database_does_not_log_tokens(
        self, box: Sandbox, api: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        with box._database.transaction() as session:
            session.execute(text("DROP TABLE bookmarks"))
        assert api.rest("GET", "/users/40000001/bookmarks.xml").status_code == 500
        assert "no such table: bookmarks" in caplog.text
        assert "t0ken-0123456789" not in caplog.text

    def test_no_response_contains_the_token(self, box: Sandbox, api: Client) -> None:
        for path in (
            "/t0ken-0123456789/me.xml",
            "/t0ken-0123456789/users.xml",
            "/t0ken-0123456789/nowhere",
            "/t0ken-0123456789",
        ):
            response = api.send("GET", path)
            assert "t0ken-0123456789" not in response.text + str(response.headers)
        assert "t0ken-0123456789" not in api.ws("pages/all")
