"""What all databases of a sandbox have in common: transactions, and sessions in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from .limits import Limits
from .shared_limits import SharedLimits

T = TypeVar("T")

BUSY_TIMEOUT = 5.0
"""Seconds that a transaction waits for others, in this process or in another one."""
RETRY_AFTER = 1
"""Seconds in `Retry-After` if that is exceeded."""


class Transaction:
    """A transaction: its connection, and a session, which is opened when it is first used.

    Attributes:
        connection: The connection, for statements.
        is_writing: Whether it can change something.
    """

    def __init__(self, connection: Connection, *, is_writing: bool) -> None:
        self.connection = connection
        self.is_writing = is_writing
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The session, for work with records."""
        if self._session is None:
            self._session = Session(self.connection, expire_on_commit=False)
        return self._session

    def flush(self) -> None:
        """Write pending changes of records."""
        if self._session is not None:
            self._session.flush()

    def close(self) -> None:
        """Detach the records. Does not end the transaction."""
        if self._session is not None:
            self._session.close()


class Database(ABC):
    """The database of a sandbox. It is open after construction, and again after `open()`.

    Attributes:
        is_in_memory: Whether closing it loses the data.
        is_embedded: Whether statements are executed in this process.
        is_open: Whether it is open.
    """

    is_in_memory = False
    is_embedded = False
    is_open = False

    @abstractmethod
    def open(self) -> None:
        """Connect, and create the tables of a new database; raise OSError if that fails."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that is committed at the end, or rolled back after an exception.

        Raises `Busy` if others take too long.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that reads a snapshot and cannot write.

        Raises `Busy` if others take too long.
        """

    @abstractmethod
    def lock_names(self, session: Session) -> None:
        """Wait until no other transaction creates an account or registers an application.

        None does so until the end of this one.
        """

    @abstractmethod
    def new_limits(self) -> Limits | SharedLimits:
        """Return rate limits for all processes that use this database."""

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of a function that is executed in a transaction that can write.

        It may be executed again if the database aborts the transaction because of others.
        """
        with self.writing() as transaction:
            return work(transaction)

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of a function that reads a snapshot."""
        with self.snapshot() as transaction:
            return work(transaction)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Like `writing`, with a session."""
        with self.writing() as transaction:
            yield transaction.session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Like `snapshot`, with a session; loaded records can be used after its end."""
        with self.snapshot() as transaction:
            yield transaction.session
