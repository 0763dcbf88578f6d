"""Limits of what is converted: the library textile needs time in the square of a line's length."""

from __future__ import annotations

import re

MAX_LENGTH = 100_000
"""Longest text, in characters, that is converted."""
MAX_WORK = 15_000_000
"""Largest estimate of the work that is done for a text; about three million are a second."""

_PER_BLOCK = 1_500
_PER_CHARACTER = 40
_BLOCK_END = re.compile(r"\n(?:[ \t]*\n)+")
_LIST = re.compile(r"(?:[*#;:]+ [^\n]*(?:\n|\Z))+")
_TABLE = re.compile(r"(?:\|[^\n]*\|(?:\n|\Z))+")
_LIST_MARKS = re.compile(r"^[*#;:]+", re.MULTILINE)
_MARKS = re.compile(r"[^\w\s.,;']|_")
_BLOCK_MARKS = re.compile(r"[A-Z]{3}|[<\[]")


class CannotConvert(Exception):  # noqa: N818  # says what happened, as the errors of this package do
    """A text cannot be converted; the message says why."""


def check(text: str) -> None:
    """Raise CannotConvert if a text is too large, or has too many marks in its lines.

    >>> check("Rua da *Rosa* 7")
    >>> check("x" * 200_000)
    Traceback (most recent call last):
    backpack_orm.text.limits.CannotConvert: it has 200,000 characters, more than 100,000
    """
    if len(text) > MAX_LENGTH:
        raise CannotConvert(f"it has {len(text):,} characters, more than {MAX_LENGTH:,}")
    if work(text) > MAX_WORK:
        raise CannotConvert("it has too many blocks, or too many marks in its lines")


def work(text: str) -> int:
    """Estimate the work for a text.

    It is linear but for the marks, since the library may search from each to the end of the block,
    or of the line in a list or table, and for the levels of lists.
    """
    return sum(map(_work_for_block, _BLOCK_END.split(text)))


def _work_for_block(block: str) -> int:
    has_lines = _LIST.fullmatch(block) or _TABLE.fullmatch(block)
    searched = block.split("\n") if has_lines else [block]
    searches = sum(len(part) * len(_MARKS.findall(part)) for part in searched)
    scans = len(block) * len(_BLOCK_MARKS.findall(block)) // 8
    levels = sum(4 * len(marks) ** 2 for marks in _LIST_MARKS.findall(block))
    return _PER_BLOCK + _PER_CHARACTER * len(block) + searches + scans + levels
