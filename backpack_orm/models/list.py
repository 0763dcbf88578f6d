"""Lists: named lists on a page, and the items in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.models.item import HasItems, Item
from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable
from backpack_orm.wire.endpoint import ws

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo


@resource
class List(OnPage, Savable, Destroyable):
    """A list on a page.

    Attributes:
        id: Its number.
        name: Its name, which may be empty.
        items: Its items, the open ones first.
        page: The page it stands on.
        page_id: That page's id.

    >>> page = Page.find_by(title="Lisbon")
    >>> packing = page.lists.create(name="Packing")
    >>> for thing in ["Socks", "Passport"]:
    ...     item = packing.items.create(content=thing)
    >>> packing.items[0].complete()
    SaveResult(created=False, updated=True, fields=('completed',))
    >>> [(item.content, item.completed) for item in packing.items]
    [('Passport', False), ('Socks', True)]
    """

    _element = "list"
    _container = "lists"
    _listed = Projection("id", "name")
    _created = Projection("id", "name", unsure=(FIELDS,))
    _embedded = Projection(unsure=(FIELDS, "items"))
    _exported = Projection(unsure=(FIELDS, "items"), depth="_exported")

    id: int = field(read_only=True)
    name: str = field(default="")
    items = HasItems["Item"]("items/item")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    _all = ws("page/{page_id}/lists/list", reads="page:{page_id}")
    _create = ws("page/{page_id}/lists/add", sends="name", writes="page:{page_id} search")
    _update_row = ws(
        "page/{page_id}/lists/update/{id}",
        sends="list/name",
        writes="page:{page_id} search",
        idempotent=True,
    )
    _reorder = ws(
        "page/{page_id}/lists/{id}/items/reorder",
        sends="item-id",
        writes="page:{page_id}",
        idempotent=True,
    )
    _destroy = ws(
        "page/{page_id}/lists/destroy/{id}", writes="page:{page_id} search", idempotent=True
    )
    _updates = (_update_row,)

    def _path_ids(self) -> tuple[int, ...]:
        return (*self.page._path_ids(), self._saved_id)

    def _load(self, name: str, *, fresh: bool = False) -> None:
        self._refuse_destroyed()
        if name == "items":
            self._merge(self._record_with(items=Item._records_of(self, fresh=fresh)))
        else:
            super()._load(name, fresh=fresh)
