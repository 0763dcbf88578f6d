"""The database of a sandbox: its engine, its transactions and the creation of its tables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from .models import Base, User

# Which tables there are, and with which columns: a file with others cannot be used.
SCHEMA = 1


class Database:
    """The database of a sandbox: a file, or memory."""

    def __init__(self, data: str) -> None:
        self._in_turn = threading.Lock()
        if data == ":memory:":
            url, options = "sqlite://", {"poolclass": StaticPool}
        else:
            url, options = f"sqlite:///{Path(data).absolute()}", {}
        self._engine = create_engine(
            url,
            connect_args={"check_same_thread": False},
            hide_parameters=True,  # tokens are among them
            **options,
        )
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        try:
            with self._engine.begin() as connection:
                _lay_out(connection)
        except DatabaseError as error:
            self.close()
            raise OSError(f"cannot keep data in {data!r}: {error.orig}") from None
        except OSError as error:
            self.close()
            raise OSError(f"cannot keep data in {data!r}: {error}") from None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose changes are kept together, or not at all when an exception passes.

        One at a time: SQLite has one writer, and ids are taken in turn.
        """
        with self._in_turn, Session(self._engine) as session, session.begin():
            yield session

    def tokens(self) -> set[str]:
        """The tokens of all users of all accounts."""
        with self.transaction() as session:
            return set(session.scalars(select(User.token)))

    def close(self) -> None:
        """Let go of the database; what was in memory is gone."""
        self._engine.dispose()


def _prepare(connection: Any, record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.isolation_level = None  # transactions begin where `_begin` says


def _lay_out(connection: Connection) -> None:
    """Make the tables where there are none yet."""
    if inspect(connection).get_table_names():
        if connection.exec_driver_sql("PRAGMA user_version").scalar() != SCHEMA:
            raise OSError("it was not made by this version of the sandbox")
        return
    Base.metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")


def _begin(connection: Connection) -> None:
    """Lock a file before the first look at it: another program may deliver mail to it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
