"""HTTPS with a temporary certificate authority, on the same port as plain HTTP."""

from __future__ import annotations

import contextlib
import importlib
import logging
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import backpack_orm.sandbox
from backpack_orm.sandbox import Exchange, Sandbox
from backpack_orm.sandbox.__main__ import main
from tests.sandbox.conftest import line_of

GET_USERS = b"GET /users.xml HTTP/1.1\r\nHost: localhost\r\nX-BP-Token: t0ken-0123456789\r\n\r\n"


@pytest.fixture
def safe(network: None) -> Iterator[Sandbox]:
    """A sandbox with HTTPS."""
    with Sandbox(seed="empty", token="t0ken-0123456789", tls=True) as box:
        yield box


@pytest.fixture
def client(safe: Sandbox) -> Iterator[requests.Session]:
    """A client that trusts it."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = safe.ca_bundle
        session.headers["X-BP-Token"] = "t0ken-0123456789"
        yield session


def plain(url: str) -> str:
    return url.replace("https://", "http://")


def dial(box: Sandbox) -> socket.socket:
    """A bare connection, without TLS."""
    parts = urlsplit(box.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def dial_securely(box: Sandbox) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=box.ca_bundle)
    return context.wrap_socket(dial(box), server_hostname="localhost")


def hear(client: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection."""
    heard = b""
    while piece := client.recv(65536):
        heard += piece
    return heard


def title(size: int) -> str:
    return "<page><title>" + "x" * size + "</title></page>"


def test_its_address_is_https(safe: Sandbox) -> None:
    assert safe.url.startswith("https://127.0.0.1:")


def test_a_client_that_trusts_its_authority_is_served(
    safe: Sandbox, client: requests.Session
) -> None:
    assert client.get(f"{safe.url}/users.xml").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_certificate_is_for_all_names_of_the_machine(
    safe: Sandbox, client: requests.Session, host: str
) -> None:
    url = safe.url.replace("127.0.0.1", host)
    assert client.get(f"{url}/users.xml").status_code == 200


def test_a_client_that_does_not_trust_its_authority_sends_nothing(safe: Sandbox) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"{safe.url}/users.xml?token=t0ken-0123456789")
    assert safe.log == []


def test_each_sandbox_has_its_own_authority(safe: Sandbox) -> None:
    with (
        Sandbox(seed="empty", tls=True) as other,
        pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        requests.get(f"{safe.url}/users.xml", verify=other.ca_bundle)


def test_plain_http_is_served_at_the_same_address(safe: Sandbox, client: requests.Session) -> None:
    assert client.get(f"{plain(safe.url)}/users.xml").status_code == 200
    assert client.get(f"{safe.url}/users.xml").status_code == 200


@pytest.mark.network
def test_plain_http_is_redirected_if_https_is_required() -> None:
    with Sandbox(seed="empty", token="t0ken-0123456789", tls=True, require_ssl=True) as box:
        url = f"{plain(box.url)}/users.xml?token=t0ken-0123456789"
        response = requests.get(url, verify=box.ca_bundle)
        assert (response.status_code, response.url) == (
            200,
            f"{box.url}/users.xml?token=t0ken-0123456789",
        )
        statuses = [exchange.status for exchange in box.log]
        assert statuses == [302, 200]


def test_links_stay_under_https(safe: Sandbox, client: requests.Session) -> None:
    response = client.get(
        f"{safe.url}/wrong/users.xml", headers={"X-BP-Token": ""}, allow_redirects=False
    )
    assert response.headers["Location"] == f"{safe.url}/login"


def test_many_requests_go_over_one_connection(safe: Sandbox) -> None:
    with dial_securely(safe) as client:
        for _ in range(3):
            client.sendall(GET_USERS)
            assert client.recv(4).startswith(b"HTTP")
            while not client.recv(65536).endswith(b"</users>"):
                pass
    assert safe.requests == 3


@pytest.mark.parametrize("size", [12_000, 3_000_000])  # one record of TLS, and many
def test_large_bodies_go_both_ways(safe: Sandbox, client: requests.Session, size: int) -> None:
    response = client.post(f"{safe.url}/ws/pages/new", data=title(size), timeout=30)
    assert response.status_code == 200
    assert client.post(f"{safe.url}/ws/pages/all", timeout=30).text.count("x" * size) == 1


def test_a_request_can_arrive_byte_by_byte(safe: Sandbox) -> None:
    with dial_securely(safe) as client:
        for byte in GET_USERS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"):
            client.sendall(bytes([byte]))
        assert hear(client).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_tls_record_can_arrive_in_pieces(safe: Sandbox) -> None:
    """An incomplete TLS record does not end the connection."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=safe.ca_bundle)
    secure = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    with dial(safe) as client:

        def until_done(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for byte in outgoing.read():
                        client.sendall(bytes([byte]))
                    incoming.write(client.recv(65536))

        until_done(secure.do_handshake)
        secure.write(GET_USERS)
        assert until_done(lambda: secure.read(65536)).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_a_client_that_hesitates_does_not_block_others(
    safe: Sandbox, client: requests.Session, sent: bytes
) -> None:
    with dial(safe) as hesitant:
        hesitant.sendall(sent)
        assert client.get(f"{safe.url}/users.xml").status_code == 200


def test_a_client_that_does_not_continue_the_handshake_is_disconnected(
    safe: Sandbox, client: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    with dial(safe) as strange, contextlib.suppress(ConnectionResetError):
        strange.sendall(b"\x16 is no greeting")
        hear(strange)
    assert "waitress" not in {record.name for record in caplog.records}
    assert client.get(f"{safe.url}/users.xml").status_code == 200


def test_a_client_that_disconnects_does_not_disturb_others(
    safe: Sandbox, client: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    for sent in (b"", b"\x16\x03\x01"):
        dial(safe).close()
        with dial(safe) as leaving:
            leaving.sendall(sent)
    dial_securely(safe).close()
    assert client.get(f"{safe.url}/users.xml").status_code == 200
    assert "waitress" not in {record.name for record in caplog.records}


def test_many_threads_are_served_at_once(safe: Sandbox) -> None:
    def send(number: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = safe.ca_bundle
            for each in range(10):
                body = f"<page><title>{number}-{each}-{'x' * 50_000}</title></page>"
                url = f"{safe.url}/ws/pages/new?token=t0ken-0123456789"
                assert session.post(url, data=body).status_code == 200

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(send, range(12)))
    with requests.Session() as session:
        response = session.post(
            f"{safe.url}/ws/pages/all?token=t0ken-0123456789", verify=safe.ca_bundle
        ).text
    assert response.count("x" * 50_000) == 120


@pytest.mark.parametrize(
    "fault_type", ["drop_before_write", "drop_after_write", "truncate", "garbage"]
)
def test_faults_happen_under_https_too(
    safe: Sandbox, client: requests.Session, fault_type: str
) -> None:
    fault = safe.faults.add(f"{fault_type} times=1")
    with pytest.raises(requests.RequestException):
        client.get(f"{safe.url}/users.xml")
    assert fault.fired == 1
    with requests.Session() as session:
        url = f"{safe.url}/users.xml?token=t0ken-0123456789"
        assert session.get(url, verify=safe.ca_bundle).status_code == 200


def test_no_token_is_logged_under_https(
    safe: Sandbox, client: requests.Session, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get(f"{safe.url}/t0ken-0123456789/users.xml?token=t0ken-0123456789")
    assert safe.log == [Exchange("GET", "/[token]/users.xml", 200)]
    assert "t0ken-0123456789" not in "".join(
        record.getMessage() for record in caplog.records if "urllib3" not in record.name
    )


@pytest.mark.network
def test_it_can_be_served_on_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Sandbox(seed="empty", token="t0ken-0123456789", host="::1", tls=True) as box:
        url = f"{box.url}/users.xml?token=t0ken-0123456789"
        assert requests.get(url, verify=box.ca_bundle).status_code == 200


# --- the authority ----------------------------------------------------------------------------


def test_the_authority_exists_from_before_the_start_until_the_close() -> None:
    box = Sandbox(seed="empty", tls=True)
    path = Path(box.ca_bundle)
    assert path.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" not in path.read_text()
    box.close()
    assert not path.exists()


def test_without_tls_there_is_no_authority(box: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="tls=True"):
        assert box.ca_bundle


def test_a_sandbox_that_cannot_be_created_leaves_no_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ValueError, match="letters, digits"):
        Sandbox(seed="empty", token="a/b", tls=True)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def without_trustme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.delitem(sys.modules, "backpack_orm.sandbox.tls", raising=False)
    monkeypatch.delattr(backpack_orm.sandbox, "tls", raising=False)


HOW_TO_INSTALL = 'https requires trustme, part of an extra: pip install "backpack_orm[tls]"'


def test_without_the_extra_the_error_names_it(without_trustme: None) -> None:
    with pytest.raises(ImportError) as caught:
        Sandbox(seed="empty", tls=True)
    assert str(caught.value) == HOW_TO_INSTALL


@pytest.mark.network
def test_without_the_extra_everything_else_works(without_trustme: None) -> None:
    importlib.reload(backpack_orm.sandbox)
    with backpack_orm.sandbox.Sandbox(seed="empty") as box:
        assert box.url.startswith("http:")


def test_without_the_extra_the_command_line_names_it(
    without_trustme: None, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(["--tls", "--port", "0"]) == 2
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert capsys.readouterr().err == f"backpack sandbox: {HOW_TO_INSTALL}\n"


@pytest.mark.network
def test_the_command_line_prints_the_path_of_its_authority() -> None:
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0", "--tls"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        *_, url, _, token, word, path = line_of(program).split()
        assert word == "ca-bundle"
        assert requests.get(f"{url}/users.xml?token={token}", verify=path).status_code == 200
        program.terminate()
    assert not Path(path).exists()
