"""The journal in a snapshot: windows that were read again, and older ones that were not.

The service returns the journal in windows of a hundred entries, the newest first. A sync reads the
first windows again, until they meet those that it copies from the snapshot before. So changes of
older entries are not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count, takewhile

from attrs import frozen

from backpack_orm.archive.contents import Contents
from backpack_orm.archive.slices import Sliced

WINDOW = 100
"""Entries in a window: the most that the service gives at once."""
REREAD = 3
"""Windows that every sync reads again."""


@frozen
class Entry:
    """One entry of the journal, as received."""

    id: int
    user_id: str
    content: bytes


PREFIX = "journal-"
"""With what the names of all windows begin."""


def fresh_name(n: int) -> str:
    """Return the name of the response with window `n` of the latest reading."""
    return f"{PREFIX}{n:04}"


def old_name(n: int) -> str:
    """Return the name of the copied window `n` behind those."""
    return f"{PREFIX}old-{n:04}"


def entries_in(content: bytes) -> list[Entry]:
    """Return the entries in a window."""
    sliced = Sliced(content, "journal-entry", ("id", "user/id", "user-id"))
    return [Entry(each.id, _user_in(each.values), sliced.cut(each)) for each in sliced.slices]


def merged(contents: Contents) -> list[Entry]:
    """Return all entries of a snapshot, the newest first, each in its latest version."""
    fresh = _unique(_windows(contents, fresh_name))
    old = _unique(_windows(contents, old_name))
    known = {entry.id for entry in fresh}
    # Entries before the place where both meet have been destroyed since.
    meeting = max((i for i, entry in enumerate(old) if entry.id in known), default=-1)
    return [*fresh, *(entry for entry in old[meeting + 1 :] if entry.id not in known)]


def settled(previous: Contents | None) -> list[str]:
    """Return the names of the windows of a snapshot that the next sync need not read again.

    Of those that were read again then, only whole windows are settled. Otherwise the few entries
    by which the journal grows each day would add a window to each snapshot.
    """
    if previous is None:
        return []
    fresh, old = _names(previous, fresh_name), _names(previous, old_name)
    if not old:
        return fresh[REREAD:]
    known = {entry.id for name in old for entry in entries_in(previous.read(name))}
    whole = [
        n
        for n, name in enumerate(fresh[REREAD:], REREAD)
        if known.isdisjoint(entry.id for entry in entries_in(previous.read(name)))
    ]
    # The next window meets the old ones.
    return [*(fresh[REREAD : whole[-1] + 2] if whole else ()), *old]


def _names(contents: Contents, name: Callable[[int], str]) -> list[str]:
    return list(takewhile(contents.__contains__, map(name, count())))


def _windows(contents: Contents, name: Callable[[int], str]) -> Iterator[Entry]:
    for each in _names(contents, name):
        yield from entries_in(contents.read(each))


def _unique(entries: Iterable[Entry]) -> list[Entry]:
    """Return the first version of each entry; new entries push some into the next window."""
    found: dict[int, Entry] = {}
    for entry in entries:
        found.setdefault(entry.id, entry)
    return list(found.values())


def _user_in(values: dict[str, str]) -> str:
    return values.get("user/id") or values.get("user-id") or ""
