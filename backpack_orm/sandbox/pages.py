"""The endpoints of pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    delete,
    exists,
    insert,
    literal,
    select,
)
from werkzeug.exceptions import NotFound

from .bulk import execute, numbered
from .calls import Call, Endpoints, XmlResponse, in_order, ws
from .contents import contents_of
from .duplicating import copy_contents
from .models import (
    Email,
    Friend,
    Item,
    List,
    Note,
    Page,
    Widget,
    WriteboardLink,
    linked_pages,
)
from .page_xml import PageRenderer, page_line
from .positions import order_widgets
from .rendering import Xml, element, stream
from .visibility import VISIBLE_KEYS

pages = Endpoints("pages", __name__)

_KINDS_FOUND: dict[type[Widget], str] = {
    Note: "note",
    List: "list",
    Email: "email",
    WriteboardLink: "writeboard_link",
}
_FOUND = {str(kind.__mapper__.polymorphic_identity): name for kind, name in _KINDS_FOUND.items()}


_ALL = (
    select(
        Page.id,
        Page.title,
        Page.public,
        exists().where(Friend.page_key == Page.key).label("is_shared"),
    )
    .where(Page.key.in_(VISIBLE_KEYS))
    .order_by(Page.id)
)


@pages.ws_read("pages/all")
def all_pages(call: Call) -> XmlResponse:
    lines = (
        element("page", scope=_scope(page.public, page.is_shared), title=page.title, id=page.id)
        for page in call.rows(_ALL)
    )
    return ws(stream("pages", lines), newline=True)


def _scope(public: bool, is_shared: bool) -> str:
    """Return the scope of a page in the list of all pages."""
    if is_shared:
        return "friends"
    return "public" if public else "personal"


@pages.ws_read("pages/search")
def search(call: Call) -> XmlResponse:
    term = call.parameters.required_text("term").casefold()
    hits = _Search(call, term).hits()
    return ws(element("pages", hits), newline=True)


class _Search:
    """Finds pages that contain a term, and the matching widgets. Executes three statements."""

    def __init__(self, call: Call, term: str) -> None:
        self._call = call
        self._term = term

    def hits(self) -> list[Xml]:
        """Return matching pages, each with the widgets that contain the term."""
        seen = select(Page.key).where(Page.key.in_(VISIBLE_KEYS))
        in_lists, on_pages = self._homes_of_items(seen)
        sends: defaultdict[int, list[Xml]] = defaultdict(list)
        widgets = (
            select(Widget.page_key, Widget.key, Widget.id, Widget.type, Widget.name, Widget.body)
            .where(Widget.page_key.in_(seen), Widget.type.in_(_FOUND))
            .order_by(Widget.page_key, Widget.position)
        )
        for widget in self._rows(widgets):
            if widget.key in in_lists or self._is_in(widget.name, widget.body):
                sends[widget.page_key].append(element("send", _FOUND[widget.type], id=widget.id))
        pages = select(Page.key, Page.id, Page.title, Page.description)
        return [
            element("page", sends.get(page.key), title=page.title, id=page.id)
            for page in self._rows(pages.where(Page.key.in_(VISIBLE_KEYS)).order_by(Page.id))
            if page.key in sends
            or page.key in on_pages
            or self._is_in(page.title, page.description)
        ]

    def _homes_of_items(self, seen: Select[int]) -> tuple[set[int], set[int]]:
        """Return the keys of lists, and of legacy pages, whose items contain the term."""
        on_seen = Item.page_key.in_(seen) | Item.list_key.in_(
            select(Widget.key).where(Widget.page_key.in_(seen))
        )
        items = self._rows(select(Item.list_key, Item.page_key, Item.content).where(on_seen))
        found = [(item.list_key, item.page_key) for item in items if self._is_in(item.content)]
        return {in_list for in_list, _ in found}, {on_page for _, on_page in found}

    def _rows(self, statement: Select[*tuple[Any, ...]]) -> Iterator[Row[Any]]:
        return self._call.stream(statement)

    def _is_in(self, *texts: str) -> bool:
        return any(self._term in text.casefold() for text in texts)


@pages.ws("pages/new")
def new(call: Call) -> XmlResponse:
    fields = call.parameters.group("page")
    page = call.new_page(fields.text("title") or "", fields.text("description") or "")
    return ws(page_line(page), newline=True)


@pages.ws_read("page/PAGE")
def show(call: Call, page: int) -> XmlResponse:
    shown = contents_of(call, page)
    return ws(PageRenderer(call.zone).page(shown), newline=True)


@pages.ws("page/PAGE/reorder")
def reorder(call: Call, page: int) -> XmlResponse:
    belongings = call.parameters.required_ids("belongings")
    there = (
        select(Widget.key, Widget.belonging_id)
        .where(Widget.page_key == call.page(page).key)
        .order_by(Widget.position)
    )
    widgets = in_order(belongings, call.session.execute(there).all(), lambda row: row.belonging_id)
    order_widgets(call.session, [widget.key for widget in widgets])
    return ws()


@pages.ws("page/PAGE/destroy")
def destroy(call: Call, page: int) -> XmlResponse:
    execute(call.session, delete(Page).where(Page.key == call.own_page(page).key))
    return ws()


@pages.ws("page/PAGE/update_title")
def update_title(call: Call, page: int) -> XmlResponse:
    changed, fields = call.page(page), call.parameters.group("page")
    changed.title = call.updated("page.title", fields.text("title"), changed.title, "")
    if (description := fields.text("description")) is not None:
        changed.description = description
    return ws()


@pages.ws("page/PAGE/update_body")
def update_body(call: Call, page: int) -> XmlResponse:
    changed, fields = call.page(page), call.parameters.group("page")
    changed.description = call.updated(
        "page.description", fields.text("description"), changed.description, ""
    )
    if (title := fields.text("title")) is not None:
        changed.title = title
    return ws()


@pages.ws("page/PAGE/duplicate")
def duplicate(call: Call, page: int) -> XmlResponse:
    original = call.page(page)
    copy = call.new_page(f"{original.title} (copy)", original.description)
    copy_contents(call.session, original, copy, call.now)
    return ws(page_line(copy), newline=True)


@pages.ws("page/PAGE/share")
def share(call: Call, page: int) -> XmlResponse:
    shared = call.own_page(page)
    public = call.parameters.group("page").flag("public")
    if public is not None:
        shared.public = public
    known = set(
        call.session.scalars(select(Friend.email_address).where(Friend.page_key == shared.key))
    )
    addresses = map(str.casefold, (call.parameters.text("email_addresses") or "").split())
    missing = [address for address in dict.fromkeys(addresses) if address not in known]
    new = numbered(call.session, missing, String())
    rows = select(literal(shared.key), new.c.value).order_by(new.c.key)
    execute(call.session, insert(Friend).from_select(["page_key", "email_address"], rows))
    return ws()


@pages.ws("page/PAGE/unshare_friend_page")
def unshare(call: Call, page: int) -> XmlResponse:
    """End sharing with all friends if the user owns the page, otherwise with the user."""
    shared = call.page(page)
    friends = delete(Friend).where(Friend.page_key == shared.key)
    if shared.owner_key != call.caller.key:
        friends = friends.where(Friend.email_address == call.caller.email_address.casefold())
    execute(call.session, friends)
    return ws()


@pages.ws("page/PAGE/email")
def email(call: Call, page: int) -> XmlResponse:
    call.page(page)  # a sandbox sends no mail; only the existence of the page is checked
    return ws()


@pages.ws("page/PAGE/link")
def link(call: Call, page: int) -> XmlResponse:
    linking, linked = call.page(page), _linked_page(call)
    pair = select(literal(linking.key), literal(linked.key))
    missing = pair.where(~exists().where(_links(linking, linked)))
    execute(call.session, insert(linked_pages).from_select(list(linked_pages.c), missing))
    return ws()


@pages.ws("page/PAGE/unlink")
def unlink(call: Call, page: int) -> XmlResponse:
    linking, linked = call.page(page), _linked_page(call)
    if not execute(call.session, delete(linked_pages).where(_links(linking, linked))):
        raise NotFound
    return ws()


def _links(linking: Page, linked: Page) -> ColumnElement[bool]:
    """Return the condition for the link between two pages."""
    pair = linked_pages.c
    return and_(pair.linked_pages_left == linking.key, pair.linked_pages_right == linked.key)


def _linked_page(call: Call) -> Page:
    return call.page(call.parameters.required_ids("linked_page_id")[0])
