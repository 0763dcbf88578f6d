"""`python -m tests.benchmarks [load|page|find|attributes|import …]`: how fast, against what."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator

from backpack_orm import Connection, Note, Page
from backpack_orm.sandbox import Sandbox
from tests.benchmarks import answers, bounds, limits, ours
from tests.benchmarks.measuring import SAMPLES, Result, compare, summarize, table

_ACCESSES = 10_000
_LIBRARIES = "requests, lxml.etree, attrs, cachetools"


def load() -> Iterator[Result]:
    """Lists of notes, from bytes to objects."""
    content, page = answers.notes(2000), Page._stub(7, _nowhere())
    yield compare(
        "load a list of 2,000 notes",
        1.0,
        lambda: bounds.load_notes(content),
        lambda: ours.load_notes(content, page),
    )


def page() -> Iterator[Result]:
    """A page with all that stands on it, from bytes to objects."""
    content, connection = answers.page(notes=50, lists=10, items=20, tags=10), _nowhere()
    yield compare(
        "load a page of 50 notes, 10 × 20 items",
        0.8,
        lambda: bounds.load_page(content),
        lambda: ours.load_page(content, connection),
    )
    yield compare(
        "the same, everything on it touched",
        1.0,
        lambda: bounds.load_page(content),
        lambda: ours.touch(ours.load_page(content, connection)),
    )


def find() -> Iterator[Result]:
    """What is kept, found again."""
    with Sandbox(seed="demo") as box, Connection(box.url, token=box.token, ttl=3600) as connection:
        id = Page.all(using=connection)[0].id
        hit = bounds.kept(Page.find(id, using=connection))
        yield compare("Page.find(7), kept", 3.0, hit, lambda: Page.find(id, using=connection))
        if box.requests != 2:
            raise RuntimeError("the answer was not kept, so this measured something else")


def attributes() -> Iterator[Result]:
    """Attributes, read and written."""
    slots = bounds.load_notes(answers.notes(1))[0]
    note = ours.load_notes(answers.notes(1), Page._stub(7, _nowhere()))[0]
    yield compare("read an attribute 10,000 times", 1.1, lambda: _read(slots), lambda: _read(note))
    yield compare(
        "write an attribute 10,000 times", 1.1, lambda: _write(slots), lambda: _write(note)
    )


def imports() -> Iterator[Result]:
    """The import, in processes of its own."""
    _import("backpack_orm")  # which leaves its bytecode behind, as an installation does
    pairs = [(_import(_LIBRARIES), _import("backpack_orm")) for _ in range(SAMPLES)]
    yield summarize("import backpack_orm", 1.2, pairs)


def rate() -> Iterator[Result]:
    """Whole accounts, as fast as the service permits, in seconds of the clock."""
    yield limits.whole_account()
    yield from limits.two_processes()


def _nowhere() -> Connection:
    return Connection("acme", token="0123456789abcdef")


def _read(note: Note | bounds.Note) -> None:
    for _ in range(_ACCESSES):
        note.title  # noqa: B018 - what is measured


def _write(note: Note | bounds.Note) -> None:
    for _ in range(_ACCESSES):
        note.title = "Hotel"


def _import(modules: str) -> float:
    code = f"from time import process_time as p; t = p(); import {modules}; print(p() - t)"
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return float(subprocess.check_output([sys.executable, "-c", code], env=environment))


PARTS: dict[str, Callable[[], Iterator[Result]]] = {
    "load": load,
    "page": page,
    "find": find,
    "attributes": attributes,
    "import": imports,
    "limits": rate,
}


def main() -> None:
    """Measure what the command line names, or everything."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("part", nargs="*", metavar="part", help=", ".join(PARTS))
    wanted = parser.parse_args().part or list(PARTS)
    unknown = set(wanted) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    print(f"Python {platform.python_version()}; medians of {SAMPLES} samples, processor time\n")
    results = [result for name in wanted for result in PARTS[name]()]
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
