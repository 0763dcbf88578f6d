"""Pages: the calls about them, and how a full one is written."""

from __future__ import annotations

from datetime import tzinfo

from flask import Response

from .calls import Call, Endpoints, found, in_order, ws
from .rendering import Xml, element, local_time, section
from .storage import (
    Attachment,
    Email,
    Friend,
    Gallery,
    Item,
    List,
    Note,
    Page,
    Separator,
    Widget,
    WriteboardLink,
)

pages = Endpoints("pages", __name__)

_KINDS_FOUND: dict[type[Widget], str] = {
    Note: "note",
    List: "list",
    Email: "email",
    WriteboardLink: "writeboard_link",
}


@pages.ws("pages/all")
def all_pages(call: Call) -> Response:
    listed = [
        element("page", scope=page.scope, title=page.title, id=page.id) for page in call.pages()
    ]
    return ws(element("pages", listed), newline=True)


@pages.ws("pages/search")
def search(call: Call) -> Response:
    term = call.parameters.needed_text("term").casefold()
    hits = []
    for page in call.pages():
        sends = [
            element("send", kind, id=widget.id)
            for widget in page.widgets
            if (kind := _KINDS_FOUND.get(type(widget))) and _mentions(widget, term)
        ]
        if sends or term in page.title.casefold() or term in page.description.casefold():
            hits.append(element("page", sends or None, title=page.title, id=page.id))
    return ws(element("pages", hits), newline=True)


def _mentions(widget: Widget, term: str) -> bool:
    texts = [widget.name, widget.body]
    if isinstance(widget, List):
        texts += [item.content for item in widget.items]
    return any(term in text.casefold() for text in texts)


@pages.ws("pages/new")
def new(call: Call) -> Response:
    fields = call.parameters.group("page")
    page = call.new_page(fields.text("title") or "", fields.text("description") or "")
    return ws(page_line(page), newline=True)


@pages.ws("page/PAGE")
def show(call: Call, page: int) -> Response:
    return ws(full_page(call.page(page), call.zone), newline=True)


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


@pages.ws("page/PAGE/update_title", "page/PAGE/update_body")
def update(call: Call, page: int) -> Response:
    changed, fields = call.page(page), call.parameters.group("page")
    if (title := fields.text("title")) is not None:
        changed.title = title
    if (description := fields.text("description")) is not None:
        changed.description = description
    return ws()


@pages.ws("page/PAGE/duplicate")
def duplicate(call: Call, page: int) -> Response:
    original = call.page(page)
    copy = call.new_page(f"{original.title} (copy)", original.description)
    copy.tag([tagging.tag for tagging in original.taggings])
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
        copy = page.add(List, widget.name, call.now)
        for item in widget.items:
            copy.items.append(
                page.account.new(
                    Item, content=item.content, completed=item.completed, updated_at=call.now
                )
            )


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


def full_page(page: Page, zone: tzinfo) -> Xml:
    """A page with everything on it; a section only for what it has."""
    description = [element("description", page.description)] if page.description else []
    parts = [*description, *page_parts(page, zone)]
    return element("page", parts, title=page.title, id=page.id, email_address=page.email_address)


def page_parts(page: Page, zone: tzinfo) -> list[Xml]:
    """What is on a page."""
    return [
        *section("belongings", map(_belonging, page.widgets)),
        *section("tags", (element("tag", name=t.tag.name, id=t.tag.id) for t in page.taggings)),
        *section("lists", map(_full_list, page.of(List))),
        *section("notes", (note_line(note, zone) for note in page.of(Note))),
        *section("galleries", map(_gallery, page.of(Gallery))),
        *section("attachments", map(_attachment, page.of(Attachment))),
        *section("separators", map(separator_line, page.of(Separator))),
        *section("emails", (email_line(mail, zone) for mail in page.of(Email))),
        *section("linked_pages", map(page_line, page.linked)),
    ]


def _belonging(widget: Widget) -> Xml:
    place = [
        element("position", str(widget.position)),
        element("widget", type=widget.type, id=widget.id),
    ]
    return element("belonging", place, id=widget.belonging_id)


def _full_list(shown: List) -> Xml:
    items = element("items", map(item_line, shown.shown))
    return element("list", [items], name=shown.name, id=shown.id)


def item_line(item: Item) -> Xml:
    """An item as pages show it, and as it is answered when new."""
    return element("item", item.content, completed=item.completed, id=item.id, list_id=item.list.id)


def note_line(note: Note, zone: tzinfo) -> Xml:
    """A note with its body."""
    created_at = local_time(note.created_at, zone)
    return element("note", note.body, title=note.name, id=note.id, created_at=created_at)


def email_line(mail: Email, zone: tzinfo) -> Xml:
    """A mail with its body."""
    created_at = local_time(mail.created_at, zone)
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
