"""The work of the database for a call follows its answer, not the size of the account."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, insert, literal, select, text

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.models import Bookmark, JournalEntry, Page, Reminder, User, remindees
from tests import postgresql
from tests.sandbox.conftest import NOW, Client

SMALL, LARGE = 100, 1000
OWNER, OTHER = "owner-0123456789", "other-0123456789"
FEW = 10
"""Number of pages with the tag, of bookmarks, and of reminders for the user."""


def export_of(count: int) -> str:
    pages = "".join(
        f"<page id='{1000 + i}' title='Page {i}'>"
        f"<tags><tag id='{100 + i // FEW}' name='T{i // FEW}'/></tags>"
        f"<notes><note id='{10_000 + i}' title='Keys'>Baker</note></notes>"
        f"<lists><list id='{20_000 + i}' name='L'><items>"
        f"<item id='{30_000 + i}'>No. {i}!</item></items></list></lists>"
        f"<linked_pages><page id='{1000 + (i + 1) % count}'/></linked_pages></page>"
        for i in range(count)
    )
    return f"<user id='99' name='Ana'><pages>{pages}</pages></user>"


def add_bookmarks(box: Sandbox) -> None:
    with box._database.transaction() as session:
        pages = session.execute(
            select(Page.key, Page.account_key, Page.owner_key).order_by(Page.id).limit(FEW)
        )
        rows = [
            {
                "account_key": page.account_key,
                "id": 500_000 + position,
                "user_key": page.owner_key,
                "page_key": page.key,
                "position": position,
                "created_at": NOW,
            }
            for position, page in enumerate(pages, 1)
        ]
        session.execute(insert(Bookmark), rows)


def add_entries_and_reminders(box: Sandbox, count: int) -> None:
    """Add journal entries of the user and reminders of another one, a few of them for the user."""
    box.add_user("Bob")
    with box._database.transaction() as session:
        me, bob = session.scalars(select(User).order_by(User.key))
        times = {"account_key": me.account_key, "created_at": NOW, "updated_at": NOW}
        entries = [
            {**times, "id": 600_000 + i, "user_key": me.key, "body": "Swam"} for i in range(count)
        ]
        session.execute(insert(JournalEntry), entries)
        owners = {"account_key": me.account_key, "creator_key": bob.key}
        reminders = [
            {**owners, "id": 700_000 + i, "content": "Call", "remind_at": NOW} for i in range(count)
        ]
        session.execute(insert(Reminder), reminders)
        for user, last in (me, 700_000 + FEW), (bob, 700_000 + count):
            keys = select(Reminder.key, literal(user.key)).where(Reminder.id < last)
            session.execute(insert(remindees).from_select(list(remindees.c), keys))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[int]]]:
    """Return a function that returns the steps of a call in a small and in a large account."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    def watch(connection: object, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_progress_handler(count, 1)  # for each instruction

    def served(folder: Path, pages: int) -> Sandbox:
        export = folder / f"{pages}.xml"
        export.write_text(export_of(pages))
        box = Sandbox(seed=str(export), clock=lambda: NOW)
        add_bookmarks(box)
        add_entries_and_reminders(box, pages)
        box.start()
        return box

    event.listen(Engine, "connect", watch)
    folder = tmp_path_factory.mktemp("growth")
    boxes = [served(folder, pages) for pages in (SMALL, LARGE)]
    clients = [Client(box.url, box.token) for box in boxes]

    def steps_of(verb: str, path: str, body: str = "", first: str = "") -> list[int]:
        found = []
        for client in clients:
            client.rest(verb, first or path, body)  # connects, and compiles the statements
            steps[0] = 0
            assert client.rest(verb, path, body).status_code == 200
            found.append(steps[0])
        return found

    yield steps_of
    for client in clients:
        client.close()
    for box in boxes:
        box.close()
    event.remove(Engine, "connect", watch)


@pytest.mark.network
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/me.xml"),
        ("GET", "/users/99/bookmarks.xml"),
        ("POST", "/ws/tags/select/103"),
        ("POST", "/ws/page/1007"),
        ("POST", "/ws/page/1007/notes/list"),
        ("POST", "/ws/page/1007/items/update/30007"),
        ("GET", "/journal_entries.xml?count=10"),
        ("GET", "/users/99/journal_entries.xml?count=10"),
        ("GET", "/reminders.xml"),
        ("PUT", "/reminders/700007.xml"),
    ],
)
def test_an_answer_of_the_same_size_takes_the_same_work(
    work: Callable[..., list[int]], verb: str, path: str
) -> None:
    small, large = work(verb, path)
    assert 0 < large <= 1.2 * small + 2


@pytest.mark.network
def test_a_page_is_tagged_without_reading_all_tags(work: Callable[..., list[int]]) -> None:
    small, large = work("POST", "/ws/page/1007/tags/tag", "<request><tags>T3 New</tags></request>")
    assert 0 < large <= 1.2 * small


@pytest.mark.network
def test_a_page_is_destroyed_without_reading_all_links(work: Callable[..., list[int]]) -> None:
    small, large = work("POST", "/ws/page/1098/destroy", first="/ws/page/1096/destroy")
    assert 0 < large <= 1.2 * small


@pytest.mark.network
def test_a_search_does_not_read_the_texts_that_it_does_not_find(
    work: Callable[..., list[int]],
) -> None:
    small, large = work("POST", "/ws/pages/search", "<request><term>NO. 7!</term></request>")
    assert 0 < large <= 2 * small  # the index itself is larger


@pytest.mark.network
@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/ws/pages/all"),
        ("GET", "/users/99/export.xml"),
        ("POST", "/ws/account/export"),
    ],
)
def test_an_answer_that_is_ten_times_as_large_takes_ten_times_the_work(
    work: Callable[..., list[int]], verb: str, path: str
) -> None:
    small, large = work(verb, path)
    assert large <= 1.5 * (LARGE / SMALL) * small


@pytest.fixture(scope="module")
def served(cluster: str, network: None) -> Iterator[Sandbox]:
    """An account with 2,000 pages, each with a note, and reminders; another with one of each."""
    postgresql.create(cluster, "growth")
    data = cluster.format("growth")
    with Sandbox(seed="empty", data=data, token=OWNER) as box:
        other = Client(box.url, box.add_account("other", token=OTHER))
        other.ws("pages/new", "<page><title>Page</title></page>")
        other.ws("reminders/create", "<reminder><content>tomorrow 9am Call</content></reminder>")
        other.close()
        with psycopg.connect(data, autocommit=True) as connection:
            connection.execute(_MANY_PAGES)
            connection.execute(_MANY_REMINDERS)
            connection.execute("VACUUM ANALYZE pages, widgets, items, reminders, remindees")
        yield box


class TestReadingInPostgresql:
    @pytest.fixture
    def rows_read(self, served: Sandbox, as_user: Callable[..., Client]) -> Callable[..., int]:
        """Return a function that returns how many rows the last statement of a call reads.

        The call finds one record.
        """

        def read(token: str, call: str, body: str = "", found: str = "<page ") -> int:
            statements: list[tuple[str, Any]] = []

            def note(*execution: Any) -> None:
                statements.append(execution[2:4])

            event.listen(Engine, "before_cursor_execute", note)
            response = as_user(token, served.url).ws(call, body)
            event.remove(Engine, "before_cursor_execute", note)
            assert response.count(found) == 1
            statement, parameters = statements[-1]
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) DECLARE found CURSOR FOR {statement}"
            with served._database.snapshot() as transaction:
                plan = transaction.connection.exec_driver_sql(explain, parameters).scalar_one()
            return rows_of(plan[0]["Plan"])

        return read

    def test_searches_read_hardly_more_texts_than_they_find(self, rows_read: Any) -> None:
        term = "<term>UNDER THE MAT OF HOUSE 777Z</term>"
        assert rows_read(OWNER, "pages/search", term) < 20

    def test_searches_do_not_read_the_texts_of_other_accounts(self, rows_read: Any) -> None:
        assert rows_read(OTHER, "pages/search", "<term>page</term>") < 20

    def test_the_reminders_of_others_are_not_read(self, rows_read: Any) -> None:
        assert rows_read(OTHER, "reminders", found="<reminder ") < 20

    def test_statements_whose_rows_are_streamed_use_the_index(self, served: Sandbox) -> None:
        found = "SELECT * FROM pages WHERE folded LIKE '%the garden behind the house%'"
        with served._database.snapshot() as transaction:
            explain = f"EXPLAIN DECLARE found CURSOR FOR {found}"
            plan = transaction.connection.execute(text(explain)).scalars().all()
        assert "search_pages" in str(plan)


_MANY_PAGES = """
WITH p AS (
    INSERT INTO pages (account_key, id, owner_key, title, description, public, folded)
    SELECT account_key, i, users.key, 'Page', t, false, lower('Page' || chr(10) || t)
    FROM users, generate_series(1, 2000) AS i, repeat('Ask the neighbours. ', 50) AS t
    WHERE users.key = 1 RETURNING *
)
INSERT INTO widgets
    (account_key, id, page_key, type, other_type, belonging_id, position, name, body, created_at,
     folded)
SELECT account_key, id, key, 'Note', '', id, 1, 'Where we sleep', t, now(),
    lower('Where we sleep' || chr(10) || t)
FROM p, format('The key is under the mat of house %sz. %s', id, description) AS t
"""

_MANY_REMINDERS = """
WITH r AS (
    INSERT INTO reminders (account_key, id, creator_key, content, remind_at)
    SELECT account_key, 10000 + i, key, 'Call', now() + interval '1 day'
    FROM users, generate_series(1, 2000) AS i WHERE key = 1 RETURNING *
)
INSERT INTO remindees (remindees_left, remindees_right) SELECT key, creator_key FROM r
"""


def rows_of(plan: dict[str, Any]) -> int:
    """Return the number of rows that the nodes of a plan have read."""
    each = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    own = plan["Actual Loops"] * sum(plan.get(name, 0) for name in each)
    return int(own) + sum(map(rows_of, plan.get("Plans", ())))
