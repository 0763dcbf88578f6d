"""What is on all pages comes with a query for each kind, however many pages there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the database is asked."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def add_page(api) -> str:
    """A page with something of each kind that calls can make; returns the id of its tag."""
    (page,) = re.findall(r'<page .*id="(\d+)"', api.ws("pages/new", "<title>Lisbon</title>"))
    api.ws(f"page/{page}/notes/create", "<body>Lisbon</body>")
    api.ws(f"page/{page}/items/add", "<content>Lisbon</content>")
    api.ws(f"page/{page}/tags/tag", "<tags>Lisbon</tags>")
    (tag,) = re.findall(r'<tag .*?id="(\d+)"', api.ws(f"page/{page}"))
    return tag


CALLS = {
    "search": lambda api, _: api.ws("pages/search", "<term>Lisbon</term>"),
    "tag": lambda api, tag: api.ws(f"tags/select/{tag}"),
    "older export": lambda api, _: api.ws("account/export"),
    "export": lambda api, _: api.rest("GET", "/users/40000001/export.xml").text,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_many_pages_cost_as_many_statements_as_one(call, api, statements) -> None:
    costs = []
    for there_are in range(1, 4):
        tag = add_page(api)
        statements.clear()
        assert call(api, tag).count("<page ") == there_are
        costs.append(len(statements))
    assert costs == costs[:1] * 3
