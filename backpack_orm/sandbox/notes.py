"""Notes, and the mails that were sent to a page."""

from __future__ import annotations

from flask import Response

from .calls import Call, Endpoints, ws
from .models import Email, Note
from .pages import email_line, note_line
from .rendering import element

notes = Endpoints("notes", __name__)


@notes.ws("page/PAGE/notes/list")
def all_notes(call: Call, page: int) -> Response:
    listed = (note_line(note, call) for note in call.page(page).of(Note))
    return ws(element("notes", listed))


@notes.ws("page/PAGE/notes/create")
def create(call: Call, page: int) -> Response:
    fields = call.parameters.group("note")
    note = call.page(page).add(
        Note,
        fields.text("title") or "",
        call.now,
        body=fields.text("body") or "",
        show_created_at=fields.flag("show_created_at"),
    )
    return ws(note_line(note, call))


@notes.ws("page/PAGE/notes/update/ID")
def update(call: Call, page: int, id: int) -> Response:
    note, fields = call.widget(Note, page, id), call.parameters.group("note")
    note.name = call.updated("note.title", fields.text("title"), note.name, "")
    note.body = call.updated("note.body", fields.text("body"), note.body, "")
    note.show_created_at = call.updated(
        "note.show_created_at", fields.flag("show_created_at"), note.show_created_at, None
    )
    return ws()


@notes.ws("page/PAGE/notes/destroy/ID")
def destroy(call: Call, page: int, id: int) -> Response:
    note = call.widget(Note, page, id)
    note.page.widgets.remove(note)
    return ws()


@notes.ws("page/PAGE/emails/list")
def all_emails(call: Call, page: int) -> Response:
    newest_first = reversed(call.page(page).of(Email))
    return ws(element("emails", (email_line(mail, call) for mail in newest_first)))


@notes.ws("page/PAGE/emails/show/ID")
def show_email(call: Call, page: int, id: int) -> Response:
    return ws(email_line(call.widget(Email, page, id), call))


@notes.ws("page/PAGE/emails/destroy/ID")
def destroy_email(call: Call, page: int, id: int) -> Response:
    mail = call.widget(Email, page, id)
    mail.page.widgets.remove(mail)
    return ws()
