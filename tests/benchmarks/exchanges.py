"""Calls over a network: what the mapper adds to the request itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import local
from time import perf_counter
from typing import Any

import requests

from backpack_orm import Connection, Note, Page
from backpack_orm.wire.shapes import Response
from tests.benchmarks import bounds, ours
from tests.benchmarks.loading import BY_HAND
from tests.benchmarks.measuring import OURS, Row, race, take_turns
from tests.benchmarks.serving import LARGE, NESTED, PAGES, TOKEN, serving

_DELAY = 0.05
_CALLS = 10
_SAVES = 1_000
_PIECE = 1024 * 1024
_BODY = f"<request><token>{TOKEN}</token>{{}}</request>"
_HEADERS = {"Content-Type": "application/xml", "User-Agent": "bench (bench@example.com)"}


def calls() -> Iterator[Row]:
    """Measure one call with a small and a large response."""
    with serving() as url, _connected(url) as connection, requests.Session() as session:
        page = Page._stub(1, connection)
        prepared = _prepared(session, url, "page/1/email")
        yield race(
            "Exchanges",
            "one call, a small response",
            {
                "a prepared Session.send": lambda: session.send(prepared).content,
                OURS: page.email_copy,
                "Session.post": lambda: (
                    session.post(prepared.url or "", prepared.body, headers=_HEADERS).content
                ),
            },
            goal=1.25,
            clock=perf_counter,
        )
        large = _prepared(session, url, f"page/{LARGE}")
        yield race(
            "Exchanges",
            "one call, a response of 384 KB",
            {
                "a prepared Session.send": lambda: _in_pieces(session, large),
                OURS: lambda: connection.call(Page._show, (LARGE,), read=_content),
                "Session.post": lambda: (
                    session.post(large.url or "", large.body, headers=_HEADERS).content
                ),
            },
            goal=1.15,
            clock=perf_counter,
        )


def split() -> Iterator[Row]:
    """Measure the parts of `Page.find`."""
    with serving() as url, _connected(url) as connection, requests.Session() as session:
        prepared = _prepared(session, url, f"page/{NESTED}")
        response = Response(200, session.send(prepared).content)
        record = Page._full.read_one(response)
        yield race(
            "Exchanges",
            "Page.find(7), not cached",
            {
                BY_HAND: lambda: bounds.load_page(session.send(prepared).content),
                OURS: lambda: Page.find(NESTED, using=connection),
                "of it the exchange": lambda: connection.call(Page._show, (NESTED,), read=_content),
                "of it reading the response": lambda: Page._full.read_one(response),
                "of it making the object": lambda: Page._full.load_one[Page](record, connection),
            },
            clock=perf_counter,
        )


def latency() -> Iterator[Row]:
    """Measure threads that share a connection to a slow server, against the optimum."""
    with serving(_DELAY) as url, _connected(url) as connection, _Sessions() as sessions:
        page = Page._stub(1, connection)
        for threads in (1, 4, 8):
            with ThreadPoolExecutor(threads) as pool:

                def run(call: Callable[[], object], pool: ThreadPoolExecutor, count: int) -> float:
                    began = perf_counter()
                    list(pool.map(lambda _: call(), range(count)))
                    return perf_counter() - began

                turns: dict[str, Callable[[], float]] = {
                    "the ideal": lambda: _DELAY * _CALLS,
                    OURS: partial(run, page.email_copy, pool, threads * _CALLS),
                    "a session a thread": partial(
                        run, lambda: sessions.send(url, "page/1/email"), pool, threads * _CALLS
                    ),
                }
                for turn in turns.values():
                    turn()  # opens the sockets
                yield take_turns(
                    "Exchanges",
                    f"{threads * _CALLS} calls, 50 ms away, threads: {threads}",
                    turns,
                    goal=1 / 0.94,
                    samples=15,
                )


def saves() -> Iterator[Row]:
    """Measure a thousand saves of one field."""
    with serving() as url, _connected(url) as connection, requests.Session() as session:
        note = ours.load_notes(_notes(session, url), Page._stub(7, connection))[0]
        yield race(
            "Exchanges",
            f"{_SAVES:,} saves of one changed field",
            {
                BY_HAND: lambda: _save_by_hand(session, url),
                OURS: lambda: _save(note),
            },
            clock=perf_counter,
            samples=15,
        )


def all_notes() -> Iterator[Row]:
    """Measure reading the notes of a whole account, page by page."""
    with serving() as url, _connected(url) as connection, _Sessions() as sessions:
        before = connection.stats.requests
        yield race(
            "Exchanges",
            f"the notes of {PAGES} pages",
            {
                f"{BY_HAND}, in 8 threads": lambda: _notes_by_hand(sessions, url),
                OURS: lambda: Note.all(load="pages", using=connection),
            },
            clock=perf_counter,
            samples=15,
        )
        made = connection.stats.requests - before
        if made % (PAGES + 1):
            raise RuntimeError(f"{made} requests are not {PAGES + 1} for each time")


def _connected(url: str) -> Connection:
    """Return a connection without cache and rate limiter."""
    return Connection(url, token=TOKEN, ttl=0, limits=None)


def _content(response: Response) -> bytes:
    return response.content


def _prepared(
    session: requests.Session, url: str, path: str, fields: str = ""
) -> requests.PreparedRequest:
    request = requests.Request("POST", f"{url}/ws/{path}", _HEADERS, data=_BODY.format(fields))
    return session.prepare_request(request)


def _in_pieces(session: requests.Session, prepared: requests.PreparedRequest) -> bytes:
    with session.send(prepared, stream=True) as response:
        return b"".join(iter(lambda: response.raw.read(_PIECE, decode_content=True), b""))


def _notes(session: requests.Session, url: str) -> bytes:
    return session.send(_prepared(session, url, "page/7/notes/list")).content


def _save(note: Note) -> None:
    for number in range(_SAVES):
        note.title = f"Day {number} & night"
        note.save()


def _save_by_hand(session: requests.Session, url: str) -> None:
    for number in range(_SAVES):
        fields = f"<note><title>Day {number} &amp; night</title><body>Tram 28</body></note>"
        response = session.send(_prepared(session, url, "page/7/notes/update/301", fields))
        if b'success="true"' not in response.content:
            raise RuntimeError("not saved")


def _notes_by_hand(sessions: _Sessions, url: str) -> list[Any]:
    listed: Any = bounds.parse(sessions.send(url, "pages/all"))
    with ThreadPoolExecutor(8) as pool:
        responses = pool.map(lambda page: sessions.send(url, f"page/{page.get('id')}"), listed[0])
        return [note for response in responses for note in bounds.load_page(response).notes]


class _Sessions:
    """One session per thread, as requests recommends, with a request prepared for each send."""

    def __init__(self) -> None:
        self._local = local()
        self._open: list[requests.Session] = []

    def send(self, url: str, path: str) -> bytes:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            self._open.append(session)
        return session.send(_prepared(session, url, path)).content

    def __enter__(self) -> _Sessions:
        return self

    def __exit__(self, *error: object) -> None:
        for session in self._open:
            session.close()
