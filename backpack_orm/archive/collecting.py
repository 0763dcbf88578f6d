"""Everything that the API gives about an account, as received."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from attrs import define, evolve, field

from backpack_orm.archive import journal
from backpack_orm.archive.contents import Contents, Gap, StoredResponse
from backpack_orm.archive.page_gaps import (
    entity_gaps,
    may_have_emails,
    missing_parts,
    unserved_gaps,
)
from backpack_orm.archive.sealed import sha256
from backpack_orm.archive.stored_pages import EXPORT, EXPORTED, SHOWN, StoredPages
from backpack_orm.connection import Connection
from backpack_orm.errors import (
    ApiError,
    AuthenticationError,
    BackpackError,
    InvalidResponse,
    NotFound,
)
from backpack_orm.models.bookmark import Bookmark
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.export import read_live_export
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.page import Page
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.status import Status
from backpack_orm.models.user import User
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.wire.endpoint import Endpoint
from backpack_orm.wire.shapes import Record, Response

T = TypeVar("T")

UNKNOWN_SHARING = Gap("sharing", "the API does not tell whom pages are shared with")
UNKNOWN_LINKS = Gap("linked pages", "the export omits the links between pages")


@define
class Collected:
    """The responses of one sync, before they are joined with those of the snapshot before.

    Attributes:
        me: The record of the user.
        account_name: Name of the account; None if the export does not tell it.
        responses: Description and body by name.
        gaps: What is missing.
        refused: What the service has refused, by the name of the response; with a dash at its
            end, all names that begin so.
        requests: Number of requests.
    """

    me: Record = ()
    account_name: str | None = None
    responses: dict[str, tuple[StoredResponse, bytes]] = field(factory=dict)
    gaps: list[Gap] = field(factory=list)
    refused: dict[str, Gap] = field(factory=dict)
    requests: int = 0

    def joined(self, previous: Contents | None) -> Contents:
        """Return the contents of a snapshot that follows another one.

        Copies what was refused now, and the windows of the journal that were not read again.
        """
        responses, gaps = dict(self.responses), list(self.gaps)
        for name, gap in self.refused.items():
            copies = [] if previous is None else _copies(previous, name)
            responses |= {stored.name: (stored, body) for stored, body in copies}
            origin = next((stored.copied_from for stored, _ in copies), None)
            gaps.append(evolve(gap, copied_from=origin))
        if self._has_met(previous):
            assert previous is not None
            for n, name in enumerate(journal.settled(previous)):
                stored, body = previous.copy_of(name)
                stored = evolve(stored, name=journal.old_name(n))
                responses[stored.name] = stored, body
        return Contents(
            (stored for stored, _ in responses.values()), lambda name: responses[name][1], gaps
        )

    def _has_met(self, previous: Contents | None) -> bool:
        """Return whether the journal goes on in windows of an earlier snapshot."""
        windows = [name for name in self.responses if name.startswith(journal.PREFIX)]
        if previous is None or not windows:
            return False
        last = journal.entries_in(self.responses[windows[-1]][1])
        settled = {
            entry.id
            for name in journal.settled(previous)
            for entry in journal.entries_in(previous.read(name))
        }
        return not settled.isdisjoint(entry.id for entry in last)


class Collector:
    """Reads an account.

    Args:
        connection: The connection to read with.
        clock: Returns the time as an aware datetime.
        report: Called after each step.
    """

    def __init__(
        self, connection: Connection, clock: Callable[[], datetime], report: Progress
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._report = report
        self._found = Collected()

    def collect(self, previous: Contents | None) -> Collected:
        """Read everything. Makes one request for each kind of record, one for each calendar, and
        one for each window of the journal that is read again; more if the export is incomplete, or
        pages are created or destroyed in between.

        Args:
            previous: The snapshot before, which is extended by the journal.

        Raises:
            BackpackError: The service cannot be reached, or refuses the token.
        """
        found = self._found
        found.me = self._read("me", User._me, (), User._full.read_one)
        me = (found.me[0],)
        self._pages(me)
        listed: Sequence[tuple[str, Endpoint, tuple[int, ...], Any]] = (
            ("reminders", Reminder._all, (), Reminder._full.read_many),
            ("users", User._all, (), User._listed.read_many),
            ("statuses", Status._all, (), Status._listed.read_many),
            ("bookmarks", Bookmark._all, me, Bookmark._full.read_many),
        )
        for name, endpoint, ids, read in listed:
            self._offered(name, name, endpoint, ids, read)
        self._calendars()
        self._journal(previous)
        return found

    def _pages(self, me: tuple[int]) -> None:
        listed = self._list_pages()
        export = self._offered(EXPORT, "export", User._export, me, read_live_export)
        self._found.gaps.append(UNKNOWN_SHARING)
        pages: Sequence[Record] = () if export is None else export[3]
        if export is not None:
            self._found.account_name = export[2] or None
            self._found.gaps.append(UNKNOWN_LINKS)
        if not {page[0] for page in pages} <= {page[0] for page in listed}:
            listed = self._list_pages()  # one was created in between
        self._found.gaps += entity_gaps(pages)
        there = {page[0] for page in pages if not missing_parts(page)}
        shown = [*self._show_pages(listed, there)]
        self._emails([page for page in pages if may_have_emails(page, is_shown=False)])
        self._emails([page for page in shown if may_have_emails(page, is_shown=True)])
        self._found.gaps += unserved_gaps([*pages, *shown])

    def _list_pages(self) -> tuple[Record, ...]:
        return self._read("pages", Page._all, (), Page._listed.read_many)

    def _show_pages(self, listed: Sequence[Record], there: set[int]) -> Iterator[Record]:
        """Read single pages, for those that are not there yet.

        If one was destroyed since the pages were listed, lists them again: a page of a snapshot has
        contents, or a gap.
        """
        ids = [page[0] for page in listed if page[0] not in there]
        gone: dict[int, NotFound] = {}
        for done, id in enumerate(ids, 1):
            try:
                yield self._read(f"{SHOWN}{id}", Page._show, (id,), Page._full.read_one)
            except NotFound as error:
                gone[id] = error
            except BackpackError as error:
                self._refuse(f"{SHOWN}{id}", f"page {id}", error)
            self._report("reading single pages", done, len(ids))
        if gone:
            listed = self._list_pages()
            for id in gone.keys() & {page[0] for page in listed}:
                self._refuse(f"{SHOWN}{id}", f"page {id}", gone[id])
            yield from self._show_pages(listed, there.union(ids))

    def _emails(self, pages: Iterable[Record]) -> None:
        """Read the emails of pages that were read without them."""
        for id in (page[0] for page in pages):
            what, read = f"emails of page {id}", Email._full.read_many
            self._offered(f"emails-{id}", what, Email._all, (id,), read)

    def _calendars(self) -> None:
        name, read = "calendars", Calendar._full.read_many
        calendars = self._offered(name, name, Calendar._all, (), read)
        if calendars is None:
            gap = self._found.refused[name]
            self._found.refused["events-"] = Gap("events", gap.reason)
            return
        for calendar in calendars:
            self._offered(
                f"events-{calendar[0]}",
                f"events of calendar {calendar[0]}",
                CalendarEvent._all,
                (calendar[0],),
                CalendarEvent._full.read_many,
            )

    def _journal(self, previous: Contents | None) -> None:
        """Read windows of the journal until one meets those that need not be read again."""
        settled = {
            entry.id
            for name in journal.settled(previous)
            if previous is not None
            for entry in journal.entries_in(previous.read(name))
        }
        try:
            for n in count():
                name, read = journal.fresh_name(n), JournalEntry._listed.read_many
                window = self._read(name, JournalEntry._all, (n,), read)
                has_met = not settled.isdisjoint(entry[0] for entry in window)
                if len(window) < journal.WINDOW or (has_met and n + 1 >= journal.REREAD):
                    return
        except BackpackError as error:
            for name in [name for name in self._found.responses if name.startswith(journal.PREFIX)]:
                del self._found.responses[name]
            self._refuse(journal.PREFIX, "journal", error)

    def _offered(
        self,
        name: str,
        what: str,
        endpoint: Endpoint | None,
        ids: tuple[int, ...],
        read: Callable[[Response], T],
    ) -> T | None:
        """Read what the account may not offer; return None, and note the gap, if it is refused."""
        try:
            return self._read(name, endpoint, ids, read)
        except BackpackError as error:
            self._refuse(name, what, error)
            return None

    def _refuse(self, name: str, what: str, error: BackpackError) -> None:
        """Note what the service has refused.

        Raises:
            BackpackError: It is no refusal: a later try may succeed, or none of this token.
        """
        is_refusal = isinstance(error, ApiError | InvalidResponse)
        if not is_refusal or error.retryable or isinstance(error, AuthenticationError):
            raise error
        self._found.refused[name] = Gap(what, str(error))

    def _read(
        self,
        name: str,
        endpoint: Endpoint | None,
        ids: tuple[int, ...],
        read: Callable[[Response], T],
    ) -> T:
        assert endpoint is not None
        self._found.requests += 1
        body, record = self._connection.body_of(endpoint, ids, read=read)
        stored = StoredResponse(
            name=name,
            verb=endpoint.verb,
            path=endpoint.path_for(ids, None),
            status=200,
            received_at=self._clock().isoformat(),
            sha256=sha256(body),
            size=len(body),
        )
        self._found.responses[name] = stored, body
        self._report("reading the account", len(self._found.responses), 0)
        return record


def _copies(previous: Contents, name: str) -> list[tuple[StoredResponse, bytes]]:
    """Return the responses of an earlier snapshot that replace a refused one."""
    if name.startswith(SHOWN):
        return copies_of_page(previous, int(name[len(SHOWN) :]))
    names = [
        each
        for each in previous.responses
        if each == name or (name.endswith("-") and each.startswith(name))
    ]
    return [previous.copy_of(each) for each in names]


def copies_of_page(previous: Contents, id: int) -> list[tuple[StoredResponse, bytes]]:
    """Return a page of an earlier snapshot as a response of its own."""
    for prefix in (SHOWN, EXPORTED):
        if f"{prefix}{id}" in previous:
            return [previous.copy_of(f"{prefix}{id}")]
    page = StoredPages(previous).get(id)
    if page is None:
        return []
    export = previous.responses[EXPORT]
    stored = evolve(
        export,
        name=f"{EXPORTED}{id}",
        sha256=sha256(page.content),
        size=len(page.content),
        copied_from=export.copied_from or previous.number,
    )
    return [(stored, page.content)]
