"""Reminders, replayed and live."""

from __future__ import annotations

from datetime import datetime

import pytest

from backpack_orm import (
    Connection,
    Item,
    NotFound,
    PageItem,
    Rejected,
    Reminder,
    SaveResult,
    ServerError,
)
from backpack_orm.sandbox import Sandbox


def test_reminders_come_earliest_first(account: Connection) -> None:
    reminders = Reminder.all()
    assert account.stats.requests == 1
    assert reminders[0].content == "Call the baker about the key"
    times = [reminder.remind_at for reminder in reminders]
    assert times == sorted(times)  # type: ignore[type-var]  # none of them is None


def test_a_reminder_includes_its_author_and_its_recipients(account: Connection) -> None:
    reminder = Reminder.all()[-1]
    assert reminder.creator is not None
    assert reminder.creator.name
    assert len(reminder.remindees) == 3
    assert account.stats.requests == 1


def test_a_reminder_is_found_among_the_upcoming(account: Connection) -> None:
    wanted = Reminder.all()[1]
    assert Reminder.find(wanted.id) == wanted
    assert Reminder.find_by(content=wanted.content) == wanted
    with pytest.raises(NotFound, match="no Reminder 7 here"):
        Reminder.find(7)


def test_a_reminder_is_set_for_a_time(account: Connection) -> None:
    reminder = Reminder.create(content="Water & feed", remind_at=datetime(2027, 1, 2, 9, 5))
    assert account.stats.requests == 1
    assert reminder.remind_at == datetime(2027, 1, 2, 9, 5)
    assert not reminder.is_dirty
    assert reminder in list(Reminder.all())


def test_a_reminder_takes_its_time_from_its_text(account: Connection) -> None:
    reminder = Reminder.create(content="tomorrow 9am Call the hotel")
    assert reminder.content == "Call the hotel"
    assert reminder.remind_at == datetime(2026, 5, 15, 9, 0)


def test_a_reminder_goes_to_whom_it_names(account: Connection) -> None:
    people = list(Reminder.all()[-1].remindees)
    reminder = Reminder.create(content="+30 Leave", remindees=[people[1], people[2].id])
    assert [user.id for user in reminder.remindees] == [people[1].id, people[2].id]


def test_remindees_are_changed_in_place(account: Connection) -> None:
    reminder = Reminder.all()[-1]
    reminder.remindees = list(reminder.remindees)[:2]
    assert reminder.save() == SaveResult(updated=True, fields=("remindees",))
    assert len(reminder.remindees) == 2


def test_what_the_service_may_rewrite_is_read_again(account: Connection) -> None:
    reminder = Reminder.all()[0]
    reminder.content = "tomorrow 9am Call the baker"
    assert reminder.save() == SaveResult(updated=True, fields=("content",))
    assert reminder.content == "Call the baker"
    assert reminder.remind_at == datetime(2026, 5, 15, 9, 0)


def test_another_time_preserves_the_text(account: Connection) -> None:
    reminder = Reminder.all()[0]
    reminder.remind_at = datetime(2027, 1, 2, 9, 5)
    reminder.save()
    again = Reminder.find(reminder.id)
    assert again.remind_at == datetime(2027, 1, 2, 9, 5)
    assert again.content == "Call the baker about the key"


def test_a_time_in_the_past_is_rejected(account: Connection) -> None:
    with pytest.raises(Rejected) as caught:
        Reminder.create(content="Too late", remind_at=datetime(2020, 1, 1))
    assert caught.value.status == 422


def test_a_destroyed_reminder_is_gone(account: Connection) -> None:
    reminder = Reminder.all()[0]
    reminder.destroy()
    assert reminder not in list(Reminder.all())


@pytest.mark.connected(bearer=True)
def test_a_bearer_token_is_in_no_path(account: Connection) -> None:
    reminder = Reminder.create(content="+30 Leave")
    reminder.content = "Leave now"
    reminder.save()
    reminder.destroy()
    assert reminder not in list(Reminder.all())


def test_a_moved_reminder_can_be_moved_back(account: Connection) -> None:
    reminder = Reminder.all()[0]
    old = reminder.remind_at
    reminder.content = "tomorrow 9am Call the baker"
    reminder.save()
    reminder.remind_at = old
    assert reminder.save().fields == ("remind_at",)
    assert Reminder.find(reminder.id, fresh=True).remind_at == old


def test_the_words_of_a_reminder_are_changed_and_its_time_is_kept(connection: Connection) -> None:
    reminder = Reminder.all()[0]
    time = reminder.remind_at
    assert reminder.update(content="9/28 is the day", remind_at=time).fields == (
        "content",
        "remind_at",
    )
    assert not reminder.is_dirty
    stored = Reminder.find(reminder.id, fresh=True)
    assert (stored.content, stored.remind_at) == ("9/28 is the day", time)


def test_a_time_that_is_passed_is_sent_with_words_that_were_changed_before(
    connection: Connection,
) -> None:
    reminder = Reminder.all()[0]
    time = reminder.remind_at
    reminder.content = "9/28 is the day"
    reminder.update(remind_at=time)
    stored = Reminder.find(reminder.id, fresh=True)
    assert (stored.content, stored.remind_at) == ("9/28 is the day", time)


def test_passing_what_a_reminder_has_sends_nothing(connection: Connection) -> None:
    reminder = Reminder.all()[0]
    assert not reminder.update(content=reminder.content, remind_at=reminder.remind_at)


def test_a_refused_update_leaves_the_time_as_it_was(connection: Connection, box: Sandbox) -> None:
    reminder = Reminder.all()[0]
    before = reminder.to_dict()
    box.faults.status(500, verb="PUT")
    with pytest.raises(ServerError):
        reminder.update(content="9/28 is the day", remind_at=reminder.remind_at)
    requests = box.requests
    assert (reminder.to_dict(), reminder.changes) == (before, {})
    assert box.requests == requests


@pytest.mark.parametrize("cls", [Item, PageItem])
def test_an_item_is_saved_with_the_content_that_is_passed(
    cls: type[Item | PageItem], connection: Connection
) -> None:
    item = cls.all()[0]
    mine = item.content
    cls.find(item.id, page=item.page).update(content="of another client")
    item.update(content=mine, completed=not item.completed)
    assert cls.find(item.id, page=item.page, fresh=True).content == mine
