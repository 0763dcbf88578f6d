"""The index of trigrams, by which the search finds texts without reading all of them.

It is not a part of the schema: it is created when a database is opened, if the database offers
trigrams, and removed otherwise. The database itself updates it, in the transaction of each write.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, bindparam, column, func, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError

from .models import Base, Item, Page, Searched, Widget

SHORTEST = 3
"""Characters of the shortest text that the index can find."""

_LONGEST = 100  # characters of a text that are looked for; whether the rest follows is seen later
_KINDS: tuple[type[Searched], ...] = (Page, Widget, Item)
_TOKENIZER = "trigram case_sensitive 1"

log = logging.getLogger("backpack_orm.sandbox")


def create_index(connection: Connection) -> None:
    """Create the index if there is none; without support for trigrams, log that there is none."""
    if connection.dialect.name == "sqlite":
        _create_in_sqlite(connection)
    elif not has_index(connection):
        _create_in_postgresql(connection)


def has_index(connection: Connection) -> bool:
    """Return whether the search can use the index."""
    is_sqlite = connection.dialect.name == "sqlite"
    query = _FIND_IN_SQLITE if is_sqlite else _FIND_IN_POSTGRESQL
    return connection.execute(query).scalar() is not None


@contextmanager
def inserting_many(connection: Connection) -> Iterator[None]:
    """Update the index at the end for all new records, which is faster than for each of them.

    Also updates the statistics of PostgreSQL, by which it plans searches. After an exception, the
    transaction must be rolled back.
    """
    if connection.dialect.name == "sqlite":
        with _inserting_many_in_sqlite(connection):
            yield
        return
    connection.exec_driver_sql("SET LOCAL gin_pending_list_limit = '4MB'")
    yield
    for kind in _KINDS:
        connection.execute(_UPDATE_IN_POSTGRESQL, {"index": _index_of(kind)})
    tables = ", ".join(Base.metadata.tables)
    connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {tables}")


def found_by_index(kind: type[Searched], dialect: str) -> ColumnElement[bool]:
    """Return the condition that a record may contain a text, which the index decides."""
    if dialect != "sqlite":
        return contains(kind)
    index = table(_index_of(kind), column("rowid"), column(_index_of(kind)))
    hits = select(index.c.rowid).where(index.c[index.name].match(bindparam("trigrams")))
    return kind.key.in_(hits)


def contains(kind: type[Searched]) -> ColumnElement[bool]:
    """Return the condition that a record may contain a text."""
    return kind.folded.like(bindparam("pattern"), escape="\\")


def parameters_for(folded: str) -> dict[str, str]:
    """Return the parameters of these conditions for a text without letter case."""
    start = folded[:_LONGEST]
    trigrams = dict.fromkeys(start[i : i + 3] for i in range(len(start) - 2))
    quoted = (trigram.replace('"', '""') for trigram in trigrams)
    escaped = start.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"trigrams": " ".join(f'"{one}"' for one in quoted), "pattern": f"%{escaped}%"}


def _index_of(kind: type[Searched]) -> str:
    return f"search_{kind.__tablename__}"


_LAST = _index_of(Item)
_FIND_IN_SQLITE = text(
    f"SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = '{_LAST}_update'"  # noqa: S608
)
_FIND_IN_POSTGRESQL = text(f"SELECT to_regclass('{_LAST}')")
# Only owners of an index may do so; for others the server's autovacuum does it later.
_UPDATE_IN_POSTGRESQL = text(
    "SELECT gin_clean_pending_list(oid) FROM pg_class WHERE oid = to_regclass(:index) "
    "AND pg_has_role(relowner, 'USAGE')"
)


def _create_in_sqlite(connection: Connection) -> None:
    """Create the index, or remove its triggers if this SQLite could not execute them."""
    is_supported = _has_trigrams(connection)
    if not is_supported:
        log.info("searches read all texts: SQLite has trigrams since version 3.34, with FTS5")
    if is_supported == has_index(connection):
        return
    for kind in _KINDS:
        for statement in _statements(kind) if is_supported else _removal(kind):
            connection.exec_driver_sql(statement)


def _has_trigrams(connection: Connection) -> bool:
    try:
        connection.exec_driver_sql(
            f"CREATE VIRTUAL TABLE temp.search_trial USING fts5(x, tokenize='{_TOKENIZER}')"
        )
    except OperationalError:
        return False
    connection.exec_driver_sql("DROP TABLE temp.search_trial")
    return True


def _statements(kind: type[Searched]) -> list[str]:
    """Return the statements that create the index of a table.

    It stores neither the texts, which are in the table, nor the places of trigrams in them.
    """
    of, index = kind.__tablename__, _index_of(kind)
    options = f"content='', columnsize=0, detail=none, tokenize='{_TOKENIZER}'"
    remove = (
        f"INSERT INTO {index} ({index}, rowid, folded) "  # noqa: S608
        "VALUES ('delete', old.key, old.folded);"
    )
    return [
        f"DROP TABLE IF EXISTS {index}",  # no longer up to date
        f"CREATE VIRTUAL TABLE {index} USING fts5(folded, {options})",
        _add_above(kind, 0),
        _insert_trigger(kind),
        f"CREATE TRIGGER {index}_delete AFTER DELETE ON {of} BEGIN {remove} END",
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF folded ON {of} "
        f"WHEN old.folded IS NOT new.folded BEGIN {remove} {_add_new(kind)} END",
    ]


def _add_above(kind: type[Searched], key: int) -> str:
    of, index = kind.__tablename__, _index_of(kind)
    return f"INSERT INTO {index} (rowid, folded) SELECT key, folded FROM {of} WHERE key > {key}"  # noqa: S608


def _add_new(kind: type[Searched]) -> str:
    return f"INSERT INTO {_index_of(kind)} (rowid, folded) VALUES (new.key, new.folded);"  # noqa: S608


def _insert_trigger(kind: type[Searched]) -> str:
    return (
        f"CREATE TRIGGER {_index_of(kind)}_insert AFTER INSERT ON {kind.__tablename__} "
        f"BEGIN {_add_new(kind)} END"
    )


@contextmanager
def _inserting_many_in_sqlite(connection: Connection) -> Iterator[None]:
    kinds = _KINDS if has_index(connection) else ()
    largest = {kind: connection.scalar(select(func.max(kind.key))) or 0 for kind in kinds}
    for kind in kinds:
        connection.exec_driver_sql(f"DROP TRIGGER {_index_of(kind)}_insert")
    yield
    for kind in kinds:
        connection.exec_driver_sql(_add_above(kind, largest[kind]))
        connection.exec_driver_sql(_insert_trigger(kind))


def _removal(kind: type[Searched]) -> list[str]:
    triggers = (f"{_index_of(kind)}_{change}" for change in ("insert", "delete", "update"))
    return [f"DROP TRIGGER {trigger}" for trigger in triggers]


def _create_in_postgresql(connection: Connection) -> None:
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for kind in _KINDS:
                connection.exec_driver_sql(
                    f"CREATE INDEX {_index_of(kind)} ON {kind.__tablename__} "
                    "USING gin (folded gin_trgm_ops)"
                )
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        log.info("searches read all texts, since there is no extension pg_trgm: %s", reason)
