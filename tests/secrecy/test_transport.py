"""The canary goes through proxies, mocks, interrupts, handlers and crash reports, unheard."""

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
from types import FrameType
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
from tests.secrecy.conftest import CANARY, WIDE, Heard, Uncoloured, caught

CALLS: dict[str, Callable[[], object]] = {
    "body": Page.all,
    "path": Reminder.all,
    "header": Status.all,
    "written in a body": lambda: Page.create(title="Porto"),
    "written in a path": lambda: Reminder.create(content="+30 Leave"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
AFTER = (urllib3.connection.HTTPConnection, "getresponse")


def about(heard: Heard, error: BaseException) -> None:
    """All that an error of any library tells; not all of them can be copied."""
    heard.parts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
    for value in vars(error).values():
        heard.parts += [str(value), repr(getattr(value, "__dict__", ""))]
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    heard.parts += report.format()
    stream = io.StringIO()
    rich = Uncoloured.from_exception(
        type(error), error, error.__traceback__, width=WIDE, show_locals=True
    )
    Console(file=stream, width=WIDE).print(rich)
    heard.parts.append(stream.getvalue())


@pytest.fixture
def acme(place: str) -> Iterator[Connection]:
    """A connection to the real service, which no request reaches here."""
    options: dict[str, Any] = {place: CANARY}
    with (
        Connection("acme", limits=None, max_wait=0, ttl=0, **options) as connection,
        using(connection),
    ):
        yield connection


# --- mocks ------------------------------------------------------------------------------------


@every_call
def test_no_error_of_requests_mock_tells_it(
    call: Callable[[], object], acme: Connection, heard: Heard
) -> None:
    with requests_mock.Mocker() as mock:
        error = caught(call)
    assert isinstance(error, requests_mock.NoMockAddress)
    about(heard, error)
    heard.parts += [repr(mock.request_history), repr(mock.last_request)]


@every_call
def test_no_error_of_responses_tells_it(
    call: Callable[[], object], acme: Connection, heard: Heard
) -> None:
    with responses.RequestsMock() as mock:
        error = caught(call)
        heard.parts += [repr(list(mock.calls)), str(list(mock.calls))]
    assert type(error) is requests.ConnectionError
    about(heard, error)


@every_call
def test_no_error_of_vcr_tells_it(
    call: Callable[[], object], acme: Connection, heard: Heard, tmp_path: Path
) -> None:
    with vcr.use_cassette(str(tmp_path / "none.yaml"), record_mode="none"):
        error = caught(call)
    assert isinstance(error, vcr.errors.CannotOverwriteExistingCassetteException)
    about(heard, error)


@every_call
@pytest.mark.parametrize(
    "kind", [requests.ReadTimeout, requests.ConnectTimeout, requests.ConnectionError, KeyError]
)
def test_no_simulated_failure_tells_it(
    call: Callable[[], object], kind: type[Exception], acme: Connection, heard: Heard
) -> None:
    def fail(request: Any, context: object) -> str:
        raise kind(f"failed to send {request.url} {request.headers} {request.body}")

    with requests_mock.Mocker() as mock:
        mock.register_uri(requests_mock.ANY, requests_mock.ANY, text=fail)
        about(heard, caught(call))


# --- proxies and what is under them -----------------------------------------------------------


@pytest.mark.network
@every_call
@pytest.mark.parametrize("behave", [refuse_to_tunnel, reset, hang, speak_plainly])
def test_no_failure_of_a_tunnel_tells_it_to_anybody(
    call: Callable[[], object],
    behave: Any,
    acme: Connection,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    acme._transport._sender._timeout = (0.05, 0.05)  # type: ignore[union-attr]
    with recording(behave) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:pw@127.0.0.1:{proxy.port}")
        error = caught(call)
    assert isinstance(error, BackpackError)
    heard.about_error(error)
    heard.parts.append(repr(proxy.received))


@every_call
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://x", "http://[::1", "http://"])
def test_no_proxy_that_cannot_be_used_brings_it_out(
    call: Callable[[], object],
    proxy: str,
    acme: Connection,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    heard.about_error(caught(call))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_no_failure_of_the_libraries_tells_it(
    name: str, canary_connection: Connection, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, attribute in (*BEFORE.values(), AFTER):
        for call in (Page.all, Reminder.all):
            with monkeypatch.context() as patch:
                patch.setattr(owner, attribute, raising(CLASSES[name]))
                error = caught(lambda: call(fresh=True))  # noqa: B023 - called at once
            report = traceback.TracebackException.from_exception(error, capture_locals=True)
            heard.parts += [str(error), repr(vars(error)), *report.format()]


def test_no_deadline_tells_it(canary_box: Sandbox, place: str, heard: Heard) -> None:
    canary_box.faults.add("slow_body 10")
    options: dict[str, Any] = {place: CANARY}
    with Connection(canary_box.url, deadline=0.1, limits=None, **options) as connection:
        for call in (Page.all, Reminder.all):
            heard.about_error(caught(lambda: call(using=connection)))  # noqa: B023
    canary_box.faults.clear()


# --- interrupts -------------------------------------------------------------------------------


class Interrupting:
    """Raises KeyboardInterrupt at the n-th line of the rooms that handle the token."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(("backpack_orm.connection.", "backpack_orm.wire.")):
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        # Python itself is not interrupted between the end of such a block and the lock's release.
        if event == "line" and not line.startswith("with "):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


@pytest.mark.long
@pytest.mark.parametrize("path", [Page.all, Reminder.all], ids=["body", "path"])
def test_no_interrupt_at_any_line_brings_it_out(
    path: Any, canary_box: Sandbox, place: str, heard: Heard
) -> None:
    options: dict[str, Any] = {place: CANARY}
    connect(canary_box.url, limits=None, **options)
    path()  # imports what is imported at first use, which is not what is interrupted here
    line = 0
    while True:
        line += 1
        before = sys.gettrace()
        sys.settrace(Interrupting(line))
        try:
            path(fresh=True)
        except KeyboardInterrupt as error:
            sys.settrace(before)
            beneath = error.__traceback__.tb_next  # type: ignore[union-attr]
            report = traceback.TracebackException(type(error), error, beneath, capture_locals=True)
            heard.parts += report.format()
        else:
            sys.settrace(before)
            break
    assert line > 100


# --- crash reports and handlers ---------------------------------------------------------------


def test_a_handler_that_shows_variables_does_not_show_it(
    canary_box: Sandbox, place: str, heard: Heard
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
    options: dict[str, Any] = {place: CANARY}
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
    heard.parts.append(stream.getvalue())


def malformed(client: Any, log: bytearray) -> None:
    """Answer with headers that urllib3 logs together with the traceback."""
    log += client.recv(65536)
    client.sendall(b"HTTP/1.1 404 No\r\nno header at all\r\nContent-Length: 0\r\n\r\n")


def test_no_dump_of_the_stacks_tells_it(canary_box: Sandbox, place: str, heard: Heard) -> None:
    canary_box.faults.add("latency 1")
    options: dict[str, Any] = {place: CANARY}
    with Connection(canary_box.url, limits=None, **options) as connection:
        asking = threading.Thread(target=lambda: Reminder.all(using=connection))
        asking.start()
        while connection.stats.requests == 0:
            pass
        with tempfile.TemporaryFile("w+") as file:
            faulthandler.dump_traceback(file, all_threads=True)
            file.seek(0)
            dump = file.read()
        asking.join()
    assert "transport.py" in dump
    heard.parts.append(dump)


def test_no_object_of_the_library_shows_it(canary_connection: Connection, heard: Heard) -> None:
    for call in CALLS.values():
        call()
    things = [
        thing
        for thing in gc.get_objects()
        if type(thing).__module__.startswith("backpack_orm.")
        and not type(thing).__module__.startswith("backpack_orm.sandbox")
    ]
    names = {type(thing).__name__ for thing in things}
    assert {"Connection", "Transport", "Secret", "Sender", "Session", "Cache"} <= names
    heard.parts += [repr(thing) for thing in (*things, redaction.log_redactor)]
    session = canary_connection._transport._sender._session  # type: ignore[union-attr]
    heard.parts += [repr(vars(session)), repr(session.headers), repr(session.adapters)]


def test_a_default_connection_prints_nothing_of_it(heard: Heard, place: str) -> None:
    options: dict[str, Any] = {place: CANARY}
    heard.about(connect("acme", **options))
