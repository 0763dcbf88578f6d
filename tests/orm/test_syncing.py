"""Making a collection like a target state."""

from __future__ import annotations

from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    BackpackError,
    Connection,
    Forbidden,
    Item,
    List,
    MultipleFound,
    Page,
    ReadOnly,
    ValidationError,
)
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def connection(box: Sandbox) -> Connection:
    """The current connection, which sends nothing twice, so that a lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None)


@pytest.fixture
def weekly(connection: Connection) -> List:
    weekly = Page.get(title="Lisbon").lists.create(name="Weekly")
    weekly.items.create_many(["Milk", "Bread", {"content": "Eggs", "completed": True}, "Tea"])
    return weekly


def contents(weekly: List) -> dict[str, bool]:
    return {item.content: item.completed for item in Item.all(list=weekly, fresh=True)}


TARGET = {"Milk": True, "Bread": False, "Eggs": False, "Rice": False, "Figs": True}


def test_a_dictionary_is_synced(weekly: List, box: Sandbox) -> None:
    before = box.requests
    done = weekly.items.sync(TARGET)
    assert box.requests - before == done.requests == 1 + 2 + 2 * 2
    assert contents(weekly) == {**TARGET, "Tea": False}
    assert [item.content for item in done.created] == ["Rice", "Figs"]
    assert [item.content for item in done.extra] == ["Tea"]
    assert {item.content: item.completed for item in weekly.items} == {**TARGET, "Tea": False}


def test_others_are_destroyed_only_if_asked(weekly: List, box: Sandbox) -> None:
    before = box.requests
    done = weekly.items.sync(TARGET, destroy=True)
    assert box.requests - before == 1 + 2 + 2 * 2 + 1 + 1
    assert contents(weekly) == TARGET
    assert [item.content for item in done.to_destroy] == ["Tea"]


def test_a_plan_comes_first_and_writes_nothing(weekly: List, box: Sandbox) -> None:
    old, before = contents(weekly), box.requests
    plan = weekly.items.sync(TARGET, destroy=True, dry_run=True)
    assert box.requests - before == 1
    assert contents(weekly) == old
    assert repr(plan) == (
        "SyncPlan: 2 to create, 2 to update, 1 to destroy, 1 unchanged (dry run, 1 request)\n"
        "  ~ 'Milk': completed False -> True\n"
        "  ~ 'Eggs': completed True -> False\n"
        "  + 'Rice' (completed=False)\n"
        "  + 'Figs' (completed=True)\n"
        "  - 'Tea'"
    )
    done = weekly.items.sync(TARGET, destroy=True)
    head = repr(done).partition("\n")[0]
    assert head == "SyncPlan: 2 created, 2 updated, 1 destroyed, 1 unchanged (9 requests)"


@pytest.mark.parametrize("n", [4, 40])
def test_each_portion_that_is_destroyed_is_read_before(n: int, weekly: List, box: Sandbox) -> None:
    weekly.items.create_many([f"old {number}" for number in range(n)])
    target = {f"old {number}": True for number in range(n // 2)}
    target |= {f"new {number}": False for number in range(n // 2)}
    created, updated, destroyed = n // 2, n // 2, n // 2 + 4
    before = box.requests
    weekly.items.sync(target, destroy=True)
    requests = 1 + created + 2 * updated + destroyed + -(-destroyed // 8)
    assert box.requests - before == requests
    assert contents(weekly) == target
    before = box.requests
    assert weekly.items.sync(target, destroy=True).is_empty
    assert box.requests - before == 1


def test_texts_leave_the_completion_as_it_is(weekly: List) -> None:
    plan = weekly.items.sync(["Eggs", "Milk", "Rice"], dry_run=True)
    assert [*plan.to_create.values()] == [{"content": "Rice"}]
    assert not plan.to_update


def test_dictionaries_compare_what_they_name(weekly: List) -> None:
    weekly.items.sync([{"content": "Milk", "completed": True}, {"content": "Eggs"}])
    assert contents(weekly) == {"Milk": True, "Bread": False, "Eggs": True, "Tea": False}


def test_rows_with_ids_change_texts(weekly: List, box: Sandbox) -> None:
    milk, bread = weekly.items["Milk"], weekly.items["Bread"]
    rows: list[Any] = [
        {"id": milk.id, "content": "Oat milk"},
        {"id": bread.id, "content": "Rye bread", "completed": True},
        {"content": "Rice"},
        "Figs",
    ]
    before = box.requests
    weekly.items.sync(rows, key="id", destroy=True)
    assert box.requests - before == 1 + 2 + 2 + 1 + 2
    assert contents(weekly) == {
        "Oat milk": False,
        "Rye bread": True,
        "Rice": False,
        "Figs": False,
    }


def test_notes_and_lists_are_synced(connection: Connection) -> None:
    page = Page.create(title="x")
    page.notes.sync({"one": "1", "two": "2\n"})
    page.notes.sync({"one": "1", "two": "22\n"})
    assert {note.title: note.body for note in page.notes} == {"one": "1", "two": "22\n"}
    page.lists.sync(["a", "b"])
    page.lists.sync(["b", "c"], destroy=True)
    assert sorted(each.name for each in page.lists) == ["b", "c"]
    with pytest.raises(ValidationError, match="lists.sync takes a list here"):
        page.lists.sync({"a": True})


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("path", ["**/items/add", "**/items/update/*", "**/items/destroy/*"])
@pytest.mark.parametrize("again", [True, False])
def test_a_lost_response_neither_doubles_nor_loses(
    executed: bool, path: str, again: bool, weekly: List, box: Sandbox
) -> None:
    drop = box.faults.drop_after_write if executed else box.faults.drop_before_write
    fault = drop(path=path, times=1)
    try:
        weekly.items.sync(TARGET, destroy=True)
    except BackpackError as error:
        if again:
            weekly.items.sync(TARGET, destroy=True)
        else:
            error.resume()
    assert fault.fired == 1
    assert contents(weekly) == TARGET
    assert len(Item.all(list=weekly, fresh=True)) == 5


def test_an_error_tells_what_was_done(weekly: List, box: Sandbox) -> None:
    box.faults.status(403, path="**/items/destroy/*", times=1)
    with pytest.raises(Forbidden, match=r"done: 2 created, 2 updated: resume") as caught:
        weekly.items.sync(TARGET, destroy=True)
    assert [item.content for item in caught.value.created] == ["Rice", "Figs"]
    done = caught.value.resume()
    assert contents(weekly) == TARGET
    assert len(done.created) == 2


def test_resuming_creates_no_row_without_an_id_twice(weekly: List, box: Sandbox) -> None:
    box.faults.status(403, path="**/items/add", after=1, times=1)
    with pytest.raises(Forbidden) as caught:
        weekly.items.sync(["same", "same 2"], key="id")
    caught.value.resume()
    assert [content for content in contents(weekly) if content.startswith("same")] == [
        "same",
        "same 2",
    ]
    assert len(Item.all(list=weekly, fresh=True)) == 6


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (["Milk", "Bread", "Milk"], {}, "several rows have the content 'Milk'"),
        ([{"id": 5, "content": "a"}, {"id": 5, "content": "b"}], {"key": "id"}, "the id 5"),
        ([{"content": "a"}], {"key": "contend"}, "no field 'contend'; did you mean 'content'"),
        (["Milk", ""], {}, "row 1, ''"),
        ({"Milk": "yes"}, {}, "Item.completed cannot be 'yes'"),
        ({"": True}, {}, "Item.content cannot be empty"),
        ("Milk", {}, "takes a list of rows, not 'Milk'"),
        ("Milk", {"key": "id"}, "takes a list of rows, not 'Milk'"),
        (None, {}, "takes a list of rows, not None"),
    ],
)
def test_a_bad_target_is_refused_before_any_request(
    target: Any, options: Any, message: str, weekly: List, box: Sandbox
) -> None:
    before = box.requests
    for dry_run in (True, False):
        with pytest.raises(ValidationError, match=message):
            weekly.items.sync(target, dry_run=dry_run, **options)
    assert box.requests == before


def test_several_records_with_the_key_of_a_row_are_refused(weekly: List) -> None:
    weekly.items.create(content="Milk")
    with pytest.raises(MultipleFound, match="2 records have the content 'Milk'"):
        weekly.items.sync({"Rice": True, "Milk": True})
    assert "Rice" not in contents(weekly)
    weekly.items.sync({"Tea": True})
    weekly.items.sync({"Tea": True}, destroy=True)
    assert contents(weekly) == {"Tea": True}


def test_an_unknown_id_is_refused(weekly: List) -> None:
    with pytest.raises(ValidationError, match="there is no record with id 7"):
        weekly.items.sync([{"id": 7, "content": "x"}, "Rice"], key="id")
    assert len(contents(weekly)) == 4


def test_unsaved_changes_are_refused(weekly: List) -> None:
    weekly.items[0].completed = True
    with pytest.raises(ValidationError, match="changes that are not saved"):
        weekly.items.sync({"Milk": False, "Rice": True})
    assert "Rice" not in contents(weekly)


def test_a_read_only_connection_makes_plans_only(weekly: List, box: Sandbox) -> None:
    reader = Connection(box.url, token=box.token, read_only=True)
    items = Page.get(title="Lisbon", using=reader).lists["Weekly"].items
    assert len(items.sync(TARGET, dry_run=True).to_create) == 2
    before = box.requests
    with pytest.raises(ReadOnly, match=r"items.sync"):
        items.sync(TARGET)
    assert box.requests == before
