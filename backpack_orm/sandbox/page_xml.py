"""Renders pages and their contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from itertools import chain
from typing import Any, Protocol

from sqlalchemy import Row

from .contents import Contents, Rows
from .models import Attachment, Email, Gallery, List, Note, OtherWidget, Separator, Widget
from .rendering import Xml, each, element, flag, local_time, section, stream, text


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
    # Most elements of a page are items and belongings; numbers and times need no escaping.
    in_list = "" if list_id is None else f' list_id="{list_id}"'
    changed = "" if updated_at is None else f' updated_at="{updated_at}"'
    return Xml(
        f'<item completed="{flag(item.completed)}" id="{item.id}"{in_list}{changed}>'
        f"{_with_messages(item.content, messages)}</item>"
    )


def note_line(note: WidgetLike, zone: tzinfo, *, messages: Rows = ()) -> Xml:
    """Render a note with its body."""
    return element(
        "note",
        [_with_messages(note.body, messages)],
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


def _with_messages(content: str, messages: Rows) -> Xml:
    return Xml(text(content) + "".join([message.xml for message in messages]))


class PageRenderer:
    """Renders pages with their contents, piece by piece.

    Without `links` it omits links between pages, as the export of a user does.
    """

    def __init__(self, zone: tzinfo, *, links: bool = True) -> None:
        self._links = links
        self._zone = zone

    def page(self, found: Contents) -> Iterator[Xml]:
        """Render a page without empty sections."""
        text = found.page.description
        description = [element("description", text)] if text else []
        items = section("items", _items(found, found.items.get(None, ())))
        return self._page(found, chain(description, items))

    def older_page(self, found: Contents) -> Iterator[Xml]:
        """Render a page in the legacy form, with one description and one list of items."""
        description = element("description", found.page.description)
        items = stream("items", _items(found, found.items.get(None, ())))
        return self._page(found, chain([description], items))

    def _page(self, found: Contents, head: Iterable[Xml]) -> Iterator[Xml]:
        page = found.page
        return stream(
            "page",
            chain(head, self._sections(found)),
            title=page.title,
            id=page.id,
            email_address=found.email_address,
        )

    def _sections(self, found: Contents) -> Iterator[Xml]:
        by_kind: dict[str, list[Row[Any]]] = {}
        for widget in sorted(found.widgets, key=lambda widget: widget.id):
            by_kind.setdefault(widget.type, []).append(widget)

        def of(kind: str) -> Rows:
            return by_kind.get(kind, ())

        zone = self._zone
        yield from section("belongings", map(_belonging, found.widgets))
        yield from section("tags", (element("tag", name=tag.name, id=tag.id) for tag in found.tags))
        yield from section("lists", _lists(found, of(_LIST)))
        yield from section("notes", each(of(_NOTE), lambda note: _note(found, note, zone)))
        yield from section("galleries", (_gallery(found, gallery) for gallery in of(_GALLERY)))
        yield from section("attachments", map(_attachment, of(_ATTACHMENT)))
        yield from section("separators", map(separator_line, of(_SEPARATOR)))
        yield from section("emails", each(of(_EMAIL), lambda mail: email_line(mail, zone)))
        if self._links:
            yield from section("linked_pages", map(_linked_page, found.linked))


def _lists(found: Contents, lists: Rows) -> Iterator[Xml]:
    for one in lists:
        items = _items(found, found.items.get(one.key, ()), one.id)
        yield from stream("list", stream("items", items), name=one.name, id=one.id)


def _items(found: Contents, items: Rows, list_id: int | None = None) -> Iterator[Xml]:
    for item in items:
        yield item_line(item, list_id, messages=found.item_messages.get(item.key, ()))


def _note(found: Contents, note: Row[Any], zone: tzinfo) -> Xml:
    return note_line(note, zone, messages=found.note_messages.get(note.key, ()))


def _gallery(found: Contents, gallery: Row[Any]) -> Xml:
    images = [
        element(
            "image",
            gallery_id=gallery.id,
            file_name=image.name,
            id=image.id,
            description=image.description,
        )
        for image in found.images.get(gallery.key, ())
    ]
    return element("gallery", [element("images", images)], name=gallery.name, id=gallery.id)


def _identity(kind: type[Widget]) -> str:
    return str(kind.__mapper__.polymorphic_identity)


_LIST, _NOTE, _GALLERY, _ATTACHMENT, _SEPARATOR, _EMAIL, _OTHER = map(
    _identity, (List, Note, Gallery, Attachment, Separator, Email, OtherWidget)
)


def _belonging(widget: Row[Any]) -> Xml:
    if widget.type == _OTHER:
        shown = element("widget", type=widget.other_type, id=widget.id)
    else:
        shown = Xml(f'<widget type="{widget.type}" id="{widget.id}"/>')
    return Xml(
        f'<belonging id="{widget.belonging_id}"><position>{widget.position}</position>{shown}'
        "</belonging>"
    )


def _linked_page(page: Row[Any]) -> Xml:
    return element("page", title=page.name, id=page.id)


def _attachment(attachment: Row[Any]) -> Xml:
    return element("attachment", file_name=attachment.name, id=attachment.id)
