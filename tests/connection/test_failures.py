"""What can go wrong in an exchange, and which error says so."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from typing import Any

import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.errors import InvalidResponse, OutcomeUnknown, RateLimited, Timeout
from backpack_orm.wire import parse, values
from backpack_orm.wire.shapes import Column, Shape
from tests.connection.conftest import (
    CREATE,
    DROP,
    OK,
    PAGES,
    PATH_CREATE,
    PATH_DESTROY,
    PATH_READ,
    READ,
    RENAME,
    TOKEN,
    Stub,
    Withheld,
    http,
)

PAGE = Shape("page", (Column("id", values.INTEGER), Column("title", values.TEXT)))
read_pages = parse.many(PAGE, "pages")
read_page = parse.one(PAGE)


def ask(connection: Any) -> Any:
    return connection.call(READ, read=read_pages)


def create(connection: Any) -> Any:
    return connection.call(CREATE, (), {"title": "Lisbon"}, read=read_page)


def rename(connection: Any) -> Any:
    return connection.call(RENAME, (7,), {"title": "Porto"}, read=parse.success)


def failed(code: object, message: str) -> bytes:
    return f"<response success='false'><error code='{code}'>{message}</error></response>".encode()


# --- the service refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ApiError),
        (401, errors.AuthenticationError),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.ApiError),
        (422, errors.Rejected),
        (429, errors.RateLimited),
        (500, errors.ServerError),
    ],
)
@pytest.mark.parametrize("call", [ask, create, rename])
def test_a_status_is_an_error_of_its_class(
    stub: Stub, connection: Connection, status: int, kind: Any, call: Any
) -> None:
    stub.responses(http(status, b"sorry"))
    with pytest.raises(errors.ApiError) as caught:
        call(connection)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert len(stub.requests) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("call", [ask, rename])
def test_an_outage_is_an_error_of_the_service(
    stub: Stub, connection: Connection, status: int, call: Any
) -> None:
    stub.responses(http(status, b"sorry"))
    with pytest.raises(errors.ServerError) as caught:
        call(connection)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_outage_leaves_the_outcome_of_a_create_unknown(
    stub: Stub, connection: Connection, status: int
) -> None:
    """Whoever responses in the service's place does not know what the service has done."""
    stub.responses(http(status, b"sorry"))
    with pytest.raises(OutcomeUnknown, match="may have happened or not") as caught:
        create(connection)
    assert (caught.value.status, caught.value.excerpt) == (status, "sorry")


def test_a_bare_status_is_described(stub: Stub, connection: Connection) -> None:
    stub.responses(http(404, b""))
    with pytest.raises(errors.NotFound) as caught:
        ask(connection)
    assert str(caught.value) == "Not Found (404 to POST /ws/pages/all)"


def test_the_beginning_of_an_unknown_body_is_shown(stub: Stub, connection: Connection) -> None:
    stub.responses(http(500, b"<h1>oops</h1>" + b"x" * 500))
    with pytest.raises(errors.ServerError) as caught:
        ask(connection)
    assert caught.value.excerpt == "<h1>oops</h1>" + "x" * 187 + "…"


def test_a_status_that_no_standard_knows_is_an_error_too(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(http(599, b""))
    with pytest.raises(errors.ServerError, match="an unknown status"):
        ask(connection)


def test_a_refusal_has_the_message_of_the_service(stub: Stub, connection: Connection) -> None:
    stub.responses(http(404, failed(404, "Record not found")))
    with pytest.raises(errors.NotFound) as caught:
        ask(connection)
    error = caught.value
    assert (error.verb, error.path, error.status) == ("POST", "/ws/pages/all", 404)
    assert (error.message, error.excerpt) == ("Record not found", None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (422, errors.Rejected),
        (500, errors.ServerError),
    ],
)
@pytest.mark.parametrize("call", [ask, create, rename])
def test_a_failure_that_came_as_200_is_one_all_the_same(
    stub: Stub, connection: Connection, call: Any, code: int, kind: Any
) -> None:
    stub.responses(http(200, failed(code, "No")))
    with pytest.raises(kind, match="No") as caught:
        call(connection)
    assert caught.value.status == code


def test_a_malformed_failure_is_read(stub: Stub, connection: Connection) -> None:
    stub.responses(http(200, b"<response success='false'><error code='404'>Gone</item></response>"))
    with pytest.raises(errors.NotFound, match="Gone"):
        ask(connection)


def test_the_status_wins_over_the_code_in_the_body(stub: Stub, connection: Connection) -> None:
    stub.responses(http(403, failed(500, "Page limit")))
    with pytest.raises(errors.Forbidden, match="Page limit"):
        create(connection)


def test_a_path_with_a_token_is_shown_without_it(stub: Stub, connection: Connection) -> None:
    stub.responses(http(404, b""))
    with pytest.raises(errors.NotFound) as caught:
        connection.call(PATH_DESTROY, (8,), read=parse.anything)
    assert caught.value.path == "/[token]/reminders/8.xml"


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_is_none_of_that(stub: Stub, connection: Connection, status: int) -> None:
    stub.responses(http(status, b"") if status != 204 else b"HTTP/1.1 204 No Content\r\n\r\n")
    read = lambda response: response.status  # noqa: E731
    assert connection.call(PATH_DESTROY, (8,), read=read) == status


# --- too many requests ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_requests_have_the_time_to_wait(
    stub: Stub, connection: Connection, status: int
) -> None:
    stub.responses(http(status, b"", "Retry-After: 5"))
    with pytest.raises(RateLimited, match="too many requests") as caught:
        ask(connection)
    assert (caught.value.retry_after, caught.value.status) == (5.0, status)


def test_a_wait_may_be_a_date(stub: Stub, connection: Connection) -> None:
    stub.responses(http(503, b"", "Retry-After: Tue, 05 Mar 2241 18:30:15 GMT"))
    with pytest.raises(RateLimited) as caught:
        ask(connection)
    assert (caught.value.retry_after or 0) > 3600


@pytest.mark.parametrize("header", ["soon", "-1", "\xb2", "", "9" * 5000])
def test_a_wait_that_cannot_be_parsed_is_unknown(
    stub: Stub, connection: Connection, header: str
) -> None:
    stub.responses(http(503, b"", f"Retry-After: {header}"))
    with pytest.raises(RateLimited) as caught:
        ask(connection)
    assert caught.value.retry_after is None


def test_a_503_that_names_no_wait_is_an_outage(stub: Stub, connection: Connection) -> None:
    stub.responses(http(503, b""))
    with pytest.raises(errors.ServerError, match="Service Unavailable"):
        ask(connection)


def test_a_wait_with_another_status_means_nothing(stub: Stub, connection: Connection) -> None:
    stub.responses(http(500, b"", "Retry-After: 5"))
    with pytest.raises(errors.ServerError):
        ask(connection)


# --- nothing comes back -----------------------------------------------------------------------


def test_a_read_whose_response_is_lost_is_a_transport_error(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(DROP)
    with pytest.raises(errors.TransportError, match="dropped the connection") as caught:
        ask(connection)
    assert type(caught.value) is errors.TransportError
    assert (caught.value.verb, caught.value.path) == ("POST", "/ws/pages/all")


def test_a_repeatable_write_whose_response_is_lost_is_a_transport_error(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(DROP)
    with pytest.raises(errors.TransportError, match="dropped the connection") as caught:
        rename(connection)
    assert type(caught.value) is errors.TransportError


@pytest.mark.parametrize("row", [CREATE, PATH_CREATE])
def test_a_create_whose_response_is_lost_has_an_unknown_outcome(
    stub: Stub, connection: Connection, row: Any
) -> None:
    stub.responses(DROP)
    with pytest.raises(OutcomeUnknown, match="may have happened or not, and was not sent again"):
        connection.call(row, (), {"title": "a", "content": "a"}, read=parse.anything)
    assert len(stub.requests) == 1


def test_a_connection_that_was_refused_sent_nothing(closed_port: int) -> None:
    with (
        Connection(f"http://127.0.0.1:{closed_port}", token=TOKEN, max_wait=0) as connection,
        pytest.raises(errors.TransportError, match="cannot be reached") as caught,
    ):
        create(connection)
    assert type(caught.value) is errors.TransportError


def test_a_host_whose_name_is_too_long_is_a_transport_error() -> None:
    with (
        Connection("https://" + "x" * 64 + ".invalid", token=TOKEN) as connection,
        pytest.raises(errors.TransportError),
    ):
        ask(connection)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n<response",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n<resp",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
    ],
)
def test_a_response_that_breaks_off_is_a_transport_error_to_a_read(
    stub: Stub, connection: Connection, response: bytes
) -> None:
    stub.responses(response)
    with pytest.raises(errors.TransportError, match="dropped the connection"):
        ask(connection)


def test_a_response_that_cannot_be_decompressed_is_a_transport_error(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(http(200, b"plain", "Content-Encoding: gzip"))
    with pytest.raises(errors.TransportError, match="cannot be decompressed"):
        ask(connection)


def test_a_response_that_breaks_off_leaves_the_outcome_of_a_create_unknown(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n<response")
    with pytest.raises(OutcomeUnknown, match="dropped the connection"):
        create(connection)


@pytest.mark.parametrize("response", [b"garbage\r\n\r\n", b"HTTP/9 x\r\n\r\n", b"\r\n\r\n"])
def test_a_response_that_is_no_http_is_a_transport_error(
    stub: Stub, connection: Connection, response: bytes
) -> None:
    stub.responses(response + b"Connection: close")
    with pytest.raises(errors.TransportError):
        ask(connection)


def test_a_certificate_of_an_unknown_authority_sends_nothing(stub: Stub) -> None:
    with (
        Connection(stub.url.replace("http", "https"), token=TOKEN) as connection,
        pytest.raises(errors.TransportError, match="is not trusted") as caught,
    ):
        create(connection)
    assert type(caught.value) is errors.TransportError
    assert stub.requests == []


def test_after_a_failure_the_connection_can_be_used(stub: Stub, connection: Connection) -> None:
    stub.responses(DROP)
    with pytest.raises(errors.TransportError):
        ask(connection)
    assert ask(connection) == ((71, "Lisbon"),)


# --- time-outs --------------------------------------------------------------------------------


def test_a_host_that_takes_no_connection_was_sent_nothing(full_port: int) -> None:
    with (
        Connection(
            f"http://127.0.0.1:{full_port}", token=TOKEN, timeout=(0.05, 5), max_wait=0
        ) as connection,
        pytest.raises(Timeout, match=r"did not accept a connection in 0\.05 s"),
    ):
        create(connection)


@pytest.fixture
def withheld(stub: Stub) -> Any:
    """A response that does not come."""
    withheld = Withheld(http(200, PAGES))
    stub.responses(withheld)
    yield withheld
    withheld.released.set()


@pytest.fixture
def hasty(stub: Stub, withheld: Any) -> Any:
    """A connection without patience to where it does not come from."""
    with Connection(stub.url, token=TOKEN, timeout=(5, 0.05), max_wait=0) as connection:
        yield connection


def test_a_read_that_takes_too_long_is_a_timeout(hasty: Connection) -> None:
    with pytest.raises(Timeout, match=r"did not respond in 0\.05 s"):
        ask(hasty)


def test_a_timeout_is_pythons_own_too(hasty: Connection) -> None:
    with pytest.raises(TimeoutError):
        ask(hasty)


def test_a_repeatable_write_that_takes_too_long_is_a_timeout(hasty: Connection) -> None:
    with pytest.raises(Timeout):
        rename(hasty)


def test_a_create_that_takes_too_long_has_an_unknown_outcome(
    stub: Stub, hasty: Connection, withheld: Any
) -> None:
    with pytest.raises(OutcomeUnknown, match="did not respond"):
        create(hasty)
    assert withheld.asked.wait(30)
    assert len(stub.requests) == 1


def test_a_response_that_stops_in_the_middle_is_a_timeout(stub: Stub) -> None:
    stub.responses(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<response")
    with (
        Connection(stub.url, token=TOKEN, timeout=(5, 0.05), max_wait=0) as connection,
        pytest.raises(Timeout, match="did not respond"),
    ):
        ask(connection)


# --- responses that are none --------------------------------------------------------------------

NO_ANSWERS = [
    (b"", "the response is empty"),
    (b"<!DOCTYPE html><html><body>Down</body></html>", "the response is HTML"),
    (b"<response success='true'><pages><page id='1'", "no well-formed XML"),
    (b"\x00\xff\xfe", "no well-formed XML"),
    (b"<other/>", "was expected, not <other>"),
    (b"<response><pages><page/></pages><page/></response>", "cannot be read"),
]


@pytest.mark.parametrize(("content", "message"), NO_ANSWERS)
def test_to_a_read_it_is_an_invalid_response(
    stub: Stub, connection: Connection, content: Any, message: Any
) -> None:
    stub.responses(http(200, content))
    with pytest.raises(InvalidResponse, match=message) as caught:
        ask(connection)
    error = caught.value
    assert (error.verb, error.path, error.status) == ("POST", "/ws/pages/all", 200)
    assert error.excerpt == (content.decode("utf-8", "replace") or None)


@pytest.mark.parametrize(("content", "message"), NO_ANSWERS)
def test_to_a_create_it_leaves_the_outcome_unknown(
    stub: Stub, connection: Connection, content: Any, message: Any
) -> None:
    stub.responses(http(200, content))
    with pytest.raises(OutcomeUnknown, match=message) as caught:
        create(connection)
    error = caught.value
    assert (error.verb, error.path, error.status) == ("POST", "/ws/pages/new", 200)
    assert error.excerpt == (content.decode("utf-8", "replace") or None)


def test_to_a_repeatable_write_it_is_an_invalid_response(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(http(200, b"<html/>"))
    with pytest.raises(InvalidResponse, match="the response is HTML"):
        rename(connection)


def test_an_invalid_response_is_not_cached(stub: Stub, connection: Connection) -> None:
    stub.responses(http(200, b"garbage"))
    with pytest.raises(InvalidResponse):
        ask(connection)
    assert ask(connection) == ((71, "Lisbon"),)


@pytest.fixture
def reading(stub: Stub) -> Any:
    """Gives connections that read no more than so many bytes."""
    with ExitStack() as stack:

        def connect(size: Any) -> Any:
            connection = Connection(stub.url, token=TOKEN, max_wait=0, max_response_size=size)
            return stack.enter_context(connection)

        yield connect


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "64 MB", None])
def test_a_largest_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(errors.ValidationError, match="max_response_size takes a number of bytes"):
        Connection("acme", token=TOKEN, max_response_size=size)


@pytest.mark.parametrize(("call", "kind"), [(ask, InvalidResponse), (create, OutcomeUnknown)])
def test_a_response_without_an_end_is_given_up(
    stub: Stub, reading: Any, call: Any, kind: Any
) -> None:
    stub.responses(http(200, b"x" * 1001))
    with pytest.raises(kind, match="sends more than 1,000 bytes.*max_response_size=2000"):
        call(reading(1000))


def test_a_response_that_just_fits_is_read(stub: Stub, reading: Any) -> None:
    assert ask(reading(len(PAGES))) == ((71, "Lisbon"),)


def test_a_small_response_that_unpacks_without_an_end_is_given_up(stub: Stub, reading: Any) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    stub.responses(http(200, bomb, "Content-Encoding: gzip"))
    with pytest.raises(InvalidResponse, match="sends more than 1,000,000 bytes"):
        ask(reading(1_000_000))


def test_a_compressed_response_is_uncompressed(stub: Stub, connection: Connection) -> None:
    stub.responses(http(200, gzip.compress(PAGES), "Content-Encoding: gzip"))
    assert ask(connection) == ((71, "Lisbon"),)


def test_a_compressed_response_that_is_truncated_is_an_invalid_response(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(http(200, gzip.compress(PAGES * 20)[:60], "Content-Encoding: gzip"))
    with pytest.raises(InvalidResponse):
        ask(connection)


def test_a_response_of_several_megabytes_is_read_whole(stub: Stub, connection: Connection) -> None:
    page = b"<page id='1' title='" + b"x" * 1000 + b"'/>"
    stub.responses(http(200, b"<pages>" + page * 3000 + b"</pages>"))
    assert len(ask(connection)) == 3000


def test_a_response_in_the_newer_dialect_may_be_empty_where_its_status_suffices(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(b"HTTP/1.1 204 No Content\r\n\r\n", http(200, OK))
    for id in 8, 9:
        assert connection.call(PATH_DESTROY, (id,), read=parse.anything) is None


def test_an_error_of_a_reader_names_its_request(stub: Stub, connection: Connection) -> None:
    stub.responses(http(200, b"<html/>"))
    with pytest.raises(InvalidResponse) as caught:
        connection.call(PATH_READ, read=read_pages)
    assert str(caught.value) == (
        "the response is HTML (200 to GET /[token]/reminders.xml): '<html/>'"
    )
