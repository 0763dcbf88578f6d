"""A PostgreSQL database, which several processes serve together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

import psycopg  # noqa: F401 - fails here, with its name, if it is not installed
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from .data_addresses import failure, postgresql_url
from .http_server import THREADS
from .limits import Busy
from .models import Base
from .schema import HEAD, REVISIONS
from .search_index import create_index
from .shared_limits import SharedLimits
from .transactions import BUSY_TIMEOUT, RETRY_AFTER, Database, Transaction

T = TypeVar("T")

_SCHEMA, _NAMES, _DOMAIN = 1, 2, 0x4250_4F53  # of advisory locks: "BPOS"
_ATTEMPTS = 5
_ABORTED = {"40001", "40P01"}  # a serialization failure, a deadlock
_BUSY = {"55P03", "57014", "53300"}  # no lock, no time, no connection
_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": int(1000 * BUSY_TIMEOUT),
    "cursor_tuple_fraction": 1,  # else queries are planned for a tenth of their rows
    "gin_pending_list_limit": 256,  # kB, which each search reads
}

log = logging.getLogger("backpack_orm.sandbox")


class PostgresDatabase(Database):
    """A database that several processes can open.

    A transaction that writes locks the account, so those of one account run one after another and
    assign ids in sequence, and those of others are not affected. Readers see a snapshot, and
    neither wait for writers nor block them.

    Raises:
        OSError: The server cannot be reached, or the database belongs to another program.
        ValueError: The address is not valid.
    """

    def __init__(self, data: str) -> None:
        self._url = url = postgresql_url(data)
        self._writer = _engine(url, "READ COMMITTED")  # sees what was committed before its lock
        self._reader = _engine(url, "REPEATABLE READ", read_only=True)
        # Of its own, since requests are counted while another connection is in use.
        self._limits = _engine(url, "READ COMMITTED")
        self.open()

    def open(self) -> None:
        try:
            with self._writer.begin() as connection:
                _lock(connection, _SCHEMA)
                _prepare_schema(connection)
                create_index(connection)
        except (DBAPIError, OSError) as error:
            self.close()
            reason = _first_line(error.orig if isinstance(error, DBAPIError) else error)
            raise OSError(failure(self._url, reason)) from None
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self._reader.dispose()
        self._writer.dispose()
        self._limits.dispose()

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with (
            _refusing_when_busy(),
            self._writer.begin() as connection,
            closing(Transaction(connection, is_writing=True)) as transaction,
        ):
            yield transaction
            transaction.flush()

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        with (
            _refusing_when_busy(),
            self._reader.begin() as connection,
            closing(Transaction(connection, is_writing=False)) as transaction,
        ):
            yield transaction

    def lock_names(self, session: Session) -> None:
        _lock(session.connection(), _NAMES)

    def new_limits(self) -> SharedLimits:
        return SharedLimits(self._limits)

    def write(self, work: Callable[[Transaction], T]) -> T:
        for _ in range(_ATTEMPTS):
            try:
                return super().write(work)
            except DBAPIError as error:
                if sqlstate(error) not in _ABORTED:
                    raise
                log.info("a transaction is repeated: %s", _first_line(error.orig))
        raise Busy(RETRY_AFTER)


def sqlstate(error: DBAPIError) -> str:
    """Return PostgreSQL's code for an error; empty if the connection was lost."""
    return getattr(error.orig, "sqlstate", None) or ""


def _engine(url: URL, isolation_level: Any, *, read_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        isolation_level=isolation_level,
        hide_parameters=True,  # they include tokens
        pool_size=THREADS,
        pool_timeout=BUSY_TIMEOUT,
        pool_pre_ping=True,  # the server may have been restarted
        connect_args={
            "application_name": "backpack sandbox",
            "options": " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items()),
        },
    )

    def prepare(connection: Any, record: object) -> None:
        connection.read_only = read_only

    event.listen(engine, "connect", prepare)
    return engine


def _lock(connection: Connection, what: int) -> None:
    """Wait for an advisory lock, which the transaction holds until its end."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:domain, :what)"), {"domain": _DOMAIN, "what": what}
    )


def _prepare_schema(connection: Connection) -> None:
    """Create the tables of an empty database, or upgrade them."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        Base.metadata.create_all(connection, checkfirst=False)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        return
    if not {"alembic_version", "accounts", "pages"} <= tables:
        raise OSError("it is a database of another program")
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if revision not in REVISIONS:
        raise OSError(
            f"it was written by a newer version of backpack_orm (schema {revision}; "
            f"this version knows up to {HEAD}): upgrade backpack_orm"
        )
    if revision != HEAD:
        from .migrations import upgrade_connection  # here, since Alembic is slow to import

        upgrade_connection(connection)
        log.warning("the database was upgraded from schema %s to %s", revision, HEAD)


@contextmanager
def _refusing_when_busy() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Busy(RETRY_AFTER) from error
    except DBAPIError as error:
        if sqlstate(error) in _BUSY:
            raise Busy(RETRY_AFTER) from error
        raise


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
