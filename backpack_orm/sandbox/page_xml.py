"""Renders pages and their contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Row

from .contents import Contents, Rows
from .models import Attachment, Email, Gallery, List, Note, OtherWidget, Separator, Widget
from .rendering import Xml, each, element, local_time, section, stream, text


class PageLike(Protocol):
    """A page, or a row of one."""

    @property
    def id(self) -> int: ...
    @property
    def title(self) -> str: ...


class WidgetLike(Protocol):
    """A widget, or a row of one."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


class ItemLike(Protocol):
    """An item, or a row of one."""

    @property
    def id(self) -> int: ...
    @property
    def content(self) -> str: ...
    @property
    def completed(self) -> bool: ...


def page_line(page: PageLike) -> Xml:
    """Render a page as in lists of pages."""
    return element("page", title=page.title, id=page.id)


def item_line(
    item: ItemLike,
    list_id: int | None,
    *,
    updated_at: str | None = None,
    messages: Rows = (),
) -> Xml:
    """Render an item."""
    return element(
        "item",
        _with_messages(item.content, messages),
        completed=item.completed,
        id=item.id,
        list_id=list_id,
        updated_at=updated_at,
    )


def note_line(note: WidgetLike, zone: tzinfo, *, messages: Rows = ()) -> Xml:
    """Render a note with its body."""
    return element(
        "note",
        _with_messages(note.body, messages),
        title=note.name,
        id=note.id,
        created_at=local_time(note.created_at, zone),
    )


def email_line(mail: WidgetLike, zone: tzinfo) -> Xml:
    """Render a mail with its body."""
    created_at = local_time(mail.created_at, zone)
    return element("email", mail.body, subject=mail.name, id=mail.id, created_at=created_at)


def separator_line(separator: WidgetLike) -> Xml:
    """Render a separator in the ws dialect."""
    return element("separator", separator.name, id=separator.id)


def _with_messages(content: str, messages: Rows) -> Iterable[Xml]:
    shown = [text(content)]
    shown += [Xml(message.xml) for message in messages]
    return shown


class PageRenderer:
    """Renders pages with their contents, piece by piece.

    Without `links` it omits links between pages, as the export of a user does.
    """

    def __init__(self, contents: Contents, zone: tzinfo, *, links: bool = True) -> None:
        self._contents = contents
        self._links = links
        self._zone = zone

    def pages(self) -> Iterator[Xml]:
        """Render all pages, without empty sections."""
        for page in self._contents.pages:
            items = self._contents.page_items[page.key]
            description = [element("description", page.description)] if page.description else []
            yield from self._page(page, [*description, *section("items", self._items(items))])

    def older_pages(self) -> Iterator[Xml]:
        """Render all pages in the legacy form, with one description and one list of items."""
        for page in self._contents.pages:
            items = self._contents.page_items[page.key]
            description = element("description", page.description)
            yield from self._page(page, [description, *stream("items", self._items(items))])

    def _page(self, page: Row[Any], head: Iterable[Xml]) -> Iterator[Xml]:
        yield from stream(
            "page",
            chain(head, self._sections(page)),
            title=page.title,
            id=page.id,
            email_address=self._contents.email_address(page),
        )

    def _sections(self, page: Row[Any]) -> Iterator[Xml]:
        found = self._contents
        widgets = found.widgets[page.key]
        by_kind: dict[str, list[Row[Any]]] = {}
        for widget in sorted(widgets, key=lambda widget: widget.id):
            by_kind.setdefault(widget.type, []).append(widget)

        def of(kind: type[Widget]) -> list[Row[Any]]:
            return by_kind.get(str(kind.__mapper__.polymorphic_identity), [])

        tags, linked = found.tags[page.key], found.linked[page.key]
        yield from section("belongings", map(_belonging, widgets))
        yield from section("tags", (element("tag", name=tag.name, id=tag.id) for tag in tags))
        yield from section("lists", self._lists(of(List)))
        yield from section("notes", each(of(Note), self._note))
        yield from section("galleries", map(self._gallery, of(Gallery)))
        yield from section("attachments", map(_attachment, of(Attachment)))
        yield from section("separators", map(separator_line, of(Separator)))
        yield from section("emails", each(of(Email), lambda mail: email_line(mail, self._zone)))
        if self._links:
            yield from section("linked_pages", map(page_line, linked))

    def _lists(self, lists: Rows) -> Iterator[Xml]:
        for one in lists:
            items = self._items(self._contents.items[one.key], one.id)
            yield from stream("list", stream("items", items), name=one.name, id=one.id)

    def _items(self, items: Rows, list_id: int | None = None) -> Iterator[Xml]:
        messages = self._contents.item_messages
        for item in items:
            yield item_line(item, list_id, messages=messages[item.key] if messages else ())

    def _note(self, note: Row[Any]) -> Xml:
        messages = self._contents.note_messages
        return note_line(note, self._zone, messages=messages[note.key] if messages else ())

    def _gallery(self, gallery: Row[Any]) -> Xml:
        images = [
            element(
                "image",
                gallery_id=gallery.id,
                file_name=image.file_name,
                id=image.id,
                description=image.description,
            )
            for image in self._contents.images[gallery.key]
        ]
        return element("gallery", [element("images", images)], name=gallery.name, id=gallery.id)


_OTHER = OtherWidget.__mapper__.polymorphic_identity


def _belonging(widget: Row[Any]) -> Xml:
    shown_type = widget.other_type if widget.type == _OTHER else widget.type
    place = [
        element("position", str(widget.position)),
        element("widget", type=shown_type, id=widget.id),
    ]
    return element("belonging", place, id=widget.belonging_id)


def _attachment(attachment: Row[Any]) -> Xml:
    return element("attachment", file_name=attachment.name, id=attachment.id)
