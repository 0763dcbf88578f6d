"""Helpers for statements that affect many records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, String, TableValuedAlias, column, func
from sqlalchemy.orm import Session


def numbered(values: Sequence[int] | Sequence[str]) -> TableValuedAlias:
    """Return a table of values with the columns `key`, which counts from 0, and `value`.

    It is a single parameter of a statement, regardless of the number of values.
    """
    kind = String() if values and isinstance(values[0], str) else Integer()
    return func.json_each(json.dumps(values)).table_valued(
        column("key", Integer()), column("value", kind)
    )


def execute(session: Session, statement: Any) -> int:
    """Execute an UPDATE, INSERT or DELETE after all pending changes; return how many rows changed.

    Loaded records are not updated: use it last, or for records that are not loaded.
    """
    session.flush()
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]  # it is a CursorResult
