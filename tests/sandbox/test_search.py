"""The index of the search finds exactly what reading all texts finds, after any operations."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from sqlalchemy import Engine, delete, event, null, select, text

from backpack_orm.sandbox import Sandbox, search, search_index
from backpack_orm.sandbox.maintenance import check
from backpack_orm.sandbox.models import Item, Page, Widget
from backpack_orm.sandbox.search_index import has_index
from tests import postgresql
from tests.sandbox.conftest import Client
from tests.seeds import examples

pytestmark = pytest.mark.network

# Letters that change their number when case is folded, that fold to each other or combine, and what
# is special to LIKE, to FTS5 or in SQL.
ALPHABET = "aAsSßẞſkKKiİIıﬁéE\u0301\u0307Σσς日\U0001f600 %_\\\"'*^:;-.&<"
texts = st.text(ALPHABET, max_size=12)
operations = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 99), texts, texts), max_size=12)


class Account:
    """Changes an account through the API, with arbitrary texts."""

    def __init__(self, box: Sandbox, api: Client) -> None:
        self._box, self._api = box, api

    def clear(self) -> None:
        with self._box._database.transaction() as session:
            session.execute(delete(Page))

    def rows(self, statement: Any) -> list[Any]:
        with self._box._database.reading() as session:
            return list(session.execute(statement))

    def change(self, which: int, number: int, first: str, second: str) -> None:
        """Execute one of 14 operations, on any existing record of the kind that it needs."""
        one, two = escape(first), escape(second)
        calls = (
            ("pages/new", f"<page><title>{one}</title><description>{two}</description></page>"),
            ("page/{page}/update_title", f"<page><title>{one}</title></page>"),
            ("page/{page}/update_body", f"<page><description>{one}</description></page>"),
            ("page/{page}/duplicate", ""),
            ("page/{page}/destroy", ""),
            ("page/{page}/notes/create", f"<note><title>{one}</title><body>{two}</body></note>"),
            ("page/{page}/notes/update/{note}", f"<note><body>{one}</body></note>"),
            ("page/{page}/notes/destroy/{note}", ""),
            ("page/{page}/lists/add", f"<list><name>{one}</name></list>"),
            ("page/{page}/lists/update/{list}", f"<list><name>{one}</name></list>"),
            ("page/{page}/lists/destroy/{list}", ""),
            ("page/{page}/items/add", f"<item><content>{one}</content></item>"),
            ("page/{page}/items/update/{item}", f"<item><content>{one}</content></item>"),
            ("page/{page}/items/destroy/{item}", ""),
        )
        path, body = calls[which]
        ids = self._ids(path, number)
        if ids is not None:
            self._api.ws(path.format(**ids), body)

    def _ids(self, path: str, number: int) -> dict[str, int] | None:
        """Return the ids in a path, None if there is no such record."""
        on_page = select(Page.id.label("page"), Widget.id).select_from(Page).join(Widget)
        wanted: dict[str, Any] = {
            "note": on_page.where(Widget.type == "Note"),
            "list": on_page.where(Widget.type == "List"),
            "item": on_page.join(Item).with_only_columns(Page.id.label("page"), Item.id),
            "page": select(Page.id.label("page"), Page.id),
        }
        kind = next((kind for kind in wanted if f"{{{kind}}}" in path), None)
        if kind is None:
            return {}
        there = self.rows(wanted[kind].order_by(Page.id))
        if not there:
            return None
        page, id = there[number % len(there)]
        return {"page": page, kind: id}

    def found(self, term: str) -> tuple[set[int], set[int]]:
        """Return the ids of pages, and of widgets, that a search finds."""
        response = self._api.ws("pages/search", f"<term>{escape(term)}</term>")
        pages, widgets = (
            set(map(int, re.findall(f'<{name}(?: [^>]*)? id="(\\d+)"', response)))
            for name in ("page", "send")
        )
        return pages, widgets

    def expected(self, term: str) -> tuple[set[int], set[int]]:
        """Return the same from the stored texts, one by one."""
        pages, widgets = set(), set()
        on_page = select(Page.id, Widget.id).select_from(Page).join(Widget)
        for statement in (
            select(Page.id, null(), Page.title, Page.description),
            on_page.add_columns(Widget.name, Widget.body),
            on_page.join(Item).add_columns(Item.content),
        ):
            for page, widget, *stored in self.rows(statement):
                if any(term.casefold() in text.casefold() for text in stored):
                    pages.add(page)
                    widgets.add(widget)
        return pages, widgets - {None}


@pytest.fixture
def changing(box: Sandbox, api: Client) -> Account:
    return Account(box, api)


@given(changes=operations, term=texts, data=st.data())
@examples(20, HealthCheck.function_scoped_fixture)
def test_the_index_and_reading_all_texts_find_the_same(
    changing: Account, changes: Any, term: str, data: DataObject
) -> None:
    changing.clear()
    changing.change(0, 0, term, "")
    for change in changes:
        changing.change(*change)
    used = [text for *_, text, other in changes for text in (text, other)]
    terms = [
        data.draw(st.sampled_from([term, term.swapcase(), *used])),
        data.draw(texts)[:4],
        term[data.draw(st.integers(0, 3)) :],
    ]
    for each in terms:
        expected = changing.expected(each)
        assert changing.found(each) == expected
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "SHORTEST", 1_000)
            assert changing.found(each) == expected


class TestSearchingThroughTheIndex:
    def test_every_database_has_one(self, box: Sandbox) -> None:
        with box._database.snapshot() as transaction:
            assert has_index(transaction.connection)

    @pytest.mark.parametrize(
        ("text", "term"),
        [
            ("Straße", "STRASSE"),
            ("MASSE", "maße"),
            ("İstanbul", "i\u0307stanbul"),
            ("Kelvin", "\u212aelvin"),
            ("ﬁnd", "FIND"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("100 % of a_b", "0 % OF A_B"),
            ('say "no\\', '"NO\\'),
            ("日本語の文", "本語の"),
            ("a" * 150 + "b", "A" * 120 + "B"),
            ("\U0001f600\U0001f601\U0001f602", "\U0001f601\U0001f602"),
        ],
    )
    def test_letter_case_and_special_characters(
        self, api: Client, page: str, text: str, term: str
    ) -> None:
        api.ws(f"{page}/items/add", f"<item><content>{escape(text)}</content></item>")
        assert "<send " in api.ws("pages/search", f"<term>{escape(term)}</term>")

    @pytest.mark.parametrize("term", ["A" * 120 + "C", "a_b", "a%b", "XaX"])
    def test_what_is_only_similar_is_not_found(self, api: Client, page: str, term: str) -> None:
        for other in ("a" * 150 + "b", "acb", "aXa aXX"):
            api.ws(f"{page}/items/add", f"<item><content>{other}</content></item>")
        assert "<pages></pages>" in api.ws("pages/search", f"<term>{term}</term>")

    def test_e_mails_are_found_from_their_delivery_to_their_removal(
        self, box: Sandbox, api: Client, page: str
    ) -> None:
        mail = box.deliver_email(40000002, subject="Rückflug", body="Gate 7")
        assert f'<send id="{mail}">email' in api.ws("pages/search", "<term>RÜCKFLUG</term>")
        api.ws(f"{page}/emails/destroy/{mail}")
        assert "<pages></pages>" in api.ws("pages/search", "<term>Rückflug</term>")

    def test_a_copy_of_a_page_is_found(self, api: Client, page: str) -> None:
        api.ws(f"{page}/notes/create", "<note><title>Straße</title></note>")
        api.ws(f"{page}/items/add", "<item><content>Évora</content></item>")
        api.ws(f"{page}/duplicate")
        for term, kind in (("STRASSE", "note"), ("évora", "list")):
            found = api.ws("pages/search", f"<term>{term}</term>")
            assert found.count(f'">{kind}</send></page>') == 2

    def test_another_account_finds_nothing(
        self, box: Sandbox, page: str, as_user: Callable[..., Client]
    ) -> None:
        other = as_user(box.add_account("other"), box.url)
        assert "<pages></pages>" in other.ws("pages/search", "<term>Lisbon</term>")

    def test_a_write_that_fails_changes_nothing(self, box: Sandbox, api: Client, page: str) -> None:
        with box._database.transaction() as session:
            session.scalars(select(Page)).one().title = "Porto"
            session.flush()
            session.rollback()
        assert "Lisbon" in api.ws("pages/search", "<term>lisbon</term>")
        assert "<pages></pages>" in api.ws("pages/search", "<term>porto</term>")


def test_texts_that_are_removed_leave_the_index_of_sqlite(empty: Callable[..., Sandbox]) -> None:
    with empty() as box:
        api = Client(box.url, box.token)
        api.ws("pages/new", "<page><title>Lisbon</title></page>")
        api.ws("page/40000002/items/add", "<item><content>Évora</content></item>")
        with box._database.snapshot() as transaction:
            hits = (
                f"SELECT rowid FROM search_{table} WHERE search_{table} MATCH '{trigram}'"
                for table, trigram in (("items", "évo"), ("pages", "lis"))
            )
            both = text(" UNION ALL ".join(hits))
            assert len(transaction.connection.execute(both).all()) == 2
        api.ws("page/40000002/destroy")
        with box._database.snapshot() as transaction:
            assert transaction.connection.execute(both).all() == []
        api.close()


def test_postgresql_uses_its_index(postgres: str) -> None:
    Sandbox(seed="demo", data=postgres).close()
    with psycopg.connect(postgres) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute("EXPLAIN SELECT key FROM items WHERE folded LIKE '%phrase%'")
        assert "search_items" in str(plan.fetchall())


EXPORT = """
<user id='99' name='Ana'><pages>
<page id='7' title='Straße'><description>Évora</description><lists><list id='8' name='Packing'>
<items><item id='9'>Walking shoes</item></items></list></lists></page>
</pages></user>
"""


class TestAfterAnImport:
    @pytest.fixture
    def imported(self, box: Sandbox, tmp_path: Path, as_user: Callable[..., Client]) -> Client:
        """A client of an account that was imported into a database with others."""
        export = tmp_path / "export.xml"
        export.write_text(EXPORT)
        return as_user(box.add_account("imported", seed=str(export)), box.url)

    @pytest.mark.parametrize("term", ["STRASSE", "évora", "packing", "shoes"])
    def test_its_texts_are_found(self, imported: Any, term: str) -> None:
        assert '<page title="Stra&#223;e" id="7"' in imported.ws(
            "pages/search", f"<term>{term}</term>"
        )

    def test_later_changes_are_found(self, imported: Any) -> None:
        imported.ws("page/7/items/update/9", "<item><content>Phrase book</content></item>")
        imported.ws("page/7/items/add", "<item><content>Adapter</content></item>")
        for term in ("phrase", "adapter"):
            assert 'id="8">list' in imported.ws("pages/search", f"<term>{term}</term>")
        assert "<pages></pages>" in imported.ws("pages/search", "<term>shoes</term>")

    def test_if_it_fails_later_changes_are_found_nevertheless(
        self, box: Sandbox, api: Client, tmp_path: Path
    ) -> None:
        export = tmp_path / "export.xml"
        export.write_text(EXPORT.replace("</pages>", "<page id='7'/></pages>"))
        with pytest.raises(ValueError, match="two records of the same type have the id 7"):
            box.add_account("imported", seed=str(export))
        api.ws("pages/new", "<page><title>Straße</title></page>")
        assert "Stra&#223;e" in api.ws("pages/search", "<term>strasse</term>")


def test_an_import_into_sqlite_updates_the_index_once_for_all_records(tmp_path: Path) -> None:
    export = tmp_path / "export.xml"
    export.write_text(EXPORT)
    inserts = set()

    def watch(connection: Any, record: object) -> None:
        connection.set_authorizer(note)

    def note(action: int, table: str, column: str, database: str, trigger: str | None) -> int:
        if action == sqlite3.SQLITE_INSERT and table in ("items", "search_items"):
            inserts.add((table, trigger))
        return sqlite3.SQLITE_OK

    event.listen(Engine, "connect", watch)
    Sandbox(seed=str(export)).close()
    event.remove(Engine, "connect", watch)
    assert inserts == {("items", None), ("search_items", None)}


def test_an_import_into_postgresql_leaves_statistics_and_nothing_pending(
    postgres: str, tmp_path: Path
) -> None:
    export = tmp_path / "export.xml"
    export.write_text(EXPORT)
    Sandbox(seed=str(export), data=postgres).close()
    with psycopg.connect(postgres) as connection:
        connection.execute("CREATE EXTENSION pgstattuple")  # rolled back
        pending = connection.execute("SELECT pending_tuples FROM pgstatginindex('search_items')")
        assert pending.fetchone() == (0,)
        rows = connection.execute("SELECT reltuples FROM pg_class WHERE relname = 'items'")
        assert rows.fetchone() == (1,)
        connection.rollback()


class TestWithoutTrigrams:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A file that an SQLite with trigrams has written."""
        path = tmp_path / "data.db"
        Sandbox(seed="demo", data=str(path), token="t0ken-0123456789").close()
        return path

    @pytest.fixture
    def search(self, as_user: Callable[..., Client]) -> Callable[..., str]:
        """Return a function that opens a file, makes a change, and searches."""

        def search(file: Path, term: str, change: str = "users.xml", fields: str = "") -> str:
            with Sandbox(data=str(file)) as box:
                client = as_user("t0ken-0123456789", box.url)
                if fields:
                    client.ws(change, fields)
                return client.ws("pages/search", f"<term>{term}</term>")

        return search

    def test_an_older_sqlite_reads_all_texts(
        self,
        file: Path,
        search: Any,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level("INFO")
        monkeypatch.setattr(search_index, "_TOKENIZER", "none")
        assert 'id="40000008">note</send>' in search(file, "BAKER")
        assert "searches read all texts: SQLite has trigrams since version 3.34" in caplog.text
        assert check(file) == []

    def test_its_writes_are_found_when_there_are_trigrams_again(
        self, file: Path, search: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        title = "<page><title>Straße nach Évora</title></page>"
        with monkeypatch.context() as patch:
            patch.setattr(search_index, "_TOKENIZER", "none")
            assert "Stra&#223;e" in search(file, "évora", "pages/new", title)
        assert "Stra&#223;e" in search(file, "STRASSE")
        assert check(file) == []

    def test_postgresql_without_the_right_to_create_the_extension_reads_all_texts(
        self, cluster: str, as_user: Callable[..., Client], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        postgresql.create(cluster, "untrusted")
        with psycopg.connect(cluster.format("untrusted"), autocommit=True) as connection:
            connection.execute("CREATE ROLE plain LOGIN")
            connection.execute("GRANT CREATE ON SCHEMA public TO plain")
        data = cluster.format("untrusted").replace("backpack@", "plain@")
        with Sandbox(seed="demo", data=data, token="t0ken-0123456789") as box:
            found = as_user("t0ken-0123456789", box.url).ws("pages/search", "<term>BAKER</term>")
        assert 'id="40000008">note</send>' in found
        assert "there is no extension pg_trgm: permission denied" in caplog.text
