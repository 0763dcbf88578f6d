"""Redirects: never followed blindly, and no token goes where it must not."""

from __future__ import annotations

from typing import Any

import pytest

from backpack_orm.connection import Connection
from backpack_orm.connection.redirects import Redirect, classify
from backpack_orm.errors import (
    AuthenticationError,
    BackpackError,
    NotFound,
    OutcomeUnknown,
    TransportError,
    UnexpectedRedirect,
)
from backpack_orm.wire import parse
from tests.connection.conftest import (
    CREATE,
    DROP,
    PAGES,
    PATH_READ,
    READ,
    RENAME,
    TOKEN,
    Stub,
    http,
)

HERE = "http://acme.backpackit.com/ws/page/7"
SAFE = "https://acme.backpackit.com/ws/page/7"


def send(connection: Any, row: Any, ids: Any = (), **payload: Any) -> Any:
    return connection.call(row, ids, payload, read=parse.anything)


def moved(location: str, status: int = 302) -> bytes:
    return http(status, b"<html>moved</html>", f"Location: {location}")


# --- what a redirect means --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (HERE, SAFE),
        (HERE, "https://ACME.backpackit.com/ws/page/7"),
        (HERE, "https://acme.backpackit.com:443/ws/page/7"),
        (HERE, "//acme.backpackit.com:443/ws/page/7#top"),
        ("http://acme.backpackit.com:80/x", "https://acme.backpackit.com/x"),
        ("http://127.0.0.1:8137/x", "https://127.0.0.1:8137/x"),
        ("http://acme.backpackit.com/x?n=0", "https://acme.backpackit.com/x?n=0"),
    ],
)
def test_the_same_place_under_https_is_an_upgrade(url: Any, location: Any) -> None:
    if location.startswith("//"):
        location = "https:" + location
    assert classify(url, location)[0] is Redirect.UPGRADE


@pytest.mark.parametrize(
    "location",
    [HERE, "http://acme.backpackit.com:80/ws/page/7", "http://ACME.backpackit.com/ws/page/7"],
)
def test_the_same_place_without_https_is_a_downgrade(location: Any) -> None:
    assert classify(SAFE, location)[0] is Redirect.DOWNGRADE


@pytest.mark.parametrize(
    "location",
    [
        "/login",
        "/log-in",
        "/signin?to=/ws",
        "/Sign-In",
        "/session/new",
        "https://launchpad.37signals.com/backpackit/login",
        "https://launchpad.37signals.com/",
        "https://login.example.com/x",
    ],
)
@pytest.mark.parametrize("url", [HERE, SAFE])
def test_a_login_page_is_known_by_its_name(url: Any, location: str) -> None:
    assert classify(url, location)[0] is Redirect.LOGIN


@pytest.mark.parametrize("url", [HERE, SAFE])
@pytest.mark.parametrize(
    "location",
    [
        "",
        "/ws/page/7",
        "/ws/page/8",
        "/",
        "https://evil.example/ws/page/7",
        "//evil.example/ws/page/7",
        "https://acme.backpackit.com.evil.example/ws/page/7",
        "https://evil.example@acme.backpackit.com/ws/page/7",
        "https://me:pw@acme.backpackit.com/ws/page/7",
        "https://acme.backpackit.com@evil.example/ws/page/7",
        "https://acme.backpackit.com\\@evil.example/ws/page/7",
        "https://evil.example\\@acme.backpackit.com/ws/page/7",
        "https:\\\\evil.example\\ws\\page\\7",
        "\\\\evil.example/ws/page/7",
        "https://acme.backpackit.com:8443/ws/page/7",
        "https://acme.backpackit.com/ws/page/8",
        "https://acme.backpackit.com/ws/page/7/",
        "https://acme.backpackit.com/ws/page/7?x=1",
        "https://acme.backpackit.com/",
        "https://other.backpackit.com/ws/page/7",
        "ftp://acme.backpackit.com/ws/page/7",
        "javascript:alert(1)",
        "https:///ws/page/7",
        "https://[::1/ws/page/7",
        "https://acme.backpackit.com:99999/ws/page/7",
        "https://acme.backpackit.com:x/ws/page/7",
    ],
)
def test_all_else_is_elsewhere(url: Any, location: str) -> None:
    assert classify(url, location)[0] is Redirect.ELSEWHERE


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        (HERE, SAFE, "https://acme.backpackit.com"),
        (
            "http://127.0.0.1:8137/x",
            "https://127.0.0.1:8137/x",
            "https://127.0.0.1:8137",
        ),
        ("http://[::1]:8137/x", "https://[::1]:8137/x", "https://[::1]:8137"),
        (HERE, "https://me:pw@evil.example/TOKEN", "https://evil.example"),
        (HERE, "https://[::1/", "an address that cannot be read"),
    ],
)
def test_a_target_is_shown_up_to_the_host(url: Any, location: Any, target: str) -> None:
    assert classify(url, location)[1] == target


# --- what is done about it --------------------------------------------------------------------


@pytest.fixture
def secure(stub: Stub, certificate: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stub under https, whose certificate is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    return stub.url.replace("http:", "https:")


def test_an_upgrade_sends_the_same_call_once_more_under_https(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/pages/new"), http(200, PAGES))
    send(connection, CREATE, title="Lisbon")
    first, second = stub.requests
    assert (first.is_secure, second.is_secure) == (False, True)
    assert first.raw == second.raw


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_verb_stays_whatever_the_status_of_the_redirect(
    stub: Stub, connection: Connection, secure: Any, status: int
) -> None:
    stub.responses(moved(f"{secure}/ws/pages/all", status))
    send(connection, READ)
    assert [request.verb for request in stub.requests] == ["POST", "POST"]


def test_after_an_upgrade_the_connection_stays_under_https(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/page/7/update_title"))
    send(connection, RENAME, (7,), title="a")
    send(connection, RENAME, (7,), title="b")
    assert [request.is_secure for request in stub.requests] == [False, True, True]
    assert connection.url == secure


def test_a_redirect_to_https_that_leads_to_no_server_leaves_the_address_as_it_was(
    stub: Stub, other: Stub, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call may get its response where this one was sent."""

    def refuse(*_: Any) -> None:
        raise ConnectionRefusedError

    stub.responses(moved(f"https://127.0.0.1:{stub.port}/ws/pages/all"))
    with monkeypatch.context() as patch:
        patch.setattr("urllib3.connection.HTTPSConnection.connect", refuse)
        with pytest.raises(TransportError):
            send(connection, READ)
    assert connection.url == stub.url
    send(connection, READ)
    assert [request.is_secure for request in stub.requests] == [False, False]


@pytest.mark.parametrize("response", [DROP, http(502, b""), moved("https://evil.example/")])
def test_only_a_response_from_there_makes_the_connection_stay_under_https(
    stub: Stub, connection: Connection, secure: Any, response: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/pages/all"), response)
    with pytest.raises(BackpackError):
        send(connection, READ)
    assert connection.url == stub.url
    send(connection, READ)
    assert [request.is_secure for request in stub.requests] == [False, True, False]


def test_a_refusal_from_there_is_a_response(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/page/7/update_title"), http(404, b""))
    with pytest.raises(NotFound):
        send(connection, RENAME, (7,), title="a")
    assert connection.url == secure


def test_a_retry_after_an_upgrade_goes_to_https_at_once(
    stub: Stub, patient: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/pages/all"), DROP)
    send(patient, READ)
    assert [request.is_secure for request in stub.requests] == [False, True, True]


def test_an_upgrade_does_not_change_whose_account_it_is(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    before = connection.account
    stub.responses(moved(f"{secure}/ws/pages/all"))
    send(connection, READ)
    assert connection.account == before


def test_a_path_with_a_token_is_upgraded_too(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/{TOKEN}/reminders.xml"))
    send(connection, PATH_READ)
    assert stub.requests[1].target == f"/{TOKEN}/reminders.xml"


def test_a_second_redirect_is_not_followed(stub: Stub, connection: Connection, secure: Any) -> None:
    stub.default = moved(f"{secure}/ws/pages/all")
    with pytest.raises(UnexpectedRedirect):
        send(connection, READ)
    assert len(stub.requests) == 2


def test_back_and_forth_ends_after_one_step(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/pages/all"), moved(f"{stub.url}/ws/pages/all"))
    with pytest.raises(UnexpectedRedirect, match="redirects to http, which would send the token"):
        send(connection, READ)
    assert len(stub.requests) == 2


def test_an_upgrade_whose_response_is_lost_leaves_the_outcome_unknown(
    stub: Stub, connection: Connection, secure: Any
) -> None:
    stub.responses(moved(f"{secure}/ws/pages/new"), DROP)
    with pytest.raises(OutcomeUnknown):
        send(connection, CREATE, title="a")
    assert len(stub.requests) == 2


def test_a_downgrade_is_refused(stub: Stub, secure: Any) -> None:
    stub.responses(moved(f"{stub.url}/ws/pages/all"))
    with (
        Connection(secure, token=TOKEN) as connection,
        pytest.raises(UnexpectedRedirect, match="allow_insecure=True") as caught,
    ):
        send(connection, READ)
    assert [request.is_secure for request in stub.requests] == [True]
    assert (caught.value.status, caught.value.verb, caught.value.path) == (
        302,
        "POST",
        "/ws/pages/all",
    )


def test_a_downgrade_is_followed_where_that_is_meant(stub: Stub, secure: Any) -> None:
    stub.responses(moved(f"{stub.url}/ws/pages/all"))
    with Connection(secure, token=TOKEN, allow_insecure=True) as connection:
        send(connection, READ)
        assert connection.url == stub.url
    assert [request.is_secure for request in stub.requests] == [True, False]


@pytest.mark.parametrize("row", [READ, CREATE])
def test_a_login_page_means_a_wrong_token(stub: Stub, connection: Connection, row: Any) -> None:
    stub.responses(moved(f"{stub.url}/login"))
    with pytest.raises(AuthenticationError, match="the token is wrong, or belongs to another"):
        send(connection, row, title="a") if row is CREATE else send(connection, row)
    assert len(stub.requests) == 1


def test_a_login_page_elsewhere_gets_no_request(
    stub: Stub, other: Stub, connection: Connection
) -> None:
    stub.responses(moved(f"{other.url}/session/new"))
    with pytest.raises(AuthenticationError):
        send(connection, READ)
    assert other.requests == []


@pytest.mark.parametrize(
    "template",
    [
        "{other}/ws/pages/all",
        "//127.0.0.1:{port}/ws/pages/all",
        "http://127.0.0.1:{own}@127.0.0.1:{port}/ws/pages/all",
        "http://127.0.0.1:{own}\\@127.0.0.1:{port}/ws/pages/all",
        "\\\\127.0.0.1:{port}\\ws\\pages\\all",
        "http://localhost:{own}/ws/pages/all",
        "https://localhost:{own}/ws/pages/all",
        "https://127.0.0.1:{port}/ws/pages/all",
        "https://me:pw@127.0.0.1:{own}/ws/pages/all",
        "http://127.0.0.1:{own}/ws/pages/all",
        "/ws/pages/others",
    ],
)
def test_a_redirect_elsewhere_is_an_error_and_sends_nothing(
    stub: Stub, other: Stub, connection: Connection, template: str
) -> None:
    location = template.format(other=other.url, port=other.port, own=stub.port)
    stub.responses(moved(location))
    with pytest.raises(UnexpectedRedirect, match="where the token must not be sent") as caught:
        send(connection, READ)
    assert (len(stub.requests), len(other.sockets)) == (1, 0)
    assert caught.value.status == 302


def test_a_redirect_to_nowhere_is_an_error(stub: Stub, connection: Connection) -> None:
    stub.responses(http(302, b""))
    with pytest.raises(UnexpectedRedirect):
        send(connection, READ)


def test_a_create_that_was_redirected_did_not_happen(
    stub: Stub, other: Stub, connection: Connection
) -> None:
    stub.responses(moved(f"{other.url}/ws/pages/new"))
    with pytest.raises(UnexpectedRedirect):
        send(connection, CREATE, title="a")


def test_a_redirected_read_is_not_cached(stub: Stub, connection: Connection) -> None:
    stub.responses(moved("/ws/elsewhere"))
    with pytest.raises(UnexpectedRedirect):
        send(connection, READ)
    send(connection, READ)
    assert len(stub.requests) == 2
