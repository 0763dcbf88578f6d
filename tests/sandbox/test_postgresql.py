"""Sandboxes that store their data in PostgreSQL, alone and together."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import InternalError, OperationalError

from backpack_orm.sandbox import Sandbox, postgresql, schema
from backpack_orm.sandbox.limits import Busy
from backpack_orm.sandbox.models import Account
from backpack_orm.sandbox.storage import open_database
from backpack_orm.sandbox.transactions import Transaction
from tests.postgresql import create
from tests.sandbox import team
from tests.sandbox.conftest import Client

TOKEN = "t0ken-0123456789"

pytestmark = pytest.mark.network


@pytest.fixture
def data(cluster: str) -> str:
    """The address of an empty database."""
    name = f"test_{uuid4().hex}"
    create(cluster, name)
    return cluster.format(name)


@pytest.fixture
def sql(data: str) -> Iterator[psycopg.Connection]:
    """Another connection to the database."""
    with psycopg.connect(data, autocommit=True) as connection:
        yield connection


def dense(connection: psycopg.Connection, table: str, owner: str) -> bool:
    """Return whether the positions of a table are numbered from 1 without gaps."""
    rows = connection.execute(
        f"SELECT count(*), count(DISTINCT position), min(position), max(position) FROM {table} "
        f"WHERE {owner} IS NOT NULL GROUP BY {owner}"
    ).fetchall()
    return all((distinct, low, high) == (count, 1, count) for count, distinct, low, high in rows)


def columns(connection: psycopg.Connection) -> list[tuple[str, ...]]:
    """Return the columns and the constraints of all tables."""
    return [
        row
        for query in (
            "SELECT table_name, column_name, data_type, is_nullable "
            "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
            "SELECT tablename, indexname, indexdef FROM pg_indexes "
            "WHERE schemaname = 'public' ORDER BY 1, 2",
        )
        for row in connection.execute(query)
    ]


def test_processes_that_start_at_once_serve_one_account_without_losing_a_write(
    data: str, sql: psycopg.Connection
) -> None:
    with team.serving(data) as urls:
        report = team.run(urls, steps=15)
    assert report.errors == []
    assert set(report.statuses) == {200}
    assert sum(report.statuses.values()) == 16 * 15
    assert dense(sql, "widgets", "page_key")
    assert dense(sql, "items", "list_key")


class TestProcesses:
    @pytest.fixture
    def other(self, data: str) -> Iterator[Sandbox]:
        with Sandbox(seed="empty", data=data, token=TOKEN, limits=True) as box:
            yield box

    @pytest.fixture
    def box(self, other: Any, data: str) -> Iterator[Sandbox]:
        with Sandbox(seed="empty", data=data, token=TOKEN, limits=True) as box:
            yield box

    def test_they_share_the_rate_limit(
        self, box: Sandbox, other: Any, as_user: Callable[..., Client]
    ) -> None:
        clients = as_user(TOKEN, box.url), as_user(TOKEN, other.url)
        statuses = [
            clients[number % 2].rest("GET", "/calendars.xml").status_code for number in range(11)
        ]
        assert statuses == [200] * 10 + [503]
        assert clients[0].rest("GET", "/me.xml").status_code == 200

    def test_they_share_tokens(
        self, box: Sandbox, other: Any, as_user: Callable[..., Client]
    ) -> None:
        client = as_user(other.tokens.create(label="phone"), box.url)
        assert client.rest("GET", "/me.xml").status_code == 200
        other.tokens.revoke(other.tokens.all()[-1].id)
        assert client.rest("GET", "/me.xml").status_code == 302

    def test_what_one_has_written_the_other_reads(
        self, box: Sandbox, other: Any, as_user: Callable[..., Client]
    ) -> None:
        as_user(TOKEN, box.url).ws("pages/new", "<page><title>Lisbon</title></page>")
        assert "Lisbon" in as_user(TOKEN, other.url).ws("pages/all")


class TestLocks:
    @pytest.fixture
    def box(self, data: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
        monkeypatch.setattr(postgresql, "BUSY_TIMEOUT", 0.05)
        with Sandbox(seed="empty", data=data, token=TOKEN) as box:
            box.add_account("other", token="other-0123456789")
            yield box

    def test_a_write_waits_for_another_one_in_the_account_until_its_timeout(
        self, box: Sandbox, sql: psycopg.Connection, as_user: Callable[..., Client]
    ) -> None:
        with sql.transaction():
            sql.execute("SELECT * FROM accounts WHERE name = 'acme' FOR UPDATE")
            response = as_user(TOKEN, box.url).rest("POST", "/ws/pages/new", "")
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
            as_user("other-0123456789", box.url).ws("pages/new")
            assert "<pages></pages>" in as_user(TOKEN, box.url).ws("pages/all")

    def test_a_reader_cannot_write(self, box: Sandbox) -> None:
        with box._database.snapshot() as transaction, pytest.raises(InternalError, match="read"):
            transaction.connection.execute(text("DELETE FROM pages"))

    def test_a_reader_sees_one_state(self, box: Sandbox, sql: psycopg.Connection) -> None:
        with box._database.reading() as session:
            before = session.scalars(select(Account.last_id)).all()
            sql.execute("UPDATE accounts SET last_id = last_id + 1")
            session.expire_all()
            assert session.scalars(select(Account.last_id)).all() == before


class TestRepeating:
    def test_a_transaction_that_is_aborted_as_a_deadlock_is_repeated(self, data: str) -> None:
        database = open_database(data)
        both, one_is_done, done = threading.Barrier(2), threading.Event(), []
        with database.transaction() as session:
            session.execute(text("CREATE TABLE counters (id int PRIMARY KEY, value int)"))
            session.execute(text("INSERT INTO counters VALUES (1, 0), (2, 0)"))

        def count(order: tuple[int, int]) -> None:
            attempts = []

            def work(transaction: Transaction) -> None:
                attempts.append(order)
                if len(attempts) == 2:
                    one_is_done.wait(10)  # else it may lock the same row before the other does
                for id in order:
                    statement = text("UPDATE counters SET value = value + 1 WHERE id = :id")
                    transaction.connection.execute(statement, {"id": id})
                    if len(attempts) == 1 and id == order[0]:
                        both.wait(10)  # each has locked a row that the other needs

            database.write(work)
            done.append(len(attempts))
            one_is_done.set()

        threads = [threading.Thread(target=count, args=[order]) for order in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.reading() as session:
            values = session.execute(text("SELECT value FROM counters")).scalars().all()
        database.close()
        assert sorted(done) == [1, 2]
        assert values == [2, 2]

    def test_it_is_not_repeated_forever(self, data: str) -> None:
        database = open_database(data)
        attempts = []

        def work(transaction: Transaction) -> None:
            attempts.append(1)
            transaction.connection.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))

        with pytest.raises(Busy):
            database.write(work)
        database.close()
        assert len(attempts) == 5


_BEFORE_0006 = """
DROP INDEX ix_journal_entries_user_key_created_at_id, ix_journal_entries_account_key_created_at_id,
    ix_tags_account_key_name, ix_linked_pages_linked_pages_right, ix_remindees_remindees_right;
CREATE INDEX ix_journal_entries_user_key ON journal_entries (user_key);
"""


class TestSchema:
    def test_keys_are_large_and_times_have_a_zone(self, data: str, sql: psycopg.Connection) -> None:
        open_database(data).close()
        types = set(
            sql.execute(
                "SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' "
                "AND (column_name LIKE '%key' OR column_name = 'id')"
            ).fetchall()
        )
        times = set(
            sql.execute(
                "SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' "
                "AND column_name LIKE '%_at' AND data_type <> 'boolean'"
            ).fetchall()
        )
        assert types == {("bigint",)}
        assert times == {("timestamp with time zone",)}

    def test_an_older_schema_is_upgraded(
        self, data: str, sql: psycopg.Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        open_database(data).close()
        new = columns(sql)
        sql.execute("DROP INDEX ix_pages_owner_key_id")
        sql.execute("CREATE INDEX ix_pages_owner_key ON pages (owner_key)")
        sql.execute(_BEFORE_0006)
        sql.execute("DROP TABLE oauth_grants, oauth_applications")
        sql.execute("ALTER TABLE accounts DROP COLUMN normal_name")
        sql.execute("ALTER TABLE users DROP COLUMN person")
        for table in ("pages", "widgets", "items"):
            sql.execute(f"ALTER TABLE {table} DROP COLUMN folded")  # and with it its index
        sql.execute("UPDATE alembic_version SET version_num = '0002'")
        open_database(data).close()
        assert sql.execute("SELECT to_regclass('search_items')").fetchone() != (None,)
        indexes = sql.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'pages'")
        assert "ix_pages_owner_key_id" in {name for (name,) in indexes}
        assert columns(sql) == new
        revision = sql.execute("SELECT version_num FROM alembic_version").fetchone()
        assert revision == (schema.HEAD,)
        assert "upgraded from schema 0002" in caplog.text

    def test_a_newer_schema_is_refused(self, data: str, sql: psycopg.Connection) -> None:
        open_database(data).close()
        sql.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(OSError, match="by a newer version of backpack_orm .schema 9999"):
            open_database(data)

    def test_a_database_of_another_program_is_refused(
        self, data: str, sql: psycopg.Connection
    ) -> None:
        sql.execute("CREATE TABLE pages (title text)")
        with pytest.raises(OSError, match="it is a database of another program"):
            open_database(data)


class TestAddress:
    def test_a_missing_database_is_reported_without_the_password(self, cluster: str) -> None:
        address = cluster.format("missing").replace("@", ":s3cret@")
        with pytest.raises(OSError, match='database "missing" does not exist') as caught:
            open_database(address)
        assert "s3cret" not in str(caught.value)

    def test_an_address_that_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError, match="like postgresql://user@host/database"):
            open_database("postgresql://host:port/database")

    def test_without_its_driver_the_extra_is_named(
        self, monkeypatch: pytest.MonkeyPatch, data: str
    ) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        monkeypatch.delitem(sys.modules, "backpack_orm.sandbox.postgresql")
        with pytest.raises(ImportError, match=r'psycopg.*"backpack_orm\[postgresql\]"'):
            open_database(data)


class TestServer:
    @pytest.fixture
    def box(self, data: str) -> Iterator[Sandbox]:
        with Sandbox(seed="empty", data=data, token=TOKEN) as box:
            yield box

    def test_requests_go_on_after_it_was_restarted(
        self, box: Sandbox, sql: psycopg.Connection, as_user: Callable[..., Client]
    ) -> None:
        client = as_user(TOKEN, box.url)
        client.ws("pages/new", "<page><title>Lisbon</title></page>")
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND datname = current_database()"
        )
        assert "Lisbon" in client.ws("pages/all")

    def test_a_lost_connection_is_unavailable_storage(
        self, box: Sandbox, as_user: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OperationalError("SELECT", None, psycopg.OperationalError("connection is lost"))

        monkeypatch.setattr(type(box._service.authenticator), "caller", fail)
        assert as_user(TOKEN, box.url).rest("GET", "/me.xml").status_code == 503
