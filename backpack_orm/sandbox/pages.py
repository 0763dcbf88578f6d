"""Pages: the calls about them, and how a full one is written."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response
from sqlalchemy.orm import selectinload, with_polymorphic

from .calls import Call, Endpoints, found, in_order, ws
from .models import (
    Attachment,
    Email,
    Friend,
    Gallery,
    Item,
    List,
    Message,
    Note,
    Page,
    Separator,
    Widget,
    WriteboardLink,
    open_first,
)
from .rendering import Xml, element, local_time, section, text

pages = Endpoints("pages", __name__)

# What to load with many pages at once; for a single page it would cost more than it saves.
_PARTED = with_polymorphic(Widget, [Note, List, Gallery])
_ITEMS = (
    selectinload(Page.items),
    selectinload(Page.widgets.of_type(_PARTED)).selectinload(_PARTED.List.items),
)
WHOLE = (
    *(items.selectinload(Item.messages) for items in _ITEMS),
    selectinload(Page.widgets.of_type(_PARTED)).options(
        selectinload(_PARTED.Note.messages), selectinload(_PARTED.Gallery.images)
    ),
    selectinload(Page.taggings),
    selectinload(Page.linked),
)

_KINDS_FOUND: dict[type[Widget], str] = {
    Note: "note",
    List: "list",
    Email: "email",
    WriteboardLink: "writeboard_link",
}


@pages.ws("pages/all")
def all_pages(call: Call) -> Response:
    listed = [
        element("page", scope=page.scope, title=page.title, id=page.id)
        for page in call.pages(selectinload(Page.friends))
    ]
    return ws(element("pages", listed), newline=True)


@pages.ws("pages/search")
def search(call: Call) -> Response:
    term = call.parameters.needed_text("term").casefold()
    hits = []
    for page in call.pages(*_ITEMS):
        sends = [
            element("send", kind, id=widget.id)
            for widget in page.widgets
            if (kind := _KINDS_FOUND.get(type(widget))) and _mentions(widget, term)
        ]
        own = [page.title, page.description, *(item.content for item in page.items)]
        if sends or _mention(own, term):
            hits.append(element("page", sends or None, title=page.title, id=page.id))
    return ws(element("pages", hits), newline=True)


def _mentions(widget: Widget, term: str) -> bool:
    texts = [widget.name, widget.body]
    if isinstance(widget, List):
        texts += [item.content for item in widget.items]
    return _mention(texts, term)


def _mention(texts: list[str], term: str) -> bool:
    return any(term in text.casefold() for text in texts)


@pages.ws("pages/new")
def new(call: Call) -> Response:
    fields = call.parameters.group("page")
    page = call.new_page(fields.text("title") or "", fields.text("description") or "")
    return ws(page_line(page), newline=True)


@pages.ws("page/PAGE")
def show(call: Call, page: int) -> Response:
    return ws(full_page(call.page(page), call), newline=True)


@pages.ws("page/PAGE/reorder")
def reorder(call: Call, page: int) -> Response:
    belongings = call.parameters.needed_ids("belongings")
    widgets = in_order(belongings, call.page(page).widgets, lambda widget: widget.belonging_id)
    for place, widget in enumerate(widgets, 1):
        widget.position = place
    return ws()


@pages.ws("page/PAGE/destroy")
def destroy(call: Call, page: int) -> Response:
    call.session.delete(call.page(page))
    return ws()


@pages.ws("page/PAGE/update_title")
def update_title(call: Call, page: int) -> Response:
    changed, fields = call.page(page), call.parameters.group("page")
    changed.title = call.updated("page.title", fields.text("title"), changed.title, "")
    if (description := fields.text("description")) is not None:
        changed.description = description
    return ws()


@pages.ws("page/PAGE/update_body")
def update_body(call: Call, page: int) -> Response:
    changed, fields = call.page(page), call.parameters.group("page")
    changed.description = call.updated(
        "page.description", fields.text("description"), changed.description, ""
    )
    if (title := fields.text("title")) is not None:
        changed.title = title
    return ws()


@pages.ws("page/PAGE/duplicate")
def duplicate(call: Call, page: int) -> Response:
    original = call.page(page)
    copy = call.new_page(f"{original.title} (copy)", original.description)
    copy.tag([tagging.tag for tagging in original.taggings])
    copy.items.extend(_copies(original.items, call))
    for widget in reversed(original.widgets):  # each goes to the top
        _copy(widget, copy, call)
    return ws(page_line(copy), newline=True)


def _copy(widget: Widget, page: Page, call: Call) -> None:
    if isinstance(widget, Note):
        shown = widget.show_created_at
        page.add(Note, widget.name, call.now, body=widget.body, show_created_at=shown)
    elif isinstance(widget, Separator):
        page.add(Separator, widget.name, call.now)
    elif isinstance(widget, List):
        page.add(List, widget.name, call.now).items.extend(_copies(widget.items, call))


def _copies(items: list[Item], call: Call) -> list[Item]:
    return [
        call.me.account.new(
            Item, content=item.content, completed=item.completed, updated_at=call.now
        )
        for item in items
    ]


@pages.ws("page/PAGE/share")
def share(call: Call, page: int) -> Response:
    shared = call.page(page)
    public = call.parameters.group("page").flag("public")
    if public is not None:
        shared.public = public
    known = {friend.email_address for friend in shared.friends}
    for address in dict.fromkeys((call.parameters.text("email_addresses") or "").split()):
        if address not in known:
            shared.friends.append(Friend(email_address=address))
    return ws()


@pages.ws("page/PAGE/unshare_friend_page")
def unshare(call: Call, page: int) -> Response:
    """The owner takes the page from all friends; a friend gives up seeing it."""
    shared = call.page(page)
    shared.friends = [
        friend
        for friend in shared.friends
        if shared.owner is not call.me and friend.email_address != call.me.email_address
    ]
    return ws()


@pages.ws("page/PAGE/email")
def email(call: Call, page: int) -> Response:
    call.page(page)  # nobody is mailed from a sandbox; a page that is not there is still a 404
    return ws()


@pages.ws("page/PAGE/link")
def link(call: Call, page: int) -> Response:
    linking, linked = call.page(page), call.page(_linked_page(call))
    if linked not in linking.linked:
        linking.linked.append(linked)
    return ws()


@pages.ws("page/PAGE/unlink")
def unlink(call: Call, page: int) -> Response:
    linking, linked = call.page(page), call.page(_linked_page(call))
    found(linked if linked in linking.linked else None)
    linking.linked.remove(linked)
    return ws()


def _linked_page(call: Call) -> int:
    return call.parameters.needed_ids("linked_page_id")[0]


def page_line(page: Page) -> Xml:
    """A page as other answers mention it."""
    return element("page", title=page.title, id=page.id)


def full_page(page: Page, call: Call, *, exported: bool = False) -> Xml:
    """A page with everything on it; a section only for what it has, comments only in an export."""
    description = [element("description", page.description)] if page.description else []
    items = section("items", page_items(page, exported=exported))
    parts = [*description, *items, *page_parts(page, call, exported=exported)]
    return element("page", parts, title=page.title, id=page.id, email_address=page.email_address)


def page_items(page: Page, *, exported: bool) -> list[Xml]:
    """The items of an older page, which are in no list."""
    return [item_line(item, exported=exported) for item in open_first(page.items)]


def page_parts(page: Page, call: Call, *, exported: bool) -> list[Xml]:
    """What is on a page besides its own text and items."""
    notes = (note_line(note, call, exported=exported) for note in page.of(Note))
    lists = (_full_list(shown, exported=exported) for shown in page.of(List))
    linked = (page_line(one) for one in page.linked if call.sees(one))
    return [
        *section("belongings", map(_belonging, page.widgets)),
        *section("tags", (element("tag", name=t.tag.name, id=t.tag.id) for t in page.taggings)),
        *section("lists", lists),
        *section("notes", notes),
        *section("galleries", map(_gallery, page.of(Gallery))),
        *section("attachments", map(_attachment, page.of(Attachment))),
        *section("separators", map(separator_line, page.of(Separator))),
        *section("emails", (email_line(mail, call) for mail in page.of(Email))),
        *section("linked_pages", linked),
    ]


def _belonging(widget: Widget) -> Xml:
    place = [
        element("position", str(widget.position)),
        element("widget", type=widget.shown_type, id=widget.id),
    ]
    return element("belonging", place, id=widget.belonging_id)


def _full_list(shown: List, *, exported: bool) -> Xml:
    items = element("items", (item_line(item, exported=exported) for item in shown.shown))
    return element("list", [items], name=shown.name, id=shown.id)


def item_line(item: Item, *, exported: bool = False, updated_at: str | None = None) -> Xml:
    """An item as pages show it, and as it is answered when new."""
    return element(
        "item",
        _with_comments(item.content, item.messages if exported else []),
        completed=item.completed,
        id=item.id,
        list_id=item.in_list.id if item.in_list else None,
        updated_at=updated_at,
    )


def note_line(note: Note, call: Call, *, exported: bool = False) -> Xml:
    """A note with its body."""
    return element(
        "note",
        _with_comments(note.body, note.messages if exported else []),
        title=note.name,
        id=note.id,
        created_at=local_time(note.created_at, call.zone),
    )


def _with_comments(content: str, messages: Sequence[Message]) -> list[Xml]:
    return [text(content), *(Xml(message.xml) for message in messages)]


def email_line(mail: Email, call: Call) -> Xml:
    """A mail with its body."""
    created_at = local_time(mail.created_at, call.zone)
    return element("email", mail.body, subject=mail.name, id=mail.id, created_at=created_at)


def separator_line(separator: Separator) -> Xml:
    """A separator in the older dialect."""
    return element("separator", separator.name, id=separator.id)


def _gallery(gallery: Gallery) -> Xml:
    images = [
        element(
            "image",
            gallery_id=gallery.id,
            file_name=image.file_name,
            id=image.id,
            description=image.description,
        )
        for image in gallery.images
    ]
    return element("gallery", [element("images", images)], name=gallery.name, id=gallery.id)


def _attachment(attachment: Attachment) -> Xml:
    return element("attachment", file_name=attachment.name, id=attachment.id)
