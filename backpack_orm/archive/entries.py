"""The records of a snapshot in a form that can be compared with another snapshot."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from backpack_orm.archive.offline import EXPORTED_REMINDERS, ArchiveConnection
from backpack_orm.errors import NotInArchive
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.status import Status
from backpack_orm.models.user import User
from backpack_orm.orm.operations.progress import Progress, silent
from backpack_orm.orm.records.model import Model

T = TypeVar("T")
M = TypeVar("M", bound=Model)
Key: TypeAlias = "tuple[str, int]"
"""Type and id of a record, such as `("note", 301)`: ids are unique per type only."""

_VALUES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "tags": lambda tag: tag.get("name"),
    "belongings": lambda belonging: [belonging.get("type"), belonging.get("widget_id")],
    "remindees": lambda user: user["id"],
    "linked_pages": lambda page: page["id"],
    "creator": lambda user: user["id"],
    "user": lambda user: user["id"],
}
"""Relations whose records are values of the record that contains them."""
_VOLATILE = {"event": ("reminded_at",), "user": ("updated_at",)}
"""What the service changes by itself, by type."""
_ELSEWHERE = ("matches",)
"""Relations that only searches include."""
_TYPES = {"journal_entry": "journal", "calendar_event": "event"}


@frozen
class Entry:
    """A record of a snapshot as plain values.

    Attributes:
        type: `page`, `note`, `list`, `item`, `journal`, `event` and so on.
        id: Its id.
        parent: Type and id of the record that contains it; None for records of the account.
        values: What it contains, ready for JSON: times in ISO 8601, contained records as their ids.

    >>> note = next(entry for entry in archive.newest.entries() if entry.type == "note")
    >>> note.key, note.parent, note.values["title"]
    (('note', 40000008), ('page', 40000004), 'Where we sleep')
    """

    type: str
    id: int
    parent: Key | None
    values: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """Type and id.

        >>> next(archive.newest.entries()).key
        ('page', 40000004)
        """
        return self.type, self.id

    def digest(self) -> bytes:
        """Return a hash of its content, without what the service changes by itself.

        >>> Entry("note", 7, None, {"title": "Hotel"}).digest().hex()
        '81d31c72b47cf9322c50d402c106b29d'
        """
        volatile = _VOLATILE.get(self.type, ())
        values = {name: each for name, each in self.values.items() if name not in volatile}
        plain = json.dumps([self.parent, values], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(plain.encode()).digest()[:16]


def entries(
    connection: ArchiveConnection, report: Progress = silent, what: str = ""
) -> Iterator[Entry]:
    """Yield all records of a snapshot, page by page. What the snapshot lacks is left out.

    Args:
        connection: The connection to the snapshot.
        report: Called for each page.
        what: What it reports.

    >>> next(entries(archive.connection)).values["title"]
    'Lisbon'
    """
    pages = Page.all(using=connection)
    for done, page in enumerate(pages, 1):
        yield from _of_page(page)
        report(what, done, len(pages))
    for model, load in _OTHERS.items():
        for record in _if_there(load, connection):
            yield from _flat(model, _plain(record), None)
            if isinstance(record, Calendar):
                for event in _if_there(_events, record):
                    yield from _flat(CalendarEvent, event.to_dict(), ("calendar", record.id))


def entries_on_page(connection: ArchiveConnection, id: int) -> Iterator[Entry]:
    """Yield a page and the records on it; nothing if the snapshot has no such page.

    Args:
        connection: The connection to the snapshot.
        id: Id of the page.

    >>> next(entries_on_page(archive.connection, archive.pages[0].id)).values["title"]
    'Lisbon'
    """
    listed = (page for page in Page.all(using=connection) if page.id == id)
    for page in listed:
        yield from _of_page(page)


def _of_page(page: Page) -> Iterator[Entry]:
    with suppress(NotInArchive):
        page._load("notes")
    with suppress(NotInArchive):
        page.emails._all()
    yield from _flat(Page, page.to_dict(), None)


def key_of(record: Model) -> Key:
    """Return the type and id of a saved record, as in `Entry.key`.

    >>> key_of(archive.pages[0])
    ('page', 40000004)
    """
    return _TYPES.get(record._element, record._element), record._saved_id


def _events(calendar: Calendar) -> Iterable[CalendarEvent]:
    return calendar.events._all()


def _if_there(load: Callable[[T], Iterable[M]], source: T) -> Iterable[M]:
    """Return records, or none if the snapshot lacks them, which its gaps tell."""
    try:
        return load(source)
    except NotInArchive:
        return ()


def _plain(record: Model) -> dict[str, Any]:
    """Return the loaded attributes, with the id of the user that the record belongs to."""
    values = record.to_dict()
    if isinstance(record, Status | Bookmark | JournalEntry):
        values["user_id"] = record.user_id
    return values


def _flat(model: type[Model], plain: Mapping[str, Any], parent: Key | None) -> Iterator[Entry]:
    """Yield a record and those that it contains."""
    key = (_TYPES.get(model._element, model._element), plain["id"])
    values: dict[str, Any] = {}
    inner: list[tuple[type[Model], dict[str, Any]]] = []
    for name, value in plain.items():
        relation = model._table.relations.get(name)
        if name == "id":
            continue
        if relation is None:
            values[name] = value.isoformat() if isinstance(value, datetime) else value
        elif name in _VALUES:
            value_of = _VALUES[name]
            single = None if value is None else value_of(value) if isinstance(value, dict) else ...
            values[name] = [value_of(each) for each in value] if single is ... else single
        elif name not in _ELSEWHERE:
            values[name] = [each["id"] for each in value]
            inner += [(relation.model, each) for each in value]
    yield Entry(*key, parent, values)
    for child, each in inner:
        yield from _flat(child, each, key)


def reminders(connection: ArchiveConnection) -> list[Reminder]:
    """Return all reminders of a snapshot: those to come, then those of the past.

    Raises:
        NotInArchive: The snapshot contains neither.
    """
    found: dict[int, Reminder] = {}
    try:
        found |= {each.id: each for each in Reminder.all(using=connection)}
    except NotInArchive:
        return _exported_reminders(connection)
    return [*found.values(), *_past(connection, found)]


def _past(connection: ArchiveConnection, upcoming: Container[int]) -> Iterable[Reminder]:
    exported = _if_there(_exported_reminders, connection)
    return (each for each in exported if each.id not in upcoming)


def _exported_reminders(connection: ArchiveConnection) -> list[Reminder]:
    projection = Reminder._full.partial
    records = connection.call(EXPORTED_REMINDERS, read=projection.read_many)
    return projection.load[Reminder](records, connection)


_OTHERS: Mapping[type[Model], Callable[[ArchiveConnection], Iterable[Model]]] = {
    Reminder: reminders,
    User: lambda connection: User.all(using=connection),
    Status: lambda connection: Status.all(using=connection),
    Bookmark: lambda connection: Bookmark.all(using=connection),
    JournalEntry: lambda connection: JournalEntry.all(using=connection),
    Calendar: lambda connection: Calendar.all(using=connection),
}
"""What is in the account besides pages, and how it is read."""


def digests(
    connection: ArchiveConnection, report: Progress = silent, what: str = ""
) -> dict[Key, bytes]:
    """Return the hashes of all records by type and id. Takes the arguments of `entries`."""
    return {entry.key: entry.digest() for entry in entries(connection, report, what)}


def _counted(keys: Iterable[Key]) -> dict[str, int]:
    return dict(Counter(type for type, _ in keys))


@frozen
class Changes:
    """The numbers of records that differ between two snapshots, by type.

    Attributes:
        added: Records that are new.
        changed: Records with other values.
        removed: Records that are gone.
    """

    added: Mapping[str, int]
    changed: Mapping[str, int]
    removed: Mapping[str, int]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def changes(old: Mapping[Key, bytes], new: Mapping[Key, bytes]) -> Changes:
    """Compare the hashes of two snapshots.

    >>> changes({("note", 1): b"a", ("note", 2): b"b"}, {("note", 1): b"c"})
    Changes(added={}, changed={'note': 1}, removed={'note': 1})
    """
    return Changes(
        added=_counted(key for key in new if key not in old),
        changed=_counted(key for key in new if key in old and new[key] != old[key]),
        removed=_counted(key for key in old if key not in new),
    )
