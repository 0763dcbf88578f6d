"""The application for Django, in a real project that talks to sandboxes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import django
import pytest

django.setup()

from django.apps import AppConfig  # noqa: E402 - after the setup
from django.apps.registry import Apps  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.core.management import CommandError, call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.test import AsyncClient, Client, override_settings  # noqa: E402

from backpack_orm import (  # noqa: E402
    BackpackError,
    Calendar,
    NotConnected,
    OutcomeUnknown,
    Page,
)
from backpack_orm.connection import current  # noqa: E402
from backpack_orm.integrations.django import connections  # noqa: E402
from backpack_orm.integrations.django.checks import find_tokens_in_settings  # noqa: E402
from backpack_orm.integrations.django.testing import BackpackTestMixin  # noqa: E402
from tests.integrations.test_http_errors import STATUSES  # noqa: E402

ROOT = Path(__file__).parents[2]
TOKEN = "fedcba9876543210"


@pytest.mark.network
class TestProject(BackpackTestMixin):
    backpack_accounts = {"default": {"seed": "demo"}, "home": {"seed": "empty"}}  # noqa: RUF012

    def test_the_account_is_current_in_each_view(self) -> None:
        for path in ("/titles", "/titles-async"):
            assert "Lisbon" in Client().get(path).json()
            response = asyncio.run(AsyncClient().get(path))
            assert "Lisbon" in response.json()
        with pytest.raises(NotConnected):
            current()

    def test_streamed_responses_use_it_to_their_end(self) -> None:
        response: Any = Client().get("/stream")
        assert response.getvalue()[:1] == b"L"

        async def read() -> bytes:
            streamed: Any = await AsyncClient().get("/stream-async")
            return b"".join([part async for part in streamed.streaming_content])

        assert asyncio.run(read())[:1] == b"L"
        with pytest.raises(NotConnected):
            current()

    def test_accounts_never_mix(self) -> None:
        Page.create(title="Attic", using=connections["home"])
        with ThreadPoolExecutor(2) as pool:
            for _ in range(200):
                found = pool.map(
                    lambda alias: Client().get(f"/count/{alias}").json(), ["default", "home"]
                )
                assert list(found) == [[13, 13], [1, 1]]

    def test_accounts_never_mix_in_async_views(self) -> None:
        Page.create(title="Attic", using=connections["home"])

        async def get(alias: str) -> Any:
            return (await AsyncClient().get(f"/count-async/{alias}")).json()

        async def get_all() -> None:
            for _ in range(200):
                found = await asyncio.gather(get("default"), get("home"))
                assert list(found) == [[13, 13], [1, 1]]

        asyncio.run(get_all())

    def test_other_errors_are_left_to_django(self) -> None:
        token = {"default": {"URL": self.backpack.url, "TOKEN": "f" * 40}}
        with override_settings(BACKPACK=token, DEBUG_PROPAGATE_EXCEPTIONS=False):
            response = Client(raise_request_exception=False).get("/titles")
        assert response.status_code == 500

    def test_templates_convert_texts(self) -> None:
        assert "<p>" in Client().get("/show").content.decode()

    def test_requests_are_counted(self) -> None:
        with self.assertNumBackpackRequests(1):
            Client().get("/titles")
        with (
            pytest.raises(AssertionError, match="0 requests instead of 1"),
            self.assertNumBackpackRequests(1),
        ):
            Client().get("/titles")  # cached

    def test_no_request_waits_for_a_rate_limit(self) -> None:
        for _ in range(11):  # ten in five seconds are permitted
            Calendar.all(using=connections["default"], fresh=True)
        assert connections["default"].stats.seconds_waited == 0

    def test_the_command_uses_an_account(self) -> None:
        call_command("backpack", "page", "list")
        call_command("backpack", "--account", "home", "page", "list")
        with pytest.raises(CommandError, match="no account 'hom'; did you mean 'home'"):
            call_command("backpack", "--account", "hom", "page", "list")
        with pytest.raises(SystemExit) as end:
            call_command("backpack", "page", "show", "no such page")
        assert end.value.code == 2

    def test_aliases_are_listed_and_checked(self) -> None:
        assert list(connections) == ["default", "home"]
        assert "home" in connections
        with pytest.raises(NotConnected, match="no account 'x'; there are 'default', 'home'"):
            connections["x"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (None, "BACKPACK takes a dictionary"),
        ({"default": "acme"}, "BACKPACK takes a dictionary"),
        ({}, "BACKPACK names no account"),
        ({"default": {"TOKEN": TOKEN}}, "BACKPACK.'default'...'URL'. names no account"),
        (
            {"default": {"URL": "acme", "TOKEN": TOKEN, "TIMOUT": 1}},
            "BACKPACK.'default'...'TIMOUT'. is no option of a connection; did you mean .*TIMEOUT",
        ),
        (
            {"default": {"URL": "acme"}},
            "token is missing.*; the key is BACKPACK.'default'...'TOKEN",
        ),
        (
            {"default": {"URL": "http://acme.example", "TOKEN": TOKEN}},
            "allow_insecure=True on purpose; the key is BACKPACK.'default'...'URL'.",
        ),
    ],
)
def test_a_wrong_setting_is_an_error_at_the_start(setting: Any, message: str) -> None:
    with (
        override_settings(BACKPACK=setting),
        pytest.raises(ImproperlyConfigured, match=message.replace("...", r".\[")) as caught,
    ):
        connections.load()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("path", ["/find/7", "/find-async/7"])
@pytest.mark.parametrize(("kind", "status"), [each for each in STATUSES.items() if each[1] != 500])
def test_errors_become_responses(
    caplog: pytest.LogCaptureFixture, kind: type[BackpackError], status: int, path: str
) -> None:
    error = kind("it failed")
    error.retry_after = 4.2 if status == 503 else None

    def get() -> Any:
        return Client().get(path) if path == "/find/7" else asyncio.run(AsyncClient().get(path))

    with mock.patch.object(Page, "find", side_effect=error):
        response = get()
    assert response.status_code == status
    assert response.headers.get("Retry-After") == ("5" if status == 503 else None)
    is_unknown = isinstance(error, OutcomeUnknown)
    assert ("not known whether this was done" in response.content.decode()) == is_unknown
    assert ("backpack_orm" in {record.name for record in caplog.records}) == (status >= 500)


def test_a_middleware_without_an_account_is_an_error_at_the_start() -> None:
    with (
        override_settings(BACKPACK={"home": {"URL": "acme", "TOKEN": TOKEN}}),
        pytest.raises(ImproperlyConfigured, match="the middleware uses BACKPACK.'default'.: add"),
    ):
        get_wsgi_application()


def test_another_application_of_this_label_is_an_error_at_the_start() -> None:
    class Other(AppConfig):
        name = "tests.integrations.django_project"
        label = "backpack"
        path = str(ROOT)

    other = Other("tests.integrations.django_project", django)
    with pytest.raises(ImproperlyConfigured, match="labels aren't unique, duplicates: backpack"):
        Apps(["backpack_orm.integrations.django", other])


def test_a_token_in_the_settings_file_is_a_warning() -> None:
    (warning,) = find_tokens_in_settings(None)
    assert (warning.id, warning.msg) == (
        "backpack.W001",
        "BACKPACK['default']['TOKEN'] is written in the settings file.",
    )
    with override_settings(BACKPACK={"default": {"URL": "acme", "TOKEN": "f" * 40}}):
        assert find_tokens_in_settings(None) == []


def test_a_token_is_found_in_a_settings_file_that_is_not_utf_8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"# -*- coding: latin-1 -*-\n# caf\xe9\nTOKEN = {TOKEN!r}\n"
    (tmp_path / "aged_settings.py").write_bytes(content.encode("latin-1"))
    monkeypatch.syspath_prepend(tmp_path)
    with override_settings(SETTINGS_MODULE="aged_settings", BACKPACK={"default": {"TOKEN": TOKEN}}):
        assert [warning.id for warning in find_tokens_in_settings(None)] == ["backpack.W001"]


@pytest.mark.parametrize("command", [["check"], ["check", "--deploy", "--tag", "security"]])
def test_the_project_passes_its_checks_with_a_warning(command: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "backpack.W001" in ran.stderr
    assert TOKEN not in ran.stdout + ran.stderr


def test_django_does_not_start_with_a_wrong_setting() -> None:
    script = (
        "from django.conf import settings; import django;"
        "settings.configure(INSTALLED_APPS=['backpack_orm.integrations.django'], BACKPACK={});"
        "django.setup()"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "ImproperlyConfigured: BACKPACK names no account" in ran.stderr
