"""https: who is trusted, and what happens on the way there and back."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme

from backpack_orm import Connection, Page, Reminder, errors, using
from backpack_orm.sandbox import Exchange, Sandbox
from tests.connection.conftest import TOKEN, serving


@pytest.fixture
def safe(network: Any) -> Any:
    """A sandbox that speaks https, and sends there who does not."""
    with Sandbox(seed="empty", token=TOKEN, tls=True, require_ssl=True) as box:
        yield box


@pytest.fixture
def trusted(safe: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says that the sandbox's authority is to be trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", safe.ca_bundle)


@pytest.fixture
def secure(safe: Sandbox, trusted: Any) -> Any:
    with using(Connection(safe.url, token=TOKEN, ttl=0)) as connection:
        yield connection


@pytest.fixture
def insecure(safe: Sandbox, trusted: Any) -> Any:
    """A connection to where nothing but the way to https is found."""
    with using(Connection(safe.url.replace("https", "http"), token=TOKEN, ttl=0)) as connection:
        yield connection


def log(box: Any) -> Any:
    return [(exchange.verb, exchange.path, exchange.status) for exchange in box.log]


def refused(url: Any) -> Any:
    """What is said when a server cannot be trusted."""
    with (
        Connection(url, token=TOKEN) as connection,
        pytest.raises(errors.TransportError, match="is not trusted") as caught,
    ):
        Page.create(title="Lisbon", using=connection)
    assert type(caught.value) is errors.TransportError
    return str(caught.value)


# --- who is trusted ---------------------------------------------------------------------------


def test_a_server_of_an_unknown_authority_is_sent_nothing(safe: Sandbox) -> None:
    assert TOKEN not in refused(safe.url)
    assert safe.log == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_named_by_the_environment_is_trusted(
    safe: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, safe.ca_bundle)
    with Connection(safe.url, token=TOKEN) as connection:
        assert list(Page.all(using=connection)) == []


def test_an_authority_vouches_for_no_other_server(safe: Sandbox, trusted: Any) -> None:
    with Sandbox(seed="empty", token=TOKEN, tls=True) as other:
        refused(other.url)
        assert other.log == []


def certified(authority: Any, *names: Any, **options: Any) -> Any:
    """What a server shows under some names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


@pytest.mark.network
@pytest.mark.parametrize(
    "options",
    [
        {"not_after": datetime(2020, 1, 1, tzinfo=UTC)},
        {"not_before": datetime(2999, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_certificate_out_of_its_time_is_not_trusted(
    authority: trustme.CA, certificate: str, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    with serving(certified(authority, "127.0.0.1", **options)) as stub:
        refused(stub.url.replace("http", "https"))
        assert stub.requests == []


@pytest.mark.network
@pytest.mark.parametrize("name", ["evil.example", "127.0.0.2"])
def test_a_certificate_for_another_name_is_not_trusted(
    authority: trustme.CA, certificate: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    with serving(certified(authority, name)) as stub:
        refused(stub.url.replace("http", "https"))
        assert stub.requests == []


@pytest.mark.network
def test_a_certificate_that_vouches_for_itself_is_not_trusted(
    certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    with serving(certified(trustme.CA(), "127.0.0.1")) as stub:
        refused(stub.url.replace("http", "https"))
        assert stub.requests == []


# --- from http to https -----------------------------------------------------------------------


def test_a_write_that_is_sent_to_https_is_done_once(safe: Sandbox, insecure: Any) -> None:
    page = Page.create(title="Lisbon & Porto ☀")
    assert [page.title for page in Page.all()] == ["Lisbon & Porto ☀"]
    page.destroy()
    assert list(Page.all()) == []
    assert insecure.url == safe.url
    assert log(safe)[:2] == [("POST", "/ws/pages/new", 302), ("POST", "/ws/pages/new", 200)]
    assert [status for _, _, status in log(safe)[2:]] == [200] * 4, (
        "all, the destroyed page, destroy, all"
    )


def test_a_call_with_its_token_in_the_path_is_sent_on_too(safe: Sandbox, insecure: Any) -> None:
    reminder = Reminder.create(content="Call Nora", remind_at=datetime(2100, 1, 1))
    path = "/[token]/reminders.xml"
    assert log(safe)[:2] == [("POST", path, 302), ("POST", path, 201)]
    assert [each.id for each in Reminder.all()] == [reminder.id]


def test_an_upgrade_to_a_server_that_is_not_trusted_sends_nothing_there(safe: Sandbox) -> None:
    message = refused(safe.url.replace("https", "http"))
    assert TOKEN not in message
    assert safe.log == [Exchange("POST", "/ws/pages/new", 302)]


# --- back, and elsewhere ----------------------------------------------------------------------


def test_back_to_http_is_refused(safe: Sandbox, secure: Any) -> None:
    safe.faults.redirect("http://{host}{path}", times=1)
    with pytest.raises(errors.UnexpectedRedirect, match="would send the token in clear") as caught:
        Page.create(title="Lisbon")
    assert TOKEN not in str(caught.value)
    assert log(safe) == [("POST", "/ws/pages/new", 302)]
    assert secure.url == safe.url


def test_back_to_http_is_followed_where_that_is_meant(
    trusted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(seed="empty", token=TOKEN, tls=True) as box:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", box.ca_bundle)
        box.faults.redirect("http://{host}{path}", times=1)
        with using(Connection(box.url, token=TOKEN, allow_insecure=True)) as connection:
            Page.create(title="Lisbon")
            assert [page.title for page in Page.all()] == ["Lisbon"]
        assert connection.url == box.url.replace("https", "http")


@pytest.mark.parametrize(
    "to",
    [
        "https://{other}{path}",
        "http://{other}{path}",
        "//{other}{path}",
        r"\\{other}{path}",
        r"https:\\{other}{path}",
        "https://{host}@{other}{path}",
        r"https://{host}\@{other}{path}",
        "https://me:pw@{host}{path}",
        "https://{host}.evil.example{path}",
        "https://{host}/ws/pages/others",
        "ftp://{host}{path}",
        "{path}",
    ],
)
def test_a_redirect_elsewhere_takes_no_token_along(safe: Sandbox, secure: Any, to: str) -> None:
    with Sandbox(seed="empty", token="t0ken-0123456789", tls=True) as other:
        host = other.url.removeprefix("https://")
        fault = safe.faults.redirect(to.replace("{other}", host))
        with pytest.raises(errors.UnexpectedRedirect, match="the token must not be sent") as caught:
            Reminder.all()
        assert TOKEN not in str(caught.value)
        assert other.log == []
    assert fault.fired == safe.requests == 1


def test_a_login_page_means_a_wrong_token_under_https_too(safe: Sandbox, trusted: Any) -> None:
    with (
        Connection(safe.url, token="wrong") as connection,
        pytest.raises(errors.AuthenticationError, match="the token is wrong"),
    ):
        Page.all(using=connection)


# --- what fails under https fails as it does under http ---------------------------------------


@pytest.mark.parametrize(
    ("fault_line", "error"),
    [
        ("drop_before_write", errors.OutcomeUnknown),
        ("drop_after_write", errors.OutcomeUnknown),
        ("truncate", errors.OutcomeUnknown),
        ("garbage", errors.OutcomeUnknown),
        ("wrong_length", errors.OutcomeUnknown),
        ("html_page", errors.OutcomeUnknown),
        ("error_body 404", errors.NotFound),
    ],
)
def test_a_fault_is_reported_as_what_it_is(
    safe: Sandbox, secure: Any, fault_line: str, error: Any
) -> None:
    fault = safe.faults.add(f"{fault_line} verb=POST times=1")
    with pytest.raises(error):
        Page.create(title="Lisbon")
    assert fault.fired == 1
