"""Values of any type: those equivalent to a plain value are accepted, others refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy
import pandas
import pytest

import backpack_orm
from backpack_orm import (
    Bookmark,
    Calendar,
    CalendarEvent,
    Connection,
    Item,
    JournalEntry,
    List,
    Model,
    Note,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
    ValidationError,
)
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.sandbox import Sandbox

SAVABLE: list[Any] = [
    model
    for name in backpack_orm.__all__
    if isinstance(model := getattr(backpack_orm, name), type) and issubclass(model, Savable)
    if hasattr(model, "_table")
]
NEEDED = [
    (model, name)
    for model in SAVABLE
    for name, field in model._table.fields.items()
    if field.is_required
]
NOT_OPTIONAL = [
    (model, name)
    for model in SAVABLE
    for name, field in model._table.fields.items()
    if not field.is_optional and not field.is_read_only
]
HUGE = 10**5000


class Mood(str, Enum):  # noqa: UP042 - what str() makes of it is not its text
    CALM = "calm"


@pytest.fixture
def page(connection: Connection) -> Page:
    page = Page.create(title="Values")
    page.lists.create(name="List").items.create(content="One")
    return Page.find(page)


def refused(box: Sandbox, error: type[Exception], saying: str, act: Callable[[], object]) -> None:
    """Make sure that something is refused with this message, and that nothing was sent."""
    before = box.requests
    with pytest.raises(error, match=saying):
        act()
    assert box.requests == before


def needs(model: Any) -> dict[str, Any]:
    """What a new object of a model cannot do without."""
    table = model._table
    given = {name: "tomorrow 9am x" for name, field in table.fields.items() if field.is_required}
    if table.parent is not None:
        target = table.parent.model
        given[table.parent.name] = target._stub(7, None) if target is List else 7  # type: ignore[assignment]
    return given


# --- None -------------------------------------------------------------------------------------


def test_every_model_that_needs_something_is_among_those_tested() -> None:
    assert {model for model, _ in NEEDED} == {
        CalendarEvent,
        Item,
        JournalEntry,
        Page,
        PageItem,
        Reminder,
        Tag,
    }


@pytest.mark.parametrize(("model", "name"), NEEDED)
def test_none_is_no_value_of_what_is_needed(
    connection: Connection, box: Sandbox, model: Any, name: str
) -> None:
    given = needs(model) | {name: None}
    saying = rf"{model.__name__} needs {name}=…, which cannot be None"
    refused(box, ValidationError, saying, lambda: model(**given))
    refused(box, ValidationError, saying, lambda: model.create(**given))


@pytest.mark.parametrize(("model", "name"), NOT_OPTIONAL)
def test_a_new_record_cannot_be_saved_with_none(
    connection: Connection, box: Sandbox, model: Any, name: str
) -> None:
    record = model(**needs(model))
    setattr(record, name, None)
    refused(box, ValidationError, rf"{model.__name__}.{name} cannot be None", record.save)


# --- numbers ----------------------------------------------------------------------------------


def test_an_integer_of_numpy_is_taken_wherever_an_id_is(page: Page) -> None:
    list, me = page.lists[0], User.me()
    list.items.create(content="Two")
    id = numpy.int64
    assert Page.find(id(page.id)) == page  # type: ignore[arg-type]
    assert page.lists.find(id(list.id)) == list  # type: ignore[arg-type]
    assert Item.find(id(list.items[0].id), list=id(list.id), page=id(page.id)) == list.items[0]  # type: ignore[arg-type]
    assert Note.create(page=id(page.id), title="x").page == page  # type: ignore[arg-type]
    list.items.reorder([id(item.id) for item in reversed(list.items)])  # type: ignore[misc]
    assert [item.content for item in list.items] == ["Two", "One"]
    page = Page.find(page, fresh=True)
    page.reorder([id(belonging.id) for belonging in page.belongings])  # type: ignore[misc]
    other = Page.create(title="Other")
    page.link(id(other.id))  # type: ignore[arg-type]
    assert page.linked_pages[0] == other
    reminder = Reminder.create(content="tomorrow x", remindees=[id(me.id)])  # type: ignore[list-item]
    assert [user.id for user in reminder.remindees] == [me.id]
    assert len(JournalEntry.all(user=id(me.id))) == len(JournalEntry.all(user=me))  # type: ignore[arg-type]
    assert Page.find_by(id=id(page.id)) == page
    assert type(Page.find(id(page.id)).id) is int  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "act",
    [
        lambda page, id: Page.find(id),
        lambda page, id: Note.find(id),
        lambda page, id: Note.find(id, page=page),
        lambda page, id: Note.all(page=id),
        lambda page, id: page.lists.find(id),
        lambda page, id: page.lists[0].items.reorder([id]),
        lambda page, id: page.reorder([id]),
        lambda page, id: page.link(id),
        lambda page, id: page.unlink(id),
        lambda page, id: Item.all(list=id),
        lambda page, id: CalendarEvent.all(calendar=id),
        lambda page, id: JournalEntry.all(user=id),
        lambda page, id: Status.find(id),
        lambda page, id: Note(page=id),
        lambda page, id: Reminder(content="now x", remindees=[id]).save(),
        lambda page, id: Page.find_by(id=id),
    ],
)
@pytest.mark.parametrize(
    "id",
    [HUGE, -HUGE, 2**63, True, numpy.True_, numpy.float64(7), float("nan"), pandas.NA, "7"],
    ids=["huge", "-huge", "2**63", "True", "numpy.True_", "float64", "nan", "NA", "text"],
)
def test_what_is_no_id_is_refused(
    page: Page, box: Sandbox, id: object, act: Callable[[Page, Any], object]
) -> None:
    list(page.belongings), list(page.lists[0].items)
    refused(box, ValidationError, ".", lambda: act(page, id))


def test_a_huge_number_breaks_no_message(page: Page, box: Sandbox) -> None:
    page.title = HUGE  # type: ignore[assignment]
    assert repr(page) == (f"Page(id={page.id}, title=<int that cannot be printed>, description='')")
    refused(box, ValidationError, "Page.title cannot be <int that cannot be printed>", page.save)
    page.discard()
    page.id = HUGE
    refused(box, backpack_orm.ReadOnly, "now <int that cannot be printed>", page.save)
    page.discard()
    page.tags = HUGE  # type: ignore[assignment]
    refused(box, ValidationError, "takes a list, not <int", page.save)


# --- booleans, times, texts -------------------------------------------------------------------


def test_a_boolean_of_numpy_is_a_boolean(page: Page) -> None:
    item = page.lists[0].items[0]
    item.completed = numpy.bool_(True)  # type: ignore[assignment]
    item.save()
    assert item.completed is True
    page.share(public=numpy.bool_(True))  # type: ignore[arg-type]
    assert Item.where(page=page, completed=numpy.bool_(True)).first() == item
    note = page.notes.create(title="x", show_created_at=numpy.bool_(False))  # type: ignore[arg-type]
    assert note.title == "x"


def test_a_timestamp_of_pandas_is_a_time(page: Page) -> None:
    moment = pandas.Timestamp("2031-06-01 09:30:00.123456789")
    reminder = Reminder.create(content="x", remind_at=moment)
    assert reminder.reload().remind_at == datetime(2031, 6, 1, 9, 30)
    reminder.remind_at = pandas.Timestamp("2031-06-01 09:30:00", tz="UTC")
    reminder.save()
    assert reminder.reload().remind_at == datetime(2031, 6, 1, 2, 30)


def test_a_text_of_any_subclass_is_a_text(page: Page) -> None:
    for number, text in enumerate((numpy.str_("calm"), Mood.CALM)):
        note = page.notes.create(title=text, body=text)
        assert (note.title, type(note.title)) == ("calm", str)
        page.tags = [text]
        page.save()
        assert Page.find(page, fresh=True).tags[0].name == "calm"
        assert page.notes.where(title=text)[number] == note


@pytest.mark.parametrize("value", [pandas.NaT, pandas.NA, float("nan"), numpy.float64("nan")])
def test_a_missing_value_of_a_data_frame_is_refused_as_such(
    page: Page, box: Sandbox, value: Any
) -> None:
    note, item = Note(page=page), page.lists[0].items[0]
    saying = "it is a missing value: omit it, or pass None"
    for record, name in ((note, "title"), (item, "completed"), (item, "content")):
        setattr(record, name, value)
        refused(box, ValidationError, saying, record.save)
        if not record.is_new:
            record.discard()
    refused(box, ValidationError, saying, Reminder(content="tomorrow x", remind_at=value).save)
    refused(box, ValidationError, saying, Reminder(content="x", remindees=[value]).save)
    refused(box, ValidationError, saying, lambda: Page.where(title=value))


@pytest.mark.parametrize("value", [Decimal(1), numpy.datetime64("2031-06-01"), b"x", object()])
def test_what_only_looks_like_a_value_is_refused(page: Page, box: Sandbox, value: Any) -> None:
    refused(box, ValidationError, "text is needed", Page(title=value).save)
    reminder = Reminder(content="x", remind_at=value)
    refused(box, ValidationError, "a datetime is needed", reminder.save)


# --- finding ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "saying"),
    [
        (lambda page: Page.where(title=["a"]), r"Page.title is never \['a'\].*use title__in=…"),
        (lambda page: Page.find_by(id="123"), "Page.id is never '123': a whole number is needed"),
        (lambda page: Page.where(title=5), "Page.title is never 5: text is needed"),
        (lambda page: Page.where(title=None), "Page.title is never None"),
        (lambda page: Item.where(completed="true"), "Item.completed is never 'true': True or"),
        (lambda page: Item.where(page=page, completed=1), "Item.completed is never 1"),
        (lambda page: page.lists.where(name=b"x"), "List.name is never b'x'"),
        (lambda page: page.lists.find_by(id=True), "List.id is never True"),
        (lambda page: Note.where(created_at="2031-01-01"), "Note.created_at is never .*datetime"),
        (lambda page: JournalEntry.find_by(body=7), "JournalEntry.body is never 7"),
        (lambda page: JournalEntry.where(body=7), "JournalEntry.body is never 7"),
        (lambda page: Tag.where(name=7), "Tag.name is never 7"),
        (lambda page: Calendar.find_by(name=7), "Calendar.name is never 7"),
        (lambda page: CalendarEvent.where(all_day="yes"), "CalendarEvent.all_day is never 'yes'"),
        (lambda page: User.find_by(name=("a",)), r"User.name is never \('a',\).*name__in"),
        (lambda page: Separator.where(name=7), "Separator.name is never 7"),
        (lambda page: Status.where(message=7), "Status.message is never 7"),
    ],
)
def test_what_can_never_match_is_refused(
    page: Page, box: Sandbox, act: Callable[[Page], object], saying: str
) -> None:
    list(page.lists)
    refused(box, ValidationError, saying, lambda: act(page))


def test_none_finds_what_has_no_value(page: Page) -> None:
    assert Page.where(scope=None) is not None
    assert CalendarEvent.find_by(occurs_until=None) is not None


def test_a_time_with_a_zone_is_not_compared_with_one_without(page: Page, box: Sandbox) -> None:
    note = page.notes.create(title="x").reload()
    naive, aware = note.created_at, note.created_at.replace(tzinfo=UTC)
    assert page.notes.find_by(created_at=naive) == note
    with pytest.raises(ValidationError, match="Note.created_at has no zone here.*without one"):
        page.notes.find_by(created_at=aware)
    entry = JournalEntry.all()[0]
    with pytest.raises(ValidationError, match="JournalEntry.created_at has a zone.*with one"):
        JournalEntry.find_by(created_at=entry.created_at.replace(tzinfo=None))
    there = entry.created_at.astimezone(timezone(timedelta(hours=5)))
    assert JournalEntry.find_by(created_at=there) is not None


# --- the right call ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "error", "saying"),
    [
        (lambda: Page.find(title="x"), TypeError, r"use Page.find_by\(title=…\)"),  # type: ignore[arg-type]
        (lambda: Note.find(title="x"), TypeError, r"use Note.find_by\(title=…\)"),  # type: ignore[arg-type]
        (lambda: Note.find(7, title="x"), TypeError, r"use Note.find_by\(title=…\)"),  # type: ignore[arg-type]
        (lambda: Tag.find(name="x"), TypeError, r"use Tag.find_by\(name=…\)"),  # type: ignore[arg-type]
        (lambda: Page.create("x"), TypeError, r"use Page.create\(title=…\)"),  # type: ignore[arg-type, call-arg]
        (lambda: List.create("x"), TypeError, r"use List.create\(name=…\)"),  # type: ignore[arg-type, call-arg]
        (lambda: Tag.create("x"), TypeError, r"use Tag.create\(name=…\)"),  # type: ignore[arg-type, call-arg]
        (lambda: Page.find(), TypeError, r"^Page.find\(\) takes an id$"),
        (lambda: Bookmark.find(position=1), TypeError, r"use Bookmark.find_by\(position=…\)"),  # type: ignore[arg-type]
        (lambda: Item.find(content="x"), TypeError, r"use Item.find_by\(content=…\)"),  # type: ignore[arg-type]
        (lambda: JournalEntry.create("x"), TypeError, r"use JournalEntry.create\(body=…\)"),  # type: ignore[arg-type, call-arg]
        (lambda: Page.get(7), TypeError, r"not 7; use Page.find\(7\)"),  # type: ignore[arg-type]
        (lambda: Note.filter(title="x"), AttributeError, r"use Note.where"),  # type: ignore[attr-defined]
        (lambda: Page.objects, AttributeError, r"use Page.all\(\)"),  # type: ignore[attr-defined]
        (lambda: List.create(page=7, title="x"), TypeError, r"as in List.create\(name=…\)"),  # type: ignore[call-arg]
        (lambda: Item.where(title="x"), TypeError, r"as in Item.where\(content=…\)"),
        (lambda: Page.frobnicate, AttributeError, "has no attribute 'frobnicate'$"),  # type: ignore[attr-defined]
    ],
)
def test_a_call_of_another_library_raises_with_the_right_one(
    connection: Connection, box: Sandbox, act: Any, error: type[Exception], saying: str
) -> None:
    refused(box, error, saying, act)


def test_an_error_in_a_right_call_stays_as_it_is(connection: Connection) -> None:
    class Trip(Page):
        def __init__(self, **attributes: Any) -> None:
            raise TypeError("of its own")

    with pytest.raises(TypeError, match="^of its own$"):
        Trip.create(title="x")


def test_models_have_no_such_names_by_accident() -> None:
    assert not hasattr(Model, "objects")
    assert not hasattr(Status, "filter")
