"""Ours and its bounds make the same of the same bytes, so that comparing their times is fair."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from backpack_orm import Connection, Page
from tests.benchmarks import answers, bounds, ours
from tests.benchmarks.measuring import compare, summarize, table


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


def test_a_list_of_notes_is_the_same(connection: Connection) -> None:
    content = answers.notes(20)
    mine = ours.load_notes(content, Page._stub(7, connection))
    theirs = bounds.load_notes(content)
    assert len(mine) == 20
    assert facts(mine, NOTE) == facts(theirs, NOTE)
    assert "third floor – the key" in mine[0].body


def test_a_page_is_the_same(connection: Connection) -> None:
    content = answers.page(notes=3, lists=2, items=4, tags=5)
    mine, theirs = ours.load_page(content, connection), bounds.load_page(content)
    assert ours.touch(mine) == 3 + 2 + 2 * 4 + 5 + 5
    assert facts([mine], "id title email_address") == facts([theirs], "id title email_address")
    assert facts(mine.notes, NOTE) == facts(theirs.notes, NOTE)
    assert facts(mine.tags, "id name") == facts(theirs.tags, "id name")
    assert facts(mine.lists, "id name") == facts(theirs.lists, "id name")
    assert facts(mine.belongings, BELONGING) == facts(theirs.belongings, BELONGING)
    for my_list, their_list in zip(mine.lists, theirs.lists, strict=True):
        assert facts(my_list.items, ITEM) == facts(their_list.items, ITEM)


def test_what_is_kept_is_given_back() -> None:
    answer = object()
    assert bounds.kept(answer)() is answer


def test_contenders_take_turns() -> None:
    turns: list[str] = []

    def bound() -> None:
        turns.append("b")
        sum(range(1_000_000))

    result = compare("x", 1.0, bound, lambda: turns.append("o"), samples=3)
    assert result.bound > result.ours
    assert {"bo", "ob"} <= {"".join(pair) for pair in pairwise(turns)}


def test_a_missed_goal_and_a_noisy_machine_are_told() -> None:
    quiet = summarize("quiet", 1.0, [(1.0, 1.5)] * 3)
    noisy = summarize("noisy", 1.0, [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)])
    head, first, second, warning = table([quiet, noisy])
    assert "ratio" in head
    assert "1.50" in first
    assert "missed" in first
    assert "missed" not in second
    assert warning.endswith("measure again: noisy.")
