"""The extension for Flask, in real applications that talk to a sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask, abort, render_template_string, stream_with_context

from backpack_orm import (
    BackpackError,
    Connection,
    NotConnected,
    NotFound,
    OutcomeUnknown,
    Page,
    RateLimited,
    ValidationError,
)
from backpack_orm.connection import context, current
from backpack_orm.integrations.flask import Backpack
from backpack_orm.sandbox import Sandbox
from tests.integrations.test_http_errors import STATUSES

TOKEN = "0123456789abcdef"


@pytest.fixture
def app(box: Sandbox) -> Flask:
    """An application whose account is the demo account."""
    app = Flask("diary")
    app.config.update(TESTING=True, BACKPACK_URL=box.url, BACKPACK_TOKEN=box.token)
    return app


def configured(**config: Any) -> Flask:
    app = Flask("diary")
    app.config.update(config)
    return app


def test_the_account_is_current_in_requests_commands_and_the_shell(app: Flask) -> None:
    backpack = Backpack(app)

    @app.get("/titles")
    def titles() -> list[str]:
        return [page.title for page in Page.all()]

    @app.cli.command("titles")
    def print_titles() -> None:
        print(Page.get(title="Lisbon").title)

    assert "Lisbon" in (app.test_client().get("/titles").json or [])
    assert app.test_cli_runner().invoke(args=["titles"]).output == "Lisbon\n"
    with app.app_context():
        assert current() is backpack.connection
    with pytest.raises(NotConnected):
        current()


def test_a_stream_and_nested_contexts_use_it_to_their_end(app: Flask) -> None:
    Backpack(app)

    @app.get("/stream")
    def stream() -> Iterator[str]:
        return stream_with_context(page.title[0] for page in Page.all())

    assert app.test_client().get("/stream").text[0] == "L"
    with app.app_context():
        with app.app_context():
            inner = current()
        assert current() is inner


def test_an_error_in_a_view_leaves_the_connection(app: Flask) -> None:
    Backpack(app)
    app.config["TESTING"] = False

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("a defect of the view")

    assert app.test_client().get("/broken").status_code == 500
    with pytest.raises(NotConnected):
        current()


def test_async_views_use_it(app: Flask) -> None:
    Backpack(app)

    @app.get("/titles")
    async def titles() -> list[str]:
        return [page.title for page in Page.all()]

    assert app.test_client().get("/titles").status_code == 200


@pytest.fixture
def two_accounts(box: Sandbox) -> tuple[Flask, Backpack]:
    """An application with two accounts; the other one has a single page."""
    other = box.add_account("other")
    Page.create(title="Attic", using=Connection(box.url, token=other))
    app = configured(
        BACKPACK_MAX_WAIT=5,
        BACKPACK_ACCOUNTS={
            "work": {"url": box.url, "token": box.token},
            "home": {"url": box.url, "token": other, "max_wait": 9},
        },
    )
    return app, Backpack(app)


def test_several_accounts_are_named(two_accounts: tuple[Flask, Backpack]) -> None:
    app, backpack = two_accounts
    with app.app_context():
        with backpack.using("home") as home:
            assert [page.title for page in Page.all()] == ["Attic"]
        assert Page.count(using=backpack["work"]) == 13
        assert (home._settings.max_wait, backpack["work"]._settings.max_wait) == (9, 5)
        assert list(context.candidates()) == []
        with pytest.raises(NotConnected, match="name one of the accounts, as in backpack.'work'."):
            backpack.connection  # noqa: B018
        with pytest.raises(NotConnected, match="no account 'wrok'; did you mean 'work'"):
            backpack["wrok"]
        with pytest.raises(NotConnected, match="no account 'x'; there are 'work', 'home'"):
            backpack["x"]


def test_accounts_never_mix(two_accounts: tuple[Flask, Backpack]) -> None:
    app, backpack = two_accounts
    barrier = Barrier(2, timeout=60)

    @app.get("/<name>")
    def count(name: str) -> list[int]:
        with backpack.using(name):
            before = Page.count()
            barrier.wait()
            return [before, Page.count()]

    def get(name: str) -> Any:
        return app.test_client().get(f"/{name}").json

    with ThreadPoolExecutor(2) as pool:
        for _ in range(200):
            work, home = pool.map(get, ["work", "home"])
            assert (work, home) == ([13, 13], [1, 1])


def test_the_environment_configures_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_BACKPACK_URL", "acme")
    monkeypatch.setenv("FLASK_BACKPACK_TOKEN", TOKEN)
    monkeypatch.setenv("FLASK_BACKPACK_TIMEOUT", "[2, 10]")
    monkeypatch.setenv("FLASK_BACKPACK_READ_ONLY", "true")
    monkeypatch.setenv("FLASK_BACKPACK_ACCOUNTS__home__URL", "ann")
    monkeypatch.setenv("FLASK_BACKPACK_ACCOUNTS__home__OAUTH_TOKEN", TOKEN)
    app = Flask("diary")
    app.config.from_prefixed_env()
    backpack = Backpack(app)
    with app.app_context():
        assert backpack.connection.url == "https://acme.backpackit.com"
        assert backpack.connection.read_only
        assert backpack["home"].read_only
        assert backpack["home"]._settings.timeout == (2.0, 10.0)
        assert backpack["home"]._settings.is_bearer


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({}, NotConnected, "BACKPACK_URL names no account: set it in the configuration"),
        ({"BACKPACK_TOKEN": TOKEN}, NotConnected, "BACKPACK_URL names no account"),
        (
            {"BACKPACK_URL": "acme"},
            ValidationError,
            "token is missing: find it under My info in Backpack; the key is BACKPACK_TOKEN",
        ),
        (
            {"BACKPACK_URL": "acme", "BACKPACK_TOKEN": TOKEN, "BACKPACK_TIMOUT": 1},
            ValidationError,
            "BACKPACK_TIMOUT is no option of a connection; did you mean 'BACKPACK_TIMEOUT'",
        ),
        (
            {"BACKPACK_URL": "acme", "BACKPACK_TOKEN": TOKEN, "BACKPACK_TTL": "long"},
            ValidationError,
            "ttl takes a number of seconds, 0 or more, not 'long'; the key is BACKPACK_TTL",
        ),
        (
            {"BACKPACK_URL": "acme", "BACKPACK_TOKEN": 1234567890},  # of digits in the environment
            ValidationError,
            "token takes a text; this value is not shown here; the key is BACKPACK_TOKEN",
        ),
        ({"BACKPACK_ACCOUNTS": ["acme"]}, ValidationError, "BACKPACK_ACCOUNTS takes a dictionary"),
        (
            {"BACKPACK_ACCOUNTS": {"a": "b"}},
            ValidationError,
            "BACKPACK_ACCOUNTS takes a dictionary",
        ),
        (
            {"BACKPACK_ACCOUNTS": {"home": {"token": TOKEN}}},
            NotConnected,
            "BACKPACK_ACCOUNTS.'home'...url'. names no account",
        ),
        (
            {"BACKPACK_ACCOUNTS": {"home": {"url": "acme", "tokn": TOKEN}}},
            ValidationError,
            "BACKPACK_ACCOUNTS.'home'...tokn'. is no option of a connection; did you mean .*token",
        ),
    ],
)
def test_a_wrong_configuration_fails_at_the_start_and_shows_no_token(
    config: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        Backpack(configured(**config))
    assert TOKEN not in str(caught.value)


def test_the_shell_has_the_models_and_the_account(app: Flask) -> None:
    Backpack(app)
    with app.app_context():
        names = app.make_shell_context()
        assert names["Page"].get(title="Lisbon").notes
        assert "Connection" not in names


def test_another_command_of_this_name_is_an_error_at_the_start(app: Flask) -> None:
    app.cli.command("backpack")(lambda: None)
    with pytest.raises(RuntimeError, match="has another command 'backpack': rename that one"):
        Backpack(app)


def test_an_application_has_the_extension_once(app: Flask) -> None:
    backpack = Backpack(app)
    with pytest.raises(RuntimeError, match="has this extension already"):
        backpack.init_app(app)


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_errors_become_http_errors_if_asked_for(
    app: Flask, caplog: pytest.LogCaptureFixture, kind: type[BackpackError], status: int
) -> None:
    error = kind("no such thing")
    app.config["TESTING"] = False
    Backpack(app, handle_errors=True)

    @app.get("/")
    def view() -> str:
        raise error

    @app.errorhandler(404)
    def own(refused: Any) -> Any:
        assert refused.__cause__ is error
        return {"own": refused.name}, 404

    response = app.test_client().get("/")
    assert response.status_code == status
    assert str(error) not in response.text
    is_unknown = isinstance(error, OutcomeUnknown)
    assert ("not known whether this was done" in response.text) == is_unknown
    assert (str(error) in caplog.text) == (status >= 500)
    if status == 404:
        assert response.json == {"own": "Not Found"}


def test_a_rate_limit_says_when_to_come_back(app: Flask) -> None:
    Backpack(app, handle_errors=True)

    @app.get("/")
    def view() -> str:
        error = RateLimited("too many requests")
        error.retry_after = 4.2
        raise error

    assert app.test_client().get("/").headers["Retry-After"] == "5"


def test_errors_and_aborts_stay_as_they_are_without_it(app: Flask) -> None:
    Backpack(app)

    @app.get("/")
    def view() -> str:
        raise NotFound("no such page")

    @app.get("/abort")
    def aborting() -> str:
        abort(410)

    with pytest.raises(NotFound):
        app.test_client().get("/")
    assert app.test_client().get("/abort").status_code == 410


def test_templates_convert_texts(app: Flask) -> None:
    Backpack(app)
    source = 'A *bold* "link":https://example.com <script>alert(1)</script>'
    with app.app_context():
        html, markdown, plain = render_template_string(
            "{{ t|backpack_html }}|{{ t|backpack_markdown }}|{{ t|backpack_plain }}", t=source
        ).split("|")
    assert "<strong>bold</strong>" in html
    assert "<script" not in html
    assert "**bold**" in markdown
    assert plain.startswith("A bold link")


def test_the_command_line_uses_the_account(app: Flask, box: Sandbox) -> None:
    Backpack(app)
    runner = app.test_cli_runner()
    result = runner.invoke(args=["backpack", "page", "list", "-o", "json"])
    assert result.exit_code == 0, result.output
    assert "Lisbon" in [page["title"] for page in json.loads(result.stdout)["data"]]
    result = runner.invoke(args=["backpack", "page", "show", "no such page"])
    assert result.exit_code == 2
    assert box.token not in result.output


def test_the_command_line_takes_the_name_of_an_account(
    two_accounts: tuple[Flask, Backpack],
) -> None:
    app, _ = two_accounts
    command = ["backpack", "--account", "home", "page", "list", "--ids"]
    assert app.test_cli_runner().invoke(args=command).stdout.count("\n") == 1


def test_an_object_that_is_kept_belongs_to_its_account(
    two_accounts: tuple[Flask, Backpack], box: Sandbox
) -> None:
    app, backpack = two_accounts
    kept: list[Page] = []

    @app.get("/<name>")
    def rename(name: str) -> str:
        with backpack.using(name):
            if not kept:
                kept.append(Page.all()[0])
            kept[0].update(title=f"renamed in {name}")
            return kept[0].connection.url

    app.test_client().get("/work")
    app.test_client().get("/home")
    with app.app_context():
        assert kept[0].connection is backpack["work"]
        titles = [page.title for page in Page.all(using=backpack["work"], fresh=True)]
        assert "renamed in home" in titles
        assert [page.title for page in Page.all(using=backpack["home"], fresh=True)] == ["Attic"]


def test_the_process_default_is_not_touched(app: Flask) -> None:
    Backpack(app)
    assert context.default() is None


def test_workers_that_are_forked_share_no_socket(app: Flask) -> None:
    backpack = Backpack(app)
    with app.app_context():
        assert Page.count() == 13
        connection = backpack.connection
        session = connection._transport._sender._session  # type: ignore[union-attr]
        reset: Callable[[], None] = connection._reset_after_fork
        reset()  # what os.register_at_fork calls in the child
        assert connection._transport._sender._session is not session  # type: ignore[union-attr]
        assert Page.count() == 13


def test_a_connection_of_your_own_is_current(box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token)
    app = configured(BACKPACK_URL="of no account that is used")
    backpack = Backpack(app, connection=connection)
    with app.app_context():
        assert current() is connection
        assert backpack.connection is connection
    with pytest.raises(NotConnected):
        current()
