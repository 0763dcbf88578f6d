"""Requests with ambiguous framing, and unusual characters."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from backpack_orm.sandbox import Exchange, Sandbox
from tests.sandbox.conftest import Client


def exchange(url: str, request: bytes) -> tuple[bytes, bool]:
    """Send bytes; return the response, and whether the server then closed the connection."""
    with closing(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))) as client:
        client.settimeout(10)
        client.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(65536)
        length = int(received.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        while len(received.partition(b"\r\n\r\n")[2]) < length:
            received += client.recv(65536)
        client.settimeout(3)
        try:
            return received, client.recv(1) == b""
        except TimeoutError:
            return received, False


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
    ],
)
def test_a_body_with_two_lengths_is_refused_and_the_connection_closed(
    api: Client, version: bytes, headers: bytes
) -> None:
    head = b"POST /ws/pages/all HTTP/%b\r\nHost: localhost\r\n%b\r\n\r\n" % (version, headers)
    smuggled = b"0\r\n\r\nGET /me.xml HTTP/1.1\r\nHost: localhost\r\n\r\n"
    response, is_closed = exchange(api.url, head + smuggled)
    assert response.split()[1] == b"400"
    assert response.endswith(
        b'<response success="false"><error code="400">Bad Request</error></response>'
    )
    assert response.count(b"HTTP/1.") == 1
    assert is_closed


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "/a%00b-0123456789abcdef/me.xml", ""),
        ("GET", "/me.xml?token=a%00b-0123456789abcdef", ""),
        ("POST", "/me.xml", "token=a%00b-0123456789abcdef"),
        ("POST", "/me.xml", '{"token": "a\\u0000b-0123456789abcdef"}'),
    ],
)
def test_a_token_with_a_nul_is_not_valid(api: Client, verb: str, path: str, body: str) -> None:
    assert api.send(verb, path, body).status_code == 302


class TestNames:
    @pytest.mark.parametrize("name", ["A\0B", "A\nB", "\x1b[31m", "A\x85B", "\ud800", "\uffff"])
    def test_control_characters_are_refused(self, box: Sandbox, name: str) -> None:
        for add in (box.add_user, box.add_account, box.add_calendar):
            with pytest.raises(ValueError, match="must not contain control characters"):
                add(name)
        with pytest.raises(ValueError, match="must not contain control characters"):
            box.add_user("Sam", email_address=name)
        with pytest.raises(ValueError, match="must not contain control characters"):
            box.tokens.create(label=name)
        with pytest.raises(ValueError, match="must not contain control characters"):
            Sandbox(account=name)

    def test_refused_names_leave_the_account_intact(self, box: Sandbox, api: Client) -> None:
        with pytest.raises(ValueError, match="control characters"):
            box.add_user("A\0B")
        assert "<name>Owner</name>" in api.rest("GET", "/users.xml").text

    def test_all_scripts_are_accepted(self, box: Sandbox, api: Client) -> None:
        box.add_user("Yuki 由紀 👩‍🌾 שלום")
        assert api.rest("GET", "/users.xml").status_code == 200


class TestLog:
    def test_long_paths_are_truncated(self, box: Sandbox, api: Client) -> None:
        for _ in range(3):
            api.send("GET", "/" + "a/" * 20_000)
        assert [len(one.path) for one in box.log] == [300] * 3
        assert box.log[0].path.endswith("…")

    def test_a_line_break_in_a_path_does_not_break_the_line(
        self, box: Sandbox, api: Client
    ) -> None:
        api.send("GET", "/a%0d%0aWARNING%1b[31m")
        assert box.log == [Exchange("GET", r"/a\x0d\x0aWARNING\x1b[31m", 404)]

    def test_texts_that_look_like_tokens_are_not_shown(self, box: Sandbox, api: Client) -> None:
        secret = box.tokens.create()
        box.tokens.revoke(box.tokens.all()[-1].id)
        api.send("GET", f"/nowhere/{secret}.xml")
        assert box.log == [Exchange("GET", "/nowhere/[token].xml", 404)]
