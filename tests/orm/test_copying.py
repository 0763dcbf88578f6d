"""Copying records: each once, byte for byte, with what could not be taken along."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    BackpackError,
    Connection,
    CopyResult,
    Destroyed,
    Forbidden,
    HasItems,
    HasMany,
    Item,
    List,
    Note,
    NotFound,
    NotSaved,
    OutcomeUnknown,
    Page,
    ReadOnly,
    ValidationError,
)
from backpack_orm.archive import Archive
from backpack_orm.sandbox import Sandbox

TEXT = '  *Rua* da "Rosa":http://x.example/?a=1&b=2\n\n\t<b>7</b>  &rarr; ends with a newline\n'


@pytest.fixture
def connection(box: Sandbox) -> Connection:
    """The current connection, which sends nothing twice, so that a lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None)


@pytest.fixture
def source(connection: Connection) -> Page:
    """A page with a note, a list and a separator."""
    page = Page.create(title="Source")
    page.notes.create(title=" Hotel ", body=TEXT)
    weekly = page.lists.create(name="Weekly")
    for content, completed in [("Milk", False), ("Milk", False), (TEXT, False), ("Eggs", True)]:
        weekly.items.create(content=content, completed=completed)
    weekly.items.create(content="Bread", completed=True)
    return Page.find(page.id)


@pytest.fixture
def target(connection: Connection) -> Page:
    page = Page.create(title="Target")
    page.lists.create(name="Monthly").items.create(content="Milk")
    page.notes.create(title=" Hotel ", body=TEXT)
    return Page.find(page.id)


def items_of(each: List) -> list[tuple[str, bool]]:
    return [(item.content, item.completed) for item in each.items]


def now(page: Page) -> Page:
    """Return the page as the service has it."""
    return Page.find(page.id, fresh=True)


COPIES: dict[str, Callable[[Page, Page], CopyResult[Any]]] = {
    "item": lambda source, target: source.lists[0].items[0].copy_to(target.lists[0]),
    "note": lambda source, target: source.notes[0].copy_to(target),
    "list": lambda source, target: source.lists[0].copy_to(target),
}
LOOKUPS = {
    ("item", 0): ("**/items/list", 1),  # the first one reads the original
    ("note", 0): ("ws/page/*", 0),
    ("list", 0): ("ws/page/*", 1),
    ("list", 3): ("**/items/list", 0),
}
"""The request that looks for a copy whose response was lost, and how many equal ones are before."""
SIZES = {"item": 1, "note": 1, "list": 6}
PATHS = {"item": "**/items/add", "note": "**/notes/create", "list": "**/*/add"}


def everything_on(page: Page) -> list[Any]:
    page = now(page)
    return [
        *sorted((note.title, note.body) for note in page.notes),
        *sorted((each.name, items_of(each)) for each in page.lists),
    ]


# --- copies -----------------------------------------------------------------------------------


def test_a_note_is_copied_byte_for_byte(source: Page, target: Page) -> None:
    result = source.notes[0].copy_to(target)
    assert (result.record.title, result.record.body) == (" Hotel ", TEXT)
    assert result.record == now(target).notes[-1]
    assert now(target).notes[-1].body == TEXT
    assert result.record in target.notes
    assert len(now(source).notes) == 1


@pytest.mark.parametrize("index", range(5))
def test_an_item_is_copied_with_its_completion(index: int, source: Page, target: Page) -> None:
    item = source.lists[0].items[index]
    copy = item.copy_to(target.lists[0]).record
    found = now(target).lists[0].items.find(copy.id)
    assert (found.content, found.completed) == (item.content, item.completed)


def test_a_list_is_copied_with_its_items_in_order(source: Page, target: Page) -> None:
    result = source.lists[0].copy_to(target)
    copy = now(target).lists["Weekly"]
    assert result.record == copy
    assert items_of(copy) == items_of(now(source).lists[0])
    assert [len(ids) for ids in result.ids.values()] == [1, 5]
    assert result.ids["item"] == dict(
        zip([each.id for each in source.lists[0].items], [i.id for i in copy.items], strict=True)
    )
    assert repr(result) == "CopyResult(1 list, 5 items, 8 requests)"


@pytest.mark.parametrize("kind", COPIES)
def test_the_result_says_what_could_not_be_taken_along(
    kind: str, source: Page, target: Page
) -> None:
    result = COPIES[kind](source, target)
    assert {"ids", "times"} <= result.impossible.keys()
    assert ("show_created_at" in result.impossible) == (kind == "note")
    assert result.destroyed == ()


@pytest.mark.parametrize("n", [2, 20])
def test_a_list_of_n_items_takes_n_requests_and_three(
    n: int, target: Page, box: Sandbox, connection: Connection
) -> None:
    made = Page.create(title="x").lists.create(name="y")
    made.items.create_many([f"{number}" for number in range(n)])
    before = box.requests
    result = made.copy_to(target)
    assert box.requests - before == result.requests == n + 3


def test_what_the_service_has_is_copied_and_not_what_was_loaded(source: Page, target: Page) -> None:
    theirs = now(source).notes[0]
    theirs.body = "theirs"
    theirs.save()
    assert source.notes[0].copy_to(target).record.body == "theirs"


def test_copies_have_the_classes_of_the_target(source: Page, target: Page) -> None:
    class Chore(Item):
        pass

    class Chores(List):
        items = HasItems(Chore)

    class Plan(Note):
        pass

    class Project(Page):
        lists = HasMany(Chores)
        notes = HasMany(Plan)

    project = Project.find(target.id)
    assert type(source.notes[0].copy_to(project).record) is Plan
    assert type(source.lists[0].items[0].copy_to(project.lists[0]).record) is Chore
    copy = source.lists[0].copy_to(project).record
    assert (type(copy), {type(item) for item in copy.items}) == (Chores, {Chore})


def test_copying_within_a_place_makes_a_second_record(source: Page) -> None:
    source.notes[0].copy_to(source)
    source.lists[0].items[0].copy_to(source.lists[0])
    source.lists[0].copy_to(source)
    after = now(source)
    assert [note.body for note in after.notes] == [TEXT, TEXT]
    assert items_of(after.lists[0]) == items_of(after.lists[1])
    assert [item.content for item in after.lists[0].items][:4] == ["Milk", "Milk", TEXT, "Milk"]


def test_records_of_another_account_are_copied(source: Page) -> None:
    with Sandbox(seed="empty") as other:
        elsewhere = Connection(other.url, token=other.token)
        page = Page.create(title="There", using=elsewhere)
        source.lists[0].copy_to(page)
        source.notes[0].copy_to(page)
        copy = Page.find(page.id, using=elsewhere, fresh=True)
        assert items_of(copy.lists[0]) == items_of(source.lists[0])
        assert copy.notes[0].body == TEXT


def test_records_of_an_archive_are_copied_into_the_account(
    source: Page, target: Page, connection: Connection, tmp_path: Any
) -> None:
    archive = Archive(tmp_path / "backup")
    archive.sync(connection)
    old = archive.pages["Source"]
    source.destroy()
    old.notes[0].copy_to(target)
    old.lists[0].copy_to(target)
    after = now(target)
    assert [note.body for note in after.notes] == [TEXT, TEXT]
    assert items_of(after.lists["Weekly"])[2:4] == [(TEXT, False), ("Eggs", True)]


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_copy_whose_response_was_lost_is_not_made_twice(
    kind: str, after: int, source: Page, target: Page, box: Sandbox
) -> None:
    if after >= SIZES[kind]:
        return
    COPIES[kind](source, target)
    once = everything_on(target)
    page = Page.create(title="Again")
    page.lists.create(name="Monthly").items.create(content="Milk")
    page.notes.create(title=" Hotel ", body=TEXT)
    fault = box.faults.drop_after_write(path=PATHS[kind], after=after, times=1)
    COPIES[kind](source, now(page))
    assert fault.fired == 1
    assert everything_on(page) == once


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("is_created", [True, False])
@pytest.mark.parametrize("after", [0, 3])
def test_resuming_completes_and_makes_nothing_twice(
    kind: str, is_created: bool, after: int, source: Page, target: Page, box: Sandbox
) -> None:
    if after >= SIZES[kind]:
        return
    loss = box.faults.drop_after_write if is_created else box.faults.drop_before_write
    loss(path=PATHS[kind], after=after, times=1)
    path, lookups = LOOKUPS[kind, after]
    box.faults.status(500, path=path, after=lookups, times=1)
    with pytest.raises(BackpackError, match=f"{after} copies exist in .* and all orig") as caught:
        COPIES[kind](source, target)
    assert len(caught.value.created) == after
    box.faults.clear()
    result = caught.value.resume()
    assert len(caught.value.created) == after
    once = everything_on(target)
    assert sum(len(ids) for ids in result.ids.values()) == SIZES[kind]
    assert len(now(target).notes) == 1 + (kind == "note")
    assert len(now(target).lists) == 1 + (kind == "list")
    assert everything_on(target) == once


def test_ctrl_c_says_what_exists_and_can_be_continued(source: Page, target: Page) -> None:
    pressed: list[int] = []

    def press(what: str, done: int, total: int) -> None:
        if done == 3 and not pressed:
            pressed.append(done)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        source.lists[0].copy_to(target, progress=press)
    assert "copies exist in List" not in str(caught.value.__notes__)
    assert "copies exist in Page" in str(caught.value.__notes__)
    caught.value.resume()  # type: ignore[attr-defined]
    assert items_of(now(target).lists["Weekly"]) == items_of(source.lists[0])


@pytest.mark.parametrize("kind", COPIES)
def test_adopting_completes_what_a_killed_process_has_begun(
    kind: str, source: Page, target: Page, box: Sandbox
) -> None:
    box.faults.status(403, path=PATHS[kind], after=SIZES[kind] // 2, times=1)
    with pytest.raises(Forbidden):
        COPIES[kind](source, target)
    again: CopyResult[Any]
    if kind == "item":
        again = source.lists[0].items[0].copy_to(target.lists[0], adopt=True)
    elif kind == "note":
        again = source.notes[0].copy_to(target, adopt=True)
    else:
        again = source.lists[0].copy_to(target, adopt=True)
    assert sum(len(ids) for ids in again.ids.values()) == SIZES[kind]
    after = now(target)
    if kind == "list":
        assert [items_of(each) for each in after.lists if each.name == "Weekly"] == [
            items_of(source.lists[0])
        ]
    else:
        assert (len(after.notes), len(after.lists[0].items)) == (1, 1), "both were there"


def test_a_list_of_the_same_name_with_other_items_is_not_adopted(
    source: Page, target: Page
) -> None:
    target.lists.create(name="Weekly").items.create(content="Candles")
    source.lists[0].copy_to(target, adopt=True)
    assert sorted(len(each.items) for each in now(target).lists if each.name == "Weekly") == [1, 5]


# --- bad input --------------------------------------------------------------------------------


def refused(action: Callable[[], object], error: type[Exception], match: str, box: Sandbox) -> None:
    before = box.requests
    with pytest.raises(error, match=match):
        action()
    assert box.requests == before, "nothing was sent"


@pytest.mark.parametrize("kind", COPIES)
def test_bad_targets_are_refused_before_any_request(
    kind: str, source: Page, target: Page, box: Sandbox
) -> None:
    record: Any = {
        "item": source.lists[0].items[0],
        "note": source.notes[0],
        "list": source.lists[0],
    }[kind]
    wants = "List" if kind == "item" else "Page"
    for wrong in (target.notes[0], 0, None, "Target", Page):
        refused(lambda wrong=wrong: record.copy_to(wrong), ValidationError, f"or a {wants}", box)  # type: ignore[misc]
    gone: Any = target.lists[0] if kind == "item" else target
    gone.destroy()
    refused(lambda: record.copy_to(gone), Destroyed, "was destroyed", box)
    if kind != "item":
        refused(lambda: record.copy_to(Page(title="new")), NotSaved, "not on the service", box)


def test_a_record_with_unsaved_changes_is_refused(source: Page, target: Page, box: Sandbox) -> None:
    note = source.notes[0]
    note.body = "edited"
    refused(lambda: note.copy_to(target), ValidationError, r"not saved \(body\)", box)


def test_a_new_record_is_refused(source: Page, target: Page, box: Sandbox) -> None:
    refused(lambda: Note(page=source, title="x").copy_to(target), NotSaved, "not on the", box)


def test_a_read_only_target_is_refused(source: Page, target: Page, box: Sandbox) -> None:
    connection = Connection(box.url, token=box.token, read_only=True)
    there = Page.find(target.id, using=connection)
    refused(lambda: source.notes[0].copy_to(there), ReadOnly, "Note.copy_to", box)


def test_a_target_that_somebody_else_destroyed_gets_nothing(source: Page, target: Page) -> None:
    now(target).destroy()
    with pytest.raises(NotFound, match="0 copies exist"):
        source.notes[0].copy_to(target)


def test_an_original_that_somebody_else_destroyed_is_not_copied(source: Page, target: Page) -> None:
    now(source).notes[0].destroy()
    with pytest.raises(NotFound, match=r"Note.* no longer exists in Page"):
        source.notes[0].copy_to(target)
    assert len(now(target).notes) == 1


def test_two_equal_new_records_stop_the_copying(source: Page, target: Page, box: Sandbox) -> None:
    box.faults.drop_before_write(path="**/notes/create", times=1)
    with pytest.raises(OutcomeUnknown) as caught:
        source.notes[0].copy_to(target)
    for _ in range(2):
        now(target).notes.create(title=" Hotel ", body=TEXT)
    with pytest.raises(OutcomeUnknown, match="note:.* 2 new records look like it"):
        caught.value.resume()
    assert len(now(target).notes) == 3
