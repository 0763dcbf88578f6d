"""Exports: everything that somebody sees, in one answer."""

from __future__ import annotations

from flask import Response

from .calls import Call, Endpoints, xml
from .models import Page
from .pages import WHOLE, full_page, page_items, page_parts
from .reminders import all_mine, reminder_line, reminder_resource
from .rendering import Xml, element

exports = Endpoints("exports", __name__)


@exports.on("GET", "/users/USER/export.xml")
def export(call: Call, user: int) -> Response:
    me = call.myself(user)
    parts = [
        element("pages", (full_page(page, call, exported=True) for page in call.pages(*WHOLE))),
        element("reminders", (reminder_resource(one, call) for one in all_mine(call))),
    ]
    return xml(
        element("user", parts, id=me.id, name=me.name, account=me.account.name), newline=True
    )


@exports.ws("account/export")
def account_export(call: Call) -> Response:
    """The older form, of a time when a page had one text and one list of items."""
    parts = [
        element("pages", (_older_page(page, call) for page in call.pages(*WHOLE))),
        element("reminders", (reminder_line(one, call) for one in all_mine(call))),
    ]
    return xml(element("backpack", parts, username=call.me.name), newline=True)


def _older_page(page: Page, call: Call) -> Xml:
    parts = [
        element("description", page.description),
        element("items", page_items(page, exported=True)),
        *page_parts(page, call, exported=True),
    ]
    return element("page", parts, title=page.title, id=page.id, email_address=page.email_address)
