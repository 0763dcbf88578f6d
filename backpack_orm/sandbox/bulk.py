"""Building blocks for statements about many records at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Integer, Result, String, TableValuedAlias, column, func
from sqlalchemy.orm import Session

from .scheduling import Turn

_ROWS_AT_ONCE = 500


def numbered(values: Sequence[int] | Sequence[str]) -> TableValuedAlias:
    """Return a table of values with the columns `key`, which counts from 0, and `value`.

    It is one parameter of a statement, however many values there are.
    """
    kind = String() if values and isinstance(values[0], str) else Integer()
    return func.json_each(json.dumps(values)).table_valued(
        column("key", Integer()), column("value", kind)
    )


def fetch(result: Result[Any], turn: Turn) -> Iterator[Any]:
    """Return the rows of a result, with checkpoints among them."""
    for rows in result.partitions(_ROWS_AT_ONCE):
        yield from rows
        turn.checkpoint()


def execute(session: Session, statement: Any) -> int:
    """Execute an UPDATE, INSERT or DELETE after all pending changes; return how many rows changed.

    Records that are loaded keep the values they have: use it last, or on what is not loaded.
    """
    session.flush()
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]  # it is a CursorResult
