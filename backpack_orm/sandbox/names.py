"""Checks names of accounts, users, calendars and tokens."""

from __future__ import annotations

import unicodedata

LONGEST = 200


def check_name(name: str, what: str = "a name") -> str:
    """Return a name; raise ValueError if it contains control characters or is too long.

    Control characters (NUL, line breaks, tabs), surrogates and noncharacters would break XML, log
    lines and terminals.

    >>> check_name("Yuki 由紀")
    'Yuki 由紀'
    >>> check_name("A\\0B")
    Traceback (most recent call last):
    ValueError: a name must not contain control characters: 'A\\x00B'
    """
    if len(name) > LONGEST:
        raise ValueError(f"{what} can have at most {LONGEST} characters, not {len(name)}")
    if any(
        unicodedata.category(char) in ("Cc", "Cs") or ord(char) & 0xFFFE == 0xFFFE for char in name
    ):
        raise ValueError(f"{what} must not contain control characters: {name!r}")
    return name
