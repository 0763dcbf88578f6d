"""Inserts many records in batches, so that memory does not grow with their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.orm import Session

from .models import Base

_BATCH = 2_000  # rows
_DEFER = "SET CONSTRAINTS ALL DEFERRED"


class BulkWriter:
    """Inserts rows into any tables within a transaction.

    References are checked at the end of the transaction, so rows can be added in any order.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keys: dict[Table, Iterator[int]] = {}
        self._pending: defaultdict[Table, list[Mapping[str, Any]]] = defaultdict(list)
        self._count = 0
        self._is_sqlite = session.get_bind().dialect.name == "sqlite"
        defer = "PRAGMA defer_foreign_keys = ON" if self._is_sqlite else _DEFER
        session.execute(text(defer))

    def key(self, kind: type[Base]) -> int:
        """Return the key of a new record."""
        table = _table(kind)
        if table not in self._keys:
            self._keys[table] = self._new_keys(table)
        return next(self._keys[table])

    def _new_keys(self, table: Table) -> Iterator[int]:
        """Yield unused keys: from a sequence, unless there is no other writer."""
        if self._is_sqlite:
            self._session.flush()
            largest = self._session.scalar(select(func.max(table.c.key)))
            yield from count((largest or 0) + 1)
        sequence = func.pg_get_serial_sequence(table.name, "key")
        while True:
            yield from self._session.scalars(
                select(func.nextval(sequence)).select_from(func.generate_series(1, _BATCH))
            )

    def add(self, kind: type[Base] | Table, **values: Any) -> None:
        """Add a row; all rows of a table must have the same columns."""
        self._pending[kind if isinstance(kind, Table) else _table(kind)].append(values)
        self._count += 1
        if self._count >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Insert all pending rows. Executes one statement per table."""
        self._session.flush()
        for table, rows in self._pending.items():
            if rows:
                self._session.execute(insert(table), rows)
        self._pending.clear()
        self._count = 0


def _table(kind: type[Base]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table
