"""Statements that the driver executes behave as if SQLAlchemy executed them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, bindparam, func, insert, literal, select, update
from sqlalchemy.exc import DBAPIError, OperationalError

from backpack_orm.sandbox.models import Account, BigInt, User, Utc
from backpack_orm.sandbox.statements import CompiledStatement
from backpack_orm.sandbox.storage import open_database
from tests.sandbox.conftest import DATABASES

NOON = datetime(2031, 3, 5, 12, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    is_embedded = request.param == "sqlite"
    cluster = None if is_embedded else request.getfixturevalue("cluster")
    database = open_database(":memory:" if cluster is None else cluster.format("postgres"))
    with database.transaction() as session:
        yield session.connection()
        session.connection().exec_driver_sql("DELETE FROM accounts")
    database.close()


class TestRows:
    def test_they_have_the_names_of_the_columns(self, connection: Connection) -> None:
        statement = CompiledStatement(select(literal(1).label("one"), literal("2").label("two")))
        (row,) = statement.rows(connection, {})
        assert (row.one, row.two) == (1, "2")

    def test_they_can_be_of_another_class(self, connection: Connection) -> None:
        statement = CompiledStatement(select(literal(3), literal(4)), complex)
        assert statement.first(connection, {}) == 3 + 4j

    def test_the_first_of_none_is_none(self, connection: Connection) -> None:
        statement = CompiledStatement(select(User.id).where(User.id == bindparam("id")))
        assert statement.first(connection, {"id": 1}) is None


@pytest.mark.parametrize("sent", [NOON, NOON.astimezone(timezone(timedelta(hours=5)))])
def test_values_are_converted_both_ways(connection: Connection, sent: datetime) -> None:
    statement = CompiledStatement(select(bindparam("at", type_=Utc).label("at")))
    assert statement.first(connection, {"at": sent}).at == NOON


def test_the_number_of_changed_rows_is_returned(connection: Connection) -> None:
    connection.execute(
        insert(Account),
        [
            {"name": name, "normal_name": name, "last_id": 1, "created_at": NOON}
            for name in ("a", "b", "c")
        ],
    )
    renaming = update(Account).where(Account.name > bindparam("than"))
    statement = CompiledStatement(renaming.values(last_id=bindparam("new")))
    assert statement.change(connection, {"than": "a", "new": 2}) == 2


def test_lists_are_refused(connection: Connection) -> None:
    statement = CompiledStatement(select(User.id).where(User.id.in_([1, 2])))
    with pytest.raises(ValueError, match="not parameters for single values"):
        statement.rows(connection, {})


class TestErrors:
    def test_they_are_those_of_sqlalchemy(self, connection: Connection) -> None:
        statement = CompiledStatement(select(func.abs(bindparam("number", type_=BigInt))))
        with pytest.raises(DBAPIError, match="SELECT abs") as error, connection.begin_nested():
            statement.rows(connection, {"number": -(2**63)})
        assert str(2**63) not in str(error.value)
        assert not error.value.connection_invalidated

    @pytest.mark.postgresql
    def test_a_lost_connection_is_discarded(self, cluster: str) -> None:
        statement = CompiledStatement(select(func.pg_terminate_backend(func.pg_backend_pid())))
        database = open_database(cluster.format("postgres"))
        with pytest.raises(OperationalError) as error, database.snapshot() as transaction:
            statement.rows(transaction.connection, {})
        assert error.value.connection_invalidated
        with database.snapshot() as transaction:
            assert transaction.connection.scalar(select(literal(1))) == 1
        database.close()
