"""A test of what the service does with the fields that an update omits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError
from backpack_orm.models.completable import Completable
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem

TITLE = "backpack_orm: scratch page of a test, safe to destroy"


@frozen
class ProbeResult:
    """What a service does with the fields that an update omits.

    Attributes:
        partial_updates: The value to give to `Connection(partial_updates=…)`.
        preserved: For each field, whether it retained its value when an update omitted it, such as
            `{"item.content": True}`.

    >>> ProbeResult(partial_updates=False, preserved={"item.content": False}).partial_updates
    False
    """

    partial_updates: bool
    preserved: Mapping[str, bool]


def probe_partial_updates(connection: Connection) -> ProbeResult:
    """Test whether the service preserves the fields that an update omits.

    Creates a page with a list, items and a note, updates these, and destroys the page again, also
    if the test fails. It touches nothing else. Makes 18 requests.

    Args:
        connection: The account to test.

    Returns:
        What was observed, and what to set.

    Raises:
        BackpackError: A call failed. If the page could not be destroyed, the message names it.

    >>> result = probe_partial_updates(Page.all()[0].connection)
    >>> result.partial_updates, result.preserved["note.body"]
    (True, True)
    """
    page = Page.create(title=TITLE, using=connection)
    try:
        preserved = _probe(page)
    except BaseException as error:
        _destroy_after(error, page)
        raise
    page._destroy_now()
    return ProbeResult(preserved["item.content"] and preserved["page_item.content"], preserved)


def _probe(page: Page) -> dict[str, bool]:
    note = page.notes.create(title="Title", body="Body")
    preserved = {
        "note.body": _is_preserved("body", note, title="New title"),
        "note.title": _is_preserved("title", note, body="New body"),
    }
    item = page.lists.create(name="List").items.create(content="Item")
    for kind, record in (
        ("item", item),
        ("page_item", PageItem.create(page=page, content="Page item")),
    ):
        preserved[f"{kind}.content"] = _is_preserved("content", record, completed=True)
        preserved[f"{kind}.completed"] = _is_preserved("completed", record, content="New content")
    return preserved


def _is_preserved(omitted: str, record: Completable | Note, **sent: Any) -> bool:
    """Update a record, and return whether that has changed only what was sent."""
    expected = {omitted: getattr(record, omitted), **sent}
    for name, value in sent.items():
        setattr(record, name, value)
    record._change(record._updates[0], record._payload(list(sent)), *sent)
    record.reload()
    return all(getattr(record, name) == value for name, value in expected.items())


def _destroy_after(failure: BaseException, page: Page) -> None:
    """Destroy the page after a failure, which is what is raised even if that fails too."""
    try:
        page._destroy_now()
    except BackpackError as error:
        if isinstance(failure, BackpackError):
            failure.add(f"{page!r} could not be destroyed: {error.message}")
        else:
            failure.add_note(f"{page!r} could not be destroyed: {error.message}")
