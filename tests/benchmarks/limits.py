"""Reading a whole account: how close to the rate limit, and that no request is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.benchmarks.measuring import OURS, Row

PAGES = 300
PERMITTED, WINDOW = 100, 5
"""The rate limit: number of requests, and window in seconds."""
ROUNDS = 15
_HALF = """
import sys
from backpack_orm import Connection, Page
url, storage, ids = sys.argv[1:]
connection = Connection(url, token="a-token-for-limits", limits=storage)
print("ready", flush=True)
sys.stdin.readline()
for id in ids.split():
    Page.find(int(id), using=connection)
"""


def rate() -> Iterator[Row]:
    """Measure a whole account in one process, and in two that share Redis."""
    yield whole_account()
    yield page_by_page()
    yield from two_processes()


def whole_account() -> Row:
    """Measure one process that reads the export, and one that sends the same requests by hand."""
    samples: dict[str, list[float]] = {"the same three requests by hand, not parsed": [], OURS: []}
    by_hand, ours = samples.values()
    with _account() as box:
        for _ in range(ROUNDS):
            with Connection(box.url, token=box.token, limits=None) as connection:
                before, began = box.requests, time.monotonic()
                pages = Page.all(load=True, using=connection)
                ours.append(time.monotonic() - began)
                if (len(pages), box.requests - before) != (PAGES, 3):
                    raise RuntimeError(f"{box.requests - before} requests for {len(pages)} pages")
            with requests.Session() as session:
                began = time.monotonic()
                session.get(f"{box.url}/{box.token}/me.xml")
                body = f"<request><token>{box.token}</token></request>"
                session.post(f"{box.url}/ws/pages/all", body)
                session.get(f"{box.url}/{box.token}/users/1000/export.xml")
                by_hand.append(time.monotonic() - began)
    return Row("Limits", "read an account of 300 pages", samples, None, is_timed=False)


def page_by_page() -> Row:
    """Measure one process that reads every page by itself."""
    with _account() as box, Connection(box.url, token=box.token) as connection:
        began = time.monotonic()
        Page.all(load="pages", using=connection)
        seconds = time.monotonic() - began
        _check(box, PAGES + 1)
    return _row("the same, page by page", 1 / 0.95, PAGES + 1, seconds)


def two_processes() -> Iterator[Row]:
    """Measure two processes that share Redis and read half of the pages each, if it is there."""
    program = shutil.which("redis-server")
    if program is None:
        return
    with _account() as box, _redis(program) as storage:
        ids = [str(number) for number in range(1, PAGES + 1)]
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _HALF, box.url, storage, " ".join(half)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for half in (ids[::2], ids[1::2])
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        began = time.monotonic()
        for process in processes:
            process.communicate("go\n")
        seconds = time.monotonic() - began
        _check(box, PAGES)
    yield _row("the same, two processes, one Redis", None, PAGES, seconds)


@contextmanager
def _account() -> Iterator[Sandbox]:
    """Start a sandbox with rate limits and a large account."""
    pages = "".join(
        f'<page title="Page {id}" id="{id}"><notes><note title="Note {id}" id="{PAGES + id}" '
        f'created_at="2026-05-14 16:39:02">Text of note {id}</note></notes></page>'
        for id in range(1, PAGES + 1)
    )
    export = f'<user id="1000" name="Ana"><pages>{pages}</pages><reminders></reminders></user>'
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder, "export.xml")
        seed.write_text(export, "utf-8")
        with Sandbox(seed=str(seed), token="a-token-for-limits", limits=True) as box:
            yield box


@contextmanager
def _redis(program: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder, "redis.sock")
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
        with subprocess.Popen(
            [program, *options], cwd=folder, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            for line in server.stdout:
                if "ready to accept" in line.lower():
                    break
            yield f"redis+unix://{socket}"
            server.terminate()
            server.communicate()


def _check(box: Sandbox, requests: int) -> None:
    statuses = [exchange.status for exchange in box.log]
    if statuses != [200] * requests:
        refused = statuses.count(503)
        raise RuntimeError(
            f"{requests} responses were expected; of {len(statuses)}, {refused} refused"
        )


def _row(name: str, goal: float | None, requests: int, seconds: float) -> Row:
    """Return the row that compares the time with the permitted rate."""
    permitted = (requests - 1) // PERMITTED * WINDOW
    samples = {"what the service permits": [float(permitted)], OURS: [seconds]}
    return Row("Limits", name, samples, goal, is_timed=False)
