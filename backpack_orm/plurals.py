"""Numbers of things in words."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "page"), counted(1200, "page"), counted(0, "empty item")
    ('1 page', '1,200 pages', '0 empty items')
    >>> counted(2, "gallery"), counted(2, "day"), counted(2, "status")
    ('2 galleries', '2 days', '2 statuses')
    """
    return f"{n:,} {noun if n == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun.

    >>> plural("journal entry"), plural("list")
    ('journal entries', 'lists')
    """
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
