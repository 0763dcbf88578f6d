"""The endpoints of lists and items, including legacy paths without a list."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, func, select, update
from werkzeug.exceptions import NotFound

from .calls import Call, Endpoints, XmlResponse, found, in_order, ws
from .models import Item, List, Page, Widget, fold
from .page_xml import item_line
from .positions import append_item, move_item, order_items, put_on_top, remove_item, remove_widget
from .reading import InvalidRequest
from .rendering import Xml, each, element, local_time, stream
from .statements import CompiledStatement
from .visibility import ACCOUNT, VISIBLE

lists = Endpoints("lists", __name__)


@lists.ws_read("page/PAGE/lists/list")
def all_lists(call: Call, page: int) -> XmlResponse:
    return ws(element("lists", map(_list_line, call.widgets(List, page))), newline=True)


@lists.ws("page/PAGE/lists/add")
def add_list(call: Call, page: int) -> XmlResponse:
    name = call.parameters.group("list").text("name") or ""
    added = put_on_top(call.session, call.page(page), List, name, call.now)
    return ws(_list_line(added), newline=True)


@lists.ws("page/PAGE/lists/update/ID")
def update_list(call: Call, page: int, id: int) -> XmlResponse:
    renamed, fields = call.widget(List, page, id), call.parameters.group("list")
    renamed.name = call.updated("list.name", fields.text("name"), renamed.name, "")
    return ws()


@lists.ws("page/PAGE/lists/destroy/ID")
def destroy_list(call: Call, page: int, id: int) -> XmlResponse:
    remove_widget(call.session, call.widget(List, page, id))
    return ws()


def _items_with(key: Any) -> CompiledStatement:
    """Return the statement that reads the items of a list or page."""
    return CompiledStatement(
        select(Item.id, Item.content, Item.completed, Item.updated_at)
        .where(key == bindparam("key"))
        .order_by(Item.completed, Item.position)
    )


_OF_LIST, _OF_PAGE = _items_with(Item.list_key), _items_with(Item.page_key)


@lists.ws_read("page/PAGE/lists/LIST/items/list", "page/PAGE/items/list")
def all_items(call: Call, page: int, list: int | None = None) -> XmlResponse:
    on = call.page(page)
    shown = _list(call, on, list)
    items = call.rows(_OF_PAGE, key=on.key) if shown is None else call.rows(_OF_LIST, key=shown.key)
    list_id = shown.id if shown else None

    def line(item: Any) -> Xml:
        return item_line(item, list_id, updated_at=local_time(item.updated_at, call.zone))

    return ws(stream("items", each(items, line)), newline=True)


@lists.ws("page/PAGE/lists/LIST/items/add", "page/PAGE/items/add", "page/PAGE/items/create")
def add_item(call: Call, page: int, list: int | None = None) -> XmlResponse:
    onto = call.page(page)
    grown = _list(call, onto, list) or put_on_top(call.session, onto, List, "", call.now)
    fields = call.parameters.group("item")
    item = append_item(
        call.session,
        grown,
        call.now,
        content=fields.text("content") or "",
        completed=bool(fields.flag("completed")),
    )
    return ws(item_line(item, grown.id), newline=True)


@lists.ws("page/PAGE/lists/LIST/items/update/ID", "page/PAGE/items/update/ID")
def update_item(call: Call, page: int, id: int, list: int | None = None) -> XmlResponse:
    fields = call.parameters.group("item")
    content = call.updated("item.content", fields.text("content"), None, "")
    changes = {
        "content": content,
        "folded": None if content is None else fold(content),
        "completed": call.updated("item.completed", fields.flag("completed"), None, False),
        "updated_at": call.now,
    }
    new = {f"new_{name}": value for name, value in changes.items() if value is not None}
    statement = _updating(tuple(new), in_list=list is not None)
    if not call.change(statement, **new, page_id=page, list_id=list, item_id=id):
        raise NotFound
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/toggle/ID", "page/PAGE/items/toggle/ID")
def toggle_item(call: Call, page: int, id: int, list: int | None = None) -> XmlResponse:
    item = _item(call, page, list, id)
    item.completed = not item.completed
    item.updated_at = call.now
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/destroy/ID", "page/PAGE/items/destroy/ID")
def destroy_item(call: Call, page: int, id: int, list: int | None = None) -> XmlResponse:
    remove_item(call.session, _item(call, page, list, id))
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/move/ID", "page/PAGE/items/move/ID")
def move(call: Call, page: int, id: int, list: int | None = None) -> XmlResponse:
    """Move an item among the open or the completed ones, whichever it belongs to."""
    item = _item(call, page, list, id)
    direction = call.parameters.required_text("direction")
    try:
        move_item(call.session, item, direction)
    except KeyError:
        raise InvalidRequest("<direction> must be one of the four directions") from None
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/reorder")
def reorder_items(call: Call, page: int, list: int) -> XmlResponse:
    ids = call.parameters.required_ids("item_id")
    of_list = Item.list_key == call.widget(List, page, list).key
    there = call.session.execute(
        select(Item.key, Item.id).where(of_list).order_by(Item.position)
    ).all()
    items = in_order(ids, there, lambda row: row.id)
    order_items(call.session, [item.key for item in items])
    return ws()


def _list(call: Call, page: Page, id: int | None) -> List | None:
    """Return the list of the path or of `list_id`, else the first of the page, or None."""
    if id is None and (ids := call.parameters.ids("list_id")):
        id = ids[0]
    wanted = select(List).where(List.page_key == page.key)
    if id is not None:
        return found(call.session.scalar(wanted.where(List.id == id)))
    first: List | None = call.session.scalar(wanted.order_by(List.id).limit(1))
    return first


def _where(statement: Select[Any], *, in_list: bool) -> Select[Any]:
    """Restrict a statement to one item of a list, or of the page if the path has no list."""
    in_any = statement.outerjoin(Widget, Widget.key == Item.list_key)
    on_page = in_any.join(Page, Page.key == func.coalesce(Item.page_key, Widget.page_key))
    item = on_page.where(
        Item.account_key == ACCOUNT,
        Item.id == bindparam("item_id"),
        Page.id == bindparam("page_id"),
        VISIBLE,
    )
    return item.where(Widget.id == bindparam("list_id")) if in_list else item


_IN_LIST, _ANYWHERE = (_where(select(Item), in_list=in_list) for in_list in (True, False))


@cache
def _updating(new: tuple[str, ...], *, in_list: bool) -> CompiledStatement:
    """Return the statement that changes these columns of an item."""
    items = cast("Table", Item.__table__)
    key = _where(select(Item.key), in_list=in_list).scalar_subquery()
    values: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in new}
    return CompiledStatement(update(items).where(items.c.key == key).values(values))


def _item(call: Call, page: int, list: int | None, id: int) -> Item:
    """Return an item of a list, or of the page if the path has no list."""
    wanted = _ANYWHERE if list is None else _IN_LIST
    parameters = {**call.scope, "page_id": page, "list_id": list, "item_id": id}
    item: Item | None = call.session.scalar(wanted, parameters)
    return found(item)


def _list_line(shown: List) -> Xml:
    return element("list", name=shown.name, id=shown.id)
