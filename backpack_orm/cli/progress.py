"""Progress of long work, on standard error if it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from backpack_orm.cli import streams
from backpack_orm.cli.state import State

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def progress(state: State) -> Iterator[Callable[[str, int, int], object] | Literal[False]]:
    """Yield a function that shows how much of the current step is done, or False.

    The function takes what is done, how much of it, and the total, which is 0 if it is unknown.
    """
    if not _is_visible(state):
        yield False
        return
    with _bar() as bar:
        task = bar.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            text = what[:1].upper() + what[1:]
            bar.update(task, description=text, completed=done, total=total or None)

        yield report


def _is_visible(state: State) -> bool:
    return not state.output.quiet and streams.is_terminal(sys.stderr)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
