"""Journal entries, replayed and live."""

from __future__ import annotations

from itertools import islice

import pytest

from backpack_orm import (
    Connection,
    Forbidden,
    JournalEntry,
    NotFound,
    User,
    ValidationError,
)


def test_all_entries_are_read_to_the_end(account: Connection) -> None:
    entries = JournalEntry.all()
    assert len(entries) == 250
    assert account.stats.requests == 3
    assert entries[0].created_at >= entries[-1].created_at
    assert {entry.user.name for entry in entries} == {user.name for user in User.all()}
    assert account.stats.requests == 4


def test_entries_are_streamed_window_by_window(account: Connection) -> None:
    first = list(islice(JournalEntry.iter(), 100))
    assert account.stats.requests == 1
    assert len({entry.id for entry in first}) == 100
    assert len(list(islice(JournalEntry.iter(), 101))) == 101
    assert account.stats.requests == 2


def test_a_full_last_window_is_the_last(account: Connection) -> None:
    me = User.me()
    assert len(me.journal) == 100
    assert list(me.journal) == list(JournalEntry.all(user=me.id))
    assert {entry.user for entry in me.journal} == {me}
    assert account.stats.requests == 3


def test_the_entries_of_one_user_include_the_name(account: Connection) -> None:
    id = JournalEntry.all()[0].user_id
    before = account.stats.requests
    found = [
        JournalEntry.all(user=id)[0],
        JournalEntry.where(user=id)[0],
        next(JournalEntry.iter(user=id)),
        JournalEntry.find_by(user=id),
    ]
    assert {entry.user.name for entry in found if entry} == {"Tomás Leite"}
    assert account.stats.requests == before + 2  # two windows, and no list of users


def test_an_entry_includes_its_account(account: Connection) -> None:
    me = User.me()
    first, second = list(JournalEntry.all(user=me))[:2]
    entry = JournalEntry.find(first.id)
    before = account.stats.requests
    assert entry.account_id == me.account_id
    assert account.stats.requests == before
    assert second.account_id == me.account_id
    assert account.stats.requests == before + 1


def test_what_the_response_to_an_update_includes_is_not_read_again(account: Connection) -> None:
    entry = JournalEntry.find(JournalEntry.all(user=User.me())[0].id)
    before, old = account.stats.requests, entry.updated_at
    entry.body += ", twice"
    entry.save()
    assert entry.updated_at > old
    assert not entry.is_dirty
    assert account.stats.requests == before + 1
    assert JournalEntry.find(entry.id).updated_at == entry.updated_at


def test_an_entry_is_written_and_found(account: Connection) -> None:
    entry = JournalEntry.create(body="Slept & <dreamt>")
    assert account.stats.requests == 2
    assert not entry.is_dirty
    assert entry.body == "Slept & <dreamt>"
    assert account.stats.requests == 2
    assert entry.user == User.me()
    found = JournalEntry.find(entry.id)
    assert found == entry
    assert found.body == entry.body
    assert found.user_id == entry.user_id
    assert entry.created_at == found.created_at


def test_an_entry_is_written_into_a_journal(account: Connection) -> None:
    me = User.me()
    entry = me.journal.create(body="Slept")
    assert account.stats.requests == 2
    assert me.journal[0] == entry


def test_an_entry_is_changed(account: Connection) -> None:
    entry = JournalEntry.all(user=User.me())[0]
    entry.body += ", twice"
    assert entry.save().fields == ("body",)
    assert JournalEntry.find(entry.id).body == entry.body
    assert entry.reload().updated_at >= entry.created_at


def test_a_destroyed_entry_is_gone(account: Connection) -> None:
    entry = JournalEntry.all(user=User.me())[0]
    entry.destroy()
    with pytest.raises(NotFound):
        JournalEntry.find(entry.id)


def test_the_entries_of_others_are_theirs(account: Connection) -> None:
    entry = next(each for each in JournalEntry.iter() if each.user != User.me())
    with pytest.raises(Forbidden):
        JournalEntry.find(entry.id)
    entry.body = "Hm"
    with pytest.raises(Forbidden):
        entry.save()
    assert entry.is_dirty
    with pytest.raises(Forbidden):
        entry.destroy()
    with pytest.raises(Forbidden):
        JournalEntry.create(body="Hm", user=entry.user)


def test_entries_are_found_by_their_text(account: Connection) -> None:
    wanted = next(JournalEntry.iter())
    assert JournalEntry.find_by(body=wanted.body) == wanted
    assert account.stats.requests == 1
    assert JournalEntry.find_by(body="no such entry") is None
    assert list(JournalEntry.where(body=wanted.body)) == [wanted]


def test_an_empty_entry_is_refused(account: Connection) -> None:
    with pytest.raises(ValidationError, match="JournalEntry.body cannot be empty"):
        JournalEntry.create(body="", user=User.me())
    with pytest.raises(TypeError, match="JournalEntry has no field 'bdy'; did you mean 'body'"):
        JournalEntry.create(bdy="Slept")  # type: ignore[call-arg, arg-type]
    assert account.stats.requests == 1
