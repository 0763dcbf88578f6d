"""Numbers of things, and durations, in words."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil


def counted(n: int, noun: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "page"), counted(1200, "page"), counted(0, "empty item")
    ('1 page', '1,200 pages', '0 empty items')
    """
    return f"{n:,} {noun if n == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun.

    >>> [plural(noun) for noun in ("journal entry", "day", "status", "match", "list")]
    ['journal entries', 'days', 'statuses', 'matches', 'lists']
    """
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"


def listed(counts: Mapping[str, int]) -> str:
    """Return numbers by noun in words, without those that are zero.

    >>> listed({"note": 1, "item": 3, "list": 0}), listed({})
    ('1 note, 3 items', 'nothing')
    """
    return ", ".join(counted(n, noun) for noun, n in counts.items() if n) or "nothing"


def duration(seconds: float) -> str:
    """Return a duration in words: whole seconds up to a minute, then minutes, and hours.

    >>> duration(0.4), duration(59), duration(90), duration(3600), duration(4000)
    ('1 second', '59 seconds', '2 minutes', '1 hour', '1 hour and 7 minutes')
    """
    if seconds <= 59:
        return counted(max(1, ceil(seconds)), "second")
    hours, minutes = divmod(ceil(seconds / 60), 60)
    parts = [(hours, "hour"), (minutes, "minute")]
    return " and ".join(counted(n, noun) for n, noun in parts if n)
