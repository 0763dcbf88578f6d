"""Excerpts: the part of a text around a term."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from unicodedata import combining, normalize

_AROUND = 40
"""How many characters are shown before and after the term."""


def excerpt(texts: Iterable[str], term: str) -> str:
    """Return the part of a text around a term, on one line, with the term between `**`.

    Takes the first text that contains the term; if none does, returns the start of the first one.
    Ignores case and white space, as the service does.

    >>> excerpt(["Tickets", "Take the tram\\n28 uphill"], "TRAM 28")
    'Take the **tram 28** uphill'
    """
    found = pieces(texts, term)
    return "".join(f"**{piece}**" if is_term else piece for piece, is_term in found)


def pieces(texts: Iterable[str], term: str) -> list[tuple[str, bool]]:
    """Return an excerpt as `excerpt` does, in pieces: each with whether it is the term.

    >>> pieces(["Take the tram uphill"], "TRAM")
    [('Take the ', False), ('tram', True), (' uphill', False)]
    """
    lines = [" ".join(text.split()) for text in texts]
    wanted = " ".join(term.split())
    for line in lines:
        found = list(_occurrences(line, wanted))
        if found:
            return _marked(line, found)
    return next((_marked(line, [(0, 0)]) for line in lines if line), [])


def _occurrences(line: str, term: str) -> Iterator[tuple[int, int]]:
    """Yield where a term starts and ends, ignoring case by Unicode case folding."""
    parts = [folded(letter) for letter in line]
    ends = list(accumulate(map(len, parts)))
    whole, wanted = "".join(parts), folded(term)
    letters = [index for index, part in enumerate(parts) for _ in part]
    start = whole.find(wanted) if wanted else -1
    while start >= 0:
        end = start + len(wanted)
        if end < len(whole) and combining(whole[end]):  # another letter: it has an accent
            end = start + 1
        else:
            last = letters[end - 1]
            yield letters[start], last + 1
            end = ends[last]
        start = whole.find(wanted, end)


def folded(text: str) -> str:
    """Return a text in the form in which it is compared.

    >>> folded("STRASSE") == folded("straße")
    True
    """
    return normalize("NFD", normalize("NFD", text).casefold())


def _marked(line: str, found: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Return the part around the first occurrence, with all occurrences in it marked."""
    first, last = found[0]
    start, end = max(first - _AROUND, 0), min(last + _AROUND, len(line))
    if start:
        start = line.find(" ", start, first) + 1 or start  # whole words
    if end < len(line):
        space = line.rfind(" ", last, end)
        end = space if space > last else end
    parts, place = [("…" if start else "", False)], start
    for left, right in found:
        if left < right <= end:
            parts += [(line[place:left], False), (line[left:right], True)]
            place = right
    parts += [(line[place:end], False), ("…" if end < len(line) else "", False)]
    return [part for part in parts if part[0]]
