"""The machinery of operations over many records: order, outcomes, interrupts and progress."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from backpack_orm import (
    AuthenticationError,
    BackpackError,
    BulkResult,
    Connection,
    NotFound,
    OutcomeUnknown,
    Page,
    ValidationError,
)
from backpack_orm.connection.counters import tallied
from backpack_orm.connection.parallel import WORKERS
from backpack_orm.connection.turns import turn, waiting
from backpack_orm.orm.operations import bulk
from backpack_orm.orm.operations.bulk import run
from backpack_orm.orm.operations.locks import exclusive
from backpack_orm.sandbox import Sandbox


def failing_at(*numbers: int, error: type[BaseException] = NotFound) -> Callable[[int], int]:
    """Return a function that doubles numbers, and raises an error for some."""

    def double(number: int) -> int:
        if number in numbers:
            raise error(f"no {number}")
        return 2 * number

    return double


# --- outcomes ---------------------------------------------------------------------------------


def test_results_are_in_the_order_of_the_records_whatever_is_ready_first() -> None:
    last = Event()

    def wait(number: int) -> int:
        if number == 3:
            last.set()
        assert last.wait(30)
        return 2 * number

    result = run("doubling", wait, [0, 1, 2, 3])
    assert result.succeeded == (0, 1, 2, 3)
    assert result.values == (0, 2, 4, 6)
    assert result.is_complete


def test_several_calls_run_at_once() -> None:
    meeting = Barrier(WORKERS, timeout=30)
    assert run("meeting", lambda _: meeting.wait(), range(WORKERS)).is_complete


def test_one_worker_makes_one_call_after_the_other_in_order() -> None:
    made: list[int] = []
    run("noting", made.append, range(50), workers=1)
    assert made == list(range(50))


def test_nothing_to_do_makes_an_empty_result() -> None:
    assert repr(run("doing", abs, [])) == "BulkResult(0 succeeded, 0 requests)"


def test_stopping_starts_no_call_after_the_first_error_and_says_what_was_done() -> None:
    with pytest.raises(NotFound, match=r"no 2; 2 done, 3 not attempted") as caught:
        run("doubling", failing_at(2), range(6), workers=1)
    result = BulkResult.of(caught.value)
    assert caught.value.result is result
    assert (result.succeeded, result.values) == ((0, 1), (0, 2))
    assert [(each.record, str(each.error)[:4]) for each in result.failed] == [(2, "no 2")]
    assert result.not_attempted == (3, 4, 5)
    assert not result.is_complete


def test_stopping_finishes_and_counts_what_is_under_way() -> None:
    has_failed = Event()

    def call(number: int) -> int:
        if number == 0:
            has_failed.set()
            raise NotFound("no 0")
        assert has_failed.wait(30)
        return number

    with pytest.raises(NotFound) as caught:
        run("calling", call, range(1000))
    result = caught.value.result
    assert [record for record, _ in result.failed] == [0]
    assert {*result.succeeded, *result.not_attempted} == {*range(1, 1000)}
    assert result.values == result.succeeded


def test_the_error_of_the_first_record_is_raised_when_several_fail() -> None:
    both = Barrier(2, timeout=30)

    def fail(number: int) -> None:
        both.wait()
        raise NotFound(f"no {number}")

    with pytest.raises(NotFound, match="no 0") as caught:
        run("failing", fail, [0, 1], workers=2)
    assert [record for record, _ in caught.value.result.failed] == [0, 1]


def test_continuing_attempts_every_record() -> None:
    result = run("doubling", failing_at(1, 3), range(6), on_error="continue")
    assert result.succeeded == (0, 2, 4, 5)
    assert [record for record, _ in result.failed] == [1, 3]
    assert repr(result) == "BulkResult(4 succeeded, 2 failed, 0 requests)"


def test_a_lost_response_is_an_unknown_outcome_and_no_failure() -> None:
    function = failing_at(1, error=OutcomeUnknown)
    result = run("doubling", function, range(3), on_error="continue")
    assert (result.failed, [record for record, _ in result.unknown]) == ((), [1])


@pytest.mark.parametrize("error", [AuthenticationError, TypeError, ZeroDivisionError])
def test_an_error_that_would_repeat_or_is_a_mistake_stops_a_continuing_operation(
    error: type[Exception],
) -> None:
    with pytest.raises(error) as caught:
        run("doubling", failing_at(1, error=error), range(9), on_error="continue", workers=1)
    assert BulkResult.of(caught.value).not_attempted == tuple(range(2, 9))


@pytest.mark.parametrize("on_error", ["ignore", None, True, ""])
def test_another_value_of_on_error_is_refused_before_any_call(on_error: object) -> None:
    made: list[int] = []
    with pytest.raises(ValidationError, match='on_error takes "stop" or "continue"'):
        run("doing", made.append, [1], on_error=on_error)  # type: ignore[arg-type]
    assert made == []


def test_an_error_without_a_result_says_so() -> None:
    with pytest.raises(ValueError, match="KeyError carries no result"):
        BulkResult.of(KeyError("x"))
    assert BackpackError("x").result is None


# --- interrupts -------------------------------------------------------------------------------


def test_ctrl_c_finishes_what_is_under_way_and_starts_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_waiting, is_stopping = Event(), Event()
    records = range(100)

    class WatchedPool(ThreadPoolExecutor):
        """A pool that reports when it has all calls, and when it ends."""

        submitted = 0

        def submit(self, *arguments: Any, **options: Any) -> Any:
            future = super().submit(*arguments, **options)
            self.submitted += 1
            if self.submitted == len(records):
                is_waiting.set()
            return future

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            is_stopping.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    def press(number: int) -> int:
        assert is_waiting.wait(30)
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)  # to the process, as Ctrl-C is, not to this thread
            assert is_stopping.wait(30)
        return number

    monkeypatch.setattr(bulk, "ThreadPoolExecutor", WatchedPool)
    with pytest.raises(KeyboardInterrupt) as caught:
        run("pressing", press, records, workers=1)
    result = BulkResult.of(caught.value)
    assert result.succeeded == (0, 1, 2)
    assert result.not_attempted == tuple(range(3, 100))
    assert caught.value.__notes__ == ["3 done, 97 not attempted"]


def test_a_second_ctrl_c_does_not_wait_and_leaves_the_outcome_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    have_started, may_end = Barrier(2, timeout=30), Event()

    class InterruptedPool(ThreadPoolExecutor):
        """A pool on which the user does not wait."""

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            raise KeyboardInterrupt

    def call(number: int) -> None:
        have_started.wait()
        assert number == 0 or may_end.wait(30)

    def report(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk, "ThreadPoolExecutor", InterruptedPool)
    with pytest.raises(KeyboardInterrupt) as caught:
        run("calling", call, [0, 1], workers=2, progress=report)
    result = BulkResult.of(caught.value)
    may_end.set()
    assert result.succeeded == (0,)
    assert [(each.record, type(each.error)) for each in result.unknown] == [(1, KeyboardInterrupt)]


def test_an_error_of_the_progress_function_stops_too() -> None:
    def report(what: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run("doubling", failing_at(), range(2000), workers=1, progress=report)
    assert BulkResult.of(caught.value).succeeded[:3] == (0, 1, 2)


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    with pytest.raises(NotFound):
        run("doubling", failing_at(5), range(100))
    assert set(threading.enumerate()) == before


# --- turns ------------------------------------------------------------------------------------


def test_calls_that_share_objects_take_turns_but_wait_together() -> None:
    requests, inside = Barrier(4, timeout=30), []

    def call(number: int) -> None:
        inside.append(number)
        assert len(inside) == 1
        inside.clear()
        with waiting():
            requests.wait()
        inside.append(number)
        assert len(inside) == 1
        inside.clear()

    assert run("calling", call, range(4), shared=lambda _: "one page").is_complete


def test_a_thread_that_waits_for_a_lock_lets_the_one_run_that_holds_it() -> None:
    def call(number: int) -> None:
        with exclusive("tags"), waiting():
            pass

    assert run("calling", call, range(100), shared=lambda _: "one page").is_complete


def test_a_turn_ends_with_an_error() -> None:
    lock = threading.Lock()
    with pytest.raises(KeyError), turn(lock), waiting():
        raise KeyError("x")
    assert not lock.locked()


# --- requests and progress --------------------------------------------------------------------


def test_the_requests_of_the_operation_are_counted_and_no_others(
    connection: Connection, box: Sandbox
) -> None:
    ids = [page.id for page in Page.all()]
    with tallied() as tally:
        result = run("finding", Page.find, ids)
    assert result.requests == tally.requests == len(ids) == box.requests - 1


def test_each_call_runs_in_the_context_of_the_caller(connection: Connection) -> None:
    elsewhere = Connection("nowhere", token="0123456789abcdef")
    with elsewhere, connection:
        result = run("listing", lambda _: Page.all().first(), [1])
    assert result.values[0].connection is connection  # type: ignore[union-attr]


def test_progress_reports_each_call_in_the_thread_of_the_caller() -> None:
    seen: list[object] = []

    def report(*step: object) -> None:
        seen.append((*step, threading.current_thread()))

    run("doubling", failing_at(1), range(3), on_error="continue", progress=report)
    here = threading.main_thread()
    assert seen == [("doubling", done, 3, here) for done in (1, 2, 3)]


def test_progress_is_a_bar_with_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    run("doubling", failing_at(), range(4), progress=True)
    with pytest.raises(NotFound):
        run("failing", failing_at(2), range(5), progress=True, workers=1)
    doubling, failing, *_ = capsys.readouterr().err.split("\n")
    assert "doubling: 100%" in doubling
    assert "4/4 [" in doubling
    assert "failing:" in failing
    assert "3/5 [" in failing


def test_progress_is_a_line_on_standard_error_without_tqdm(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    run("doubling", failing_at(), range(2), progress=True)
    with pytest.raises(NotFound):
        run("failing", failing_at(1), range(3), progress=True, workers=1)
    doubling, failing, end = capsys.readouterr().err.split("\n")
    assert doubling == "\r\x1b[Kdoubling 1/2\r\x1b[Kdoubling 2/2"
    assert failing == "\r\x1b[Kfailing 1/3\r\x1b[Kfailing 2/3"
    assert end == ""
