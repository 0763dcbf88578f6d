"""Progress of what takes long: shown on standard error, or passed to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TypeAlias

Progress: TypeAlias = "Callable[[str, int, int], object]"
"""Takes what is done at the moment, how much of it is finished, and the total; 0 if unknown."""


def reporter(progress: bool | Progress) -> Progress:
    """Return the function to report to.

    Args:
        progress: True to show it on standard error, as a bar if tqdm is installed; False for
            nothing, or a function.

    >>> reporter(False)("reading pages", 3, 10)
    """
    if callable(progress):
        return progress
    if not progress:
        return silent
    with suppress(ImportError):
        return _Bar(import_module("tqdm").tqdm)
    return _Line()


@contextmanager
def reporting(progress: bool | Progress) -> Iterator[Progress]:
    """Yield the function to report to, and end the line on standard error with the block.

    >>> with reporting(False) as report:
    ...     report("reading pages", 3, 10)
    """
    report = reporter(progress)
    try:
        yield report
    finally:
        if isinstance(report, _Bar | _Line):
            report.end()


def silent(what: str, done: int, total: int) -> None:
    """Report nothing.

    >>> silent("reading pages", 3, 10)
    """


class _Line:
    """Shows progress as one line, which is overwritten."""

    def __init__(self) -> None:
        self._is_open = False

    def __call__(self, what: str, done: int, total: int) -> None:
        of = f"/{total}" if total else ""
        sys.stderr.write(f"\r\x1b[K{what} {done}{of}")
        self._is_open = True
        if total and done >= total:
            self.end()
        sys.stderr.flush()

    def end(self) -> None:
        if self._is_open:
            sys.stderr.write("\n")
        self._is_open = False


class _Bar:
    """Shows progress as a bar of tqdm for each task."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._bar is None or self._what != what:
            self.end()
            self._what, self._bar = what, self._tqdm(desc=what, total=total or None)
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)
        if total and done >= total:
            self.end()

    def end(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
