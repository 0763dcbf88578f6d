"""The probe of `doctor`: what the service does where its documentation says nothing.

Each observation is made on a scratch page, or with a reminder, and undone at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from backpack_orm import Item, List, Page, PageItem, Reminder
from backpack_orm.connection import Connection
from backpack_orm.errors import BackpackError, NotFound
from backpack_orm.models.probe import TITLE, probe_partial_updates

REMINDER = "backpack_orm: a reminder in the past, safe to destroy"
EXPECTED = {
    "partial_updates": "kept",
    "position_of_new_list_items": "bottom",
    "position_of_new_page_items": "bottom",
    "moves_at_the_edge": "no effect",
    "destroying_what_is_gone": "refused: not_found (404)",
    "past_reminders": "refused: rejected (422)",
}
"""What the library and the sandbox take for granted."""
_PLACES = {"one two": "bottom", "two one": "top"}


def probe(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return what the service does. Makes about 45 requests, and removes what it has created.

    Args:
        connection: The account to test.
        now: The time, aware.

    Raises:
        BackpackError: The scratch page cannot be created, or not be removed: the message names it.
    """
    observed: dict[str, tuple[str, Any]] = {}
    observed["partial_updates"] = _partial_updates(connection)
    with _scratch_page(connection) as page:
        numbers = page.lists.create(name="Numbers")
        observed["position_of_new_list_items"] = _position(
            lambda text: numbers.items.create(content=text), lambda: _items(page, numbers.id)
        )
        observed["moves_at_the_edge"] = _moves(page, numbers.id)
        observed["destroying_what_is_gone"] = _destroying(page)
    with _scratch_page(connection) as page:
        observed["position_of_new_page_items"] = _position(
            lambda text: PageItem.create(page=page, content=text),
            lambda: (
                [each.content for each in _read_again(page).items]
                or [each.content for each in page.lists[0].items]
            ),
        )
    observed["past_reminders"] = _past_reminder(connection, now)
    return [
        {
            "behaviour": name,
            "observed": observed[name][0],
            "expected": expected,
            "is_as_expected": observed[name][0] == expected,
            "detail": observed[name][1],
        }
        for name, expected in EXPECTED.items()
    ]


@contextmanager
def _scratch_page(connection: Connection) -> Iterator[Page]:
    """Yield a new page, and destroy it at the end."""
    page = Page.create(title=TITLE, using=connection)
    try:
        yield page
    finally:
        try:
            page.destroy()
        except BackpackError as error:
            error.add(f"the scratch page {page.url} is left: destroy it by hand")
            raise


def _partial_updates(connection: Connection) -> tuple[str, Any]:
    try:
        found = probe_partial_updates(connection)
    except BackpackError as error:
        return _refusal(error), None
    return "kept" if all(found.preserved.values()) else "not kept", dict(found.preserved)


def _position(create: Callable[[str], object], read: Callable[[], list[str]]) -> tuple[str, Any]:
    """Create two items, and observe where the second one is."""
    try:
        create("one")
        create("two")
        order = read()
    except BackpackError as error:
        return _refusal(error), None
    return "bottom" if order == ["one", "two"] else "top" if order == [
        "two",
        "one",
    ] else "other", order


def _moves(page: Page, list_id: int) -> tuple[str, Any]:
    """Move the first item higher and the last one lower."""
    detail: dict[str, str] = {}
    for name, position in (("move_higher", 0), ("move_lower", -1)):
        before = _items(page, list_id)
        try:
            getattr(_list(page, list_id).items[position], name)()
        except BackpackError as error:
            detail[name] = _refusal(error)
            continue
        detail[name] = "no effect" if _items(page, list_id) == before else "another order"
    results = set(detail.values())
    return results.pop() if len(results) == 1 else "mixed", detail


def _destroying(page: Page) -> tuple[str, Any]:
    """Destroy a note that was destroyed through another object already."""
    note = page.notes.create(title="Gone")
    elsewhere = Page.find(page.id, using=page.connection).reload()
    note.destroy()
    try:
        elsewhere.notes[0].destroy()
    except BackpackError as error:
        return _refusal(error), None
    return "accepted", None


def _past_reminder(connection: Connection, now: datetime) -> tuple[str, Any]:
    moment = (now - timedelta(days=2)).astimezone(connection.zone).replace(tzinfo=None)
    try:
        reminder = Reminder.create(content=REMINDER, remind_at=moment, using=connection)
    except BackpackError as error:
        return _refusal(error), None
    try:
        reminder.destroy()
    except NotFound:  # sent and removed by the service
        return "accepted", "it is gone"
    return "accepted", "it was destroyed"


def _refusal(error: BackpackError) -> str:
    status = f" ({error.status})" if error.status else ""
    return f"refused: {error.code}{status}"


def _read_again(page: Page) -> Page:
    page.reload()
    return page


def _list(page: Page, id: int) -> List:
    return next(each for each in _read_again(page).lists if each.id == id)


def _items(page: Page, list_id: int) -> list[str]:
    found: list[Item] = list(_list(page, list_id).items)
    return [each.content for each in found]
