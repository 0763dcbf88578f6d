"""Log records of the HTTP libraries: without the token where it would be, else untouched."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import pytest

from backpack_orm.connection import Connection
from backpack_orm.connection.redaction import Secret, log_redactor
from backpack_orm.wire import parse
from tests.connection.conftest import PATH_READ, READ, TOKEN, Stub, http

NAMES = ["urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"]


class Keeper(logging.Handler):
    """Keeps the records as handlers get them."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("urllib3", "urllib3.connectionpool"):  # whatever other tests have configured
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    monkeypatch.setattr(logging.root.manager, "disable", 0)
    keeper = Keeper()
    logger = logging.getLogger("urllib3")
    before = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.DEBUG)
    yield keeper
    logger.removeHandler(keeper)
    logger.setLevel(before)


@pytest.fixture(autouse=True)
def secret() -> Any:
    """A token in use."""
    secret = Secret(TOKEN)
    log_redactor.add(secret)
    return secret


def failing(message: str) -> None:
    raise ValueError(message)


# --- what is not ours -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_a_token_keeps_its_message_and_arguments(keeper: Any, name: Any) -> None:
    argument = object()
    logging.getLogger(name).debug("%s of %r", "one", argument)
    (record,) = keeper.records
    assert (record.msg, record.args) == ("%s of %r", ("one", argument))


def test_arguments_in_a_dictionary_stay_one(keeper: Any) -> None:
    logging.getLogger(NAMES[0]).debug("%(a)s", {"a": 1})
    assert keeper.records[0].args == {"a": 1}


def test_a_record_without_a_token_keeps_its_exception(keeper: Any) -> None:
    try:
        failing("nothing secret")
    except ValueError:
        logging.getLogger(NAMES[0]).exception("failed")
        expected = sys.exc_info()
    assert keeper.records[0].exc_info == expected


def test_a_record_whose_arguments_do_not_fit_is_left_to_its_handler(
    keeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger(NAMES[0]).debug("%d", "no number")
    assert keeper.records[0].args == ("no number",)


# --- what holds a token -----------------------------------------------------------------------


def test_a_token_in_the_message_is_redacted(keeper: Any) -> None:
    logging.getLogger(NAMES[0]).debug(f"GET /{TOKEN}/me.xml")
    assert keeper.records[0].getMessage() == "GET /[token]/me.xml"


def test_a_token_in_an_argument_is_redacted(keeper: Any) -> None:
    logging.getLogger(NAMES[0]).debug("%s %d", f"/{TOKEN}/me.xml", 200)
    (record,) = keeper.records
    assert record.getMessage() == "/[token]/me.xml 200"
    assert TOKEN not in repr(vars(record))


def test_a_token_in_an_argument_that_is_not_shown_is_redacted_too(keeper: Any) -> None:
    logging.getLogger(NAMES[0]).debug("%(shown)s", {"shown": 1, "hidden": [TOKEN]})
    assert TOKEN not in repr(vars(keeper.records[0]))


def test_a_token_in_an_exception_is_redacted_in_its_text(keeper: Any) -> None:
    try:
        failing(f"no /{TOKEN}/me.xml")
    except ValueError:
        logging.getLogger(NAMES[0]).exception("failed")
    (record,) = keeper.records
    text = logging.Formatter().format(record)
    assert record.exc_info is None
    assert "ValueError: no /[token]/me.xml" in text
    assert TOKEN not in text


def test_a_token_in_the_stack_is_redacted(keeper: Any) -> None:
    record = logging.makeLogRecord({"msg": "x", "stack_info": f"get('/{TOKEN}')"})
    log_redactor.filter(record)
    assert record.stack_info == "get('/[token]')"


@pytest.mark.parametrize("token", ["a'b\\c", 'a"b<c>d', "a^b|c", "ünïcode"])
def test_a_token_is_known_however_it_is_quoted(token: str) -> None:
    from urllib.parse import quote

    from urllib3.util.url import parse_url

    secret = Secret(token)
    log_redactor.add(secret)
    for form in (repr(token), quote(token), parse_url(f"http://h/{token}/me.xml").path, [token]):
        record = logging.makeLogRecord({"msg": "%s", "args": (form,)})
        log_redactor.filter(record)
        assert "[token]" in record.getMessage()


def test_the_frames_of_our_own_requests_are_hidden_from_handlers(keeper: Any, stub: Stub) -> None:
    """Their variables hold the request; here that is how urllib3 logs malformed headers."""
    stub.default = http(200, b"<response success='true'/>", "no header at all")
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        connection.call(READ, read=parse.anything)
    (record,) = [each for each in keeper.records if "Failed to parse headers" in each.getMessage()]
    assert record.exc_info is None
    assert "HeaderParsingError" in logging.Formatter().format(record)


def test_a_token_is_forgotten_with_its_connection(keeper: Any) -> None:
    with Connection("acme", token="f0r607t3n") as connection:
        pass
    del connection
    import gc

    gc.collect()
    logging.getLogger(NAMES[0]).debug("f0r607t3n")
    assert keeper.records[0].getMessage() == "f0r607t3n"


def test_a_path_with_a_token_is_still_logged(keeper: Any, stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
        connection.call(PATH_READ, read=parse.anything)
    messages = [each.getMessage() for each in keeper.records]
    assert any("/[token]/reminders.xml" in message for message in messages), messages


def test_a_root_handler_at_debug_prints_no_token(stub: Stub) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with Connection(stub.url, token=TOKEN, max_wait=0) as connection:
            connection.call(PATH_READ, read=parse.anything)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert "/[token]/reminders.xml" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
