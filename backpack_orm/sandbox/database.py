"""The embedded database of a sandbox: SQLite, in a file or in memory."""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from . import statements
from .limits import Busy, Limits
from .locks import LockTimeout, ReadWriteLock
from .models import Base
from .schema import prepare_file, stamp
from .search_index import create_index
from .transactions import BUSY_TIMEOUT, RETRY_AFTER, Database, Transaction

MEMORY = ":memory:"
log = logging.getLogger("backpack_orm.sandbox")

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteDatabase(Database):
    """A database in a file, or in memory that all connections of this process share.

    One transaction writes at a time: SQLite has one writer, and ids are assigned in sequence. In a
    file, readers see a snapshot (WAL) and neither wait for writers nor block them. In memory, where
    SQLite has no WAL, readers wait for the writer but not for each other.

    Raises OSError if the file cannot be used.
    """

    is_embedded = True

    def __init__(self, data: str) -> None:
        self._data = data
        self.is_in_memory = data == MEMORY
        self._lock = ReadWriteLock(BUSY_TIMEOUT, readers_wait=self.is_in_memory)
        url = _memory_url() if self.is_in_memory else _file_url(data)
        self._writer = _engine(url, _prepare)
        self._reader = _engine(url, _prepare_reader)
        self._anchor: Connection | None = None
        self.open()

    def open(self) -> None:
        data = self._data
        try:
            if not self.is_in_memory:
                prepare_file(Path(data).absolute())
            with _begin(self._writer, _WRITING) as connection:
                _create_tables(connection)
            if self.is_in_memory:  # it exists as long as there is a connection
                self._anchor = self._writer.connect()
            else:
                self._write_ahead(data)
            self.is_open = True
        except DatabaseError as error:
            self.close()
            raise OSError(f"cannot store data in {data!r}: {error.orig}") from None
        except OSError as error:
            self.close()
            raise OSError(f"cannot store data in {data!r}: {error.strerror or error}") from None

    def _write_ahead(self, data: str) -> None:
        """Switch the file to WAL mode, which is stored in it, so that readers see snapshots."""
        deadline = time.monotonic() + BUSY_TIMEOUT
        with closing(self._writer.raw_connection()) as connection:
            # SQLite's own timeout does not apply here.
            while (mode := _switch_to_wal(connection.cursor())) is None:
                if time.monotonic() > deadline:
                    raise OSError("another process has locked it")
                time.sleep(0.01)
        if mode != "wal":
            log.warning("%s cannot use WAL mode: readers and writers will block each other", data)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with (
            _refusing_when_busy(),
            self._lock.writing(),
            _begin(self._writer, _WRITING) as connection,
            closing(Transaction(connection, is_writing=True)) as transaction,
        ):
            yield transaction
            transaction.flush()

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        with (
            _refusing_when_busy(),
            self._lock.reading(),
            _begin(self._reader, _READING) as connection,
            closing(Transaction(connection, is_writing=False)) as transaction,
        ):
            yield transaction

    def close(self) -> None:
        self.is_open = False
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None
        self._reader.dispose()
        self._writer.dispose()

    def lock_names(self, session: Session) -> None:
        """Do nothing: a transaction that writes is alone."""

    def new_limits(self) -> Limits:
        return Limits()


def _switch_to_wal(cursor: Any) -> str | None:
    """Return the journal mode of the file, None if another process has locked it."""
    try:
        (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return None
        raise OSError(str(error)) from None
    return str(mode)


def _is_busy(error: BaseException | None) -> bool:
    """Return whether a statement failed because another connection has locked the database."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _BUSY  # the rest of an extended code is the reason


@contextmanager
def _refusing_when_busy() -> Iterator[None]:
    try:
        yield
    except LockTimeout:
        raise Busy(RETRY_AFTER) from None
    except OperationalError as error:
        if _is_busy(error.orig):
            raise Busy(RETRY_AFTER) from error
        raise


def _file_url(data: str) -> URL:
    return URL.create("sqlite", database=str(Path(data).absolute()))


def _memory_url() -> URL:
    name = f"file:/backpack-{uuid.uuid4()}"
    return URL.create("sqlite", database=name, query={"vfs": "memdb", "uri": "true"})


_WRITING, _READING = "BEGIN IMMEDIATE", "BEGIN"


@contextmanager
def _begin(engine: Engine, statement: str) -> Iterator[Connection]:
    """Open a transaction with a statement.

    An event of the engine could execute it too, but events make every statement take longer.
    """
    with engine.begin() as connection:
        statements.execute(connection, statement)
        yield connection


def _engine(url: URL, prepare: Any) -> Engine:
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT},
        hide_parameters=True,  # they include tokens
        poolclass=QueuePool,
    )
    event.listen(engine, "connect", prepare)
    return engine


def _prepare(connection: Any, record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # some builds of SQLite lose the last writes
    connection.isolation_level = None  # transactions begin explicitly


def _prepare_reader(connection: Any, record: object) -> None:
    _prepare(connection, record)
    connection.execute("PRAGMA query_only = ON")


def _create_tables(connection: Connection) -> None:
    """Create the tables of a new database, and the index of the search."""
    if not inspect(connection).get_table_names():
        Base.metadata.create_all(connection, checkfirst=False)
    create_index(connection)
    stamp(connection)  # even if it is stamped, so that a file that is not writable is detected now
