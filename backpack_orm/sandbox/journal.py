"""The endpoints of the journal."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy import ColumnElement, select
from werkzeug.exceptions import Forbidden

from .calls import Call, Endpoints, XmlResponse, bare, xml
from .models import JournalEntry
from .reading import LARGEST_ID
from .rendering import Xml, each, element, field, stream
from .users import user_line

journal = Endpoints("journal", __name__)

LONGEST_WINDOW = 100


@journal.read("GET", "/journal_entries.xml")
def list_all(call: Call) -> XmlResponse:
    return _window(call, call.ours(JournalEntry))


@journal.read("GET", "/users/USER/journal_entries.xml")
def list_of_user(call: Call, user: int) -> XmlResponse:
    return _window(call, JournalEntry.user_key == call.user(user).key)


@journal.read("GET", "/journal_entries/ID.xml")
def show(call: Call, id: int) -> XmlResponse:
    return _resource(_mine(call, id))


@journal.write("POST", "/users/USER/journal_entries.xml")
def create(call: Call, user: int) -> Response:
    me = call.myself(user)
    entry = me.account.new(
        JournalEntry,
        user=me,
        body=call.parameters.group("journal_entry").required_text("body"),
        created_at=call.now,
        updated_at=call.now,
    )
    call.session.add(entry)
    return bare(201, location=f"{request.host_url}journal-entries/{entry.id}")


@journal.write("PUT", "/journal_entries/ID.xml")
def update(call: Call, id: int) -> XmlResponse:
    entry, fields = _mine(call, id), call.parameters.group("journal_entry")
    entry.body = call.updated("journal_entry.body", fields.text("body"), entry.body, "")
    entry.updated_at = call.now
    return _resource(entry)


@journal.write("DELETE", "/journal_entries/ID.xml")
def destroy(call: Call, id: int) -> Response:
    call.session.delete(_mine(call, id))
    return bare()


def _mine(call: Call, id: int) -> JournalEntry:
    """Return an entry of the user; 403 for that of another user."""
    entry = call.one_of(JournalEntry, id)
    if entry.user is not call.me:
        raise Forbidden
    return entry


def _window(call: Call, wanted: ColumnElement[bool]) -> XmlResponse:
    """Return page `n`, counted from 0, of entries, newest first and `count` per page."""
    n = call.parameters.number("n", default=0)
    count = min(call.parameters.number("count", default=LONGEST_WINDOW), LONGEST_WINDOW)
    newest_first = (
        select(JournalEntry)
        .where(wanted)
        .order_by(JournalEntry.created_at.desc(), JournalEntry.id.desc())
    )
    window = newest_first.offset(min(n * count, LARGEST_ID)).limit(count)
    entries = call.session.scalars(window).all()
    return xml(stream("journal-entries", each(entries, _line), type="array"), newline=True)


def _line(entry: JournalEntry) -> Xml:
    return element(
        "journal-entry",
        [
            element("body", entry.body),
            field("created-at", entry.created_at),
            field("id", entry.id),
            field("updated-at", entry.updated_at),
            user_line(entry.user),
        ],
    )


def _resource(entry: JournalEntry) -> XmlResponse:
    fields = [
        field("account-id", entry.user.account.id),
        element("body", entry.body),
        field("created-at", entry.created_at),
        field("id", entry.id),
        field("updated-at", entry.updated_at),
        field("user-id", entry.user.id),
    ]
    return xml(element("journal-entry", fields), newline=True)
