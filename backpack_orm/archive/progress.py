"""Progress of what takes long: shown on standard error, or passed to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = "Callable[[str, int, int], object]"
"""Takes what is done at the moment, how much of it is finished, and the total; 0 if unknown."""


def reporter(progress: bool | Progress) -> Progress:
    """Return the function to report to.

    Args:
        progress: True to show it on standard error, False for nothing, or a function.

    >>> reporter(False)("reading pages", 3, 10)
    """
    if callable(progress):
        return progress
    return _show if progress else silent


def silent(what: str, done: int, total: int) -> None:
    """Report nothing.

    >>> silent("reading pages", 3, 10)
    """


def _show(what: str, done: int, total: int) -> None:
    of = f"/{total}" if total else ""
    is_last = total and done >= total
    sys.stderr.write(f"\r\x1b[K{what} {done}{of}" + ("\n" if is_last else ""))
    sys.stderr.flush()
