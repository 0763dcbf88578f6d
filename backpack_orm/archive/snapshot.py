"""One snapshot of an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property

from backpack_orm.archive.contents import Contents, Gap
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.convertible import Convertible
from backpack_orm.archive.entries import Entry, entries
from backpack_orm.archive.info import Info
from backpack_orm.archive.log import LogEntry
from backpack_orm.archive.offline import ArchiveConnection
from backpack_orm.orm.operations.progress import Progress, silent
from backpack_orm.rich_display import RichDisplay


class Snapshot(Convertible, RichDisplay):
    """What an account contained at one moment.

    Attributes:
        number: Its number. Snapshots are ordered by it.
        taken_at: When it was taken, an aware datetime.
        name: The path of its file below the archive.
        entry: Its entry of the log.

    >>> snapshot = archive.newest
    >>> snapshot.number, snapshot.pages[0].title
    (1, 'Lisbon')
    """

    def __init__(
        self,
        entry: LogEntry,
        load: Callable[[LogEntry], Contents],
        connect: Callable[[Snapshot], ArchiveConnection],
        info: Callable[[], Info],
    ) -> None:
        self.number = entry.number
        self.taken_at: datetime = entry.taken_at
        self.name = entry.path
        self.entry = entry
        self._load = load
        self._connect = connect
        self._info = info

    @cached_property
    def contents(self) -> Contents:
        """The stored responses.

        Raises:
            DamagedArchive: Its entry is not as it was written.
        """
        return self._load(self.entry)

    @cached_property
    def connection(self) -> ArchiveConnection:
        """The connection to the snapshot, for `using=`."""
        return self._connect(self)

    @property
    def host(self) -> str | None:
        """Host name of the account; None if it is unknown.

        >>> archive.newest.host
        '127.0.0.1'
        """
        return self._info().account.host

    @property
    def time_zone(self) -> str | None:
        """Time zone of naive times: an IANA name or one of Backpack's; None if it is unknown.

        >>> archive.newest.time_zone
        'Pacific Time (US & Canada)'
        """
        return self._info().time_zone

    @property
    def _source(self) -> Source:
        return self

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What the snapshot lacks, and why.

        >>> [gap.what for gap in archive.newest.gaps]
        ['sharing', 'linked pages', 'files', 'writeboards']
        """
        return self.contents.gaps

    def entries(self, report: Progress = silent) -> Iterator[Entry]:
        """Yield all records as plain values, page by page.

        Args:
            report: Called for each page, with what is done, how many are read, and their number.

        >>> {entry.type for entry in archive.newest.entries()} >= {"page", "note", "item", "event"}
        True
        """
        return entries(self.connection, report, f"reading snapshot {self.number}")

    def __repr__(self) -> str:
        return f"Snapshot({self.number}, {self.taken_at:%Y-%m-%d %H:%M})"
