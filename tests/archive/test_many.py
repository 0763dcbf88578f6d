"""Backups of many accounts: with threads, processes, a Dask cluster, and on S3."""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from backpack_orm import Connection, Page, ValidationError
from backpack_orm.archive import AccountSync, Archive, sync_many, token_from_environment
from backpack_orm.archive.last_sync import note_sync
from backpack_orm.archive.storage import LocalStorage
from backpack_orm.sandbox import Sandbox
from tests.archive.many_tokens import end_for_bad, token_of

PREFIX = "c4na7y0123456789abcdef"


def accounts_in(box: Sandbox, count: int) -> dict[str, str]:
    """Add accounts with one page each; return their address by the names of their archives."""
    names = [f"acme-{number}" for number in range(count)]
    for name in names:
        box.add_account(name, seed="empty", token=PREFIX + name)
    return dict.fromkeys(names, box.url)


@pytest.fixture
def many(network: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox for several accounts, whose tokens workers find in the environment."""
    monkeypatch.setenv("TOKENS_OF_MANY", PREFIX)
    with Sandbox(seed="empty") as box:
        yield box


@pytest.fixture
def accounts(many: Sandbox) -> Mapping[str, str]:
    """Three accounts."""
    return accounts_in(many, 3)


def outcomes(results: list[AccountSync]) -> list[str]:
    return [result.outcome for result in results]


# --- one after the other ----------------------------------------------------------------------


def test_each_account_has_an_archive_of_its_own(
    accounts: Mapping[str, str], tmp_path: Path
) -> None:
    results = sync_many(accounts, tmp_path, token=token_of)
    assert outcomes(results) == ["added a snapshot"] * 3
    assert [result.name for result in results] == list(accounts)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(accounts)
    assert all(Archive(tmp_path / name).newest.number == 1 for name in accounts)
    assert all(result.requests > 3 and result.error is None for result in results)


def test_a_second_run_adds_what_has_changed(
    many: Sandbox, accounts: Mapping[str, str], tmp_path: Path
) -> None:
    sync_many(accounts, tmp_path, token=token_of)
    with Connection(many.url, token=token_of("acme-1")) as connection:
        Page.create(title="Lisbon", using=connection)
    results = sync_many(accounts, tmp_path, token=token_of)
    assert outcomes(results) == ["unchanged", "added a snapshot", "unchanged"]
    assert [result.snapshot for result in results] == [1, 2, 1]


def test_a_run_that_was_interrupted_goes_on_where_it_was(
    many: Sandbox, accounts: dict[str, str], tmp_path: Path
) -> None:
    first = dict(list(accounts.items())[:1])
    sync_many(first, tmp_path, token=token_of)
    before = many.requests
    results = sync_many(accounts, tmp_path, token=token_of, max_age=timedelta(hours=20))
    assert outcomes(results) == ["recent", "added a snapshot", "added a snapshot"]
    assert many.requests - before == sum(result.requests for result in results)
    assert results[0].requests == 0


def test_a_sync_in_the_future_is_not_recent(accounts: dict[str, str], tmp_path: Path) -> None:
    sync_many(accounts, tmp_path, token=token_of)
    future = datetime.now(UTC) + timedelta(days=3650)
    note_sync(
        LocalStorage(tmp_path / "acme-0"), future, future, "unchanged", is_complete=True, newest=1
    )
    results = sync_many(accounts, tmp_path, token=token_of, max_age=timedelta(hours=20))
    assert outcomes(results) == ["unchanged", "recent", "recent"]


def test_an_account_that_fails_fails_alone(accounts: dict[str, str], tmp_path: Path) -> None:
    def token(name: str) -> str:
        return "wrong" if name == "acme-1" else token_of(name)

    results = sync_many(accounts, tmp_path, token=token)
    assert outcomes(results) == ["added a snapshot", "failed", "added a snapshot"]
    assert results[1].error is not None
    assert results[1].error["code"] == "authentication_failed"
    assert not results[1].is_successful


def test_an_error_of_the_provider_is_one_of_its_account(
    accounts: dict[str, str], tmp_path: Path
) -> None:
    def token(name: str) -> str:
        return {"acme-0": token_of(name)}[name]

    results = sync_many(accounts, tmp_path, token=token)
    assert outcomes(results) == ["added a snapshot", "failed", "failed"]
    assert results[1].error == {"code": "unexpected", "message": "KeyError: 'acme-1'"}


def test_a_result_is_plain_data(accounts: dict[str, str], tmp_path: Path) -> None:
    results = sync_many(accounts, tmp_path, token=token_of)
    assert pickle.loads(pickle.dumps(results)) == results
    assert PREFIX.encode() not in pickle.dumps(results)


def test_the_progress_is_reported(accounts: dict[str, str], tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    sync_many(accounts, tmp_path, token=token_of, progress=lambda *step: seen.append(step))
    assert seen == [("syncing accounts", number, 3) for number in (1, 2, 3)]


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ("acme", "accounts takes several names"),
        (["acme", "acme"], "a name twice"),
        (["../acme"], "cannot be the name of an archive"),
        (["https://acme.backpackit.com"], "map such a name to the address"),
        ({"acme": 5}, "takes a name or an address"),
    ],
)
def test_accounts_have_names(accounts: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=message):
        sync_many(accounts, tmp_path)


def test_tokens_are_not_among_the_options(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="connection takes no tokens") as caught:
        sync_many(["acme"], tmp_path, connection={"token": PREFIX})
    assert PREFIX not in str(caught.value)


@pytest.mark.parametrize("provider", [lambda name: PREFIX, {"acme": PREFIX}.get])
def test_nothing_that_knows_tokens_is_sent_to_workers(provider: Any, tmp_path: Path) -> None:
    executor = _Broken()
    with pytest.raises(ValidationError, match="at the top level of a module") as caught:
        sync_many(["acme"], tmp_path, token=provider, executor=executor)
    assert PREFIX not in str(caught.value)


def test_tokens_come_from_the_environment_by_default(
    many: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_TOKEN_ACME_0", token_of("acme-0"))
    assert token_from_environment("acme-0") == token_of("acme-0")
    results = sync_many(accounts_in(many, 2), tmp_path)
    assert outcomes(results) == ["added a snapshot", "failed"]
    assert results[1].error is not None
    assert "set BACKPACK_TOKEN_ACME_1" in results[1].error["message"]


# --- executors --------------------------------------------------------------------------------


class _Broken(Executor):
    """An executor that takes one piece of work and does not run it."""

    def __init__(self) -> None:
        self._taken = 0

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        self._taken += 1
        if self._taken > 1:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        future.set_exception(OSError("the worker is gone"))
        return future


def test_work_that_an_executor_does_not_run_is_reported(tmp_path: Path) -> None:
    results = sync_many(["a", "b"], tmp_path, executor=_Broken())
    assert outcomes(results) == ["not run", "not run"]
    assert [result.error and result.error["message"] for result in results] == [
        "the executor has failed: OSError",
        "the executor has failed: RuntimeError",
    ]


def test_threads_of_the_caller_run_the_work(accounts: dict[str, str], tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        results = sync_many(accounts, tmp_path, executor=threads, token=lambda n: token_of(n))
    assert outcomes(results) == ["added a snapshot"] * 3


def test_processes_run_the_work(accounts: dict[str, str], tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        results = sync_many(accounts, tmp_path, executor=processes, token=token_of)
        assert outcomes(results) == ["added a snapshot"] * 3


def test_with_a_broken_pool_the_unfinished_are_reported_and_can_be_run_again(
    many: Sandbox, accounts: dict[str, str], tmp_path: Path
) -> None:
    some = {"acme-0": many.url, "bad": many.url, **accounts}
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        results = sync_many(some, tmp_path, executor=processes, token=end_for_bad)
    assert outcomes(results)[1:] == ["not run"] * 3
    assert results[1].error == {
        "code": "not_run",
        "message": "the executor has failed: BrokenProcessPool",
    }
    assert outcomes(sync_many(accounts, tmp_path, token=token_of))[1:] == ["added a snapshot"] * 2


def test_a_dask_cluster_runs_the_work_and_sees_no_token(
    accounts: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from distributed import Client, LocalCluster

    log = tmp_path / "dask.log"
    handler = logging.FileHandler(log)
    logging.getLogger("distributed").addHandler(handler)
    try:
        with (
            LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
            ) as cluster,
            Client(cluster) as client,  # type: ignore[no-untyped-call]
        ):
            archives = tmp_path / "archives"
            some = {**accounts, "unknown": next(iter(accounts.values()))}
            executor = client.get_executor()
            results = sync_many(some, archives, executor=executor, token=token_of)
            assert outcomes(results) == ["added a snapshot"] * 3 + ["failed"]
            story = repr((client.story(), client.get_worker_logs()))
    finally:
        logging.getLogger("distributed").removeHandler(handler)
        handler.close()
    assert PREFIX not in story + log.read_text("utf-8") + caplog.text


def test_a_task_contains_no_token(accounts: dict[str, str], tmp_path: Path) -> None:
    sent: list[bytes] = []

    class Pickling(Executor):
        def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
            sent.append(pickle.dumps((function, arguments)) + repr(arguments).encode())
            future: Future[Any] = Future()
            future.set_result(function(*arguments))
            return future

    sync_many(accounts, tmp_path, executor=Pickling(), token=token_of)
    assert len(sent) == 3
    assert PREFIX.encode() not in b"".join(sent)


# --- a worker that is suspended ---------------------------------------------------------------

_SUSPENDED = """
import signal, sys
from backpack_orm.archive import log, sync_many
from tests.archive.many_tokens import token_of
append = log.Log.append

def suspended(self, *arguments):
    log.Log.append = append
    signal.raise_signal(signal.SIGSTOP)  # to this thread, which stops before it goes on
    return append(self, *arguments)

log.Log.append = suspended
_, url, target = sys.argv
(result,) = sync_many({"acme-0": url}, target, token=token_of)
print(result.outcome, result.snapshot)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system suspends no processes")
@pytest.mark.parametrize("has_changed", [False, True])
def test_work_that_is_suspended_and_runs_elsewhere_meanwhile_is_committed_once(
    many: Sandbox, accounts: dict[str, str], tmp_path: Path, has_changed: bool
) -> None:
    """Also if the account has changed since, so that what was read is out of date."""
    one = {"acme-0": accounts["acme-0"]}
    command = [sys.executable, "-c", _SUSPENDED, many.url, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as worker:
        _, status = os.waitpid(worker.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        if has_changed:
            with Connection(many.url, token=token_of("acme-0")) as connection:
                Page.create(title="Lisbon", using=connection)
        assert outcomes(sync_many(one, tmp_path, token=token_of)) == ["added a snapshot"]
        worker.send_signal(signal.SIGCONT)
        assert worker.communicate()[0] == "unchanged 1\n"
    archive = Archive(tmp_path / "acme-0")
    assert [snapshot.number for snapshot in archive.snapshots] == [1]
    assert [page.title for page in archive.pages] == ["Lisbon"] * has_changed


# --- many -------------------------------------------------------------------------------------


def test_archives_may_be_on_a_server_that_is_compatible_with_s3(
    accounts: dict[str, str], s3: Any
) -> None:
    import s3fs

    bucket = f"backups-{secrets.token_hex(4)}"
    s3fs.S3FileSystem(**s3.options).mkdir(bucket)
    target = f"s3://{bucket}/accounts"
    for outcome in "added a snapshot", "unchanged":
        results = sync_many(accounts, target, token=token_of, storage=s3.options)
        assert outcomes(results) == [outcome] * 3
    assert Archive(f"{target}/acme-2", **s3.options).newest.number == 1


def test_two_hundred_accounts_are_synced(many: Sandbox, tmp_path: Path) -> None:
    accounts = accounts_in(many, 200)
    began = time.monotonic()
    results = sync_many(accounts, tmp_path, token=token_of)
    assert outcomes(results) == ["added a snapshot"] * 200
    print(f"200 accounts, {many.requests} requests, {time.monotonic() - began:.1f} s")
    again = sync_many(accounts, tmp_path, token=token_of, max_age=timedelta(hours=1))
    assert outcomes(again) == ["recent"] * 200
