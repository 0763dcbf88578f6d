"""Requests without a valid token, which must take little work, and bodies that parse slowly."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from backpack_orm.sandbox import calls, reading
from backpack_orm.sandbox.credentials import candidates
from backpack_orm.sandbox.reading import SIZE_LIMIT, YAML_LIMIT, InvalidRequest, read_body
from tests.sandbox.conftest import Client

pytestmark = pytest.mark.network

SIZE = 4_000_000
TOKEN = "t0ken-0123456789"
XML = b"<request>" + b"x<b/>" * (SIZE // 5) + b"</request>"
YAML = b"a:\n" + b"- x\n" * (SIZE // 4)


@pytest.mark.parametrize("body", [XML, YAML, b'{"a": [' + b"1," * (SIZE // 2) + b"1]}"])
@pytest.mark.parametrize("headers", [{}, {"X_BP_Token": "nobodys-token-at-all"}])
def test_a_body_is_not_parsed_without_a_token(
    api: Client, monkeypatch: pytest.MonkeyPatch, body: bytes, headers: dict[str, Any]
) -> None:
    monkeypatch.setattr(calls, "read_body", lambda body: pytest.fail("it was parsed"))
    assert api.send("POST", "/ws/pages/all", body, **headers).status_code == 302


def test_a_form_in_parts_is_not_parsed_without_a_token(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_body_fields", lambda body: pytest.fail("it was parsed"))
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 1000
    response = api.send(
        "POST", "/ws/pages/all", part + b"--x--", Content_Type="multipart/form-data; boundary=x"
    )
    assert response.status_code == 302


@pytest.mark.parametrize(
    "body",
    [
        f"<request><token>{TOKEN}</token></request>",
        f"<request><page><title>a token here</title></page><token>\n {TOKEN}\n</token></request>",
        f'<request token="{TOKEN}"/>',
        f'<request><token type="string">{TOKEN}</token></request>',
        f"<request><token><![CDATA[{TOKEN}]]></token></request>",
        json.dumps({"request": {"token": TOKEN}}),
        json.dumps({"note": "x" * 100_000 + " token " + "y" * 100_000, "token": TOKEN}),
        f"token: {TOKEN}\n",
        f'---\n:token: "{TOKEN}"\n',
        f"token={TOKEN}&a=b",
        f'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n{TOKEN}\r\n--x--',
    ],
)
def test_a_token_is_found_in_any_format(api: Client, body: str) -> None:
    kind = "multipart/form-data; boundary=x" if body.startswith("--x\r") else "application/xml"
    assert api.send("POST", "/ws/pages/all", body, Content_Type=kind).status_code == 200


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_a_token_is_found_in_wide_encodings(encoding: str) -> None:
    body = f"<request><token>{TOKEN}</token></request>".encode(encoding)
    assert candidates(body) == [TOKEN]


@pytest.mark.parametrize(
    "piece",
    [
        b"token",
        b"token" + b"a" * 16,
        b"token " + b"a-" * 300,
        b"tokentoken\0",
        b"<token>",
        b"x" * 16 + b" ",
        b"tokena-",
    ],
)
def test_searching_for_tokens_takes_linear_time_and_finds_few(piece: bytes) -> None:
    times = []
    for size in (SIZE // 4, SIZE):
        body = piece * (size // len(piece))
        began = time.process_time()
        found = candidates(body)
        times.append(time.process_time() - began)
        assert len(found) <= 100
    assert times[1] < 2 and times[1] < 12 * max(times[0], 0.02)


@pytest.mark.parametrize("sizes", [(SIZE // 8, SIZE // 4, SIZE)])
@pytest.mark.parametrize(
    ("head", "piece", "tail"),
    [
        (b"<a>", b"x<b/>", b"</a>"),
        (b"<a>", b"<b>y</b>", b"</a>"),
        (b"<a>", b"&#120;", b"</a>"),
        (b"<a>", b"x\n", b"</a>"),
        (b"<a b='", b"&lt;", b"'/>"),
        (b"<a>", b"<![CDATA[x]]>", b"</a>"),
        (b"<a>", b"<!-- x -->", b"</a>"),
        (b'{"a": [', b'"bbbbbbbbbbbb",', b'"c"]}'),
        (b'{"a": "', b"\\n", b'"}'),
        (b"a=", b"%41", b""),
    ],
)
def test_parsing_takes_linear_time(
    monkeypatch: pytest.MonkeyPatch,
    head: bytes,
    piece: bytes,
    tail: bytes,
    sizes: tuple[int, int, int],
) -> None:
    for limit in ("VALUE_LIMIT", "COUNT_LIMIT"):  # they would hide it
        monkeypatch.setattr(reading, limit, 10**9)
    times = []
    for size in sizes:
        body = head + piece * (size // len(piece)) + tail
        began = time.process_time()
        read_body(body)
        times.append(time.process_time() - began)
    # Quadratic time would be 64 times as long for 8 times as much.
    assert times[-1] < 24 * max(times[0], 0.01)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a: " + b"x" * YAML_LIMIT, "YAML of more than"),
        (b"<a>" + b"<b/>" * 100_001 + b"</a>", "XML: too many values"),
        (b"<a " + b" ".join(b"a%d=''" % n for n in range(100_001)) + b"/>", "XML: too many values"),
        (b"<a>" * 40 + b"</a>" * 40, "XML: nested too deeply"),
        (b'{"a": [' + b"1," * 100_001 + b"1]}", "too many values"),
        (b'{"a": [' + b"[1]," * 60_000 + b"1]}", "too many values"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested too deeply"),
        (b'{"a":' * 800_000, "nested too deeply"),
        (b"<a>" + b"x" * SIZE_LIMIT + b"</a>", "the limit is"),
    ],
)
def test_the_contents_of_a_body_are_bounded(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        read_body(body)


def test_a_huge_body_is_refused_before_it_is_received(api: Client) -> None:
    """The client announces 100 MB and sends nothing."""
    response = api.send("POST", "/ws/pages/all", b"", Content_Length="100000000")
    assert response.status_code == 413
    assert response.headers["Connection"] == "close"
    assert response.text.endswith(
        '<response success="false"><error code="413">Request Entity Too Large</error></response>'
    )
