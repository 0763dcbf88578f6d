"""Page items: items by the calls that name no list, as older clients make them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from backpack_orm.models.completable import Completable
from backpack_orm.models.item import Item
from backpack_orm.models.page import Page
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.model import Model
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.relations import Embeds
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import ws
from backpack_orm.wire.parse import PartialRecord, Record

if TYPE_CHECKING:
    from typing import Self

    from backpack_orm.models.message import Message
    from backpack_orm.orm.declarations import BelongsTo


@resource
class PageItem(Completable):
    """An item as the calls of older clients know it: by its page alone.

    The service takes those of the first list of the page, the one with the lowest id, besides
    those of older pages that are in no list. It makes an unnamed list for the first item that is
    added to a page without lists. An `Item` with the same id is the same record, and equal.

    Attributes:
        id: Its number.
        content: Its text, in Textile and some HTML.
        completed: Whether it is done.
        updated_at: When it was last changed, on the account's clock; None where the service does
            not tell it.
        list_id: The list that the service keeps it in; None where it does not tell it.
        messages: What was said about it, as far as an export tells; else empty.
        page: The page it stands on.
        page_id: That page's id.

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
    _full = Projection(but=("messages",))
    _embedded = Projection(but=("messages",), unsure=(FIELDS,))
    _created = Projection("id", "content", "completed", "list_id", unsure=(FIELDS,))
    _exported = Projection(unsure=(FIELDS,))

    id: int = field(read_only=True)
    content: str = field(text=True)
    completed: bool = field(default=False)
    updated_at: datetime | None = field(read_only=True)
    list_id: int | None = field(read_only=True)
    messages = Embeds["Message"]("message")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    _all = ws("page/{page_id}/items/list", reads="page:{page_id}")
    _create = ws(
        "page/{page_id}/items/add",
        sends="item/@completed item/content",
        writes="page:{page_id} search",
    )
    _update_row = ws(
        "page/{page_id}/items/update/{id}",
        sends="item/@completed item/content",
        writes="page:{page_id} search",
        idempotent=True,
    )
    _toggle = ws("page/{page_id}/items/toggle/{id}", writes="page:{page_id}")
    _move = ws("page/{page_id}/items/move/{id}", sends="direction", writes="page:{page_id}")
    _destroy = ws(
        "page/{page_id}/items/destroy/{id}", writes="page:{page_id} search", idempotent=True
    )
    _updates = (_update_row,)

    def _fetch(self, *, fresh: bool = False) -> Record:
        page = self._parent
        listed = page.connection.call(
            self._all, page._path_ids(), read=self._full.read_many, fresh=fresh
        )
        for record in listed:
            if record[0] == self._saved_id:
                return record
        return self._select(self._records_of(page, fresh=fresh))  # it is in no list

    @classmethod
    def _records_of(cls, parent: Model, *, fresh: bool) -> tuple[Record, ...]:
        page = Page.find(parent._saved_id, using=parent.connection, fresh=fresh)
        return tuple(map(_record_of, page.items))

    @classmethod
    def _on(cls, page: Page) -> Sequence[Self]:
        return cls._full.load[cls](tuple(map(_record_of, page.items)), page)


def _record_of(item: Item | PageItem) -> Record:
    """Return the record of an item as a page item's."""
    assert item._record is not None
    known = dict(zip(item._table.positions, item._record, strict=True))
    known["list_id"] = item.list_id if isinstance(item, Item) else known["list_id"]
    return PartialRecord(known[name] for name in PageItem._table.positions)
