"""What a restore will do, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from backpack_orm.archive.conversions.source import loaded_pages
from backpack_orm.archive.info import Account, Info
from backpack_orm.archive.restoring.journal import RestoreJournal, Scope
from backpack_orm.archive.restoring.selection import (
    left_on,
    select_pages,
    steps_on,
    upcoming_reminders,
)
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.connection import Connection
from backpack_orm.errors import ArchiveError
from backpack_orm.models.page import Page
from backpack_orm.models.user import User
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.plurals import counted, duration, listed
from backpack_orm.rich_display import RichDisplay

_REQUESTS_PER_SECOND = 20
"""The service accepts a hundred requests in five seconds."""
_REQUESTS_PER_PAGE = 4
"""Besides one for each record: two reads, the tags, and the description or an order."""
_NEVER: Mapping[str, str] = {
    "times of creation": "the service sets them to the time of the restore",
    "ids and email addresses of pages": "the service chooses them",
    "sharing": "the API does not tell whom pages were shared with",
    "journal and statuses": "the service dates them to the time of the restore",
    "calendars and events": "the API creates no calendars",
    "bookmarks": "the API does not create them",
}
_LEFT: Mapping[str, str] = {
    "file": "the API does not accept files",
    "email": "the API does not create them",
    "comment": "the API does not create them",
    "gallery": "the API does not create them",
    "other part": "no response includes them",
    "linked pages": "the snapshot lacks the links of these pages",
    "empty item": "the service refuses them",
    "contents": "the snapshot lacks them, and a copy has the title alone",
}


@frozen
class Plan(RichDisplay):
    """What a restore will do; only reads were sent for it. `print(plan)` shows it.

    Attributes:
        target: Connection to the account to restore into.
        snapshot: The snapshot to restore.
        source: The archive's account.
        pages: Titles of the pages to restore, by id and in the order of their creation.
        reminders: Ids of the reminders to restore.
        journal: File with what is intended and what came of it.
        scope: What that file is about.
        created: Number of records to create, by type.
        skipped: Number of records that an earlier run has created, by type.
        impossible: What is not restored, and why.
        requests: Number of requests, about. It depends on the order in which the service adds
            records.

    >>> with Sandbox(seed="empty") as box:
    ...     target = Connection(box.url, token=box.token)
    ...     plan = archive.plan(target, pages=["Lisbon"], journal="journal.sqlite3")
    >>> plan.requests, plan.skipped
    (23, {})
    """

    target: Connection
    snapshot: Snapshot
    source: Info
    pages: Mapping[int, str]
    reminders: tuple[int, ...]
    journal: Path
    scope: Scope
    created: Mapping[str, int]
    skipped: Mapping[str, int]
    impossible: Mapping[str, str]
    requests: int

    @property
    def minutes(self) -> float:
        """How long the requests take at the permitted rate.

        >>> with Sandbox(seed="empty") as box:
        ...     target = Connection(box.url, token=box.token)
        ...     plan = archive.plan(target, journal="journal.sqlite3")
        >>> round(plan.minutes, 1)
        0.3
        """
        return self.requests / _REQUESTS_PER_SECOND / 60

    def __str__(self) -> str:
        time = duration(60 * self.minutes)
        lines = [
            f"Restore {self.snapshot!r} into {self.target.url}",
            f"create: {listed(self.created)}",
            f"requests: about {self.requests:,}, {time} at the permitted rate",
            f"journal: {self.journal}",
        ]
        if self.skipped:
            lines.append(f"created by an earlier run: {listed(self.skipped)}")
        lines += [f"not restored: {what}: {why}" for what, why in self.impossible.items()]
        return "\n".join(lines)


def make_plan(
    snapshot: Snapshot,
    source: Info,
    target: Connection,
    *,
    now: datetime,
    pages: Iterable[str | int] | None = None,
    tags: Iterable[str] | None = None,
    reminders: bool = False,
    into_source: bool = False,
    again: bool = False,
    journal: Path | None = None,
    report: Progress,
) -> Plan:
    """Return what a restore will do. See `Archive.plan` for arguments, requests and errors."""
    target.ensure_writable("Archive.plan()")
    scope = _scope(snapshot, source, target, into_source=into_source)
    path = journal or _state_folder() / scope.file_name
    wanted = select_pages(snapshot, pages, tags, report)
    steps: list[str] = []
    left: Counter[str] = Counter()
    for page in loaded_pages(snapshot, report, "planning pages", wanted):
        steps += steps_on(page)
        left += left_on(page)
    upcoming = upcoming_reminders(snapshot, now) if reminders else []
    steps += (f"reminder:{each.id}" for each in upcoming)
    with RestoreJournal(path, scope) as known:
        done = [step for step in steps if known.outcome(step) is not None]
        if known.is_new and not again:
            _refuse_doubles(wanted, target)
    impossible = {_amount(n, what): _LEFT[what] for what, n in left.items() if n}
    if reminders:
        impossible["past reminders"] = "the service refuses them"
    else:
        impossible["reminders"] = "they are restored with reminders=True only"
    return Plan(
        target=target,
        snapshot=snapshot,
        source=source,
        pages=wanted,
        reminders=tuple(each.id for each in upcoming),
        journal=path,
        scope=scope,
        created=_counted(set(steps) - set(done)),
        skipped=_counted(done),
        impossible={**_NEVER, **impossible},
        requests=len(steps) - len(done) + _REQUESTS_PER_PAGE * len(wanted) + 1,
    )


def _scope(snapshot: Snapshot, source: Info, target: Connection, *, into_source: bool) -> Scope:
    """Return what the journal is about, unless the target is the account of the archive."""
    me = User.me(using=target)
    host = urlsplit(target.url)
    since = me.created_at.isoformat() if me.created_at else None
    account = Account(host.hostname, None, me.account_id, me.id, since)
    if not into_source and source.account.is_same(account):
        known = "is" if source.account.host else "may be"  # old exports do not tell their host
        raise ArchiveError(
            f"{target.url} {known} the account that {snapshot!r} was taken from, and a restore "
            "adds copies of its pages: pass into_source=True if you want them there"
        )
    return Scope(source.uuid, snapshot.number, host.netloc, me.id)


def _refuse_doubles(wanted: Mapping[int, str], target: Connection) -> None:
    present = {page.title for page in Page.all(using=target, fresh=True)}
    found = [title for title in dict.fromkeys(wanted.values()) if title in present]
    if found:
        some = ", ".join(map(repr, found[:3]))
        pages = counted(len(found), "page")
        raise ArchiveError(
            f"{target.url} has {pages} with titles of the snapshot ({some}), and there is no "
            "journal of an earlier restore that may have created them: pass journal= with its "
            "file, or again=True to create all pages"
        )


def _state_folder() -> Path:
    import platformdirs

    return platformdirs.user_state_path("backpack_orm") / "restores"


def _amount(n: int, what: str) -> str:
    if what in ("contents", "linked pages"):
        return f"{what} of {counted(n, 'page')}"
    return counted(n, what)


def _counted(steps: Iterable[str]) -> dict[str, int]:
    types = (step.partition(":")[0] for step in steps)
    return dict(sorted(Counter("list" if type == "unlisted" else type for type in types).items()))
