"""Libraries that stand in for the service in tests: what they say is heard, and seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
import responses
import vcr

from backpack_orm import BackpackError, Connection, OutcomeUnknown, Page, Reminder, Timeout
from backpack_orm.errors import TransportError
from tests.connection.conftest import TOKEN, Stub, internals

URL = "https://acme.backpackit.com"
ALL, NEW = f"{URL}/ws/pages/all", f"{URL}/ws/pages/new"
LIST = "<response success='true'><pages><page title='Lisbon' id='71'/></pages></response>"
PAGE = "<page title='Porto' id='72'><description/></page>"


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection to the real service, which no request must reach."""
    monkeypatch.setattr("socket.getaddrinfo", reached)
    with Connection("acme", token=TOKEN, limits=None, max_wait=0, ttl=0) as connection:
        yield connection


def reached(*_: object, **__: object) -> None:
    raise AssertionError("the real server is reached")


# --- requests-mock ----------------------------------------------------------------------------


def test_requests_mock_responds(acme: Connection) -> None:
    with requests_mock.Mocker() as mock:
        mock.post(ALL, text=LIST)
        assert [page.title for page in Page.all(using=acme)] == ["Lisbon"]
        assert [each.url for each in mock.request_history] == [ALL]
        assert TOKEN in mock.last_request.text


def test_requests_mock_can_respond_with_a_function(acme: Connection) -> None:
    def response(request: Any, context: Any) -> Any:
        context.status_code = 201
        return PAGE if "<title>Porto</title>" in request.text else LIST

    with requests_mock.Mocker() as mock:
        mock.post(NEW, text=response)
        assert Page.create(title="Porto", using=acme).id == 72


def test_an_assertion_in_a_function_that_responds_is_seen(acme: Connection) -> None:
    def response(request: Any, context: Any) -> None:
        assert "<title>Braga</title>" in request.text

    with requests_mock.Mocker() as mock:
        mock.post(NEW, text=response)
        with pytest.raises(AssertionError, match="Braga"):
            Page.create(title="Porto", using=acme)


@pytest.mark.parametrize("call", [lambda c: Page.all(using=c), lambda c: Reminder.all(using=c)])
def test_a_request_that_requests_mock_does_not_expect_is_its_own_error(
    acme: Connection, call: Any
) -> None:
    with requests_mock.Mocker(), pytest.raises(requests_mock.NoMockAddress) as caught:
        call(acme)
    assert not isinstance(caught.value, BackpackError)
    assert "No mock address" in str(caught.value)


def test_a_create_that_requests_mock_does_not_expect_has_no_unknown_outcome(
    acme: Connection,
) -> None:
    with requests_mock.Mocker(), pytest.raises(requests_mock.NoMockAddress):
        Page.create(title="Porto", using=acme)


def test_requests_mock_lets_through_what_it_is_configured_to(stub: Stub) -> None:
    with (
        requests_mock.Mocker(real_http=True),
        Connection(stub.url, token=TOKEN, limits=None) as connection,
    ):
        assert [page.title for page in Page.all(using=connection)] == ["Lisbon"]
    assert len(stub.requests) == 1


def test_a_lost_response_can_be_simulated(acme: Connection) -> None:
    with requests_mock.Mocker() as mock:
        mock.post(NEW, exc=requests.ReadTimeout)
        with pytest.raises(OutcomeUnknown, match="did not respond"):
            Page.create(title="Porto", using=acme)


def test_a_connection_that_does_not_come_about_can_be_simulated(acme: Connection) -> None:
    with requests_mock.Mocker() as mock:
        mock.post(NEW, exc=requests.ConnectTimeout)
        with pytest.raises(Timeout, match="nothing was sent"):
            Page.create(title="Porto", using=acme)


# --- responses --------------------------------------------------------------------------------


@pytest.fixture
def mock() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_responses_responds(acme: Connection, mock: Any) -> None:
    mock.post(ALL, body=LIST)
    assert [page.title for page in Page.all(using=acme)] == ["Lisbon"]
    assert TOKEN.encode() in mock.calls[0].request.body


def test_responses_matches_bodies(acme: Connection, mock: Any) -> None:
    def has_title(request: Any) -> Any:
        return b"<title>Porto</title>" in request.body, "another title"

    mock.post(NEW, body=PAGE, match=[has_title])
    assert Page.create(title="Porto", using=acme).id == 72


def test_a_request_that_responses_does_not_expect_is_its_own_error(
    acme: Connection, mock: Any
) -> None:
    with pytest.raises(requests.ConnectionError, match="Connection refused by Responses") as caught:
        Page.create(title="Porto", using=acme)
    assert not isinstance(caught.value, BackpackError)


def test_a_dropped_connection_can_be_simulated(acme: Connection, mock: Any) -> None:
    mock.post(NEW, body=requests.ConnectionError("gone"))
    with pytest.raises(OutcomeUnknown, match="dropped the connection"):
        Page.create(title="Porto", using=acme)
    mock.post(ALL, body=ConnectionResetError())
    with pytest.raises(TransportError, match="dropped the connection"):
        Page.all(using=acme)


def test_responses_sends_redirects_that_are_not_followed(acme: Connection, mock: Any) -> None:
    mock.post(ALL, status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(TransportError, match="redirects to https://evil.example"):
        Page.all(using=acme)
    assert len(mock.calls) == 1


# --- VCR.py -----------------------------------------------------------------------------------


def test_a_request_that_no_cassette_has_is_its_own_error(acme: Connection, tmp_path: Path) -> None:
    with (
        vcr.use_cassette(str(tmp_path / "none.yaml"), record_mode="none"),
        pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException, match="Can't play back"),
    ):
        Page.create(title="Porto", using=acme)


def test_a_cassette_is_recorded_and_replayed(stub: Stub, tmp_path: Path) -> None:
    path = str(tmp_path / "pages.yaml")
    for _ in range(2):
        with (
            vcr.use_cassette(path) as cassette,
            Connection(stub.url, token=TOKEN, limits=None) as connection,
        ):
            assert [page.title for page in Page.all(using=connection)] == ["Lisbon"]
    assert (len(stub.requests), cassette.play_count) == (1, 1)


# --- a session of one's own does not leak -----------------------------------------------------


def test_no_cookie_is_stored_or_sent(acme: Connection, mock: Any) -> None:
    mock.post(ALL, body=LIST, headers={"Set-Cookie": "session=secret"})
    Page.all(using=acme)
    Page.all(using=acme)
    assert "Cookie" not in mock.calls[1].request.headers
    assert len(internals(acme)._sender._session.cookies) == 0
