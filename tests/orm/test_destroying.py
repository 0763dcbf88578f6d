"""What `destroy` returns suffices to create the record again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest

import backpack_orm
from backpack_orm import (
    CalendarEvent,
    Connection,
    Email,
    Export,
    Item,
    JournalEntry,
    List,
    Model,
    NotConnected,
    Note,
    NotFound,
    Page,
    PageItem,
    Reminder,
    Separator,
    Tag,
    User,
)
from backpack_orm.orm.queries.plain import jsonable
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.sandbox import Sandbox

Plain: TypeAlias = dict[str, Any]


def create_page(plain: Plain) -> Page:
    """Create a page with all that the API can put on it, in the same order."""
    page = Page.create(
        title=plain["title"],
        description=plain["description"],
        tags=[tag["name"] for tag in plain["tags"]],
    )
    new: dict[tuple[str, int], Model] = {}
    for each in plain["notes"]:
        new["Note", each["id"]] = create_note(each | {"page_id": page.id})
    for each in plain["lists"]:
        new["List", each["id"]] = create_list(each | {"page_id": page.id})
    for each in plain["separators"]:
        new["Separator", each["id"]] = create_separator(each | {"page_id": page.id})
    for linked in plain["linked_pages"]:
        page.link(linked["id"])
    page = Page.find(page.id, fresh=True)
    order = [(each["type"], each["widget_id"]) for each in plain["belongings"]]
    page.reorder([new[key] for key in order if key in new])
    return Page.find(page.id, fresh=True)


def create_note(plain: Plain) -> Note:
    return Note.create(page=plain["page_id"], title=plain["title"], body=plain["body"])


def create_list(plain: Plain) -> List:
    created = List.create(page=plain["page_id"], name=plain["name"])
    for item in plain["items"]:
        created.items.create(content=item["content"], completed=item["completed"])
    return created


def create_item(plain: Plain) -> Item:
    place = List.find(plain["list_id"], page=plain["page_id"])
    return place.items.create(content=plain["content"], completed=plain["completed"])


def create_page_item(plain: Plain) -> PageItem:
    return PageItem.create(
        page=plain["page_id"], content=plain["content"], completed=plain["completed"]
    )


def create_tag(plain: Plain) -> Tag:
    for id in plain["page_ids"]:
        tag = Tag.create(page=id, name=plain["name"])
    return tag


def create_separator(plain: Plain) -> Separator:
    return Separator.create(page=plain["page_id"], name=plain["name"])


def create_reminder(plain: Plain) -> Reminder:
    return Reminder.create(
        content=plain["content"],
        remind_at=plain["remind_at"],
        remindees=[user["id"] for user in plain["remindees"]],
    )


def create_entry(plain: Plain) -> JournalEntry:
    return JournalEntry.create(user=plain["user_id"], body=plain["body"])


def create_event(plain: Plain) -> CalendarEvent:
    start = plain["occurs_at"]
    if not plain["all_day"]:
        start = start.astimezone(ZoneInfo(User.me().connection.zone.key))
    date = f"{start:%m/%d}" if plain["all_day"] else f"{start:%m/%d %H:%M}"
    return CalendarEvent.create(
        calendar=plain["calendar_id"], title=f"{date} {plain['title']}", remind=plain["remind"]
    )


RECREATE: dict[type[Destroyable], Callable[[Plain], Any]] = {
    Page: create_page,
    Note: create_note,
    List: create_list,
    Item: create_item,
    PageItem: create_page_item,
    Tag: create_tag,
    Separator: create_separator,
    Reminder: create_reminder,
    JournalEntry: create_entry,
    CalendarEvent: create_event,
}
WIDGETS = {"Note", "List", "Separator"}
NEW = {"id", "created_at", "updated_at", "email_address", "widget_id", "occurs_until", "messages"}
"""What is different in a record that was created again, or cannot be set through the API."""
FIND: dict[type[Destroyable], Callable[[], list[Any]]] = {
    Page: lambda: [page for page in Page.all() if page.scope == "personal"],
    Note: lambda: list(Note.all()),
    List: lambda: list(List.all()),
    Item: lambda: list(Item.all())[:20],
    PageItem: lambda: [PageItem.create(page=Page.all()[0], content="Key", completed=True)],
    Tag: lambda: list(Tag.all()),
    Separator: lambda: list(Separator.all()),
    Reminder: lambda: list(Reminder.all()),
    JournalEntry: lambda: list(JournalEntry.all(user=User.me()))[:5],
    CalendarEvent: lambda: [each for each in CalendarEvent.all() if "Rehearsal" in each.title][4:],
}


def comparable(value: Any) -> Any:
    """Return plain values without what is different in another record of the same content."""
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items() if name not in NEW}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    return value


def test_each_kind_of_record_that_can_be_created_is_tested() -> None:
    public = [getattr(backpack_orm, name) for name in backpack_orm.__all__]
    models = {each for each in public if isinstance(each, type) and issubclass(each, Destroyable)}
    assert models - {Email} == RECREATE.keys() == FIND.keys()


@pytest.mark.parametrize("model", RECREATE, ids=lambda model: model.__name__)
def test_a_destroyed_record_is_created_again(
    model: type[Destroyable], box: Sandbox, connection: Connection
) -> None:
    backpack_orm.connect(box.url, token=box.token, limits=None)
    found = FIND[model]()
    assert found
    for record in found:
        gone = record.destroy()
        assert json.loads(json.dumps(jsonable(gone))) == jsonable(gone)
        again = RECREATE[model](gone).destroy()
        for plain in (gone, again):
            if model is Tag:
                plain.pop("page_id")  # that of any page with the tag
            if model is Page:
                for name in ("emails", "galleries", "attachments", "scope"):  # no call sets them
                    plain.pop(name, None)
                kinds = [each["type"] for each in plain["belongings"]]
                plain["belongings"] = [kind for kind in kinds if kind in WIDGETS]
        assert comparable(again) == comparable(gone)


def test_a_record_that_is_not_loaded_is_loaded_before(box: Sandbox, connection: Connection) -> None:
    lisbon = Page.all()[0]
    before = box.requests
    gone = lisbon.destroy()
    assert box.requests == before + 2
    assert len(gone["lists"][0]["items"]) > 5
    assert len(lisbon.notes) == 2  # the object has loaded it, too
    assert box.requests == before + 2


def test_a_page_with_ten_times_as_much_makes_no_more_requests(
    box: Sandbox, connection: Connection
) -> None:
    for number in (3, 30):
        page = Page.create(title="Much")
        for each in range(number):
            page.notes.create(title=f"{each}")
        before = box.requests
        gone = Page.find_by(title="Much", fresh=True)
        assert gone is not None
        assert len(gone.destroy()["notes"]) == number
        assert box.requests == before + 3  # one of them lists the pages


def test_a_record_that_is_gone_is_not_destroyed(connection: Connection) -> None:
    page, same = Page.all()[0], Page.all()[0]
    page.destroy()
    with pytest.raises(NotFound):
        same.destroy()
    assert not same.is_destroyed


def test_local_changes_are_not_returned(connection: Connection) -> None:
    page = Page.find(Page.all()[0].id)
    note = page.notes[0]
    title = note.title
    note.title, page.title, page.tags = "Elsewhere", "Porto", ["Sea"]
    gone = page.destroy()
    assert gone["title"] == "Lisbon"
    assert [tag["name"] for tag in gone["tags"]] == ["Travel", "Long weekends", "Portugal"]
    assert gone["notes"][0]["title"] == title
    assert page.title == "Porto"


def test_an_email_is_returned_although_it_cannot_be_created(connection: Connection) -> None:
    mail = Email.all()[0]
    gone = mail.destroy()
    assert (gone["subject"], gone["body"]) == (mail.subject, mail.body)
    assert gone["page_id"] == mail.page_id


def test_a_failure_to_load_leaves_the_record(box: Sandbox, connection: Connection) -> None:
    page = Page.all()[0]
    box.faults.status(500, path=f"ws/page/{page.id}", times=10)
    with pytest.raises(backpack_orm.BackpackError):
        page.destroy()
    assert not page.is_destroyed
    assert "Lisbon" in Page.all(fresh=True)


def test_nothing_in_a_file_is_destroyed() -> None:
    source = b"<pages><page id='7' title='P'/></pages>"
    page = Export.read(source).pages[0]
    with pytest.raises(NotConnected):
        page.destroy()


def test_the_time_of_a_reminder_is_plain(connection: Connection) -> None:
    at = datetime(2031, 1, 2, 9, 5)
    gone = Reminder.create(content="Call", remind_at=at).destroy()
    assert gone["remind_at"] == at
    assert gone["remind_at"] - timedelta(days=1) < at
