"""Locks and scheduling among the threads of a sandbox."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.sandbox import Sandbox, scheduling
from backpack_orm.sandbox.database import SqliteDatabase
from backpack_orm.sandbox.locks import LockTimeout, ReadWriteLock
from backpack_orm.sandbox.scheduling import ClientGone, Scheduler
from tests.sandbox.conftest import Client, matched, noting_statements

SOON = 10.0


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def never() -> bool:
    return False


class TestReadWriteLock:
    def test_readers_share_it(self) -> None:
        lock = ReadWriteLock(0.01, readers_wait=True)
        with lock.reading(), lock.reading():
            pass

    def test_a_reader_waits_for_the_writer_until_its_timeout(self) -> None:
        lock = ReadWriteLock(0.01, readers_wait=True)
        with lock.writing(), pytest.raises(LockTimeout), lock.reading():
            pass

    def test_a_writer_waits_for_readers_and_writers_until_its_timeout(self) -> None:
        lock = ReadWriteLock(0.01, readers_wait=True)
        with lock.reading(), pytest.raises(LockTimeout), lock.writing():
            pass
        with lock.writing(), pytest.raises(LockTimeout), lock.writing():
            pass
        with lock.writing():
            pass

    def test_readers_of_snapshots_do_not_wait(self) -> None:
        lock = ReadWriteLock(0.01, readers_wait=False)
        with lock.writing(), lock.reading():
            pass

    def test_a_waiting_writer_goes_before_new_readers(self) -> None:
        lock = ReadWriteLock(SOON, readers_wait=True)
        order = []
        with lock.reading():

            def write() -> None:
                with lock.writing():
                    order.append("written")

            def read() -> None:
                with lock.reading():
                    order.append("read")

            writer = in_thread(write)
            while not lock._waiting_writers:
                threading.Event().wait(0.001)
            reader = in_thread(read)
        writer.join()
        reader.join()
        assert order == ["written", "read"]

    def test_a_writer_that_times_out_unblocks_readers(self) -> None:
        lock = ReadWriteLock(0.01, readers_wait=True)
        with lock.reading():
            with pytest.raises(LockTimeout), lock.writing():
                pass
            with lock.reading():
                pass


class TestScheduler:
    @pytest.fixture(autouse=True)
    def nothing_waits_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scheduling, "_LONGEST_QUEUE", 0.001)

    def checkpoint(self, turn: Any) -> None:
        turn._next_pause = 0.0  # as if it had worked for long
        turn.checkpoint()

    def test_a_long_request_yields_to_a_short_one_for_a_limited_time(self) -> None:
        scheduler = Scheduler(one_at_a_time=False)
        with scheduler.turn(never) as long, scheduler.turn(never):
            self.checkpoint(long)  # the short one does not end meanwhile

    def test_a_long_request_waits_once_for_one_that_waits_for_something_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scheduling, "_LONGEST_WAIT", 0.001)
        scheduler = Scheduler(one_at_a_time=False)
        with scheduler.turn(never) as long, scheduler.turn(never) as waiting:
            self.checkpoint(long)
            assert not scheduler._short
            with scheduler.turn(never) as short:
                assert scheduler._short == {short}
                waiting.end()
                assert scheduler._short == {short}

    def test_a_long_request_does_not_count_as_short(self) -> None:
        scheduler = Scheduler(one_at_a_time=False)
        with scheduler.turn(never) as turn:
            assert scheduler._short == {turn}
            self.checkpoint(turn)
            assert not scheduler._short

    def test_a_request_of_a_disconnected_client_ends_at_the_next_checkpoint(self) -> None:
        scheduler = Scheduler(one_at_a_time=True)
        with scheduler.turn(lambda: True) as turn, pytest.raises(ClientGone):
            self.checkpoint(turn)

    def test_a_short_request_does_not_pause_at_checkpoints(self) -> None:
        scheduler = Scheduler(one_at_a_time=True)
        with scheduler.turn(never) as turn:
            turn.checkpoint()
            assert len(scheduler._short) == 1

    def test_a_short_request_waits_until_the_one_that_runs_alone_has_ended(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scheduling, "_LONGEST_QUEUE", SOON)
        scheduler, order = Scheduler(one_at_a_time=True), []

        def run() -> None:
            with scheduler.turn(never):
                order.append("second")

        with scheduler.turn(never):
            thread = in_thread(run)
            order.append("first")
        thread.join()
        assert order == ["first", "second"]
        assert not scheduler.alone.locked()

    def test_a_request_that_is_long_lets_others_run(self) -> None:
        scheduler = Scheduler(one_at_a_time=True)
        with scheduler.turn(never) as long:
            self.checkpoint(long)
            assert not scheduler.alone.locked()
            with scheduler.turn(never):
                assert scheduler.alone.locked()
                long.end()
                assert scheduler.alone.locked()

    def test_a_request_waits_for_a_limited_time_to_run_alone(self) -> None:
        scheduler = Scheduler(one_at_a_time=True)
        with scheduler.turn(never):
            with scheduler.turn(never):
                pass
            assert scheduler.alone.locked()

    def test_the_time_of_waiting_does_not_make_a_request_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 0.0

        class Lock:
            def acquire(self, timeout: float) -> bool:
                nonlocal now
                now += timeout
                return False

        monkeypatch.setattr(scheduling, "_LONGEST_QUEUE", 2 * scheduling._SHORT)
        monkeypatch.setattr("time.perf_counter", lambda: now)
        scheduler = Scheduler(one_at_a_time=True)
        scheduler.alone = Lock()  # type: ignore[assignment]
        with scheduler.turn(never) as turn:
            turn.checkpoint()
            assert len(scheduler._short) == 1

    def test_requests_run_side_by_side_if_another_process_executes_statements(self) -> None:
        scheduler = Scheduler(one_at_a_time=False)
        with scheduler.turn(never):
            assert not scheduler.alone.locked()

    @pytest.mark.network
    def test_a_delayed_request_lets_others_run(self, as_user: Callable[..., Client]) -> None:
        with ThreadPoolExecutor() as pool, Sandbox(seed="empty") as box:
            client = as_user(box.token, box.url)
            fault = box.faults.latency(3600)
            delayed = pool.submit(client.rest, "GET", "/users.xml")
            while not fault.fired:
                assert not delayed.done()
            assert box._scheduler.alone.acquire(timeout=SOON)
            assert not delayed.done()
            box._scheduler.alone.release()
            box.faults.clear()
            assert delayed.result().status_code == 200

    @pytest.mark.network
    @pytest.mark.parametrize(
        ("data", "path", "is_alone"),
        [
            (":memory:", "pages/all", True),
            (":memory:", "page/PAGE/update_title", True),
            ("file", "pages/all", True),
            ("file", "page/PAGE/update_title", False),
        ],
    )
    def test_requests_run_alone_unless_they_write_to_a_disk(
        self, as_user: Callable[..., Client], tmp_path: Path, data: str, path: str, is_alone: bool
    ) -> None:
        states: list[bool] = []
        data = data if data == ":memory:" else str(tmp_path / data)
        with Sandbox(seed="empty", data=data) as box:
            client, alone = as_user(box.token, box.url), box._scheduler.alone
            page = matched(r'id="(\d+)"', client.ws("pages/new"))
            with noting_statements(lambda _: states.append(alone.locked())):
                client.ws(path.replace("PAGE", page), "<page><title>Lisbon</title></page>")
        assert len(states) > 2
        assert set(states) == {is_alone}

    @pytest.mark.network
    def test_a_read_does_not_wait_for_a_write_that_waits(
        self, as_user: Callable[..., Client], tmp_path: Path
    ) -> None:
        with ThreadPoolExecutor() as pool, Sandbox(seed="empty", data=str(tmp_path / "f")) as box:
            client = as_user(box.token, box.url)
            client.ws("pages/all")
            assert isinstance(box._database, SqliteDatabase)
            lock = box._database._lock
            with box._database.transaction():
                waiting = pool.submit(client.ws, "pages/new")
                while not lock._waiting_writers:
                    assert not waiting.done()
                assert not box._scheduler.alone.locked()
                assert "<pages>" in as_user(box.token, box.url).ws("pages/all")
            assert "<page " in waiting.result()
