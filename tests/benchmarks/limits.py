"""Reading a whole account: how close to the rate limit, and that no request is refused."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.benchmarks import shared_limits
from tests.benchmarks.measuring import OURS, Row

PAGES = 300
PERMITTED, WINDOW = 100, 5
"""The rate limit: number of requests, and window in seconds."""
ROUNDS = 15


def rate() -> Iterator[Row]:
    """Measure a whole account in one process, and four that share Redis."""
    yield whole_account()
    yield page_by_page()
    if shutil.which("redis-server"):
        yield four_processes()


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


def four_processes() -> Row:
    """Measure four processes that share Redis, through random delays, for a minute."""
    measured = shared_limits.measure(60, delay=0.3, skew=10)
    if measured.refused >= measured.requests / 1000:
        raise RuntimeError(f"too many were refused: {measured}")
    samples = {"what the service permits": [float(WINDOW)], OURS: [WINDOW / measured.rate]}
    name = "100 requests by four processes, one Redis"
    return Row("Limits", name, samples, 1 / 0.95, is_timed=False)


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
