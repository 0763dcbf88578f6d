"""A refusal says what it means for the call, with field and way out, as far as the API tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from backpack_orm import (
    ApiError,
    Calendar,
    CalendarEvent,
    Connection,
    JournalEntry,
    Page,
    Reminder,
    Status,
    User,
    connect,
)
from backpack_orm.sandbox import Sandbox

PAST = datetime(2020, 6, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def refusing(demo: Callable[..., Sandbox], network: None) -> Iterator[Connection]:
    """A connection to an account whose plan allows no more pages."""
    with demo(page_limit=0) as box:
        yield connect(box.url, token=box.token)


def other() -> User:
    return next(user for user in User.all() if user != User.me())


def entry_of_another() -> JournalEntry:
    return next(entry for entry in JournalEntry.all() if entry.user_id != User.me().id)


CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "Page.create": (lambda: Page.create(title="x"), "allow no more pages: destroy one"),
    "Page.duplicate": (lambda: Page.all()[0].duplicate(), "allow no more pages: destroy one"),
    "Reminder.create": (
        lambda: Reminder.create(content="x", remind_at=PAST),
        "Reminder.remind_at may be in the past: pass a later time",
    ),
    "Reminder.update": (
        lambda: Reminder.all()[0].update(remind_at=PAST),
        "Reminder.remind_at may be in the past: pass a later time",
    ),
    "CalendarEvent.create": (
        lambda: CalendarEvent.create(calendar=Calendar.all()[0], title="Talk"),
        "CalendarEvent.title may have no date",
    ),
    "CalendarEvent.update": (
        lambda: Calendar.all()[0].events[0].update(title="Talk"),
        "CalendarEvent.title may have no date",
    ),
    "JournalEntry.update": (
        lambda: entry_of_another().update(body="x"),
        "belongs to another user: choose one of",
    ),
    "JournalEntry.destroy": (
        lambda: entry_of_another().destroy(),
        "belongs to another user: choose one of",
    ),
    "Status.save": (
        lambda: Status(user=other(), message="x").save(),
        "belongs to another user: set that of",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_names_the_reason_and_the_way_out(refusing: Connection, name: str) -> None:
    call, reason = CALLS[name]
    with pytest.raises(ApiError, match=reason) as caught:
        call()
    assert caught.value.status in (403, 422)
