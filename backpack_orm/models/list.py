"""Lists of items on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from backpack_orm.models.item import HasItems
from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.destroying import Destroyable
from backpack_orm.orm.projections import Projection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.saving import Savable, SaveResult
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import ws
from backpack_orm.wire.shapes import Record

if TYPE_CHECKING:
    from backpack_orm.models.item import Item
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo


@resource
class List(OnPage, Savable, Destroyable):
    """A list on a page.

    Attributes:
        id: Number of the record.
        name: Name, which may be empty.
        items: Items, the open ones first.
        page: The page that contains it.
        page_id: Id of that page.

    >>> page = Page.find_by(title="Lisbon")
    >>> packing = page.lists.create(name="Packing")
    >>> for content in ["Socks", "Passport"]:
    ...     item = packing.items.create(content=content)
    >>> packing.items[0].complete()
    SaveResult(created=False, updated=True, fields=('completed',))
    >>> [(item.content, item.completed) for item in packing.items]
    [('Passport', False), ('Socks', True)]
    """

    _element = "list"
    _container = "lists"
    _listed = Projection("id", "name")

    id: int = field(read_only=True)
    name: str = field(default="")
    items = HasItems["Item"]("items/item", has_own_call=True)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    if TYPE_CHECKING:

        def _created_with(self, *, name: str = "") -> None: ...

        def update(self, *, name: str = ...) -> SaveResult: ...

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

    def _apply_created(
        self, record: Record, payload: Mapping[str, WireValue], changed: Sequence[str]
    ) -> None:
        super()._apply_created(record, payload, changed)
        self._update_snapshot({"items": ()})

    def _path_ids(self) -> tuple[int, ...]:
        return (*self.page._path_ids(), self._saved_id)
