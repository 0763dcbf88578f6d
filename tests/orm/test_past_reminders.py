"""A reminder whose time has come is not upcoming, and its values can be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

import backpack_orm
from backpack_orm import Destroyed, NotFound, NotSaved, Reminder
from backpack_orm.sandbox import Sandbox
from tests.conftest import NOW


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.network
def test_it_has_the_values_that_the_service_has_stored(demo: Callable[..., Sandbox]) -> None:
    clock = Clock()
    with demo(clock=clock) as box:
        backpack_orm.connect(box.url, token=box.token, ttl=0)
        reminder = Reminder.all()[0]
        reminder.content = "now Call the baker"
        reminder.save()
        clock.now += timedelta(seconds=1)
        assert not reminder.is_upcoming
        before = box.requests
        assert reminder.content == "Call the baker"
        assert reminder.remind_at == datetime(2026, 5, 14, 9, 39, 2)
        assert box.requests == before + 3
        assert not reminder.is_dirty
        assert reminder.reload().content == "Call the baker"
        reminder.remind_at = datetime(2031, 1, 1)
        reminder.save()
        assert reminder.is_upcoming


def test_one_that_is_gone_is_not_found(connection: backpack_orm.Connection) -> None:
    reminder, twin = Reminder.all()[0], Reminder.all()[0]
    twin.destroy()
    assert not reminder.is_upcoming
    with pytest.raises(NotFound, match="neither among the upcoming reminders nor .* export"):
        reminder.reload()
    with pytest.raises(Destroyed):
        _ = twin.is_upcoming
    with pytest.raises(NotSaved):
        _ = Reminder(content="x").is_upcoming
