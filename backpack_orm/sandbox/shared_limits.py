"""Rate limits that several processes count together, in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from sqlalchemy import Engine, text

from .limits import WINDOW, Busy, Family

# Without a log: after a crash of the server the table is empty, and nothing else is lost.
_CREATE = """
    CREATE UNLOGGED TABLE IF NOT EXISTS backpack_requests (
        account bigint, address text, family text, served_at timestamptz
    );
    CREATE INDEX IF NOT EXISTS backpack_requests_window
        ON backpack_requests (account, address, family, served_at)
"""
_SAME = "account = :account AND address = :address AND family = :family"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:window, 0))")
_FORGET = text(f"DELETE FROM backpack_requests WHERE {_SAME} AND served_at <= :before")  # noqa: S608
_SERVED = text(f"SELECT count(*), min(served_at) FROM backpack_requests WHERE {_SAME}")  # noqa: S608
_COUNT = text("INSERT INTO backpack_requests VALUES (:account, :address, :family, :now)")


class SharedLimits:
    """Moving windows like those of `Limits`, for all processes that use a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.begin() as connection:
            connection.execute(_LOCK, {"window": "backpack_requests"})
            connection.exec_driver_sql(_CREATE)

    def count(self, account: int, address: str, family: Family, now: datetime) -> None:
        """Count a request, or raise `Busy` if the limit is reached. Executes four statements."""
        window = {"account": account, "address": address, "family": family.name}
        with self._engine.begin() as connection:
            connection.execute(_LOCK, {"window": f"{account} {address} {family.name}"})
            connection.execute(_FORGET, {**window, "before": now - WINDOW})
            count, first = connection.execute(_SERVED, window).one()
            if count >= family.value:
                raise Busy(ceil((first + WINDOW - now).total_seconds()))
            connection.execute(_COUNT, {**window, "now": now})
