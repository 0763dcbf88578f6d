"""What was copied or moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import frozen

from backpack_orm.plurals import counted
from backpack_orm.rich_display import RichDisplay

if TYPE_CHECKING:
    from backpack_orm.orm.records.model import Model

M = TypeVar("M", bound="Model")


@frozen(repr=False)
class CopyResult(RichDisplay, Generic[M]):
    """What was copied or moved.

    Attributes:
        records: The new records, in the order of the originals.
        ids: Ids of the copies, by type and id of the originals: `result.ids["note"][301]`. Includes
            the items of copied lists, but not what is on a page that the service has duplicated.
        impossible: What could not be taken along, and why.
        destroyed: Ids of the originals that a move has destroyed; those of copies still exist.
        requests: Number of requests.

    >>> page = Page.find_by(title="Lisbon")
    >>> result = page.notes[0].copy_to(Page.find_by(title="The garden"))
    >>> result
    CopyResult(1 note, 3 requests)
    >>> result.record.title, sorted(result.impossible)
    ('Where we sleep', ['ids', 'show_created_at', 'times'])
    """

    records: tuple[M, ...]
    ids: Mapping[str, Mapping[int, int]]
    impossible: Mapping[str, str]
    destroyed: tuple[int, ...] = ()
    requests: int = 0

    @property
    def record(self) -> M:
        """The first new record, which is the only one if a single record was copied.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.notes[0].copy_to(page).record == page.notes[-1]
        True
        """
        return self.records[0]

    def __repr__(self) -> str:
        parts = [counted(len(ids), type) for type, ids in self.ids.items()] or ["nothing"]
        if self.destroyed:
            parts.append(f"{len(self.destroyed)} destroyed")
        return f"CopyResult({', '.join(parts)}, {counted(self.requests, 'request')})"
