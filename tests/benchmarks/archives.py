"""Archives of 200 and of 2,000 pages: time and memory per record, which must not grow with size."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backpack_orm.sandbox import Sandbox
from tests.benchmarks.measuring import OURS, Row

SMALL, LARGE = 200, 2_000
NOTES, ITEMS = 10, 50
"""On each page: 20,000 notes and 100,000 items in the large account."""
_RECORDS = 1 + 1 + 1 + NOTES + ITEMS
"""A page, its list, its tag, its notes and its items."""
_LINEAR = 1.25
"""How much more time and memory per record a ten times larger account may take."""
_STEPS = {
    "sync": "archive.sync(connection)",
    "open": "len(archive.pages)",
    "find one page": "archive.pages['Page 3'].notes[0].title",
    "find one page without the cache": (
        "(folder / 'backup/cache').rename(folder / 'cache'); "
        "archive.pages['Page 3'].notes[0].title; "
        "(folder / 'cache').rename(folder / 'backup/cache')"
    ),
    "verify": "assert archive.verify()",
    "to iCalendar": "archive.to_ics(folder / 'calendar.ics')",
    "to SQLite": "archive.to_sqlite(folder / 'notes.db')",
    "to CSV": "archive.to_csv(folder / 'tables')",
    "to JSON Lines": "archive.to_jsonl(folder / 'lines')",
    "to Parquet": "archive.to_parquet(folder / 'columns')",
    "list the files": "archive.to_file_list(folder / 'files.csv')",
    "history of a note": "archive.history(('note', 10000301))",
    "to Markdown": "archive.to_markdown(folder / 'notes')",
    "to HTML": "archive.to_html(folder / 'site')",
}
_PROGRAM = """
import re, sys
from pathlib import Path
from time import process_time
from backpack_orm import Connection
from backpack_orm.archive import Archive

def memory(name):
    return int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

folder, url, token = Path(sys.argv[1]), input(), input()
connection = Connection(url, token=token, limits=None, max_response_size=1_000_000_000)
archive = Archive(folder / "backup")
Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
before, began = memory("VmRSS"), process_time()
{step}
print(process_time() - began, memory("VmHWM") - before)
"""


def size() -> Iterator[Row]:
    """Measure each step in a process of its own, for both accounts: processor time and the peak."""
    with _account(SMALL) as small, _account(LARGE) as large:
        for name, step in _STEPS.items():
            bound = [value / (SMALL * _RECORDS) for value in small(step)]
            ours = [value / (LARGE * _RECORDS) for value in large(step)]
            for index, (what, unit) in enumerate((("time", "second"), ("peak memory", "byte"))):
                samples = {f"{SMALL} pages": [bound[index]], OURS: [ours[index]]}
                title = f"archive of {LARGE:,} pages: {name}, {what} per record"
                yield Row("Archive", title, samples, _LINEAR, unit, is_timed=False)


@contextmanager
def _account(pages: int) -> Iterator[Callable[[str], tuple[float, float]]]:
    """Yield a function that returns the seconds and the bytes at the peak of a step."""
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder, "export.xml")
        seed.write_text(export(pages), "utf-8")
        with Sandbox(seed=str(seed)) as box:

            def measure(step: str) -> tuple[float, float]:
                command = [sys.executable, "-c", _PROGRAM.format(step=step), folder]
                account = f"{box.url}\n{box.token}\n"  # not as arguments, which others can see
                found = subprocess.check_output(command, input=account, text=True)
                seconds, peak = found.split()
                return float(seconds), float(peak)

            yield measure


def export(pages: int) -> str:
    """Return an export with so many pages, each with notes, items and a tag."""
    return (
        '<user id="1000" name="Ana"><pages>'
        + "".join(map(_page, range(1, pages + 1)))
        + "</pages><reminders></reminders></user>"
    )


def _page(id: int) -> str:
    first = 10_000_000 + id * 100
    notes = "".join(
        f'<note title="Note {n}" id="{first + n}" created_at="2026-05-14 16:39:02">'
        f'Text of *note* {n} of page {id}, with a "link":/pages/{id} and some more words.</note>'
        for n in range(NOTES)
    )
    items = "".join(
        f'<item completed="{str(n % 3 == 0).lower()}" id="{first + n}">Item {n} of {id}</item>'
        for n in range(ITEMS)
    )
    return (
        f'<page title="Page {id}" id="{id}" email_address="p{id}"><notes>{notes}</notes>'
        f'<lists><list name="List" id="{id}"><items>{items}</items></list></lists>'
        f'<tags><tag name="Tag {id % 40}" id="{id % 40 + 1}"/></tags></page>'
    )
