"""Tables: every record is a row, in CSV, JSON Lines, Parquet and SQLite alike."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from backpack_orm import (
    Attachment,
    Belonging,
    Bookmark,
    Calendar,
    CalendarEvent,
    Email,
    Gallery,
    Image,
    Item,
    JournalEntry,
    List,
    Message,
    Model,
    Note,
    Page,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
    ValidationError,
)
from backpack_orm.archive import Snapshot
from backpack_orm.archive.conversions.csv import cell
from backpack_orm.archive.conversions.tables import BY_NAME, TABLES, rows_of
from backpack_orm.orm.operations.progress import silent

MODELS: dict[str, type[Model]] = {
    "users": User,
    "statuses": Status,
    "pages": Page,
    "belongings": Belonging,
    "page_tags": Tag,
    "notes": Note,
    "lists": List,
    "items": Item,
    "separators": Separator,
    "galleries": Gallery,
    "images": Image,
    "attachments": Attachment,
    "emails": Email,
    "comments": Message,
    "reminders": Reminder,
    "journal_entries": JournalEntry,
    "bookmarks": Bookmark,
    "calendars": Calendar,
    "calendar_events": CalendarEvent,
}


@pytest.fixture
def rows(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    for table, row in rows_of(snapshot, silent):
        found[table].append(row)
    return found


@pytest.mark.parametrize("table", MODELS)
def test_a_table_has_a_column_for_each_field_of_its_model(table: str) -> None:
    fields = MODELS[table]._table.fields.values()
    shown = {field.name for field in fields if field.is_shown and not field.is_write_only}
    assert shown <= set(BY_NAME[table].columns)


def test_every_record_is_a_row(snapshot: Snapshot, rows: dict[str, list[Any]]) -> None:
    assert len(rows["pages"]) == len(snapshot.pages) == 14
    assert len(rows["notes"]) == len(snapshot.notes)
    assert len(rows["items"]) == sum(len(each.items) for each in snapshot.lists) > 200
    assert {row["id"] for row in rows["page_tags"]} == {tag.id for tag in snapshot.tags}
    assert len(rows["page_tags"]) == sum(len(page.tags) for page in snapshot.pages)
    assert len(rows["journal_entries"]) == len(snapshot.journal) == 250
    assert len(rows["calendar_events"]) == len(snapshot.events)
    assert len(rows["emails"]) == len(snapshot.emails)
    assert len(rows["reminders"]) == len(snapshot.reminders)
    assert {name for name, found in rows.items() if not found} <= {"comments", "linked_pages"}


def test_keys_are_unique_and_parents_come_first(rows: dict[str, list[Any]]) -> None:
    for table in TABLES:
        keys = Counter(tuple(row[column] for column in table.key) for row in rows[table.name])
        assert not keys or keys.most_common(1)[0][1] == 1, table.name
        for column, target in table.references.items():
            ids = {row["id"] for row in rows[target]}
            assert {row[column] for row in rows[table.name]} - {None} <= ids, (table.name, column)


def test_texts_are_exact(rows: dict[str, list[Any]]) -> None:
    (note,) = (row for row in rows["notes"] if row["title"].startswith("*Links*"))
    assert note["body"].endswith("<script>alert(1)</script>\n\nOdd[1]\n\nfn1. A note.")
    (item,) = (row for row in rows["items"] if row["content"].startswith("first"))
    assert (item["content"], item["completed"], item["position"]) == (
        "first line\nsecond line",
        True,
        3,
    )


def test_all_formats_contain_the_same_rows(
    snapshot: Snapshot, rows: dict[str, list[Any]], out: Path
) -> None:
    snapshot.to_csv(out / "csv")
    snapshot.to_jsonl(out / "jsonl")
    snapshot.to_parquet(out / "parquet")
    snapshot.to_sqlite(out / "a.db")
    with closing(sqlite3.connect(out / "a.db")) as database:
        assert not rows["linked_pages"]
        assert not (out / "csv/linked_pages.csv").exists()  # a gap
        for table in (table for table in TABLES if table.name != "linked_pages"):
            expected = [[_plain(value) for value in row.values()] for row in rows[table.name]]
            read = _in_csv(out / f"csv/{table.name}.csv")
            assert [[row[column] for column in table.columns] for row in read] == [
                ["" if value is None else _cell(value) for value in row] for row in expected
            ]
            lines = (out / f"jsonl/{table.name}.jsonl").read_text("utf-8").splitlines()
            assert [list(json.loads(line).values()) for line in lines] == expected
            stored = database.execute(f"SELECT * FROM {table.name}").fetchall()
            assert sorted(map(repr, map(list, stored))) == sorted(
                repr([int(v) if isinstance(v, bool) else v for v in row]) for row in expected
            )
            typed = parquet.read_table(out / f"parquet/{table.name}.parquet").to_pylist()
            assert len(typed) == len(expected)
            if table.name == "items":
                assert typed == rows["items"]


def test_times_in_parquet_are_the_same_moments(snapshot: Snapshot, out: Path) -> None:
    snapshot.to_parquet(out)
    notes = parquet.read_table(out / "notes.parquet").to_pylist()
    assert snapshot.time_zone == "Pacific Time (US & Canada)"
    note = snapshot.pages["Lisbon"].notes[0]
    (row,) = (row for row in notes if row["id"] == note.id)
    assert row["created_at"].utcoffset().total_seconds() == 0
    assert 7 <= (row["created_at"].replace(tzinfo=None) - note.created_at).seconds / 3600 <= 8


def test_csv_for_spreadsheets_contains_no_formulas(snapshot: Snapshot, out: Path) -> None:
    snapshot.to_csv(out / "plain")
    snapshot.to_csv(out / "excel", excel=True)
    plain, excel = (
        next(
            row["content"]
            for row in _in_csv(out / kind / "items.csv")
            if "HYPERLINK" in row["content"]
        )
        for kind in ("plain", "excel")
    )
    assert (plain, excel) == ("=HYPERLINK(1)", "'=HYPERLINK(1)")
    assert (out / "excel/items.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_csv_has_names_beside_ids(snapshot: Snapshot, out: Path) -> None:
    snapshot.to_csv(out)
    item = next(_in_csv(out / "items.csv"))
    assert list(item)[:6] == ["id", "page_id", "page_title", "list_id", "list_name", "position"]
    assert (item["page_title"], item["list_name"]) == ("Lisbon", "Packing")
    assert next(_in_csv(out / "journal_entries.csv"))["user_name"] == "Tomás Leite"
    assert next(_in_csv(out / "calendar_events.csv"))["calendar_name"] == "Home & away"
    assert next(_in_csv(out / "reminders.csv"))["creator_name"] == "Nora Whitfield"


# --- SQLite -----------------------------------------------------------------------------------


@pytest.fixture
def database(snapshot: Snapshot, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    snapshot.to_sqlite(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        yield database


def test_keys_hold(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(
    ("term", "found"),
    [("Tram", {"notes", "images"}), ("ram 2", {"notes"}), ("second line", {"items"})],
)
def test_the_search_finds_substrings(
    database: sqlite3.Connection, term: str, found: set[str]
) -> None:
    rows = database.execute("SELECT type FROM search WHERE search MATCH ?", [f'"{term}"'])
    assert {type for (type,) in rows} == found


def test_short_terms_are_found_by_a_scan(database: sqlite3.Connection) -> None:
    rows = database.execute("SELECT type, title FROM search_text WHERE text LIKE '%41%'")
    assert ("notes", "Where we sleep") in rows.fetchall()


def test_views_answer_frequent_questions(database: sqlite3.Connection) -> None:
    (first,) = database.execute("SELECT page, list, content FROM open_items LIMIT 1")
    assert first == ("Lisbon", "Packing", "Walking shoes")
    tags = dict(database.execute("SELECT title, tags FROM pages_with_tags"))
    assert tags["Lisbon"] == "Travel, Long weekends, Portugal"
    assert tags["Someday"] == ""


def test_two_conversions_of_a_snapshot_are_equal(snapshot: Snapshot, out: Path) -> None:
    dumps = []
    for name in ("a", "b"):
        snapshot.to_sqlite(out.parent / f"{name}.db")
        with closing(sqlite3.connect(out.parent / f"{name}.db")) as database:
            dumps.append([*database.iterdump()])
    assert dumps[0] == dumps[1]
    for kind in ("csv", "jsonl", "parquet"):
        for copy in ("a", "b"):
            getattr(snapshot, f"to_{kind}")(out / kind / copy)
        for path in (out / kind / "a").iterdir():
            assert path.read_bytes() == (out / kind / "b" / path.name).read_bytes()


def test_a_description_for_datasette_that_was_edited_is_left(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    path = tmp_path / "notes-metadata.json"
    snapshot.to_sqlite(tmp_path / "notes.db")
    written = path.read_bytes()
    for edited in (written.replace(b"Backpack: 127.0.0.1", b"My notes"), b"{}", b"title: \xff"):
        path.write_bytes(edited)
        snapshot.to_sqlite(tmp_path / "notes.db")
        assert path.read_bytes() == edited
    path.unlink()
    snapshot.to_sqlite(tmp_path / "notes.db")
    assert path.read_bytes() == written


def test_a_description_for_datasette_that_was_not_edited_is_replaced(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot.to_sqlite(tmp_path / "notes.db")
    monkeypatch.setattr(snapshot, "taken_at", snapshot.taken_at.replace(year=2027))
    snapshot.to_sqlite(tmp_path / "notes.db")
    assert b"as of 2027-" in (tmp_path / "notes-metadata.json").read_bytes()


@pytest.mark.parametrize("text", ["\uff1d1", "\uff0b1", "\uff0d1", "\uff20A1", "=1", "@A1"])
def test_a_spreadsheet_takes_no_text_for_a_formula(text: str) -> None:
    assert cell(text, excel=True) == f"'{text}"


@pytest.mark.network
def test_datasette_searches_the_database(snapshot: Snapshot, tmp_path: Path) -> None:
    snapshot.to_sqlite(tmp_path / "notes.db")
    command = [sys.executable, "-m", "datasette", "notes.db", "-m", "notes-metadata.json", "--get"]
    searched = "/notes/search_text.json?_search=tram&_shape=array"
    answer = subprocess.run([*command, searched], cwd=tmp_path, capture_output=True, check=True)
    assert {row["type"] for row in json.loads(answer.stdout)} == {"notes", "images"}
    page = subprocess.run([*command, "/"], cwd=tmp_path, capture_output=True, check=True)
    assert b"Backpack: 127.0.0.1" in page.stdout


def _in_csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- frames -----------------------------------------------------------------------------------


def test_a_frame_has_the_rows_of_its_table(
    snapshot: Snapshot, rows: dict[str, list[dict[str, Any]]]
) -> None:
    frame = snapshot.frame("items")
    assert frame["content"].tolist() == [row["content"] for row in rows["items"]]
    assert [str(dtype) for dtype in frame.dtypes[:6]] == [
        "Int64",
        "Int64",
        "Int64",
        "Int64",
        "string",
        "boolean",
    ]
    assert str(snapshot.frame("notes").dtypes["created_at"]) == "datetime64[us, UTC]"


def test_an_unknown_table_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(ValidationError, match="'itmes'.*items"):
        snapshot.frame("itmes")
