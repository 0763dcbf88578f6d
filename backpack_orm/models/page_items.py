"""The items of a page: those of its first list, and legacy items that are in no list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from backpack_orm.orm.copying.children import Children
from backpack_orm.orm.declarations import ToMany
from backpack_orm.orm.queries.collections import Embedded
from backpack_orm.orm.schema.fields import Relation
from backpack_orm.orm.signals import muted, send_created, send_saved
from backpack_orm.wire.shapes import MISSING

if TYPE_CHECKING:
    from backpack_orm.models.item import Item
    from backpack_orm.models.list import List
    from backpack_orm.models.page import Page
    from backpack_orm.models.page_item import PageItem
    from backpack_orm.orm.records.model import Model


class PageItems(Children["Item | PageItem"]):
    """The items of a page.

    The collection contains the same objects as the first list of the page (the list with the lowest
    id), so a change to an item shows in both. Legacy items that are in no list come first, as
    `PageItem` objects. `create` adds to the first list, or to a new unnamed one if there is none.

    >>> page = Page.find_by(title="Groceries & such")
    >>> page.items[0] is page.lists[0].items[0]
    True
    >>> errands = Page.create(title="Errands")
    >>> item = errands.items.create(content="Return the key")
    >>> errands.lists[0].items[0] is item
    True
    """

    __slots__ = ("_combined",)

    def __init__(self, owner: Model, relation: Relation) -> None:
        super().__init__(owner, relation)
        self._combined: tuple[Any, Any, list[Item | PageItem]] = (None, None, [])

    @property
    def is_loaded(self) -> bool:
        """Whether the collection is loaded, so that using it makes no request.

        >>> Page.all()[0].items.is_loaded, Page.find(Page.all()[0].id).items.is_loaded
        (False, True)
        """
        lists: Embedded[List] = self._owner.lists  # type: ignore[attr-defined]  # a page
        if not super().is_loaded or not lists.is_loaded:
            return False
        first = first_of(lists)
        return first is None or first.items.is_loaded

    def _create(self, attributes: Mapping[str, Any]) -> Item | PageItem:
        page = cast("Page", self._owner)
        first = first_of(page.lists) if page.lists.is_loaded else None
        if first is not None:
            return first.items.create(**attributes)
        model = cast("type[PageItem]", self._model)
        with muted():  # the signals are about the item that is returned
            created = model._create_in(page, attributes)
        item = _as_listed_item(created, page)
        declared = model._table.fields.items()
        sent = (n for n, f in declared if attributes.get(n, f.default) != f.default)
        send_created(item)
        send_saved(item, tuple(sent), created=True)
        return item

    def _all(self) -> list[Item | PageItem]:
        unlisted = super()._all()
        lists = cast("Page", self._owner).lists
        first = first_of(lists)
        listed: list[Item] = [] if first is None else first.items._all()
        if self._combined[0] is not unlisted or self._combined[1] is not listed:
            known = {item._saved_id for each in lists for item in each.items._loaded()}
            alone = [item for item in unlisted if item._saved_id not in known]
            self._combined = unlisted, listed, [*alone, *listed]
        return self._combined[2]

    def _contained(self) -> list[Item | PageItem]:
        return [item for item in self._all() if isinstance(item, self._model)]

    def _copy_in(self, owner: Model) -> PageItems:
        copied = super()._copy_in(owner)
        copied._combined = (None, None, [])
        return copied


class HasPageItems(ToMany["Item | PageItem", PageItems]):
    """Declaration of the items of a page.

    A subclass of `Page` can declare a class of its own for the items that are in no list.
    """

    collection = PageItems
    target = "PageItem"


def first_of(lists: Embedded[List]) -> List | None:
    """Return the list with the lowest id: the service uses its items as items of the page."""
    return min(lists, key=lambda each: each._saved_id, default=None)


def _as_listed_item(created: PageItem, page: Page) -> Item | PageItem:
    """Return a created item. If its list is known, add it to the list and return an `Item`."""
    assert created._record is not None
    list_id = created._record[created._position("list_id")]
    if list_id is None or list_id is MISSING:
        return created
    lists = page.lists
    place = next((one for one in lists._objects if one.id == list_id), None)
    if place is None:
        place = lists._model._stub(list_id, page)
        lists._append(place)
    item = place.items._model._stub(created._saved_id, place)
    item._merge_values(content=created.content, completed=created.completed)
    place._on_child_created(item)
    return item
