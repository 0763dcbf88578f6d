"""Progress of long work, on standard error if it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backpack_orm.cli import streams
from backpack_orm.cli.state import State


@contextmanager
def progress(state: State, what: str) -> Iterator[Callable[[int, int], object] | None]:
    """Yield a function that shows how much is done, or None if nobody would see it.

    Args:
        state: The state of the run.
        what: What is done, such as `Reading pages`.
    """
    if state.output.quiet or not streams.is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
