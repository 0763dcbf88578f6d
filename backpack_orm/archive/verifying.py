"""Verification: every file is as it was written, and every response can be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import field, frozen

from backpack_orm.archive import info
from backpack_orm.archive.cache import FOLDER as CACHE
from backpack_orm.archive.cache import NAME as CACHE_NAME
from backpack_orm.archive.cache import built, cache_path
from backpack_orm.archive.contents import Contents
from backpack_orm.archive.entries import digests
from backpack_orm.archive.exported_keys import exported_keys
from backpack_orm.archive.journal import PREFIX as JOURNAL
from backpack_orm.archive.last_sync import newest_number
from backpack_orm.archive.last_verification import note_verification
from backpack_orm.archive.log import FOLDER as LOG
from backpack_orm.archive.log import Log, LogEntry, condemned_in, path_of, removed_in, snapshots_in
from backpack_orm.archive.offline import read_exported_page
from backpack_orm.archive.packs import FOLDER as PACKS
from backpack_orm.archive.packs import MISSING, Packs, pack_path
from backpack_orm.archive.restoring.rehearsal import Difference
from backpack_orm.archive.sealed import unseal
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.storage import Storage
from backpack_orm.archive.stored_pages import EXPORT, EXPORTED, SHOWN, StoredPages
from backpack_orm.errors import ArchiveError, BackpackError
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.export import read_export
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.status import Status
from backpack_orm.models.user import User
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.rich_display import RichDisplay
from backpack_orm.wire.shapes import Response

_OWN = (info.PATH, info.LAST_SYNC, info.LAST_VERIFICATION)
_FOLDERS = (LOG, PACKS, CACHE)
PACK_NAME = re.compile(r"[0-9a-f]{16}\.(gz|jsonl)")
_READERS: dict[str, Callable[[Response], Any]] = {
    "me": User._full.read_one,
    "pages": Page._listed.read_many,
    EXPORT: read_export,
    "reminders": Reminder._full.read_many,
    "users": User._listed.read_many,
    "statuses": Status._listed.read_many,
    "bookmarks": Bookmark._full.read_many,
    "calendars": Calendar._full.read_many,
    SHOWN: Page._full.read_one,
    EXPORTED: read_exported_page,
    "emails-": Email._full.read_many,
    "events-": CalendarEvent._full.read_many,
    JOURNAL: JournalEntry._listed.read_many,
}
"""How responses are read, by their names; a dash at the end stands for any rest."""


@frozen
class Problem:
    """Something in an archive that is not as it should be.

    Attributes:
        path: The path of the file below the archive's root.
        reason: What is wrong with it.

    >>> Problem("log/000001.jsonl.gz", "is missing")
    Problem(path='log/000001.jsonl.gz', reason='is missing')
    """

    path: str
    reason: str


@frozen
class Verification(RichDisplay):
    """The result of verifying an archive. It is true if there is no problem.

    Attributes:
        snapshots: Number of snapshots.
        files: Number of files that were read.
        records: Number of records in the newest snapshot.
        problems: What is wrong.
        differences: What a rehearsal found to differ in the copy.
        not_compared: What a rehearsal has not compared, and why; empty without a rehearsal.

    >>> archive.verify().problems
    ()
    >>> rehearsal = archive.verify(rehearse=True)
    >>> bool(rehearsal), list(rehearsal.not_compared)[0]
    (True, 'ids')
    """

    snapshots: int
    files: int
    records: int
    problems: tuple[Problem, ...]
    differences: tuple[Difference, ...] = ()
    not_compared: Mapping[str, str] = field(factory=dict, repr=False)

    def __bool__(self) -> bool:
        return not self.problems and not self.differences


class Verifier:
    """Verifies an archive: each part once, and the records of the newest snapshot.

    Args:
        storage: The archive's files.
        log: Its log.
        packs: Its packs.
        snapshot: Returns the snapshot of an entry of the log, read without the cache.
        report: Called after each pack, and for each page of the newest snapshot.
    """

    def __init__(
        self,
        storage: Storage,
        log: Log,
        packs: Packs,
        snapshot: Callable[[LogEntry], Snapshot],
        report: Progress,
    ) -> None:
        self._storage = storage
        self._log = log
        self._packs = packs
        self._snapshot = snapshot
        self._report = report
        self._problems: dict[Problem, None] = {}
        self._damaged: dict[tuple[str, str], str] = {}
        self._files = self._records = 0

    def run(self, clock: Callable[[], datetime]) -> Verification:
        """Read and compare everything, and note which parts are damaged.

        Args:
            clock: Returns the time as an aware datetime.
        """
        self._described()
        readable = list(self._readable())
        snapshots = snapshots_in(readable)
        if not snapshots:
            self._add(LOG, "contains no snapshot")
        self._chained(readable)
        self._expected()
        self._packs.refresh(condemned_in(readable))
        copies, self._damaged = self._packs.copies(self._report)
        self._files += 2 * len(self._packs.names - condemned_in(readable))
        self._verify_packs(copies, snapshots)
        if snapshots and not self._problems:
            self._verify_contents(self._snapshot(snapshots[-1]))
        for entry in snapshots:
            if not self._problems:
                self._verify_cache(self._snapshot(entry))
        found = Verification(len(snapshots), self._files, self._records, tuple(self._problems))
        if readable:
            with suppress(ArchiveError):  # such as a read-only disk: the result is what counts
                note_verification(
                    self._storage, clock(), is_sound=bool(found), damaged=self._damaged
                )
        return found

    def _add(self, path: str, reason: object) -> None:
        self._problems[Problem(path, str(reason))] = None

    def _described(self) -> None:
        """Verify `archive.json`, `last-sync.json` and `last-verification.json`."""
        names = set(self._storage.names(""))
        if info.PATH not in names and self._log.numbers():
            self._add(info.PATH, "is missing: the next sync writes it")
        for path in sorted(set(_OWN) & names):
            self._files += 1
            try:
                unseal(self._storage.read(path))
            except (BackpackError, ValueError) as error:
                self._add(path, f"is not as it was written: {error}")

    def _readable(self) -> Iterator[LogEntry]:
        for number in self._log.numbers():
            self._files += 1
            try:
                yield self._log.read(number)
            except BackpackError as error:
                self._add(path_of(number), error)

    def _chained(self, readable: Sequence[LogEntry]) -> None:
        """Verify that all entries follow one another, and that none is lost."""
        known = {entry.number: entry.identity for entry in readable} | removed_in(readable)
        for entry in readable:
            number, identity = entry.previous or (0, "")
            if number in known and known[number] != identity:
                self._add(path_of(number), f"is not the entry that {entry.path} follows")
            if number >= entry.number:
                self._add(entry.path, f"follows entry {number}")
            if entry.archive != readable[-1].archive:
                self._add(entry.path, f"is of another archive than {readable[-1].path}")
        with suppress(BackpackError, FileNotFoundError, LookupError, TypeError, ValueError):
            described = info.info_in_file(self._storage).described()  # damage is named already
            if readable and described != readable[-1].archive:
                self._add(info.PATH, f"is of another archive than {readable[-1].path}")
        for number in self._log.lost(readable, newest_number(self._storage)):
            self._add(path_of(number), "is missing, and prune() has not removed it")

    def _expected(self) -> None:
        """Find what does not belong to an archive."""
        for name in self._storage.names(""):
            if name not in (*_OWN, *_FOLDERS):
                self._add(name, "is not part of an archive")
        for name in self._log.unknown():
            self._add(f"{LOG}/{name}", "is not part of an archive")
        for name in self._storage.names(PACKS):
            if not PACK_NAME.fullmatch(name):
                self._add(f"{PACKS}/{name}", "is not part of an archive")
        try:
            for name in self._storage.names(CACHE):
                if not CACHE_NAME.fullmatch(name):
                    self._add(f"{CACHE}/{name}", "is not part of an archive")
        except BackpackError as error:
            self._add(CACHE, error)

    def _verify_packs(self, copies: Mapping[str, Set[str]], snapshots: Sequence[LogEntry]) -> None:
        """Name what is wrong with packs, unless all their parts are in others too."""
        for (name, part), reason in self._damaged.items():
            if part not in copies:
                self._add(pack_path(name), reason)
        responses = [(entry, *each) for entry in snapshots for each in entry.responses()]
        needed = {part for _, _, parts in responses for part in parts}
        for path, reason in self._packs.problems.items():
            name = path.removeprefix(f"{PACKS}/").partition(".")[0]
            held = {row[0] for row in self._packs.rows(name)}
            if path.endswith(".jsonl"):  # without one, the pack may be the rest of a crash
                is_problem = reason != MISSING or not needed.isdisjoint(held)
            else:
                is_problem = not held or any(copies.get(part, set()) <= {name} for part in held)
            if is_problem:
                self._add(path, reason)
        for entry, stored, parts in responses:
            if missing := sum(part not in copies for part in parts):
                self._add(entry.path, f"lacks {missing} of {len(parts)} parts of {stored.name}")

    def _verify_contents(self, snapshot: Snapshot) -> None:
        """Verify the responses of a snapshot, and the records in them."""
        contents, path = snapshot.contents, snapshot.entry.path
        for name, stored in contents.responses.items():
            try:
                body = contents.read(name)
                _reader_of(name)(Response(200, body))
            except BackpackError as error:
                self._add(path, f"{name}: {error}")
                continue
            if len(body) != stored.size:
                self._add(path, f"{name} has {len(body)} bytes instead of {stored.size}")
        try:
            self._verify_pages(contents, path)
            what = f"verifying the records of snapshot {snapshot.number}"
            records = digests(snapshot.connection, self._report, what)
            self._records = len(records)
            if EXPORT in contents:
                for type, id in dict.fromkeys(exported_keys(contents)):
                    if (type, id) not in records:
                        self._add(path, f"{EXPORT} contains {type} {id}, which no record shows")
        except BackpackError as error:
            self._add(path, error)

    def _verify_cache(self, snapshot: Snapshot) -> None:
        """Compare the cache of a snapshot, if there is one, with one that is built now."""
        path = cache_path(snapshot.entry)
        try:
            content = self._storage.read(path)
        except FileNotFoundError:
            return
        except BackpackError as error:
            self._add(path, error)
            return
        self._files += 1
        if content != built(snapshot.entry, snapshot.contents):
            self._add(path, "differs from its snapshot: delete it, and the next sync writes it")

    def _verify_pages(self, contents: Contents, path: str) -> None:
        """Verify that every page in the list of pages is there, or is a gap."""
        if "pages" not in contents:
            return
        listed = Page._listed.read_many(Response(200, contents.read("pages")))
        gaps = {gap.what for gap in contents.gaps}
        missing = {page[0] for page in listed} - set(StoredPages(contents).ids)
        for id in sorted(missing):
            if f"page {id}" not in gaps:
                self._add(path, f"lacks page {id}")


def _reader_of(name: str) -> Callable[[Response], Any]:
    found = _READERS.get(name)
    if found is not None:
        return found
    prefixes = [each for each in _READERS if each.endswith("-") and name.startswith(each)]
    return _READERS[max(prefixes, key=len)]
