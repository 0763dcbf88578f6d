"""The tree of errors: what each is, what it says, and that it travels."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import pickle
import traceback
from typing import Any

import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError, RateLimited, for_status
from backpack_orm.wire import parse
from tests.connection.conftest import CREATE, DROP, READ, TOKEN, Stub, http

ALL = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, BackpackError)
]
WAYS = [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("kind", ALL)
def test_an_error_travels_with_all_that_it_knows(kind: Any, way: Any) -> None:
    error = kind("no", verb="POST", path="/ws/page/7", status=404, excerpt="<x>")
    error.add("title was saved")
    error.retry_after, error.retryable, error.hint = 3.0, True, "wait"
    other = way(error)
    assert type(other) is kind
    assert vars(other) == vars(error)
    assert str(other) == "no; title was saved (404 to POST /ws/page/7): '<x>'"


@pytest.mark.parametrize("kind", ALL)
def test_a_traceback_ends_with_the_address_of_its_help(kind: Any) -> None:
    error = kind("no", verb="POST", path="/ws/page/7", status=404)
    last = traceback.format_exception_only(error)[-1]
    assert last == f"Help: {HELP}#{CODES[kind.__name__]}\n"
    assert HELP not in str(error) + repr(error)


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
def test_a_copied_error_shows_its_help_once(way: Any) -> None:
    text = "".join(traceback.format_exception(way(errors.NotFound("no such page"))))
    assert text.count(HELP) == 1


def test_a_log_shows_the_help_with_the_traceback_only(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise errors.NotFound("no such page")
    except BackpackError as error:
        logging.getLogger("script").error("failed: %s", error)
        assert HELP not in caplog.text
        logging.getLogger("script").exception("failed")
    assert caplog.text.endswith(f"Help: {HELP}#not_found\n")


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_one_of_this_library(kind: Any) -> None:
    with pytest.raises(BackpackError):
        raise kind("no")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.NotFound, LookupError),
        (errors.Timeout, TimeoutError),
        (errors.Timeout, OSError),
        (errors.ValidationError, ValueError),
    ],
)
def test_an_error_is_a_builtin_one_too_where_that_is_natural(kind: Any, builtin: Any) -> None:
    with pytest.raises(builtin):
        raise kind("no")


@pytest.mark.parametrize(
    "kind",
    [
        errors.AuthenticationError,
        errors.Forbidden,
        errors.NotFound,
        errors.Rejected,
        errors.RateLimited,
        errors.ServerError,
    ],
)
def test_refusals_of_the_service_are_api_errors(kind: Any) -> None:
    assert issubclass(kind, errors.ApiError)
    assert not issubclass(kind, errors.TransportError)


@pytest.mark.parametrize("kind", [errors.Timeout, errors.OutcomeUnknown, errors.UnexpectedRedirect])
def test_exchanges_that_did_not_end_are_transport_errors(kind: Any) -> None:
    assert issubclass(kind, errors.TransportError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.ApiError),
        (401, errors.AuthenticationError),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (418, errors.ApiError),
        (422, errors.Rejected),
        (429, errors.RateLimited),
        (499, errors.ApiError),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (599, errors.ServerError),
    ],
)
def test_a_status_has_its_class(status: int, kind: Any) -> None:
    assert for_status(status) is kind


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ({}, "no"),
        ({"verb": "GET", "path": "/me.xml"}, "no (GET /me.xml)"),
        ({"verb": "GET", "path": "/me.xml", "status": 500}, "no (500 to GET /me.xml)"),
        ({"status": 500}, "no"),
        ({"excerpt": "<html>\n"}, "no: '<html>\\n'"),
    ],
)
def test_an_error_has_its_attributes(details: Any, text: str) -> None:
    assert str(BackpackError("no", **details)) == text


def test_the_repr_of_an_error_names_its_class() -> None:
    assert repr(errors.NotFound("no", verb="GET", path="/x")) == "NotFound('no (GET /x)')"


def test_an_error_has_no_other_attributes() -> None:
    error = BackpackError("no")
    assert (error.verb, error.path, error.status, error.excerpt) == (None,) * 4
    assert RateLimited("no").retry_after is None


# --- errors as data ---------------------------------------------------------------------------

HELP = "https://backpack-orm.readthedocs.io/errors.html"
CODES = {  # programs rely on them: none is ever renamed
    "ApiError": "refused",
    "AuthenticationError": "authentication_failed",
    "BackpackError": "error",
    "Destroyed": "destroyed",
    "Forbidden": "forbidden",
    "InvalidExport": "invalid_export",
    "InvalidResponse": "invalid_response",
    "MultipleFound": "multiple_found",
    "NotConnected": "not_connected",
    "NotFound": "not_found",
    "NotSaved": "not_saved",
    "OutcomeUnknown": "outcome_unknown",
    "RateLimited": "rate_limited",
    "ReadOnly": "read_only",
    "ArchiveError": "archive_unusable",
    "DamagedArchive": "archive_damaged",
    "NotInArchive": "not_in_archive",
    "Rejected": "rejected",
    "ServerError": "server_error",
    "StaleRecord": "stale",
    "Timeout": "timeout",
    "TransportError": "connection_failed",
    "UnexpectedRedirect": "unexpected_redirect",
    "ValidationError": "invalid_value",
}


def test_codes_are_stable() -> None:
    assert {kind.__name__: kind.code for kind in ALL} == CODES


def test_every_class_has_a_row_of_its_own_in_the_table() -> None:
    assert set(errors.CATALOG) == set(ALL)
    assert len({info.code for info in errors.CATALOG.values()}) == len(ALL)
    assert len({info.hint for info in errors.CATALOG.values()}) == len(ALL)


@pytest.mark.parametrize("kind", ALL)
def test_a_hint_is_a_sentence_for_one_line(kind: Any) -> None:
    assert kind.hint[0].isupper()
    assert kind.hint.endswith(".")
    assert "\n" not in kind.hint
    assert len(kind.hint) < 90


@pytest.mark.parametrize("kind", ALL)
def test_the_address_of_help_fits_into_a_line_of_a_terminal(kind: Any) -> None:
    assert len(kind("no").help_url) <= 80


def test_a_subclass_of_a_user_inherits_what_its_base_has() -> None:
    class Missing(errors.NotFound):
        pass

    assert Missing("no").to_dict() == errors.NotFound("no").to_dict()


def test_a_subclass_that_borrows_a_name_does_not_borrow_a_code() -> None:
    borrowed: Any = type("RateLimited", (errors.NotFound,), {})
    assert (borrowed.code, borrowed.retryable) == ("not_found", False)


@pytest.mark.parametrize("kind", ALL)
def test_an_error_is_plain_data_with_the_same_keys_always(kind: Any) -> None:
    error = kind("no", verb="GET", path="/[token]/me.xml", status=503, excerpt="<x>")
    error.add("title was saved")
    error.retry_after = 2.5
    data = json.loads(json.dumps(error.to_dict()))
    assert data == {
        "code": CODES[kind.__name__],
        "message": "no; title was saved",
        "hint": kind.hint,
        "help_url": f"{HELP}#{CODES[kind.__name__]}",
        "retryable": kind.retryable,
        "retry_after": 2.5,
        "may_have_happened": kind is errors.OutcomeUnknown,
        "status": 503,
        "verb": "GET",
        "path": "/[token]/me.xml",
        "excerpt": "<x>",
    }
    assert kind("no").to_dict().keys() == data.keys()


# What a script may do again is what the library itself would have done again.

RESPONSES: dict[str, bytes | str] = {
    "a gateway error": http(502),
    "a gateway timeout": http(504),
    "a limit": http(503, b"", "Retry-After: 7"),
    "a failure": http(500),
    "a refusal": http(422),
    "no such record": http(404),
    "a login page": http(302, b"", "Location: /login"),
    "HTML": http(200, b"<html>"),
    "a lost connection": DROP,
}


@pytest.mark.parametrize(
    ("response", "code", "retryable"),
    [
        ("a gateway error", "server_error", True),
        ("a gateway timeout", "server_error", True),
        ("a limit", "rate_limited", True),
        ("a failure", "server_error", False),
        ("a refusal", "rejected", False),
        ("no such record", "not_found", False),
        ("a login page", "authentication_failed", False),
        ("HTML", "invalid_response", False),
        ("a lost connection", "connection_failed", True),
    ],
)
def test_a_failed_read_shows_whether_to_try_again(
    stub: Stub, connection: Connection, response: str, code: str, retryable: bool
) -> None:
    stub.responses(RESPONSES[response])
    error = failure(connection, READ)
    assert (error.code, error.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("response", "code", "retryable"),
    [
        ("a gateway error", "outcome_unknown", False),
        ("a limit", "rate_limited", True),
        ("a refusal", "rejected", False),
        ("HTML", "outcome_unknown", False),
        ("a lost connection", "outcome_unknown", False),
    ],
)
def test_a_failed_create_is_retryable_only_if_nothing_was_done(
    stub: Stub, connection: Connection, response: str, code: str, retryable: bool
) -> None:
    stub.responses(RESPONSES[response])
    error = failure(connection, CREATE)
    assert (error.code, error.retryable) == (code, retryable)


def test_a_certificate_that_is_not_trusted_is_no_reason_to_try_again(stub: Stub) -> None:
    secure = f"https://127.0.0.1:{stub.port}"
    with Connection(secure, token=TOKEN, max_wait=0) as connection:
        error = failure(connection, READ)
    assert (error.code, error.retryable) == ("connection_failed", False)


def test_a_server_that_is_not_there_may_come_back(closed_port: int) -> None:
    with Connection(f"http://127.0.0.1:{closed_port}", token=TOKEN, max_wait=0) as connection:
        error = failure(connection, CREATE)
    assert (error.code, error.retryable) == ("connection_failed", True)


def test_a_wait_that_is_too_long_is_retryable_although_nothing_was_sent(
    stub: Stub, connection: Connection
) -> None:
    stub.responses(RESPONSES["a limit"])
    first, second = failure(connection, READ), failure(connection, READ)
    assert len(stub.requests) == 1
    assert first.retry_after == 7
    assert second.retryable
    assert 6 < second.retry_after <= 7


def failure(connection: Any, endpoint: Any) -> Any:
    with pytest.raises(BackpackError) as caught:
        connection.call(
            endpoint, (), {"title": "Porto"} if endpoint is CREATE else {}, read=parse.success
        )
    return caught.value
