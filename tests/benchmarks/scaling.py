"""`python -m tests.benchmarks.scaling`: measure what the documentation says of scaling.

It takes some five minutes, and needs PostgreSQL and Redis. Results are stored, with the tables and
charts that are made of them, in the documentation.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from backpack_orm import Connection, Page
from backpack_orm.archive import Archive
from backpack_orm.connection.moving_windows import MovingWindows
from backpack_orm.connection.shared_rate_limits import SharedWindows
from backpack_orm.sandbox import Sandbox
from tests import postgresql
from tests.benchmarks import archives, scaling_report
from tests.benchmarks.measuring import Row, save
from tests.redis_process import RedisProcess

PROCESSES = (1, 2, 4)
CLIENTS = 16
PAGES = 1_000
SYNCS = 15
RESERVATIONS, READS = 2_000, 500
_TOKEN = "a-token-for-scaling-{}"
_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "shared_buffers": "128MB",
}
"""Settings that PostgreSQL has by default: SQLite flushes each write, too."""

Target = tuple[str, str, str]
"""A path, the fields of the body, and a token."""


# --- the sandbox ------------------------------------------------------------------------------


def throughput(seconds: float, rounds: int) -> Iterator[Row]:
    """Measure the requests per second of 16 clients, for each database and number of processes."""
    with tempfile.TemporaryDirectory() as folder, postgresql.running(_DURABLE) as addresses:
        postgresql.create(addresses, "scaling")
        for engine, data in (
            ("SQLite", str(Path(folder, "scaling.db"))),
            ("PostgreSQL", addresses.format("scaling")),
        ):
            loads = _loads(data)
            rates: dict[str, dict[str, list[float]]] = {
                kind: {_counted(count): [] for count in PROCESSES} for kind in loads
            }
            for _ in range(rounds):
                for count in PROCESSES:
                    with _serving(data, count) as urls:
                        for kind, targets in loads.items():
                            _requests_per_second(urls, targets, seconds / 5)  # connects
                            rate = _requests_per_second(urls, targets, seconds)
                            rates[kind][_counted(count)].append(rate)
            for kind, samples in rates.items():
                name = f"{kind}, {engine}"
                yield Row("Throughput", name, samples, unit="integer", is_timed=False)


def _counted(processes: int) -> str:
    return f"{processes} process{'es' * (processes > 1)}"


def _loads(data: str) -> dict[str, list[Target]]:
    """Create an account for each client; return what the clients send, by kind of load."""
    updates: list[Target] = []
    with Sandbox(data=data, seed="demo", account="client-0", token=_TOKEN.format(0)) as box:
        for number in range(CLIENTS):
            token = box.add_account(f"client-{number}", seed="demo", token=_TOKEN.format(number))
            with Connection(box.url, token=token, limits=None) as connection:
                page = Page.get(title="Lisbon", using=connection)
                item = page.lists[0].items[0]
            path = f"/ws/page/{page.id}/lists/{item.list_id}/items/update/{item.id}"
            updates.append((path, "<item><content>Socks</content></item>", token))
    shows = [(path.partition("/lists/")[0], "", token) for path, _, token in updates]
    return {
        "showing a page": shows,
        "updating items of 16 accounts": updates,
        "updating items of one account": updates[:1] * CLIENTS,
    }


@contextmanager
def _serving(data: str, count: int) -> Iterator[list[str]]:
    """Start processes that serve a database, and yield their URLs."""
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0", "--data", data]
    command += ["--account", "client-0"]
    environment = os.environ | {"BACKPACK_SANDBOX_TOKEN": _TOKEN.format(0)}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            for _ in range(count)
        ]
        for process in processes:
            stack.callback(process.terminate)
        yield [process.stdout.readline().split()[3] for process in processes if process.stdout]


def _requests_per_second(urls: Sequence[str], targets: Sequence[Target], seconds: float) -> float:
    """Let each client send its request again and again; return the rate of all together."""
    end = time.monotonic() + seconds

    def send(number: int) -> int:
        path, fields, token = targets[number]
        body = f"<request><token>{token}</token>{fields}</request>"
        count = 0
        with closing(HTTPConnection(urlsplit(urls[number % len(urls)]).netloc)) as connection:
            while time.monotonic() < end:
                connection.request("POST", path, body, {"Content-Type": "application/xml"})
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    raise RuntimeError(f"{response.status} for {path}")
                count += 1
        return count

    began = time.monotonic()
    with ThreadPoolExecutor(len(targets)) as pool:
        count = sum(pool.map(send, range(len(targets))))
    return count / (time.monotonic() - began)


def size() -> Row:
    """Measure how much a database grows by 1,000 pages of 10 notes and 50 items each."""
    with tempfile.TemporaryDirectory() as folder, postgresql.running() as addresses:
        seed = Path(folder, "export.xml")
        seed.write_text(archives.export(PAGES), "utf-8")
        path = Path(folder, "size.db")
        postgresql.create(addresses, "size")
        data = addresses.format("size")

        def of_file() -> int:
            return path.stat().st_size

        def of_database() -> int:
            with psycopg.connect(data) as connection:
                row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
                assert row is not None
                return int(row[0])

        samples: dict[str, list[float]] = {}
        for engine, place, measure in (
            ("SQLite", str(path), of_file),
            ("PostgreSQL", data, of_database),
        ):
            Sandbox(data=place, seed="empty", account="empty").close()
            before = measure()
            Sandbox(data=place, seed=str(seed), account="large").close()
            samples[engine] = [measure() - before]
    return Row("Size", "1,000 pages", samples, unit="byte", is_timed=False)


# --- one process ------------------------------------------------------------------------------


def syncs() -> Iterator[Row]:
    """Measure a sync of the demonstration and of an account with one page, and what it stores."""
    with _account("one page", "empty") as small, _account("the demonstration", "demo") as large:
        accounts = {"one page": small, "the demonstration": large}
        found = {name: _sync(*account) for name, account in accounts.items()}
    for position, (name, unit) in enumerate(_SYNCED):
        samples = {account: rows[position] for account, rows in found.items()}
        yield Row("Sync", name, samples, unit=unit, is_timed=False)


_SYNCED = (
    ("sync everything", "second"),
    ("sync, unchanged", "second"),
    ("requests of the first sync", "integer"),
    ("records", "integer"),
    ("files of a snapshot", "integer"),
    ("bytes of a snapshot", "byte"),
)


@contextmanager
def _account(name: str, seed: str) -> Iterator[tuple[str, str]]:
    """Serve an account by another process; yield its URL and token."""
    token = _TOKEN.format(seed)
    command = [sys.executable, "-m", "backpack_orm.sandbox", "--port", "0", "--seed", seed]
    environment = os.environ | {"BACKPACK_SANDBOX_TOKEN": token}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[3]
            if seed == "empty":
                with Connection(url, token=token) as connection:
                    Page.create(title=name, using=connection)
            yield url, token
        finally:
            process.terminate()


def _sync(url: str, token: str) -> tuple[list[float], ...]:
    """Return samples in the order of `_SYNCED`."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(SYNCS):
        with tempfile.TemporaryDirectory() as folder:
            archive = Archive(folder)
            for kind in times:
                with Connection(url, token=token, limits=None) as connection:
                    began = time.process_time()
                    result = archive.sync(connection)
                    kind.append(time.process_time() - began)
                if kind is times[0]:
                    first = result
            # Not what reading is made faster by, which is no part of a backup.
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            sizes = [path.stat().st_size for path in files if "cache" not in path.parts]
    records = sum(first.added.values())
    return *times, [first.requests], [records], [len(sizes)], [float(sum(sizes))]


# --- Redis ------------------------------------------------------------------------------------


def redis() -> Iterator[Row]:
    """Measure what a reservation and a cached page take, of the process and of Redis."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = RedisProcess(Path(folder))
        stack.callback(server.kill)
        windows = SharedWindows(server.url, 5.0, MovingWindows(5.2))
        number = iter(range(RESERVATIONS + 1))

        def reserve() -> None:
            ticket = next(number)  # ten for each account
            windows.acquire(f"account-{ticket // 10}", 100, str(ticket), 0.0)

        yield _beside_redis("reserve a request", server, reserve, RESERVATIONS)
        key = "backpack_orm:limits:{account-1}"
        used = server.client().memory_usage(key)
        memory = {"an account with 10 requests": [float(str(used))]}
        yield Row("Redis", "memory of the rate limit", memory, unit="byte", is_timed=False)
        with (
            _account("cached", "demo") as (url, token),
            Connection(url, token=token, limits=None, cache=server.url) as connection,
        ):
            page = Page.get(title="Lisbon", using=connection)
            yield _beside_redis(
                "read a page from the shared cache",
                server,
                lambda: Page.find(page.id, using=connection).title,
                READS,
            )


def _beside_redis(
    name: str, server: RedisProcess, function: Callable[[], object], count: int
) -> Row:
    """Time a function in processor time, and the commands that Redis executes for it."""
    function()  # connects, and caches
    client = server.client()
    client.config_resetstat()
    began = time.process_time()
    for _ in range(count):
        function()
    ours = (time.process_time() - began) / count
    stats = client.info("commandstats")
    # The time of a script includes that of its commands, which are listed as well.
    names = ["evalsha"] if "cmdstat_evalsha" in stats else ["get", "mget"]
    used = sum(stats.get(f"cmdstat_{name}", {"usec": 0})["usec"] for name in names)
    samples = {"the process": [ours], "Redis": [used / 1e6 / count]}
    return Row("Redis", name, samples, is_timed=False)


def main() -> None:
    """Measure everything, and update the documentation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows: list[Row] = []
    for part in (redis(), syncs(), iter([size()]), throughput(options.seconds, options.rounds)):
        for row in part:
            rows.append(row)
            shown = (f"{who}: {row.median(who):,.6g}" for who in row.samples)
            print(f"{row.name} ({row.unit}): {', '.join(shown)}", flush=True)
    save(rows, scaling_report.JSON)
    scaling_report.document(rows)


if __name__ == "__main__":
    main()
