"""Reads the contents of pages with a fixed number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Executable,
    Select,
    String,
    bindparam,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from .calls import Call, found
from .models import (
    Account,
    BigInt,
    Image,
    Item,
    Message,
    Page,
    Tag,
    Tagging,
    Widget,
    linked_pages,
    page_address,
)
from .statements import CompiledStatement
from .visibility import VISIBLE, VISIBLE_KEYS, visible

Rows: TypeAlias = Sequence[Any]
Grouped: TypeAlias = Mapping[int | None, Rows]
"""Rows by the key of their owner; the key is their second column."""

Statement: TypeAlias = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Contents:
    """A page and its contents, as rows, which are faster than records and need no session.

    Attributes:
        page: The page.
        widgets: Its widgets, by position.
        items: The items of each list, open ones first; those without a list have the key None.
        tags: Its tags.
        images: The images of each gallery.
        linked: The pages that it links to, as far as they are visible to the user.
        note_messages: The comments on each note.
        item_messages: The comments on each item.
    """

    page: Any
    widgets: Rows
    items: Grouped
    tags: Rows
    images: Grouped
    linked: Rows
    note_messages: Grouped
    item_messages: Grouped

    @property
    def email_address(self) -> str:
        """Address of the page."""
        if self.page.former_address is not None:
            return str(self.page.former_address)
        return page_address(self.page.account_name, self.page.id)


_TAG, _IMAGE, _LINK = "tag", "image", "link"


def _kind(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'", String).label("kind")


_NO_TEXT = literal_column("''", String).label("description")
_NO_KEY = literal_column("0", BigInt).label("gallery_key")


class _Statements:
    """The statements that read the contents of some pages.

    The first column of a row is the id of its page, by which rows are ordered. The statements are
    built once: building one takes longer than executing it.
    """

    def __init__(self, are_wanted: ColumnElement[bool]) -> None:
        def rows_of(*columns: Any) -> Statement:
            return select(Page.id.label("page_id"), *columns).where(are_wanted).order_by(Page.id)

        def on_widgets(*columns: Any) -> Statement:
            return rows_of(*columns).join(Widget, Widget.page_key == Page.key)

        def on_items(*columns: Any) -> CompoundSelect[*tuple[Any, ...]]:
            in_lists = on_widgets(*columns).join(Item, Item.list_key == Widget.key)
            on_pages = rows_of(*columns).join(Item, Item.page_key == Page.key)
            return union_all(in_lists.order_by(None), on_pages.order_by(None))

        linked, links = aliased(Page), linked_pages.c
        self.pages = (
            rows_of(
                Page.key,
                Page.id,
                Page.title,
                Page.description,
                Page.former_address,
                Account.name.label("account_name"),
            )
            .join(Account, Account.key == Page.account_key)
            .where(VISIBLE)
        )
        self.widgets = on_widgets(
            Widget.key,
            Widget.id,
            Widget.type,
            Widget.other_type,
            Widget.belonging_id,
            Widget.position,
            Widget.name,
            Widget.body,
            Widget.created_at,
        ).order_by(Widget.position)
        self.items = on_items(
            Item.list_key, Item.key, Item.id, Item.content, Item.completed, Item.position
        ).order_by("page_id", "completed", "position")
        # One statement, since each takes longer to begin than these take to be found.
        self.named = union_all(
            rows_of(
                _kind(_TAG),
                Tag.id,
                Tag.name.label("name"),
                _NO_TEXT,
                _NO_KEY,
                Tagging.position.label("place"),
            )
            .join(Tagging, Tagging.page_key == Page.key)
            .join(Tag, Tag.key == Tagging.tag_key)
            .order_by(None),
            on_widgets(
                _kind(_IMAGE),
                Image.id,
                Image.file_name,
                Image.description,
                Image.gallery_key,
                Image.id,
            )
            .join(Image, Image.gallery_key == Widget.key)
            .order_by(None),
            rows_of(_kind(_LINK), linked.id, linked.title, _NO_TEXT, _NO_KEY, linked.id)
            .join(linked_pages, links.linked_pages_left == Page.key)
            .join(linked, linked.key == links.linked_pages_right)
            .where(visible(linked))
            .order_by(None),
        ).order_by("page_id", "kind", "place")
        self.note_messages = (
            on_widgets(Message.note_key, Message.xml)
            .join(Message, Message.note_key == Widget.key)
            .order_by(Message.key)
        )
        items = on_items(Item.key).subquery()
        self.item_messages = (
            select(items.c.page_id, Message.item_key, Message.xml)
            .join(Message, Message.item_key == items.c.key)
            .order_by(items.c.page_id, Message.key)
        )


_SHOWN = CompiledStatement(_Statements(Page.id == bindparam("id")).pages)
_OF_ONE_PAGE = _Statements(Page.key == bindparam("page_key"))
_WIDGETS = CompiledStatement(_OF_ONE_PAGE.widgets)
_ITEMS = CompiledStatement(_OF_ONE_PAGE.items)
_NAMED = CompiledStatement(_OF_ONE_PAGE.named)
_OF_ALL_PAGES = _Statements(Page.key.in_(VISIBLE_KEYS))


def contents_of(call: Call, id: int) -> Contents:
    """Read a visible page without comments; 404 otherwise. Executes four statements."""
    page = found(call.first(_SHOWN, id=id))

    def rows(statement: CompiledStatement) -> Rows:
        return call.rows(statement, page_key=page.key)

    return _contents(page, rows(_WIDGETS), rows(_ITEMS), rows(_NAMED))


def all_contents(call: Call) -> Iterator[Contents]:
    """Read all visible pages with comments, by id. Executes six statements."""

    def by_page(statement: Executable) -> Callable[[int], list[Any]]:
        return _by_page(call.stream(statement))

    of = _OF_ALL_PAGES
    widgets, items, named = by_page(of.widgets), by_page(of.items), by_page(of.named)
    note_messages, item_messages = by_page(of.note_messages), by_page(of.item_messages)
    for page in call.stream(of.pages):
        yield _contents(
            page,
            widgets(page.id),
            items(page.id),
            named(page.id),
            note_messages(page.id),
            item_messages(page.id),
        )


def _contents(
    page: Any,
    widgets: Rows,
    items: Rows,
    named: Rows,
    note_messages: Rows = (),
    item_messages: Rows = (),
) -> Contents:
    by_kind = _grouped(named)
    return Contents(
        page,
        widgets,
        _grouped(items),
        tags=by_kind[_TAG],
        images=_grouped(by_kind[_IMAGE], attrgetter("gallery_key")),
        linked=by_kind[_LINK],
        note_messages=_grouped(note_messages),
        item_messages=_grouped(item_messages),
    )


def _by_page(rows: Iterable[Any]) -> Callable[[int], list[Any]]:
    """Return a function that returns the rows of a page; to be called in the order of the pages."""
    groups = groupby(rows, key=itemgetter(0))
    nothing: tuple[int | None, Iterator[Any]] = (None, iter(()))
    reached, group = next(groups, nothing)

    def of(page_id: int) -> list[Any]:
        nonlocal reached, group
        if page_id != reached:
            return []
        found = list(group)
        reached, group = next(groups, nothing)
        return found

    return of


def _grouped(
    rows: Iterable[Any], key: Callable[[Any], Any] = itemgetter(1)
) -> defaultdict[Any, list[Any]]:
    """Group rows, by default by their second column, after the id of the page."""
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups
