"""From the bytes of a response to objects: lists, pages, and lists of any length."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from backpack_orm import Connection, Page
from tests.benchmarks import bounds, ours, peers, responses
from tests.benchmarks.measuring import OURS, Row, race, take_turns

BY_HAND = "by hand"
SIZES = (100, 1_000, 10_000, 100_000)
COUNT = 2_000


def lists() -> Iterator[Row]:
    """Measure a list of 2,000 notes."""
    content, page = responses.notes(COUNT), Page._stub(7, unused_connection())
    contenders: dict[str, Callable[[], object]] = {
        BY_HAND: lambda: bounds.load_notes(content),
        OURS: lambda: ours.load_notes(content, page),
        "backpack_orm, records alone": lambda: ours.read_notes(content),
    }
    for make in peers.LOADERS:
        peer = make(COUNT)
        check(peer)
        contenders[peer.name] = peer.load
    yield race("Loading", f"a list of {COUNT:,} notes", contenders, goal=1.0)


def pages() -> Iterator[Row]:
    """Measure a complete page."""
    content, connection = responses.page(notes=50, lists=10, items=20, tags=10), unused_connection()
    yield race(
        "Loading",
        "a page of 50 notes, 10 × 20 items, 10 tags",
        {
            BY_HAND: lambda: bounds.load_page(content),
            OURS: lambda: ours.load_page(content, connection),
            "its XML alone": lambda: bounds.parse(content),
        },
        goal=0.8,
    )
    yield race(
        "Loading",
        "the same, everything on it touched",
        {
            BY_HAND: lambda: bounds.load_page(content),
            OURS: lambda: ours.touch(ours.load_page(content, connection)),
        },
        goal=1.0,
    )


def subclasses() -> Iterator[Row]:
    """Measure the same notes through a subclass of the model."""
    content, page = responses.notes(COUNT), Page._stub(7, unused_connection())
    for name, subclass, goal in (
        ("a subclass", ours.PlainNote, 1.05),
        ("a subclass whose objects have a __dict__", ours.OpenNote, 1.35),
    ):
        yield race(
            "Loading",
            f"a list of {COUNT:,} notes, through {name}",
            {
                "through Note": lambda: ours.load_notes(content, page),
                OURS: partial(ours.load_notes, content, page, subclass),
            },
            goal=goal,
        )


def scale() -> Iterator[Row]:
    """Measure lists of any length: the time per record must not grow."""
    page = Page._stub(7, unused_connection())
    for size in SIZES:
        content = responses.notes(size)
        yield race(
            "Time by length",
            f"load {size:,} notes",
            {
                BY_HAND: partial(bounds.load_notes, content),
                OURS: partial(ours.load_notes, content, page),
            },
            goal=1.15,
            samples=15,
        )
    for size in SIZES:
        yield _memory(f"hold {size:,} notes", size)
    yield _peak()


def memory() -> Iterator[Row]:
    """Measure the retained bytes per note, with other libraries."""
    row = _memory(f"{COUNT:,} notes in memory", COUNT)
    samples = dict(row.samples)
    for make in peers.LOADERS[1:]:
        peer = make(COUNT)
        samples[peer.name] = [bytes_of(peer.load) / COUNT]
    yield Row("Memory", row.name, samples, row.goal, "byte", is_timed=False)


def _memory(name: str, size: int) -> Row:
    """Measure the bytes of a note object with its values, against a tuple."""
    content, page = responses.notes(size), Page._stub(7, unused_connection())
    loaders = {
        "a bare tuple": lambda: [(*record,) for record in ours.read_notes(content)],
        OURS: lambda: ours.load_notes(content, page),
        "attrs, by hand": lambda: bounds.load_notes(content),
    }
    samples = {who: [bytes_of(load) / size] for who, load in loaders.items()}
    return Row("Memory by length", name, samples, 1.3, "byte", is_timed=False)


def _peak() -> Row:
    """Measure the peak memory of loading, each time in a new process."""
    size = SIZES[-1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "response.xml")
        path.write_bytes(responses.notes(size))

        def peak(load: str) -> Callable[[], float]:
            command = [sys.executable, "-c", _PEAK.format(load=load), str(path)]
            return lambda: float(subprocess.check_output(command)) / size

        return take_turns(
            "Memory by length",
            f"load {size:,} notes, at the peak",
            {
                BY_HAND: peak("bounds.load_notes(content)"),
                OURS: peak("ours.load_notes(content, Page._stub(7, unused_connection()))"),
            },
            goal=1.2,
            samples=5,
            unit="byte",
        )


_PEAK = """
import re, sys
from pathlib import Path
from backpack_orm import Page
from tests.benchmarks import bounds, ours
from tests.benchmarks.loading import unused_connection

def memory(name):
    return int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

content = Path(sys.argv[1]).read_bytes()
Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
before = memory("VmRSS")
objects = {load}
print(memory("VmHWM") - before)
"""


def bytes_of(function: Callable[[], object]) -> int:
    """Return the memory of the result of a call, as counted by Python's allocator."""
    function()
    gc.collect()
    tracemalloc.start()
    try:
        result = function()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        del result


def check(peer: peers.Peer) -> None:
    """Check that a library has created the same content as all others.

    Raises:
        RuntimeError: It has not, so its time cannot be compared.
    """
    made = [(note.title, note.body) for note in peer.load()]
    if made != [(record.title, record.body) for record in responses.records(COUNT)]:
        raise RuntimeError(f"{peer.name} has loaded other content")


def unused_connection() -> Connection:
    """Return a connection that is never used."""
    return Connection("acme", token="0123456789abcdef")
