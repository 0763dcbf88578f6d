"""The forms of the viewer, each of which makes one change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from cachetools import LRUCache
from flask import Blueprint, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backpack_orm.errors import ValidationError
from backpack_orm.integrations.viewer.security import FORM_ID
from backpack_orm.integrations.viewer.views import ID
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
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
            outcome = sent.once(request.form, partial(change, **ids))
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
    return request.form.get(name, "").replace("\r\n", "\n")


def _line(name: str, what: str) -> str:
    text = _text(name).strip()
    if not text:
        raise ValidationError(f"{what} is missing: write {what}")
    return text


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= _LONGEST else f"“{line[:_LONGEST].rstrip()}…”"
