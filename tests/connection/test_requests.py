"""What goes over the wire, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backpack_orm
from backpack_orm.connection import Connection
from tests.connection.conftest import (
    CREATE,
    HEADER_READ,
    OK,
    PATH_CREATE,
    PATH_DESTROY,
    PATH_READ,
    READ,
    RENAME,
    SHOW,
    TOKEN,
    Stub,
    http,
)


@pytest.fixture
def bearer(stub: Stub) -> Any:
    with Connection(stub.url, oauth_token="b34r3r") as connection:
        yield connection


def send(connection: Any, row: Any, ids: Any = (), **payload: Any) -> Any:
    return connection.call(row, ids, payload, read=lambda response: response)


# --- the token --------------------------------------------------------------------------------


def test_the_very_bytes_of_a_call(stub: Stub, connection: Connection) -> None:
    send(connection, RENAME, (7,), title="Lisbon")
    body = f"<request><token>{TOKEN}</token><page><title>Lisbon</title></page></request>"
    version = backpack_orm.__version__
    assert (
        stub.requests[0].raw
        == (
            f"POST /ws/page/7/update_title HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{stub.port}\r\n"
            f"User-Agent: backpack_orm/{version} (https://backpack-orm.readthedocs.io)\r\n"
            f"Accept: application/xml\r\n"
            f"Accept-Encoding: gzip\r\n"
            f"Content-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
    )


def test_in_the_older_dialect_the_token_goes_into_the_body_only(
    stub: Stub, connection: Connection
) -> None:
    send(connection, READ)
    request = stub.requests[0]
    assert request.body == f"<request><token>{TOKEN}</token></request>".encode()
    assert request.raw.count(TOKEN.encode()) == 1


def test_a_token_in_the_path_goes_nowhere_else(stub: Stub, connection: Connection) -> None:
    send(connection, PATH_READ)
    request = stub.requests[0]
    assert (request.verb, request.target) == ("GET", f"/{TOKEN}/reminders.xml")
    assert request.raw.count(TOKEN.encode()) == 1


def test_a_token_in_a_header_goes_nowhere_else(stub: Stub, connection: Connection) -> None:
    send(connection, HEADER_READ)
    request = stub.requests[0]
    assert (request.target, request.headers["x-bp-token"]) == ("/statuses.xml", TOKEN)
    assert request.raw.count(TOKEN.encode()) == 1


@pytest.mark.parametrize(
    ("row", "target"),
    [
        (READ, "/ws/pages/all"),
        (PATH_READ, "/reminders.xml"),
        (HEADER_READ, "/statuses.xml"),
    ],
)
def test_a_bearer_token_goes_into_its_own_header_only(
    stub: Stub, bearer: bool, row: Any, target: str
) -> None:
    send(bearer, row)
    request = stub.requests[0]
    assert request.headers["authorization"] == "Bearer b34r3r"
    assert request.target == target
    assert "x-bp-token" not in request.headers
    assert b"<token>" not in request.raw
    assert request.raw.count(b"b34r3r") == 1


def test_a_bearer_token_leaves_the_body_its_values(stub: Stub, bearer: bool) -> None:
    send(bearer, CREATE, title="Lisbon")
    assert stub.requests[0].body == b"<request><page><title>Lisbon</title></page></request>"


def test_no_other_authorization_is_sent(stub: Stub, connection: Connection) -> None:
    send(connection, READ)
    assert "authorization" not in stub.requests[0].headers


def test_a_netrc_is_not_read(
    stub: Stub, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    send(connection, READ)
    assert "authorization" not in stub.requests[0].headers


# --- headers ----------------------------------------------------------------------------------


def test_a_user_agent_can_be_given(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN, user_agent="Diary (me@example.com)") as connection:
        send(connection, READ)
    assert stub.requests[0].headers["user-agent"] == "Diary (me@example.com)"


@pytest.mark.parametrize("row", [PATH_READ, HEADER_READ])
def test_what_has_no_body_has_no_content_type(stub: Stub, connection: Connection, row: Any) -> None:
    send(connection, row)
    assert "content-type" not in stub.requests[0].headers
    assert "content-length" not in stub.requests[0].headers


def test_a_delete_has_no_content_type(stub: Stub, connection: Connection) -> None:
    send(connection, PATH_DESTROY, (8,))
    request = stub.requests[0]
    assert (request.verb, request.target) == ("DELETE", f"/{TOKEN}/reminders/8.xml")
    assert "content-type" not in request.headers


def test_text_goes_as_ascii_whatever_it_is(stub: Stub, connection: Connection) -> None:
    send(connection, PATH_CREATE, content="Zürich – 😀")
    request = stub.requests[0]
    assert request.body == (
        b"<reminder><content>Z&#252;rich &#8211; &#128512;</content></reminder>"
    )
    assert request.headers["content-type"] == "application/xml"
    assert request.headers["content-length"] == str(len(request.body))


# --- how often --------------------------------------------------------------------------------


def test_several_calls_use_one_socket(stub: Stub, connection: Connection) -> None:
    no_content = b"HTTP/1.1 204 No Content\r\n\r\n"
    stub.responses(http(), http(201, b"", "Location: /reminders/81"), no_content, http(404, b"x"))
    send(connection, RENAME, (7,), title="a")
    send(connection, PATH_CREATE, content="x")
    send(connection, PATH_DESTROY, (8,))
    with pytest.raises(backpack_orm.NotFound):
        send(connection, READ)
    send(connection, RENAME, (7,), title="b")
    assert len(stub.requests) == 5
    assert len(stub.sockets) == 1


def test_a_read_is_requested_once_and_then_cached(stub: Stub, connection: Connection) -> None:
    for _ in range(3):
        send(connection, READ)
    assert len(stub.requests) == 1


def test_a_read_can_bypass_the_cache(stub: Stub, connection: Connection) -> None:
    send(connection, READ)
    connection.call(READ, read=lambda response: response, fresh=True)
    assert len(stub.requests) == 2


def test_a_write_is_never_cached(stub: Stub, connection: Connection) -> None:
    for _ in range(2):
        send(connection, RENAME, (7,), title="a")
    assert len(stub.requests) == 2


def test_other_ids_are_another_question(stub: Stub, connection: Connection) -> None:
    send(connection, SHOW, (7,))
    send(connection, SHOW, (71,))
    assert [request.target for request in stub.requests] == ["/ws/page/7", "/ws/page/71"]


def test_other_values_are_another_request(stub: Stub, connection: Connection) -> None:
    search = backpack_orm.Page._search
    for term in "a", "b", "a":
        send(connection, search, term=term)
    assert len(stub.requests) == 2


def test_a_write_makes_what_it_changes_stale_and_nothing_else(
    stub: Stub, connection: Connection
) -> None:
    send(connection, SHOW, (7,))
    send(connection, SHOW, (8,))
    send(connection, RENAME, (7,), title="a")
    send(connection, SHOW, (7,))
    send(connection, SHOW, (8,))
    assert [request.target for request in stub.requests[2:]] == [
        "/ws/page/7/update_title",
        "/ws/page/7",
    ]


def test_a_write_that_failed_makes_what_it_may_have_changed_stale(
    stub: Stub, connection: Connection
) -> None:
    send(connection, SHOW, (7,))
    stub.responses(http(500, b"oops"))
    with pytest.raises(backpack_orm.ServerError):
        send(connection, RENAME, (7,), title="a")
    send(connection, SHOW, (7,))
    assert len(stub.requests) == 3


def test_a_failed_read_is_not_cached(stub: Stub, connection: Connection) -> None:
    stub.responses(http(500, b"oops"))
    with pytest.raises(backpack_orm.ServerError):
        send(connection, READ)
    send(connection, READ)
    assert len(stub.requests) == 2


def test_two_connections_share_no_responses(stub: Stub, connection: Connection) -> None:
    send(connection, READ)
    with Connection(stub.url, token="another") as other:
        send(other, READ)
    assert len(stub.requests) == 2


def test_clear_cache_drops_all_responses(stub: Stub, connection: Connection) -> None:
    send(connection, READ)
    connection.clear_cache()
    send(connection, READ)
    assert len(stub.requests) == 2


def test_close_drops_the_cache_and_the_sockets(stub: Stub, connection: Connection) -> None:
    send(connection, READ)
    connection.close()
    send(connection, READ)
    assert len(stub.requests) == len(stub.sockets) == 2


def test_a_connection_closes_at_the_end_of_a_with_block(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN) as connection:
        send(connection, READ)
        assert len(connection._cache) == 1
    assert len(connection._cache) == 0


def test_without_a_ttl_each_read_makes_a_request(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN, ttl=0) as connection:
        send(connection, READ)
        send(connection, READ)
    assert len(stub.requests) == 2


def test_a_new_connection_sends_nothing(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN):
        pass
    assert stub.sockets == []


# --- figures ----------------------------------------------------------------------------------


def test_stats_count_requests_hits_and_each_call(stub: Stub, connection: Connection) -> None:
    for id in 7, 8, 7:
        send(connection, SHOW, (id,))
    send(connection, PATH_READ)
    stats = connection.stats
    assert (stats.requests, stats.cache_hits) == (3, 1)
    assert stats.by_endpoint == {"POST /ws/page/{id}": 2, "GET /[token]/reminders.xml": 1}


def test_stats_count_what_failed_too(stub: Stub, connection: Connection) -> None:
    stub.responses(http(500, b"oops"))
    with pytest.raises(backpack_orm.ServerError):
        send(connection, CREATE, title="a")
    assert connection.stats.requests == 1


def test_stats_are_those_of_the_moment(stub: Stub, connection: Connection) -> None:
    before = connection.stats
    send(connection, READ)
    assert (before.requests, before.by_endpoint) == (0, {})


# --- proxies ----------------------------------------------------------------------------------


@pytest.fixture
def far() -> Any:
    """A connection to a host that only a proxy can reach."""
    with Connection(
        "http://acme.test", token=TOKEN, allow_insecure=True, ttl=0, max_wait=0
    ) as connection:
        yield connection


def test_a_proxy_of_the_environment_is_used(
    stub: Stub, far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stub.url)
    send(far, READ)
    assert stub.requests[0].target == "http://acme.test/ws/pages/all"


def test_the_environment_is_read_once(
    stub: Stub, other: Stub, far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stub.url)
    send(far, READ)
    monkeypatch.setenv("http_proxy", other.url)
    send(far, READ)
    assert (len(stub.requests), len(other.requests)) == (2, 0)


def test_the_environment_is_not_read_before_the_first_call(
    stub: Stub, other: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", other.url)
    with Connection("http://acme.test", token=TOKEN, allow_insecure=True) as connection:
        monkeypatch.setenv("http_proxy", stub.url)
        send(connection, READ)
    assert (len(stub.requests), len(other.requests)) == (1, 0)


def test_no_proxy_is_used_for_hosts_that_need_none(
    stub: Stub, other: Stub, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", other.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    send(connection, READ)
    assert (len(stub.requests), len(other.requests)) == (1, 0)


def test_a_write_that_no_proxy_took_did_not_happen(
    closed_port: int, far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(
        backpack_orm.TransportError, match=r"the proxy to acme\.test cannot be reached"
    ) as it:
        send(far, CREATE, title="a")
    assert type(it.value) is backpack_orm.TransportError


# --- responses ----------------------------------------------------------------------------------


def test_what_the_reader_makes_of_the_response_is_given(stub: Stub, connection: Connection) -> None:
    stub.responses(http(201, b"<x/>", "Location: /reminders/81"))
    response = connection.call(PATH_CREATE, (), {"content": "x"}, read=lambda response: response)
    assert (response.status, response.content, response.location) == (201, b"<x/>", "/reminders/81")


def test_a_response_without_a_length_is_read_to_its_end(stub: Stub, connection: Connection) -> None:
    stub.responses(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + OK)
    response = connection.call(READ, read=lambda response: response)
    assert response.content == OK


def test_a_response_in_chunks_is_put_together(stub: Stub, connection: Connection) -> None:
    stub.responses(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"9\r\n<response\r\n2\r\n/>\r\n0\r\n\r\n"
    )
    assert connection.call(READ, read=lambda response: response.content) == b"<response/>"
