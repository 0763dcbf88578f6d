"""Benchmarks of loaded objects: cached finds, reading and writing attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from backpack_orm import Connection, Page
from tests.benchmarks import bounds, ours, peers, responses
from tests.benchmarks.loading import unused_connection
from tests.benchmarks.measuring import OURS, Row, race
from tests.benchmarks.serving import TOKEN, serving

_ACCESSES = 10_000


def find() -> Iterator[Row]:
    """Measure cached finds."""
    import requests_cache

    with serving() as url, Connection(url, token=TOKEN, ttl=3600, limits=None) as connection:
        cached: Any = requests_cache.CachedSession("bench", backend="memory")
        hit = bounds.cached(Page.find(7, using=connection))
        address = f"{url}/ws/page/7"
        cached.get(address)
        yield race(
            "Objects",
            "Page.find(7), cached",
            {
                "a locked TTLCache": hit,
                OURS: lambda: Page.find(7, using=connection),
                "SQLAlchemy's identity map": peers.identity_map(),
                "requests-cache": lambda: cached.get(address),
            },
            goal=3.0,
        )
        if connection.stats.requests != 1 or not cached.get(address).from_cache:
            raise RuntimeError("the response was not cached, so this measured something else")
        cached.close()


def attributes() -> Iterator[Row]:
    """Measure reading and writing attributes."""
    one = responses.notes(1)
    notes: dict[str, Any] = {
        "a plain slot": bounds.load_notes(one)[0],
        OURS: ours.load_notes(one, Page._stub(7, unused_connection()))[0],
    }
    for make in peers.LOADERS[1:]:
        peer = make(1)
        notes[peer.name] = peer.load()[0]
    for verb, function in (("read", _read), ("write", _write)):
        yield race(
            "Objects",
            f"{verb} an attribute {_ACCESSES:,} times",
            {name: _alone(function, note) for name, note in notes.items()},
            goal=1.1,
        )


def _read(note: Any) -> None:
    for _ in range(_ACCESSES):
        note.title  # noqa: B018 - what is measured


def _write(note: Any) -> None:
    for _ in range(_ACCESSES):
        note.title = "Hotel"


def _alone(function: Callable[[Any], None], note: Any) -> Callable[[], object]:
    """Return a copy with its own code object, since Python specializes code to classes."""
    assert isinstance(function, FunctionType)
    own = FunctionType(function.__code__.replace(), globals())
    return lambda: own(note)
