"""Items: the lines of a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

from backpack_orm.connection import Connection
from backpack_orm.errors import ValidationError
from backpack_orm.models.completable import Completable
from backpack_orm.models.on_page import page_named
from backpack_orm.models.page import Page, Progress, check_order
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.projections import FIELDS, Projection
from backpack_orm.orm.registry import registry
from backpack_orm.orm.relations import Children, Collection, Embeds, HasMany
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import ws

if TYPE_CHECKING:
    from backpack_orm.models.list import List
    from backpack_orm.models.message import Message
    from backpack_orm.orm.declarations import BelongsTo


I_co = TypeVar("I_co", bound="Item", covariant=True)


class Items(Children[I_co], Generic[I_co]):
    """The items of a list.

    >>> items = Page.find_by(title="Lisbon").lists["Packing"].items
    >>> items.create(content="Socks").completed
    False
    """

    __slots__ = ()

    def reorder(self, order: Iterable[Item | int]) -> None:
        """Put the items into an order; one request, once they are loaded.

        Args:
            order: All items of the list, each as an object or by its id.

        Raises:
            ValidationError: An item is not in this list, stands twice or is left out.

        >>> steps = Page.find_by(title="Lisbon").lists.create(name="Steps")
        >>> one, two = steps.items.create(content="one"), steps.items.create(content="two")
        >>> steps.items.reorder([two, one])
        >>> [item.content for item in steps.items]
        ['two', 'one']
        """
        order = list(order)
        for item in order:
            self._owner._refuse_foreign("Items.reorder", item)
        ids = {item.id for item in self}
        wanted = [Item._check_id("Items.reorder", item) for item in order]
        for id in wanted:
            if id not in ids:
                raise ValidationError(f"Items.reorder: item {id} is not in {self._owner!r}")
        check_order("Items.reorder", wanted, ids)
        if not wanted:
            return  # the service takes no order of nothing
        payload = {"item_id": [str(id) for id in wanted]}
        owner = cast("List", self._owner)
        with owner._changing("items"):
            owner._send(owner._reorder, payload)


class HasItems(HasMany[I_co], Generic[I_co]):
    """Declare the items of a list; in a subclass of `List`, they can be given a class.

    >>> class Chore(Item):
    ...     def is_urgent(self) -> bool:
    ...         return self.content.startswith("!")
    >>> class Chores(List):
    ...     items = HasItems(Chore)
    >>> Chores.all()[0].items[0].is_urgent()
    False
    """

    if TYPE_CHECKING:

        @overload
        def __get__(self, owner: None, kind: type) -> Self: ...
        @overload
        def __get__(self, owner: object, kind: type | None = None) -> Items[I_co]: ...
        def __get__(self, owner: object, kind: type | None = None) -> Any: ...

    else:
        collection = Items


@resource
class Item(Completable):
    """A line of a list, open or completed.

    Attributes:
        id: Its number.
        content: Its text, in Textile and some HTML.
        completed: Whether it is done.
        updated_at: When it was last changed, on the account's clock; None where the service does
            not tell it.
        messages: What was said about it, as far as an export tells; else empty.
        list: The list it stands in.
        list_id: That list's id.

    >>> things = Page.find_by(title="Lisbon").lists.create(name="Things")
    >>> item = Item.create(list=things, content="Socks")
    >>> item.completed
    False
    >>> item.complete().fields
    ('completed',)
    >>> item.destroy()
    """

    _element = "item"
    _container = "items"
    _full = Projection(but=("messages",))
    _embedded = Projection(but=("messages",), unsure=(FIELDS,))
    _created = Projection("id", "content", "completed", unsure=(FIELDS,))
    _exported = Projection(unsure=(FIELDS,))
    _known_by = "lists"

    id: int = field(read_only=True)
    content: str = field(text=True)
    completed: bool = field(default=False)
    updated_at: datetime | None = field(read_only=True)

    messages = Embeds["Message"]("message")

    list: BelongsTo[List] = belongs_to("List")
    list_id = ParentId("list")

    _all = ws("page/{page_id}/lists/{list_id}/items/list", reads="page:{page_id}")
    _create = ws(
        "page/{page_id}/lists/{list_id}/items/add",
        sends="item/@completed item/content",
        writes="page:{page_id} search",
    )
    _update_row = ws(
        "page/{page_id}/lists/{list_id}/items/update/{id}",
        sends="item/@completed item/content",
        writes="page:{page_id} search",
        idempotent=True,
    )
    _toggle = ws("page/{page_id}/lists/{list_id}/items/toggle/{id}", writes="page:{page_id}")
    _move = ws(
        "page/{page_id}/lists/{list_id}/items/move/{id}",
        sends="direction",
        writes="page:{page_id}",
    )
    _destroy = ws(
        "page/{page_id}/lists/{list_id}/items/destroy/{id}",
        writes="page:{page_id} search",
        idempotent=True,
    )
    _updates = (_update_row,)

    @classmethod
    def all(
        cls,
        *,
        list: List | int | None = None,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Collection[Self]:
        """Those of a list; one request. Else those of a page, one request; else those of all
        pages, one request more than there are pages.

        Args:
            list: The list, or its id; an id alone is looked for on all pages.
            page: The page, or its id.
            using: The connection, where it is not the one in use or the list's.
            fresh: Ask even if the responses are still kept.
            progress: Called after each page with the numbers of pages done and of all.

        Raises:
            ValidationError: `list` or `page` is neither an object nor an id.
            NotFound: There is no such list or page.

        >>> page = Page.find_by(title="Lisbon")
        >>> len(Item.all(page=page)) == sum(len(each.items) for each in page.lists)
        True
        """
        if list is not None:
            return cls._of(_list_named(list, page, using), fresh=fresh)
        if page is None:
            pages: Iterable[Page] = Page._each("lists", using=using, fresh=fresh, progress=progress)
        else:
            page = page_named(cls, page, using)
            pages = [Page.find(page._saved_id, using=page.connection, fresh=fresh)]
        return Collection(cls, [item for page in pages for item in cls._on(page)])

    @classmethod
    def find(
        cls,
        id: Self | int,
        *,
        list: List | int | None = None,
        page: Page | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Self:
        """The item with an id; one request with a list or a page, else one for each page until it
        is found.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> item = Page.find_by(title="Lisbon").lists[0].items[0]
        >>> Item.find(item.id) == item
        True
        """
        if list is None:
            return super().find(id, page=page, using=using, fresh=fresh)
        cls._check_id("Item.find", id)
        return cls.all(list=list, page=page, using=using, fresh=fresh).find(id)

    @classmethod
    def find_by(
        cls,
        *,
        list: List | int | None = None,
        page: Page | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Self | None:
        """The first one with these attributes, or None; requests as for `all`.

        >>> Item.find_by(page=Page.find_by(title="Lisbon"), content="no such thing") is None
        True
        """
        return cls.where(list=list, page=page, using=using, **attributes).first()

    @classmethod
    def where(
        cls,
        *,
        list: List | int | None = None,
        page: Page | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Collection[Self]:
        """Those with these attributes; requests as for `all`.

        >>> page = Page.find_by(title="Lisbon")
        >>> all(item.completed for item in Item.where(page=page, completed=True))
        True
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(list=list, page=page, using=using).where(**attributes)

    @property
    def page(self) -> Page:
        """The page it stands on. No request.

        >>> Page.find_by(title="Lisbon").lists[0].items[0].page.title
        'Lisbon'
        """
        return self.list.page

    @property
    def page_id(self) -> int:
        """That page's id. No request.

        >>> page = Page.find_by(title="Lisbon")
        >>> page.lists[0].items[0].page_id == page.id
        True
        """
        return self.list.page._saved_id

    @classmethod
    def _on(cls, page: Page) -> Sequence[Self]:
        return [item for each in page.lists for item in each._children("items", cls)]


def _list_named(what: List | int, page: Page | int | None, using: Connection | None) -> List:
    """The list that an argument names, with its page and a connection."""
    lists: type[List] = registry["List"]  # type: ignore[assignment]  # lists import their items
    if isinstance(what, lists):
        if using is not None:
            what._attach(using)
        return what
    id = lists._check_id("Item: list", what)
    if page is None:
        return lists.find(id, using=using)
    return lists._stub(id, page_named(Item, page, using))
