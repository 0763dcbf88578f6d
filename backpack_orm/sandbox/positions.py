"""The order of widgets on pages and of items in lists.

Positions count from 1 without gaps. The number of statements of a change does not depend on the
number of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from .bulk import execute, numbered
from .models import Item, List, Page, W, Widget


def put_on_top(
    session: Session, page: Page, kind: type[W], name: str, now: datetime, **values: Any
) -> W:
    """Create a widget at the top of a stored page."""
    execute(
        session,
        update(Widget).where(Widget.page_key == page.key).values(position=Widget.position + 1),
    )
    account = page.account
    widget = account.new(kind, page_key=page.key, name=name, created_at=now, position=1, **values)
    widget.belonging_id = account.next_id()
    session.add(widget)
    return widget


def remove_widget(session: Session, widget: Widget) -> None:
    """Delete a widget with its contents."""
    execute(session, delete(Widget).where(Widget.key == widget.key))
    session.expunge(widget)
    execute(
        session,
        update(Widget)
        .where(Widget.page_key == widget.page_key, Widget.position > widget.position)
        .values(position=Widget.position - 1),
    )


def order_widgets(session: Session, keys: Sequence[int]) -> None:
    """Order all widgets of a page as their keys."""
    order = numbered(session, keys)
    execute(
        session,
        update(Widget).where(Widget.key == order.c.value).values(position=order.c.key + 1),
    )


def append_item(session: Session, in_list: List, now: datetime, **values: Any) -> Item:
    """Create an item at the end of a list."""
    last = session.scalar(select(func.max(Item.position)).where(Item.list_key == in_list.key))
    item = in_list.account.new(
        Item, list_key=in_list.key, position=(last or 0) + 1, updated_at=now, **values
    )
    session.add(item)
    return item


def remove_item(session: Session, item: Item) -> None:
    """Delete an item."""
    execute(session, delete(Item).where(Item.key == item.key))
    session.expunge(item)
    execute(
        session,
        update(Item)
        .where(_siblings(item), Item.position > item.position)
        .values(position=Item.position - 1),
    )


def move_item(session: Session, item: Item, direction: str) -> None:
    """Move an item among the open or the completed ones, whichever it belongs to.

    These exchange their positions; the positions of all others stay.

    Raises KeyError for an unknown direction.
    """
    wanted = {
        "move_higher": (func.max(Item.position), Item.position < item.position),
        "move_lower": (func.min(Item.position), Item.position > item.position),
        "move_to_top": (func.min(Item.position), Item.position < item.position),
        "move_to_bottom": (func.max(Item.position), Item.position > item.position),
    }
    which, beyond = wanted[direction]
    peers = (_siblings(item), Item.completed == item.completed)
    target = session.scalar(select(which).where(*peers, beyond))
    if target is None:  # it is there already
        return
    here = item.position
    neighbour = func.lead if target < here else func.lag
    between = Item.position.between(min(target, here), max(target, here))
    moved = (
        select(Item.key, neighbour(Item.position).over(order_by=Item.position).label("position"))
        .where(*peers, between)
        .subquery()
    )
    execute(
        session,
        update(Item)
        .where(Item.key == moved.c.key)
        .values(position=func.coalesce(moved.c.position, target)),
    )


def order_items(session: Session, keys: Sequence[int]) -> None:
    """Order all items of a list as their keys."""
    order = numbered(session, keys)
    execute(
        session,
        update(Item).where(Item.key == order.c.value).values(position=order.c.key + 1),
    )


def _siblings(item: Item) -> ColumnElement[bool]:
    if item.list_key is not None:
        return Item.list_key == item.list_key
    return Item.page_key == item.page_key
