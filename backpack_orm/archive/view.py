"""The records of a snapshot as the usual models and collections."""

from __future__ import annotations

from abc import ABC, abstractmethod

from backpack_orm.archive.entries import reminders
from backpack_orm.archive.offline import ArchiveConnection
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.item import Item
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.status import Status
from backpack_orm.models.tag import Tag
from backpack_orm.models.user import User
from backpack_orm.orm.queries.collections import Collection


class View(ABC):
    """The records of one moment, read-only and without a request.

    For a class of your own, pass the connection: `Trip.all(using=archive.connection)`. Reading what
    the snapshot does not contain raises `NotInArchive`; it is never taken for empty.

    >>> archive.pages["Lisbon"].lists["Packing"].items[0].content
    'Walking shoes'
    >>> len(archive.notes), len(archive.items), len(archive.journal)
    (16, 239, 250)
    """

    @property
    @abstractmethod
    def connection(self) -> ArchiveConnection:
        """The connection to the snapshot, for `using=`."""

    @property
    def pages(self) -> Collection[Page]:
        """All pages, each loaded when one of its attributes is read.

        >>> archive.pages["Lisbon"].scope
        'personal'
        """
        return Page.all(using=self.connection)

    @property
    def notes(self) -> Collection[Note]:
        """The notes of all pages.

        >>> archive.notes["Where we sleep"].page.title
        'Lisbon'
        """
        return Note.all(using=self.connection)

    @property
    def lists(self) -> Collection[List]:
        """The lists of all pages.

        >>> archive.lists["Packing"].items[0].content
        'Walking shoes'
        """
        return List.all(using=self.connection)

    @property
    def items(self) -> Collection[Item]:
        """The items of all lists.

        >>> len(archive.items.where(completed=True))
        63
        """
        return Item.all(using=self.connection)

    @property
    def tags(self) -> Collection[Tag]:
        """The tags of all pages, each tag once.

        >>> archive.tags["Travel"].page.title
        'Lisbon'
        """
        return Tag.all(using=self.connection)

    @property
    def emails(self) -> Collection[Email]:
        """The emails of all pages.

        >>> archive.emails[0].subject
        'Your reservation'
        """
        return Email.all(using=self.connection)

    @property
    def reminders(self) -> Collection[Reminder]:
        """All reminders: those to come at that moment, then those of the past.

        >>> archive.reminders[0].content
        'Call the baker about the key'
        """
        return Collection(Reminder, reminders(self.connection))

    @property
    def users(self) -> Collection[User]:
        """The users of the account.

        >>> [user.name for user in archive.users][:2]
        ['Nora Whitfield', 'Tomás Leite']
        """
        return User.all(using=self.connection)

    @property
    def statuses(self) -> Collection[Status]:
        """The statuses of all users that have one.

        >>> archive.statuses[0].message
        'Packing & unpacking'
        """
        return Status.all(using=self.connection)

    @property
    def journal(self) -> Collection[JournalEntry]:
        """The journal of all users, the newest entry first.

        >>> archive.journal[0].user.name
        'Tomás Leite'
        """
        return JournalEntry.all(using=self.connection)

    @property
    def bookmarks(self) -> Collection[Bookmark]:
        """The bookmarks of the user.

        >>> archive.bookmarks[0].bookmarkable.title
        'Lisbon'
        """
        return Bookmark.all(using=self.connection)

    @property
    def calendars(self) -> Collection[Calendar]:
        """The calendars.

        >>> archive.calendars[0].name
        'Home & away'
        """
        return Calendar.all(using=self.connection)

    @property
    def events(self) -> Collection[CalendarEvent]:
        """The events of all calendars.

        >>> len(archive.events)
        18
        """
        return CalendarEvent.all(using=self.connection)
