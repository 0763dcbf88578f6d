"""Writes the snapshots of outputs: `python -m tests.cli.shown`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backpack_orm.sandbox import Sandbox
from tests.cli.terminal import PROGRAM, shown_by
from tests.conftest import NOW

FOLDER = Path(__file__).parent / "snapshots"
COMMANDS = {
    "page-list": "page list",
    "page-show": "page show Lisbon",
    "todos": "todos --page Groceries",
    "reminders": "reminder list",
    "events": "calendar events",
    "missing": "page show Lisbn",
}
"""Commands by the names of their files."""


def rendered(words: str, box: Sandbox) -> str:
    """Return what a command prints in a terminal, in a pipe and as JSON."""
    parts = [f"$ backpack {words}", shown_by(*words.split(), width=120)]
    for format in ([], ["-o", "json"]):
        parts += [
            f"$ backpack {' '.join([words, *format])} | cat",
            shown_by(*words.split(), *format, piped=True),
        ]
    text = "\n".join("\n".join(map(str.rstrip, part.splitlines())) for part in parts)
    return text.replace(box.url, "http://127.0.0.1") + "\n"


def all_rendered(box: Sandbox) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each snapshot."""
    for name, words in COMMANDS.items():
        yield FOLDER / f"{name}.txt", rendered(words, box)


@contextmanager
def demonstration() -> Iterator[Sandbox]:
    """Let the program use a demonstration account in this process, with a home of its own."""
    with tempfile.TemporaryDirectory() as home, Sandbox(seed="demo", clock=lambda: NOW) as box:
        os.environ |= {
            "HOME": home,
            "BACKPACK_CONFIG": f"{home}/config.toml",
            "XDG_CACHE_HOME": home,
            "BACKPACK_URL": box.url,
            "BACKPACK_TOKEN": box.token,
            "PAGER": "cat",
        }
        yield box


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with demonstration() as box:
        for path, text in all_rendered(box):
            path.write_text(text, "utf-8")
    print(f"{len(COMMANDS)} snapshots, by {' '.join(PROGRAM[-2:])}")
