"""What the viewer shows: an account, or an archive of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from functools import cached_property, partial
from threading import Lock
from urllib.parse import urlsplit

from attrs import evolve

from backpack_orm.archive.contents import Gap
from backpack_orm.archive.conversions.files import account_url
from backpack_orm.archive.conversions.shown import (
    ShownEntry,
    ShownSection,
    shown_calendar,
    shown_journal_entry,
    shown_reminder,
    shown_status,
)
from backpack_orm.archive.conversions.source import Source, available, loaded_pages
from backpack_orm.archive.conversions.widgets import included
from backpack_orm.archive.searching import Result, TextIndex
from backpack_orm.connection import Connection
from backpack_orm.connection.addresses import is_loopback
from backpack_orm.errors import NotFound, NotInArchive, ValidationError
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.page import Page
from backpack_orm.models.page_addresses import web_site
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.status import Status
from backpack_orm.models.tag import Tag
from backpack_orm.orm.operations.progress import silent

JOURNAL_LENGTH = 100
"""The number of journal entries that the service returns at once."""

_NUMBER = re.compile(r"([0-9]+)")

Tags = dict[int, tuple[str, int]]
"""The name of each tag and the number of its pages, by the id of the tag."""


class Account:
    """An account, read through a connection.

    Args:
        connection: The connection.

    Attributes:
        address: The address of the account; None if an archive does not know it.
        is_read_only: Whether nothing can be changed.
        taken_at: When an archive was made; None for an account.
        gaps: What an archive lacks.
    """

    taken_at: datetime | None = None
    gaps: Sequence[Gap] = ()

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.address = web_site(connection)
        self.is_read_only = connection.read_only

    @property
    def name(self) -> str:
        """The name of the site."""
        host = urlsplit(self.address or "").netloc
        return f"Backpack of {host}" if host else "Backpack"

    @property
    def web_site(self) -> str | None:
        """The address of the account's web site, which a sandbox does not have."""
        host = urlsplit(self.address or "").hostname
        return self.address if host and not is_loopback(host) else None

    def pages(self) -> list[Page]:
        """Return all pages by title. Makes one request."""
        return sorted(Page.all(using=self.connection), key=_by_title)

    def page(self, id: int) -> Page:
        """Return a page with all that is on it. Makes one request, and one more for emails.

        Raises:
            NotFound: There is no such page.
        """
        page = Page._stub(id, self.connection)
        available(partial(list, page.notes))  # loads the page; an archive may lack its contents
        available(partial(list, page.emails))
        return page

    def search(self, term: str) -> Sequence[Result]:
        """Return the pages that contain a term. Makes one request."""
        return [
            Result(page, [(match.type, match.id) for match in page.matches])
            for page in Page.search(term, using=self.connection)
        ]

    def tags(self) -> Tags:
        """Return all tags by name. Makes requests as `Page.all(load=True)`."""
        return tags_of(Page.all(load=True, using=self.connection))

    def tagged(self, id: int) -> tuple[str, list[Page]]:
        """Return the name of a tag and its pages by title. Makes two requests.

        Raises:
            NotFound: No page has this tag.
        """
        pages = sorted(Tag._stub(id, self.connection).pages, key=_by_title)
        names = (tag.name for page in pages for tag in page.tags if tag.id == id)
        name = next(names, None)
        if name is None:
            raise NotFound(f"no page has the tag {id}", status=404)
        return name, pages

    def reminders(self) -> list[ShownEntry]:
        """Return the reminders to come; of an archive, those of the past too. Makes one request."""
        return self._local(map(shown_reminder, available(self._reminders)))

    def journal(self, number: int) -> list[ShownEntry]:
        """Return a hundred journal entries, the newest first. Makes one request.

        Args:
            number: How many hundreds to skip.
        """
        return self._local(map(shown_journal_entry, available(partial(self._journal, number))))

    def statuses(self) -> list[ShownEntry]:
        """Return the statuses of all users. Makes one request."""
        statuses = available(partial(Status.all, using=self.connection))
        return self._local(map(shown_status, statuses))

    def calendars(self) -> list[ShownSection]:
        """Return the calendars with their events. Makes a request more than there are calendars."""
        calendars = [*available(partial(Calendar.all, using=self.connection))]
        events = [*available(partial(CalendarEvent.all, using=self.connection))]
        shown = (shown_calendar(each, events) for each in calendars)
        return [evolve(section, entries=self._local(section.entries)) for section in shown]

    def _reminders(self) -> Iterable[Reminder]:
        return Reminder.all(using=self.connection)

    def _journal(self, number: int) -> list[JournalEntry]:
        entries = JournalEntry._listed
        records = self.connection.call(JournalEntry._all, (number,), read=entries.read_many)
        return entries.load[JournalEntry](records, self.connection)

    def _local(self, entries: Iterable[ShownEntry]) -> list[ShownEntry]:
        """Return entries with their times in the zone of the account, if that is known."""
        found = list(entries)
        if not any(map(_has_zone, found)):
            return found
        with suppress(ValidationError, NotInArchive):
            zone = self.connection.zone
            return [_in_zone(entry, zone) if _has_zone(entry) else entry for entry in found]
        return found


class ArchivedAccount(Account):
    """An archive, or one of its snapshots.

    All texts and tags are read once, when the first search or the list of tags needs them.

    Args:
        source: The records.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source.connection)
        self.address = account_url(source)
        self.taken_at = source.taken_at
        self.gaps = source.gaps
        self._source = source
        self._lock = Lock()

    def search(self, term: str) -> Sequence[Result]:
        """Return the pages that contain a term, as the service finds them. Makes no request."""
        return self._read()[0].search(term)

    def tags(self) -> Tags:
        """Return all tags by name. Makes no request."""
        return self._read()[1]

    def _reminders(self) -> Iterable[Reminder]:
        return self._source.reminders

    def _read(self) -> tuple[TextIndex, Tags]:
        with self._lock:
            return self._contents

    @cached_property
    def _contents(self) -> tuple[TextIndex, Tags]:
        pages = list(loaded_pages(self._source, silent))
        return TextIndex(pages), tags_of(pages)


def tags_of(pages: Iterable[Page]) -> Tags:
    """Return the tags of pages by name."""
    names: dict[int, str] = {}
    counts: Counter[int] = Counter()
    for page in pages:
        for tag in included(page.tags):
            names[tag.id] = tag.name
            counts[tag.id] += 1
    return {id: (names[id], counts[id]) for id in sorted(names, key=lambda id: natural(names[id]))}


def natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts texts as people do: in any letter case, and 9 before 10.

    >>> sorted(["Week 10", "week 9", "Week 09b", "Week"], key=natural)
    ['Week', 'week 9', 'Week 09b', 'Week 10']
    """
    pieces = _NUMBER.split(text.casefold())
    numbers = (piece.lstrip("0") for piece in pieces[1::2])  # as text: they may be of any length
    pieces[1::2] = numbers
    return [(len(piece) if at % 2 else 0, piece) for at, piece in enumerate(pieces)]


def _by_title(page: Page) -> list[tuple[int, str]]:
    return natural(page.title)


def _has_zone(entry: ShownEntry) -> bool:
    return entry.time is not None and entry.time.tzinfo is not None and not entry.is_day


def _in_zone(entry: ShownEntry, zone: tzinfo) -> ShownEntry:
    assert entry.time is not None
    return evolve(entry, time=entry.time.astimezone(zone))
