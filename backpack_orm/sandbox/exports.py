"""The endpoints of exports: everything that is visible to a user, in one response."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import IO

from flask import Response

from .calls import Call, Endpoints
from .contents import all_contents
from .models import Reminder
from .page_xml import PageRenderer
from .reminders import all_mine, reminder_line, reminder_resource
from .rendering import Xml, blocks, each, stream

exports = Endpoints("exports", __name__)

_IN_MEMORY = 512 * 1024  # bytes of a response; the rest is in a temporary file
_BLOCK = 64 * 1024


@exports.read("GET", "/users/USER/export.xml")
def export(call: Call, user: int) -> Response:
    me = call.myself(user)
    render = PageRenderer(call.zone, links=False).page
    pages = chain.from_iterable(map(render, all_contents(call)))
    parts = chain(stream("pages", pages), _reminders(call, reminder_resource))
    return _stored(call, stream("user", parts, id=me.id, name=me.name, account=me.account.name))


@exports.ws_read("account/export")
def account_export(call: Call) -> Response:
    """Return the legacy form, in which a page has one description and one list of items."""
    pages = chain.from_iterable(map(PageRenderer(call.zone).older_page, all_contents(call)))
    parts = chain(stream("pages", pages), _reminders(call, reminder_line))
    return _stored(call, stream("backpack", parts, username=call.me.name))


def _stored(call: Call, root: Iterator[Xml]) -> Response:
    """Render a document while the snapshot is read, so that memory holds only a part of it.

    It is complete before the first byte is sent, so a failure has a status, and a client that reads
    slowly does not hold the snapshot.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the response has it
    try:
        for block in blocks(root, newline=True, checkpoint=call.turn.checkpoint):
            file.write(block)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    response = Response(_read(file), content_type="application/xml; charset=utf-8")
    response.content_length = size
    response.call_on_close(file.close)
    return response


def _read(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    return iter(partial(file.read, _BLOCK), b"")


def _reminders(call: Call, render: Callable[[Reminder, Call], Xml]) -> Iterator[Xml]:
    return stream("reminders", each(all_mine(call), lambda reminder: render(reminder, call)))
