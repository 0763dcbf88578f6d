"""Moving records: nothing is destroyed before a fresh reading has proven its copy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

import backpack_orm
from backpack_orm import (
    BackpackError,
    Collection,
    Connection,
    CopyResult,
    Destroyed,
    Forbidden,
    List,
    Note,
    OutcomeUnknown,
    Page,
    ReadOnly,
    StaleRecord,
    ValidationError,
)
from backpack_orm.sandbox import Sandbox, models
from tests.orm.test_copying import (
    PATHS,
    SIZES,
    TEXT,
    everything_on,
    items_of,
    now,
    refused,
)


@pytest.fixture
def connection(box: Sandbox) -> Connection:
    """The current connection, which sends nothing twice, so that a lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None)


@pytest.fixture
def source(connection: Connection) -> Page:
    page = Page.create(title="Source")
    page.notes.create(title=" Hotel ", body=TEXT)
    weekly = page.lists.create(name="Weekly")
    rows = [("Milk", False), ("Milk", False), (TEXT, False), ("Eggs", True), ("Bread", True)]
    weekly.items.create_many({"content": content, "completed": done} for content, done in rows)
    return Page.find(page.id)


@pytest.fixture
def target(connection: Connection) -> Page:
    page = Page.create(title="Target")
    page.lists.create(name="Monthly").items.create(content="Milk")
    page.notes.create(title=" Hotel ", body=TEXT)
    return Page.find(page.id)


def record_on(kind: str, page: Page) -> Any:
    return {"item": page.lists[0].items[0], "note": page.notes[0], "list": page.lists[0]}[kind]


def place_on(kind: str, page: Page) -> Any:
    return page.lists[0] if kind == "item" else page


def move(kind: str, source: Page, target: Page, **options: Any) -> CopyResult[Any]:
    result: CopyResult[Any] = record_on(kind, source).move_to(place_on(kind, target), **options)
    return result


KINDS = ["item", "note", "list"]
BEFORE = {"item": 6, "note": 2, "list": 6}


def number_of(kind: str, *pages: Page) -> int:
    """Return the number of records of a kind on pages, with the items of lists."""
    pages = tuple(map(now, pages))
    if kind == "note":
        return sum(len(page.notes) for page in pages)
    return sum(len(each.items) for page in pages for each in page.lists)


# --- moves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_there_afterwards_and_no_longer_here(
    kind: str, source: Page, target: Page, box: Sandbox
) -> None:
    record = record_on(kind, source)
    there, here = everything_on(target), everything_on(source)
    before = box.requests
    result = move(kind, source, target)
    assert box.requests - before == result.requests == SIZES[kind] + 5
    assert result.destroyed == (record.id,)
    assert record.is_destroyed
    assert record not in now(source).notes and record not in now(source).lists
    assert number_of(kind, source, target) == BEFORE[kind]
    if kind != "item":
        assert sorted([*everything_on(source), *everything_on(target)], key=repr) == sorted(
            [*here, *there], key=repr
        )
    assert (
        result.record
        in (now(target).lists[0].items, now(target).notes, now(target).lists)[KINDS.index(kind)]
    )


def test_the_objects_of_both_places_are_up_to_date_without_requests(
    source: Page, target: Page, box: Sandbox
) -> None:
    moved = source.lists[0].items["Eggs"].move_to(target.lists[0]).record
    before = box.requests
    assert "Eggs" not in source.lists[0].items
    assert target.lists[0].items["Eggs"] is moved
    assert box.requests == before
    assert moved.completed


@pytest.mark.parametrize("k", [2, 20])
def test_k_items_are_moved_with_2k_and_2_requests_and_2_for_each_portion_of_8(
    k: int, connection: Connection, box: Sandbox
) -> None:
    page = Page.create(title="Moving")
    done = {"completed": True}
    page.lists.create(name="x").items.create_many(
        [{"content": f"{number // 2}", **done} for number in range(k)] + ["open"]
    )
    page.lists.create(name="y").items.create(content="there")
    x, y = Page.find(page.id).lists
    before = box.requests
    result = x.items.where(completed=True).move_to(y)
    assert box.requests - before == result.requests == 2 * k + 2 + 2 * -(-k // 8)
    assert items_of(now(page).lists["x"]) == [("open", False)]
    expected = [("there", False), *((f"{number // 2}", True) for number in range(k))]
    assert items_of(now(page).lists["y"]) == expected


def test_an_unloaded_target_takes_no_more_requests(source: Page, box: Sandbox) -> None:
    target = Page.all()[0]
    before = box.requests
    source.notes[0].move_to(target)
    assert box.requests - before == 6


def test_moving_nothing_makes_no_request(source: Page, target: Page, box: Sandbox) -> None:
    before = box.requests
    result = source.lists[0].items.where(content="none").move_to(target.lists[0])
    assert (result.records, repr(result)) == ((), "CopyResult(nothing, 0 requests)")
    assert box.requests == before


def test_records_of_several_places_are_moved_together(source: Page, target: Page) -> None:
    notes = Note.where(title=" Hotel ", page=source) | Note.where(title=" Hotel ", page=target)
    elsewhere = Page.create(title="Elsewhere")
    assert len(notes.move_to(elsewhere).records) == 2
    assert len(now(elsewhere).notes) == 2
    assert not now(source).notes and not now(target).notes


def test_collections_of_other_records_cannot_be_moved(source: Page, target: Page) -> None:
    for other in (Page.all(), source.tags, source.belongings):
        with pytest.raises(TypeError, match="move_to"):
            other.move_to(target)  # type: ignore[misc]
        assert "move_to" not in dir(other)
    assert "move_to" in dir(source.notes)


# --- lost responses, interrupts and killed processes ------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["copy", "destroy"])
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_response_neither_doubles_nor_loses(
    kind: str, path: str, executed: bool, source: Page, target: Page, box: Sandbox
) -> None:
    pattern = PATHS[kind] if path == "copy" else "**/destroy/*"
    drop = box.faults.drop_after_write if executed else box.faults.drop_before_write
    drop(path=pattern, times=1)
    try:
        move(kind, source, target)
    except BackpackError as error:
        assert not executed or path == "destroy"
        assert number_of(kind, source, target) >= BEFORE[kind]
        error.resume()
    assert number_of(kind, source, target) == BEFORE[kind]
    assert not record_on_is_left(kind, source)


@pytest.mark.parametrize("executed", [True, False])
def test_moving_again_completes_what_was_partly_destroyed(
    executed: bool, source: Page, target: Page, box: Sandbox
) -> None:
    items = source.lists[0].items[:]
    drop = box.faults.drop_after_write if executed else box.faults.drop_before_write
    drop(path="**/destroy/*", after=2)
    with pytest.raises(BackpackError, match=r"and \d originals?"):
        items.move_to(target.lists[0])
    assert any(item.is_destroyed for item in items)
    box.faults.clear()
    result = items.move_to(target.lists[0])
    assert [item.content for item in result.records] == [item.content for item in items]
    assert result.destroyed == tuple(item.id for item in items)
    assert number_of("item", source, target) == BEFORE["item"]
    assert not now(source).lists[0].items
    with pytest.raises(Destroyed):
        items.move_to(target.lists[0])


def record_on_is_left(kind: str, source: Page) -> bool:
    after = now(source)
    if kind == "note":
        return bool(after.notes)
    return len(after.lists[0].items) == 5 if kind == "item" else bool(after.lists)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["copy", "proof", "destroy"])
@pytest.mark.parametrize("how", ["resume", "again", "adopt"])
def test_a_failure_is_completed_by_resuming_and_by_moving_again(
    kind: str, stage: str, how: str, source: Page, target: Page, box: Sandbox
) -> None:
    """Adopting is for another process, which has nothing in memory: here, another connection."""
    path, after = {
        "copy": (PATHS[kind], SIZES[kind] // 2),
        "proof": ("**/items/list" if kind == "item" else "ws/page/*", kind != "note"),
        "destroy": ("**/destroy/*", 0),
    }[stage]
    if how == "adopt":  # equal records would be adopted in place of copies
        for equal in (now(target).notes, now(target).lists[0].items):
            equal[0].destroy()
        target.reload()
    box.faults.status(403, path=path, after=int(after), times=1)
    with pytest.raises(Forbidden, match=r"cop(y exists|ies exist) in .* originals?") as caught:
        move(kind, source, target)
    assert not record_on(kind, source).is_destroyed
    if how == "resume":
        caught.value.resume()
    elif how == "again":
        move(kind, source, target)
    else:
        other = Connection(box.url, token=box.token)
        pages = [Page.find(page.id, using=other) for page in (source, target)]
        move(kind, *pages, adopt=True)
    assert number_of(kind, source, target) == BEFORE[kind] - (how == "adopt")
    assert not record_on_is_left(kind, source)


def test_ctrl_c_completes_later(source: Page, target: Page) -> None:
    pressed: list[str] = []

    def press(what: str, done: int, total: int) -> None:
        if what not in pressed and done == 2:
            pressed.append(what)
            signal.raise_signal(signal.SIGINT)

    items, monthly = source.lists[0].items[:], target.lists[0]
    for stage in ("copying records", "destroying originals"):
        with pytest.raises(KeyboardInterrupt) as caught:
            items.move_to(monthly, progress=press)
        assert pressed[-1] == stage
        assert "original" in str(caught.value.__notes__)
        assert number_of("item", source, target) >= BEFORE["item"]
    items = source.lists[0].items[:]
    items.move_to(monthly, progress=press)
    assert number_of("item", source, target) == BEFORE["item"]
    assert not now(source).lists[0].items


KILLED = """
import os, sys
from backpack_orm import Page, connect
source, target, stage, adopt = sys.argv[1:]
connect(limits=None)

def kill(what, done, total):
    if what.startswith(stage) and done == 2:
        os._exit(9)

weekly = Page.find(int(source)).lists[0]
weekly.move_to(Page.find(int(target)), progress=kill, adopt=bool(adopt))
"""


@pytest.mark.parametrize("stage", ["copying", "none"])
def test_a_killed_process_is_completed_by_adopting(
    stage: str, source: Page, target: Page, box: Sandbox
) -> None:
    environment = {**os.environ, "BACKPACK_URL": box.url, "BACKPACK_TOKEN": box.token}

    def run(stage: str, adopt: str) -> int:
        command = [sys.executable, "-c", KILLED, str(source.id), str(target.id), stage, adopt]
        return subprocess.run(command, env=environment, check=False).returncode

    wanted = items_of(source.lists[0])
    assert run(stage, "") == (9 if stage == "copying" else 0)
    if stage == "copying":
        assert items_of(now(source).lists[0]) == wanted, "nothing was destroyed"
        assert run("none", "adopt") == 0
    assert not now(source).lists
    assert items_of(now(target).lists["Weekly"]) == wanted
    assert len(now(target).lists) == 2


# --- what others do meanwhile -----------------------------------------------------------------


def during(box: Sandbox, stage: str, act: Callable[[], object]) -> Callable[..., None]:
    """Return a progress function that acts once, when all copies are made."""
    acted: list[str] = []

    def report(what: str, done: int, total: int) -> None:
        if what == stage and done == total and not acted:
            acted.append(what)
            act()

    return report


def test_a_copy_that_somebody_changes_is_no_proof(source: Page, target: Page, box: Sandbox) -> None:
    def edit() -> None:
        theirs = now(target).lists["Weekly"]
        theirs.name = "theirs"
        theirs.save()

    report = during(box, "copying records", edit)
    with pytest.raises(
        StaleRecord, match="was changed by somebody else: the original was not destr"
    ):
        source.lists[0].move_to(target, progress=report)
    assert len(now(source).lists[0].items) == 5


def test_a_copy_whose_items_somebody_changes_is_no_proof(
    source: Page, target: Page, box: Sandbox
) -> None:
    report = during(box, "copying records", lambda: now(target).lists["Weekly"].items[1].destroy())
    with pytest.raises(StaleRecord, match="has other items.*original was not destroyed"):
        source.lists[0].move_to(target, progress=report)
    assert len(now(source).lists[0].items) == 5


def test_items_that_are_added_to_the_original_meanwhile_are_not_lost(
    source: Page, target: Page, box: Sandbox
) -> None:
    report = during(
        box, "copying records", lambda: now(source).lists[0].items.create(content="late")
    )
    with pytest.raises(StaleRecord, match="has other items.*original was not destroyed"):
        source.lists[0].move_to(target, progress=report)
    assert len(now(source).lists[0].items) == 6


def test_an_order_that_somebody_changes_is_followed(
    source: Page, target: Page, box: Sandbox
) -> None:
    report = during(box, "copying records", lambda: now(source).lists[0].items[2].move_to_top())
    source.lists[0].move_to(target, progress=report)
    assert [item.content for item in now(target).lists["Weekly"].items][:3] == [
        TEXT,
        "Milk",
        "Milk",
    ]
    assert not now(source).lists


def test_an_edit_of_the_original_meanwhile_is_taken_along(
    source: Page, target: Page, box: Sandbox
) -> None:
    def edit() -> None:
        theirs = now(source).lists[0].items[0]
        theirs.content = "Oat milk"
        theirs.complete()

    items = source.lists[0].items[:3]
    items.move_to(target.lists[0], progress=during(box, "copying records", edit))
    assert sorted(items_of(now(target).lists[0]))[1:] == [
        ("Milk", False),
        ("Milk", False),
        ("Oat milk", True),
    ]
    assert len(now(source).lists[0].items) == 2


def test_an_original_that_changed_since_it_was_loaded_is_moved_as_it_is(
    source: Page, target: Page
) -> None:
    note = source.notes[0]
    theirs = now(source).notes[0]
    theirs.body = "theirs"
    theirs.save()
    assert note.move_to(target).record.body == "theirs"
    assert now(target).notes[-1].body == "theirs"


def test_a_copy_that_somebody_destroys_is_made_again_by_moving_again(
    source: Page, target: Page, box: Sandbox
) -> None:
    def destroy() -> None:
        now(target).lists[0].items[-1].destroy()

    items, monthly = source.lists[0].items[:2], target.lists[0]
    report = during(box, "copying records", destroy)
    with pytest.raises(
        StaleRecord, match="is gone: the .* moving again makes another copy"
    ) as caught:
        items.move_to(monthly, progress=report)
    assert len(now(source).lists[0].items) == 5
    caught.value.resume()
    assert number_of("item", source, target) == BEFORE["item"]
    assert items_of(now(target).lists[0]) == 3 * [("Milk", False)]


def test_an_original_that_somebody_destroys_stops_the_move(
    source: Page, target: Page, box: Sandbox
) -> None:
    report = during(box, "copying records", lambda: now(source).lists[0].items["Eggs"].destroy())
    with pytest.raises(StaleRecord, match=r"somebody else has destroyed Item.* is left"):
        source.lists[0].items.move_to(target.lists[0], progress=report)
    assert len(now(source).lists[0].items) == 4


def test_a_target_that_is_destroyed_meanwhile_destroys_nothing(
    source: Page, target: Page, box: Sandbox
) -> None:
    report = during(box, "copying records", lambda: now(target).destroy())
    with pytest.raises(BackpackError):
        source.lists[0].move_to(target, progress=report)
    assert len(now(source).lists[0].items) == 5


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_bad_targets_are_refused_before_any_request(
    kind: str, source: Page, target: Page, box: Sandbox
) -> None:
    record = record_on(kind, source)
    here = place_on(kind, source)
    refused(lambda: record.move_to(here), ValidationError, r"is (in|on) .* already", box)
    refused(lambda: record.move_to(target.notes[0]), ValidationError, "move_to takes the id", box)
    gone = place_on(kind, target)
    gone.destroy()
    refused(lambda: record.move_to(gone), Destroyed, "was destroyed", box)
    record.destroy()
    refused(lambda: record.move_to(gone), Destroyed, "was destroyed", box)


@pytest.mark.parametrize("kind", KINDS)
def test_another_account_is_refused(kind: str, source: Page, box: Sandbox) -> None:
    with Sandbox(seed="demo") as other:
        elsewhere = Connection(other.url, token=other.token)
        there = place_on(kind, Page.find(Page.all(using=elsewhere)[0].id, using=elsewhere))
        before = other.requests
        refused(
            lambda: record_on(kind, source).move_to(there), ValidationError, "another account", box
        )
        assert other.requests == before


@pytest.mark.parametrize("is_source", [True, False])
def test_a_read_only_connection_is_refused(
    is_source: bool, source: Page, target: Page, box: Sandbox
) -> None:
    connection = Connection(box.url, token=box.token, read_only=True)
    if is_source:
        source = Page.find(source.id, using=connection)
    else:
        target = Page.find(target.id, using=connection)
    refused(lambda: source.notes[0].move_to(target), ReadOnly, "move_to", box)


def test_unsaved_changes_are_refused(source: Page, target: Page, box: Sandbox) -> None:
    source.notes[0].title = "edited"
    refused(lambda: source.notes[0].move_to(target), ValidationError, "not saved", box)


def test_a_list_with_an_item_without_text_is_refused(
    source: Page, target: Page, box: Sandbox
) -> None:
    with box._database.transaction() as session:  # as old accounts have them
        session.execute(update(models.Item).values(content=" "))
    with pytest.raises(ValidationError, match="has no text"):
        source.lists[0].move_to(target)
    assert len(now(target).lists) == 1


def test_identical_siblings_are_all_moved(source: Page, target: Page, box: Sandbox) -> None:
    items = source.lists[0].items.where(content="Milk")
    box.faults.drop_after_write(path="**/items/add", after=1, times=1)
    assert len(items.move_to(target.lists[0]).records) == 2
    assert items_of(now(target).lists[0]) == 3 * [("Milk", False)]


def test_the_same_record_twice_is_moved_once(source: Page, target: Page) -> None:
    note = source.notes[0]
    Collection(Note, [note, now(source).notes[0]]).move_to(target)
    assert number_of("note", source, target) == 2


def test_two_moves_to_one_target_do_not_mix(source: Page, target: Page, box: Sandbox) -> None:
    items, monthly = source.lists[0].items, target.lists[0]
    box.faults.status(403, path="**/destroy/*", times=1)
    with pytest.raises(Forbidden):
        items["Eggs"].move_to(monthly)
    items["Bread"].move_to(monthly)
    items["Eggs"].move_to(monthly)
    assert number_of("item", source, target) == BEFORE["item"]
    assert [content for content, _ in items_of(now(monthly.page).lists[0])] == [
        "Milk",
        "Eggs",
        "Bread",
    ]


def test_an_unknown_copy_stops_before_anything_is_destroyed(
    source: Page, target: Page, box: Sandbox
) -> None:
    box.faults.drop_before_write(path="**/notes/create", times=1)
    with pytest.raises(OutcomeUnknown, match=r"0 copies exist in Page.*, and 1 original"):
        source.notes[0].move_to(target)
    assert len(now(source).notes) == 1


def test_a_list_moves_whose_items_were_never_read(source: Page, target: Page) -> None:
    found = List.find(source.lists[0].id, page=source)
    moved = found.move_to(target).record
    assert found.is_destroyed
    assert [item.content for item in moved.items] == ["Milk", "Milk", TEXT, "Eggs", "Bread"]


def test_moving_within_a_page_between_lists_keeps_both_lists(source: Page) -> None:
    other: List = source.lists.create(name="Other")
    source.lists[0].items["Eggs"].move_to(other)
    assert [items_of(each) for each in now(source).lists][1] == [("Eggs", True)]


def test_threads_that_move_to_one_target_take_turns(source: Page, target: Page) -> None:
    chores = source.lists.create(name="Chores")
    chores.items.create_many(["a", "b", "c"])

    def move_items(number: int) -> None:
        now(source).lists[number].items.move_to(now(target).lists[0])

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(move_items, (0, 1))) == [None, None]
    assert len(now(target).lists[0].items) == 1 + 5 + 3
    assert [len(each.items) for each in now(source).lists] == [0, 0]
