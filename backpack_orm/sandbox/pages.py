"""The endpoints of pages."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    delete,
    exists,
    insert,
    literal,
    select,
)
from werkzeug.exceptions import NotFound, UnprocessableEntity

from .addresses import LONGEST_ADDRESS
from .bulk import execute, numbered
from .calls import Call, Endpoints, XmlResponse, in_order, ws
from .contents import contents_of
from .duplicating import copy_contents
from .models import Friend, Page, Widget, linked_pages
from .page_xml import PageRenderer, page_line
from .positions import order_widgets
from .rendering import element, stream
from .search import pages_with
from .statements import CompiledStatement
from .visibility import VISIBLE_KEYS

pages = Endpoints("pages", __name__)


_ALL = CompiledStatement(
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
    hits = pages_with(call, call.parameters.required_text("term"))
    return ws(element("pages", hits), newline=True)


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
    addresses = [*map(str.casefold, (call.parameters.text("email_addresses") or "").split())]
    if any(len(address) > LONGEST_ADDRESS for address in addresses):
        raise UnprocessableEntity
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
