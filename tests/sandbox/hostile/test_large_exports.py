"""Importing an export takes memory and time in proportion to its size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

IMPORTING = """
import resource, sys, time
from backpack_orm.sandbox import Sandbox
Sandbox(seed=sys.argv[1], data=sys.argv[3]).close()  # all that is loaded once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.process_time()
Sandbox(seed=sys.argv[2], data=sys.argv[4]).close()
seconds = time.process_time() - begin
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, seconds)
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


def resources(folder: Path, text: str) -> tuple[int, float]:
    """Return how many bytes and seconds it takes to import a text."""
    small, large = folder / "small.xml", folder / f"{len(text)}.xml"
    small.write_text("<page id='1'/>")
    large.write_text(text)
    data = [str(folder / f"{name}-{len(text)}.db") for name in ("small", "large")]
    command = [sys.executable, "-c", IMPORTING, str(small), str(large), *data]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kilobytes, seconds = done.stdout.split()
    return int(kilobytes) * 1024, float(seconds)


@pytest.mark.long
@pytest.mark.parametrize("shape", [many_items, many_notes, many_pages, many_people])
def test_an_import_takes_little_memory_and_linear_time(tmp_path, shape) -> None:
    small, large = shape(10_000), shape(100_000)
    _, seconds_of_small = resources(tmp_path, small)
    memory, seconds = resources(tmp_path, large)
    assert memory <= 10 * len(large)
    assert seconds <= 20 * seconds_of_small
