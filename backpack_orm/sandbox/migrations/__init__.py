"""Migrations, by Alembic. Those of data files run on a copy only: see `schema`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool


def scripts() -> ScriptDirectory:
    """Return the migration scripts."""
    return ScriptDirectory.from_config(_config())


def upgrade(path: Path) -> None:
    """Upgrade a database to the current schema; raise OSError if that fails.

    A database without a revision has the first one.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    # Tables are rebuilt; with foreign keys on, dropping one would delete the rows that refer to it.
    event.listen(
        engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF")
    )
    try:
        with engine.begin() as connection:
            upgrade_connection(connection)
    except SQLAlchemyError as error:
        raise OSError(str(error).splitlines()[0]) from None
    finally:
        engine.dispose()


def upgrade_connection(connection: Connection) -> None:
    """Upgrade the database of a connection in its transaction; raise OSError if that fails."""
    config = _config()
    config.attributes["connection"] = connection
    try:
        if not connection.dialect.has_table(connection, "alembic_version"):
            command.stamp(config, "0001")
        command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError) as error:
        raise OSError(str(error).splitlines()[0]) from None


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parent).replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config
