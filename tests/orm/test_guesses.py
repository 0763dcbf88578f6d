"""What users of Django, Active Record, SQLAlchemy or peewee guess: it works, or names the call."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from backpack_orm import (
    CalendarEvent,
    Collection,
    Connection,
    Item,
    List,
    Note,
    NotFound,
    Page,
    Reminder,
    User,
    ValidationError,
)
from backpack_orm.sandbox import Sandbox

PAGE = Page(title="Lisbon")
NOTE = Note(page=PAGE, title="Hotel")
PACKING = List(page=PAGE, name="Packing")
ITEM = Item(list=PACKING, content="Socks")
NAMES: dict[str, Any] = {
    "Page": Page,
    "Note": Note,
    "Item": Item,
    "CalendarEvent": CalendarEvent,
    "Reminder": Reminder,
    "User": User,
    "page": PAGE,
    "note": NOTE,
    "packing": PACKING,
    "item": ITEM,
    "pages": Collection(Page, [PAGE]),
}
HINTS = """
Page.objects                        use Page.all()
Page.objects.filter(title="x")      use Page.all()
Page.query                          use Page.where(…)
Page.filter(title="x")              use Page.where(…)
Page.filter_by(title="x")           use Page.where(…)
Page.select()                       use Page.where(…)
Page.where_not(title="x")           use Page.exclude(…)
Page.reject()                       use Page.exclude(…)
Page.order_by("title")              use Page.all().order_by(…)
Page.order("title")                 use Page.all().order_by(…)
Page.limit(3)                       use Page.all()[:n]
Page.take(3)                        use Page.all()[:n]
Page.find_each()                    use Page.all()
Page.iterator()                     use Page.all()
Page.get_all()                      use Page.all()
Page.list()                         use Page.all()
Page.includes("notes")              use Page.all(load=True)
Page.prefetch_related("notes")      use Page.all(load=True)
Page.select_related("notes")        use Page.all(load=True)
Page.values("title")                use Page.all().to_records()
Page.pluck("title")                 use Page.all().to_records()
Page.get_or_none(title="x")         use Page.find_by(…)
Page.one_or_none()                  use Page.find_by(…)
Page.find_by_title("x")             use Page.find_by(title=…)
Item.find_by_content("x")           use Item.find_by(content=…)
Page.get_object_or_404(id=7)        use Page.get(…)
Page.retrieve(7)                    use Page.find(id)
Page.get_by_id(7)                   use Page.find(id)
Page.find_or_create_by(title="x")   use Page.get_or_create(…)
Page.first_or_create(title="x")     use Page.get_or_create(…)
Page.new(title="x")                 use Page.create(…)
Page.build(title="x")               use Page.create(…)
Page.delete(7)                      use Page.find(id).destroy()
Page.delete_all()                   use Page.all().destroy()
Page.destroy_all()                  use Page.all().destroy()
Page.update_all(title="x")          use Page.all().update(…)
Page.DoesNotExist                   use backpack_orm.NotFound
Page.MultipleObjectsReturned        use backpack_orm.MultipleFound
Page.find("Lisbon")                 use Page.get(title=…)
Page.find(title="Lisbon")           use Page.find_by(title=…)
Page.find([7, 8])                   use Page.where(id__in=…)
Page.get(7)                         use Page.find(7)
Page.get(pk=7)                      did you mean 'id', as in Page.where(id=…)?
Page.exists(7)                      use Page.find(7)
Page.where("title", "Lisbon")       use title=…
Page.where({"title": "Lisbon"})     pass a dictionary with **
Page.where(title=["a", "b"])        to match any of several, use title__in=…
Page.where(title__like="x")         use title__contains=…
Page.where(title__ilike="x")        use title__icontains=…
Page.where(title__not="x")          use title__ne=…
Page.where(title__neq="x")          use title__ne=…
Page.where(title__eq="x")           use title=…
Page.where(title__iregex="x")       use title__regex='(?i)…'
Page.where(title__not_in=["x"])     use exclude(title__in=…)
Note.where(created_at__range=[])    use created_at__gte=… and created_at__lte=…
Page.where(tags="Travel")           such as tags__name=…
Page.where(name="Lisbon")           did you mean 'title', as in Page.where(title=…)?
Note.where(text="x")                did you mean 'body', as in Note.where(body=…)?
Note.where(page_id=7)               use page=…
Item.where(done=True)               did you mean 'completed', as in Item.where(completed=…)?
Item.where(complete=True)           did you mean 'completed'?
CalendarEvent.where(starts_at=7)    as in CalendarEvent.where(occurs_at=…)?
Reminder.where(due_at=7)            did you mean 'remind_at', as in Reminder.where(remind_at=…)?
User.where(email="x")               did you mean 'email_address', as in User.where(email_address=…)?
Note.create("x")                    use Note.create(title=…)
Note.create(page="Lisbon")          use Page.get(title=…)
Item.create(list=7, content="x")    pass List.find(7)
Note.create_many(["x"])             use page.notes.create_many([…])
CalendarEvent.create_many(["x"])    use calendar.events.create_many([…])
Page.bulk_create(["x"])             use Page.create_many([…])
page.delete()                       use .destroy()
page.remove()                       use .destroy()
page.refresh()                      use .reload()
page.refresh_from_db()              use .reload()
page.pk                             use .id
page.changed                        use .changes
page.is_changed()                   use .is_dirty
page.new_record                     use .is_new
page.persisted                      use not .is_new
page.set(title="x")                 use .update(…)
page.update_attributes(title="x")   use .update(…)
page.full_clean()                   use .save(), which checks all values first
page.valid()                        use .save(), which checks all values first
page.clone()                        use .duplicate()
note.copy()                         use .copy_to(…)
note.move(page)                     use .move_to(…)
page.as_dict()                      use .to_dict()
page.json()                         use .to_json()
page.model_dump()                   use .to_dict()
page.note_set                       did you mean 'notes'?
page.name                           did you mean 'title'?
note.content                        did you mean 'body'?
item.title                          did you mean 'content'?
packing.title                       did you mean 'name'?
item.done                           use .completed
item.is_done                        use .completed
item.check()                        use .complete()
item.mark_done()                    use .complete()
item.uncheck()                      use .reopen()
page.notes.all()                    use the collection itself
page.notes.filter(title="x")        use .where(…)
page.notes.add(title="x")           use .create(…)
page.notes.append("x")              use .create(…)
page.notes.build(title="x")         use .create(…)
page.notes.new(title="x")           use .create(…)
page.notes.bulk_create([])          use .create_many([…])
page.notes.extend([])               use .create_many([…])
page.notes.delete()                 use .destroy()
page.notes.destroy_all()            use .destroy()
page.notes.clear()                  use .destroy()
page.notes.update_all(title="x")    use .update(…)
page.notes.refresh()                use .reload()
page.notes.get_or_none(title="x")   use .find_by(…)
page.notes.size                     use len(collection)
page.notes.length                   use len(collection)
page.notes.is_empty                 use not collection
page.notes.limit(3)                 use collection[:n]
page.notes.take(3)                  use collection[:n]
page.notes.values("title")          use .to_records()
page.notes.values_list("title")     use .to_records()
page.notes.pluck("title")           use .to_records()
page.notes.reverse()                use collection[::-1]
page.notes.sort(key=len)            use .order_by(…)
page.notes.sort_by("title")         use .order_by(…)
page.tags.append("x")               use .add(…)
pages.order("title")                use .order_by(…)
pages.not_(title="x")               use .exclude(…)
pages.find("Lisbon")                use Page.get(title=…)
page.notes == []                    compare list(…) of it
pages == ["Lisbon"]                 compare [each.title for each in …]
"""
GUESSES = [re.split(r"\s{2,}", line) for line in HINTS.strip().splitlines()]


@pytest.mark.parametrize(("guess", "hint"), GUESSES, ids=[guess for guess, _ in GUESSES])
def test_a_guess_that_does_not_work_names_what_does(guess: str, hint: str) -> None:
    with pytest.raises((AttributeError, TypeError, ValidationError)) as caught:
        eval(guess, NAMES)  # a line of this file
    assert str(caught.value).endswith(hint)


def test_a_hint_names_only_calls_that_exist() -> None:
    for guess, lacking in [
        (lambda: User.new(name="x"), "new"),  # type: ignore[attr-defined]
        (lambda: User.delete(7), "delete"),  # type: ignore[attr-defined]
        (lambda: NOTE.done, "done"),  # type: ignore[attr-defined]
        (lambda: PAGE.tags.refreshed, "refreshed"),  # type: ignore[attr-defined]
        (lambda: Collection(User, []).append, "append"),  # type: ignore[attr-defined]
    ]:
        with pytest.raises(AttributeError, match=f"has no attribute '{lacking}'$"):
            guess()  # type: ignore[no-untyped-call]


LISBON: dict[str, Callable[[Page], object]] = {
    "exclude": lambda page: page.notes.exclude(title="") == [page.notes[0]],
    "class-level exclude": lambda page: page not in Page.exclude(title="Lisbon"),
    "difference": lambda page: page not in Page.all() - Page.where(title="Lisbon"),
    "not equal": lambda page: page not in Page.where(title__ne="Lisbon"),
    "the year of a time": lambda page: page.notes.where(created_at__year=2026) == page.notes,
    "deep conditions": lambda page: page in Page.where(lists__items__content="Sun hat"),
    "the title of an item's page": lambda page: Item.where(page__title="Lisbon", completed=True),
    "order_by(key)": lambda page: page.notes.order_by(len_of_title)[0].title == "",
    "len(list)": lambda page: len(page.lists["Packing"]) == len(page.lists["Packing"].items),
    "an empty list is true": lambda page: bool(page.lists.create(name="Empty")),
    "collection == list": lambda page: page.notes == [page.notes[0], page.notes[1]],
    "list == collection": lambda page: [*page.notes] == page.notes,
    "collection == collection": lambda page: page.notes == Page.find(page.id).notes,
    "collection != list": lambda page: page.notes != [page.notes[1], page.notes[0]],
    "collections of different records": lambda page: page.notes != page.lists,
    "a weak reference to a record": lambda page: weakref.ref(page)() is page,
    "a weak reference to a collection": lambda page: weakref.ref(page.notes)() is page.notes,
    "Page.create_many": lambda page: len(Page.create_many(["Porto", Page(title="Evora")])) == 2,
    "an index by title": lambda page: page.notes["Where we sleep"] == page.notes[0],
    "in": lambda page: "Packing" in [each.name for each in page.lists],
    "truth": lambda page: page.notes and not page.notes.where(title="no such note"),
    "reversed": lambda page: next(reversed(page.notes)) == page.notes[-1],
    "max": lambda page: max(page.notes, key=len_of_title).title == "Where we sleep",
    "exists": lambda page: page.notes.exists(title="Where we sleep") and page.exists(),
    "count": lambda page: page.notes.count() == 2,
    "first and last": lambda page: page.notes.first() != page.notes.last(),
    "unpacking": lambda page: (lambda first, second: first != second)(*page.notes),  # type: ignore[arg-type]
    "update": lambda page: page.update(title="Lisboa").updated,
    "toggle": lambda page: page.lists[0].items[0].toggle() is None,  # type: ignore[func-returns-value]
    "filtering by a record": lambda page: Note.where(page=page) == page.notes,
    "filtering by an id": lambda page: Note.where(page=page.id) == page.notes,
}


def len_of_title(note: Note) -> int:
    return len(note.title)


@pytest.mark.parametrize("guess", LISBON)
def test_a_guess_works(guess: str, connection: Connection) -> None:
    assert LISBON[guess](Page.find(Page.get(title="Lisbon").id))


def test_an_id_names_the_target_of_a_move(box: Sandbox, connection: Connection) -> None:
    lisbon, garden = Page.get(title="Lisbon"), Page.get(title="The garden")
    packing, seen = lisbon.lists["Packing"], lisbon.lists["Not to be missed"]
    assert packing.items["Sun hat"].move_to(seen.id).record in seen.items.reload()
    assert packing.items.where(completed=True).copy_to(seen.id).records
    assert lisbon.notes[0].move_to(garden.id).record in garden.notes.reload()
    assert packing.copy_to(garden.id).record in garden.lists.reload()


def test_an_id_of_no_target_changes_nothing(box: Sandbox, connection: Connection) -> None:
    note = Page.get(title="Lisbon").notes[0]
    with pytest.raises(NotFound):
        note.move_to(7)
    before = box.requests
    for target in (0, True, "The garden", None, note):
        with pytest.raises(ValidationError, match="Note.move_to takes the id of a record"):
            note.move_to(target)  # type: ignore[arg-type]
    assert box.requests == before
    assert note.reload() is note


def test_comparing_collections_makes_no_request(box: Sandbox, connection: Connection) -> None:
    page = Page.get(title="Lisbon")
    before = box.requests
    assert page.notes == page.notes
    assert page.notes != page.lists
    others: list[Any] = [[], page.all()[0].notes, (1, 2)]
    for other in others:
        with pytest.raises(TypeError, match="not loaded yet> makes no request for =="):
            assert page.notes == other
    with pytest.raises(TypeError, match="not read yet"):
        assert Note.where(title="") == []
    assert box.requests == before
    assert page.notes != "notes"
    assert list(page.notes) == page.notes


def test_a_collection_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Collection(Page, []))
