"""Reads the contents of pages with a fixed number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Row, Select, select

from .bulk import fetch
from .calls import Call
from .models import (
    Account,
    Image,
    Item,
    List,
    Message,
    Page,
    Tag,
    Tagging,
    Widget,
    linked_pages,
    page_address,
)

Rows: TypeAlias = Sequence[Row[Any]]
Grouped: TypeAlias = Mapping[int, Rows]
"""Rows by the key of their owner."""


@dataclass(frozen=True)
class Contents:
    """Pages and their contents, as rows, which are faster than records and need no session.

    Attributes:
        pages: The pages, by id.
        widgets: The widgets of each page, by position.
        items: The items of each list, open ones first.
        page_items: The items of each page without a list.
        tags: The tags of each page.
        images: The images of each gallery.
        linked: The pages that each page links to, as far as they are visible to the user.
        note_messages: The comments on each note.
        item_messages: The comments on each item.
    """

    pages: Rows
    widgets: Grouped
    items: Grouped
    page_items: Grouped
    tags: Grouped
    images: Grouped
    linked: Grouped
    note_messages: Grouped
    item_messages: Grouped

    def email_address(self, page: Row[Any]) -> str:
        """Return the address of a page."""
        if page.former_address is not None:
            return str(page.former_address)
        return page_address(page.account_name, page.id)


def contents(call: Call, which: Select[int], *, messages: bool) -> Contents:
    """Read the contents of the pages whose keys `which` selects.

    Executes nine statements with `messages`, otherwise seven.
    """
    pages = Page.key.in_(which)
    on_pages = Widget.page_key.in_(which)
    in_widgets = select(Widget.key).where(on_pages)

    def rows(statement: Any) -> Iterable[Any]:
        return fetch(call.session, statement, call.turn)

    return Contents(
        pages=list(
            rows(
                select(
                    Page.key,
                    Page.id,
                    Page.title,
                    Page.description,
                    Page.former_address,
                    Account.name.label("account_name"),
                )
                .join(Account, Account.key == Page.account_key)
                .where(pages)
                .order_by(Page.id)
            )
        ),
        widgets=_grouped(
            rows(
                select(
                    Widget.page_key,
                    Widget.key,
                    Widget.id,
                    Widget.type,
                    Widget.other_type,
                    Widget.belonging_id,
                    Widget.position,
                    Widget.name,
                    Widget.body,
                    Widget.created_at,
                )
                .where(on_pages)
                .order_by(Widget.page_key, Widget.position)
            )
        ),
        items=_grouped(rows(_items(Item.list_key, Item.list_key.in_(in_widgets)))),
        page_items=_grouped(rows(_items(Item.page_key, Item.page_key.in_(which)))),
        tags=_grouped(
            rows(
                select(Tagging.page_key, Tag.id, Tag.name)
                .join(Tag, Tag.key == Tagging.tag_key)
                .where(Tagging.page_key.in_(which))
                .order_by(Tagging.page_key, Tagging.position)
            )
        ),
        images=_grouped(
            rows(
                select(Image.gallery_key, Image.id, Image.file_name, Image.description)
                .where(Image.gallery_key.in_(in_widgets))
                .order_by(Image.gallery_key, Image.id)
            )
        ),
        linked=_grouped(
            rows(
                select(linked_pages.c.linked_pages_left, Page.id, Page.title)
                .join(Page, Page.key == linked_pages.c.linked_pages_right)
                .where(linked_pages.c.linked_pages_left.in_(which), call.visible)
                .order_by(linked_pages.c.linked_pages_left, Page.id)
            )
        ),
        note_messages=_grouped(
            rows(_messages(Message.note_key, Message.note_key.in_(in_widgets))) if messages else ()
        ),
        item_messages=_grouped(
            rows(_messages(Message.item_key, Message.item_key.in_(_item_keys(which))))
            if messages
            else ()
        ),
    )


def _items(home: Any, condition: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(home, Item.key, Item.id, Item.content, Item.completed)
        .where(condition)
        .order_by(home, Item.completed, Item.position)
    )


def _item_keys(which: Select[int]) -> Select[int]:
    lists = select(List.key).where(List.page_key.in_(which))
    return select(Item.key).where(Item.list_key.in_(lists) | Item.page_key.in_(which))


def _messages(about: Any, condition: Any) -> Select[*tuple[Any, ...]]:
    return select(about, Message.xml).where(condition).order_by(Message.key)


def _grouped(rows: Iterable[Row[Any]]) -> Grouped:
    """Group rows by their first column."""
    groups: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return groups
