"""This machine itself is never reached through a proxy, which would get to see the token."""

from __future__ import annotations

from typing import Any

import pytest

from backpack_orm.connection import Connection
from backpack_orm.connection.addresses import is_loopback
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire import parse
from tests.connection.conftest import CREATE, HEADER_READ, PATH_CREATE, PATH_READ, READ, TOKEN, Stub

ROWS = [READ, CREATE, PATH_READ, PATH_CREATE, HEADER_READ]
TEXT = {"title": "a", "content": "a"}
VARIABLES = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]


def send(connection: Any, row: Any) -> Any:
    return connection.call(row, (), {} if row.reads else TEXT, read=parse.anything)


@pytest.fixture
def proxy(other: Stub) -> Any:
    """A proxy that records all it is sent, which has to be nothing."""
    yield other
    assert not any(TOKEN.encode() in request.raw for request in other.requests)
    assert other.requests == []


@pytest.mark.parametrize("place", ["token", "oauth_token"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_no_placement_of_the_token_goes_through_a_proxy(
    stub: Stub, proxy: Stub, monkeypatch: pytest.MonkeyPatch, row: Any, place: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    options: dict[str, Any] = {place: TOKEN}
    with Connection(stub.url, max_wait=0, **options) as connection:
        send(connection, row)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("variable", VARIABLES)
def test_no_variable_of_the_environment_names_a_proxy_for_it(
    stub: Stub, proxy: Stub, monkeypatch: pytest.MonkeyPatch, variable: Any
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        send(connection, READ)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1"])
def test_no_name_of_this_machine_goes_through_a_proxy(
    stub: Stub, proxy: Stub, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    with Connection(f"http://{host}:{stub.port}", token=TOKEN, max_wait=0) as connection:
        send(connection, READ)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1"])
def test_an_unusual_spelling_of_it_does_not_either(
    stub: Stub, proxy: Stub, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    url = f"http://{host}:{stub.port}"
    with Connection(url, token=TOKEN, max_wait=0) as connection:
        send(connection, READ)
    assert len(stub.requests) == 1


def test_nor_does_https(proxy: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    with Sandbox(seed="empty", token=TOKEN, tls=True) as box:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", box.ca_bundle)
        with Connection(box.url, token=TOKEN) as connection:
            send(connection, READ)
    assert proxy.sockets == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"],
)
def test_what_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "acme.backpackit.com",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "128.0.0.1",
        "::2",
        "0.0.0.0",
    ],
)
def test_what_is_not(host: str) -> None:
    assert not is_loopback(host)
