"""Items: the entries of a list."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Never, Self, TypeVar, cast

from backpack_orm.connection import Connection
from backpack_orm.errors import NotFound, ValidationError, short_repr
from backpack_orm.models.completable import Completable, item_calls
from backpack_orm.models.movable import Movable
from backpack_orm.models.page import Page, check_order
from backpack_orm.models.whole_account import Load, check_load
from backpack_orm.orm.copying.children import Children
from backpack_orm.orm.copying.copy_result import CopyResult
from backpack_orm.orm.declarations import Embeds, ParentId, ToMany, belongs_to, field
from backpack_orm.orm.queries.collections import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.fields import listed
from backpack_orm.orm.schema.hints import REQUIRED, wrong_find
from backpack_orm.orm.schema.projections import FIELDS, Projection
from backpack_orm.orm.schema.registry import registry

if TYPE_CHECKING:
    from backpack_orm.models.list import List
    from backpack_orm.models.message import Message
    from backpack_orm.orm.declarations import BelongsTo
    from backpack_orm.orm.operations.progress import Progress
    from backpack_orm.orm.writing.save_result import SaveResult


I_co = TypeVar("I_co", bound="Item", covariant=True)


class Items(Children[I_co], Generic[I_co]):
    """The items of a list.

    >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
    >>> items.create(content="Socks").completed
    False
    """

    __slots__ = ()

    def reorder(self, order: Iterable[Item | int]) -> None:
        """Change the order of the items. Makes one request, and one more if they are not loaded.

        Args:
            order: All items of the list, each as an object or an id.

        Raises:
            ValidationError: An item is not in this list, is named twice or is left out.

        >>> steps = Page.find_by(title="Lisbon").lists.create(name="Steps")
        >>> one, two = steps.items.create(content="one"), steps.items.create(content="two")
        >>> steps.items.reorder([two, one])
        >>> [item.content for item in steps.items]
        ['two', 'one']
        """
        order = listed("Items.reorder", order)
        for item in order:
            self._owner._check_same_account("Items.reorder", item)
        ids = {item.id for item in self}
        wanted = [Item._check_id("Items.reorder", item) for item in order]
        for id in wanted:
            if id not in ids:
                raise ValidationError(f"Items.reorder: item {id} is not in {self._owner!r}")
        check_order("Items.reorder", wanted, ids)
        if not wanted:
            return  # the service refuses an empty order
        self._send_order(wanted)

    def _send_order(self, ids: Iterable[int]) -> None:
        owner = cast("List", self._owner)
        owner._change(owner._reorder, {"item_id": [str(id) for id in ids]}, "items")


class HasItems(ToMany[I_co, Items[I_co]]):
    """Declare the items of a list; in a subclass of `List`, they can be given a class.

    >>> class Chore(Item):
    ...     def is_urgent(self) -> bool:
    ...         return self.content.startswith("!")
    >>> class Chores(List):
    ...     items = HasItems(Chore)
    >>> Chores.all()[0].items[0].is_urgent()
    False
    """

    collection = Items


@resource
class Item(Completable, Movable):
    """An entry of a list, open or completed.

    Attributes:
        id: Number of the record.
        content: Text, in Textile and some HTML.
        completed: Whether it is completed.
        updated_at: Time of the last change, in the account's zone. None if no response includes it.
        messages: Comments on it. Only exports include them; else empty.
        list: The list that contains it.
        list_id: Id of that list.

    >>> packing = Page.find_by(title="Lisbon").lists.create(name="Hand luggage")
    >>> item = Item.create(list=packing, content="Socks")
    >>> item.completed
    False
    >>> item.complete().fields
    ('completed',)
    >>> item.destroy()["content"]
    'Socks'
    """

    _element = "item"
    _container = "items"
    _created = Projection("id", "content", "completed", unsure=(FIELDS,))
    _path_on_page = ("lists", "items")
    _copied_into = ("List", "items")
    _scopes = ("list", "page")

    id: int = field(read_only=True)
    content: str = field(text=True)
    completed: bool = field(default=False)
    updated_at: datetime | None = field(read_only=True)

    messages = Embeds["Message"]("message")

    list: BelongsTo[List] = belongs_to("List")
    list_id = ParentId("list")

    if TYPE_CHECKING:

        def _created_with(self, content: str, *, completed: bool = False) -> None: ...

        def update(self, *, content: str = ..., completed: bool = ...) -> SaveResult: ...

    _all, _create, _update_row, _toggle, _move, _destroy = item_calls(
        "page/{page_id}/lists/{list_id}/items"
    )
    _updates = (_update_row,)

    @classmethod
    def all(
        cls,
        *,
        list: List | int | None = None,
        page: Page | int | None = None,
        load: Load = True,
        using: Connection | None = None,
        fresh: bool = False,
        progress: bool | Progress = False,
    ) -> Collection[Self]:
        """Return the items of a list. Makes one request.

        With only a page, returns the items of all lists on the page. Makes one request. With
        neither list nor page, returns the items of all pages. Makes requests as for
        `Page.all(load=True)`.

        Args:
            list: The list or its id. Without `page`, an id is looked up on all pages.
            page: The page or its id.
            load: How to load all pages, as for `Page.all`.
            using: Connection to use instead of the current one or the list's.
            fresh: Bypass the cache.
            progress: True to show it on standard error, or a function, called after each page.

        Raises:
            ValidationError: `list` or `page` is neither an object nor an id.
            NotFound: There is no such list or page.

        >>> page = Page.find_by(title="Lisbon")
        >>> len(Item.all(page=page)) == sum(len(each.items) for each in page.lists)
        True
        """
        if list is None:
            return super().all(page=page, load=load, using=using, fresh=fresh, progress=progress)
        check_load("Item.all", load, list)
        return cls._in(_list_named(list, page, using), fresh=fresh)

    @classmethod
    def find(
        cls,
        id: Self | int = REQUIRED,
        *,
        list: List | int | None = None,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
        **unknown: Never,
    ) -> Self:
        """Return the item with an id. Makes one request if you pass a page or a `List` object.

        Otherwise, makes requests as for `Note.find`.

        Raises:
            ValidationError: The id is not valid.
            NotFound: There is no such item.

        >>> item = Page.find_by(title="Lisbon").lists[0].items[0]
        >>> Item.find(item.id) == item
        True
        """
        if unknown or id is REQUIRED:
            raise wrong_find(cls, unknown)
        if list is None:
            return super().find(id, page=page, using=using, fresh=fresh)
        cls._check_id("Item.find", id)
        return cls.all(list=list, page=page, using=using, fresh=fresh).find(id)

    def copy_to(self, list: List | int, *, adopt: bool = False) -> CopyResult[Item]:
        """Copy the item to the end of a list, of this page or another, completed if it is.

        Reads the item and the target first. Makes three requests. A copy whose response was lost is
        looked up, and not made again.

        Args:
            list: The target, which may be the same list, or belong to another account. Or its id,
                which is looked up on all pages with the requests of `List.find`.
            adopt: Use an equal item that exists there already instead. It continues after the
                process was killed.

        Returns:
            A result with the new item, and what could not be taken along.

        Raises:
            ValidationError: The item has changes that are not saved, or the target is neither
                a list nor an id.
            NotFound: The item no longer exists.
            BackpackError: A request failed; see `BackpackError.resume`.

        >>> lists = Page.find_by(title="Lisbon").lists
        >>> lists["Packing"].items["Passports"].copy_to(lists["Not to be missed"]).record.completed
        True
        """
        return self._copy_all([self], list, adopt=adopt)

    def move_to(self, list: List | int, *, adopt: bool = False) -> CopyResult[Item]:
        """Move the item to the end of another list, of this page or another of the account.

        The API has no call for it: a copy is created, it and then the item are read to prove that
        they are equal, and then the item is destroyed. So the moved item is a new record, with
        another id. Within a list, use `move_higher`, `move_to_top` and the like, which keep the
        record.

        Makes six requests. If it is stopped, moving the item again completes it. See `copy_to` for
        arguments and errors.

        Raises:
            ValidationError: The item is in this list already, or belongs to another account.
            StaleRecord: Somebody has changed or destroyed the copy or the item. The item was not
                destroyed.

        >>> lists = Page.find_by(title="Lisbon").lists
        >>> packing, seen = lists["Packing"].items, lists["Not to be missed"].items
        >>> moved = packing["Passports"].move_to(lists["Not to be missed"]).record
        >>> "Passports" in packing, seen["Passports"] == moved
        (False, True)
        """
        return self._move_all([self], list, adopt=adopt)

    @property
    def position(self) -> int:
        """Index of the item in its list, from 0. Makes one request if the list is not loaded.

        Raises:
            NotFound: The list does not contain it any more.

        >>> packing = Page.find_by(title="Lisbon").lists["Packing"]
        >>> packing.items["Sun hat"].position == packing.items.index("Sun hat")
        True
        """
        self._check_exists()
        ids = [item._saved_id for item in self.list.items]
        if self._saved_id not in ids:
            raise NotFound(f"{self!r} is not in {self.list!r} any more", status=404)
        return ids.index(self._saved_id)

    def move_before(self, other: Item) -> None:
        """Move the item to the position before another one of the same list.

        Makes two requests: reads the list, and sends the new order. Makes only the first if the
        item is there already. Completed items are always below the open ones.

        Args:
            other: An item of the same list.

        Raises:
            ValidationError: `other` is no item, this item itself, or in another list or account.
                No request was made.
            NotFound: One of them is not in the list any more.
            Destroyed: One of them was destroyed.

        >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
        >>> items["Sun hat"].move_before(items["Walking shoes"])
        >>> [item.content for item in items][:2]
        ['Sun hat', 'Walking shoes']
        """
        self._move_beside("move_before", other, 0)

    def move_after(self, other: Item) -> None:
        """Move the item to the position after another one of the same list.

        Makes requests and raises errors as `move_before` does.

        >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
        >>> items["Walking shoes"].move_after(items["Sun hat"])
        >>> [item.content for item in items][:2]
        ['Sun hat', 'Walking shoes']
        """
        self._move_beside("move_after", other, 1)

    def _move_beside(self, method: str, other: Item, offset: int) -> None:
        what = f"Item.{method}"
        self._check_exists()
        self._ensure_writable(method)
        if not isinstance(other, Item):
            raise ValidationError(f"{what} takes an item of a list, not {short_repr(other)}")
        self._check_same_account(what, other)
        other._check_exists()
        if other.list != self.list:
            raise ValidationError(f"{what}: {other!r} is in {other.list!r}, not in {self.list!r}")
        if other == self:
            raise ValidationError(f"{what}: {other!r} is the item itself")
        ids = [record[0] for record in self._records_in(self.list, fresh=True)]
        for item in (self, other):
            if item._saved_id not in ids:
                raise NotFound(f"{item!r} is not in {self.list!r} any more", status=404)
        order = [id for id in ids if id != self._saved_id]
        order.insert(order.index(other._saved_id) + offset, self._saved_id)
        if order != ids:
            self.list.items._send_order(order)

    @property
    def page(self) -> Page:
        """The page that contains the item. Makes no request.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].page.title
        'Lisbon'
        """
        return self.list.page

    @property
    def page_id(self) -> int:
        """Id of the page that contains the item. Makes no request.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.lists[0].items[0].page_id == page.id
        True
        """
        return self.list.page._saved_id


def _list_named(what: List | int, page: Page | int | None, using: Connection | None) -> List:
    """Return the list that an argument names, with its page and a connection."""
    lists: type[List] = registry["List"]  # type: ignore[assignment]  # lists import their items
    if isinstance(what, lists):
        return lists._resolve("Item: list", what, using)
    id = lists._check_id("Item: list", what)
    if page is None:
        return lists.find(id, using=using)
    return lists._stub(id, Page._resolve("Item: page", page, using))
