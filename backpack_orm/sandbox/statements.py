"""Statements that are compiled once and executed by the driver.

SQLAlchemy's own execution takes longer than the database needs for most of them.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from operator import attrgetter, methodcaller
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import CompoundSelect, Connection, Dialect, Select, Update
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")
Source: TypeAlias = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Update
_ROWS, _COUNT = methodcaller("fetchall"), attrgetter("rowcount")


class CompiledStatement:
    """A statement with parameters for single values only: it cannot contain lists, as in `IN`.

    Args:
        source: The statement. An UPDATE must not depend on the defaults of columns.
        row: The class of its rows; one with the names of the columns if None is given.
    """

    def __init__(self, source: Source, row: Callable[..., Any] | None = None) -> None:
        self._source = source
        self._row = row or namedtuple("Row", map(str, source.exported_columns.keys()))
        self._by_dialect: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> list[Any]:
        """Execute a SELECT and return all rows."""
        compiled = self._compiled(connection.dialect)
        found = execute(connection, compiled.text, compiled.bound(parameters), _ROWS)
        return list(map(self._row, *compiled.converted(found))) if found else []

    def first(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """Execute a SELECT and return the first row, or None."""
        return next(iter(self.rows(connection, parameters)), None)

    def change(self, connection: Connection, parameters: Mapping[str, Any]) -> int:
        """Execute an UPDATE and return the number of changed rows."""
        compiled = self._compiled(connection.dialect)
        return execute(connection, compiled.text, compiled.bound(parameters))

    def _compiled(self, dialect: Dialect) -> _Compiled:
        compiled = self._by_dialect.get(dialect.name)
        if compiled is None:
            compiled = self._by_dialect[dialect.name] = _Compiled(self._source, dialect)
        return compiled


class _Compiled:
    """The text of a statement for one dialect, and how the driver's values are converted."""

    def __init__(self, source: Source, dialect: Dialect) -> None:
        compiled = source.compile(dialect=dialect)
        binds = compiled.binds
        literals = compiled.post_compile_params or compiled.literal_execute_params
        if literals or any(bind.callable is not None for bind in binds.values()):
            raise ValueError(f"not parameters for single values: {list(binds)}")
        self.text = str(compiled)
        self._names = compiled.positiontup
        self._values = {name: bind.value for name, bind in binds.items() if not bind.required}
        processors = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in binds.items()
        }
        self._bind_processors = {
            name: process for name, process in processors.items() if process is not None
        }
        self._result_processors = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in source.exported_columns
        ]

    def bound(self, parameters: Mapping[str, Any]) -> Any:
        """Return parameters as the driver expects them."""
        values = {**self._values, **parameters}
        for name, process in self._bind_processors.items():
            values[name] = process(values[name])
        return values if self._names is None else [values[name] for name in self._names]

    def converted(self, rows: list[Any]) -> list[Any]:
        """Return the columns of the driver's rows, of which there is at least one."""
        columns = zip(*rows, strict=True)
        return [
            column if process is None else map(process, column)
            for process, column in zip(self._result_processors, columns, strict=True)
        ]


def execute(
    connection: Connection,
    text: str,
    parameters: Any = (),
    result: Callable[[Any], T] = _COUNT,
) -> T:
    """Execute SQL with parameters in the driver's style; return a result of its cursor.

    Raises the errors of SQLAlchemy.
    """
    dialect, driver = connection.dialect, connection.connection
    try:
        cursor = driver.cursor()
        cursor.execute(text, parameters)
        return result(cursor)
    except dialect.loaded_dbapi.Error as error:
        is_lost = dialect.is_disconnect(error, driver, None)
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            text,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=dialect,
        ) from error
