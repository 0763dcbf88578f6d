"""One account: which connection is current, and how its calls are made."""

from backpack_orm.connection.connection import Connection, connect, unconnected
from backpack_orm.connection.context import (
    connection_for,
    current,
    ensure_connection,
    using,
)

__all__ = [
    "Connection",
    "connect",
    "connection_for",
    "current",
    "ensure_connection",
    "unconnected",
    "using",
]
