"""Checks names of accounts, users, calendars and tokens."""

from __future__ import annotations

import unicodedata

LONGEST = 200

_DOTS = ".\u3002"  # NFKC makes all other dots that domains accept one of these


def normal_name(name: str) -> str:
    """Return the form in which names that people take for the same are equal.

    It has no letter case, white space, dots or invisible characters.

    >>> normal_name("Acme Ltd.") == normal_name("ＡＣＭＥ.ltd")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(
        char
        for char in folded
        if char not in _DOTS and unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp", "Zs")
    )


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
