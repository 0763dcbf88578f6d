"""Backups of many accounts, each a unit of work for an executor."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from os import PathLike, fspath
from typing import Any, Literal

from attrs import field, frozen

from backpack_orm.archive.archive import Archive
from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError, NotConnected, ValidationError, redacted, short_repr
from backpack_orm.orm.operations.progress import Progress, reporting

Outcome = Literal["added a snapshot", "unchanged", "recent", "failed", "not run"]

_THREADS = 8
_NAME = re.compile(r"\w[\w.-]*")
_SECRETS = {"token", "oauth_token"}


@frozen
class AccountSync:
    """What became of one account; plain values.

    Attributes:
        name: The name of its archive below the target.
        account: The account's name or address.
        outcome: `added a snapshot`, `unchanged`; `recent` if the archive was complete and new
            enough; `failed`, see `error`; or `not run` if its worker has ended. Sync again to run
            what was not run or has failed.
        snapshot: Number of the newest snapshot; None if that is not known.
        requests: Number of requests.
        refused: Number of gaps that the service has refused to fill.
        seconds: How long it took.
        error: The error as plain values, see `BackpackError.to_dict`; None without an error.

    >>> AccountSync("acme", "acme", "unchanged", snapshot=3, requests=10).is_successful
    True
    """

    name: str
    account: str
    outcome: Outcome
    snapshot: int | None = None
    requests: int = 0
    refused: int = 0
    seconds: float = 0.0
    error: Mapping[str, Any] | None = None

    @property
    def is_successful(self) -> bool:
        """Whether the archive is now as current as was requested.

        >>> AccountSync("acme", "acme", "not run").is_successful
        False
        """
        return self.outcome not in ("failed", "not run")


@frozen
class _Task:
    """All that a worker needs, without a token."""

    name: str
    account: str
    location: str
    token: Callable[[str], str] = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    storage: Mapping[str, Any] = field(repr=False)
    max_age: timedelta | None


def token_from_environment(name: str) -> str:
    """Return the token of an account: `BACKPACK_TOKEN_ACME` is that of `acme`.

    Args:
        name: The name of the account's archive; what is no letter or digit becomes `_`.

    Raises:
        NotConnected: The variable is not set.

    >>> import os
    >>> os.environ["BACKPACK_TOKEN_ACME"] = "0123456789abcdef"
    >>> token_from_environment("acme")
    '0123456789abcdef'
    """
    variable = f"BACKPACK_TOKEN_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}"
    token = os.environ.get(variable)
    if not token:
        raise NotConnected(f"there is no token for {name!r}: set {variable}, or pass token=…")
    return token


def sync_many(
    accounts: Iterable[str] | Mapping[str, str],
    target: str | PathLike[str],
    *,
    executor: Executor | None = None,
    token: Callable[[str], str] = token_from_environment,
    max_age: timedelta | None = None,
    connection: Mapping[str, Any] | None = None,
    storage: Mapping[str, Any] | None = None,
    progress: bool | Progress = False,
) -> list[AccountSync]:
    """Sync the archives of many accounts, several at once.

    Each account is a unit of work that can be run again, also while it still runs elsewhere: only
    changes add a snapshot. An account that fails does not stop the others. Makes as many requests
    for each account as `Archive.sync`.

    Args:
        accounts: Names of accounts; or for each name of an archive, the name or address of its
            account.
        target: A folder, or an address of fsspec, with one archive for each account below it.
        executor: Runs the work: threads, processes, or any other executor, such as that of a Dask
            cluster. Default: eight threads.
        token: Returns the token for the name of an archive, and is called where the work runs. For
            other executors than threads: a function at the top level of a module that the workers
            can import, so that nothing it knows is sent to them.
        max_age: Skip archives whose last complete sync began no longer ago.
        connection: Options of `Connection`, such as `limits` and `max_wait`. Unlike tokens, they
            are sent to the workers.
        storage: Options of the file system of fsspec; they are sent to the workers too.
        progress: True to show the progress, or a function, as for `Archive.sync`.

    Returns:
        The outcome of each account, in the order of the accounts.

    Raises:
        ValidationError: An account or an option is not valid. Nothing was run.

    >>> with Sandbox() as box:
    ...     results = sync_many({"acme": box.url}, "backups", token=lambda name: box.token)
    ...     [(each.name, each.outcome, each.snapshot) for each in results]
    [('acme', 'added a snapshot', 1)]
    """
    options = dict(connection or {})
    if not _SECRETS.isdisjoint(options):
        raise ValidationError("connection takes no tokens: pass a function as token=…")
    if executor is not None and not isinstance(executor, ThreadPoolExecutor):
        _check_importable(token)
    tasks = [
        _Task(name, account, f"{fspath(target)}/{name}", token, options, storage or {}, max_age)
        for name, account in _named(accounts).items()
    ]
    if executor is not None:
        return _run(tasks, executor, progress)
    with ThreadPoolExecutor(_THREADS) as threads:
        return _run(tasks, threads, progress)


def _named(accounts: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the account of each archive by its name."""
    if isinstance(accounts, str):
        raise ValidationError(f"accounts takes several names: [{redacted(accounts)}]")
    if isinstance(accounts, Mapping):
        named = dict(accounts)
    else:
        names = list(accounts)
        named = dict(zip(names, names, strict=True))
        if len(named) < len(names):
            raise ValidationError("accounts contains a name twice")
    for name, account in named.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValidationError(
                f"{redacted(name)} cannot be the name of an archive: use letters, digits and any "
                "of . _ - or map such a name to the address of the account"
            )
        if not isinstance(account, str):
            raise ValidationError(f"accounts[{name!r}] takes a name or an address")
    return named


def _check_importable(token: Callable[[str], str]) -> None:
    """Refuse a function that would be sent to workers with what it knows."""
    name = getattr(token, "__qualname__", "")
    module = sys.modules.get(getattr(token, "__module__", None) or "")
    if getattr(module, name, None) is not token:
        raise ValidationError(
            f"token takes a function at the top level of a module, not {short_repr(type(token))}: "
            "workers import it, so that no token is sent to them"
        )


def _run(tasks: list[_Task], executor: Executor, progress: bool | Progress) -> list[AccountSync]:
    """Run tasks, and return their outcomes in order."""
    futures: dict[Future[AccountSync], _Task] = {}
    results: dict[str, AccountSync] = {}
    with reporting(progress) as report:
        try:
            for task in tasks:
                try:
                    futures[executor.submit(_sync_one, task)] = task
                except RuntimeError as error:  # the pool is broken or was shut down
                    results[task.name] = _not_run(task, error)
            for future in as_completed(futures):
                task = futures[future]
                results[task.name] = _result(future, task)
                report("syncing accounts", len(results), len(tasks))
        except BaseException:  # such as Ctrl-C
            for future in futures:
                future.cancel()
            raise
    return [results[task.name] for task in tasks]


def _result(future: Future[AccountSync], task: _Task) -> AccountSync:
    try:
        return future.result()
    except Exception as error:  # of the executor: work that was run reports its own errors
        return _not_run(task, error)


def _not_run(task: _Task, error: Exception) -> AccountSync:
    reason = {"code": "not_run", "message": f"the executor has failed: {type(error).__name__}"}
    return AccountSync(task.name, task.account, "not run", error=reason)


def _sync_one(task: _Task) -> AccountSync:
    """Sync one account, where the work runs."""
    began, secret = time.monotonic(), ""
    try:
        archive = Archive(task.location, **task.storage)
        if _is_recent(archive, task.max_age):
            return AccountSync(task.name, task.account, "recent", archive.newest.number)
        secret = task.token(task.name)
        with Connection(task.account, token=secret, **task.options) as connection:
            result = archive.sync(connection)
    except BackpackError as error:
        found = error.to_dict()
    except Exception as error:  # one account fails alone, whatever the error
        message = f"{type(error).__name__}: {error}"
        found = {"code": "unexpected", "message": message.replace(secret or "\0", "[token]")}
    else:
        return AccountSync(
            name=task.name,
            account=task.account,
            outcome="added a snapshot" if result.is_new else "unchanged",
            snapshot=result.snapshot.number,
            requests=result.requests,
            refused=len(result.refused),
            seconds=time.monotonic() - began,
        )
    seconds = time.monotonic() - began
    return AccountSync(task.name, task.account, "failed", seconds=seconds, error=found)


def _is_recent(archive: Archive, max_age: timedelta | None) -> bool:
    last = archive.last_sync
    if max_age is None or last is None or last.completed is None:
        return False
    age = datetime.now(UTC) - last.completed
    return timedelta(0) <= age <= max_age  # else a clock was wrong
