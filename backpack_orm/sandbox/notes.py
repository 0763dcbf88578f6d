"""The endpoints of notes and e-mails."""

from __future__ import annotations

from .calls import Call, Endpoints, XmlResponse, ws
from .models import Email, Note
from .page_xml import email_line, note_line
from .positions import put_on_top, remove_widget
from .rendering import each, stream

notes = Endpoints("notes", __name__)


@notes.ws_read("page/PAGE/notes/list")
def all_notes(call: Call, page: int) -> XmlResponse:
    listed = each(call.widgets(Note, page), lambda note: note_line(note, call.zone))
    return ws(stream("notes", listed))


@notes.ws("page/PAGE/notes/create")
def create(call: Call, page: int) -> XmlResponse:
    fields = call.parameters.group("note")
    note = put_on_top(
        call.session,
        call.page(page),
        Note,
        fields.text("title") or "",
        call.now,
        body=fields.text("body") or "",
        show_created_at=fields.flag("show_created_at"),
    )
    return ws(note_line(note, call.zone))


@notes.ws("page/PAGE/notes/update/ID")
def update(call: Call, page: int, id: int) -> XmlResponse:
    note, fields = call.widget(Note, page, id), call.parameters.group("note")
    note.name = call.updated("note.title", fields.text("title"), note.name, "")
    note.body = call.updated("note.body", fields.text("body"), note.body, "")
    note.show_created_at = call.updated(
        "note.show_created_at", fields.flag("show_created_at"), note.show_created_at, None
    )
    return ws()


@notes.ws("page/PAGE/notes/destroy/ID")
def destroy(call: Call, page: int, id: int) -> XmlResponse:
    remove_widget(call.session, call.widget(Note, page, id))
    return ws()


@notes.ws_read("page/PAGE/emails/list")
def all_emails(call: Call, page: int) -> XmlResponse:
    newest_first = call.widgets(Email, page)[::-1]
    return ws(stream("emails", each(newest_first, lambda mail: email_line(mail, call.zone))))


@notes.ws_read("page/PAGE/emails/show/ID")
def show_email(call: Call, page: int, id: int) -> XmlResponse:
    return ws(email_line(call.widget(Email, page, id), call.zone))


@notes.ws("page/PAGE/emails/destroy/ID")
def destroy_email(call: Call, page: int, id: int) -> XmlResponse:
    remove_widget(call.session, call.widget(Email, page, id))
    return ws()
