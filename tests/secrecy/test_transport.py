"""A canary used as token does not appear with proxies, mocks, interrupts or crash reports."""

from __future__ import annotations

import faulthandler
import gc
import io
import linecache
import logging
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
import requests
import requests_mock
import responses
import urllib3
import vcr
from rich.console import Console
from rich.logging import RichHandler

from backpack_orm import Connection, Page, Reminder, Status, connect, using
from backpack_orm.connection import redaction
from backpack_orm.errors import BackpackError
from backpack_orm.sandbox import Sandbox
from tests.connection.test_transport_failures import (
    BEFORE,
    CLASSES,
    hang,
    raising,
    recording,
    refuse_to_tunnel,
    reset,
    speak_plainly,
)
from tests.secrecy.conftest import CANARY, Recorder, caught, shown_by_rich

CALLS: dict[str, Callable[[], object]] = {
    "body": Page.all,
    "path": Reminder.all,
    "header": Status.all,
    "written in a body": lambda: Page.create(title="Porto"),
    "written in a path": lambda: Reminder.create(content="+30 Leave"),
}
WIDE = 2000  # so that no line break splits the token
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
AFTER = (urllib3.connection.HTTPConnection, "getresponse")


def add(recorder: Recorder, error: BaseException) -> None:
    """Record an error of another library; not all of them can be copied."""
    recorder.parts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
    for value in vars(error).values():
        recorder.parts += [str(value), repr(getattr(value, "__dict__", ""))]
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    recorder.parts += report.format()
    recorder.parts += shown_by_rich(error)


@pytest.fixture
def acme(location: str) -> Iterator[Connection]:
    """A connection to the real service; no request reaches it in these tests."""
    options: dict[str, Any] = {location: CANARY}
    with (
        Connection("acme", limits=None, max_wait=0, ttl=0, **options) as connection,
        using(connection),
    ):
        yield connection


# --- mocks ------------------------------------------------------------------------------------


@every_call
def test_no_error_of_requests_mock_contains_the_token(
    call: Callable[[], object], acme: Connection, recorder: Recorder
) -> None:
    with requests_mock.Mocker() as mock:
        error = caught(call)
    assert isinstance(error, requests_mock.NoMockAddress)
    add(recorder, error)
    recorder.parts += [repr(mock.request_history), repr(mock.last_request)]


@every_call
def test_no_error_of_responses_contains_the_token(
    call: Callable[[], object], acme: Connection, recorder: Recorder
) -> None:
    with responses.RequestsMock() as mock:
        error = caught(call)
        recorder.parts += [repr(list(mock.calls)), str(list(mock.calls))]
    assert type(error) is requests.ConnectionError
    add(recorder, error)


@every_call
def test_no_error_of_vcr_contains_the_token(
    call: Callable[[], object], acme: Connection, recorder: Recorder, tmp_path: Path
) -> None:
    with vcr.use_cassette(str(tmp_path / "none.yaml"), record_mode="none"):
        error = caught(call)
    assert isinstance(error, vcr.errors.CannotOverwriteExistingCassetteException)
    add(recorder, error)


@every_call
@pytest.mark.parametrize(
    "kind", [requests.ReadTimeout, requests.ConnectTimeout, requests.ConnectionError, KeyError]
)
def test_no_simulated_failure_reveals_the_token(
    call: Callable[[], object], kind: type[Exception], acme: Connection, recorder: Recorder
) -> None:
    def fail(request: Any, context: object) -> str:
        raise kind(f"failed to send {request.url} {request.headers} {request.body}")

    with requests_mock.Mocker() as mock:
        mock.register_uri(requests_mock.ANY, requests_mock.ANY, text=fail)
        add(recorder, caught(call))


# --- proxies and HTTP libraries ---------------------------------------------------------------


@pytest.mark.network
@every_call
@pytest.mark.parametrize("behave", [refuse_to_tunnel, reset, hang, speak_plainly])
def test_no_tunnel_failure_reveals_the_token(
    call: Callable[[], object],
    behave: Any,
    acme: Connection,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acme._transport._sender._timeout = (0.05, 0.05)  # type: ignore[union-attr]
    with recording(behave) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:pw@127.0.0.1:{proxy.port}")
        error = caught(call)
    assert isinstance(error, BackpackError)
    recorder.add_error(error)
    recorder.parts.append(repr(proxy.received))


@every_call
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://x", "http://[::1", "http://"])
def test_no_invalid_proxy_reveals_the_token(
    call: Callable[[], object],
    proxy: str,
    acme: Connection,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    recorder.add_error(caught(call))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_no_failure_of_the_http_libraries_reveals_the_token(
    name: str, canary_connection: Connection, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, attribute in (*BEFORE.values(), AFTER):
        for call in (Page.all, Reminder.all):
            with monkeypatch.context() as patch:
                patch.setattr(owner, attribute, raising(CLASSES[name]))
                error = caught(lambda: call(fresh=True))  # noqa: B023 - called at once
            report = traceback.TracebackException.from_exception(error, capture_locals=True)
            recorder.parts += [str(error), repr(vars(error)), *report.format()]


def test_no_exceeded_deadline_reveals_the_token(
    canary_box: Sandbox, location: str, recorder: Recorder
) -> None:
    canary_box.faults.add("slow_body 10")
    options: dict[str, Any] = {location: CANARY}
    with Connection(canary_box.url, deadline=0.1, limits=None, **options) as connection:
        for call in (Page.all, Reminder.all):
            recorder.add_error(caught(lambda: call(using=connection)))  # noqa: B023
    canary_box.faults.clear()


# --- interrupts -------------------------------------------------------------------------------


class Interrupting:
    """Raises KeyboardInterrupt at the n-th line of the packages that handle the token.

    A line that runs again, for another record, is not counted again.
    """

    def __init__(self, line: int) -> None:
        self.left = line
        self.seen: set[tuple[CodeType, int]] = set()

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(("backpack_orm.connection.", "backpack_orm.wire.")):
            return None
        place = (frame.f_code, frame.f_lineno)
        if event == "line" and place not in self.seen:
            self.seen.add(place)
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            # Python is not interrupted between the end of such a block and the lock's release.
            if not line.startswith("with "):
                self.left -= 1
                if self.left == 0:
                    raise KeyboardInterrupt
        return self


@pytest.mark.parametrize("path", [Page.all, Reminder.all], ids=["body", "path"])
def test_no_interrupt_at_any_line_reveals_the_token(
    path: Any, canary_box: Sandbox, location: str, recorder: Recorder
) -> None:
    options: dict[str, Any] = {location: CANARY}
    connect(canary_box.url, limits=None, **options)
    path()  # completes lazy imports, which are not to be interrupted
    line = 0
    while True:
        line += 1
        before = sys.gettrace()
        sys.settrace(Interrupting(line))
        try:
            path(fresh=True)
        except KeyboardInterrupt as error:
            sys.settrace(before)
            traceback_below = error.__traceback__.tb_next  # type: ignore[union-attr]
            report = traceback.TracebackException(
                type(error), error, traceback_below, capture_locals=True
            )
            recorder.parts += report.format()
        else:
            sys.settrace(before)
            break
    assert line > 100


# --- crash reports and handlers ---------------------------------------------------------------


def test_a_log_handler_that_shows_variables_does_not_show_the_token(
    canary_box: Sandbox, location: str, recorder: Recorder
) -> None:
    stream = io.StringIO()
    handler = RichHandler(
        level=logging.DEBUG,
        console=Console(file=stream, width=WIDE),
        rich_tracebacks=True,
        tracebacks_show_locals=True,
    )
    root = logging.getLogger()
    root.addHandler(handler)
    options: dict[str, Any] = {location: CANARY}
    try:
        with (
            recording(malformed) as server,
            Connection(f"http://127.0.0.1:{server.port}", max_wait=0, **options) as connection,
            using(connection),
        ):
            for call in CALLS.values():
                caught(call)
    finally:
        root.removeHandler(handler)
    assert "Failed to parse headers" in stream.getvalue()
    recorder.parts.append(stream.getvalue())


def malformed(client: Any, log: bytearray) -> None:
    """Respond with headers that urllib3 logs together with the traceback."""
    log += client.recv(65536)
    client.sendall(b"HTTP/1.1 404 No\r\nno header at all\r\nContent-Length: 0\r\n\r\n")


def test_no_stack_dump_contains_the_token(
    canary_box: Sandbox, location: str, recorder: Recorder
) -> None:
    canary_box.faults.add("latency 1")
    options: dict[str, Any] = {location: CANARY}
    with Connection(canary_box.url, limits=None, **options) as connection:
        reader = threading.Thread(target=lambda: Reminder.all(using=connection))
        reader.start()
        while connection.stats.requests == 0:
            pass
        with tempfile.TemporaryFile("w+") as file:
            faulthandler.dump_traceback(file, all_threads=True)
            file.seek(0)
            dump = file.read()
        reader.join()
    assert "transport.py" in dump
    recorder.parts.append(dump)


def test_no_object_of_the_library_shows_the_token(
    canary_connection: Connection, recorder: Recorder
) -> None:
    for call in CALLS.values():
        call()
    values = [
        value
        for value in gc.get_objects()
        if str(type(value).__module__).startswith("backpack_orm.")  # classes may hide it
        and not str(type(value).__module__).startswith("backpack_orm.sandbox")
    ]
    names = {type(value).__name__ for value in values}
    assert {"Connection", "Transport", "Secret", "Sender", "Session", "Cache"} <= names
    recorder.parts += [repr(value) for value in (*values, redaction.log_redactor)]
    session = canary_connection._transport._sender._session  # type: ignore[union-attr]
    recorder.parts += [repr(vars(session)), repr(session.headers), repr(session.adapters)]


def test_a_default_connection_does_not_show_the_token(recorder: Recorder, location: str) -> None:
    options: dict[str, Any] = {location: CANARY}
    recorder.add(connect("acme", **options))
