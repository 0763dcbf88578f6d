"""A short campaign finds no differences, and one with a broken retry rule does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TypeAlias, cast

import pytest

from backpack_orm import NotFound, OutcomeUnknown
from backpack_orm.connection import moving_windows, rate_limits, transport
from backpack_orm.connection.retries import RULES, Action, Outcome
from backpack_orm.wire.endpoint import Safety
from tests.chaos import campaign
from tests.chaos.journal import Difference, Journal
from tests.chaos.journal import Kind as Differs

Break: TypeAlias = "Callable[[Safety, Outcome, Action], None]"
UNKNOWN = OutcomeUnknown("the write may have happened or not")
MAYBE = NotFound("no; the write may have succeeded")
KEY = ("home", "note", "note.1")


@pytest.fixture(autouse=True)
def _fake_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances only when something sleeps."""
    lock, now = threading.Lock(), [1000.0]

    def sleep(seconds: float) -> None:
        with lock:
            now[0] += seconds

    def time() -> float:
        return now[0]

    clock = SimpleNamespace(time=time, monotonic=time, perf_counter=time, sleep=sleep)
    monkeypatch.setattr(transport, "time", clock)
    monkeypatch.setattr(rate_limits, "time", clock)
    monkeypatch.setattr(moving_windows, "time", clock)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Return a function that breaks one of the retry rules, with more faults than usual."""
    monkeypatch.setattr(campaign, "SHARE", 0.4)

    def break_rule(safety: Safety, outcome: Outcome, action: Action) -> None:
        monkeypatch.setitem(
            cast("dict[tuple[Safety, Outcome], Action]", RULES), (safety, outcome), action
        )

    return break_rule


def write(
    journal: Journal,
    change: object,
    error: Exception | None = None,
) -> None:
    def send() -> None:
        if error is not None:
            raise error

    journal.write(KEY, lambda _: change, send)


def kind(differences: list[Difference]) -> Differs | None:
    """Return how the only record differs, if it does."""
    return differences[0].kind if differences else None


# --- the campaign -----------------------------------------------------------------------------


def test_reported_writes_are_stored_despite_faults() -> None:
    report = campaign.run(seed=1, writes=400, reads=800)
    assert report.is_clean, str(report)
    assert sum(report.writes.values()) >= 400
    assert report.reads == 800
    assert report.writes["unknown"] > 0
    assert report.retries > 0
    assert 0.05 < sum(report.faults.values()) / report.calls < 0.15


@pytest.mark.network
def test_a_client_that_retries_creates_is_detected(broken: Break) -> None:
    for event in (Outcome.LOST, Outcome.OUTAGE):
        broken(Safety.NOT_IDEMPOTENT, event, Action.RETRY)
    report = campaign.run(seed=1, writes=400, reads=0)
    assert report.count(Differs.DOUBLED) > 0
    assert not report.is_clean


@pytest.mark.network
def test_a_client_that_takes_a_lost_response_for_success_is_detected(broken: Break) -> None:
    for kind in (Safety.IDEMPOTENT, Safety.DELETE):
        broken(kind, Outcome.LOST, Action.SUCCEED)
    report = campaign.run(seed=1, writes=400, reads=0)
    assert report.count(Differs.LOST) + report.count(Differs.UNREPORTED) > 0
    assert not report.is_clean


@pytest.mark.network
def test_a_client_that_reports_an_unknown_outcome_as_failure_is_detected(
    broken: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_final_error", lambda call, action, failed: failed.error)
    report = campaign.run(seed=1, writes=400, reads=0)
    assert report.count(Differs.UNREPORTED) > 0
    assert not report.is_clean


@pytest.mark.network
def test_a_report_lists_calls_faults_and_differences() -> None:
    lines = str(campaign.run(seed=2, writes=40, reads=40)).splitlines()
    names = [line[:17].strip() for line in lines]
    assert names[3:9] == ["calls", "faults met", "retries", "unknown outcomes", "lost", "doubled"]


# --- the journal ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "stored", "differs"),
    [
        (None, ["a"], None),
        (None, [], Differs.LOST),
        (None, ["b"], Differs.LOST),
        (None, ["a", "a"], Differs.DOUBLED),
        (UNKNOWN, ["a"], None),
        (UNKNOWN, [], None),
        (UNKNOWN, ["a", "a"], Differs.DOUBLED),
        (UNKNOWN, ["b"], Differs.LOST),
        (NotFound("no"), [], None),
        (NotFound("no"), ["a"], Differs.UNREPORTED),
        (MAYBE, ["a"], None),
    ],
)
def test_reported_results_are_compared_with_stored_records(
    error: Exception | None, stored: list[object], differs: Differs | None
) -> None:
    journal = Journal()
    write(journal, "a", error)
    assert kind(journal.all_differences({KEY: stored})) is differs
    assert kind(journal.differences("home", {KEY: stored})) is differs


def test_a_destroyed_record_that_is_stored_is_a_difference() -> None:
    journal = Journal()
    write(journal, "a")
    write(journal, None)
    assert kind(journal.all_differences({})) is None
    assert kind(journal.all_differences({KEY: ["a"]})) is Differs.UNREPORTED


def test_a_record_that_no_client_wrote_is_unreported() -> None:
    assert kind(Journal().all_differences({KEY: ["a"]})) is Differs.UNREPORTED


def test_records_of_other_pages_are_not_compared() -> None:
    journal = Journal()
    write(journal, "a")
    assert kind(journal.differences("another", {})) is None


def test_an_outcome_stays_unknown_until_the_next_write() -> None:
    journal = Journal()
    write(journal, "a")
    write(journal, "b", UNKNOWN)
    for stored in ("a", "b"):
        assert kind(journal.all_differences({KEY: [stored]})) is None
    write(journal, "c")
    assert kind(journal.all_differences({KEY: ["b"]})) is Differs.LOST


def test_threads_share_one_journal() -> None:
    journal = Journal()

    def work(number: int) -> None:
        key = ("home", "note", str(number))
        journal.write(key, lambda _: number, lambda: None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert len(journal.all_differences({})) == 200
    assert journal.outcomes == {"done": 200}
