"""An archive: all snapshots of one Backpack account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, tzinfo
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from attrs import evolve

from backpack_orm.archive import pruning, syncing
from backpack_orm.archive.cache import Cache
from backpack_orm.archive.comparing import Diff, compare
from backpack_orm.archive.contents import Contents, Index, no_index
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.convertible import Convertible
from backpack_orm.archive.entries import key_of
from backpack_orm.archive.history import Version, versions
from backpack_orm.archive.info import Info, read_info
from backpack_orm.archive.last_sync import LastSync, newest_number, read_last_sync
from backpack_orm.archive.log import Log, LogEntry, condemned_in, snapshots_in
from backpack_orm.archive.merging import Merged, check_same_account
from backpack_orm.archive.offline import ArchiveConnection, OfflineTransport
from backpack_orm.archive.packs import Packs
from backpack_orm.archive.pruning import Policy, PruneResult
from backpack_orm.archive.restoring.plan import Plan, make_plan
from backpack_orm.archive.restoring.rehearsal import rehearse as rehearse_restore
from backpack_orm.archive.restoring.run import RestoreResult, run_plan
from backpack_orm.archive.saved_exports import SavedExport
from backpack_orm.archive.sealed import sha256
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.storage import LocalStorage, Storage
from backpack_orm.archive.syncing import SyncResult
from backpack_orm.archive.verifying import Verification, Verifier
from backpack_orm.connection import Connection
from backpack_orm.connection.time_zones import zone_named
from backpack_orm.errors import ArchiveError, DamagedArchive, ValidationError, short_repr
from backpack_orm.models.page import Page
from backpack_orm.orm.operations.progress import Progress, reporter
from backpack_orm.orm.records.model import Model
from backpack_orm.rich_display import RichDisplay


class Archive(Convertible, RichDisplay):
    """All snapshots of one Backpack account, in a folder or at an address.

    The records of the newest snapshot are attributes: `pages`, `notes`, `lists`, `items`, `tags`,
    `emails`, `reminders`, `users`, `statuses`, `journal`, `bookmarks`, `calendars` and `events`.
    The first `sync` creates the folder.

    Args:
        location: A folder, or an address of fsspec, such as `s3://bucket/backup`.
        timezone: Time zone applied to naive timestamps, as for `Connection`: an IANA name, one of
            Backpack's, or `"account"` for the account's own. None: timestamps stay naive.
        clock: Returns the time as an aware datetime.
        **options: Options of the file system of fsspec, such as credentials.

    Raises:
        ArchiveError: The location contains something else, or an archive of a newer format.
        DamagedArchive: `archive.json` is missing or changed.

    >>> archive = Archive("new backup")
    >>> archive.sync(connection)
    SyncResult(13 requests, snapshot 1: 588 added, 0 changed, 0 removed, 4 gaps)
    >>> archive.pages["Lisbon"].notes[0].title
    'Where we sleep'
    """

    def __init__(
        self,
        location: str | PathLike[str],
        *,
        timezone: str | None = None,
        clock: Callable[[], datetime] | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(location, str | PathLike):
            raise ValidationError(
                f"Archive takes a folder or an address, not {short_repr(location)}"
            )
        self._location = fspath(location)
        self._storage = _storage_at(self._location, options)
        self._timezone = timezone
        self._clock = clock or _now
        self._log = Log(self._storage)
        self._packs = Packs(self._storage)
        self._cache = Cache(self._storage)
        self._newest: Snapshot | None = None
        self._info = read_info(self._storage)

    @property
    def name(self) -> str:
        """The location for messages, without a password.

        >>> archive.name
        'backup'
        """
        return self._storage.name

    @property
    def connection(self) -> ArchiveConnection:
        """The connection to the newest snapshot, for `using=`.

        Raises:
            ArchiveError: There is no snapshot yet.

        >>> class Trip(Page):
        ...     def packed(self) -> bool:
        ...         return all(item.completed for item in self.lists["Packing"].items)
        >>> Trip.find_by(title="Lisbon", using=archive.connection).packed()
        False
        """
        return self.newest.connection

    @property
    def newest(self) -> Snapshot:
        """The newest snapshot.

        Raises:
            ArchiveError: There is none yet.
            DamagedArchive: The newest entry of the log is changed.

        >>> archive.newest.number
        1
        """
        entry = self._log.last()
        if entry is None:
            raise ArchiveError(f"{self.name} contains no snapshot yet: call sync() first")
        if self._newest is None or self._newest.entry != entry:
            self._newest = self._snapshot(entry)
        return self._newest

    @property
    def snapshots(self) -> list[Snapshot]:
        """All snapshots whose entries in the log can be read, the oldest first.

        >>> [snapshot.number for snapshot in archive.snapshots]
        [1]
        """
        return [self._snapshot(entry) for entry in self._log.snapshots()]

    @property
    def last_sync(self) -> LastSync | None:
        """The latest sync, however it ended; None if there was none.

        Raises:
            DamagedArchive: Its file is not as it was written.

        >>> archive.last_sync.outcome
        'added a snapshot'
        """
        return read_last_sync(self._storage)

    def at(self, moment: str | date | datetime) -> Snapshot:
        """Return the snapshot that was the newest at a moment.

        Args:
            moment: An aware or naive time, or a date, for the end of that day; also in ISO 8601.
                A naive one is in the time zone of the account.

        Raises:
            ArchiveError: There was no snapshot yet.
            ValidationError: It is neither a time nor a date.

        >>> archive.at("2099-12-31").number
        1
        """
        latest = self._moment(moment)
        found = [entry for entry in self._log.snapshots() if entry.taken_at <= latest]
        if not found:
            raise ArchiveError(f"{self.name} has no snapshot from {latest} or before")
        return self._snapshot(found[-1])

    def sync(self, connection: Connection, *, progress: bool | Progress = False) -> SyncResult:
        """Read the account, and add a snapshot if anything has changed.

        Makes at most 10 requests, and one for each calendar and for each hundred new journal
        entries, whatever the number of pages; one more for each page that the export omits. Edits
        of journal entries older than the newest 300 are not seen.

        Args:
            connection: The connection to read with, always of the same user.
            progress: True to show the progress, or a function that takes what is done at the
                moment, how much of it is finished, and the total.

        Returns:
            What was read, and what has changed. What the service has refused is in `gaps`.

        Raises:
            ArchiveError: The archive is of another account, or cannot be written.
            BackpackError: The service cannot be reached. The archive is unchanged.

        >>> archive = Archive("backup")
        >>> archive.sync(connection).snapshot.number
        1
        >>> Page.find_by(title="Lisbon").notes.create(title="Tram tickets").is_new
        False
        >>> archive.sync(connection).added
        {'note': 1}
        """
        return self._sync(progress).run(connection)

    def diff(
        self,
        old: Snapshot | str | date | int,
        new: Snapshot | str | date | int | None = None,
        *,
        progress: bool | Progress = False,
    ) -> Diff:
        """Return what has changed from one snapshot to another. Makes no request.

        Args:
            old: The earlier snapshot: itself, its number, or a moment as for `at`.
            new: The later snapshot. Default: the newest one.
            progress: True to show the progress, or a function, as for `sync`.

        Raises:
            ArchiveError: There is no such snapshot.

        >>> Page.find_by(title="Lisbon").notes.create(title="Tram tickets").is_new
        False
        >>> archive.sync(connection).snapshot.number
        2
        >>> [(change.what, change.label) for change in archive.diff(1).changes]
        [('changed', 'Lisbon'), ('added', 'Tram tickets')]
        """
        later = self.newest if new is None else self._named(new)
        return compare(self._named(old), later, reporter(progress))

    def history(
        self, record: Model | tuple[str, int], *, progress: bool | Progress = False
    ) -> list[Version]:
        """Return the versions of a record in all snapshots, the oldest first. Makes no request.

        Each version names the first snapshot that contains it. The last one has no values if the
        record is gone.

        Args:
            record: A record of the archive or of the account; or its type and id, such as
                `("note", 301)`.
            progress: True to show the progress, or a function, as for `sync`.

        Raises:
            ArchiveError: There is no snapshot yet.

        >>> [version.values["title"] for version in archive.history(archive.pages[0].notes[0])]
        ['Where we sleep']
        """
        key = key_of(record) if isinstance(record, Model) else record
        page_id = _page_of(record) if isinstance(record, Model) else None
        return versions(self.snapshots, key, page_id, reporter(progress))

    def _named(self, snapshot: Snapshot | str | date | int) -> Snapshot:
        if isinstance(snapshot, Snapshot):
            return snapshot
        if isinstance(snapshot, int):
            return self._numbered(snapshot)
        return self.at(snapshot)

    def plan(
        self,
        target: Connection,
        *,
        snapshot: Snapshot | None = None,
        pages: Iterable[str | int] | None = None,
        tags: Iterable[str] | None = None,
        reminders: bool = False,
        into_source: bool = False,
        again: bool = False,
        journal: str | PathLike[str] | None = None,
        progress: bool | Progress = False,
    ) -> Plan:
        """Return what a restore into an account will do. Makes two requests, which only read.

        Args:
            target: Connection to the account to restore into.
            snapshot: The snapshot to restore. Default: the newest one.
            pages: Titles or ids of the pages to restore.
            tags: Names of tags: restores the pages with any of them too. With neither pages nor
                tags, all pages are restored.
            reminders: Restore the reminders to come. The service will send them.
            into_source: Allow the account that the archive is of, which then has each page twice.
            again: Restore pages although the target has pages with their titles, and there is no
                journal of an earlier restore.
            journal: File that records what is intended and what came of it, so that a restore can
                continue. Default: a file in the user's state folder, one for each snapshot and
                target.
            progress: True to show the progress, or a function, as for `sync`.

        Raises:
            ArchiveError: The target is the account of the archive; or it has pages with the same
                titles; or another process uses the journal, or it cannot be written.
            NotFound: A page or a tag does not exist, or several pages have the title.
            ReadOnly: The target is read-only.
            DamagedArchive: The journal is damaged.

        >>> with Sandbox(seed="empty") as box:
        ...     target = Connection(box.url, token=box.token)
        ...     plan = archive.plan(target, pages=["Lisbon"], journal="lisbon.sqlite3")
        >>> dict(plan.created)
        {'item': 12, 'list': 2, 'note': 2, 'page': 1, 'separator': 1}
        """
        return make_plan(
            snapshot or self.newest,
            self._known_info(),
            target,
            now=self._clock(),
            pages=pages,
            tags=tags,
            reminders=reminders,
            into_source=into_source,
            again=again,
            journal=None if journal is None else Path(journal),
            report=reporter(progress),
        )

    def restore(self, plan: Plan, *, progress: bool | Progress = False) -> RestoreResult:
        """Create what a plan lists, each record once.

        All pages are created first, then filled, since texts may link to any page. Links to pages
        of the archived account lead to the copies afterwards. If the restore is interrupted, or a
        call fails, restore again to go on: what was created is in the journal, and what a lost
        response has created is found and adopted. Makes about `plan.requests` requests.

        Args:
            plan: What to do, from `plan()`.
            progress: True to show the progress, or a function that takes what is done at the
                moment, how much of it is finished, and the total.

        Raises:
            ArchiveError: Another process uses the journal, or it cannot be written; several new
                records look like one whose response was lost; or copies were destroyed on the
                target since they were restored.
            OutcomeUnknown: A response was lost, and nothing was created so far.
            BackpackError: A call failed, for example because the plan of the account allows no more
                pages.

        >>> with Sandbox(seed="empty") as box:
        ...     target = Connection(box.url, token=box.token)
        ...     plan = archive.plan(target, pages=["Lisbon"], journal="copy.sqlite3")
        ...     result = archive.restore(plan)
        ...     Page.find_by(title="Lisbon", using=target).lists["Packing"].items[0].content
        'Walking shoes'
        """
        return run_plan(plan, reporter(progress), self._clock())

    def add_export(
        self,
        source: str | Path | bytes,
        *,
        taken_at: str | date | datetime,
        timezone: str | None = None,
        host: str | None = None,
        progress: bool | Progress = False,
    ) -> SyncResult:
        """Add a saved export as a snapshot, for example of an account that is long gone.

        Add several exports from the oldest to the newest. Makes no request. What exports do not
        include, such as the journal, is taken from the snapshot before, and named in the gaps.

        Args:
            source: The path of the file, or its bytes: a response of one of the two export calls of
                the API, or one or several full pages.
            taken_at: When it was saved: a time or a date, also in ISO 8601. A naive one is in the
                time zone of the account.
            timezone: The time zone of the account, for a new archive: an IANA name, or one of
                Backpack's.
            host: The host of the account, for a new archive, such as `acme.backpackit.com`. Links
                to it are links between pages.
            progress: True to show the progress, or a function, as for `sync`.

        Raises:
            OSError: The file cannot be read.
            InvalidExport: The file is truncated, malformed, not an export, or contains no page and
                no reminder.
            ArchiveError: The archive is of another account or has a newer snapshot; or it cannot
                be written.
            ValidationError: The time zone is unknown, or `taken_at` is neither a time nor a date.

        >>> old = Archive("old")
        >>> export = b"<pages><page id='71' title='Lisbon'><tags/></page></pages>"
        >>> old.add_export(export, taken_at="2009-03-14", timezone="Europe/Lisbon").added
        {'page': 1}
        >>> old.pages[0].title, old.newest.taken_at.year
        ('Lisbon', 2009)
        """
        zone = zone_named(timezone) if timezone is not None else None
        moment = self._moment(taken_at, zone)
        last = self._log.last()
        if last is not None and moment < last.taken_at:
            raise ArchiveError(
                f"{self.name} has a snapshot from {last.taken_at}: add exports from the oldest "
                "to the newest, before the first sync, or to a new archive"
            )
        report = reporter(progress)
        with self._interrupted("add the export again"):
            report("reading the export", 0, 0)
            export = SavedExport(source, moment)
            collected, account = export.collected(), export.account(host)
            return self._sync(report).store(collected, account, timezone, moment)

    @staticmethod
    def merge(archives: Iterable[Archive]) -> Merged:
        """Return the archives of several users of one account as one. Makes no request.

        It has the attributes and the conversions of an archive. Each record is there once, by its
        type and id: pages, reminders and calendars that only one of the users may see, and those
        of all. Of a record that is in several archives, the newest snapshot counts.

        Raises:
            ArchiveError: The archives are of different accounts, or one has no snapshot.
            ValidationError: There is no archive.

        >>> merged = Archive.merge([archive])
        >>> len(merged.pages), len(merged.reminders)
        (13, 6)
        """
        found = list(archives)
        if not found:
            raise ValidationError("Archive.merge needs at least one archive")
        check_same_account([archive._known_info() for archive in found])
        names = " and ".join(archive.name for archive in found)
        locations = [(archive._location, archive._timezone) for archive in found]

        def connect(contents: Contents) -> ArchiveConnection:
            return ArchiveConnection(
                OfflineTransport(contents, f"the merge of {names}"),
                account=f"merge {' '.join(archive._known_info().uuid for archive in found)}",
                timezone=found[0]._timezone,
                reopen=(_merged_again, (locations,)),
            )

        return Merged([archive.newest for archive in found], connect)

    def verify(self, *, rehearse: bool = False, progress: bool | Progress = False) -> Verification:
        """Verify that every file is as it was written, and that every response can be read.

        An export is compared with the records that are read from it: each page, note, list, item,
        comment, file, email, separator and reminder in it has to be one, by its type and id. Reads
        all snapshots. Makes no request to the account and changes nothing.

        Args:
            rehearse: Restore the newest snapshot into an embedded sandbox too, and compare titles,
                descriptions, tags, the order on each page, texts byte by byte, and items with their
                completion. Needs the extra `sandbox`.
            progress: True to show the progress, or a function, as for `sync`.

        Returns:
            What was verified, and the problems. It is true if there are none.

        >>> archive.verify()
        Verification(snapshots=1, files=6, records=588, problems=(), differences=())
        >>> if not archive.verify():
        ...     print("use another copy")
        """
        report = reporter(progress)
        verifier = Verifier(self._storage, self._log, self._packs, self._uncached_snapshot, report)
        result = verifier.run(self._clock)
        if not rehearse or not result:
            return result
        found = rehearse_restore(self.newest, self._known_info(), report, self._clock())
        return evolve(result, differences=found.differences, not_compared=found.not_compared)

    def prune(
        self,
        *,
        keep_last: int | None = None,
        keep_daily: int | None = None,
        keep_weekly: int | None = None,
        keep_monthly: int | None = None,
        dry_run: bool = False,
        progress: bool | Progress = False,
    ) -> PruneResult:
        """Remove old snapshots. Without a rule, all are kept; the newest is kept always.

        A snapshot is kept if any rule keeps it. Days begin in the time zone of the account. Every
        snapshot is complete, so removing others takes nothing from it. The files of those to keep
        are read: a damaged snapshot stays, but another one is kept in its place.

        Args:
            keep_last: Number of newest snapshots to keep.
            keep_daily: Number of days of which to keep the newest snapshot.
            keep_weekly: Number of weeks of which to keep the newest snapshot.
            keep_monthly: Number of months of which to keep the newest snapshot.
            dry_run: Remove nothing, and count the versions of records that would be lost, which
                takes as long as reading all snapshots.
            progress: True to show the progress, or a function, as for `sync`.

        Raises:
            ValidationError: A number is not above 0.
            ArchiveError: A snapshot cannot be removed.
            DamagedArchive: An entry of the log is damaged, missing or unknown. Nothing is removed.

        >>> archive.prune(keep_daily=30, keep_monthly=24)
        PruneResult(1 kept, 0 removed)
        """
        policy = Policy(
            keep_last=keep_last,
            keep_daily=keep_daily,
            keep_weekly=keep_weekly,
            keep_monthly=keep_monthly,
        )
        report, started = reporter(progress), self._clock()
        with self._interrupted("call prune() again to go on"):
            while True:
                try:
                    return self._prune(policy, started, report, dry_run=dry_run)
                except FileExistsError:  # a sync was faster: choose again
                    continue

    def _prune(
        self, policy: Policy, started: datetime, report: Progress, *, dry_run: bool
    ) -> PruneResult:
        last = max([0, newest_number(self._storage), *self._log.numbers()])
        entries = self._log.check(last)
        self._packs.refresh(condemned_in(entries))
        snapshots = [self._snapshot(entry) for entry in snapshots_in(entries)]
        kept, removed = pruning.plan(policy, snapshots, self._zone, self._packs, report)
        versions = pruning.lost_versions(kept, removed, report) if dry_run else None
        if removed and not dry_run:
            pruning.remove(
                self._storage,
                self._log,
                self._packs,
                removed,
                last=last,
                started=started,
                report=report,
            )
        return PruneResult(tuple(kept), tuple(removed), versions)

    @property
    def _source(self) -> Source:
        return self.newest

    def __repr__(self) -> str:
        return f"Archive({self.name!r})"

    def _sync(self, progress: bool | Progress) -> syncing.Sync:
        return syncing.Sync(
            self._storage,
            self._log,
            self._packs,
            self._snapshot,
            self._clock,
            reporter(progress),
        )

    @contextmanager
    def _interrupted(self, advice: str) -> Iterator[None]:
        """Add what to do to an interruption by Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt as error:
            error.add_note(f"{self.name} is valid: {advice}")
            raise

    def _snapshot(self, entry: LogEntry) -> Snapshot:
        return Snapshot(entry, self._contents, self._connect, self._known_info)

    def _numbered(self, number: int) -> Snapshot:
        entry = self._log.read(number)
        if entry.kind != "snapshot":
            raise ArchiveError(f"entry {number} of {self.name} is no snapshot")
        return self._snapshot(entry)

    def _uncached_snapshot(self, entry: LogEntry) -> Snapshot:
        """Return a snapshot that does not use the cache."""
        return Snapshot(entry, self._stored, self._connect, self._known_info)

    def _contents(self, entry: LogEntry) -> Contents:
        return self._stored(entry, lambda: self._cache.index(entry) or {})

    def _stored(self, entry: LogEntry, index: Callable[[], Index] = no_index) -> Contents:
        responses = entry.responses()
        parts = {stored.name: (stored.sha256, each) for stored, each in responses}

        def body(name: str) -> bytes:
            expected, names = parts[name]
            content = b"".join(self._packs.read(names))
            if sha256(content) != expected:
                raise DamagedArchive(
                    f"{self.name}/{entry.path}: the parts of {name} are not what was received"
                )
            return content

        return Contents((each for each, _ in responses), body, entry.gaps(), entry.number, index)

    def _connect(self, snapshot: Snapshot) -> ArchiveConnection:
        label = f"snapshot {snapshot.number} of {self.name}"
        return ArchiveConnection(
            OfflineTransport(snapshot.contents, label),
            account=f"archive {self._known_info().uuid}",
            timezone=self._timezone,
            reopen=(_reopened, (self._location, self._timezone, snapshot.number)),
        )

    def _known_info(self) -> Info:
        info = self._info = self._info or read_info(self._storage)
        if info is None:
            raise ArchiveError(f"{self.name} contains no snapshot yet: call sync() first")
        return info

    @property
    def _zone(self) -> tzinfo:
        """The time zone of the account, for days and naive times."""
        info = self._info = self._info or read_info(self._storage)
        return zone_named(info.time_zone) if info is not None and info.time_zone else UTC

    def _moment(self, moment: object, zone: tzinfo | None = None) -> datetime:
        """Return an aware time; a naive one is in a zone, by default that of the account."""
        if isinstance(moment, str):
            try:
                moment = date.fromisoformat(moment)
            except ValueError:
                moment = _time_in(str(moment))
        if isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime.combine(moment, time.max)
        if not isinstance(moment, datetime):
            raise ValidationError(f"a time or a date is needed, not {short_repr(moment)}")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone or self._zone)
        return moment


def _page_of(record: Model) -> int | None:
    """Return the id of the page that is or contains a record; None if it is on no page."""
    if isinstance(record, Page):
        return record.id
    page_id = getattr(type(record), "page_id", None)
    return None if page_id is None else record.page_id  # type: ignore[attr-defined]


def _storage_at(location: str, options: dict[str, Any]) -> Storage:
    if "://" in location:
        from backpack_orm.archive.remote import RemoteStorage  # which needs fsspec

        return RemoteStorage(location, **options)
    if options:
        raise TypeError(f"a folder takes no options, not {', '.join(sorted(options))}")
    return LocalStorage(Path(location))


def _time_in(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError(f"a time or a date is needed, not {short_repr(text)}") from None


def _now() -> datetime:
    return datetime.now(UTC)


def _merged_again(locations: Sequence[tuple[str, str | None]]) -> Connection:
    """Return the connection to merged archives after unpickling."""
    return Archive.merge(
        Archive(location, timezone=timezone) for location, timezone in locations
    ).connection


def _reopened(location: str, timezone: str | None, number: int) -> Connection:
    """Return the connection to a snapshot after unpickling."""
    archive = Archive(location, timezone=timezone)
    return archive._numbered(number).connection
