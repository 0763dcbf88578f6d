"""Records as rows: the fields that commands print of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from backpack_orm.cli.finding import items_of
from backpack_orm.cli.formats import Row

if TYPE_CHECKING:
    from backpack_orm import Item, List, Model, Note, Page, PageItem

PAGE = ("id", "title", "scope", "url")
NOTE = ("id", "title", "body", "created_at", "page_id", "page")
ITEM = ("id", "completed", "content", "list_id", "list", "page_id", "page")
LIST = ("id", "name", "open", "completed", "page_id", "page")
SEPARATOR = ("id", "name", "page_id", "page")
CONTENT = ("id", "type", "title", "text", "completed", "list_id")


def of_page(page: Page) -> Row:
    """Return a page; its scope only if it is loaded."""
    return _page(page, page.to_dict().get("scope"))


def of_listed_page(page: Page) -> Row:
    """Return a page of the list of all pages, which has its scope."""
    return _page(page, page.scope)


def _page(page: Page, scope: str | None) -> Row:
    return {"id": page.id, "title": page.title, "scope": scope, "url": page.url}


def of_note(note: Note) -> Row:
    """Return a note of a page."""
    return {
        "id": note.id,
        "title": note.title,
        "body": note.body,
        "created_at": note.created_at,
        **_place(note.page),
    }


def of_item(item: Item | PageItem, page: Page) -> Row:
    """Return an item of a page."""
    in_list = getattr(item, "list", None)
    return {
        "id": item.id,
        "completed": item.completed,
        "content": item.content,
        "list_id": item.list_id,
        "list": in_list.name if in_list is not None else "",
        **_place(page),
    }


def of_list(found: List) -> Row:
    """Return a list of a page, with the numbers of its items."""
    completed = sum(item.completed for item in found.items)
    return {
        "id": found.id,
        "name": found.name,
        "open": len(found.items) - completed,
        "completed": completed,
        **_place(found.page),
    }


def _place(page: Page) -> dict[str, Any]:
    return {"page_id": page.id, "page": page.title}


def widgets_of(page: Page) -> Iterator[tuple[str, int | None, Model | None]]:
    """Yield type, id and record of everything on a page, in the order of the page.

    What the belongings of the page do not name follows at the end.
    """
    seen = set()
    for belonging in page.belongings:
        widget = belonging.widget
        seen.add(widget)
        yield belonging.type.lower(), belonging.widget_id, widget
    sections = ("notes", "lists", "separators", "galleries", "attachments", "emails")
    for name in sections:
        for widget in getattr(page, name):
            if widget not in seen:
                yield type(widget).__name__.lower(), widget.id, widget


def contents_of(page: Page) -> Iterator[Row]:
    """Yield everything on a page as rows; the items of a list follow the list."""
    for kind, id, widget in widgets_of(page):
        title = next(
            (
                getattr(widget, name)
                for name in ("title", "name", "subject", "file_name")
                if widget is not None and hasattr(type(widget), name)
            ),
            "",
        )
        yield _content(id, kind, title=title, text=getattr(widget, "body", ""))
        if kind == "list" and widget is not None:
            for item in widget.items:  # type: ignore[attr-defined]
                yield _item_content(item, id)
    in_lists = {item.id for each in page.lists for item in each.items}
    for item in items_of(page):
        if item.id not in in_lists:
            yield _item_content(item, None)


def _item_content(item: Item | PageItem, list_id: int | None) -> Row:
    return _content(item.id, "item", text=item.content, completed=item.completed, list_id=list_id)


def _content(
    id: int | None,
    kind: str,
    *,
    title: str = "",
    text: str = "",
    completed: bool | None = None,
    list_id: int | None = None,
) -> Row:
    return {
        "id": id,
        "type": kind,
        "title": title,
        "text": text,
        "completed": completed,
        "list_id": list_id,
    }
