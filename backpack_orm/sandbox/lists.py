"""Lists and their items, also by the older paths that name no list."""

from __future__ import annotations

from itertools import chain

from flask import Response

from .calls import Call, Endpoints, in_order, with_id, ws
from .models import Item, List, Page, open_first
from .pages import item_line
from .reading import Unreadable
from .rendering import Xml, element, local_time

lists = Endpoints("lists", __name__)


@lists.ws("page/PAGE/lists/list")
def all_lists(call: Call, page: int) -> Response:
    return ws(element("lists", map(_list_line, call.page(page).of(List))), newline=True)


@lists.ws("page/PAGE/lists/add")
def add_list(call: Call, page: int) -> Response:
    name = call.parameters.group("list").text("name") or ""
    return ws(_list_line(call.page(page).add(List, name, call.now)), newline=True)


@lists.ws("page/PAGE/lists/update/ID")
def update_list(call: Call, page: int, id: int) -> Response:
    renamed, fields = call.widget(List, page, id), call.parameters.group("list")
    renamed.name = call.updated("list.name", fields.text("name"), renamed.name, "")
    return ws()


@lists.ws("page/PAGE/lists/destroy/ID")
def destroy_list(call: Call, page: int, id: int) -> Response:
    gone = call.widget(List, page, id)
    gone.page.widgets.remove(gone)
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/list", "page/PAGE/items/list")
def all_items(call: Call, page: int, list: int | None = None) -> Response:
    on = call.page(page)
    shown = _list(call, on, list)
    items = shown.shown if shown else open_first(on.items)
    return ws(element("items", (_dated_item(item, call) for item in items)), newline=True)


def _dated_item(item: Item, call: Call) -> Xml:
    return item_line(item, updated_at=local_time(item.updated_at, call.zone))


@lists.ws("page/PAGE/lists/LIST/items/add", "page/PAGE/items/add", "page/PAGE/items/create")
def add_item(call: Call, page: int, list: int | None = None) -> Response:
    onto = call.page(page)
    grown = _list(call, onto, list) or onto.add(List, "", call.now)
    fields = call.parameters.group("item")
    item = call.me.account.new(
        Item,
        content=fields.text("content") or "",
        completed=bool(fields.flag("completed")),
        updated_at=call.now,
    )
    grown.items.append(item)
    return ws(item_line(item), newline=True)


@lists.ws("page/PAGE/lists/LIST/items/update/ID", "page/PAGE/items/update/ID")
def update_item(call: Call, page: int, id: int, list: int | None = None) -> Response:
    item, fields = _item(call, page, list, id), call.parameters.group("item")
    item.content = call.updated("item.content", fields.text("content"), item.content, "")
    item.completed = call.updated("item.completed", fields.flag("completed"), item.completed, False)
    item.updated_at = call.now
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/toggle/ID", "page/PAGE/items/toggle/ID")
def toggle_item(call: Call, page: int, id: int, list: int | None = None) -> Response:
    item = _item(call, page, list, id)
    item.completed = not item.completed
    item.updated_at = call.now
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/destroy/ID", "page/PAGE/items/destroy/ID")
def destroy_item(call: Call, page: int, id: int, list: int | None = None) -> Response:
    item = _item(call, page, list, id)
    item.siblings.remove(item)
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/move/ID", "page/PAGE/items/move/ID")
def move_item(call: Call, page: int, id: int, list: int | None = None) -> Response:
    """Move an item among those that are open, or completed, as it is."""
    item = _item(call, page, list, id)
    direction = call.parameters.needed_text("direction")
    peers = [peer for peer in item.siblings if peer.completed == item.completed]
    places = [peer.position for peer in peers]
    here = peers.index(item)
    target = {
        "move_higher": max(here - 1, 0),
        "move_lower": min(here + 1, len(peers) - 1),
        "move_to_top": 0,
        "move_to_bottom": len(peers) - 1,
    }.get(direction)
    if target is None:
        raise Unreadable(f"{direction!r} is no direction")
    peers.insert(target, peers.pop(here))
    for peer, place in zip(peers, places, strict=True):
        peer.position = place
    return ws()


@lists.ws("page/PAGE/lists/LIST/items/reorder")
def reorder_items(call: Call, page: int, list: int) -> Response:
    items = call.widget(List, page, list).items
    for place, item in enumerate(
        in_order(call.parameters.needed_ids("item_id"), items, lambda item: item.id), 1
    ):
        item.position = place
    return ws()


def _list(call: Call, page: Page, id: int | None) -> List | None:
    """The list that a path or `list_id` names, else the page's first, None if it has no list."""
    lists = page.of(List)
    if id is None and (ids := call.parameters.ids("list_id")):
        id = ids[0]
    if id is not None:
        return with_id(id, lists)
    return lists[0] if lists else None


def _item(call: Call, page_id: int, list_id: int | None, id: int) -> Item:
    """An item of a list, or any on the page when the path names no list."""
    page = call.page(page_id)
    if list_id is not None:
        return with_id(id, with_id(list_id, page.of(List)).items)
    return with_id(id, chain(page.items, *(one.items for one in page.of(List))))


def _list_line(shown: List) -> Xml:
    return element("list", name=shown.name, id=shown.id)
