"""Page items: items through the legacy calls that name no list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from backpack_orm.connection import Connection
from backpack_orm.models.completable import Completable, item_calls
from backpack_orm.models.item import Item
from backpack_orm.models.page import Page
from backpack_orm.orm.declarations import Embeds, ParentId, belongs_to, field
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.projections import FIELDS, Projection
from backpack_orm.wire.shapes import PartialRecord, Record

if TYPE_CHECKING:
    from backpack_orm.models.message import Message
    from backpack_orm.orm.declarations import BelongsTo
    from backpack_orm.orm.writing.save_result import SaveResult


@resource
class PageItem(Completable):
    """An item as the legacy calls address it: by its page alone.

    These calls accept the items of the first list of the page, which is the one with the lowest id,
    and legacy items that are in no list. The service creates an unnamed list for the first item
    that is added to a page without lists. An `Item` with the same id is the same record, and equal.

    Attributes:
        id: Number of the record.
        content: Text, in Textile and some HTML.
        completed: Whether it is completed.
        updated_at: Time of the last change, in the account's zone. None if no response includes it.
        list_id: Id of the list that contains it; None if no response includes it.
        messages: Comments on it. Only exports include them; else empty.
        page: The page that contains it.
        page_id: Id of that page.

    >>> page = Page.create(title="Errands")
    >>> item = PageItem.create(page=page, content="Return the key")
    >>> item.complete().fields
    ('completed',)
    >>> [(item.content, item.completed) for item in page.items]
    [('Return the key', True)]
    >>> page.items[0] == item
    True
    """

    _record_type = "Item"
    _element = "item"
    _container = "items"
    _is_grouped = True
    _created = Projection("id", "content", "completed", "list_id", unsure=(FIELDS,))

    id: int = field(read_only=True)
    content: str = field(text=True)
    completed: bool = field(default=False)
    updated_at: datetime | None = field(read_only=True)
    list_id: int | None = field(read_only=True)
    messages = Embeds["Message"]("message")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    if TYPE_CHECKING:

        def _created_with(self, content: str, *, completed: bool = False) -> None: ...

        def update(self, *, content: str = ..., completed: bool = ...) -> SaveResult: ...

    _all, _create, _update_row, _toggle, _move, _destroy = item_calls("page/{page_id}/items")
    _updates = (_update_row,)

    def _fetch(self, *, fresh: bool = False) -> Record:
        for record in super()._records_in(self._parent, fresh=fresh):
            if record[0] == self._saved_id:
                return record
        return self._select(self._records_in(self._parent, fresh=fresh))  # it is in no list

    def _stored_in(self, lists: object) -> Record:
        return self._fetch(fresh=True)

    @classmethod
    def _records_in(cls, place: Connection | Model, *, fresh: bool) -> Iterable[Record]:
        assert isinstance(place, Page)
        page = Page.find(place._saved_id, using=place.connection, fresh=fresh)
        return map(_record_of, page.items)

    @classmethod
    def _on(cls, pages: Iterable[Page]) -> Collection[Self]:
        load = cls._full.load[cls]
        found = [each for page in pages for each in load([*map(_record_of, page.items)], page)]
        return Collection(cls, found)


def _record_of(item: Item | PageItem) -> Record:
    """Return the record of an item as a page item's."""
    assert item._record is not None
    known = dict(zip(item._table.positions, item._record, strict=True))
    known["list_id"] = item.list_id if isinstance(item, Item) else known["list_id"]
    return PartialRecord(known[name] for name in PageItem._table.positions)
