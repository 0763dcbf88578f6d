"""The versions of one record in all snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from backpack_orm.archive.entries import Entry, Key, entries_on_page
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.orm.operations.progress import Progress


@frozen
class Version:
    """A record as it was from one snapshot on.

    Attributes:
        snapshot: The first snapshot with this version.
        values: Its values, ready for JSON; None from the snapshot on in which it is gone.

    >>> note = Page.find_by(title="Lisbon").notes[0]
    >>> note.body = "overwritten"
    >>> note.save().fields
    ('body',)
    >>> archive.sync(connection).snapshot.number
    2
    >>> first, second = archive.history(note)
    >>> second.values["body"], first.values["body"][:14]
    ('overwritten', 'Rua da Bica 41')
    >>> note.body = first.values["body"]
    >>> note.save().fields
    ('body',)
    """

    snapshot: Snapshot
    values: Mapping[str, Any] | None = field(repr=False)

    @property
    def taken_at(self) -> datetime:
        """When its first snapshot was taken.

        >>> archive.history(archive.pages[0])[0].taken_at.tzinfo
        datetime.timezone.utc
        """
        return self.snapshot.taken_at


def versions(
    snapshots: Sequence[Snapshot], key: Key, page_id: int | None, report: Progress
) -> list[Version]:
    """Return the versions of a record, the oldest first. Makes no request.

    Args:
        snapshots: The snapshots, the oldest first.
        key: Type and id of the record.
        page_id: Id of the page that contains it; None if it is not on a page.
        report: Called for each snapshot.
    """
    found: list[Version] = []
    digest: bytes | None = None
    for done, snapshot in enumerate(snapshots, 1):
        entry = _entry(snapshot, key, page_id)
        if entry is None:
            if digest is not None:
                found.append(Version(snapshot, None))
            digest = None
        elif entry.digest() != digest:
            digest = entry.digest()
            found.append(Version(snapshot, entry.values))
        report("reading snapshots", done, len(snapshots))
    return found


def _entry(snapshot: Snapshot, key: Key, page_id: int | None) -> Entry | None:
    if page_id is None:
        candidates = snapshot.entries()
    else:
        candidates = entries_on_page(snapshot.connection, page_id)
    return next((entry for entry in candidates if entry.key == key), None)
