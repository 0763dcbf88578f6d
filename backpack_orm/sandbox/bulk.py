"""Helpers for statements that affect many records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Integer, TableValuedAlias, column, func, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

_ID = BigInteger()
_OPTIONS = {"synchronize_session": False, "preserve_rowcount": True}


def numbered(
    session: Session, values: Sequence[int] | Sequence[str], kind: TypeEngine[Any] = _ID
) -> TableValuedAlias:
    """Return a table of values with the columns `key`, which counts from 0, and `value`.

    It is a single parameter of a statement, regardless of the number of values.
    """
    columns = column("key", Integer()), column("value", kind)
    if session.get_bind().dialect.name == "sqlite":
        return func.json_each(json.dumps(values)).table_valued(*columns)
    rows = [{"key": key, "value": value} for key, value in enumerate(values)]
    table = func.jsonb_to_recordset(literal(rows, JSONB)).table_valued(*columns)
    return table.render_derived(with_types=True)


def execute(session: Session, statement: Any) -> int:
    """Execute an UPDATE, INSERT or DELETE after all pending changes; return how many rows changed.

    Loaded records are not updated: use it last, or for records that are not loaded.
    """
    session.flush()
    result = session.execute(statement, execution_options=_OPTIONS)
    return int(result.rowcount)  # type: ignore[attr-defined]  # it is a CursorResult
