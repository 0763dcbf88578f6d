"""`Page.create_many`: each page once, whatever fails."""

from __future__ import annotations

from typing import Any

import pytest

from backpack_orm import BackpackError, Connection, Page, ReadOnly, ValidationError, connect
from backpack_orm.sandbox import Sandbox

ROWS: list[Any] = [
    "Porto",
    {"title": "Evora", "tags": ["Travel", "Sea side"], "description": "In *June*"},
    "Porto",
]


def stored(box: Sandbox) -> list[tuple[str, str, list[str]]]:
    """Return the new pages as another program reads them."""
    pages = Page.all(using=Connection(box.url, token=box.token), fresh=True)
    return sorted(
        (page.title, page.description, [tag.name for tag in page.tags])
        for page in pages
        if page.title in ("Porto", "Evora")
    )


CREATED = [("Evora", "In *June*", ["Travel", "Sea side"]), ("Porto", "", []), ("Porto", "", [])]


def test_pages_are_created_in_order(connection: Connection, box: Sandbox) -> None:
    before = box.requests
    pages = Page.create_many(ROWS)
    assert box.requests == before + 1 + 3 + 2
    assert [page.title for page in pages] == ["Porto", "Evora", "Porto"]
    assert stored(box) == CREATED


@pytest.mark.parametrize("after", range(5))
@pytest.mark.parametrize("is_written", [True, False])
def test_a_lost_request_leaves_no_page_out_and_none_twice(
    after: int, is_written: bool, connection: Connection, box: Sandbox
) -> None:
    which: Any = {"verb": "POST", "path": "/ws/page**", "after": after, "times": 1}
    if is_written:
        fault = box.faults.status(502, executed=True, **which)
    else:
        fault = box.faults.status(422, **which)
    is_kept = True
    try:
        pages = Page.create_many(ROWS)
    except BackpackError as error:
        existing = error.created
        pages = error.resume()
        is_kept = list(pages)[: len(existing)] == list(existing)
    assert is_kept
    assert fault.fired == 1
    assert [page.title for page in pages] == ["Porto", "Evora", "Porto"]
    assert len(set(pages)) == 3
    assert stored(box) == CREATED


def test_unsaved_pages_become_the_new_ones(connection: Connection, box: Sandbox) -> None:
    class Trip(Page):
        pass

    evora = Trip(title="Evora", tags=["Travel"], description="In *June*")
    (created,) = Trip.create_many([evora])
    assert type(created) is Trip
    assert created == evora
    assert not evora.is_dirty
    evora.save()
    assert stored(box) == [("Evora", "In *June*", ["Travel"])]
    with pytest.raises(ValidationError, match="row 0, .*it is on the service already"):
        Page.create_many([evora])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (["Porto", ""], ValidationError, "Page.create_many: row 1, '': Page.title cannot be empty"),
        ([{"titel": "x"}], TypeError, "row 0, .*did you mean 'title'"),
        ([{"title": "x", "tags": ['"']}], ValidationError, "row 0, .*contains a quote"),
        ([{"title": "x", "using": None}], TypeError, "row 0, .*leave using= out"),
        ([7], ValidationError, "row 0, 7: a row is a text"),
        ("Porto", ValidationError, "takes a list of rows, not 'Porto'"),
    ],
)
def test_a_bad_row_is_refused_before_any_request(
    rows: Any, error: type[Exception], message: str, connection: Connection, box: Sandbox
) -> None:
    before = box.requests
    with pytest.raises(error, match=message):
        Page.create_many(rows)
    assert box.requests == before


def test_a_read_only_connection_is_not_read(box: Sandbox) -> None:
    connect(box.url, token=box.token, read_only=True)
    before = box.requests
    with pytest.raises(ReadOnly, match="Page.create_many"):
        Page.create_many(["Porto"])
    assert box.requests == before
