"""Page items: items that stand on a page itself, from before there were lists."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from backpack_orm.models.completable import Completable
from backpack_orm.orm.fields import ParentId, View, belongs_to, field, resource
from backpack_orm.orm.relations import Embeds
from backpack_orm.wire.endpoint import ws

if TYPE_CHECKING:
    from backpack_orm.models.message import Message
    from backpack_orm.models.page import Page
    from backpack_orm.orm.fields import BelongsTo


@resource
class PageItem(Completable):
    """An item of a page itself: a thing of older pages.

    Today's service takes those of the page's first list for them, the one with the lowest id, and
    makes an unnamed list for the first one that is added to a page without lists.

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
    >>> item = page.items.create(content="Return the key")
    >>> item.complete().fields
    ('completed',)
    >>> [(item.content, item.completed) for item in page.items]
    [('Return the key', True)]
    """

    _element = "item"
    _container = "items"
    _is_grouped = True
    _whole = View(but=("messages",))
    _created = View("id", "content", "completed", "list_id")
    _exported = View()

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
