"""SQLite: one database with keys, full-text search and views, as Datasette shows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from backpack_orm.archive.conversions.output import replacing
from backpack_orm.archive.conversions.source import Source
from backpack_orm.archive.conversions.tables import TABLES, Table, rows_of
from backpack_orm.archive.sealed import seal, unseal
from backpack_orm.orm.operations.progress import Progress

_TYPES = {
    "integer": "INTEGER",
    "text": "TEXT",
    "boolean": "INTEGER",
    "time": "TEXT",
    "local_time": "TEXT",
}
_BATCH = 1_000
_SEARCH = "building the search"
_SEARCHED = (
    # table, its id, the page's id, title, text
    ("pages", "id", "id", "title", "description"),
    ("notes", "id", "page_id", "title", "body"),
    ("lists", "id", "page_id", "name", "''"),
    ("items", "id", "page_id", "''", "content"),
    ("separators", "id", "page_id", "name", "''"),
    ("emails", "id", "page_id", "subject", "body"),
    ("comments", "id", "page_id", "''", "body"),
    ("attachments", "id", "page_id", "file_name", "''"),
    ("images", "id", "page_id", "file_name", "description"),
    ("reminders", "id", "NULL", "''", "content"),
    ("journal_entries", "id", "NULL", "''", "body"),
    ("calendar_events", "id", "NULL", "title", "message"),
)
_VIEWS = (
    """
    CREATE VIEW open_items AS
    SELECT pages.title AS page, lists.name AS list, items.content, items.updated_at,
           items.id, items.list_id, items.page_id
    FROM items JOIN pages ON pages.id = items.page_id LEFT JOIN lists ON lists.id = items.list_id
    WHERE NOT items.completed
    ORDER BY pages.position, items.list_id, items.position
    """,
    """
    CREATE VIEW pages_with_tags AS
    SELECT pages.id, pages.title, coalesce(group_concat(ordered.name, ', '), '') AS tags
    FROM pages LEFT JOIN (SELECT * FROM page_tags ORDER BY page_id, position) AS ordered
         ON ordered.page_id = pages.id
    GROUP BY pages.id
    ORDER BY pages.position
    """,
)


def write_sqlite(source: Source, path: str | PathLike[str], report: Progress) -> None:
    """Write a SQLite database with all tables; an existing file is replaced at the end.

    Times are texts in ISO 8601, and booleans are 0 and 1. The virtual table `search` finds
    substrings of three or more characters in all texts; for shorter ones, `search_text` can be
    scanned with LIKE. The views `open_items` and `pages_with_tags` answer frequent questions.
    Beside the database, `NAME-metadata.json` describes it to Datasette; one that was edited is left
    as it is.

    Args:
        source: The records.
        path: The database file.
        report: Called for each page, and before and after the search is built.

    Raises:
        OSError: The file cannot be written.
        sqlite3.OperationalError: The disk is full.
    """
    path = Path(path)
    with replacing(path) as part:
        with closing(sqlite3.connect(part)) as database, database:
            for statement in _schema():
                database.execute(statement)
            for table, rows in _batches(source, report):
                places = ", ".join("?" * len(rows[0]))
                insert = f'INSERT INTO "{table}" VALUES ({places})'  # noqa: S608 - names of our own
                database.executemany(insert, rows)
            report(_SEARCH, 0, 1)
            for statement in (*_search(), *_VIEWS):
                database.execute(statement)
        with closing(sqlite3.connect(part)) as database:
            database.execute("VACUUM")
        report(_SEARCH, 1, 1)
    described = path.with_name(f"{path.stem}-metadata.json")
    if not _is_edited(described):
        with replacing(described) as part:
            part.write_bytes(seal(_metadata(source, path.stem)))


def _schema() -> Iterator[str]:
    for table in TABLES:
        yield f'CREATE TABLE "{table.name}" ({", ".join(_columns(table))})'
        for column in table.references:
            if table.key[0] != column:
                yield f'CREATE INDEX "{table.name}_{column}" ON "{table.name}" ("{column}")'


def _columns(table: Table) -> Iterator[str]:
    for name, kind in table.columns.items():
        refers_to = table.references.get(name)
        target = f' REFERENCES "{refers_to}" ("id")' if refers_to else ""
        yield f'"{name}" {_TYPES[kind]}{target}'
    key = ", ".join(f'"{name}"' for name in table.key)
    yield f"PRIMARY KEY ({key})"


def _batches(source: Source, report: Progress) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    waiting: dict[str, list[tuple[Any, ...]]] = {}
    for table, row in rows_of(source, report):
        rows = waiting.setdefault(table, [])
        rows.append(tuple(map(_stored, row.values())))
        if len(rows) == _BATCH:
            yield table, waiting.pop(table)
    yield from waiting.items()


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _search() -> Iterable[str]:
    parts = (
        f"SELECT '{table}' AS type, {id} AS id, {page} AS page_id, "  # noqa: S608 - our own names
        f"{title} AS title, {text} AS text FROM {table}"
        for table, id, page, title, text in _SEARCHED
    )
    return (
        f"CREATE TABLE search_text AS {' UNION ALL '.join(parts)}",
        "CREATE VIRTUAL TABLE search USING fts5 (type UNINDEXED, id UNINDEXED, page_id UNINDEXED,"
        " title, text, content='search_text', tokenize='trigram')",
        "INSERT INTO search (search) VALUES ('rebuild')",
    )


def _metadata(source: Source, name: str) -> dict[str, Any]:
    tables = {"search_text": {"fts_table": "search", "fts_pk": "rowid"}}
    return {
        "title": f"Backpack: {source.host or 'an export'}",
        "description": f"Records as of {source.taken_at.isoformat()}",
        "databases": {name: {"tables": tables}},
    }


def _is_edited(path: Path) -> bool:
    """Return whether there is a file that is not as it was written."""
    if not path.is_file():
        return False
    try:
        unseal(path.read_bytes())
    except ValueError:
        return True
    return False
