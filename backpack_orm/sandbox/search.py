"""The search for pages that contain a term."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Executable,
    literal_column,
    null,
    select,
    union_all,
)

from .calls import Call
from .contents import Statement
from .models import Email, Item, List, Note, Page, Searched, Widget, WriteboardLink
from .rendering import Xml, element
from .search_index import SHORTEST, contains, found_by_index, has_index, parameters_for
from .visibility import VISIBLE_KEYS, visible

_KINDS_FOUND: dict[type[Widget], str] = {
    Note: "note",
    List: "list",
    Email: "email",
    WriteboardLink: "writeboard_link",
}
_FOUND = {str(kind.__mapper__.polymorphic_identity): name for kind, name in _KINDS_FOUND.items()}


def pages_with(call: Call, term: str) -> list[Xml]:
    """Return the pages that contain a term, each with the widgets that contain it.

    The database finds texts that may contain it, by their trigrams if it has an index and the term
    is not too short. Executes two statements.
    """
    folded = term.casefold()
    titles: dict[int, str] = {}
    sends: defaultdict[int, dict[tuple[int, int], Xml]] = defaultdict(dict)
    for row in call.stream(_statement_for(call, folded), **parameters_for(folded)):
        page, title, id, kind, position, *texts = tuple(row)
        if any(folded in text.casefold() for text in texts):
            titles[page] = title
            if id is not None:
                sends[page][position, id] = element("send", _FOUND[kind], id=id)
    return [
        element("page", _in_order(sends[page]) if page in sends else None, title=title, id=page)
        for page, title in sorted(titles.items())
    ]


def _in_order(sends: dict[tuple[int, int], Xml]) -> list[Xml]:
    return [send for _, send in sorted(sends.items())]


def _texts(
    is_visible: ColumnElement[bool], may_contain: Callable[[type[Searched]], ColumnElement[bool]]
) -> CompoundSelect[*tuple[Any, ...]]:
    """Return the statement that reads texts with the page and the widget that they belong to."""
    page, widget = (Page.id, Page.title), (Widget.id, Widget.type, Widget.position)
    no_widget = (null(), null(), null())
    no_text: ColumnElement[str] = literal_column("''")
    of_pages = select(*page, *no_widget, Page.title, Page.description).where(may_contain(Page))
    of_widgets = (
        select(*page, *widget, Widget.name, Widget.body)
        .join(Widget, Widget.page_key == Page.key)
        .where(Widget.type.in_(_FOUND), may_contain(Widget))
    )
    in_lists = (
        select(*page, *widget, Item.content, no_text)
        .join(Widget, Widget.page_key == Page.key)
        .join(Item, Item.list_key == Widget.key)
        .where(may_contain(Item))
    )
    on_pages = (
        select(*page, *no_widget, Item.content, no_text)
        .join(Item, Item.page_key == Page.key)
        .where(may_contain(Item))
    )
    statements: tuple[Statement, ...] = (of_pages, of_widgets, in_lists, on_pages)
    return union_all(*(statement.where(is_visible) for statement in statements))


_OF_ALL_PAGES = _texts(Page.key.in_(VISIBLE_KEYS), contains)
_FOUND_BY_INDEX = {
    dialect: _texts(visible(Page), partial(found_by_index, dialect=dialect))
    for dialect in ("sqlite", "postgresql")
}


def _statement_for(call: Call, folded: str) -> Executable:
    connection = call.transaction.connection
    if len(folded) < SHORTEST or not has_index(connection):
        return _OF_ALL_PAGES
    return _FOUND_BY_INDEX[connection.dialect.name]
