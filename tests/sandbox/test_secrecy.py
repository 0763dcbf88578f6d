"""A canary used as token appears neither in error responses nor in the log."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest
import requests
from waitress.channel import ClientDisconnected

from backpack_orm.sandbox import Sandbox, calendars, users
from tests.sandbox.conftest import matched

NOW = datetime(2031, 3, 5, 18, 30, 15, tzinfo=UTC)
TOKEN = "c4na7yc4na7yc4na7yc4na7y"
BODIES = {
    "application/xml": [
        f"<request><token>{TOKEN}</token>",
        f"<request><token>{TOKEN}</token><x></request>",
        f"<{TOKEN}>",
        f"<request token='{TOKEN}' token='{TOKEN}'/>",
        f"<request>&{TOKEN};</request>",
        f"<!DOCTYPE {TOKEN} [<!ENTITY x '{TOKEN}'>]><request>&x;</request>",
        f"\0{TOKEN}",
    ],
    "application/x-yaml": [
        f"token: {TOKEN}\n bad: [",
        f"token: {TOKEN}: {TOKEN}\n- x",
        f"token: *{TOKEN}",
        f"token: !!python/{TOKEN} x",
        f"%{TOKEN} 1\n---\n",
    ],
    "application/json": [f'{{"token": "{TOKEN}", }}', f'["{TOKEN}"', f'"{TOKEN}"'],
    "application/x-www-form-urlencoded": [
        f"page[{TOKEN}=x&token={TOKEN}",
        f"page[title]={TOKEN}&page[title][x]={TOKEN}",
    ],
    f"multipart/form-data; boundary={TOKEN}": [
        f"--{TOKEN}\r\n\r\n{TOKEN}",
        "".join(
            f'--{TOKEN}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{TOKEN}\r\n'
            for name in (f"page[{TOKEN}]", f"page[{TOKEN}][x]")
        )
        + f"--{TOKEN}--",
    ],
}
PATHS = [
    "/ws/pages/new",
    "/ws/page/7/notes/create",
    "/reminders.xml",
    f"/{TOKEN}/reminders.xml",
    f"/{TOKEN}/reminders/7.xml",
    f"/{TOKEN}",
    f"/{TOKEN}/nowhere",
    f"/nowhere/{TOKEN}",
    f"/{TOKEN}/{TOKEN}/users.xml",
    f"//{TOKEN}/users.xml",
    f"/{TOKEN}.ics",
    f"/ws/page/{TOKEN}",
    f"/reminders.xml?token={TOKEN}&{TOKEN}={TOKEN}",
    f"/%63{TOKEN[1:]}/reminders.xml",
]


def spoken(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log of the sandbox, including tracebacks."""
    return [
        logging.Formatter().format(record)
        for record in caplog.records
        if not record.name.startswith("urllib3")
    ]


@pytest.fixture
def canary(caplog: pytest.LogCaptureFixture, network: None) -> Iterator[Sandbox]:
    """A sandbox; its responses and its log must not contain the token."""
    box = Sandbox(seed="empty", token=TOKEN, limits=True, clock=lambda: NOW)
    with box, caplog.at_level(logging.DEBUG):
        yield box
        assert TOKEN not in repr((box, box.log, box.faults))
    assert TOKEN not in "".join(spoken(caplog))


def fails(response: requests.Response) -> bool:
    """Whether a response is an error; its body must not contain the canary."""
    if response.ok and not response.is_redirect:
        return False
    assert TOKEN not in response.text + str(response.headers)
    return True


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("path", PATHS)
def test_an_unreadable_request_is_not_quoted(canary: Sandbox, kind: str, path: str) -> None:
    headers = {"Content-Type": kind, "X-BP-Token": TOKEN}
    url = f"{canary.url}{path}"
    assert True in {
        fails(requests.post(url, body.encode(), headers=headers, allow_redirects=False))
        for body in BODIES[kind]
    }


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", TOKEN])
@pytest.mark.parametrize(
    "path", ["/ws/pages/new", f"/{TOKEN}/reminders/7.xml", f"/{TOKEN}", f"/nowhere/{TOKEN}"]
)
def test_a_request_with_an_unknown_method_is_not_quoted(
    canary: Sandbox, verb: str, path: str
) -> None:
    headers = {"X-BP-Token": TOKEN, "Authorization": f"Bearer {TOKEN}"}
    url = f"{canary.url}{path}"
    assert fails(requests.request(verb, url, headers=headers, allow_redirects=False))


@pytest.mark.parametrize(
    "sent",
    [
        TOKEN,
        f"{TOKEN} / HTTP/1.1",
        f"{TOKEN.upper()}! / HTTP/1.1",
        f"GET {TOKEN}",
        f"GET /{TOKEN} HTTP/9",
        f"GET http://[{TOKEN}/ HTTP/1.1",
        f"GET / HTTP/1.1\r\nX-BP-Token : {TOKEN}",
        f"GET / HTTP/1.1\r\n X-BP-Token: {TOKEN}",
        f"GET / HTTP/1.1\r\nX-BP-Token: {TOKEN}\n",
        f"GET / HTTP/1.1\r\n{TOKEN}",
        f"GET / HTTP/1.1\r\nContent-Length: {TOKEN}",
        f"GET / HTTP/1.1\r\nTransfer-Encoding: {TOKEN}",
        f"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{TOKEN}",
    ],
)
def test_a_request_that_is_not_http_is_not_quoted(canary: Sandbox, sent: str) -> None:
    host, port = canary.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(sent.encode() + b"\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    assert re.match(r"HTTP/1.[01] [45]\d\d |$", heard)
    assert TOKEN not in heard.lower()


def test_a_request_above_the_limits_is_not_quoted(canary: Sandbox) -> None:
    url = f"{canary.url}/{TOKEN}/calendars.xml"
    statuses = [requests.get(url).status_code for _ in range(10)]
    assert statuses == [200] * 10
    refused = requests.get(url)
    assert fails(refused)
    assert refused.status_code == 503


def test_a_bug_shows_no_token(
    canary: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(users, "user_line")
    assert fails(requests.get(f"{canary.url}/{TOKEN}/users.xml?token={TOKEN}"))
    assert "defect in GET /[token]/users.xml" in caplog.text


def test_a_bug_shows_no_token_of_a_calendar(
    canary: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.add_calendar("Birthdays")
    calendar = requests.get(f"{canary.url}/{TOKEN}/calendars.xml").text
    token = matched(r"<token>(\w+)<", calendar)
    monkeypatch.delattr(calendars, "_icalendar")
    assert requests.get(f"{canary.url}/{token}.ics").status_code == 500
    assert "defect in GET /[token].ics" in caplog.text
    assert token not in "".join(spoken(caplog))


def test_the_request_of_a_disconnected_client_is_not_quoted(
    canary: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(request: object) -> Iterable[bytes]:
        raise ClientDisconnected  # like waitress when it cannot write

    canary.faults._add("leave", leave, {})
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{canary.url}/{TOKEN}/users.xml?token={TOKEN}")
    assert spoken(caplog) == []
