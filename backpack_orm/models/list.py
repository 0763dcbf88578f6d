"""Lists of items on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self, cast

from backpack_orm.models.item import HasItems
from backpack_orm.models.movable import Movable
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.queries.introspection import is_introspection
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.projections import Projection
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire.build import WireValue
from backpack_orm.wire.endpoint import ws
from backpack_orm.wire.shapes import Record

if TYPE_CHECKING:
    from backpack_orm.models.item import Item
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo
    from backpack_orm.orm.operations.progress import Progress


@resource
class List(Movable, Savable, Destroyable):
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
    _copied_into = ("Page", "lists")

    id: int = field(read_only=True)
    name: str = field(default="")
    items = HasItems["Item"]("items/item", has_own_call=True)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    if TYPE_CHECKING:

        def _created_with(self, name: str = "") -> None: ...

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

    def __len__(self) -> int:
        """Return the number of items. Makes one request if they are not loaded.

        >>> len(Page.find_by(title="Lisbon").lists["Packing"])
        8
        """
        if is_introspection() and not self.items.is_loaded:
            raise TypeError("not loaded yet")
        return len(self.items)

    def __bool__(self) -> bool:
        """Return True, also for an empty list: `find_by` returns None if there is no list."""
        return True

    def copy_to(
        self, page: Page | int, *, progress: bool | Progress = False, adopt: bool = False
    ) -> CopyResult[List]:
        """Copy the list with its items to a page, in the same order, completed as they are.

        Reads the list and the target first. Makes three requests and one for each item. Copies
        whose responses were lost are looked up, and not made again.

        Args:
            page: The target, or its id. It may be the same page, or belong to another account.
            progress: True to show it on standard error, or a function.
            adopt: Use a list of the same name that exists there already instead, and its items, if
                all of them are equal to some of this list. It continues after the process was
                killed.

        Returns:
            A result with the new list, and what could not be taken along.

        Raises:
            ValidationError: The list has changes that are not saved, or the target is neither
                a page nor an id.
            NotFound: The list no longer exists.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> packing = Page.find_by(title="Lisbon").lists["Packing"]
        >>> len(packing.copy_to(Page.find_by(title="The garden")).record.items)
        8
        """
        return self._copy_all([self], page, progress, adopt=adopt)

    def move_to(
        self, page: Page | int, *, progress: bool | Progress = False, adopt: bool = False
    ) -> CopyResult[List]:
        """Move the list with its items to another page of the account.

        The API has no call for it: a copy is created, it and then the list are read to prove that
        they are equal, and then the list is destroyed. So the moved list is a new record, and so
        are its items.

        Makes six requests and one for each item. If it is stopped, moving the list again completes
        it. See `copy_to` for arguments and errors.

        Raises:
            ValidationError: The list is on this page already, or belongs to another account, or
                has an item without text, which the service would not create.
            StaleRecord: Somebody has changed or destroyed the copy or the list. The list was not
                destroyed. Moving it again makes another copy.

        >>> garden = Page.find_by(title="The garden")
        >>> Page.find_by(title="Lisbon").lists["Packing"].move_to(garden).record in garden.lists
        True
        """
        return self._move_all([self], page, progress, adopt=adopt)

    @classmethod
    def _stored_in_place(cls, place: Model) -> Sequence[Self]:
        page = cast("Page", place)
        return (
            type(page)
            .find(page._saved_id, using=page.connection, fresh=True)
            ._children("lists", cls)
        )

    def _path_ids(self) -> tuple[int, ...]:
        return (*self.page._path_ids(), self._saved_id)
