"""Importing an export takes memory and time in proportion to its size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

IMPORTING = """
import os, resource, sys, time
from backpack_orm.sandbox import Sandbox
def seconds(name, size):
    begin = time.process_time()
    Sandbox(seed=f"{name}-{size}.xml", data=f"{name}-{size}.db").close()
    return time.process_time() - begin
def kilobytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds("many_items", 1)  # all that is loaded once
for name in sys.argv[1:]:
    if os.fork() == 0:
        seconds(name, 1)  # touches the memory that was forked
        small, before = seconds(name, 2000), kilobytes()
        print(name, small, seconds(name, 20000), kilobytes() - before, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


def many_items(count: int) -> str:
    items = "".join(f"<item id='{1000 + i}'>To do some day</item>" for i in range(count))
    return (
        f"<page id='1'><lists><list id='2' name='All'><items>{items}</items></list></lists></page>"
    )


def many_notes(count: int) -> str:
    belongings = "".join(
        f"<belonging id='{5_000_000 + i}'><position>{i + 1}</position>"
        f"<widget type='Note' id='{1000 + i}'/></belonging>"
        for i in range(count)
    )
    notes = "".join(f"<note id='{1000 + i}' title='Keys'>Baker</note>" for i in range(count))
    return f"<page id='1'><belongings>{belongings}</belongings><notes>{notes}</notes></page>"


def many_pages(count: int) -> str:
    pages = "".join(
        f"<page id='{1000 + i}' title='Lisbon'><tags><tag id='7' name='Travel'/></tags></page>"
        for i in range(count)
    )
    return f"<pages>{pages}</pages>"


def many_people(count: int) -> str:
    """Return reminders for users of whom every tenth has the name of another."""
    reminders = "".join(
        f"<reminder id='{i}'><content>Call</content><remindees>"
        f"<user id='{1_000_000 + i}' name='Sam {i // 10}'/></remindees></reminder>"
        for i in range(1, count // 10)
    )
    return f"<user id='1' name='Nora'><pages/><reminders>{reminders}</reminders></user>"


SHAPES = {each.__name__: each for each in (many_items, many_notes, many_pages, many_people)}


def test_an_import_takes_little_memory_and_linear_time(tmp_path: Path) -> None:
    for name, shape in SHAPES.items():
        for size in (1, 2_000, 20_000):
            (tmp_path / f"{name}-{size}.xml").write_text(shape(size))
    command = [sys.executable, "-c", IMPORTING, *SHAPES]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == list(SHAPES)
    for name, *figures in rows:
        seconds_of_small, seconds, kilobytes = map(float, figures)
        size = (tmp_path / f"{name}-20000.xml").stat().st_size
        assert kilobytes * 1024 <= 10 * size + 4_000_000, f"{name}: {figures}"
        assert seconds <= 20 * seconds_of_small, f"{name}: {figures}"
