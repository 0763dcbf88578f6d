"""`get_or_create` and `update_or_create`, of models and of collections."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backpack_orm import (
    Connection,
    Item,
    JournalEntry,
    MultipleFound,
    Note,
    NotFound,
    NotSaved,
    OutcomeUnknown,
    Page,
    ReadOnly,
    Reminder,
    ServerError,
    Status,
    Tag,
    User,
    ValidationError,
    connect,
)
from backpack_orm.sandbox import Sandbox


def made_by(box: Sandbox, act: Callable[[], object]) -> int:
    """Return the number of requests that a function makes."""
    before = box.requests
    act()
    return box.requests - before


def test_a_record_is_created_once(box: Sandbox, connection: Connection) -> None:
    page, is_created = Page.get_or_create(title="Porto", defaults={"description": "In June"})
    assert (is_created, page.title, page.reload().description) == (True, "Porto", "In June")
    again, is_created = Page.get_or_create(title="Porto", defaults={"description": "In July"})
    assert (is_created, again, again.description) == (False, page, "In June")
    assert made_by(box, lambda: Page.get_or_create(title="Porto")) == 1
    assert made_by(box, lambda: Page.get_or_create(title="Porto", fresh=False)) == 0
    assert made_by(box, lambda: Page.get_or_create(title="Braga")) == 2


def test_lookups_that_are_not_exact_only_find(box: Sandbox, connection: Connection) -> None:
    page, is_created = Page.get_or_create(
        title__istartswith="PORT", title__contains="o", defaults={"title": "Porto"}
    )
    assert (is_created, page.title) == (True, "Porto")
    assert Page.get_or_create(title__iexact="porto", defaults={"title": "x"}) == (page, False)
    assert Page.get_or_create(title__exact="Braga")[0].title == "Braga"
    with pytest.raises(ValidationError, match="Page needs title=…, which cannot be None"):
        Page.get_or_create(title__icontains="porto")


def test_defaults_replace_looked_up_values_and_may_be_functions(connection: Connection) -> None:
    page, _ = Page.get_or_create(title="Porto", defaults={"title": lambda: "Oporto"})
    assert page.title == "Oporto"


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Page.get_or_create(titel="x"), TypeError, "did you mean 'title'"),
        (lambda: Page.get_or_create(title__contains="x"), ValidationError, "Page needs title"),
        (lambda: Page.get_or_create(title__contain="x"), TypeError, "did you mean 'contains'"),
        (
            lambda: Page(title="x").notes.get_or_create(title__contain="x"),
            TypeError,
            "did you mean 'contains'",
        ),
        (
            lambda: Page.get_or_create(title="x", title__contain="x"),
            TypeError,
            "did you mean 'contains'",
        ),
        (
            lambda: Page.update_or_create(title="x", defaults={"descripton": "x"}),
            TypeError,
            "did you mean 'description'",
        ),
        (lambda: Page.get_or_create(title=5), ValidationError, "Page.title is never 5"),
        (lambda: Page.get_or_create(title=" "), ValidationError, "cannot be empty"),
        (lambda: Page.get_or_create(id=5, title="x"), ReadOnly, "Page.id is read-only"),
        (lambda: Note.get_or_create(title="x"), ValidationError, "Note needs the Page"),
        (lambda: Item.get_or_create(page=7, content="x"), ValidationError, "Item needs the List"),
        (lambda: JournalEntry.update_or_create(body="x"), ValidationError, "needs the User"),
        (lambda: Page(title="x").notes.get_or_create(title="x"), NotSaved, "save"),
    ],
)
def test_a_mistake_makes_no_request(
    act: Callable[[], object],
    error: type[Exception],
    message: str,
    box: Sandbox,
    connection: Connection,
) -> None:
    before = box.requests
    with pytest.raises(error, match=message):
        act()
    assert box.requests == before


@pytest.mark.parametrize("defaults", [7, 0, "", "x", b"x", [], [("body", "x")], dict])
def test_defaults_that_are_no_values_by_name_are_refused(
    box: Sandbox, connection: Connection, defaults: Any
) -> None:
    notes = Page.all()[0].notes
    before = box.requests
    for call in (notes.get_or_create, notes.update_or_create, Page.get_or_create):
        with pytest.raises(TypeError, match="defaults takes values by name, a dict, not "):
            call(title="new", defaults=defaults)
    assert box.requests == before


def test_several_matches_raise_and_nothing_is_created(box: Sandbox, connection: Connection) -> None:
    before = Page.count()
    with pytest.raises(MultipleFound, match="3 Page records"):
        Page.get_or_create(title__startswith="R", defaults={"title": "R"})
    assert Page.count(fresh=True) == before


def test_a_place_that_does_not_exist_is_not_filled(connection: Connection) -> None:
    with pytest.raises(NotFound):
        Note.get_or_create(page=7, title="x")


def test_a_record_of_another_client_is_found_despite_the_cache(
    box: Sandbox, connection: Connection
) -> None:
    page = Page.get(title="Lisbon")
    assert page.notes.count() == 2
    other = Connection(box.url, token=box.token, ttl=0)
    made = Note.create(page=page.id, title="Hotel", using=other)
    assert Note.get_or_create(page=page, title="Hotel") == (made, False)
    again, is_created = page.notes.get_or_create(title="Hotel")
    assert (again, is_created) == (made, False)
    assert again is page.notes["Hotel"]


@pytest.mark.parametrize("is_executed", [True, False])
def test_a_create_whose_response_was_lost_is_not_repeated(
    is_executed: bool, box: Sandbox, connection: Connection
) -> None:
    drop = box.faults.drop_after_write if is_executed else box.faults.drop_before_write
    fault = drop(path="/ws/pages/new")
    with pytest.raises(OutcomeUnknown):
        Page.get_or_create(title="Porto")
    assert fault.fired == 1
    box.faults.clear()
    page, is_created = Page.get_or_create(title="Porto")
    assert is_created is not is_executed
    assert Page.count(title="Porto", fresh=True) == 1
    assert page == Page.get(title="Porto")


def test_threads_create_a_record_once(box: Sandbox, connection: Connection) -> None:
    def act(_: int) -> bool:
        return Page.get_or_create(title="Porto", using=connection)[1]

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(act, range(6))) == [False] * 5 + [True]
    assert Page.count(title="Porto", fresh=True) == 1


def test_an_update_sends_only_what_has_changed(box: Sandbox, connection: Connection) -> None:
    page = Page.get(title="Lisbon")
    values = {"body": "Rua da Rosa 7"}
    note, is_created = Note.update_or_create(page=page, title="Where we sleep", defaults=values)
    assert (is_created, note.is_dirty, note.reload().body) == (False, False, "Rua da Rosa 7")

    def again() -> None:
        Note.update_or_create(page=page, title="Where we sleep", defaults=values)

    assert made_by(box, again) == 1  # it looks, and sends nothing
    note, is_created = Note.update_or_create(page=page, title="Lunch", defaults=values)
    assert (is_created, note.title, note.body) == (True, "Lunch", "Rua da Rosa 7")


def test_collections_find_and_create_their_own_objects(
    box: Sandbox, connection: Connection
) -> None:
    packing = Page.get(title="Lisbon").lists["Packing"]
    hat = packing.items["Sun hat"]
    item, is_created = packing.items.update_or_create(
        content="Sun hat", defaults={"completed": True}
    )
    assert (item is hat, is_created, item.reload().completed) == (True, False, True)
    item, is_created = packing.items.get_or_create(content="Boots", defaults={"completed": True})
    assert (is_created, item.completed, item in packing.items) == (True, True, True)
    assert made_by(box, lambda: packing.items.get_or_create(content="Boots")) == 1
    assert made_by(box, lambda: packing.items.get_or_create(content="Boots", fresh=False)) == 0
    page = Page.create(title="Errands")
    errand, is_created = page.items.get_or_create(content="Return the key")
    assert (is_created, page.items.get_or_create(content="Return the key")) == (
        True,
        (errand, False),
    )
    assert page.lists[0].items.count() == 1


def test_other_models_are_found_or_created_too(connection: Connection) -> None:
    me, page = User.me(), Page.get(title="Lisbon")
    status, is_created = Status.update_or_create(user=me, defaults={"message": "On the train"})
    assert (is_created, Status.get(user=me, fresh=True).message) == (False, "On the train")
    assert status.user == me
    tag, is_created = Tag.get_or_create(page=page, name="Sea")
    assert (is_created, Tag.get_or_create(page=page, name="Sea")) == (True, (tag, False))
    entry, is_created = JournalEntry.get_or_create(user=me, body="Watered the plants")
    assert (is_created, entry.user) == (True, me)
    reminder, is_created = Reminder.get_or_create(
        content="Call", defaults={"content": "tomorrow 9am Call"}
    )
    assert is_created
    assert Reminder.get_or_create(content="Call", defaults={"content": "tomorrow 9am Call"}) == (
        reminder,
        False,
    )


def test_subclasses_return_their_own_objects(connection: Connection) -> None:
    class Trip(Page):
        days: int = 0

    found: list[Any] = [Trip.get_or_create(title=title)[0] for title in ("Lisbon", "Porto")]
    assert {type(trip) for trip in found} == {Trip}


def test_a_read_only_connection_finds_but_does_not_create(box: Sandbox) -> None:
    connect(box.url, token=box.token, read_only=True)
    assert Page.get_or_create(title="Lisbon")[1] is False
    with pytest.raises(ReadOnly):
        Page.get_or_create(title="Porto")


def test_an_update_that_was_partly_saved_continues_to_the_result_of_the_call(
    box: Sandbox,
) -> None:
    connect(box.url, token=box.token, max_wait=0)
    box.faults.status(500, path="**/update_body", times=1)
    with pytest.raises(ServerError) as caught:
        Page.update_or_create(title="Lisbon", defaults={"tags": ["new"], "description": "new"})
    assert caught.value.saved
    page, is_created = caught.value.resume()
    assert (page.title, is_created) == ("Lisbon", False)
    assert Page.find(page.id, fresh=True).description == "new"
