"""Fixtures of all tests: a sandbox, a connection, and an account that is replayed or live.

A test that uses `account` runs three times: replayed from its cassette without a server, live
against a sandbox, and live with a bearer token and without sockets. All get the same responses, so
cassettes and sandbox cannot diverge.
"""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import vcr
from sqlalchemy import Engine, event
from vcr.serializers import yamlserializer

import backpack_orm
from backpack_orm.connection import context, parallel, rate_limits
from backpack_orm.sandbox import Sandbox
from tests import in_process, seeds

pytest_plugins = ["tests.costs", "tests.programs"]

ABOUT_SOCKETS = (
    "tests/chaos/",
    "tests/connection/",
    "tests/sandbox/hostile/",
    "tests/sandbox/test_tls.py",
    "tests/sandbox/test_faults.py",
    "tests/secrecy/",
)
"""Rooms and files of tests that send their requests through sockets, see `in_process`."""
CASSETTES = Path(__file__).parent.parent / "cassettes"
NOW = datetime(2026, 5, 14, 16, 39, 2, tzinfo=UTC)
TOKEN = "b7f0c2d94e1a8356b7f0c2d94e1a8356b7f0c2d9"
REPLAYED_URL = "http://127.0.0.1:8137"
HEAD = f"""\
# Recorded from backpack_orm.sandbox (seed demo, its clock at {NOW:%Y-%m-%d %H:%M:%S} UTC),
# never from the live service: it proves agreement with the sandbox's reading of the API.
"""
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_RECORDED_HEADERS = ("Content-Type", "Location")

# For the modules that Django would otherwise not let be inspected.
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.integrations.django_project.settings"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="record the cassettes again")
    parser.addoption(
        "--new-seeds", action="store_true", help="try other examples than in every run, and more"
    )
    parser.addoption("--offline", action="store_true", help="forbid tests to open sockets")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for this run, not for those in its tests
    in_process.install()
    if config.getoption("--new-seeds"):
        seeds.use_new()
    if config.getoption("--offline"):
        sys.addaudithook(forbid_sockets)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let Ctrl-C interrupt a test: a shell's background, or other tests, may have it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    in_process.allow(item.get_closest_marker("sockets") is None)


def forbid_sockets(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise before a socket of the internet is bound or connected, to this machine included."""
    if event in ("socket.bind", "socket.connect") and arguments[0].family in _INTERNET:
        raise RuntimeError(
            "a test that opens a socket needs the fixture or the mark `network`, see CONTRIBUTING"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the network."""
    for item in items:
        if "network" in getattr(item, "fixturenames", ()):
            item.add_marker("network")
        if item.nodeid.startswith(ABOUT_SOCKETS):
            item.add_marker("sockets")


def pytest_collection_finish() -> None:
    """Exclude all objects that exist before the first test from garbage collection."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_connection_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Reset the default connection and the rate limiter before each test."""
    monkeypatch.delenv("BACKPACK_URL", raising=False)
    monkeypatch.delenv("BACKPACK_TOKEN", raising=False)
    monkeypatch.setattr(context, "_default", None)
    monkeypatch.setattr(rate_limits, "_stores", {})
    monkeypatch.setattr(rate_limits, "_pauses", {})
    with context.restored():
        yield
        if context._default is not None:
            context._default.close()


@contextmanager
def seeded_once(path: Path, **arguments: Any) -> Iterator[Callable[..., Sandbox]]:
    """Yield a function that creates sandboxes with these arguments and others.

    The account is created once, in a file at `path`, and copied, since creating it takes longer
    than most tests.
    """
    Sandbox(**arguments, data=str(path)).close()

    def make(**more: Any) -> Sandbox:
        def copy(connection: sqlite3.Connection, record: object) -> None:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not tables:  # later connections find the tables
                seeded.backup(connection)

        event.listen(Engine, "connect", copy)
        try:
            return Sandbox(**arguments | more)
        finally:
            event.remove(Engine, "connect", copy)

    with closing(sqlite3.connect(path, check_same_thread=False)) as seeded:
        seeded.execute("PRAGMA journal_mode = DELETE")  # required for databases in memory
        yield make


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that creates sandboxes with the demo account and a fixed clock."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    with seeded_once(path, seed="demo", token=TOKEN, clock=lambda: NOW) as make:
        yield make


@pytest.fixture(scope="session")
def network() -> None:
    """Required by fixtures that open a socket; it marks the tests that use them."""


@pytest.fixture
def box(demo: Callable[..., Sandbox], network: None) -> Iterator[Sandbox]:
    """A running sandbox with the demo account."""
    with demo() as box:
        yield box


@pytest.fixture
def connection(box: Sandbox) -> backpack_orm.Connection:
    """The current connection, to the sandbox `box`."""
    return backpack_orm.connect(box.url, token=box.token)


def cassette_of(node: pytest.Item) -> Path:
    """Return the path of a test's cassette, named after its module and function."""
    function = node.originalname  # type: ignore[attr-defined]  # items here are functions
    return CASSETTES / Path(node.path).stem / f"{function}.yaml"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "account" in metafunc.fixturenames:
        modes: list[Any] = ["replayed"]
        if not metafunc.config.getoption("--record"):
            modes += [
                pytest.param("live", marks=[pytest.mark.network, pytest.mark.sockets]),
                pytest.param("bearer", marks=pytest.mark.network),
            ]
        metafunc.parametrize("account", modes, indirect=True)


@pytest.fixture
def account(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    demo: Callable[..., Sandbox],
) -> Iterator[backpack_orm.Connection]:
    """A connection to the demo account, replayed or live."""
    path = cassette_of(request.node)
    if request.param == "replayed":  # vcrpy is not thread-safe when a connection opens
        monkeypatch.setattr(parallel, "WORKERS", 1)
    options: dict[str, Any] = getattr(request.node.get_closest_marker("connected"), "kwargs", {})
    if request.param in ("live", "bearer"):
        with demo() as box:
            yield _connected(box.url, {"bearer": request.param == "bearer"} | options)
    elif request.config.getoption("--record"):
        path.unlink(missing_ok=True)
        with (
            demo() as box,
            recorder(box.url).use_cassette(str(path), record_mode="all"),
        ):
            yield _connected(box.url, options)
    else:
        with recorder(REPLAYED_URL).use_cassette(str(path), record_mode="none") as cassette:
            yield _connected(REPLAYED_URL, options)
        assert cassette.play_count, f"{path.name} was not used"
        assert cassette.all_played, f"{path.name} contains requests that the test does not make"


def _connected(url: str, options: dict[str, Any]) -> backpack_orm.Connection:
    if options.get("bearer"):
        return backpack_orm.connect(url, oauth_token=TOKEN)
    return backpack_orm.connect(url, token=TOKEN)


# --- cassettes --------------------------------------------------------------------------------


class _Serializer:
    """A YAML serializer that adds a comment with the origin of the cassette."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        text: str = yamlserializer.serialize(cassette)
        return HEAD + text

    @staticmethod
    def deserialize(text: str) -> dict[str, Any]:
        cassette: dict[str, Any] = yamlserializer.deserialize(text)
        return cassette


def recorder(url: str) -> vcr.VCR:
    """Return a recorder that stores neither the token nor the address of the sandbox."""

    host = url.removeprefix("http://")

    def clean(text: str) -> str:
        text = re.sub(r"\b[0-9a-f]{40}\b", "TOKEN", text)  # tokens of calendars too
        text = re.sub(r"\b(code|client_secret)=[^&]*", r"\1=SECRET", text)  # of OAuth
        return text.replace(host, "acme.backpack.test")

    def clean_request(request: Any) -> Any:
        request.uri = clean(request.uri)
        if request.body is not None:
            request.body = clean(request.body.decode()).encode()
        request.headers = {
            name: clean(str(value))
            for name, value in request.headers.items()
            if name in ("Content-Type", "X-BP-Token", "Authorization")
        }
        return request

    def clean_response(response: dict[str, Any]) -> dict[str, Any]:
        body = response["body"]["string"]
        response["body"]["string"] = clean(body.decode()).encode()
        response["headers"] = {
            name: [clean(value) for value in values]
            for name, values in response["headers"].items()
            if name in _RECORDED_HEADERS
        }
        return response

    made = vcr.VCR(
        before_record_request=clean_request,
        before_record_response=clean_response,
        serializer="headed",
    )
    made.register_serializer("headed", _Serializer)
    made.register_matcher("whole request", _same)
    made.match_on = ("whole request",)
    return made


def _same(one: Any, other: Any) -> None:
    """Check that two requests have the same method, URL, body and headers."""
    for name in ("method", "uri", "body", "headers"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert dict(mine) == dict(theirs) if name == "headers" else mine == theirs, json.dumps(
            [name, str(mine), str(theirs)]
        )
