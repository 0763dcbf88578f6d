"""Opens the database that an address names: a file, memory, or PostgreSQL."""

from __future__ import annotations

from .data_addresses import is_postgresql
from .database import SqliteDatabase
from .transactions import Database


def open_database(data: str) -> Database:
    """Open a database, and create its tables if it is new.

    Args:
        data: Path of a file, `":memory:"`, or the address of a PostgreSQL database.

    Raises:
        OSError: It cannot be used.
        ImportError: PostgreSQL requires its extra.
        ValueError: The address is not valid.
    """
    if not is_postgresql(data):
        return SqliteDatabase(data)
    try:
        from .postgresql import PostgresDatabase  # here, since it requires an extra of its own
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"PostgreSQL requires {missing.name}, part of an extra: "
            'pip install "backpack_orm[postgresql]"'
        ) from missing
    return PostgresDatabase(data)
