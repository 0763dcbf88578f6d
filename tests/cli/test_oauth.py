"""`backpack login --oauth`: signing in at the provider of a sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backpack_orm import User
from backpack_orm.cli import tokens
from backpack_orm.cli.commands import account
from backpack_orm.cli.config import Profile
from backpack_orm.cli.connecting import open_connection
from backpack_orm.cli.grants import Application, stored_form
from backpack_orm.cli.tokens import Token
from backpack_orm.connection.oauth import OAuthApp
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner

SECRET = "an0ther-s3cret-of-an-application"
ADDRESS = "https://trips.example/back"


@pytest.fixture
def provider(network: None) -> Iterator[Sandbox]:
    """A sandbox with a registered application."""
    with Sandbox(seed="demo") as box:
        yield box


@pytest.fixture
def login(
    provider: Sandbox, offline: Runner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The command line that signs in, with a user who allows it."""
    registered = provider.oauth.register(ADDRESS)
    monkeypatch.setenv("BACKPACK_CLIENT_SECRET", registered.client_secret)
    monkeypatch.setattr(tokens, "_keyring", lambda: None)
    monkeypatch.setattr(
        account, "_ask_address", lambda state, text: provider.oauth.allow(text.split()[3])
    )
    return [
        *("login", provider.url, "--oauth", "--client-id", registered.client_id),
        *("--redirect-uri", ADDRESS, "--provider", provider.url, "--store", "file"),
    ]


def stored(home: Path, box: Sandbox) -> dict[str, dict[str, str]]:
    values = json.loads((home / "tokens.json").read_text("utf-8"))
    found: dict[str, dict[str, str]] = json.loads(values[box.url])
    return found


def test_a_sign_in_is_stored_and_its_token_replaced_in_time(
    provider: Sandbox, offline: Runner, home: Path, login: list[str]
) -> None:
    found = offline(*login)
    assert found.code == 0, found.stderr
    assert "as Nora Whitfield" in found.stderr
    before = stored(home, provider)["grant"]
    assert offline("whoami", "-o", "json").data["account"] == provider.url
    provider.oauth.expire_access_tokens()
    listed = offline("page", "list", "--ids")
    assert listed.code == 0, listed.stderr
    after = stored(home, provider)["grant"]
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] == before["refresh_token"]
    output = found.stdout + found.stderr + listed.stdout + listed.stderr
    for secret in (before["access_token"], before["refresh_token"], after["access_token"]):
        assert secret not in output
    assert stored(home, provider)["application"]["client_secret"] not in output


def test_a_revoked_sign_in_says_what_to_do(
    provider: Sandbox, offline: Runner, login: list[str]
) -> None:
    offline(*login)
    provider.oauth.revoke()
    found = offline("page", "list")
    assert found.code == 3
    assert "Run `backpack login` again" in found.stderr


def test_a_damaged_sign_in_is_reported_without_its_content(
    provider: Sandbox, offline: Runner, home: Path, login: list[str]
) -> None:
    offline(*login)
    values = {provider.url: json.dumps({"grant": {"access_token": SECRET}})}
    (home / "tokens.json").write_text(json.dumps(values), "utf-8")
    found = offline("page", "list")
    assert found.code == 3
    assert "is damaged" in found.stderr
    assert "backpack login --oauth" in found.stderr
    assert SECRET not in found.stderr


def test_signing_in_needs_an_application(
    provider: Sandbox, offline: Runner, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = offline("login", provider.url, "--oauth")
    assert found.code == 1
    assert "--oauth needs --client-id" in found.stderr
    found = offline("login", provider.url, "--oauth", "--client-id", "trips")
    assert "Set BACKPACK_CLIENT_SECRET" in found.stderr


def test_a_stored_sign_in_opens_a_connection() -> None:
    with Sandbox(seed="demo") as box:
        registered = box.oauth.register(ADDRESS)
        application: Application = {
            "client_id": registered.client_id,
            "client_secret": registered.client_secret,
            "redirect_uri": ADDRESS,
            "provider": box.url,
        }
        app = OAuthApp(**application)
        address, state = app.authorization_url()
        grant = app.exchange(box.oauth.allow(address), state=state)
        token = Token(stored_form(application, grant), "a file")
        profile = Profile("default", "the default", {}, is_stored=False)
        with open_connection(profile, box.url, token) as connection:
            assert User.me(using=connection).name == "Nora Whitfield"
