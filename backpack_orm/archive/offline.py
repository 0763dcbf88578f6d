"""A read-only connection whose responses come from a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from backpack_orm.archive import journal
from backpack_orm.archive.contents import Contents
from backpack_orm.archive.slices import Sliced
from backpack_orm.archive.stored_pages import StoredPage, StoredPages, wrapped
from backpack_orm.connection import Connection
from backpack_orm.connection.calls import Call
from backpack_orm.connection.counters import Counters
from backpack_orm.connection.settings import Settings
from backpack_orm.errors import NotFound, NotInArchive, ReadOnly
from backpack_orm.models.belonging import Belonging
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.item import Item
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.status import Status
from backpack_orm.orm.schema.projections import FIELDS, Projection
from backpack_orm.wire.endpoint import Endpoint, rest
from backpack_orm.wire.shapes import MISSING, Record, Response

T = TypeVar("T")
EXPORTED_REMINDERS = rest("GET", "export/reminders.xml", reads="reminders")
"""A call that only archives answer: the reminders of the export, which include past ones."""
EXPORTED_REMINDERS_OF_OTHERS = "export-reminders-"
"""With what the names of responses begin that contain reminders from exports of other users."""
_EXPORT = "users/{id}/export.xml"
Reader: TypeAlias = "Callable[[Response], Any]"


def _exported_page(*unsure: str) -> Callable[[Response], Record]:
    """Return a reader for a page in an export, whose emails may be in a response of their own."""
    projection = Projection(
        but=("matches",),
        unsure=(FIELDS, "emails", *unsure),
        sure=("description",),
        is_export=True,
        model=Page,
    )
    emails, belongings = map(Page._table.positions.__getitem__, ("emails", "belongings"))
    type_of = Belonging._table.positions["type"]

    def read(response: Response) -> Record:
        page = projection.read_one(response)
        if page[emails] is not MISSING or any(
            each[type_of] == "Email" for each in page[belongings]
        ):
            return page
        return type(page)((*page[:emails], (), *page[emails + 1 :]))

    return read


_read_page_of_account, read_exported_page = _exported_page(), _exported_page("linked_pages")


@frozen
class _Found:
    """A response, and how to read it if not as the response of the service.

    A response that was cut from another one may lack values that the service would have included:
    they are unknown, not empty.
    """

    content: bytes
    read: Reader | None = None


class OfflineTransport:
    """Answers the calls of a connection from the responses of a snapshot.

    Args:
        contents: The responses.
        label: The name of the snapshot for messages.
    """

    def __init__(self, contents: Contents, label: str) -> None:
        self.url = label
        self.counters = Counters()
        self._contents = contents
        self._lock = Lock()
        self.close()

    def reset(self) -> None:
        """Use a lock of its own after a fork."""
        self._lock = Lock()
        self.close()

    def close(self) -> None:
        """Drop what was read; it is read again when it is needed."""
        self._pages = StoredPages(self._contents)
        self._entries: list[journal.Entry] | None = None

    def exchange(self, call: Call[T]) -> tuple[T, int]:
        """Return the parsed response and its size in bytes.

        Raises:
            NotInArchive: The snapshot does not contain the response.
            NotFound: The account had no such record.
            DamagedArchive: A file of the snapshot is missing or changed.
        """
        path = call.endpoint.path.partition("?")[0]
        find = _ROUTES.get(path, OfflineTransport._as_received)
        found = find(self, call)
        response = Response(200, found.content, None, call.localize)
        read: Callable[[Response], T] = found.read or call.read
        return read(response), len(found.content)

    # --- responses as received --------------------------------------------------------------

    def _as_received(self, call: Call[Any]) -> _Found:
        endpoint = call.endpoint
        name = self._contents.named(endpoint.verb, endpoint.path_for(call.ids, None))
        if name is None:
            raise self._absent(call)
        return _Found(self._contents.read(name))

    def _all_pages(self, call: Call[Any]) -> _Found:
        if "pages" in self._contents:
            return self._as_received(call)
        return _Found(self._pages.listed(), Page._listed.partial.read_many)

    # --- pages and parts of them ------------------------------------------------------------

    def _page(self, call: Call[Any]) -> _Found:
        page = self._stored_page(call)
        if not page.is_exported:
            return _Found(page.content)
        export = self._contents.responses.get("export")
        is_older = export is not None and export.path.startswith("/ws/")
        return _Found(page.content, _read_page_of_account if is_older else read_exported_page)

    def _notes(self, call: Call[Any]) -> _Found:
        return self._section(call, "notes", Note._full.exported.read_many)

    def _lists(self, call: Call[Any]) -> _Found:
        return self._section(call, "lists")

    def _items(self, call: Call[Any]) -> _Found:
        page, list_id = self._stored_page(call), call.ids[1]
        return _Found(page.section("items", list_id), Item._full.exported.read_many)

    def _page_items(self, call: Call[Any]) -> _Found:
        page = self._stored_page(call)
        return _Found(page.section("items", page.first_list()))

    def _emails(self, call: Call[Any]) -> _Found:
        page = self._stored_page(call)
        if self._contents.named("POST", f"/ws/page/{call.ids[0]}/emails/list"):
            return self._as_received(call)
        if not page.includes_emails:
            raise self._absent(call)
        return _Found(page.section("emails"), Email._full.exported.read_many)

    def _email(self, call: Call[Any]) -> _Found:
        page_id, id = call.ids
        listed = Call(Email._all, (page_id,), {}, Email._full.read_many)
        emails = Sliced(self._emails(listed).content, "email")
        found = next((each for each in emails.slices if each.id == id), None)
        if found is None:
            raise self._no_record(call)
        return _Found(wrapped(emails.cut(found)), Email._full.exported.read_one)

    def _pages_with_tag(self, call: Call[Any]) -> _Found:
        pages = b"".join(self._pages.with_tag(call.ids[0]))
        return _Found(wrapped(b"<pages>%s</pages>" % pages))

    def _section(self, call: Call[Any], name: str, read: Reader | None = None) -> _Found:
        return _Found(self._stored_page(call).section(name), read)

    def _stored_page(self, call: Call[Any]) -> StoredPage:
        """Return the page that a call is about, which is named first in its path."""
        page = self._pages.get(call.ids[0])
        if page is not None:
            return page
        if any(gap.what == f"page {call.ids[0]}" for gap in self._contents.gaps):
            raise self._absent(call)
        raise self._no_record(call)

    # --- records of lists -------------------------------------------------------------------

    def _status(self, call: Call[Any]) -> _Found:
        statuses = self._list("statuses", "status", call, "user-id", "user/id")
        for each in statuses.slices:
            user_id = each.values.get("user-id") or each.values.get("user/id")
            if user_id == str(call.ids[0]):
                return _Found(statuses.cut(each), Status._full.partial.read_one)
        raise self._no_record(call)

    def _event(self, call: Call[Any]) -> _Found:
        names = [name for name in self._contents.responses if name.startswith("events-")]
        for name in names:
            events = self._list(name, "calendar-event", call)
            for each in events.slices:
                if each.id == call.ids[0]:
                    return _Found(events.cut(each), CalendarEvent._full.partial.read_one)
        raise self._no_record(call) if "calendars" in self._contents else self._absent(call)

    def _exported_reminders(self, call: Call[Any]) -> _Found:
        others = EXPORTED_REMINDERS_OF_OTHERS
        names = ["export", *(name for name in self._contents.responses if name.startswith(others))]
        content: list[bytes] = []
        for name in names:
            lists = self._list(name, "reminders", call)
            if not lists.slices:
                raise self._absent(call)
            for each in lists.slices:
                reminders = Sliced(lists.cut(each), "reminder")
                content += map(reminders.cut, reminders.slices)
        return _Found(b"<reminders>%s</reminders>" % b"".join(content))

    def _list(self, name: str, element: str, call: Call[Any], *wanted: str) -> Sliced:
        if name not in self._contents:
            raise self._absent(call)
        return Sliced(self._contents.read(name), element, ("id", *wanted))

    # --- the journal ------------------------------------------------------------------------

    def _journal(self, call: Call[Any]) -> _Found:
        return self._window(self._journal_entries(call), call.ids[-1])

    def _journal_of_user(self, call: Call[Any]) -> _Found:
        user_id, n = call.ids
        entries = [each for each in self._journal_entries(call) if each.user_id == str(user_id)]
        return self._window(entries, n)

    def _entry(self, call: Call[Any]) -> _Found:
        for entry in self._journal_entries(call):
            if entry.id == call.ids[0]:
                return _Found(entry.content, JournalEntry._full.partial.read_one)
        raise self._no_record(call)

    def _journal_entries(self, call: Call[Any]) -> list[journal.Entry]:
        with self._lock:
            if self._entries is None:
                if journal.fresh_name(0) not in self._contents:
                    raise self._absent(call)
                self._entries = journal.merged(self._contents)
            return self._entries

    def _window(self, entries: list[journal.Entry], n: int) -> _Found:
        window = entries[n * journal.WINDOW : (n + 1) * journal.WINDOW]
        content = b"".join(entry.content for entry in window)
        return _Found(b"<journal-entries>%s</journal-entries>" % content)

    # --- what is not there ------------------------------------------------------------------

    def _search(self, call: Call[Any]) -> _Found:
        raise NotInArchive(
            f"{self.url} cannot search: the service does that; use Page.where() or Note.where()"
        )

    def _absent(self, call: Call[Any]) -> NotInArchive:
        """Return the error for what the snapshot does not contain, with the reason."""
        endpoint = call.endpoint
        ids = dict(zip(endpoint.ids, call.ids, strict=True))
        names = _GAPS.get(endpoint.path) or [tag.replace(":", " ") for tag in endpoint.reads]
        possible = {name.format(**ids) for name in names}
        for gap in self._contents.gaps:
            if gap.what in possible:
                return NotInArchive(f"{self.url} does not contain {gap.what}: {gap.reason}")
        return NotInArchive(f"{self.url} does not contain {call.path}")

    def _no_record(self, call: Call[Any]) -> NotFound:
        """Return the error for what the account did not have."""
        return NotFound(f"{self.url} has no such record", path=call.path, verb=call.endpoint.verb)


_ROUTES: dict[str, Callable[[OfflineTransport, Call[Any]], _Found]] = {
    "ws/pages/all": OfflineTransport._all_pages,
    "ws/pages/search": OfflineTransport._search,
    "ws/page/{id}": OfflineTransport._page,
    "ws/page/{page_id}/notes/list": OfflineTransport._notes,
    "ws/page/{page_id}/lists/list": OfflineTransport._lists,
    "ws/page/{page_id}/lists/{list_id}/items/list": OfflineTransport._items,
    "ws/page/{page_id}/items/list": OfflineTransport._page_items,
    "ws/page/{page_id}/emails/list": OfflineTransport._emails,
    "ws/page/{page_id}/emails/show/{id}": OfflineTransport._email,
    "ws/tags/select/{id}": OfflineTransport._pages_with_tag,
    EXPORTED_REMINDERS.path: OfflineTransport._exported_reminders,
    "users/{user_id}/status.xml": OfflineTransport._status,
    "calendar_events/{id}.xml": OfflineTransport._event,
    "journal_entries.xml": OfflineTransport._journal,
    "users/{user_id}/journal_entries.xml": OfflineTransport._journal_of_user,
    "journal_entries/{id}.xml": OfflineTransport._entry,
}
"""How the calls are answered whose responses are not stored as such, by path."""
_GAPS: dict[str, tuple[str, ...]] = {
    "me.xml": ("me",),
    Email._all.path: ("emails of page {page_id}",),
    Email._show.path: ("emails of page {page_id}",),
    CalendarEvent._all.path: ("events", "events of calendar {calendar_id}"),
}
"""What gaps call the responses that are not named like the cache tags of their calls, by path."""


class ArchiveConnection(Connection):
    """A connection to a snapshot: all models can be read through it, and nothing can be written.

    Args:
        transport: The source of the responses.
        account: Identifies the account: records of one archive are equal in all its snapshots.
        timezone: Time zone applied to naive timestamps, as for `Connection`.
        reopen: A function that returns the connection in another process, and its arguments.

    >>> archive.connection
    Connection('snapshot 1 of backup')
    """

    def __init__(
        self,
        transport: OfflineTransport,
        *,
        account: str,
        timezone: str | None,
        reopen: tuple[Callable[..., Connection], tuple[Any, ...]],
    ) -> None:
        settings = Settings("archive", ttl=0.0, read_only=True, timezone=timezone)
        self._set_up(settings, transport.url, account, "it is an archive")
        self._transport = transport
        self._reopen = reopen

    def ensure_writable(self, call: str) -> None:
        """Refuse every write. No request.

        Raises:
            ReadOnly: Always.
        """
        raise ReadOnly(
            f"{call} writes, and {self.url} cannot be changed: find the record in the account "
            "to change it there"
        )

    def ensure_known(self, what: str) -> None:
        """Refuse to take a value for empty that the snapshot does not include. No request.

        Raises:
            NotInArchive: Always.
        """
        raise NotInArchive(f"{self.url} does not contain {what}: the export omits it")

    def is_available(self, endpoint: Endpoint) -> bool:
        """Return False for the export: single pages are found in it without parsing all of it.

        A page that was read by itself is newer than the export then.
        """
        return endpoint.path != _EXPORT and super().is_available(endpoint)

    def __reduce__(self) -> Any:
        return self._reopen
