"""What conversions read: the records of an account at one moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

from backpack_orm.archive.contents import Gap
from backpack_orm.connection import Connection
from backpack_orm.connection.time_zones import zone_named
from backpack_orm.errors import NotInArchive
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.status import Status
from backpack_orm.models.user import User
from backpack_orm.orm.operations.progress import Progress

T = TypeVar("T")


class Source(Protocol):
    """The records of an account at one moment: a snapshot of an archive.

    Attributes:
        host: Host name of the account; None if it is unknown.
        time_zone: Time zone of naive times: an IANA name or one of Backpack's; None if unknown.
        taken_at: When the records were read. Conversions take no time from the clock.
        connection: Connection to the snapshot.
        gaps: What the snapshot lacks.
    """

    @property
    def host(self) -> str | None: ...
    @property
    def time_zone(self) -> str | None: ...
    @property
    def taken_at(self) -> datetime: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def gaps(self) -> Sequence[Gap]: ...
    @property
    def reminders(self) -> Iterable[Reminder]: ...
    @property
    def users(self) -> Iterable[User]: ...
    @property
    def statuses(self) -> Iterable[Status]: ...
    @property
    def journal(self) -> Iterable[JournalEntry]: ...
    @property
    def bookmarks(self) -> Iterable[Bookmark]: ...
    @property
    def calendars(self) -> Iterable[Calendar]: ...
    @property
    def events(self) -> Iterable[CalendarEvent]: ...


def reason_missing(gaps: Iterable[Gap], what: str) -> str | None:
    """Return a sentence that says why a snapshot has no records of a part of the account.

    Args:
        gaps: What the snapshot lacks.
        what: A part that has no records, such as `journal`.

    Returns:
        The sentence; None if the snapshot contains the part, which is empty.

    >>> reason_missing([Gap("journal", "the service refused it")], "journal")
    'Not in the archive: the service refused it.'
    """
    reasons = (gap.reason for gap in gaps if gap.what == what and gap.copied_from is None)
    return next((f"Not in the archive: {reason}." for reason in reasons), None)


def page_gaps(gaps: Iterable[Gap]) -> dict[int, list[str]]:
    """Return sentences that say what a snapshot lacks of single pages, by the ids of these.

    >>> page_gaps([Gap("page 71", "it is locked"), Gap("emails of page 8", "refused", 3)])
    {71: ['Not in the archive: the contents (it is locked).'],
     8: ['From snapshot 3: emails (refused).']}
    """
    found: dict[int, list[str]] = {}
    for gap in gaps:
        if (id := gap.page_id) is not None:
            what = gap.what.removesuffix(f"page {id}").removesuffix(" of ") or "the contents"
            origin = f"From snapshot {gap.copied_from}" if gap.copied_from else "Not in the archive"
            found.setdefault(id, []).append(f"{origin}: {what} ({gap.reason}).")
    return found


def available(load: Callable[[], Iterable[T]]) -> Iterable[T]:
    """Return the records that a function returns; none if they are a gap of the snapshot."""
    try:
        return load()
    except NotInArchive:
        return ()


def loaded_pages(
    source: Source,
    report: Progress,
    what: str = "converting pages",
    ids: Container[int] | None = None,
) -> Iterator[Page]:
    """Yield pages with their contents and emails, one at a time.

    What is a gap of the snapshot is left out, see `page_gaps`.

    Args:
        source: The records.
        report: Called before each page, and after the last one.
        what: What is done with the pages.
        ids: Ids of the pages. None: all pages.
    """
    pages = Page.all(using=source.connection)
    waiting = deque(page for page in pages if ids is None or page.id in ids)
    del pages
    total = len(waiting)
    while waiting:
        report(what, total - len(waiting), total)
        page = waiting.popleft()  # so that the page is dropped from memory when it is done
        available(partial(list, page.notes))  # loads the page
        available(partial(list, page.emails))
        yield page
    report(what, total, total)


def lacks_contents(page: Page) -> bool:
    """Return whether a page is a gap of the snapshot, which knows its title alone."""
    return not page.notes.is_loaded


def in_utc(moment: datetime | None, time_zone: str | None) -> datetime | None:
    """Return a time in UTC; a naive one stays naive if its zone is unknown."""
    if moment is None or (moment.tzinfo is None and time_zone is None):
        return moment
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_named(time_zone or "UTC"))
    return moment.astimezone(UTC)
