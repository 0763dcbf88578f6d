"""The forms of the viewer, each of which makes one change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from cachetools import LRUCache
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backpack_orm.errors import ValidationError
from backpack_orm.integrations.viewer.security import FORM_ID
from backpack_orm.integrations.viewer.views import ID
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.orm.operations.locks import exclusive

EXTENSION = "backpack_viewer_sent_forms"
changes = Blueprint("changes", __name__)
_LONGEST = 60
"""How many characters of a text are repeated when it is saved."""
_SENT_FORMS = 1000
"""How many forms are remembered."""


class Outcome(NamedTuple):
    """What a form has done, and the values of the address that shows it."""

    message: str
    place: Mapping[str, Any]


class Written(NamedTuple):
    """The texts of a note, as somebody has written them."""

    title: str
    body: str


class OthersChangedError(Exception):
    """The note of a form is not the one that the form was made for.

    Attributes:
        note: The note as it is now.
    """

    def __init__(self, note: Note) -> None:
        self.note = note


V = TypeVar("V", bound=Callable[..., Outcome])


class SentForms:
    """What forms have done that were sent, so that a double click creates nothing twice."""

    def __init__(self) -> None:
        self._outcomes: LRUCache[str, Outcome] = LRUCache(_SENT_FORMS)
        self._lock = Lock()

    def once(self, fields: Mapping[str, str], send: Callable[[], Outcome]) -> Outcome:
        """Return what a form has done, after sending it if it was not sent.

        Args:
            fields: The fields of the form. Without an id, it may be sent repeatedly; with other
                texts, it is another form, since a browser may show an old page again.
            send: Makes the change; if it raises an error, the form can be sent again.
        """
        if not fields.get(FORM_ID):
            return send()
        key = hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()
        with exclusive((self, key)):
            with self._lock:
                outcome = self._outcomes.get(key)
            if outcome is None:
                outcome = send()
                with self._lock:
                    self._outcomes[key] = outcome
            return outcome


def _form(address: str) -> Callable[[V], V]:
    """Declare what a form does that is sent to an address."""

    def declare(change: V) -> V:
        def respond(**ids: int) -> ResponseReturnValue:
            sent: SentForms = current_app.extensions[EXTENSION]
            try:
                outcome = sent.once(request.form, partial(change, **ids))
            except OthersChangedError as error:
                written = Written(_text("title"), _text("body"))
                return _note_form(error.note, written, Written(error.note.title, error.note.body))
            flash(outcome.message)
            place = url_for("viewer.page", **outcome.place)
            return redirect(place, 303)  # so that reloading the page sends nothing again

        changes.post(address, endpoint=change.__name__)(respond)
        return change

    return declare


@_form("/pages")
def add_page() -> Outcome:
    """Create a page. Makes one request."""
    page = Page.create(title=_line("title", "a title"))
    return Outcome(f"Added the page {_quoted(page.title)}.", {"page_id": page.id})


@_form(f"/pages/<{ID}:page_id>/notes")
def add_note(page_id: int) -> Outcome:
    """Create a note. Makes one request."""
    title, body = _text("title"), _text("body")
    if not (title + body).strip():
        raise ValidationError("the note is empty: write a title or a text")
    note = Page.find(page_id).notes.create(title=title, body=body)
    place = {"page_id": page_id, "_anchor": f"note-{note.id}"}
    return Outcome(f"Added the note {_quoted(title or body)}.", place)


_NOTE = f"/pages/<{ID}:page_id>/notes/<{ID}:note_id>"


@changes.get(_NOTE)
def edit_note(page_id: int, note_id: int) -> ResponseReturnValue:
    """Show a form with the texts of a note. Makes one request."""
    note = _note(page_id, note_id)
    return _note_form(note, Written(note.title, note.body))


@_form(_NOTE)
def change_note(page_id: int, note_id: int) -> Outcome:
    """Change a note, unless somebody else has since the form was shown. Makes two requests."""
    note, written = _note(page_id, note_id), Written(_text("title"), _text("body"))
    if not "".join(written).strip():
        raise ValidationError("the note is empty: write a title or a text")
    if _lines(note.body) == written.body:
        written = written._replace(body=note.body)  # browsers send other line ends
    is_same = written == (note.title, note.body)
    if not is_same and request.form.get("base") != _digest(note):
        raise OthersChangedError(note)
    note.title, note.body = written
    is_saved = note.save()
    what = "Saved the note" if is_saved else "Nothing has changed in the note"
    place = {"page_id": page_id, "_anchor": f"note-{note.id}"}
    return Outcome(f"{what} {_quoted(note.title or note.body)}.", place)


def _note_form(note: Note, written: Written, theirs: Written | None = None) -> ResponseReturnValue:
    page = render_template(
        "note.html",
        title="Edit note",
        page_id=note.page.id,
        anchor=f"note-{note.id}",
        base=_digest(note),
        written=written,
        theirs=theirs,
    )
    return page, 409 if theirs else 200


def _note(page_id: int, note_id: int) -> Note:
    found: Note = Page.find(page_id, fresh=True).notes.find(note_id)
    return found


def _digest(note: Note) -> str:
    """Return what tells a note from one that somebody has changed."""
    return hashlib.sha256(repr((note.title, note.body)).encode()).hexdigest()


@_form(f"/pages/<{ID}:page_id>/lists")
def add_list(page_id: int) -> Outcome:
    """Create a list. Makes one request."""
    created = Page.find(page_id).lists.create(name=_line("name", "a name"))
    place = {"page_id": page_id, "_anchor": f"list-{created.id}"}
    return Outcome(f"Added the list {_quoted(created.name)}.", place)


@_form(f"/pages/<{ID}:page_id>/lists/<{ID}:list_id>/items")
def add_item(page_id: int, list_id: int) -> Outcome:
    """Create an item at the end of a list. Makes one request."""
    content = _line("content", "a text")
    _list(page_id, list_id).items.create(content=content)
    return Outcome(f"Added {_quoted(content)}.", {"page_id": page_id, "add": list_id})


@_form(f"/pages/<{ID}:page_id>/lists/<{ID}:list_id>/items/<{ID}:item_id>")
def change_item(page_id: int, list_id: int, item_id: int) -> Outcome:
    """Complete or reopen an item of a list. Makes two requests."""
    return _complete(page_id, _list(page_id, list_id).items.find(item_id))


@_form(f"/pages/<{ID}:page_id>/items/<{ID}:item_id>")
def change_page_item(page_id: int, item_id: int) -> Outcome:
    """Complete or reopen a legacy item, which is in no list. Makes two requests."""
    return _complete(page_id, Page.find(page_id).items.find(item_id))


def _complete(page_id: int, item: Item | PageItem) -> Outcome:
    """Set what the form asks for, so that sending it twice changes nothing more."""
    completed = request.form.get("completed") == "true"
    if completed:
        item.complete()
    else:
        item.reopen()
    what = "Completed" if completed else "Reopened"
    place = {"page_id": page_id, "_anchor": f"item-{item.id}"}
    return Outcome(f"{what} {_quoted(item.content)}.", place)


def _list(page_id: int, list_id: int) -> List:
    found: List = Page.find(page_id).lists.find(list_id)
    return found


def _text(name: str) -> str:
    """Return what was written in a field, with the line ends of the service."""
    return _lines(request.form.get(name, ""))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _line(name: str, what: str) -> str:
    text = _text(name).strip()
    if not text:
        raise ValidationError(f"{what} is missing: write {what}")
    return text


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= _LONGEST else f"“{line[:_LONGEST].rstrip()}…”"
