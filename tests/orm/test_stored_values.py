"""Decisions to create, adopt and destroy rest on what is stored, read after the call began.

The objects of the caller are older than what another client has written, or have unsaved changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    Connection,
    Item,
    Note,
    OutcomeUnknown,
    Page,
    StaleRecord,
    ValidationError,
)
from backpack_orm.connection import parallel
from backpack_orm.sandbox import Sandbox

Act = Callable[[], object]


@pytest.fixture
def connection(box: Sandbox) -> Connection:
    """The current connection, which sends nothing twice, so that a lost response is a failure."""
    return backpack_orm.connect(box.url, token=box.token, max_wait=0, limits=None)


@pytest.fixture
def theirs(box: Sandbox) -> Iterator[Callable[[Page], Page]]:
    """Return a function that returns a page as another client reads it."""
    with closing(Connection(box.url, token=box.token, ttl=0)) as other:
        yield lambda page: Page.find(page.id, using=other)


Theirs = Callable[[Page], Page]


@pytest.fixture
def source(connection: Connection) -> Page:
    page = Page.create(title="Source")
    page.notes.create(title="Hotel", body="Rua da Rosa 7")
    page.lists.create(name="Weekly").items.create_many(["Milk", "Bread", "Eggs"])
    return Page.find(page.id)


@pytest.fixture
def target(connection: Connection) -> Page:
    page = Page.create(title="Target")
    page.lists.create(name="Monthly").items.create(content="Rice")
    return Page.find(page.id)


def texts(page: Page) -> list[str]:
    """Return the texts of a page, in order."""
    items = [item.content for each in page.lists for item in each.items]
    return sorted([*(note.body for note in page.notes), *items])


def before_call(connection: Connection, number: int, act: Act) -> None:
    """Have a function called right before a connection makes its call of a number."""
    call, calls = connection.call, iter(range(10**6))

    def counted(*args: Any, **more: Any) -> Any:
        if next(calls) == number:
            act()
        return call(*args, **more)

    connection.call = counted  # type: ignore[method-assign]


# --- copies and moves -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["copy_to", "move_to"])
def test_a_list_is_taken_as_it_is_stored(
    name: str, source: Page, target: Page, theirs: Theirs
) -> None:
    stored = theirs(source).lists[0]
    stored.items["Milk"].update(content="Oat milk")
    stored.items["Bread"].destroy()
    stored.items.create(content="Figs")
    result = getattr(source.lists[0], name)(target)
    assert [item.content for item in result.record.items] == ["Oat milk", "Eggs", "Figs"]
    assert len(theirs(source).lists) == (name == "copy_to")


def test_a_spoilt_copy_does_not_block_the_next_attempt(
    source: Page, target: Page, theirs: Theirs
) -> None:
    acted: list[str] = []

    def add(what: str, done: int, total: int) -> None:
        if done == total and not acted:
            acted.append(what)
            theirs(source).lists[0].items.create(content="late")

    with pytest.raises(StaleRecord, match="moving again makes another copy") as caught:
        source.lists[0].move_to(target, progress=add)
    caught.value.resume()
    assert not theirs(source).lists
    copies = [each for each in theirs(target).lists if each.name == "Weekly"]
    assert [len(each.items) for each in copies] == [3, 4]


@pytest.mark.parametrize("number", range(11))
def test_an_edit_before_any_request_of_a_move_is_not_lost(
    number: int, connection: Connection, source: Page, target: Page, theirs: Theirs
) -> None:
    """There are ten: two reads and three copies, two reads, and three originals are destroyed."""
    lost: list[object] = []

    def edit() -> None:
        stored = theirs(source).lists[0].items
        if stored:
            stored[-1].update(content="edited")
            lost.append(stored[-1])

    before_call(connection, number, edit)
    source.lists[0].items.move_to(target.lists[0])
    found = texts(theirs(target))
    is_in_the_window = number in (7, 8, 9)  # after the last reading
    assert ("edited" in found) == (bool(lost) and not is_in_the_window)


def test_originals_are_proven_in_small_portions(
    connection: Connection, source: Page, target: Page, theirs: Theirs
) -> None:
    """So an edit of the last one is seen, even if it is made when the first one is destroyed."""
    items = source.lists[0].items
    items.create_many(f"item {number}" for number in range(20))

    def edit(what: str, done: int, total: int) -> None:
        if what == "destroying originals" and done == 1:
            theirs(source).lists[0].items[-1].update(content="edited")

    items.move_to(target.lists[0], progress=edit)
    assert "edited" in texts(theirs(target))
    assert not texts(theirs(source))[1:]


def test_unsaved_changes_inside_a_list_are_not_destroyed_with_it(
    source: Page, target: Page, box: Sandbox
) -> None:
    source.lists[0].items[0].content = "typed"
    before = box.requests
    for name in ("copy_to", "move_to"):
        with pytest.raises(ValidationError, match=r"not saved \(items\)"):
            getattr(source.lists[0], name)(target)
    assert box.requests == before


def test_a_copy_of_one_move_is_never_that_of_another(
    source: Page, target: Page, box: Sandbox, theirs: Theirs
) -> None:
    first, second = source.lists[0].items.create_many(["same", "same"])
    box.faults.drop_before_write(path="**/items/add", times=1)
    with pytest.raises(OutcomeUnknown) as caught:
        first.move_to(target.lists[0])
    second.move_to(target.lists[0])
    caught.value.resume()
    assert texts(theirs(target)).count("same") == 2


# --- adopting ---------------------------------------------------------------------------------

CREATING: dict[str, Callable[[Page, Page], object]] = {
    "copy_to": lambda source, target: source.notes[0].copy_to(target),
    "move_to": lambda source, target: source.notes[0].move_to(target),
    "create_many": lambda source, target: target.notes.create_many(
        [{"title": "Hotel", "body": "Rua da Rosa 7"}]
    ),
    "sync": lambda source, target: target.notes.sync({"Hotel": "Rua da Rosa 7"}, key="title"),
    "merge_into": lambda source, target: source.merge_into(target),
}


@pytest.mark.parametrize("name", [name for name in CREATING if name != "sync"])
def test_what_existed_before_the_call_is_not_adopted(
    name: str, source: Page, target: Page, box: Sandbox, theirs: Theirs
) -> None:
    theirs(target).notes.create(title="Hotel", body="Rua da Rosa 7")
    box.faults.drop_before_write(path="**/notes/create", times=1)
    with pytest.raises(OutcomeUnknown) as caught:
        CREATING[name](source, target)
    assert len(theirs(source).notes) == 1
    caught.value.resume()
    assert len(theirs(target).notes) == 2


def test_a_list_with_items_is_not_what_a_failed_request_has_created(
    source: Page, target: Page, box: Sandbox, theirs: Theirs, connection: Connection
) -> None:
    def create() -> None:
        theirs(target).lists.create(name="Weekly").items.create(content="Candles")

    before_call(connection, 2, create)
    box.faults.drop_before_write(path="**/lists/add", times=1, after=1)
    with pytest.raises(OutcomeUnknown):
        source.lists[0].move_to(target)
    assert len(theirs(source).lists) == 1
    assert "Milk" not in texts(theirs(target))


def test_a_duplicate_that_existed_before_the_call_is_not_adopted(
    source: Page, box: Sandbox, theirs: Theirs
) -> None:
    Page.all()
    theirs(source).duplicate()
    box.faults.drop_before_write(path="**/duplicate", times=1)
    with pytest.raises(OutcomeUnknown):
        source.duplicate(title="Copy")
    assert Page.exists(title="Source (copy)", fresh=True)


# --- unsaved changes --------------------------------------------------------------------------

MATCHING: dict[str, Callable[[Page], object]] = {
    "sync": lambda page: page.lists[0].items.sync(["Milk", "Oat milk"], destroy=True),
    "get_or_create": lambda page: page.lists[0].items.get_or_create(content="Milk"),
    "update_or_create": lambda page: page.lists[0].items.update_or_create(content="Oat milk"),
    "create_many": lambda page: page.lists[0].items.create_many(["Oat milk"], adopt=True),
    "nested": lambda page: page.lists.get_or_create(items__content="Milk", defaults={"name": "x"}),
    "create_many of lists": lambda page: page.lists.create_many(["Weekly"], adopt=True),
}


@pytest.mark.parametrize("name", MATCHING)
def test_unsaved_values_do_not_count_as_stored(
    name: str, source: Page, box: Sandbox, theirs: Theirs
) -> None:
    source.lists[0].items["Milk"].content = "Oat milk"
    if name == "create_many of lists":
        source.lists[0].name = "edited"
    before = box.requests
    with pytest.raises(ValidationError, match=r"save\(\) or discard\(\)"):
        MATCHING[name](source)
    assert box.requests == before
    assert texts(theirs(source)) == ["Bread", "Eggs", "Milk", "Rua da Rosa 7"]


def test_unsaved_changes_of_what_is_not_compared_are_retained(source: Page) -> None:
    item, note = source.lists[0].items["Milk"], source.notes[0]
    item.completed, note.body = True, "typed"
    assert source.lists[0].items.get_or_create(content="Milk") == (item, False)
    assert source.lists[0].items.sync(["Milk", "Bread", "Eggs"]).is_empty
    assert source.notes.get_or_create(title="Hotel") == (note, False)
    assert (item.completed, note.body) == (True, "typed")


def test_a_miss_in_the_cache_is_confirmed_before_a_record_is_created(
    source: Page, theirs: Theirs
) -> None:
    created = theirs(source).notes.create(title="Lunch")
    assert Note.get_or_create(page=source.id, title="Lunch", fresh=False) == (created, False)
    assert source.notes.get_or_create(title="Lunch", fresh=False) == (created, False)


# --- bulk writes, syncs and tags ---------------------------------------------------------------


WRITING: dict[str, Callable[[Any], object]] = {
    "complete": lambda items: items.complete(),
    "update": lambda items: items.update(completed=True),
    "sync": lambda items: items.sync(dict.fromkeys(["Milk", "Bread", "Eggs"], True), key="content"),
}


@pytest.mark.parametrize("name", WRITING)
def test_each_item_is_read_right_before_it_is_completed(
    name: str,
    connection: Connection,
    source: Page,
    theirs: Theirs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "WORKERS", 1)

    def edit() -> None:
        for item in theirs(source).lists[0].items:
            item.update(content=f"{item.content}!")

    before_call(connection, 3 if name == "sync" else 2, edit)
    WRITING[name](source.lists[0].items)
    stored = [(item.content, item.completed) for item in theirs(source).lists[0].items]
    assert stored == [("Milk!", True), ("Bread!", True), ("Eggs!", True)]


def test_a_sync_destroys_nothing_that_was_changed_since_it_was_planned(
    connection: Connection, source: Page, theirs: Theirs
) -> None:
    def edit() -> None:
        theirs(source).lists[0].items["Bread"].update(content="Rye")

    before_call(connection, 1, edit)
    with pytest.raises(StaleRecord, match="Rye.*was not destroyed") as caught:
        source.lists[0].items.sync(["Milk", "Figs", "Eggs"], destroy=True)
    assert "Rye" in texts(theirs(source))
    caught.value.resume()
    assert texts(theirs(source)) == ["Eggs", "Figs", "Milk", "Rua da Rosa 7"]


def test_tags_of_many_pages_are_read_right_before_each_is_written(
    connection: Connection, source: Page, target: Page, theirs: Theirs, monkeypatch: Any
) -> None:
    monkeypatch.setattr(parallel, "WORKERS", 1)
    source.update(tags=["Old"])
    pages = Page.all().where(id__in=[source.id, target.id])

    before_call(connection, 2, lambda: theirs(target).tags.add("Theirs"))
    pages.retag(add=["New"], remove=["Old"])
    assert [tag.name for tag in theirs(source).tags] == ["New"]
    assert [tag.name for tag in theirs(target).tags] == ["Theirs", "New"]


def test_tags_and_description_that_are_added_during_a_merge_are_retained(
    connection: Connection, source: Page, target: Page, theirs: Theirs
) -> None:
    source.update(tags=["Ours"], description="Ours")

    def edit() -> None:
        theirs(target).update(tags=["Theirs"], description="Theirs")

    before_call(connection, 4, edit)
    source.merge_into(target)
    merged = theirs(target)
    assert ([tag.name for tag in merged.tags], merged.description) == (["Theirs", "Ours"], "Theirs")


# --- threads ----------------------------------------------------------------------------------

SPELLINGS: dict[str, list[Callable[[Page], object]]] = {
    "notes": [
        lambda page: page.notes.get_or_create(title="Lunch"),
        lambda page: Note.get_or_create(page=page.id, title="Lunch"),
        lambda page: Note.get_or_create(page=page, title__exact="Lunch"),
        lambda page: page.notes.sync(["Lunch"]),
    ],
    "items": [
        lambda page: page.lists[0].items.get_or_create(content="Lunch"),
        lambda page: page.items.get_or_create(content="Lunch"),
        lambda page: Item.get_or_create(
            list=page.lists[0], content__iexact="Lunch", defaults={"content": "Lunch"}
        ),
        lambda page: page.lists[0].items.create_many(["Lunch"], adopt=True),
    ],
}


@pytest.mark.parametrize("kind", SPELLINGS)
def test_threads_create_a_record_once_however_it_is_searched_for(
    kind: str, source: Page, theirs: Theirs
) -> None:
    acts = [(act, Page.find(source.id, fresh=True)) for act in SPELLINGS[kind]]
    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(lambda each: each[0](each[1]), acts))
    stored = theirs(source)
    found = [note.title for note in stored.notes] + [item.content for item in stored.lists[0].items]
    assert found.count("Lunch") == 1
