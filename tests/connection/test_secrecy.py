"""The token is sent to the service and shown nowhere else."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.connection.redaction import Secret
from backpack_orm.wire import parse, values
from backpack_orm.wire.shapes import Column, Shape
from tests.connection.conftest import (
    CREATE,
    DROP,
    HEADER_READ,
    PATH_CREATE,
    PATH_READ,
    READ,
    RENAME,
    TOKEN,
    Stub,
    Withheld,
    http,
)

read_page = parse.one(Shape("page", (Column("id", values.INTEGER),)))
ECHO = TOKEN.encode()
ROWS = [READ, CREATE, RENAME, PATH_READ, PATH_CREATE, HEADER_READ]
TEXT = {"title": "a", "content": "a"}


@pytest.fixture
def lines() -> Any:
    """All that the library, and what it is built on, log at the finest level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(name) for name in ("backpack_orm", "urllib3")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield lambda: stream.getvalue()
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.removeHandler(handler)


def said(error: BaseException) -> str:
    """All that an error says of itself, and of what led to it."""
    parts = [str(error), repr(error), repr(vars(error)), repr(pickle.dumps(error))]
    for each in (error.__cause__, error.__context__):
        if each is not None:
            parts += [str(each), repr(each)]
    return "\n".join([*parts, *traceback.format_exception(error)])


def shown(error: BaseException) -> str:
    """That, and all that our own frames under it would show of themselves."""
    parts = [said(error)]
    for each in (error, error.__cause__, error.__context__):
        if each is None:
            continue
        report = traceback.TracebackException.from_exception(each, capture_locals=True)
        ours = (frame for frame in report.stack if "/backpack_orm/" in frame.filename)
        parts += [repr(frame.locals) for frame in ours]
    return "\n".join(parts)


def call(connection: Any, row: Any) -> Any:
    ids = (7,) * len(row.ids)
    payload = {} if row.reads else TEXT
    return connection.call(row, ids, payload, read=read_page)


PLAIN = {
    "not found": http(404, b""),
    "refusal": http(500, b"oops"),
    "failure as 200": http(200, b"<response success='false'><error code='404'>No</error>"),
    "HTML": http(200, b"<html/>"),
    "no id": http(200, b"<page id='x'/>"),
    "login": http(302, b"", "Location: /login"),
    "elsewhere": http(302, b"", "Location: https://evil.example/"),
    "busy": http(503, b"", "Retry-After: 5"),
    "dropped": DROP,
    "garbage": b"garbage\r\n\r\n",
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n<page",
    "bad headers": http(404, b"", "no header at all"),
}
ECHOES = {
    "in a refusal": http(500, b"no such page: " + ECHO),
    "in a failure": http(
        200, b"<response success='false'><error code='404'>" + ECHO + b"</error></response>"
    ),
    "in the request": http(200, b"<request><token>" + ECHO + b"</token></request>"),
    "in HTML": http(200, b"<html>/" + ECHO + b"/reminders.xml</html>"),
    "as an id": http(200, b"<page id='" + ECHO + b"'/>"),
    "as an element": http(200, b"<" + ECHO + b"/>"),
    "across the end of the excerpt": http(200, b"x" * 190 + ECHO),
    "in bad XML": http(200, b"<page><" + ECHO + b"></page>"),
    "in a path": http(302, b"", f"Location: https://evil.example/{TOKEN}/?t={TOKEN}"),
    "as a host": http(302, b"", f"Location: https://{TOKEN}.example/"),
    "as a wait": http(503, b"", f"Retry-After: {TOKEN}"),
    "in garbage": b"garbage " + ECHO + b"\r\n\r\n",
    "in half a response": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n" + ECHO
    ),
    "in bad headers": http(404, b"", "no header at all", f"X: {TOKEN}"),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
@pytest.mark.parametrize("response", ECHOES.values(), ids=ECHOES.keys())
def test_no_error_and_no_log_line_repeats_the_token_that_a_response_repeats(
    stub: Stub, connection: Connection, lines: Callable[[], str], row: Any, response: Any
) -> None:
    stub.responses(response)
    with pytest.raises(errors.BackpackError) as caught:
        call(connection, row)
    assert TOKEN not in said(caught.value)
    assert TOKEN not in lines()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
@pytest.mark.parametrize("response", PLAIN.values(), ids=PLAIN.keys())
def test_no_error_no_log_line_and_no_frame_of_ours_shows_the_token(
    stub: Stub, connection: Connection, lines: Callable[[], str], row: Any, response: Any
) -> None:
    stub.responses(response)
    with pytest.raises(errors.BackpackError) as caught:
        call(connection, row)
    assert TOKEN not in shown(caught.value)
    assert TOKEN not in lines()


@pytest.mark.parametrize("row", [READ, CREATE, PATH_READ])
def test_no_timeout_shows_the_token(stub: Stub, lines: Callable[[], str], row: Any) -> None:
    withheld = Withheld(http())
    stub.responses(withheld)
    with Connection(stub.url, token=TOKEN, timeout=(5, 0.05), max_wait=0) as connection:
        with pytest.raises(errors.TransportError) as caught:
            call(connection, row)
        withheld.released.set()
    assert TOKEN not in shown(caught.value)
    assert TOKEN not in lines()


@pytest.mark.parametrize("row", [READ, CREATE, PATH_READ])
def test_no_refused_connection_shows_the_token(
    closed_port: int, lines: Callable[[], str], row: Any
) -> None:
    with (
        Connection(f"http://127.0.0.1:{closed_port}", token=TOKEN, max_wait=0) as connection,
        pytest.raises(errors.TransportError) as caught,
    ):
        call(connection, row)
    assert TOKEN not in shown(caught.value)
    assert TOKEN not in lines()


def test_no_oversized_response_shows_the_token(stub: Stub, lines: Callable[[], str]) -> None:
    stub.default = http(200, ECHO)
    with (
        Connection(stub.url, token=TOKEN, max_response_size=10) as connection,
        pytest.raises(errors.InvalidResponse) as caught,
    ):
        call(connection, PATH_READ)
    assert TOKEN not in said(caught.value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_no_log_line_of_a_success_shows_the_token(
    stub: Stub, connection: Connection, lines: Callable[[], str], row: Any
) -> None:
    stub.default = http(200, b"<page id='7'/>")
    call(connection, row)
    assert f"{row.verb} {row.path_for_people((7,) * len(row.ids))}: 200, 14 bytes" in lines()
    assert TOKEN not in lines()


def test_the_log_of_the_http_library_shows_where_the_token_was(
    stub: Stub, connection: Connection, lines: Callable[[], str]
) -> None:
    connection.call(PATH_READ, read=parse.anything)
    assert '"GET /[token]/reminders.xml HTTP/1.1" 200' in lines()


def test_malformed_headers_are_logged_without_the_token(
    stub: Stub, connection: Connection, lines: Callable[[], str]
) -> None:
    stub.default = http(200, b"<page id='7'/>", "no header at all")
    connection.call(PATH_READ, read=parse.anything)
    assert "Failed to parse headers" in lines()
    assert TOKEN not in lines()


def test_a_bearer_token_is_not_shown_either(stub: Stub, lines: Callable[[], str]) -> None:
    stub.default = http(500, b"bad: " + ECHO)
    with (
        Connection(stub.url, oauth_token=TOKEN) as connection,
        pytest.raises(errors.ServerError) as caught,
    ):
        call(connection, READ)
    assert TOKEN not in said(caught.value)
    assert TOKEN not in lines()


def test_several_tokens_are_all_redacted_in_the_log(stub: Stub, lines: Callable[[], str]) -> None:
    tokens = ["f1r57", "s3c0nd"]
    connections = [Connection(stub.url, token=token) for token in tokens]
    for connection in connections:
        connection.call(PATH_READ, read=parse.anything)
        connection.close()
    assert lines().count("/[token]/reminders.xml HTTP") == 2
    assert not any(token in lines() for token in tokens)


def test_other_lines_of_the_http_library_stay_as_they_are(lines: Callable[[], str]) -> None:
    logging.getLogger("urllib3.connectionpool").debug("%s of %d", "one", 2)
    assert lines() == "one of 2\n"


def test_texts_that_cannot_be_sent_show_no_token(stub: Stub, connection: Connection) -> None:
    with pytest.raises(errors.ValidationError, match="the request cannot be sent: ") as caught:
        connection.call(CREATE, (), {"title": "\x07"}, read=parse.anything)
    assert stub.requests == []
    assert TOKEN not in shown(caught.value)


def test_an_excerpt_shows_where_the_token_was(stub: Stub, connection: Connection) -> None:
    stub.default = http(500, b"bad: " + ECHO)
    with pytest.raises(errors.ServerError) as caught:
        call(connection, READ)
    assert caught.value.excerpt == "bad: [token]"


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda it: repr(vars(it))])
def test_no_connection_shows_its_token(stub: Stub, connection: Connection, show: Any) -> None:
    call_and_ignore = connection.call(READ, read=parse.anything)
    assert call_and_ignore is None
    for it in (connection, connection._transport, connection._cache):
        assert TOKEN not in show(it)
    assert TOKEN not in repr(connection.stats) + repr(connection.stats.by_endpoint)


def test_a_secret_shows_nothing() -> None:
    secret = Secret(TOKEN)
    assert (repr(secret), str(secret), f"{secret}") == ("[token]",) * 3
    assert secret.reveal() == TOKEN


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_secret_is_not_copied(way: Any) -> None:
    with pytest.raises(TypeError, match="never pickled or copied"):
        way(Secret(TOKEN))
