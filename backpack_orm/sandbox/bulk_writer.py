"""Many new records, written in batches, so that memory does not grow with their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.orm import Session

from .models import Base

_BATCH = 2_000  # rows


class BulkWriter:
    """Writes rows of any tables, with keys of their own, within a transaction.

    References are checked when the transaction ends, so that rows may come in any order.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next_keys: dict[Table, int] = {}
        self._waiting: defaultdict[Table, list[Mapping[str, Any]]] = defaultdict(list)
        self._count = 0
        session.execute(text("PRAGMA defer_foreign_keys = ON"))

    def key(self, kind: type[Base]) -> int:
        """Return the key of a new record."""
        table = _table(kind)
        if table not in self._next_keys:
            self._session.flush()
            largest = self._session.scalar(select(func.max(table.c.key)))
            self._next_keys[table] = (largest or 0) + 1
        key = self._next_keys[table]
        self._next_keys[table] = key + 1
        return key

    def add(self, kind: type[Base] | Table, **values: Any) -> None:
        """Write a row; all rows of a table name the same columns."""
        self._waiting[kind if isinstance(kind, Table) else _table(kind)].append(values)
        self._count += 1
        if self._count >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting; executes one statement for each table."""
        self._session.flush()
        for table, rows in self._waiting.items():
            if rows:
                self._session.execute(insert(table), rows)
        self._waiting.clear()
        self._count = 0


def _table(kind: type[Base]) -> Table:
    table = kind.__table__
    assert isinstance(table, Table)
    return table
