"""The endpoints of exports: everything that is visible to a user, in one response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from .calls import Call, Endpoints, XmlResponse, xml
from .contents import contents
from .models import Reminder
from .page_xml import PageRenderer
from .reminders import all_mine, reminder_line, reminder_resource
from .rendering import Xml, each, stream

exports = Endpoints("exports", __name__)


@exports.read("GET", "/users/USER/export.xml")
def export(call: Call, user: int) -> XmlResponse:
    me = call.myself(user)
    pages = _renderer(call, links=False).pages()
    parts = chain(stream("pages", pages), _reminders(call, reminder_resource))
    return xml(stream("user", parts, id=me.id, name=me.name, account=me.account.name), newline=True)


@exports.ws_read("account/export")
def account_export(call: Call) -> XmlResponse:
    """Return the legacy form, in which a page has one description and one list of items."""
    parts = chain(stream("pages", _renderer(call).older_pages()), _reminders(call, reminder_line))
    return xml(stream("backpack", parts, username=call.me.name), newline=True)


def _renderer(call: Call, *, links: bool = True) -> PageRenderer:
    found = contents(call, call.visible_keys, messages=True)
    return PageRenderer(found, call.zone, links=links)


def _reminders(call: Call, render: Callable[[Reminder, Call], Xml]) -> Iterator[Xml]:
    mine = all_mine(call)  # not in the generator, which runs after the transaction
    return stream("reminders", each(mine, lambda reminder: render(reminder, call)))
