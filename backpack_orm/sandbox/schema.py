"""Recognizes, creates and upgrades data files.

A file belongs to a sandbox if its `application_id` says so. Its schema version is the revision in
`alembic_version`, and the same number in `user_version`. Files from before the
first migration have no application id and the user version 1; they are revision 0001.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from .files import (
    folder_lock,
    refuse_dangling_link,
    sync_file,
    sync_folder,
    warn_if_others_can_read,
)

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""All schema versions, oldest first. A test compares them with the migration scripts."""

HEAD = REVISIONS[-1]
APPLICATION_ID = 0x4250_4F53  # "BPOS"

LOCK_TIMEOUT = 5.0
"""Seconds to wait for other processes that write to a file."""

_TABLES_OF_0001 = {
    *("accounts", "users", "pages", "widgets", "items", "messages", "images"),
    *("tags", "taggings", "friends", "linked_pages", "bookmarks", "statuses"),
    *("reminders", "remindees", "journal_entries", "calendars", "calendar_events"),
}

log = logging.getLogger("backpack_orm.sandbox")


def prepare_file(path: Path) -> None:
    """Create a data file, or check and upgrade an existing one.

    A new file is readable only by its owner. An older file is migrated on a copy; the original is
    preserved as `NAME.schema-0001` or similar.

    Raises OSError with a message of one sentence if the file is not a data file, is damaged, was
    written by a newer version, or cannot be written.
    """
    refuse_dangling_link(path)
    if not path.exists():
        if (log_file := path.with_name(f"{path.name}-wal")).exists():
            raise OSError(f"it is missing, but its log {log_file.name} is there: restore a backup")
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        return
    if not path.is_file():
        raise OSError("it is not a regular file")
    warn_if_others_can_read(path)
    with folder_lock(path.parent, exclusive=False):
        is_current = _checked_revision(path) in (None, HEAD)
    if not is_current:
        with folder_lock(path.parent, exclusive=True):
            revision = _checked_revision(path)
            if revision not in (None, HEAD):  # no other process has upgraded it in the meantime
                _migrate(path, revision)


def _checked_revision(path: Path) -> str | None:
    """Return the schema version of a file, None if it is empty; raise OSError if it is damaged."""
    with readable_errors(), closing(_connect(path)) as connection:
        revision = revision_of(connection)
        if revision is not None:
            fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if fault != "ok":
                raise OSError(f"it is damaged: {fault.splitlines()[-1]}")
    return revision


def revision_of(connection: sqlite3.Connection) -> str | None:
    """Return the schema version of a database, None if it is empty.

    Raises OSError if it belongs to another program or a newer version.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute(_TABLES)}
    if application_id == 0 and not tables:
        return None
    if application_id == 0 and version == 1 and tables == _TABLES_OF_0001:
        return REVISIONS[0]
    if application_id != APPLICATION_ID:
        raise OSError("it is a database of another program")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row else "none"
    if revision not in REVISIONS:
        raise OSError(
            f"it was written by a newer version of backpack_orm (schema {revision}; "
            f"this version knows up to {HEAD}): upgrade backpack_orm"
        )
    return str(revision)


# The index of the search is not a part of the schema: see `search_index`.
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' "
    "AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'search_*'"
)


def stamp(connection: Any) -> None:
    """Mark a database as one of the current schema; takes a connection of SQLite or SQLAlchemy."""
    execute = getattr(connection, "exec_driver_sql", None) or connection.execute
    execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)")
    execute("DELETE FROM alembic_version")
    execute(f"INSERT INTO alembic_version VALUES ('{HEAD}')")  # noqa: S608 - a constant
    execute(f"PRAGMA application_id = {APPLICATION_ID}")
    execute(f"PRAGMA user_version = {int(HEAD)}")


def describe(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the columns, indexes and foreign keys of all tables, for comparison."""
    tables = sorted(name for (name,) in connection.execute(_TABLES) if name != "alembic_version")
    return {table: _describe_table(connection, table) for table in tables}


def _describe_table(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    def pragma(name: str, of: str) -> list[Any]:
        return connection.execute(f"SELECT * FROM pragma_{name}(?)", (of,)).fetchall()  # noqa: S608

    columns = {
        name: (type, bool(required), bool(key))
        for _, name, type, required, _, key in pragma("table_info", table)
    }
    indexes = sorted(
        (bool(unique), [column for _, _, column in pragma("index_info", name)])
        for _, name, unique, *_ in pragma("index_list", table)
    )
    foreign_keys = sorted(
        (column, of, to, on_delete)
        for _, _, of, column, to, _, on_delete, _ in pragma("foreign_key_list", table)
    )
    return {"columns": columns, "indexes": indexes, "foreign keys": foreign_keys}


def expected_schema() -> dict[str, Any]:
    """Return the result of `describe` for a new database."""
    from sqlalchemy import create_engine  # here, since only migrations and checks need it
    from sqlalchemy.pool import StaticPool

    from .models import Base

    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        Base.metadata.create_all(engine)
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            return describe(raw)
    finally:
        engine.dispose()


def integrity_faults(connection: sqlite3.Connection) -> list[str]:
    """Return the errors in a database of the current schema, one sentence each."""
    faults = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    faults += [
        f"row {row} of {table} refers to a row of {parent} that does not exist"
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
    ]
    expected, found = expected_schema(), describe(connection)
    faults += [
        f"the table {table} differs from the schema of this version"
        for table in sorted(expected.keys() | found.keys())
        if expected.get(table) != found.get(table)
    ]
    return faults


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn SQLite's exceptions into OSErrors of one sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise OSError(f"it is damaged, or no SQLite database: {error}") from None
        raise OSError(str(error)) from None


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=LOCK_TIMEOUT)


def _migrate(path: Path, revision: str) -> None:
    """Replace a file by a migrated copy; the original is preserved under another name.

    SQLite cannot roll back everything that migrations do, so they never run on the original. It is
    locked during the migration, so that nothing is written to it after it was copied.
    """
    copy = path.with_name(f"{path.name}.migrating")
    try:
        with readable_errors(), closing(_connect(path)) as source:
            # Fails while another process has the file open in WAL mode. Removes the -wal file,
            # which SQLite would apply to the new file.
            source.execute("PRAGMA journal_mode = DELETE")
            source.execute("BEGIN IMMEDIATE")  # from here on, no other process can write
            copy.unlink(missing_ok=True)
            _copy(path, copy)
            _upgrade(copy)
            original = _preserve(path, revision)
            if sys.platform == "win32":
                source.close()  # open files cannot be replaced there
            os.replace(copy, path)
            sync_folder(path.parent)
    except OSError as error:
        raise OSError(
            f"it could not be upgraded to schema {HEAD}, and is unchanged: {error}"
        ) from None
    finally:
        copy.unlink(missing_ok=True)
    log.warning(
        "%s was upgraded from schema %s to %s; the original is %s", path, revision, HEAD, original
    )


def _copy(path: Path, copy: Path) -> None:
    """Copy a database with SQLite: reading the file directly would release locks on it."""
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(_connect(path)) as source, closing(_connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")


def _upgrade(copy: Path) -> None:
    from .migrations import upgrade  # here, since Alembic is slow to import and rarely needed

    upgrade(copy)
    with closing(_connect(copy)) as target:
        stamp(target)
        target.execute("VACUUM")  # overwrites deleted data, such as tokens in clear text
        if faults := integrity_faults(target):
            raise OSError(f"the upgraded copy has an error: {faults[0]}")
    sync_file(copy)


def _preserve(path: Path, revision: str) -> Path:
    """Give a file a second name in the same folder and return it."""
    number = 1
    preserved = path.with_name(f"{path.name}.schema-{revision}")
    while preserved.exists():
        number += 1
        preserved = path.with_name(f"{path.name}.schema-{revision}-{number}")
    try:
        os.link(path, preserved)
    except OSError:  # file systems without hard links
        _copy(path, preserved)
        sync_file(preserved)
    os.chmod(preserved, 0o600)
    return preserved
