"""Relations: titles in collections, reloading, and lists that are assigned."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    Belonging,
    Calendar,
    Collection,
    Connection,
    Item,
    Model,
    Note,
    NotSaved,
    Page,
    PageItem,
    ReadOnly,
    Reminder,
    Tag,
    User,
    ValidationError,
)
from backpack_orm.orm.queries.collections import Embedded
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


# --- titles in collections --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("collection", "title"),
    [
        (lambda page: Page.all(), "Lisbon"),
        (lambda page: page.tags, "Travel"),
        (lambda page: page.lists, "Packing"),
        (lambda page: page.notes, "Where we sleep"),
        (lambda page: page.lists[0].items, "Sun hat"),
        (lambda page: page.items, "Sun hat"),
    ],
)
def test_in_takes_a_title_as_the_brackets_do(
    collection: Callable[[Page], Collection[Any]], title: str, page: Page
) -> None:
    found = collection(page)
    assert title in found
    assert found.index(title) == found.index(found[title])
    assert found.count(title) == 1
    assert "no such title" not in found
    assert found.count("no such title") == 0
    with pytest.raises(ValueError, match="'no such title' is not in this collection"):
        found.index("no such title")


def test_in_takes_a_record_still(page: Page) -> None:
    note = page.notes[1]
    assert note in page.notes
    assert Page.find(page.id, fresh=True).notes[1] in page.notes
    assert page.lists[0] not in page.notes
    assert None not in page.notes
    assert page.notes.index(note) == 1
    assert page.notes.index(note, -1) == 1
    with pytest.raises(ValueError, match="is not in this collection"):
        page.notes.index(note, 0, 1)


@pytest.mark.parametrize("ask", ["__contains__", "index", "count"])
def test_a_number_is_refused_with_the_way_out(ask: str, page: Page) -> None:
    with pytest.raises(TypeError, match=rf"{page.tags[0].id} could be an id or an index: use .fi"):
        getattr(page.tags, ask)(page.tags[0].id)


def test_a_text_is_refused_where_records_have_no_title(page: Page) -> None:
    with pytest.raises(TypeError, match="a Belonging has no title to find it by"):
        "Note" in page.belongings  # noqa: B015 - which raises


# --- reloading --------------------------------------------------------------------------------


def owners(page: Page) -> Iterator[Model]:
    """A record of every model that has relations."""
    me = User.me()
    yield from (page, page.lists[0], page.lists[0].items[0], page.notes[0], page.galleries[0])
    yield from (PageItem.all(page=page)[0], Reminder.all()[0], me, Calendar.all()[0])


def test_there_is_an_owner_of_every_relation(page: Page) -> None:
    models = [getattr(backpack_orm, name) for name in backpack_orm.__all__]
    with_relations = {
        model
        for model in models
        if isinstance(model, type) and issubclass(model, Model) and hasattr(model, "_table")
        if any(not relation.is_single for relation in model._table.relations.values())
    }
    assert {type(owner) for owner in owners(page)} == with_relations


@pytest.mark.parametrize("number", range(9))
def test_reloading_a_relation_asks_the_service(number: int, page: Page, box: Sandbox) -> None:
    owner = list(owners(page))[number]
    for name, relation in owner._table.relations.items():
        if relation.is_single:
            continue
        collection = getattr(owner, name)
        before = box.requests
        if name in ("messages", "matches"):
            with pytest.raises(
                ReadOnly, match=f"{type(owner).__name__}.{name} cannot be reloaded by"
            ):
                collection.reload()
            assert box.requests == before
        else:
            assert collection.reload() is collection
            assert box.requests > before, f"{type(owner).__name__}.{name}"


def test_reloading_shows_what_came_by_mail_meanwhile(connection: Connection, box: Sandbox) -> None:
    page = next(one for one in Page.all(load=True) if not len(one.emails))
    box.deliver_email(page.id, subject="Hello", body="From outside")
    before = box.requests
    assert [mail.subject for mail in page.emails.reload()] == ["Hello"]
    assert box.requests == before + 1


def test_relations_of_a_new_record_cannot_be_reloaded(connection: Connection) -> None:
    with pytest.raises(NotSaved, match="save"):
        Page(title="Porto").tags.reload()


def elsewhere(box: Sandbox) -> Connection:
    """A connection that shares nothing with the others, as of another process."""
    apart = Connection(box.url, token=box.token, limits=None)
    apart._cache._host = object()
    return apart


def test_reloading_a_page_reloads_its_scope(connection: Connection, box: Sandbox) -> None:
    page = Page.find_by(title="Lisbon")
    assert page is not None
    assert page.scope == "personal"
    Page.find(page.id, using=elsewhere(box)).share(["ana@example.com"])
    page.reload()
    assert page.scope == "friends"


def test_what_a_reload_omits_is_not_read_from_the_cache_either(
    connection: Connection, box: Sandbox
) -> None:
    page = Page.all()[0]
    packing, me = page.lists[0], User.me()
    calendar = Calendar.all()[0]
    known = [list(packing.reload().items), list(me.journal), list(calendar.events)]
    apart = elsewhere(box)
    Item.all(list=packing.id, page=page.id, using=apart)[0].destroy()
    User.me(using=apart).journal[0].destroy()
    Calendar.all(using=apart)[0].events[0].destroy()
    packing.reload(), me.reload(), calendar.reload()
    found: list[list[Any]] = [list(packing.items), list(me.journal), list(calendar.events)]
    assert [len(each) for each in found] == [len(each) - 1 for each in known]  # type: ignore[arg-type]


def test_reloading_retains_what_no_call_can_return(connection: Connection) -> None:
    page = Page.search("tram")[0]
    matches = list(page.matches)
    page.reload()
    assert list(page.matches) == matches != []


# --- lists that are assigned ------------------------------------------------------------------


def test_what_is_assigned_is_read_as_records(page: Page, box: Sandbox) -> None:
    travel = page.tags["Travel"]
    before = box.requests
    page.tags = ["A b", "Travel"]
    assert [tag.name for tag in page.tags] == ["A b", "Travel"]
    assert page.tags[0].name == "A b"
    assert page.tags["A b"] is page.tags[0]
    assert page.tags[0].is_new
    assert page.tags[1] is travel
    assert "A b" in page.tags
    assert "Portugal" not in page.tags
    assert page.tags.find_by(name="A b") is page.tags[0]
    assert page.tags.is_assigned
    assert box.requests == before


def test_people_are_read_as_records_too(connection: Connection, box: Sandbox) -> None:
    reminder, people = Reminder.all()[0], User.all()
    reminder.remindees = [people[1], people[2].id]
    before = box.requests
    assert [user.id for user in reminder.remindees] == [people[1].id, people[2].id]
    assert reminder.remindees[0] is people[1]
    assert isinstance(reminder.remindees[1], User)
    assert box.requests == before
    assert [user.name for user in reminder.remindees] == [people[1].name, people[2].name]
    assert reminder.save().fields == ("remindees",)
    fresh = Reminder.find(reminder.id, fresh=True)
    assert [user.id for user in fresh.remindees] == [people[1].id, people[2].id]


def test_after_saving_the_tags_are_those_of_the_service(page: Page) -> None:
    travel = page.tags["Travel"]
    page.tags = ["A", "Travel"]
    assert page.save().fields == ("tags",)
    assert not page.is_dirty
    assert not page.tags.is_assigned
    assert [(tag.name, tag.is_new) for tag in page.tags] == [("A", False), ("Travel", False)]
    assert page.tags["Travel"] is travel


def test_discarding_shows_what_was_loaded(page: Page) -> None:
    tags = list(page.tags)
    page.tags = ["A"]
    page.discard()
    assert not page.is_dirty
    assert all(mine is loaded for mine, loaded in zip(page.tags, tags, strict=True))


def test_edits_in_place_are_seen(page: Page) -> None:
    names = ["A"]
    page.tags = names
    first = page.tags[0]
    names.append("B")
    assert [tag.name for tag in page.tags] == ["A", "B"]
    assert page.tags[0] is first
    first.name = "C"
    assert page.changes["tags"][1] == ("C", "B")
    assert page.save().fields == ("tags",)
    assert [tag.name for tag in Page.find(page.id, fresh=True).tags] == ["C", "B"]


def test_a_collection_can_be_assigned(page: Page) -> None:
    other = Page.find_by(title="Recipes")
    assert other is not None
    page.tags = other.tags
    assert [tag.name for tag in page.tags] == [tag.name for tag in other.tags]
    page.tags = page.tags[1:]
    assert len(page.tags) == len(other.tags) - 1
    page.discard()
    page.tags = page.tags
    assert not page.is_dirty
    page.tags = list(page.tags)
    assert not page.is_dirty


def test_a_new_page_shows_its_tags(connection: Connection) -> None:
    page = Page(title="Porto", tags=["A"])
    assert page.tags[0].name == "A"
    page.save()
    assert [tag.name for tag in page.tags] == ["A"]
    assert not page.tags[0].is_new


BAD = [None, "Travel", 5, b"Travel", {"Travel": 1}, object, iter(["Travel"])]


@pytest.mark.parametrize("value", BAD, ids=lambda value: type(value).__name__)
def test_what_is_no_list_is_refused_by_save_and_breaks_nothing_else(
    value: Any, page: Page, box: Sandbox
) -> None:
    page.tags = value
    before = box.requests
    assert page.is_dirty
    assert page.changes["tags"] == (("Travel", "Long weekends", "Portugal"), value)
    assert "Page" in repr(page)
    assert repr(page.tags) == repr(value)
    assert page._repr_html_()
    assert dir(page.tags)
    assert page.to_dict()["tags"] is value
    with pytest.raises(ValidationError, match=r"^Page\.tags takes a list, not"):
        page.save()
    with pytest.raises(ValidationError, match=r"^Page\.tags takes a list, not"):
        len(page.tags)
    assert box.requests == before
    page.discard()
    assert not page.is_dirty


def test_none_is_refused_with_the_way_out(page: Page) -> None:
    page.tags = None  # type: ignore[assignment]  # just this is refused
    with pytest.raises(ValidationError, match=r"not None: assign \[\] to remove all"):
        page.save()
    page.tags = []
    page.save()
    assert list(Page.find(page.id, fresh=True).tags) == []


@pytest.mark.parametrize("value", [None, "x", 5, [5]], ids=repr)
@pytest.mark.parametrize("name", ["notes", "lists", "items", "belongings"])
def test_what_cannot_be_assigned_breaks_nothing_but_save(
    name: str, value: Any, page: Page, box: Sandbox
) -> None:
    setattr(page, name, value)
    assert bool(page.is_dirty)
    assert name in page.changes
    assert "Page" in repr(page)
    with pytest.raises(ReadOnly, match=rf"Page\.{name} cannot be changed"):
        page.save()
    page.discard()
    assert not page.is_dirty
    assert isinstance(getattr(page, name), Embedded)


@pytest.mark.parametrize("twin", [copy.copy, lambda page: pickle.loads(pickle.dumps(page))])
def test_copies_retain_what_was_assigned(twin: Callable[[Page], Page], page: Page) -> None:
    names = ["A"]
    page.tags = names
    other = twin(page)
    names.append("B")
    assert [tag.name for tag in other.tags] == ["A"]
    assert other.is_dirty
    assert [tag.name for tag in page.tags] == ["A", "B"]
    alone = pickle.loads(pickle.dumps(page.tags))
    assert [tag.name for tag in alone] == ["A", "B"]


def test_looking_whether_it_is_dirty_loads_no_name(connection: Connection, box: Sandbox) -> None:
    page = Page.find(Page.all()[0].id)
    page.tags = [Tag._stub(page.tags[0].id, connection)]
    before = box.requests
    assert page.is_dirty
    assert box.requests == before


# --- one record, two models -------------------------------------------------------------------


def test_the_items_of_a_page_are_those_of_its_first_list(page: Page, box: Sandbox) -> None:
    before = box.requests
    first = min(page.lists, key=lambda one: one.id)
    assert len(page.items) == len(first.items) > 0
    assert all(mine is its for mine, its in zip(page.items, first.items, strict=True))
    assert box.requests == before


def test_an_unsaved_edit_shows_in_both(page: Page) -> None:
    page.items[0].content = "edited"
    assert page.lists[0].items[0].content == "edited"
    page.lists[0].items[1].content = "edited too"
    assert page.items[1].content == "edited too"


def test_a_created_item_is_the_same_object_in_both(page: Page) -> None:
    item = page.items.create(content="Socks")
    assert any(each is item for each in page.items)
    assert any(each is item for each in page.lists[0].items)


def test_the_first_item_of_a_page_makes_a_list_and_is_the_same_object_in_both(
    connection: Connection,
) -> None:
    page = Page.create(title="Errands")
    item = page.items.create(content="Return the key")
    assert page.items[0] is item
    assert page.lists[0].items[0] is item
    item.complete()
    assert page.lists[0].items[0].completed
    assert Page.find(page.id, fresh=True).items[0].completed


def test_an_item_and_a_page_item_of_one_id_are_equal(page: Page) -> None:
    item: Item | PageItem = page.lists[0].items[0]
    same: Item | PageItem = PageItem.all(page=page)[0]
    assert type(item) is not type(same)
    assert item == same
    assert same == item
    assert hash(item) == hash(same)
    assert same in page.items
    assert page.items.find(same) is item  # for convenience
    assert PageItem.all(page=page)[1] != item
    note = Note._stub(item.id, page)
    assert note != item


def test_items_in_no_list_are_items_of_the_page_beside_those_of_its_first_list() -> None:
    export = b"""<page id='71' title='Old'><items><item id='1'>alone</item><item id='2'>both</item>
        </items><lists><list id='9' name='b'><items><item id='3'>later</item></items></list>
        <list id='8' name='a'><items><item id='2'>both</item></items></list></lists></page>"""
    page = backpack_orm.Export.read(export).pages[0]
    assert [(type(item), item.content) for item in page.items] == [
        (PageItem, "alone"),
        (Item, "both"),  # type: ignore[list-item]
    ]
    assert [item["content"] for item in page.to_dict()["items"]] == ["alone"]
    assert Belonging not in {type(item) for item in page.items}  # type: ignore[comparison-overlap]
    row = page.items.to_records()[1]
    assert (row["page_id"], row["list_id"]) == (71, 8)


def test_a_page_is_no_larger_as_a_dictionary_for_showing_items_twice(page: Page) -> None:
    assert page.to_dict()["items"] == []
    assert page.items[0].content in [
        item["content"] for item in page.to_dict()["lists"][0]["items"]
    ]


def test_the_items_of_a_page_go_with_the_list_that_held_them(connection: Connection) -> None:
    page = Page.find(Page.create(title="Errands").id)
    assert list(page.items) == []
    page.items.create(content="Return the key")
    assert [item.content for item in page.items] == ["Return the key"]
    page.lists[0].destroy()
    assert list(page.items) == []


def test_a_new_record_that_another_client_destroys_is_absent_after_a_reload(
    connection: Connection,
) -> None:
    page = Page.find(Page.create(title="Errands").id)
    assert list(page.notes) == []
    note = page.notes.create(title="Lunch")
    Note.find(note.id, page=page.id).destroy()
    assert list(page.notes.reload()) == []


@pytest.mark.parametrize("is_read", [True, False], ids=["read before", "not read before"])
@pytest.mark.parametrize("reloads", [True, False], ids=["reloaded", "as loaded"])
def test_a_page_item_that_is_toggled_is_toggled_in_the_list_too(
    connection: Connection, is_read: bool, reloads: bool
) -> None:
    page = Page.get(title="Lisbon")
    id = Page.find(page.id).items[0].id
    page.reload()
    if is_read:
        assert page.lists[0].items[0].id == id
    if reloads:
        page.tags.reload()
    PageItem.find(id, page=page).toggle()
    stored = Page.find(page.id, fresh=True).items.find(id).completed
    assert page.lists[0].items.find(id).completed is stored
    assert page.items.find(id).completed is stored
