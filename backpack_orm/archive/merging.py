"""The archives of several users of one account, read as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from attrs import evolve

from backpack_orm.archive.collecting import copies_of_page
from backpack_orm.archive.contents import Contents, Gap, StoredResponse
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.convertible import Convertible
from backpack_orm.archive.info import Info
from backpack_orm.archive.journal import PREFIX as JOURNAL
from backpack_orm.archive.offline import EXPORTED_REMINDERS_OF_OTHERS, ArchiveConnection
from backpack_orm.archive.sealed import sha256
from backpack_orm.archive.slices import Sliced
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.archive.stored_pages import EXPORT, StoredPages
from backpack_orm.errors import ArchiveError

_LISTS = {
    "pages": "page",
    "reminders": "reminder",
    "users": "user",
    "statuses": "status",
    "calendars": "calendar",
}
"""Responses whose records are united, and the names of their elements."""


class Merged(Convertible):
    """The newest snapshots of several archives as one, each record once. See `Archive.merge`.

    Attributes:
        snapshots: The snapshots, the newest first. Of a record that is in several, the version of
            the first counts.

    >>> merged = Archive.merge([archive, archive])
    >>> len(merged.pages), merged.notes["Where we sleep"].page.title
    (13, 'Lisbon')
    """

    def __init__(
        self,
        snapshots: Sequence[Snapshot],
        connect: Callable[[Contents], ArchiveConnection],
    ) -> None:
        self.snapshots = sorted(snapshots, key=lambda each: each.taken_at, reverse=True)
        self._contents = _merged([snapshot.contents for snapshot in self.snapshots])
        self._connection = connect(self._contents)

    @property
    def connection(self) -> ArchiveConnection:
        """The connection to the snapshots, for `using=`.

        >>> Page.find_by(title="Lisbon", using=Archive.merge([archive]).connection).scope
        'personal'
        """
        return self._connection

    @property
    def host(self) -> str | None:
        """Host name of the account; None if it is unknown.

        >>> Archive.merge([archive]).host
        '127.0.0.1'
        """
        return self.snapshots[0].host

    @property
    def time_zone(self) -> str | None:
        """Time zone of naive times, that of the user of the newest snapshot.

        >>> Archive.merge([archive]).time_zone
        'Pacific Time (US & Canada)'
        """
        return self.snapshots[0].time_zone

    @property
    def taken_at(self) -> datetime:
        """When the newest snapshot was taken.

        >>> Archive.merge([archive]).taken_at == archive.newest.taken_at
        True
        """
        return self.snapshots[0].taken_at

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What all of them lack, and why.

        >>> [gap.what for gap in Archive.merge([archive]).gaps][:2]
        ['sharing', 'linked pages']
        """
        return self._contents.gaps

    @property
    def _source(self) -> Source:
        return self

    def __repr__(self) -> str:
        return f"Merged({self.snapshots!r})"


def check_same_account(infos: Sequence[Info]) -> None:
    """Raise if archives are of different accounts.

    Raises:
        ArchiveError: They are, as far as is known.
    """
    accounts = [evolve(info.account, user_id=None, user_since=None) for info in infos]
    for other in accounts[1:]:
        if not accounts[0].is_same(other):
            raise ArchiveError(
                f"the archives are of different accounts: of {accounts[0]}, and of {other}"
            )


def _merged(all_contents: Sequence[Contents]) -> Contents:
    """Return the responses of several snapshots as those of one."""
    first, *others = all_contents
    responses = {name: (first.responses[name], first.read(name)) for name in first.responses}
    for stored, body in _united_lists(all_contents):
        responses[stored.name] = stored, body
    for number, other in enumerate(others, 1):
        for stored, body in _missing(_contents_of(responses), other, number):
            responses.setdefault(stored.name, (stored, body))
    gaps = [gap for contents in all_contents for gap in contents.gaps]
    merged = _contents_of(responses)
    pages = {f"page {id}" for id in StoredPages(merged).ids}
    known = [gap for gap in dict.fromkeys(gaps) if gap.what not in pages | set(responses)]
    return _contents_of(responses, known)


def _contents_of(
    responses: dict[str, tuple[StoredResponse, bytes]], gaps: Iterable[Gap] = ()
) -> Contents:
    stored = [each for each, _ in responses.values()]
    return Contents(stored, lambda name: responses[name][1], gaps)


def _united_lists(all_contents: Sequence[Contents]) -> Iterator[tuple[StoredResponse, bytes]]:
    """Yield the lists of all snapshots, each record once."""
    for name, element in _LISTS.items():
        having = [contents for contents in all_contents if name in contents]
        if name == "pages" and len(having) < len(all_contents):
            bodies = [_listed_pages(contents) for contents in all_contents]
        else:
            bodies = [contents.read(name) for contents in having]
        if having and len(bodies) > 1:
            yield _response(having[0].responses[name], _united(name, element, bodies))


def _listed_pages(contents: Contents) -> bytes:
    return contents.read("pages") if "pages" in contents else StoredPages(contents).listed()


def _united(container: str, element: str, bodies: Iterable[bytes]) -> bytes:
    """Return one list with the records of several."""
    found: dict[int, bytes] = {}
    for body in bodies:
        sliced = Sliced(body, element)
        for each in sliced.slices:
            found.setdefault(each.id, sliced.cut(each))
    content = b"".join(found.values())
    name = container.encode()
    return b'<response success="true"><%s>%s</%s></response>' % (name, content, name)


def _missing(
    merged: Contents, other: Contents, number: int
) -> Iterator[tuple[StoredResponse, bytes]]:
    """Yield what another snapshot has besides lists, and the merged ones lack."""
    known, pages = StoredPages(merged), StoredPages(other)
    for id in pages.ids:
        if known.get(id) is None:
            yield from copies_of_page(other, id)
            if f"emails-{id}" in other:
                yield other.copy_of(f"emails-{id}")
    has_journal = any(name.startswith(JOURNAL) for name in merged.responses)
    for name in other.responses:
        if name.startswith("events-") or (name.startswith(JOURNAL) and not has_journal):
            yield other.copy_of(name)
    if "bookmarks" in other:
        stored, body = other.copy_of("bookmarks")
        yield evolve(stored, name=f"bookmarks-{number}"), body
    if EXPORT in other:
        stored, body = other.copy_of(EXPORT)
        reminders = _reminders_besides(merged, body)
        yield _response(evolve(stored, name=f"{EXPORTED_REMINDERS_OF_OTHERS}{number}"), reminders)


def _reminders_besides(merged: Contents, export: bytes) -> bytes:
    """Return the reminders of an export that no other one includes."""
    names = [EXPORT, *(n for n in merged.responses if n.startswith(EXPORTED_REMINDERS_OF_OTHERS))]
    known = {
        each.id
        for name in names
        if name in merged
        for each in Sliced(merged.read(name), "reminder").slices
    }
    sliced = Sliced(export, "reminder")
    cuts = (sliced.cut(each) for each in sliced.slices if each.id not in known)
    return b"<reminders>%s</reminders>" % b"".join(cuts)


def _response(stored: StoredResponse, body: bytes) -> tuple[StoredResponse, bytes]:
    return evolve(stored, sha256=sha256(body), size=len(body)), body
