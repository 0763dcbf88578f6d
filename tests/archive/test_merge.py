"""The archives of several users of one account are read as one."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from backpack_orm import (
    ArchiveError,
    Bookmark,
    Connection,
    JournalEntry,
    Page,
    Reminder,
    User,
    ValidationError,
)
from backpack_orm.archive import Archive, Merged
from backpack_orm.sandbox import Sandbox
from tests.archive.conftest import Clock


@pytest.fixture
def theirs(box: Sandbox) -> Connection:
    """The connection of another user, with a page and a reminder of their own."""
    connection = Connection(box.url, token=box.add_user("Sam", email_address="sam@acme.example"))
    Page.create(title="Sam's page", using=connection).notes.create(title="Secret")
    Reminder.create(content="+30 Call Nora", using=connection)
    return connection


@pytest.fixture
def other(theirs: Connection, tmp_path: Path, clock: Clock) -> Archive:
    archive = Archive(tmp_path / "theirs", clock=clock)
    archive.sync(theirs)
    return archive


def test_each_record_is_there_once(
    synced: Archive, connection: Connection, theirs: Connection, other: Archive
) -> None:
    merged = Archive.merge([synced, other])
    both = {page.id for page in Page.all()} | {page.id for page in Page.all(using=theirs)}
    assert len(other.pages) >= 1
    assert sorted(page.id for page in merged.pages) == sorted(both)
    assert merged.notes["Secret"].page.title == "Sam's page"
    assert merged.notes["Where we sleep"].page.title == "Lisbon"
    contents = [each.content for each in merged.reminders]
    assert len(contents) == len(set(contents)) == 7
    assert {"Call Nora", "Renew the library card"} <= set(contents)
    assert len(merged.journal) == len(synced.journal)
    assert len(merged.users) == 4
    assert len(merged.events) == len(synced.events)


def test_bookmarks_are_found_by_their_users(synced: Archive, other: Archive) -> None:
    merged = Archive.merge([synced, other]).connection
    (nora,) = [each for each in synced.users if each.name == "Nora Whitfield"]
    (sam,) = [each for each in other.users if each.name == "Sam"]
    assert len(Bookmark.all(user=nora.id, using=merged)) == 5
    assert list(Bookmark.all(user=sam.id, using=merged)) == []


def test_the_newest_version_counts(
    box: Sandbox, synced: Archive, connection: Connection, tmp_path: Path, clock: Clock
) -> None:
    again = Archive(tmp_path / "again", clock=clock)
    note = Page.get(title="Lisbon").notes[0]
    note.body = "newer"
    note.save()
    again.sync(connection)
    for archives in ([synced, again], [again, synced]):
        merged = Archive.merge(archives)
        assert merged.notes[note.title].body == "newer"
        assert merged.taken_at == again.newest.taken_at
        assert len(merged.pages) == 13


def test_a_page_that_one_user_was_refused_is_taken_from_the_other(
    box: Sandbox, archive: Archive, connection: Connection, tmp_path: Path, clock: Clock
) -> None:
    whole = Archive(tmp_path / "whole", clock=clock)
    whole.sync(connection)
    id = Page.get(title="Lisbon").id
    for path in ("/users/*/export.xml", f"/ws/page/{id}"):
        box.faults.status(403, path=path)
    archive.sync(connection)
    merged = Archive.merge([archive, whole])
    assert merged.pages["Lisbon"].notes[0].title == "Where we sleep"
    assert f"page {id}" in {gap.what for gap in archive.newest.gaps}
    assert f"page {id}" not in {gap.what for gap in merged.gaps}


@pytest.mark.network
def test_a_journal_that_an_export_lacks_is_taken_from_another_archive(
    archive: Archive, tmp_path: Path, clock: Clock
) -> None:
    with Sandbox(seed="empty") as box:
        connection = Connection(box.url, token=box.token, limits=None)
        user = User.me(using=connection)
        for body in ("Left", "Arrived"):
            JournalEntry.create(user=user, body=body)
        archive.sync(connection)
    export = Archive(tmp_path / "export", clock=clock)
    content = f"<user id='{user.id}'><pages><page id='7' title='Later'/></pages></user>"
    export.add_export(content.encode(), taken_at=clock())
    for archives in ([archive, export], [export, archive, archive]):
        merged = Archive.merge(archives)
        assert [each.body for each in merged.journal] == ["Arrived", "Left"]
        assert merged.pages["Later"].id == 7


def test_merged_archives_are_converted_and_pickled(
    synced: Archive, other: Archive, tmp_path: Path
) -> None:
    merged = Archive.merge([synced, other])
    assert isinstance(merged, Merged)
    merged.to_markdown(tmp_path / "notes")
    assert any("Secret" in path.read_text("utf-8") for path in (tmp_path / "notes").rglob("*.md"))
    assert pickle.loads(pickle.dumps(merged.pages[0])) == merged.pages[0]


def test_archives_of_different_accounts_are_refused(synced: Archive, archive: Archive) -> None:
    old = Archive(f"memory://{synced.name}")
    export = b"<user id='4' name='A' account='other'><pages><page id='7'/></pages></user>"
    old.add_export(export, taken_at="2009-01-01")
    with pytest.raises(ArchiveError, match="the archives are of different accounts"):
        Archive.merge([synced, old])
    with pytest.raises(ArchiveError, match="no snapshot yet"):
        Archive.merge([synced, Archive(f"{synced.name} 2")])
    with pytest.raises(ValidationError, match="at least one archive"):
        Archive.merge([])
