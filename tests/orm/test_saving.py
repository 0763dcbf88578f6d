"""Dirty tracking and saving."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from backpack_orm import (
    ApiError,
    Connection,
    Destroyed,
    Item,
    Note,
    NotFound,
    NotSaved,
    OutcomeUnknown,
    Page,
    ReadOnly,
    Reminder,
    SaveResult,
    ServerError,
    StaleRecord,
    ValidationError,
)
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.endpoint import Endpoint


@pytest.fixture
def note(connection: Connection) -> Note:
    return Page.all()[0].notes[0]


def test_an_assignment_of_the_same_value_is_clean(note: Note) -> None:
    note.title = "Where we" + " sleep"
    assert not note.is_dirty
    assert note.changes == {}


def test_a_change_has_the_old_and_the_new_value(note: Note) -> None:
    note.title = "Beds"
    assert note.is_dirty
    assert note.changes == {"title": ("Where we sleep", "Beds")}


def test_an_undone_change_is_clean(note: Note) -> None:
    note.title = "Beds"
    note.title = "Where we sleep"
    assert not note.is_dirty


def test_discard_goes_back(note: Note, box: Sandbox) -> None:
    before = box.requests
    note.title, note.body, note.show_created_at = "a", "b", True
    note.discard()
    found: tuple[object, ...] = note.title, note.is_dirty, note.show_created_at
    assert found == ("Where we sleep", False, None)
    assert note.body.startswith("Rua da Bica")
    assert box.requests == before


def test_a_list_that_was_assigned_is_seen_when_changed_in_place(note: Note) -> None:
    page = note.page
    page.tags = names = ["Travel", "Long weekends", "Portugal"]
    assert not page.is_dirty
    names.append("Sea")
    assert page.changes == {
        "tags": (
            ("Travel", "Long weekends", "Portugal"),
            ("Travel", "Long weekends", "Portugal", "Sea"),
        )
    }
    page.discard()
    assert [tag.name for tag in page.tags] == ["Travel", "Long weekends", "Portugal"]


def test_what_was_not_loaded_can_be_set_without_loading_it(
    connection: Connection, box: Sandbox
) -> None:
    page = Page.all()[0]
    page.description = "new"
    assert page.changes == {"description": (None, "new")}
    assert box.requests == 1
    assert page.email_address
    assert page.description == "new"
    assert page.is_dirty
    assert page.save() == SaveResult(updated=True, fields=("description",))


def test_a_discarded_change_of_what_was_not_loaded_is_loaded_when_asked(
    connection: Connection,
) -> None:
    page = Page.all()[0]
    page.description = "new"
    page.discard()
    assert page.description.startswith("Ten days")


def test_loading_the_rest_retains_local_changes(connection: Connection) -> None:
    page = Page.all()[0]
    page.title = "Mine"
    assert page.notes
    assert page.title == "Mine"
    assert page.changes == {"title": ("Lisbon", "Mine")}


def test_an_unsaved_edit_survives_its_neighbours_creation(note: Note) -> None:
    page = note.page
    page.notes[1].title = "edited"
    page.notes.create(title="third")
    assert page.notes[1].title == "edited"
    assert page.notes[1].save() == SaveResult(updated=True, fields=("title",))
    assert [found.title for found in Note.all(page=page)] == ["Where we sleep", "edited", "third"]


def test_a_new_object_is_new_until_it_is_saved(note: Note) -> None:
    made = Note(page=note.page, title="T")
    assert bool(made.is_new)
    assert bool(made.is_dirty)
    assert made.changes == {"title": ("", "T")}
    assert made.to_dict()["id"] is None
    assert repr(made) == "Note(title='T', body='')"
    assert made.save() == SaveResult(created=True, fields=("title",))
    assert not made.is_new
    assert not made.save()


def test_an_empty_note_can_be_created(note: Note) -> None:
    made = Note(page=note.page)
    assert made.save() == SaveResult(created=True, fields=())
    assert bool(SaveResult(created=True))
    assert made.id


def test_reload_gives_edits_up(note: Note, box: Sandbox) -> None:
    twin = Note.find(note.id, page=note.page)
    twin.title = "theirs"
    twin.save()
    note.title, note.body = "mine", "mine"
    before = box.requests
    assert note.reload() is note
    assert box.requests == before + 1
    assert note.title == "theirs"
    assert not note.is_dirty


def test_reload_of_a_page_reloads_its_contents(note: Note, box: Sandbox) -> None:
    page = note.page
    Page.find(page.id).notes.create(title="elsewhere")
    assert len(page.notes) == 2
    before = box.requests
    page.reload()
    assert len(page.notes) == 3
    assert page.notes[0] is note
    assert box.requests == before + 1


def test_check_refuses_what_has_changed_meanwhile(note: Note, box: Sandbox) -> None:
    twin = Note.find(note.id, page=note.page, fresh=True)
    twin.body = "theirs"
    twin.save()
    note.title = "mine"
    before = box.requests
    with pytest.raises(StaleRecord, match="body was 'Rua.* and is 'theirs'"):
        note.save(check=True)
    assert box.requests == before + 1
    note.reload()
    note.title = "mine"
    assert note.save(check=True)
    assert box.requests == before + 4


def test_check_finds_what_is_gone(note: Note) -> None:
    Note.find(note.id, page=note.page).destroy()
    note.title = "mine"
    with pytest.raises(NotFound, match="no longer exists"):
        note.save(check=True)
    assert note.is_dirty


def test_a_destroyed_object_can_do_nothing_more(note: Note, box: Sandbox) -> None:
    note.destroy()
    before = box.requests
    note.title = "ghost"
    for act in (note.save, note.destroy, note.reload):
        with pytest.raises(Destroyed, match="was destroyed"):
            act()
    assert box.requests == before


def test_a_destroyed_page_loads_nothing_more(connection: Connection, box: Sandbox) -> None:
    page = Page.find(Page.all()[0].id)
    page.destroy()
    before = box.requests
    with pytest.raises(Destroyed):
        _ = page.scope
    with pytest.raises(Destroyed):
        page.notes.reload()
    with pytest.raises(Destroyed):
        page.email_copy()
    assert box.requests == before


def test_an_unsaved_object_cannot_be_destroyed(note: Note, box: Sandbox) -> None:
    before = box.requests
    made = Note(page=note.page, title="T")
    with pytest.raises(NotSaved, match="is not on the service yet: call save\\(\\) first"):
        made.destroy()
    with pytest.raises(NotSaved):
        made.reload()
    with pytest.raises(NotSaved):
        made.discard()
    assert box.requests == before


def test_an_unsaved_page_has_nothing_on_it_yet(connection: Connection, box: Sandbox) -> None:
    page = Page(title="later")
    with pytest.raises(NotSaved, match="save\\(\\) it first"):
        page.notes.first()
    with pytest.raises(NotSaved):
        Note.create(page=page, title="T")
    with pytest.raises(NotSaved):
        page.duplicate()
    assert box.requests == 0


@pytest.mark.parametrize("name", ["id", "created_at"])
def test_a_read_only_field_cannot_be_saved(note: Note, box: Sandbox, name: str) -> None:
    before = box.requests
    setattr(note, name, 5)
    note.title = "mine"
    with pytest.raises(ReadOnly, match=f"Note.{name} cannot be changed"):
        note.save()
    with pytest.raises(ReadOnly):
        note.destroy()
    assert box.requests == before
    note.discard()
    assert not note.is_dirty


def test_a_collection_cannot_be_replaced(note: Note, box: Sandbox) -> None:
    before = box.requests
    note.page.notes = [note]  # type: ignore[assignment]  # just this is refused
    with pytest.raises(ReadOnly, match="Page.notes cannot be changed"):
        note.page.save()
    assert box.requests == before


def test_a_child_cannot_move_to_another_parent(note: Note, connection: Connection) -> None:
    with pytest.raises(ReadOnly, match="Note.page"):
        note.page = Page.all()[1]
    with pytest.raises(ReadOnly, match="use move_to"):
        note.page_id = 5  # just this is refused


def test_a_group_that_was_saved_is_clean_when_the_next_one_fails(
    connection: Connection, box: Sandbox
) -> None:
    page, twin = Page.all()[0], Page.all()[0]
    page.title, page.tags, page.description = "T", ["a"], "d"

    def fail_on_tags(endpoint: object, *args: object, **more: object) -> object:
        if endpoint is Page._tag:
            raise ServerError("Internal error", status=500)
        return call(endpoint, *args, **more)

    call: Callable[..., object] = connection.call
    connection.call = fail_on_tags  # type: ignore[assignment,method-assign]
    with pytest.raises(ApiError) as caught:
        page.save()
    assert "saved before: title; not saved: description, tags" in str(caught.value)
    assert set(page.changes) == {"tags", "description"}
    assert Page.find(twin.id, fresh=True).title == "T"


def test_complete_takes_other_edits_along(connection: Connection) -> None:
    item = Page.all()[0].lists[0].items[0]
    item.content = "Boots"
    assert item.complete().fields == ("completed", "content")
    assert not item.is_dirty
    assert Item.find(item.id).content == "Boots"


def test_a_saved_edit_outlives_its_neighbours_end(note: Note) -> None:
    page = note.page
    note.title = "NEW"
    note.save()
    page.notes[1].destroy()
    assert page.notes.first() is note
    assert note.title == "NEW"
    note.body = "x"
    note.save()
    assert Note.find(note.id, page=page).title == "NEW"


def test_a_generator_of_tags_is_refused(note: Note, box: Sandbox) -> None:
    before = box.requests
    note.page.tags = (name for name in ["a", "b"])
    with pytest.raises(ValidationError, match="takes a list"):
        note.page.save()
    assert box.requests == before


def test_a_wrongly_assigned_list_can_be_discarded(note: Note) -> None:
    note.page.tags = "Travel"  # just this is refused
    note.page.discard()
    assert [tag.name for tag in note.page.tags][:1] == ["Travel"]


def test_a_time_cannot_be_taken_away(connection: Connection, box: Sandbox) -> None:
    reminder = Reminder.all()[0]
    reminder.remind_at = None
    before = box.requests
    with pytest.raises(ValidationError, match="remind_at cannot be removed"):
        reminder.save()
    assert box.requests == before


def test_a_created_child_is_the_one_in_its_collection(note: Note) -> None:
    made = note.page.notes.create(title="a")
    assert note.page.notes.find(made.id) is made


def test_reloading_the_items_of_a_page_retains_its_local_changes(note: Note) -> None:
    note.page.title = "edited"
    assert Item.all(page=note.page, fresh=True)
    assert note.page.title == "edited"


def test_a_page_that_went_is_passed_over(connection: Connection, box: Sandbox) -> None:
    pages = Page.all()
    other = Connection(box.url, token=box.token)
    Page.find(pages[3].id, using=other).destroy()
    assert pages[3].id not in {note.page_id for note in Note.all()}


def test_a_copy_knows_what_was_saved(note: Note) -> None:
    note.title = "NEW"
    note.save()
    twin = copy.copy(note.page)
    assert twin.notes[0].title == "NEW"
    assert twin.notes[0].page is twin


def test_a_destroyed_item_stays_destroyed(note: Note) -> None:
    item = note.page.lists[0].items[0]
    item.destroy()
    for act in (item.toggle, item.move_lower, item.complete):
        with pytest.raises(Destroyed):
            act()
    assert item.is_destroyed


def test_equal_tags_are_objects_again_after_a_clean_save(note: Note, box: Sandbox) -> None:
    note.page.tags = ["Travel", "Long weekends", "Portugal"]
    before = box.requests
    assert not note.page.save()
    assert note.page.tags[0].name == "Travel"
    assert box.requests == before


def test_check_looks_at_tags_too(note: Note) -> None:
    twin = Page.find(note.page_id)
    twin.tags = ["theirs"]
    twin.save()
    note.page.tags = ["mine"]
    with pytest.raises(StaleRecord, match="tags was"):
        note.page.save(check=True)


def test_an_item_is_not_made_by_the_id_of_its_list_alone(note: Note, box: Sandbox) -> None:
    before = box.requests
    with pytest.raises(
        ValidationError, match=r"Item.list takes a List, not only its id.*List.find\("
    ):
        Item.create(list=note.page.lists[0].id, content="x")
    assert box.requests == before


def test_what_the_api_cannot_return_again_has_no_reload(note: Note) -> None:
    assert not hasattr(note.page.belongings[0], "reload")
    assert hasattr(note, "reload")
    assert hasattr(note.page.tags[0], "reload")


def test_a_child_is_created_where_it_is_asked_for(note: Note, box: Sandbox) -> None:
    other = Page.all()[1]
    before = box.requests
    with pytest.raises(TypeError, match="leave page= out"):
        note.page.notes.create(page=other, title="T")  # type: ignore[call-arg]
    for call in (note.page.notes.get_or_create, note.page.notes.update_or_create):
        with pytest.raises(TypeError, match="leave page= out"):
            call(page=other, title="T")
        with pytest.raises(TypeError, match="leave page= out"):
            call(title="T", defaults={"page": other})
    assert box.requests == before


def test_what_the_response_to_a_create_omits_is_loaded(connection: Connection) -> None:
    reminder = Reminder(content="tomorrow 9am Call the hotel")
    created = Reminder.create(content="tomorrow 9am Call the hotel")
    reminder._apply_created(Reminder._record_of(created.id), {"content": ""}, ["content"])
    assert reminder.content == "Call the hotel"
    assert reminder.remind_at == created.remind_at
    assert not reminder.is_dirty


def test_after_an_unknown_outcome_the_service_is_asked_again(
    note: Note, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, item = note.page, note.page.lists[0].items[0]
    assert len(page.notes) == 2
    call: Callable[..., object] = connection.call

    def lose_the_response(endpoint: Endpoint, *args: object, **more: object) -> object:
        response = call(endpoint, *args, **more)
        if endpoint.is_idempotent:
            return response
        raise OutcomeUnknown("the response was lost")

    monkeypatch.setattr(connection, "call", lose_the_response)
    for act in (item.toggle, lambda: page.notes.create(title="third")):
        with pytest.raises(OutcomeUnknown):
            act()
    assert item.completed
    assert [found.title for found in page.notes] == ["Where we sleep", "", "third"]
