"""Verification: every file is as it was written, and every response can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from backpack_orm.archive import info
from backpack_orm.archive.bags import Bag, sha256
from backpack_orm.archive.cache import FOLDER as CACHE
from backpack_orm.archive.cache import NAME as CACHE_NAME
from backpack_orm.archive.cache import built, cache_path
from backpack_orm.archive.commits import FOLDER, REMOVED, SNAPSHOTS, Commit, Commits
from backpack_orm.archive.contents import Contents, path_of
from backpack_orm.archive.entries import digests
from backpack_orm.archive.exported_keys import exported_keys
from backpack_orm.archive.journal import PREFIX as JOURNAL
from backpack_orm.archive.offline import read_exported_page
from backpack_orm.archive.restoring.rehearsal import Difference
from backpack_orm.archive.sealed import unseal
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.storage import Storage
from backpack_orm.archive.stored_pages import EXPORT, EXPORTED, SHOWN, StoredPages
from backpack_orm.errors import BackpackError
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

_OWN = (info.PATH, info.LAST_SYNC)
_FOLDERS = (FOLDER, REMOVED, SNAPSHOTS, CACHE)
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

    >>> Problem("commits/000001.json", "is missing")
    Problem(path='commits/000001.json', reason='is missing')
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
    """Verifies an archive.

    Args:
        storage: The archive's files.
        commits: Its commits.
        snapshot: Returns the snapshot of a commit, read without the cache.
        report: Called after each snapshot, and for each page of one.
    """

    def __init__(
        self,
        storage: Storage,
        commits: Commits,
        snapshot: Callable[[Commit], Snapshot],
        report: Progress,
    ) -> None:
        self._storage = storage
        self._commits = commits
        self._snapshot = snapshot
        self._report = report
        self._problems: list[Problem] = []
        self._files = self._records = 0

    def run(self) -> Verification:
        """Read and compare everything."""
        self._described()
        if not self._commits.numbers():
            self._add(FOLDER, "contains no snapshot")
        commits = list(self._readable(FOLDER))
        self._chained(commits)
        self._expected(commits)
        for done, commit in enumerate(commits, 1):
            self._verify(commit)
            self._report("verifying snapshots", done, len(commits))
        return Verification(len(commits), self._files, self._records, tuple(self._problems))

    def _add(self, path: str, reason: object) -> None:
        self._problems.append(Problem(path, str(reason)))

    def _described(self) -> None:
        """Verify `archive.json` and `last-sync.json`."""
        for path in set(_OWN) & set(self._storage.names("")):
            self._files += 1
            try:
                unseal(self._storage.read(path))
            except ValueError as error:
                self._add(path, f"is not as it was written: {error}")

    def _readable(self, folder: str) -> Iterator[Commit]:
        for number in self._commits.numbers(folder):
            self._files += 1
            try:
                yield self._commits.read(number, folder)
            except BackpackError as error:
                self._add(f"{folder}/{number:06}.json", error)

    def _chained(self, commits: list[Commit]) -> None:
        """Verify that every commit names the hash of the one before, and that none is lost."""
        removed = {commit.number: commit for commit in self._readable(REMOVED)}
        known = removed | {commit.number: commit for commit in commits}
        paths = {number: f"{REMOVED}/{number:06}.json" for number in removed}
        paths |= {commit.number: commit.path for commit in commits}
        for commit in known.values():
            number, digest = commit.previous or (0, "")
            if number in known and sha256(self._storage.read(paths[number])) != digest:
                self._add(paths[number], f"is not the commit that {commit.path} follows")
            if number >= commit.number:
                self._add(paths[commit.number], f"follows commit {number}")
        for number in self._commits.lost(list(known.values())):
            self._add(f"{FOLDER}/{number:06}.json", "is missing, and prune() has not removed it")

    def _expected(self, commits: list[Commit]) -> None:
        """Find what does not belong to an archive."""
        for name in self._storage.names(""):
            if name not in (*_OWN, *_FOLDERS):
                self._add(name, "is not part of an archive")
        for folder in (FOLDER, REMOVED):
            known = {f"{number:06}.json" for number in self._commits.numbers(folder)}
            for name in set(self._storage.names(folder)) - known:
                self._add(f"{folder}/{name}", "is not part of an archive")
        try:
            for name in self._storage.names(CACHE):
                if not CACHE_NAME.fullmatch(name):
                    self._add(f"{CACHE}/{name}", "is not part of an archive")
        except BackpackError as error:
            self._add(CACHE, error)

    def _verify(self, commit: Commit) -> None:
        """Verify a snapshot: its files, then the responses in them, then their records."""
        before = len(self._problems)
        try:
            bag = self._commits.bag(commit)
        except BackpackError as error:
            self._add(f"{SNAPSHOTS}/{commit.snapshot}", error)
            return
        self._verify_files(bag, commit)
        if len(self._problems) == before:
            snapshot = self._snapshot(commit)
            self._verify_contents(snapshot, bag)
            if len(self._problems) == before:
                self._verify_cache(snapshot)

    def _verify_files(self, bag: Bag, commit: Commit) -> None:
        for path in bag.paths:
            self._files += 1
            try:
                bag.read(path)
            except BackpackError as error:
                self._add(bag.path_of(path), error)
        for path in set(self._storage.files(f"{SNAPSHOTS}/{commit.snapshot}")) - set(bag.paths):
            self._add(bag.path_of(path), "is not part of the snapshot")

    def _verify_contents(self, snapshot: Snapshot, bag: Bag) -> None:
        contents = snapshot.contents
        for name, stored in contents.responses.items():
            path = bag.path_of(f"data/{path_of(name)}")
            try:
                body = contents.read(name)
                _reader_of(name)(Response(200, body))
            except BackpackError as error:
                self._add(path, error)
                continue
            if len(body) != stored.size:
                self._add(path, f"has {len(body)} bytes instead of {stored.size}")
        try:
            self._verify_pages(contents, bag)
            what = f"verifying the records of snapshot {snapshot.number}"
            records = digests(snapshot.connection, self._report, what)
            self._records = len(records)
            if EXPORT in contents:
                for type, id in dict.fromkeys(exported_keys(contents)):
                    if (type, id) not in records:
                        export = bag.path_of(f"data/{path_of(EXPORT)}")
                        self._add(export, f"contains {type} {id}, which no record of it shows")
        except BackpackError as error:
            self._add(bag.path_of("data"), error)

    def _verify_cache(self, snapshot: Snapshot) -> None:
        """Compare the cache of a snapshot, if there is one, with one that is built now."""
        path = cache_path(snapshot.commit)
        try:
            content = self._storage.read(path)
        except FileNotFoundError:
            return
        except BackpackError as error:
            self._add(path, error)
            return
        self._files += 1
        if content != built(snapshot.commit, snapshot.contents):
            self._add(path, "differs from its snapshot: delete it, and the next sync writes it")

    def _verify_pages(self, contents: Contents, bag: Bag) -> None:
        """Verify that every page in the list of pages is there, or is a gap."""
        if "pages" not in contents:
            return
        listed = Page._listed.read_many(Response(200, contents.read("pages")))
        gaps = {gap.what for gap in contents.gaps}
        missing = {page[0] for page in listed} - set(StoredPages(contents).ids)
        for id in sorted(missing):
            if f"page {id}" not in gaps:
                self._add(bag.path_of("data"), f"lacks page {id}")


def _reader_of(name: str) -> Callable[[Response], Any]:
    found = _READERS.get(name)
    if found is not None:
        return found
    prefixes = [each for each in _READERS if each.endswith("-") and name.startswith(each)]
    return _READERS[max(prefixes, key=len)]
