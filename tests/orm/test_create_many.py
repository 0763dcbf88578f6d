"""Creating many records: all rows are checked first, and each becomes one record."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    BackpackError,
    Calendar,
    Connection,
    Forbidden,
    Item,
    List,
    NotSaved,
    OutcomeUnknown,
    Page,
    ReadOnly,
    ServerError,
    User,
    ValidationError,
)
from backpack_orm.orm.copying.children import Children
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def connection(box: Sandbox) -> Connection:
    """The current connection, which sends nothing twice, so that a lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None)


@pytest.fixture
def steps(connection: Connection) -> List:
    return Page.get(title="Lisbon").lists.create(name="Steps")


def contents(steps: List) -> list[tuple[str, bool]]:
    return [(item.content, item.completed) for item in Item.all(list=steps, fresh=True)]


# --- rows -------------------------------------------------------------------------------------


def test_rows_are_texts_or_dictionaries_and_are_created_in_order(steps: List) -> None:
    rows = ["one", {"content": "two"}, {"content": "three", "completed": True}]
    created = steps.items.create_many(rows)  # type: ignore[arg-type]
    assert [item.content for item in created] == ["one", "two", "three"]
    assert contents(steps) == [("one", False), ("two", False), ("three", True)]
    assert list(steps.items) == list(created)


@pytest.mark.parametrize("n", [20, 200])
def test_one_request_reads_the_collection_and_each_row_makes_one(
    n: int, steps: List, box: Sandbox
) -> None:
    before = box.requests
    created = steps.items.create_many(f"item {number}" for number in range(n))
    assert box.requests - before == 1 + n
    assert [item.content for item in created] == [f"item {number}" for number in range(n)]


def test_a_collection_that_is_not_loaded_takes_no_more_requests(
    connection: Connection, box: Sandbox
) -> None:
    page = Page.all()[0]
    before = box.requests
    page.notes.create_many([{"title": "one", "body": " 1\n"}, "two"])
    assert box.requests - before == 3
    assert [(note.title, note.body) for note in page.notes[-2:]] == [("one", " 1\n"), ("two", "")]


def test_no_rows_make_no_request(steps: List, box: Sandbox) -> None:
    before = box.requests
    assert list(steps.items.create_many([])) == []
    assert list(Page.all()[0].notes.create_many([], adopt=True)) == []
    assert box.requests == before + 0


def test_records_have_the_class_of_the_collection(connection: Connection) -> None:
    class Step(Item):
        pass

    class Steps(List):
        items = backpack_orm.HasItems(Step)

    (found,) = Steps.where(name="Packing", page=Page.get(title="Lisbon"))
    assert [type(step) for step in found.items.create_many(["one", "two"])] == [Step, Step]


MANY: dict[str, Callable[[], tuple[Children[Any], list[Any]]]] = {
    "items": lambda: (Page.all()[0].lists[0].items, ["x", "x"]),
    "items of a page": lambda: (Page.all()[0].items, ["x", "x"]),
    "items of a page without lists": lambda: (Page.create(title="x").items, ["x", "x"]),
    "notes": lambda: (Page.all()[0].notes, ["x", "x"]),
    "lists": lambda: (Page.all()[0].lists, ["x", "x"]),
    "separators": lambda: (Page.all()[0].separators, ["x", "x"]),
    "events": lambda: (Calendar.all()[0].events, ["9/27 x", "9/27 x"]),
    "journal": lambda: (User.me().journal, ["x", "x"]),
}


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("is_dropped", [True, False], ids=["dropped", "502"])
def test_a_record_whose_response_was_lost_is_not_created_twice(
    kind: str, after: int, is_dropped: bool, connection: Connection, box: Sandbox
) -> None:
    children, rows = MANY[kind]()
    before = {record.id for record in children._present(fresh=True)}
    calls = {"notes": "**/create", "items": "**/add", "lists": "**/add"}
    path = calls.get(kind.split()[0], "**.xml")
    which: Any = {"verb": "POST", "path": path, "after": after, "times": 1}
    if is_dropped:
        fault = box.faults.drop_after_write(**which)
    else:
        fault = box.faults.status(502, executed=True, **which)
    created = children.create_many(rows)
    assert fault.fired == 1
    new = {record.id for record in children._present(fresh=True)} - before
    assert [record.id for record in created] == sorted(new)
    assert len(new) == 2


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ({"content": " "}, ValidationError, r"row 2, .*' '.*Item.content cannot be empty"),
        ("", ValidationError, r"row 2, '': Item.content cannot be empty"),
        ("\x07", ValidationError, r"row 2, .*Item.content cannot be '\\x07'"),
        ({"content": "x", "completed": "no"}, ValidationError, r"row 2, .*Item.completed cannot"),
        ({"content": 5}, ValidationError, r"row 2, .*5.*Item.content"),
        ({"contant": "x"}, TypeError, r"row 2, .*did you mean 'content'"),
        ({"content": "x", "list": 5}, TypeError, r"row 2, .*leave list= out"),
        ({"content": "x", "id": 5}, ReadOnly, r"row 2, .*Item.id is read-only"),
        (None, ValidationError, r"row 2, None: a row is a text \(content\) or a dictionary"),
        (["x"], ValidationError, r"row 2, \['x'\]: a row is a text"),
    ],
)
def test_one_bad_row_is_named_and_nothing_is_sent(
    row: Any, error: type[Exception], message: str, steps: List, box: Sandbox
) -> None:
    before = box.requests
    with pytest.raises(error, match=f"items.create_many: {message}.*nothing was sent"):
        steps.items.create_many(["one", "two", row, "four"])
    assert box.requests == before


def test_the_number_of_other_bad_rows_is_given(steps: List) -> None:
    with pytest.raises(ValidationError, match=r"row 1, '': .*; 2 more rows are not valid"):
        steps.items.create_many(["one", "", "three", "", ""])


@pytest.mark.parametrize("rows", ["Milk", {"content": "Milk"}, 5, None, b"Milk"])
def test_what_is_no_list_of_rows_is_refused(rows: Any, steps: List) -> None:
    with pytest.raises(ValidationError, match=r"items.create_many takes a list of rows"):
        steps.items.create_many(rows)


def test_a_read_only_connection_sends_nothing(box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token, read_only=True)
    notes = Page.get(title="Lisbon", using=connection).notes
    before = box.requests
    with pytest.raises(ReadOnly, match="create_many"):
        notes.create_many(["x"])
    assert box.requests == before


def test_a_new_owner_is_refused(connection: Connection) -> None:
    with pytest.raises(NotSaved):
        Page(title="new").notes.create_many(["x"])


def test_a_destroyed_owner_is_refused(steps: List) -> None:
    steps.destroy()
    with pytest.raises(backpack_orm.Destroyed):
        steps.items.create_many(["x"])


# --- stopping and continuing ------------------------------------------------------------------


def test_an_error_tells_what_was_created_and_continues(steps: List, box: Sandbox) -> None:
    box.faults.status(403, path="**/items/add", after=3, times=1)
    with pytest.raises(Forbidden, match=r"3 of 5 rows created: resume\(\)") as caught:
        steps.items.create_many([*"abcde"])
    assert [item.content for item in caught.value.created] == ["a", "b", "c"]
    assert len(contents(steps)) == 3
    before = box.requests
    created = caught.value.resume()
    assert box.requests - before == 4, "one more to look for the refused one"
    assert [item.content for item in created] == [*"abcde"]
    assert contents(steps) == [(letter, False) for letter in "abcde"]
    assert list(caught.value.resume()) == list(created), "nothing is left to do"


def test_continuing_can_fail_and_be_continued(steps: List, box: Sandbox) -> None:
    box.faults.status(500, path="**/items/add", after=1)
    with pytest.raises(ServerError) as first:
        steps.items.create_many([*"abc"])
    with pytest.raises(ServerError) as second:
        first.value.resume()
    assert [item.content for item in second.value.created] == ["a"]
    box.faults.clear()
    assert len(second.value.resume()) == 3
    assert [content for content, _ in contents(steps)] == [*"abc"]


@pytest.mark.parametrize("is_created", [True, False])
def test_continuing_adopts_what_a_lost_response_has_created(
    is_created: bool, steps: List, box: Sandbox
) -> None:
    steps.items.create(content="Milk")
    loss = box.faults.drop_after_write if is_created else box.faults.drop_before_write
    loss(path="**/items/add", after=1, times=1)
    box.faults.status(500, path="**/items/list", after=1, times=1)
    with pytest.raises(BackpackError) as caught:
        steps.items.create_many(["Milk", "Milk", "Milk"])
    assert len(caught.value.created) == 1
    assert len(caught.value.resume()) == 3
    assert contents(steps) == 4 * [("Milk", False)]


def test_two_candidates_stop_until_one_is_destroyed(steps: List, box: Sandbox) -> None:
    def add(*_: object) -> None:
        steps.items.create(content="b")

    box.faults.drop_before_write(path="**/items/add", after=1, times=1)
    with pytest.raises(OutcomeUnknown) as caught:
        steps.items.create_many([*"ab"])
    add()
    add()
    with pytest.raises(OutcomeUnknown, match="2 new records look like it") as second:
        caught.value.resume()
    steps.items.reload()[-1].destroy()
    second.value.resume()
    assert contents(steps) == [("a", False), ("b", False)]


def test_ctrl_c_finishes_the_request_under_way_and_can_be_continued(steps: List) -> None:
    pressed: list[int] = []

    def press(what: str, done: int, total: int) -> None:
        if done == 2 and not pressed:
            pressed.append(done)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        steps.items.create_many([f"{number}" for number in range(50)], progress=press)
    created = caught.value.created  # type: ignore[attr-defined]
    assert 2 <= len(created) < 50
    assert [(item.content, item.completed) for item in created] == contents(steps)
    assert "resume() of this error" in "".join(caught.value.__notes__)
    caught.value.resume()  # type: ignore[attr-defined]
    assert [content for content, _ in contents(steps)] == [f"{number}" for number in range(50)]


def test_progress_is_reported_for_each_row(steps: List) -> None:
    seen: list[object] = []
    steps.items.create_many([*"abc"], progress=lambda *step: seen.append(step))
    assert seen == [("creating records", done, 3) for done in (1, 2, 3)]


def test_a_pickled_error_can_be_continued(steps: List, box: Sandbox) -> None:
    box.faults.status(403, path="**/items/add", after=1, times=1)
    with pytest.raises(Forbidden) as caught:
        steps.items.create_many([*"abc"])
    pickled = pickle.dumps(caught.value)
    assert box.token.encode() not in pickled
    assert len(pickle.loads(pickled).resume()) == 3
    assert [content for content, _ in contents(steps)] == [*"abc"]


def test_an_error_of_something_else_cannot_be_continued(connection: Connection) -> None:
    with pytest.raises(BackpackError) as caught:
        Page.find(7)
    assert caught.value.created == ()
    with pytest.raises(TypeError, match="NotFound has stopped nothing"):
        caught.value.resume()


# --- after the process was killed -------------------------------------------------------------


def test_adopting_continues_after_the_process_was_killed(steps: List, box: Sandbox) -> None:
    rows = ["Milk", "Bread", "Milk", "Milk"]
    steps.items.create_many(rows[:3])  # and here the process is killed
    before = box.requests
    created = steps.items.create_many(rows, adopt=True)
    assert box.requests - before == 2
    assert [item.content for item in created] == rows
    assert [content for content, _ in contents(steps)] == rows


def test_without_adopting_equal_records_are_created_again(steps: List) -> None:
    steps.items.create_many(["Milk"])
    steps.items.create_many(["Milk"])
    assert len(contents(steps)) == 2


def test_what_was_adopted_before_an_error_is_not_adopted_again_after_it(
    connection: Connection, box: Sandbox
) -> None:
    notes = Page.find(Page.create(title="x").id).notes
    first, _ = notes.create_many(["same", "same"])
    box.faults.status(500, path="**/notes/create", times=1)
    with pytest.raises(ServerError) as caught:
        notes.create_many(["same", "new"], adopt=True)
    records = caught.value.resume()
    assert [note.title for note in records] == ["same", "new"]
    assert records[0] == first
