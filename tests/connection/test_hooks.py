"""Hooks see every request, response, retry and cached read, and change none of them."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import attrs
import pytest

from backpack_orm import errors
from backpack_orm.connection import Connection
from backpack_orm.connection.hooks import CacheEvent, RequestEvent
from backpack_orm.orm.operations.bulk import run
from backpack_orm.wire import parse
from tests.connection.conftest import (
    CREATE,
    DROP,
    OK,
    PATH_CREATE,
    PATH_READ,
    READ,
    SHOW,
    TOKEN,
    Stub,
    http,
    internals,
)


@pytest.fixture(autouse=True)
def _success(stub: Stub) -> None:
    stub.default = http(200, OK)


def watched(connection: Any) -> Any:
    """Return the list of what the hooks of a connection are called with from now on."""
    seen: list[Any] = []
    for hook in vars(connection.hooks).values():
        hook(seen.append)
    return seen


def send(connection: Any, row: Any, **options: Any) -> Any:
    payload = {} if row.reads else {"title": "a", "content": "a"}
    return connection.call(row, (7,) * len(row.ids), payload, read=parse.success, **options)


def test_a_request_and_its_response_are_reported(stub: Stub, connection: Connection) -> None:
    seen = watched(connection)
    send(connection, CREATE)
    request, response = seen
    assert attrs.asdict(request) == {
        "url": stub.url,
        "verb": "POST",
        "path": "/ws/pages/new",
        "endpoint": "POST /ws/pages/new",
        "attempt": 1,
        "is_write": True,
    }
    assert response.request is request
    assert (response.status, response.size, response.error) == (200, len(OK), None)
    assert response.seconds > 0


def test_equal_requests_have_events_that_differ(connection: Connection) -> None:
    seen = watched(connection)
    send(connection, CREATE)
    send(connection, CREATE)
    assert len({seen[0], seen[2]}) == 2
    assert attrs.asdict(seen[0]) == attrs.asdict(seen[2])


def test_a_retry_is_reported_between_its_requests(stub: Stub, patient: Connection) -> None:
    seen = watched(patient)
    stub.responses(http(503, b"oops"), DROP)
    send(patient, SHOW, fresh=True)
    assert [type(each).__name__ for each in seen] == [
        *("RequestEvent", "ResponseEvent", "RetryEvent"),
        *("RequestEvent", "ResponseEvent", "RetryEvent"),
        *("RequestEvent", "ResponseEvent", "CacheEvent"),
    ]
    assert [each.attempt for each in seen[::3]] == [1, 2, 3]
    assert [(each.status, each.error) for each in seen[1::3]] == [
        (503, None),
        (None, "connection_failed"),
        (200, None),
    ]
    assert [(each.request, each.seconds, each.error) for each in seen[2:6:3]] == [
        (seen[0], 0.5, "server_error"),
        (seen[3], 1.0, "connection_failed"),
    ]


def test_a_pause_for_the_rate_limit_is_a_retry_that_counts_no_attempt(
    stub: Stub, patient: Connection
) -> None:
    seen = watched(patient)
    stub.responses(http(503, b"", "Retry-After: 7"))
    send(patient, CREATE)
    retry = seen[2]
    assert (retry.seconds, retry.error, seen[3].attempt) == (7.0, "rate_limited", 1)


def test_a_failure_without_a_retry_is_a_response_with_an_error(
    stub: Stub, connection: Connection
) -> None:
    seen = watched(connection)
    stub.responses(DROP)
    with pytest.raises(errors.OutcomeUnknown):
        send(connection, CREATE)
    assert [type(each).__name__ for each in seen] == ["RequestEvent", "ResponseEvent"]
    assert (seen[1].status, seen[1].size, seen[1].error) == (None, None, "connection_failed")


def test_an_interrupted_request_ends_with_the_name_of_the_interrupt(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(connection)
    monkeypatch.setattr(internals(connection)._sender, "send", lambda call: KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        send(connection, CREATE)
    assert seen[1].error == "KeyboardInterrupt"


def test_a_cached_read_is_reported_as_a_hit_and_the_first_as_a_miss(connection: Connection) -> None:
    seen: list[CacheEvent] = []
    connection.hooks.on_cache(seen.append)
    for fresh in (False, False, True):
        send(connection, SHOW, fresh=fresh)
    assert seen == [
        CacheEvent("POST", "/ws/page/7", "POST /ws/page/{id}", is_hit=is_hit)
        for is_hit in (False, True, False)
    ]


def test_hooks_are_called_in_their_order_until_they_are_removed(connection: Connection) -> None:
    seen: list[str] = []

    def first(event: Any) -> None:
        seen.append("first")

    @connection.hooks.on_request
    def second(event: Any) -> None:
        seen.append("second")

    hook = connection.hooks.on_request
    assert hook(first) is first
    send(connection, CREATE)
    hook.remove(second)
    send(connection, CREATE)
    assert seen == ["second", "first", "first"]
    assert len(hook) == 1
    with pytest.raises(ValueError, match="was not added"):
        hook.remove(second)
    with pytest.raises(TypeError, match="a hook is a function that takes an event, not 'print'"):
        hook("print")  # type: ignore[type-var]


def test_a_hook_that_raises_is_logged_and_loses_no_write(
    stub: Stub, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []
    for hook in vars(connection.hooks).values():

        def broken(event: Any) -> None:
            raise RuntimeError(f"broken by {type(event).__name__}")

        hook(broken)
        hook(lambda event: seen.append(type(event).__name__))
    with caplog.at_level(logging.ERROR, "backpack_orm"):
        send(connection, CREATE)
        send(connection, READ)
    assert [each.verb for each in stub.requests] == ["POST", "POST"]
    assert seen == [*("RequestEvent", "ResponseEvent") * 2, "CacheEvent"]
    logged = [str(record.exc_info and record.exc_info[1]) for record in caplog.records]
    assert logged == [f"broken by {name}" for name in seen]


def test_a_hook_is_not_called_for_what_it_requests(stub: Stub, connection: Connection) -> None:
    seen = []

    @connection.hooks.on_response
    def look(event: Any) -> None:
        seen.append(event.request.path)
        send(connection, READ, fresh=True)

    send(connection, CREATE)
    assert seen == ["/ws/pages/new"]
    assert len(stub.requests) == 2


def test_what_a_hook_requests_calls_the_other_hooks(connection: Connection) -> None:
    seen = watched(connection)

    @connection.hooks.on_response
    def look(event: Any) -> None:
        send(connection, READ, fresh=True)

    send(connection, CREATE)
    paths = [each.path for each in seen if isinstance(each, RequestEvent)]
    assert paths == ["/ws/pages/new", "/ws/pages/all"]


def test_a_hook_that_requests_in_other_threads_calls_itself_once(
    stub: Stub, connection: Connection
) -> None:
    seen = []

    @connection.hooks.on_response
    def look(event: Any) -> None:
        seen.append(event.request.path)
        run("reading", lambda _: send(connection, READ, fresh=True), range(3), workers=3)

    send(connection, CREATE)
    assert seen == ["/ws/pages/new"]
    assert len(stub.requests) == 4


@pytest.mark.parametrize("row", [CREATE, READ, PATH_READ, PATH_CREATE])
@pytest.mark.parametrize("answer", [http(500, TOKEN.encode()), DROP, http(200, TOKEN.encode())])
def test_no_event_contains_the_token(
    stub: Stub, connection: Connection, row: Any, answer: Any
) -> None:
    seen = watched(connection)
    stub.default = answer
    with pytest.raises(errors.BackpackError):
        send(connection, row)
    assert seen
    assert TOKEN not in repr(seen)
    assert TOKEN.encode() not in pickle.dumps(seen)


def test_a_connection_without_hooks_builds_no_events(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(connection, READ)
    send(connection, READ)
    assert connection._hooks is None


def test_an_unpickled_connection_has_the_hooks_of_the_one_that_makes_its_calls(stub: Stub) -> None:
    with Connection(stub.url, token=TOKEN) as live:
        copy = pickle.loads(pickle.dumps(live))
        assert copy.hooks is live.hooks
