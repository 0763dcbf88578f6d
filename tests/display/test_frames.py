"""Collections as dictionaries, as JSON, and as data frames of pandas and polars."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest

import backpack_orm
from backpack_orm import (
    Calendar,
    Collection,
    Connection,
    Export,
    Image,
    Item,
    JournalEntry,
    Model,
    Note,
    Page,
    Reminder,
    Tag,
)
from backpack_orm.sandbox import Sandbox

MODELS = [
    value
    for value in (getattr(backpack_orm, name) for name in backpack_orm.__all__)
    if isinstance(value, type) and issubclass(value, Model) and value is not Model
]


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


def dtypes(frame: pd.DataFrame) -> dict[Any, str]:
    return {name: kind.name for name, kind in frame.dtypes.items()}


def test_records_are_plain_dictionaries(page: Page) -> None:
    packing = page.lists["Packing"]
    records = packing.items.to_records()
    assert len(records) == len(packing.items)
    assert records[0] == {
        "id": packing.items[0].id,
        "page_id": page.id,
        "page_title": "Lisbon",
        "list_id": packing.id,
        "list_name": "Packing",
        "content": "Walking shoes",
        "completed": False,
        "updated_at": None,
    }
    assert type(records[0]) is dict


def test_records_of_a_loaded_collection_make_no_request(page: Page, box: Sandbox) -> None:
    before = box.requests
    for collection in (page.notes, page.tags, page.belongings, page.lists[0].items):
        assert collection.to_records()
        assert len(collection.to_frame()) == len(collection)
    assert box.requests == before


def test_attributes_that_are_not_loaded_are_missing_values(
    connection: Connection, box: Sandbox
) -> None:
    pages = Page.all()
    before = box.requests
    assert pages.to_records()[0]["description"] is None
    assert pages.to_frame().description.isna().all()
    assert box.requests == before


def test_a_collection_that_is_not_loaded_makes_one_request(
    connection: Connection, box: Sandbox
) -> None:
    notes = Page.all()[0].notes
    before = box.requests
    assert len(notes.to_records()) == 2
    assert len(notes.to_frame()) == 2
    assert box.requests == before + 1


def test_columns_have_the_types_of_their_fields(page: Page) -> None:
    assert dtypes(page.lists[0].items.to_frame()) == {
        "id": "Int64",
        "page_id": "Int64",
        "page_title": "string",
        "list_id": "Int64",
        "list_name": "string",
        "content": "string",
        "completed": "boolean",
        "updated_at": "datetime64[us]",
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_empty_frame_has_the_columns_of_a_full_one(model: type[Model]) -> None:
    empty = Collection(model, []).to_frame()
    assert list(empty) == list(Collection(model, [model._stub(7, None)]).to_frame())
    assert next(iter(empty)) == "id"
    assert len(empty) == 0
    assert set(dtypes(empty).values()) <= {"Int64", "boolean", "string", "datetime64[us]"}


def test_items_of_all_pages_are_one_frame(connection: Connection, box: Sandbox) -> None:
    frame = Item.all().to_frame()
    assert box.requests == 3, "the user, the list of pages, and the export"
    assert frame.id.is_unique
    lists = {each.id: each.page_id for page in Page.all(load=True) for each in page.lists}
    assert dict(zip(frame.list_id, frame.page_id, strict=True)) == {
        id: page for id, page in lists.items() if id in set(frame.list_id)
    }


def test_images_have_the_ids_of_gallery_and_page(connection: Connection) -> None:
    image = Image.all()[0]
    (row,) = Collection(Image, [image]).to_records()
    assert (row["page_id"], row["gallery_id"]) == (image.gallery.page_id, image.gallery_id)


def test_tags_have_the_id_of_a_page(page: Page) -> None:
    assert Tag.all().to_records()[0]["page_id"] == page.id


def test_times_of_the_account_stay_naive(page: Page) -> None:
    created = page.notes.to_frame().created_at
    assert created.dtype == "datetime64[us]"
    assert created[0].to_pydatetime() == page.notes[0].created_at


def test_time_zones_are_preserved(box: Sandbox) -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    connection = Connection(box.url, token=box.token, timezone="Europe/Lisbon")
    notes = Note.all(page=Page.all(using=connection)[0])
    created = notes.to_frame().created_at
    assert created.dtype == pd.DatetimeTZDtype("us", lisbon)
    assert created[0] == notes[0].created_at
    with backpack_orm.using(connection):
        assert JournalEntry.all().to_frame().created_at.dtype == pd.DatetimeTZDtype("us", "UTC")


def test_times_in_several_zones_are_converted_to_utc() -> None:
    noon = datetime(2031, 1, 2, 12)
    zones = [UTC, timezone(timedelta(hours=2))]
    reminders = [Reminder(content="x", remind_at=noon.replace(tzinfo=zone)) for zone in zones]
    times = Collection(Reminder, reminders).to_frame().remind_at
    assert [time.isoformat() for time in times] == [
        "2031-01-02T12:00:00+00:00",
        "2031-01-02T10:00:00+00:00",
    ]


def test_aware_and_naive_times_are_not_mixed() -> None:
    noon = datetime(2031, 1, 2, 12)
    reminders = [Reminder(content="x", remind_at=time) for time in (noon, noon.astimezone())]
    times = Collection(Reminder, reminders).to_frame().remind_at
    assert times.dtype == object
    assert [time.tzinfo is None for time in times] == [True, False]


def test_times_of_any_year_are_converted() -> None:
    long_ago = Reminder(content="x", remind_at=datetime(1492, 1, 1))
    times = Collection(Reminder, [long_ago]).to_frame().remind_at
    assert times[0].year == 1492


def test_missing_integers_do_not_turn_the_column_into_floats(page: Page) -> None:
    frame = Collection(Item, [page.lists[0].items[0], Item._stub(2**53 + 1, None)]).to_frame()
    assert frame.id[1] == 2**53 + 1
    assert frame.page_id[0] == page.id
    assert frame.page_id[1] is pd.NA
    assert frame.completed[1] is pd.NA


def test_unsaved_changes_are_included(page: Page) -> None:
    page.notes[0].title = "Elsewhere"
    assert page.notes.to_records()[0]["title"] == "Elsewhere"


def test_secrets_of_calendars_are_excluded(connection: Connection) -> None:
    frame = Calendar.all().to_frame()
    assert "name" in frame
    assert not {"token", "ics_url", "ical_subscription_url"} & set(frame)


def test_without_pandas_the_error_names_the_extra_to_install(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'backpack_orm\[pandas\]'"):
        page.notes.to_frame()
    assert page.notes.to_records()


# --- JSON -------------------------------------------------------------------------------------


def test_records_are_json(page: Page, box: Sandbox) -> None:
    before = box.requests
    for collection in (page.notes, page.tags, page.belongings, page.lists[0].items):
        records = collection.to_records(json=True)
        assert json.loads(json.dumps(records)) == records
        assert json.loads(collection.to_json()) == records
    assert page.notes.to_records(json=True)[0]["created_at"] == "2026-05-02T04:39:02"
    assert box.requests == before


def test_times_with_a_zone_have_an_offset(connection: Connection) -> None:
    entry = next(JournalEntry.iter())
    assert entry.to_dict(json=True)["created_at"] == "2026-05-14T16:29:02+00:00"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_records_that_are_not_loaded_are_json(model: type[Model]) -> None:
    stub = model._stub(7, None)
    assert json.loads(stub.to_json())["id"] == 7
    assert json.loads(Collection(model, [stub]).to_json())[0]["id"] == 7


def test_a_whole_page_is_json(connection: Connection, box: Sandbox) -> None:
    for page in Page.all(load=True):
        before = box.requests
        plain = json.loads(page.to_json())
        assert plain == page.to_dict(json=True)
        assert plain["title"] == page.title
        assert [note["body"] for note in plain["notes"]] == [note.body for note in page.notes]
        assert box.requests == before


def test_json_contains_letters_of_all_scripts(connection: Connection) -> None:
    page = next(page for page in Page.all() if page.title.startswith("Words"))
    assert page.title in page.to_json()
    assert page.to_json(indent=2).startswith("{\n  ")
    assert page.notes.to_json(indent=2).startswith("[\n  {\n    ")


def test_assigned_values_are_json(page: Page) -> None:
    page.tags = [page.tags[0], "Sea side"]
    assert json.loads(page.to_json())["tags"] == [page.tags[0].to_dict(), "Sea side"]
    reminder = Reminder(content="x", remind_at=datetime(2031, 1, 2), remindees=(7,))
    assert json.loads(reminder.to_json())["remindees"] == [7]


def test_what_json_cannot_represent_is_refused(page: Page) -> None:
    page.title = 1.5 + 2j  # type: ignore[assignment]  # what save() would refuse too
    with pytest.raises(TypeError, match=r"JSON cannot represent \(1\.5\+2j\)"):
        page.to_json()


# --- titles of parents ------------------------------------------------------------------------


def test_records_have_the_titles_of_their_parents(connection: Connection, box: Sandbox) -> None:
    items = Item.all().to_frame()
    assert set(items.page_title[items.list_name == "Packing"]) == {"Lisbon"}
    assert JournalEntry.all().to_records()[0]["user_name"] == "Tomás Leite"
    image = Image.all()[0]
    (row,) = Collection(Image, [image]).to_records()
    assert (row["gallery_name"], row["page_title"]) == (
        image.gallery.name,
        image.gallery.page.title,
    )


def test_a_title_that_is_not_loaded_makes_no_request(connection: Connection, box: Sandbox) -> None:
    id = Page.all()[0].id
    notes = Note.all(page=id)
    before = box.requests
    assert [row["page_title"] for row in notes.to_records()] == [None, None]
    assert notes.to_frame().page_title.isna().all()
    assert box.requests == before


# --- polars -----------------------------------------------------------------------------------


def test_polars_columns_have_the_types_of_their_fields(page: Page, box: Sandbox) -> None:
    before = box.requests
    frame = page.lists[0].items.to_polars()
    assert dict(frame.schema) == {
        "id": pl.Int64,
        "page_id": pl.Int64,
        "page_title": pl.String,
        "list_id": pl.Int64,
        "list_name": pl.String,
        "content": pl.String,
        "completed": pl.Boolean,
        "updated_at": pl.Datetime("us"),
    }
    assert frame.height == len(page.lists[0].items)
    assert box.requests == before


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_empty_polars_frame_has_the_columns_of_a_full_one(model: type[Model]) -> None:
    empty = Collection(model, []).to_polars()
    assert empty.schema == Collection(model, [model._stub(7, None)]).to_polars().schema
    assert empty.columns == list(Collection(model, []).to_frame())
    assert empty.height == 0


def test_both_kinds_of_frames_have_the_same_values(connection: Connection) -> None:
    for collection in (Item.all(), Note.all(), JournalEntry.all(), Reminder.all(), Page.all()):
        rows = collection.to_records()
        assert collection.to_polars().to_dicts() == rows
        frame = collection.to_frame().astype(object)
        assert frame.where(frame.notna(), None).to_dict("records") == rows


def test_polars_times_keep_their_zone(box: Sandbox) -> None:
    with Connection(box.url, token=box.token, timezone="Europe/Lisbon") as connection:
        notes = Note.all(page=Page.all(using=connection)[0])
        created = notes.to_polars()["created_at"]
        assert created.dtype == pl.Datetime("us", "Europe/Lisbon")
        assert created.to_list() == [note.created_at for note in notes]
        entries = JournalEntry.all(using=connection)
        assert entries.to_polars()["created_at"].dtype == pl.Datetime("us", "UTC")


def test_polars_times_in_several_zones_are_converted_to_utc() -> None:
    noon = datetime(2031, 1, 2, 12)
    zones = [UTC, timezone(timedelta(hours=2)), ZoneInfo("Europe/Lisbon")]
    reminders = [Reminder(content="x", remind_at=noon.replace(tzinfo=zone)) for zone in zones]
    reminders.append(Reminder(content="x"))
    times = Collection(Reminder, reminders).to_polars()["remind_at"]
    assert times.dtype == pl.Datetime("us", "UTC")
    assert times.to_list() == [each.remind_at for each in reminders]
    (east,) = Collection(Reminder, reminders[1:2]).to_polars()["remind_at"]
    assert (east, east.utcoffset()) == (reminders[1].remind_at, timedelta())


def test_polars_does_not_mix_aware_and_naive_times() -> None:
    noon = datetime(2031, 1, 2, 12)
    reminders = [Reminder(content="x", remind_at=time) for time in (noon, noon.astimezone())]
    times = Collection(Reminder, reminders).to_polars()["remind_at"]
    assert times.dtype == pl.Object
    assert [time.tzinfo is None for time in times] == [True, False]


def test_polars_integers_stay_exact(page: Page) -> None:
    frame = Collection(Item, [page.lists[0].items[0], Item._stub(2**53 + 1, None)]).to_polars()
    assert frame["id"][1] == 2**53 + 1
    assert frame["page_id"].to_list() == [page.id, None]
    assert frame["completed"][1] is None


def test_without_polars_the_error_names_the_extra_to_install(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"pip install 'backpack_orm\[polars\]'"):
        page.notes.to_polars()


def test_records_of_a_file_are_frames_and_json() -> None:
    source = b"<pages><page id='7' title='P'><notes><note id='3' title='x'/></notes></page></pages>"
    page = Export.read(source).pages[0]
    assert page.notes.to_polars()["page_title"].to_list() == ["P"]
    assert json.loads(page.to_json())["notes"][0]["title"] == "x"
