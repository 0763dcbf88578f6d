"""All contenders create the same objects from the same content, so the comparison is fair."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from backpack_orm import Connection, Note, Page
from tests.benchmarks import bounds, ours, peers, responses
from tests.benchmarks.loading import COUNT, check
from tests.benchmarks.serving import LARGE, NESTED, PAGES, TOKEN, serving


@pytest.fixture
def connection() -> Connection:
    return Connection("acme", token="0123456789abcdef")


def facts(theirs: Any, names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(one, name) for name in names.split()) for one in theirs]


NOTE, ITEM, BELONGING = (
    "id title body created_at",
    "id content completed updated_at",
    "id position type widget_id",
)


def test_all_contenders_load_the_same_notes(connection: Connection) -> None:
    content = responses.notes(20)
    mine = ours.load_notes(content, Page._stub(7, connection))
    assert facts(mine, NOTE) == facts(responses.records(20), NOTE)
    assert facts(bounds.load_notes(content), NOTE) == facts(mine, NOTE)
    assert "third floor – the key" in mine[0].body


def test_all_contenders_load_the_same_page(connection: Connection) -> None:
    content = responses.page(notes=3, lists=2, items=4, tags=5)
    mine, theirs = ours.load_page(content, connection), bounds.load_page(content)
    assert ours.touch(mine) == 3 + 2 + 2 * 4 + 5 + 5
    assert facts([mine], "id title email_address") == facts([theirs], "id title email_address")
    assert facts(mine.notes, NOTE) == facts(theirs.notes, NOTE)
    assert facts(mine.tags, "id name") == facts(theirs.tags, "id name")
    assert facts(mine.lists, "id name") == facts(theirs.lists, "id name")
    assert facts(mine.belongings, BELONGING) == facts(theirs.belongings, BELONGING)
    for my_list, their_list in zip(mine.lists, theirs.lists, strict=True):
        assert facts(my_list.items, ITEM) == facts(their_list.items, ITEM)


@pytest.mark.parametrize("make", [peers.by_minidom, peers.sqlalchemy])
def test_installed_peers_load_the_same_notes(make: Callable[[int], peers.Peer]) -> None:
    peer = make(20)
    assert facts(peer.load(), NOTE) == facts(responses.records(20), NOTE)
    peer.close()


def test_a_peer_with_another_result_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="slow has loaded other content"):
        check(peers.Peer("slow", lambda: bounds.load_notes(responses.notes(COUNT - 1))))


def test_the_cache_bound_returns_the_cached_response() -> None:
    response = object()
    assert bounds.cached(response)() is response


@pytest.mark.network
def test_the_server_responds_like_the_service() -> None:
    with serving() as url, Connection(url, token=TOKEN, limits=None) as connection:
        page = Page.find(NESTED, using=connection)
        assert (len(page.notes), len(page.lists), len(page.tags)) == (50, 10, 10)
        assert len(Note.all(page=page)) == 50
        assert page.notes[0].page_id == NESTED
        page.email_copy()
        assert len(Page.find(LARGE, using=connection).notes) == 1_530
        assert len(Page.all(using=connection)) == PAGES


def test_each_round_begins_with_another_contender() -> None:
    from tests.benchmarks.measuring import take_turns

    turns: list[str] = []

    def turn(name: str) -> float:
        turns.append(name)
        return 1.0

    take_turns("", "", {name: partial(turn, name) for name in "abc"}, samples=3)
    assert "".join(turns) == "abcbcacab"
    assert {"ab", "bc", "ca"} <= {"".join(pair) for pair in pairwise(turns)}
