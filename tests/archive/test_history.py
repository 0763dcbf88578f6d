"""History: versions of a record, and what differs between snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from lxml import html

from backpack_orm import Connection, Item, JournalEntry, Note, Page, Reminder, Tag, User
from backpack_orm.archive import Archive, Diff
from backpack_orm.archive.comparing import _marked, unified
from backpack_orm.errors import ArchiveError
from tests.archive.conftest import Clock


@pytest.fixture
def lisbon(synced: Archive, connection: Connection) -> Page:
    return Page.get(title="Lisbon", using=connection)


def note_of(page: Page, body: str) -> Note:
    note = page.notes[0]
    note.body = body
    note.save()
    return note


def test_progress_is_reported(synced: Archive, connection: Connection, lisbon: Page) -> None:
    lisbon.notes.create(title="another")
    synced.sync(connection)
    steps: list[tuple[str, int, int]] = []
    synced.diff(1, 2, progress=lambda *step: steps.append(step))
    assert steps == [
        (f"reading snapshot {number}", done, 13) for number in (1, 2) for done in range(1, 14)
    ]
    steps.clear()
    synced.history(lisbon, progress=lambda *step: steps.append(step))
    assert steps == [("reading snapshots", 1, 2), ("reading snapshots", 2, 2)]


# --- versions ---------------------------------------------------------------------------------


def test_a_note_that_was_overwritten_can_be_got_back(
    synced: Archive, connection: Connection, lisbon: Page
) -> None:
    original = lisbon.notes[0].body
    for body in ("first", "second"):
        note = note_of(lisbon, body)
        lisbon.notes.create(title="another")
        synced.sync(connection)
    lisbon.notes.create(title="a third one")
    synced.sync(connection)
    found = synced.history(note)
    assert [version.values["body"] for version in found if version.values] == [
        original,
        "first",
        "second",
    ]
    assert [version.snapshot.number for version in found] == [1, 2, 3]


def test_the_end_of_a_record_is_a_version_without_values(
    synced: Archive, connection: Connection, lisbon: Page
) -> None:
    note = lisbon.notes[0]
    note.destroy()
    synced.sync(connection)
    lisbon.destroy()
    synced.sync(connection)
    for record in (note, ("note", note.id), synced.snapshots[0].notes[0]):
        first, last = synced.history(record)
        assert first.values is not None
        assert (last.snapshot.number, last.values) == (2, None)
    assert [version.values is None for version in synced.history(lisbon)] == [False, False, True]


def test_a_record_that_comes_later_has_no_version_before(
    synced: Archive, connection: Connection, lisbon: Page
) -> None:
    note = lisbon.notes.create(title="Tram tickets")
    synced.sync(connection)
    (version,) = synced.history(note)
    assert version.snapshot.number == 2
    assert version.taken_at == synced.newest.taken_at


@pytest.mark.parametrize(
    "find",
    [
        lambda: Page.get(title="Lisbon").lists[0].items[0],
        lambda: Page.get(title="Lisbon").lists[0],
        lambda: Page.get(title="Lisbon").separators[0],
        lambda: Reminder.all()[0],
        lambda: JournalEntry.all()[0],
        lambda: User.all()[0],
        lambda: Page.get(title="Lisbon").emails[0],
    ],
)
def test_records_of_every_kind_have_a_history(
    synced: Archive, find: Callable[[], Item | Reminder]
) -> None:
    (version,) = synced.history(find())
    assert version.values


def test_a_record_that_never_was_has_no_versions(synced: Archive) -> None:
    assert synced.history(("note", 999_999_999)) == []


def test_an_archive_without_snapshots_has_no_history(
    archive: Archive, connection: Connection
) -> None:
    assert archive.history(("note", 7)) == []


# --- differences ------------------------------------------------------------------------------


@pytest.fixture
def diff(synced: Archive, connection: Connection, lisbon: Page) -> Diff:
    note_of(lisbon, lisbon.notes[0].body.replace("third", "fourth") + "\n* <b>New</b>")
    lisbon.lists[0].items[0].complete()
    lisbon.notes.create(title="Tram tickets")
    lisbon.separators[0].destroy()
    Tag.create(page=lisbon, name="Sea")
    Reminder.create(content="+30 Call", using=connection)
    synced.sync(connection)
    return synced.diff(1)


def test_every_change_is_found_and_no_other(diff: Diff) -> None:
    assert {(change.what, change.type) for change in diff.changes} == {
        ("changed", "page"),
        ("changed", "list"),
        ("changed", "item"),
        ("changed", "note"),
        ("added", "note"),
        ("added", "reminder"),
        ("removed", "separator"),
    }
    assert len(diff.changes) == 7
    assert {change.page for change in diff.changes} == {"Lisbon", None}


def test_values_are_the_old_and_the_new_ones(diff: Diff, lisbon: Page) -> None:
    by_type = {(change.what, change.type): change.values for change in diff.changes}
    assert by_type["changed", "item"] == {"completed": (False, True)}
    assert "Sea" in by_type["changed", "page"]["tags"][1]
    assert by_type["added", "note"]["title"] == (None, "Tram tickets")


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("one\n-- two", "one", ["--- two"]),
        ("one", "one\n++ two", ["+++ two"]),
        ("---", "***", ["----", "+***"]),
        ("one", "one\n", ["+"]),
    ],
)
def test_a_line_that_begins_like_a_heading_of_a_difference_is_shown(
    old: str, new: str, lines: list[str]
) -> None:
    assert [line for line in unified(old, new) if line[0] in "+-"] == lines


def test_texts_are_shown_as_unified_differences(diff: Diff) -> None:
    text = diff.to_text()
    assert "      -Rua da Bica 41, third floor" in text
    assert "      +Rua da Bica 41, fourth floor" in text
    assert "  + note" in text
    assert "  - separator" in text
    assert text.splitlines().count("Lisbon") >= 1


def test_html_shows_the_same_and_escapes_it(diff: Diff) -> None:
    document: Any = html.document_fromstring(diff.to_html())
    shown = "\n".join(p.text_content() for p in document.iter("p"))
    assert shown == "\n".join(diff.to_text().split("\n")[2:])
    assert document.xpath("//b | //script") == []
    inserted = [each.text_content().strip() for each in document.iter("ins")]
    assert inserted.count("+* <b>New</b>") == 1


def test_json_contains_everything(diff: Diff) -> None:
    plain = json.loads(diff.to_json())
    assert (plain["old"], plain["new"]) == (1, 2)
    assert len(plain["changes"]) == len(diff.changes)
    assert {"what", "type", "id", "label", "page", "values"} == set(plain["changes"][0])


def test_snapshots_are_named_by_number_or_by_moment(
    synced: Archive, connection: Connection, lisbon: Page, clock: Clock
) -> None:
    clock.now += timedelta(days=30)
    note_of(lisbon, "new")
    synced.sync(connection)
    old, new = synced.snapshots
    for names in ((1, 2), (old, new), ("2026-10-02", "2026-11-30"), (1, None)):
        assert len(synced.diff(*names).changes) == 1
    assert not synced.diff(new, new)
    (change,) = synced.diff(2, 1).changes
    assert change.values["body"][0] == "new"


def test_an_unknown_snapshot_is_refused(synced: Archive) -> None:
    with pytest.raises(ArchiveError):
        synced.diff(1, 7)
    with pytest.raises(ArchiveError, match="no snapshot from"):
        synced.diff("2020-01-01")


def test_a_frame_has_a_row_for_each_value(diff: Diff) -> None:
    frame = diff.to_frame()
    assert len(frame) == sum(len(change.values) for change in diff.changes)
    (row,) = frame[frame["type"] == "item"].to_dict("records")
    assert (row["value"], row["old"], row["new"]) == ("completed", False, True)


def test_unchanged_lines_that_begin_with_a_dash_are_not_marked_as_removed() -> None:
    marked = [_marked(f"      {line}") for line in unified("- socks\n- hat", "- socks\n- cap")]
    assert [line.partition(">")[0].strip() for line in marked[1:]] == ["- socks", "<del", "<ins"]
