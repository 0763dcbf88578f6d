"""The work of SQLite for a call follows its answer, not the size of the account."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert, select

from backpack_orm.sandbox import Sandbox
from backpack_orm.sandbox.models import Bookmark, Page
from tests.sandbox.conftest import NOW, Client

SMALL, LARGE = 100, 1000
FEW = 10
"""Number of pages with the tag, and of bookmarks."""


def export_of(count: int) -> str:
    pages = "".join(
        f"<page id='{1000 + i}' title='Page {i}'><tags><tag id='{100 + i // FEW}' name='T'/></tags>"
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


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[int]]]:
    """Return a function that returns the steps of a call in a small and in a large account."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    def watch(connection: sqlite3.Connection, record: object) -> None:
        connection.set_progress_handler(count, 1)  # for each instruction

    def served(folder: Path, pages: int) -> Sandbox:
        export = folder / f"{pages}.xml"
        export.write_text(export_of(pages))
        box = Sandbox(seed=str(export), clock=lambda: NOW)
        add_bookmarks(box)
        box.start()
        return box

    event.listen(Engine, "connect", watch)
    folder = tmp_path_factory.mktemp("growth")
    boxes = [served(folder, pages) for pages in (SMALL, LARGE)]
    clients = [Client(box.url, box.token) for box in boxes]

    def steps_of(verb: str, path: str, body: str = "") -> list[int]:
        found = []
        for client in clients:
            client.rest(verb, path, body)  # connects, and compiles the statements
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
    ],
)
def test_an_answer_of_the_same_size_takes_the_same_work(work, verb, path) -> None:
    small, large = work(verb, path)
    assert 0 < large <= 1.2 * small + 2


@pytest.mark.network
def test_a_search_does_not_read_the_texts_that_it_does_not_find(work) -> None:
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
def test_an_answer_that_is_ten_times_as_large_takes_ten_times_the_work(work, verb, path) -> None:
    small, large = work(verb, path)
    assert large <= 1.5 * (LARGE / SMALL) * small
