"""Models of one's own: subclasses of the resources, with attributes and methods added."""

from __future__ import annotations

import abc
import copy
import inspect
import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, ClassVar

import pytest

import backpack_orm
from backpack_orm import (
    Attachment,
    Calendar,
    Collection,
    Connection,
    Embeds,
    HasItems,
    HasMany,
    Item,
    List,
    Model,
    Note,
    Page,
    Status,
    User,
)

MODELS = {
    name: found
    for name, found in ((name, getattr(backpack_orm, name)) for name in backpack_orm.__all__)
    if isinstance(found, type) and issubclass(found, Model) and found is not Model
}


class Trip(Page):
    """A page with an attribute and methods of its own."""

    rating: int
    is_favourite: bool = False

    def packed(self) -> bool:
        return all(item.completed for item in self.lists["Packing"].items)

    @property
    def shouted(self) -> str:
        return self.title.upper()

    @property
    def broken(self) -> str:
        return self.title.nonsense  # type: ignore[attr-defined,no-any-return]


class CityTrip(Trip):
    """A subclass of a subclass."""

    district: str = "Baixa"


class Counting:
    """A mixin without slots, which brings a `__dict__`."""

    visits: int = 0

    def visit(self) -> None:
        self.visits += 1


class Described(abc.ABC):
    """An abstract mixin without attributes."""

    __slots__ = ()

    @abc.abstractmethod
    def describe(self) -> str: ...


class CountedTrip(Counting, Trip):
    """A subclass whose objects have a `__dict__`, by a mixin before it."""


class CountedAfter(Trip, Counting):
    """The same, by a mixin after it."""


class DescribedTrip(Trip, Described):
    def describe(self) -> str:
        return f"a trip: {self.title}"


class CachedTrip(Trip):
    @cached_property
    def title_parts(self) -> list[str]:
        return self.title.split()


SUBCLASSES = [Trip, CityTrip, CountedTrip, CountedAfter, DescribedTrip, CachedTrip]


def finders() -> Iterator[tuple[str, str]]:
    """Every public method that returns records of the class that it is called on."""
    for model_name, model in MODELS.items():
        for name, found in inspect.getmembers(model):
            returned = str(getattr(found, "__annotations__", {}).get("return", ""))
            if not name.startswith("_") and "Self" in returned:
                yield model_name, name


_NEW: dict[str, Callable[[], dict[str, Any]]] = {
    "Item": lambda: {"list": Page.get(title="Lisbon").lists[0], "content": "Socks"},
    "JournalEntry": lambda: {"user": User.me(), "body": "Watered the plants"},
    "CalendarEvent": lambda: {"calendar": Calendar.all()[0], "title": "9/27 2pm Tea"},
    "List": lambda: {"page": Page.all()[0], "name": "Food"},
    "Note": lambda: {"page": Page.all()[0], "title": "Lunch"},
    "Page": lambda: {"title": "Porto"},
    "Reminder": lambda: {"content": "tomorrow 9am Call"},
    "Status": lambda: {"user": User.me(), "message": "away"},
    "Tag": lambda: {"page": Page.all()[0], "name": "Sea"},
    "PageItem": lambda: {"page": Page.all()[0], "content": "Socks"},
}


def returned_by(model: type[Any], name: str) -> Iterable[object]:
    """What the method gives, as a list of records."""
    if name.endswith(("create", "create_many")):
        given = _NEW.get(model._resource.__name__, lambda: {"page": Page.all()[0]})()
        if name == "create_many":
            return list(model.create_many([{"title": "Porto"}]))
        created = getattr(model, name)(**given)
        return [created] if name == "create" else [created[0]]
    if name == "me":
        return [model.me()]
    if name == "search":
        return list(model.search("tram"))
    if name in ("all", "iter"):
        return list(getattr(model, name)())
    some = _some(model)
    if name == "reload":
        return [some.reload()]
    if name == "duplicate":
        return list(some.duplicate().records)
    if name == "find":
        return [model.find(some.user if isinstance(some, Status) else some)]
    attributes = {"id": some.id}
    found = getattr(model, name)(**attributes)
    return list(found) if isinstance(found, Collection) else [found]


def _some(model: type[Any]) -> Any:
    """A record of a model, which is one's own where others' cannot be read."""
    if model._resource.__name__ == "JournalEntry":
        return model.all(user=User.me())[0]
    return model.all()[0]


@pytest.mark.parametrize("model", sorted({model for model, _ in finders()}))
def test_what_a_method_returns_is_of_the_subclass(connection: Connection, model: str) -> None:
    subclass = type(f"My{model}", (MODELS[model],), {})
    for method in [method for each, method in finders() if each == model]:
        found = list(returned_by(subclass, method))
        assert found, method
        assert {type(record) for record in found} == {subclass}, method


def test_every_model_has_finders() -> None:
    named = {model for model, _ in finders()}
    embedded = {"Match", "Message", "Belonging"}
    assert named == MODELS.keys() - embedded


@pytest.mark.parametrize("cls", SUBCLASSES)
def test_a_subclass_loads_creates_saves_and_destroys(
    connection: Connection, cls: type[Trip]
) -> None:
    made = cls.create(title="Porto")  # type: ignore[arg-type]
    assert type(made) is cls
    found = cls.find(made.id)
    assert (type(found), found.description, found.shouted) == (cls, "", "PORTO")
    found.title = "Braga"
    assert found.save().fields == ("title",)
    assert cls.find(made.id, fresh=True).title == "Braga"
    found.destroy()
    assert found.is_destroyed


@pytest.mark.parametrize("cls", SUBCLASSES)
def test_a_misspelled_attribute_still_raises(connection: Connection, cls: type[Trip]) -> None:
    for trip in (cls(title="Porto"), cls.all()[0], cls.find(cls.all()[0].id)):
        with pytest.raises(AttributeError, match="titel"):
            trip.titel = "Porto"  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="titel"):
            trip.titel  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("cls", SUBCLASSES)
def test_declared_attributes_are_stored_and_never_sent(
    connection: Connection, cls: type[Trip]
) -> None:
    trip = cls.find_by(title="Lisbon")
    assert trip is not None
    assert trip.is_favourite is False
    trip.is_favourite, trip.rating = True, 5
    assert not trip.is_dirty
    assert trip.changes == {}
    assert not trip.save()
    assert not {"is_favourite", "rating"} & trip.to_dict().keys()
    assert (trip.is_favourite, trip.rating) == (True, 5)
    del trip.is_favourite
    assert trip.is_favourite is False


def test_annotations_need_not_be_postponed() -> None:
    source = "class Trip(Page):\n    budget: int = 7\n    mood: str\n    limit: ClassVar[int] = 9"
    names: dict[str, Any] = {"Page": Page, "ClassVar": ClassVar}
    exec(compile(source, "trip.py", "exec", dont_inherit=True), names)
    trip = names["Trip"](title="Lisbon")
    assert trip.budget == 7
    trip.budget, trip.mood = 8, "good"
    assert (trip.budget, trip.mood, trip.limit) == (8, "good", 9)
    with pytest.raises(AttributeError):
        trip.limit = 10


def test_a_declared_attribute_without_a_value_raises(connection: Connection) -> None:
    with pytest.raises(AttributeError, match="rating"):
        Trip.all()[0].rating  # noqa: B018


@pytest.mark.parametrize("cls", SUBCLASSES)
def test_a_subclass_and_its_model_are_equal_for_one_record(
    connection: Connection, cls: type[Trip]
) -> None:
    trip, page = cls.all()[0], Page.all()[0]
    assert trip == page
    assert page == trip
    assert hash(trip) == hash(page)
    assert len({trip, page}) == 1
    assert type(cls.find(page)) is cls  # type: ignore[arg-type]
    assert type(Page.find(trip)) is Page
    assert trip in Page.all()
    assert Page.all().find(trip) == page


@pytest.mark.parametrize("cls", SUBCLASSES)
def test_copies_and_pickles_retain_the_class_and_its_attributes(
    connection: Connection, cls: type[Trip]
) -> None:
    trip = cls.find(cls.all()[0].id)
    trip.rating, trip.title = 5, "Lisboa"
    for twin in (copy.copy(trip), copy.deepcopy(trip), pickle.loads(pickle.dumps(trip))):
        assert type(twin) is cls
        assert (twin.rating, twin.title, twin) == (5, "Lisboa", trip)
        assert twin.changes == {"title": ("Lisbon", "Lisboa")}


def test_a_repr_and_the_display_name_the_subclass(connection: Connection) -> None:
    trip = Trip.all()[0]
    assert repr(trip).startswith("Trip(id=")
    assert "Trip" in trip._repr_html_()


def test_methods_and_overridden_calls_run(connection: Connection) -> None:
    class Loud(Note):
        saves: ClassVar[list[str]] = []

        def save(self, *, check: bool = False) -> backpack_orm.SaveResult:
            self.title = self.title.upper()
            result = super().save(check=check)
            self.saves.append(self.title)
            return result

        def destroy(self) -> None:  # type: ignore[override]
            self.saves.append("destroyed")
            super().destroy()

        def reload(self) -> Loud:
            self.saves.append("reloaded")
            return super().reload()

    note = Loud.create(page=Page.all()[0], title="hotel")
    assert note.reload().title == "HOTEL"
    note.destroy()
    assert Loud.saves == ["HOTEL", "reloaded", "destroyed"]


def test_parents_know_of_children_whatever_their_class(connection: Connection) -> None:
    class MyNote(Note):
        pass

    page = Page.find(Page.all()[0].id)
    before = len(page.notes)
    note = MyNote.create(page=page, title="Lunch")
    assert len(page.notes) == before + 1
    note.destroy()
    assert len(page.notes) == before


def test_mixins_bring_state_that_is_theirs_alone(connection: Connection) -> None:
    trip = CountedTrip.all()[0]
    trip.visit()
    trip.visit()
    assert (trip.visits, Counting.visits, trip.is_dirty) == (2, 0, False)


def test_a_cached_property_is_computed_once(connection: Connection) -> None:
    trip = CachedTrip.all()[0]
    assert trip.title_parts is trip.title_parts


def test_an_error_in_a_property_is_its_own(connection: Connection) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        Trip.all()[0].broken  # noqa: B018


def test_an_abstract_mixin_has_to_be_implemented(connection: Connection) -> None:
    class Undescribed(Page, Described):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Undescribed(title="Porto")  # type: ignore[abstract]
    assert DescribedTrip.all()[0].describe() == "a trip: Lisbon"


def test_a_hook_for_subclasses_runs_once_for_each(connection: Connection) -> None:
    seen: list[str] = []

    class Base(Page, Counting):
        def __init_subclass__(cls) -> None:
            super().__init_subclass__()
            seen.append(cls.__name__)

    class Sub(Base):
        pass

    assert type(Sub.all()[0]) is Sub
    assert seen == ["Sub"]


def test_a_mixin_with_slots_is_refused_with_the_way_out() -> None:
    class Slotted:
        __slots__ = ("visits",)

    with pytest.raises(TypeError, match="Remove __slots__ from the mixin"):
        type("Bad", (Page, Slotted), {})
    with pytest.raises(TypeError, match="at most one base may have slots"):
        type("Both", (Page, Note), {})


@pytest.mark.parametrize("default", [[], {}, set()])
def test_a_default_that_objects_would_share_is_refused(default: object) -> None:
    with pytest.raises(TypeError, match="which all objects would share"):
        type("Bad", (Page,), {"__annotations__": {"seen": "object"}, "seen": default})


SHADOWS: dict[str, tuple[type, dict[str, Any]]] = {
    "a field": (Page, {"__annotations__": {"title": "str"}, "title": "x"}),
    "a field without annotation": (Page, {"title": "x"}),
    "a field by a property": (Page, {"title": property(str)}),
    "a field by a method": (Note, {"body": lambda self: ""}),
    "a slot": (Page, {"__slots__": ("title",)}),
    "the id": (Page, {"__annotations__": {"id": "int"}, "id": 7}),
    "a relation": (Page, {"__annotations__": {"tags": "list"}, "tags": []}),
    "a relation by a property": (Page, {"notes": property(list)}),
    "a parent": (Note, {"__annotations__": {"page": "str"}, "page": "x"}),
    "the id of a parent": (Note, {"page_id": 7}),
    "a signal": (Page, {"__annotations__": {"saved": "bool"}}),
    "a signal with a default": (Page, {"__annotations__": {"created": "bool"}, "created": True}),
    "a signal by a method": (Page, {"destroyed": lambda self: True}),
    "a method": (Item, {"__annotations__": {"complete": "bool"}, "complete": False}),
    "a property": (Page, {"__annotations__": {"changes": "int"}, "changes": 0}),
    "a field of a subclass of a subclass": (CityTrip, {"title": "x"}),
}


@pytest.mark.parametrize("what", SHADOWS)
def test_a_subclass_that_hides_what_its_model_has_is_refused_when_it_is_made(what: str) -> None:
    model, namespace = SHADOWS[what]
    with pytest.raises(TypeError, match=r"^Bad\.\w+ would hide the .* choose another name"):
        type("Bad", (model,), dict(namespace))


@pytest.mark.parametrize("value", ["x", property(str)])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_mixin_that_hides_a_field_is_refused(is_first: bool, value: object) -> None:
    mixin = type("Mixin", (), {"title": value})
    bases = (mixin, Page) if is_first else (Page, mixin)
    with pytest.raises(TypeError, match="Mixin.title would hide the attribute of its records"):
        type("Bad", bases, {})


def test_a_mixin_may_annotate_the_fields_that_it_uses(connection: Connection) -> None:
    class Titled:
        title: str

        def shout(self) -> str:
            return self.title.upper()

    class Loud(Titled, Page):
        pass

    page = Loud.all()[0]
    assert page.shout() == "LISBON"
    page.title = "Lisboa"
    assert page.changes == {"title": ("Lisbon", "Lisboa")}


def test_a_subclass_may_give_an_inherited_attribute_another_default(connection: Connection) -> None:
    class Rated(Trip):
        is_favourite = True

    trip = Rated.all()[0]
    assert trip.is_favourite
    trip.is_favourite = False
    assert not trip.is_favourite
    assert Rated.all()[1].is_favourite
    assert not Trip.all()[0].is_favourite


def test_attributes_of_the_resource_can_be_annotated_again(connection: Connection) -> None:
    class Narrow(Page):
        title: str

    page = Narrow.all()[0]
    page.title = "Lisboa"
    assert page.changes == {"title": ("Lisbon", "Lisboa")}


class TripNote(Note):
    pass


class Chore(Item):
    pass


class Chores(List):
    items = HasItems(Chore)


class NarrowTrip(Page):
    notes = HasMany(TripNote)
    lists = HasMany(Chores)


class NarrowerTrip(NarrowTrip):
    pass


@pytest.mark.parametrize("cls", [NarrowTrip, NarrowerTrip])
def test_a_narrowed_relation_gives_and_creates_its_class(
    connection: Connection, cls: type[NarrowTrip]
) -> None:
    page = cls.find(cls.all()[0].id)
    assert {type(note) for note in page.notes} == {TripNote}
    assert {type(item) for each in page.lists for item in each.items} == {Chore}
    made = page.notes.create(title="Lunch")
    assert type(made) is TripNote
    assert made.page is page
    assert made in list(page.notes)
    assert type(page.lists[0].items.create(content="Socks")) is Chore


def test_narrowing_leaves_the_model_as_it_is(connection: Connection) -> None:
    assert type(Page.find(Page.all()[0].id).notes[0]) is Note


def test_what_cannot_be_narrowed_is_refused() -> None:
    with pytest.raises(TypeError, match="takes a subclass of Note, not Attachment"):
        type("Bad", (Page,), {"notes": Embeds(Attachment)})
    with pytest.raises(TypeError, match="nots cannot be declared; did you mean 'notes'"):
        type("Bad", (Page,), {"nots": HasMany(TripNote)})


def test_a_mixin_without_a_dict_brings_slots_and_one_with_a_dict_does_not() -> None:
    class Rated:
        __slots__ = ()
        stars: int

    class Visited:
        visits: int

    class RatedPage(Rated, Page):
        pass

    class VisitedPage(Visited, Page):
        pass

    rated, visited = RatedPage(title="x"), VisitedPage(title="x")
    rated.stars, visited.visits = 5, 3
    assert (rated.stars, visited.visits) == (5, 3)
    assert not hasattr(rated, "__dict__")
    assert vars(visited) == {"visits": 3}
