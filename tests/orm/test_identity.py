"""Who is who: equality, accounts, copies and pickles."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading

import pytest

from backpack_orm import (
    Attachment,
    Bookmark,
    Calendar,
    Connection,
    Email,
    Gallery,
    Item,
    List,
    Match,
    Model,
    NotConnected,
    Note,
    NotFound,
    Page,
    ReadOnly,
    Reminder,
    Tag,
    User,
    ValidationError,
    connect,
    using,
)
from backpack_orm.connection import context
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def other(box: Sandbox) -> Connection:
    """A second account in the same sandbox, whose ids are those of the first."""
    return Connection(box.url, token=box.add_account("other", seed="demo"))


def test_two_finds_give_two_equal_objects(connection: Connection) -> None:
    one, two = Page.all()[0], Page.all()[0]
    assert one is not two
    assert one == two
    assert hash(one) == hash(two)
    assert len({one, two, Page.find(one.id)}) == 1


def test_an_edit_in_one_object_is_not_in_its_equal(connection: Connection) -> None:
    one, two = Page.all()[0], Page.all()[0]
    one.title = "edited"
    assert two.title == "Lisbon"
    assert Page.all()[0].title == "Lisbon"
    assert one == two


def test_records_of_different_kinds_are_never_equal(connection: Connection) -> None:
    page = Page.all()[0]
    note = Note._stub(page.id, page)
    assert note != page
    assert page != page.id
    assert page.title != page


def test_equality_needs_no_connection() -> None:
    one, two = Note(page=7).page, Note(page=7).page
    assert one == two
    assert one != Note(page=8).page


def test_unsaved_objects_equal_only_themselves(connection: Connection) -> None:
    one, two = Page(title="T"), Page(title="T")
    assert one == one
    assert one != two
    assert one != Page.all()[0]
    with pytest.raises(TypeError, match="no identity yet: save"):
        hash(one)


def test_a_destroyed_object_stays_itself(connection: Connection) -> None:
    page, twin = Page.all()[0], Page.all()[0]
    pages = {page}
    page.destroy()
    assert page in pages
    assert page == twin


def test_the_same_id_in_another_account_is_another_record(
    connection: Connection, other: Connection
) -> None:
    here, there = Page.all()[0], Page.all(using=other)[0]
    assert here.id == there.id
    assert here != there


def test_accounts_see_nothing_of_each_other(connection: Connection, other: Connection) -> None:
    page = Page.create(title="Only here")
    assert "Only here" not in [found.title for found in Page.all(using=other)]
    page.title = "Still only here"
    page.save()
    assert "Still only here" in [found.title for found in Page.all()]


def test_an_object_is_saved_where_it_came_from(connection: Connection, other: Connection) -> None:
    page = Page.all(using=other)[0]
    page.title = "There"
    page.save()
    assert Page.all(using=other)[0].title == "There"
    assert Page.all()[0].title == "Lisbon"
    with using(other):
        mine = Page.all()[0]
    mine.notes.create(title="also there")
    assert [note.title for note in Page.find(mine.id, using=other).notes][-1] == "also there"
    assert mine.notes[-1].connection is other


def test_using_names_the_connection_inside_its_block_only(
    connection: Connection, other: Connection
) -> None:
    with using(other) as inner:
        assert inner is other
        made = Page.create(title="Inside")
        assert Page.create(title="Named", using=connection).connection is connection
    assert made.connection is other
    assert "Inside" not in [page.title for page in Page.all()]
    assert "Named" in [page.title for page in Page.all()]


def test_using_does_not_leak_into_other_threads_or_tasks(
    connection: Connection, other: Connection
) -> None:
    seen: list[Connection] = []
    with using(other):
        thread = threading.Thread(target=lambda: seen.append(context.current()))
        thread.start()
        thread.join()
    assert seen == [connection]

    async def inside(which: Connection) -> bool:
        with using(which):
            await asyncio.sleep(0)
            return context.current() is which

    async def both() -> list[bool]:
        return list(await asyncio.gather(inside(connection), inside(other)))

    assert asyncio.run(both()) == [True, True]
    assert context.current() is connection


def test_every_class_call_takes_a_connection(connection: Connection, other: Connection) -> None:
    page = Page.find_by(title="Lisbon", using=other)
    assert page is not None
    note, item = page.notes[0], page.lists[0].items[0]
    for found in (
        Page.find(page.id, using=other),
        Page.where(title="Lisbon", using=other)[0],
        Page.search("tram", using=other)[0],
        Note.all(page=page.id, using=other)[0],
        Note.find(note.id, using=other),
        Note.find_by(title="Where we sleep", using=other),
        List.all(using=other)[0],
        Item.find(item.id, using=other),
        Item.find(item.id, list=item.list_id, using=other),
        Item.where(list=item.list_id, page=page.id, using=other)[0],
        Tag.all(using=other)[0],
        Tag.find_by(name="Travel", using=other),
        Tag.create(page=page.id, name="new", using=other),
    ):
        assert found is not None
        assert found.connection is other
    assert connection.stats.requests == 0


def test_a_pickled_page_comes_back_with_its_edits_and_without_a_request(
    connection: Connection, box: Sandbox
) -> None:
    page = Page.find(Page.all()[0].id)
    page.notes[0].title = "edited"
    page.title = "mine"
    before = box.requests
    data = pickle.dumps(page)
    twin = pickle.loads(data)
    assert twin == page
    assert twin.changes == {"title": ("Lisbon", "mine")}
    assert twin.notes[0].changes == {"title": ("Where we sleep", "edited")}
    assert twin.notes[0].page is twin
    assert twin.lists[0].items[0].content == "Walking shoes"
    assert box.requests == before
    assert box.token.encode() not in data
    assert twin.connection is connection
    twin.save()
    assert Page.find(page.id).title == "mine"


def test_a_pickle_opened_without_a_connection_can_be_read_but_not_saved(
    connection: Connection, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pickle.dumps(Page.find(Page.all()[0].id))
    monkeypatch.setattr(context, "_default", None)
    connection.close()
    page = pickle.loads(data)
    assert page.title == "Lisbon"
    assert page.notes[0].body
    page.title = "mine"
    with pytest.raises(NotConnected, match="pickles do not contain the token"):
        page.save()
    assert page.is_dirty
    connect(box.url, token=box.token)
    pickle.loads(pickle.dumps(page)).save()
    assert Page.find(page.id).title == "mine"
    connection.close()


def test_a_new_object_can_be_pickled(connection: Connection) -> None:
    twin = pickle.loads(pickle.dumps(Note(page=Page.all()[0], title="T")))
    assert twin.is_new
    assert twin.save()


def test_a_copy_has_edits_of_its_own(connection: Connection, box: Sandbox) -> None:
    page = Page.find(Page.all()[0].id)
    page.tags = names = ["a"]
    before = box.requests
    twin = copy.copy(page)
    assert twin == page
    assert twin.changes == page.changes
    names.append("b")
    twin.title = "twin"
    assert twin.changes["tags"][1] == ("a",)
    assert page.title == "Lisbon"
    assert twin.notes[0] == page.notes[0]
    assert twin.notes[0] is not page.notes[0]
    assert twin.notes[0].page is twin
    assert box.requests == before


def test_a_deep_copy_shares_the_connection_alone(connection: Connection) -> None:
    page = Page.find(Page.all()[0].id)
    page.notes[0].title = "edited"
    twin = copy.deepcopy(page)
    assert twin.connection is connection
    assert twin.notes[0].title == "edited"
    assert twin.notes[0] is not page.notes[0]
    assert twin.notes[0].page is twin


def test_records_of_another_account_are_not_taken_for_their_numbers(
    connection: Connection, other: Connection, box: Sandbox
) -> None:
    here, there = Page.find(Page.all()[0].id), Page.find(Page.all(using=other)[0].id, using=other)
    assert len(here.lists[0].items) == len(there.lists[0].items)
    user = Reminder.all(using=other)[0].creator
    before = box.requests
    for act in (
        lambda: here.link(there),
        lambda: here.unlink(there),
        lambda: here.reorder(there.belongings),
        lambda: here.lists[0].items.reorder(there.lists[0].items),
        lambda: Reminder.create(content="+30 x", remindees=[user]),  # type: ignore[list-item]
    ):
        with pytest.raises(ValidationError, match="belongs to another account"):
            act()
    assert box.requests == before


def test_matches_of_two_kinds_with_one_number_are_two(connection: Connection) -> None:
    page = Page.all()[0]
    note, twin, other = Match._full.load[Match](
        ((5, "note", "x"), (5, "note", "x"), (5, "list", "x")), page
    )
    assert note == twin
    assert len({note, twin, other}) == 2


def test_an_object_is_found_in_its_own_account(box: Sandbox, connection: Connection) -> None:
    token = box.add_account("other", seed="demo")
    with Connection(box.url, token=token) as other:
        theirs = Page.all(using=other)[0]
        assert Page.find(theirs).connection is other
        note = Note.all(page=theirs)[0]
        assert Note.find(note).connection is other
        with pytest.raises(ValidationError, match="belongs to Connection"):
            Page.find(theirs, using=connection)
        with pytest.raises(NotFound):
            Page.all(using=connection).find(theirs)
        with pytest.raises(ValidationError, match="belongs to another account"):
            Email.find(Email.all(using=other)[0], page=Page.all(using=connection)[0])


@pytest.mark.parametrize("model", [Calendar, User, Bookmark, Email, Gallery, Attachment])
def test_what_the_api_cannot_make_is_not_made_here_either(model: type[Model]) -> None:
    with pytest.raises(ReadOnly, match="the API has no call that creates one"):
        model()
