"""The documented responses of every call that returns data, as the mapper reads them.

`documents/` has each of them at least twice: as the documentation prints it (`documented`), except
for the white space that it adds to bodies, and as the service really sends it (`real`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

import backpack_orm
from backpack_orm import (
    Attachment,
    Belonging,
    Bookmark,
    Calendar,
    CalendarEvent,
    Email,
    Gallery,
    Image,
    InvalidResponse,
    Item,
    JournalEntry,
    List,
    Match,
    Message,
    Model,
    Note,
    OutcomeUnknown,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
)
from tests.wire.service import DOCUMENTS, document, loaded, responding

NOON = datetime(2026, 5, 14, 16, 39, 2, tzinfo=UTC)
LOCAL_NOON = datetime(2026, 5, 14, 16, 39, 2)
FULL_PAGE: dict[str, Any] = {
    "id": 71,
    "title": "Lisbon",
    "email_address": "xy12ab@backpackit.com",
    "description": "h1. *Bem-vindo*",
    "belongings": ((901, 1, "Note", 301), (902, 2, "List", 401), (903, 3, "WriteboardLink", 9)),
    "tags": ((5, "Travel"), (6, "Long Weekends")),
    "lists": (
        (401, "Packing", ((501, "Socks", False), (502, "Passport", True))),
        (402, "", ()),
    ),
    "notes": (
        (301, "Flight", "At *nine*.\n\n        Gate B", LOCAL_NOON),
        (302, "", "", datetime(2026, 5, 15, 8)),
    ),
    "galleries": (
        (601, "Views", ((611, "tram.jpg", "Line 28"), (612, "river.jpg", ""))),
        (602, "", ()),
    ),
    "attachments": ((60887, "itinerary.pdf"),),
    "separators": ((701, "Evenings"), (702, "")),
    "emails": ((801, "Your booking", "Dear Ana,", datetime(2026, 5, 13, 7)),),
    "linked_pages": ((72, "Porto"),),
    "items": ((511, "Return the key", False), (512, "Feed the cat", True, 401)),
}
EMPTY_PAGE: dict[str, Any] = {
    "id": 71,
    "title": "",
    "email_address": "",
    "description": "",
    "belongings": (),
    "tags": (),
    "lists": (),
    "notes": (),
    "galleries": (),
    "attachments": (),
    "separators": (),
    "linked_pages": (),
    "items": (),
}
REMINDER = {
    "id": 81,
    "content": "Call the hotel",
    "remind_at": datetime(2031, 1, 2, 9, 5),
    "creator": (4, "Ana"),
    "remindees": ((4, "Ana"), (5, "Rui")),
}
EMAIL = {
    "id": 801,
    "subject": "Your booking – R&D",
    "body": "Dear Ana,",
    "created_at": datetime(2026, 5, 13, 7),
}
EVENT = {
    "id": 62,
    "title": "Tea",
    "remind": True,
    "occurs_at": datetime(2006, 10, 6, tzinfo=UTC),
    "occurs_until": None,
    "all_day": False,
    "message": "",
    "reminded_at": None,
    "created_at": NOON,
    "updated_at": NOON,
    "calendar": (61,),
}


class Reading(NamedTuple):
    """A call that returns a document, and what is loaded from it."""

    call: Callable[[], Any]
    expected: Any
    parents: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """The documents of requests that the call makes before."""
    location: str | None = None


READINGS = {
    "pages": Reading(
        lambda: Page.all(),
        [
            {"id": 71, "title": "Lisbon", "scope": "personal"},
            {"id": 72, "title": "R&D – plans", "scope": "friends"},
        ],
    ),
    "pages-found": Reading(
        lambda: Page.search("sea"),
        [
            {
                "id": 71,
                "title": "Lisbon",
                "matches": ((33469, "note", "sea"), (33470, "writeboard_link", "sea")),
            },
            {"id": 72, "title": "Porto", "matches": ()},
        ],
    ),
    "page-created": Reading(
        lambda: Page.create(title="Sent"), {"id": 73, "title": "Lisbon (copy)"}
    ),
    "pages-of-tag": Reading(
        lambda: Page.find(71).tags[0].pages, [{"id": 71, "title": "Lisbon"}], before=("page.real",)
    ),
    "page": Reading(lambda: Page.find(71), FULL_PAGE),
    "page-empty": Reading(lambda: Page.find(71), EMPTY_PAGE),  # which may have emails
    "page-item-created": Reading(
        lambda: PageItem.create(page=71, content="Sent"),
        {"id": 511, "content": "Key", "completed": True, "list_id": 401},
    ),
    "notes": Reading(
        lambda: Note.all(page=71),
        [
            {"id": 301, "title": "Flight", "body": "At nine.", "created_at": LOCAL_NOON},
            {
                "id": 302,
                "title": "R&D",
                "body": "The Green Mile ",
                "created_at": datetime(2026, 5, 15, 8),
            },
        ],
    ),
    "note-created": Reading(
        lambda: Note.create(page=71, title="Sent"),
        {"id": 301, "title": "Flight", "body": "At nine.", "created_at": LOCAL_NOON},
    ),
    "lists": Reading(  # without their items
        lambda: List.all(page=71), [{"id": 401, "name": "Packing"}, {"id": 402, "name": ""}]
    ),
    "list-created": Reading(
        lambda: List.create(page=71, name="Sent"), {"id": 401, "name": "Packing", "items": ()}
    ),
    "items": Reading(
        lambda: Item.all(list=401, page=71),
        [
            {"id": 501, "content": "Socks & co", "completed": False, "updated_at": LOCAL_NOON},
            {"id": 502, "content": "two\nlines ", "completed": True, "updated_at": None},
        ],
    ),
    "item-created": Reading(
        lambda: Page.find(71).lists[0].items.create(content="Sent"),
        {"id": 501, "content": "Socks", "completed": True},
        before=("page.real",),
    ),
    "reminders": Reading(lambda: Reminder.all(), [REMINDER]),
    "reminders-older": Reading(
        lambda: Reminder.all(), [{**REMINDER, "creator": None, "remindees": ()}]
    ),
    "reminder-created": Reading(lambda: Reminder.create(content="Sent"), REMINDER),
    "users": Reading(lambda: User.all(), [{"id": 4, "name": "Ana"}]),
    "me": Reading(
        lambda: User.me(),
        {
            "id": 4,
            "name": "Ana",
            "account_id": 2,
            "email_address": "ana@example.com",
            "admin": True,
            "time_zone_id": "Pacific Time (US & Canada)",
            "use_24h_clock": True,
            "remind_via_email": True,
            "remind_via_mobile": False,
            "reminder_address": "ana@example.com",
            "mobile_phone_number": None,
            "mobile_phone_host": None,
            "identity_url": None,
            "start_page_id": 71,
            "created_at": datetime(2006, 10, 6, tzinfo=UTC),
            "updated_at": NOON,
        },
    ),
    "bookmarks": Reading(
        lambda: Bookmark.all(),
        [
            {"id": 31, "position": 1, "bookmarkable_type": "Page", "bookmarkable_id": 71},
            {"id": 32, "position": None, "bookmarkable_type": "Tag", "bookmarkable_id": 5},
        ],
        before=("me.real",),
    ),
    "emails": Reading(
        lambda: Email.all(page=71),
        [
            EMAIL,
            {"id": 802, "subject": "", "body": "", "created_at": datetime(2026, 5, 14, 7)},
        ],
    ),
    "email": Reading(lambda: Email.find(801, page=71), EMAIL),
    "separator-created": Reading(  # the documentation swaps the two ids
        lambda: Separator.create(page=71, name="Sent"),
        {"id": 701, "name": "Evenings"},
        location="/pages/71/separators/701.xml",
    ),
    "separator-created-older": Reading(
        lambda: Separator.create(page=71, name="Sent"), {"id": 701, "name": "Evenings"}
    ),
    "statuses": Reading(
        lambda: Status.all(),
        [{"id": 41, "message": "Packing & unpacking", "updated_at": NOON, "user": (4, "Ana")}],
        parents=("user",),
    ),
    "status": Reading(  # of one user; it has the id of the user alone
        lambda: Status.find(4),
        {"id": 41, "message": "", "updated_at": NOON, "user": (4,)},
        parents=("user",),
    ),
    "journal-entries": Reading(
        lambda: JournalEntry.all(),
        [
            {
                "id": 51,
                "body": "Booked the hotel – at last ",
                "created_at": NOON,
                "updated_at": NOON,
                "user": (4, "Ana"),
            }
        ],
        parents=("user",),
    ),
    "journal-entry": Reading(
        lambda: JournalEntry.find(51),
        {
            "id": 51,
            "body": "Booked",
            "created_at": NOON,
            "updated_at": NOON,
            "account_id": 2,
            "user": (4,),
        },
        parents=("user",),
    ),
    "calendars": Reading(
        lambda: Calendar.all(),
        [
            {
                "id": 61,
                "name": "Home & away",
                "color": "336699",
                "account_id": 2,
                "created_at": NOON,
                "updated_at": NOON,
                "token": "c0ffee",
                "ical_subscription_url": "webcal://acme.backpackit.com/c0ffee.ics",
            }
        ],
    ),
    "calendar-events": Reading(
        lambda: CalendarEvent.all(calendar=61), [EVENT], parents=("calendar",)
    ),
    "calendar-event": Reading(lambda: CalendarEvent.find(62), EVENT, parents=("calendar",)),
}
"""By the names of the documents, which end with their form: `pages.documented.xml`."""
READABLE = sorted(path.stem for path in DOCUMENTS.glob("*.xml") if "misprinted" not in path.stem)


@pytest.mark.parametrize("name", READABLE)
def test_a_document_is_read_completely(name: str) -> None:
    reading = READINGS[name.partition(".")[0]]
    before = map(document, reading.before)
    with responding(*before, document(name), location=reading.location):
        assert loaded(reading.call(), *reading.parents) == reading.expected


@pytest.mark.parametrize("name", READINGS)
def test_every_document_exists_as_documented_and_as_sent(name: str) -> None:
    assert {f"{name}.documented", f"{name}.real"} <= {*READABLE}


@pytest.mark.parametrize("name", ["users", "bookmarks"])
def test_what_the_documentation_misprints_is_an_invalid_response(name: str) -> None:
    reading = READINGS[name]
    with (
        responding(*map(document, reading.before), document(f"{name}.misprinted")),
        pytest.raises(InvalidResponse, match="no well-formed XML"),
    ):
        list(reading.call())


# --- single peculiarities ---------------------------------------------------------------------


def page_of(content: bytes) -> dict[str, Any]:
    """Return what is loaded of a page that has these parts."""
    with responding(b"<page title='' id='71'>%s</page>" % content):
        found: dict[str, Any] = loaded(Page.find(71))
    return found


def email_of(content: bytes) -> Email:
    with responding(content):
        return Email.find(8, page=71)


def test_a_page_without_a_scope_has_none() -> None:
    with responding(b"<pages><page title='Lisbon' id='71'/></pages>"):
        assert loaded(Page.all()) == [{"id": 71, "title": "Lisbon", "scope": None}]


def test_a_page_without_belongings_may_have_notes() -> None:
    page = page_of(b"<notes><note title='Hi' id='3'>x</note></notes>")
    assert page["notes"] == ((3, "Hi", "x"),)


def test_the_legacy_items_of_a_page_are_not_taken_for_those_of_a_list() -> None:
    page = page_of(
        b"<items><item id='9' completed='false'>loose</item></items>"
        b"<lists><list id='4' name='a'><items><item id='5' completed='false'>in</item></items>"
        b"</list></lists>"
    )
    assert page["lists"] == ((4, "a", ((5, "in", False),)),)
    assert page["items"] == ((9, "loose", False),)


def test_a_comment_on_an_item_is_not_its_text() -> None:
    item = b"<item id='5' completed='false'>Socks<message id='9'>Which?</message></item>"
    with responding(b"<items>" + item + b"</items>"):
        assert Item.all(list=401, page=71)[0].content == "Socks"


def test_a_reminder_in_the_newer_form_of_time_is_aware() -> None:
    content = b"<reminder id='81'><remind_at>2031-01-02T09:05:00Z</remind_at></reminder>"
    with responding(content):
        created = Reminder.create(content="Sent")
        assert created.remind_at == datetime(2031, 1, 2, 9, 5, tzinfo=UTC)


def test_a_subject_wins_over_a_title() -> None:
    assert email_of(b"<email id='8' subject='s' title='t'/>").subject == "s"
    assert email_of(b"<email id='8' subject='' title='t'/>").subject == ""


def test_an_email_keeps_the_blanks_that_are_its_own() -> None:
    content = b"<email subject='' id='8'>\n     Dear Ana,\nsee you\n\n</email>"
    assert email_of(content).body == "\n     Dear Ana,\nsee you\n\n"


def test_any_part_of_an_event_may_be_absent() -> None:
    empty = {name: None for name in EVENT if name != "calendar"}
    with responding(b"<calendar-event><id>62</id></calendar-event>"):
        assert loaded(CalendarEvent.find(62)) == {**empty, "id": 62, "title": "", "message": ""}


# --- created without a body -------------------------------------------------------------------

CREATED = [
    (
        lambda: JournalEntry.create(body="Slept", user=4),
        "http://acme.backpackit.com/journal-entries/51",
    ),
    (
        lambda: CalendarEvent.create(calendar=61, title="Tea"),
        "https://acme.backpackit.com/calendar_events/51.xml",
    ),
    (lambda: Reminder.create(content="Call"), "/reminders/51"),
    (lambda: Separator.create(page=71, name="Evenings"), "/pages/71/separators/51.xml"),
]


@pytest.mark.parametrize(("create", "location"), CREATED)
def test_what_is_created_without_a_body_has_the_id_of_its_location(
    create: Callable[[], Model], location: str
) -> None:
    with responding(b" ", status=201, location=location):
        assert create().to_dict()["id"] == 51


@pytest.mark.parametrize("create", [create for create, _ in CREATED])
def test_the_outcome_is_unknown_without_a_body_and_a_location(
    create: Callable[[], Model],
) -> None:
    with (
        responding(b"", status=201),
        pytest.raises(OutcomeUnknown, match="does not include the id"),
    ):
        create()


# --- all models -------------------------------------------------------------------------------

_ON_PAGE = "<page id='71' title=''>{}</page>"
ALONE: dict[type[Model], tuple[str, Callable[[], Any]]] = {
    Attachment: (
        _ON_PAGE.format("<attachments><attachment{}/></attachments>"),
        lambda: Page.find(71).attachments,
    ),
    Belonging: (
        _ON_PAGE.format("<belongings><belonging{}/></belongings>"),
        lambda: Page.find(71).belongings,
    ),
    Bookmark: ("<bookmarks><bookmark{}/></bookmarks>", lambda: Bookmark.all()),
    Calendar: ("<calendars><calendar{}/></calendars>", lambda: Calendar.all()),
    CalendarEvent: (
        "<calendar-events><calendar-event{}/></calendar-events>",
        lambda: CalendarEvent.all(calendar=61),
    ),
    Email: ("<emails><email{}/></emails>", lambda: Email.all(page=71)),
    Gallery: (
        _ON_PAGE.format("<galleries><gallery{}/></galleries>"),
        lambda: Page.find(71).galleries,
    ),
    Image: (
        _ON_PAGE.format(
            "<galleries><gallery id='601' name=''><images><image{}/></images></gallery></galleries>"
        ),
        lambda: Page.find(71).galleries[0].images,
    ),
    Item: ("<items><item{}/></items>", lambda: Item.all(list=401, page=71)),
    JournalEntry: (
        "<journal-entries><journal-entry{}/></journal-entries>",
        lambda: JournalEntry.all(),
    ),
    List: ("<lists><list{}/></lists>", lambda: List.all(page=71)),
    Note: ("<notes><note{}/></notes>", lambda: Note.all(page=71)),
    Page: ("<pages><page{}/></pages>", lambda: Page.all()),
    PageItem: (_ON_PAGE.format("<items><item{}/></items>"), lambda: Page.find(71).items),
    Reminder: ("<reminders><reminder{}/></reminders>", lambda: Reminder.all()),
    Separator: (
        _ON_PAGE.format("<separators><separator{}/></separators>"),
        lambda: Page.find(71).separators,
    ),
    Status: ("<statuses><status{}/></statuses>", lambda: Status.all()),
    Tag: (_ON_PAGE.format("<tags><tag{}/></tags>"), lambda: Page.find(71).tags),
    User: ("<users><user{}/></users>", lambda: User.all()),
}
"""A document with one empty record of each model, and the call that reads it."""


def responses(model: type[Model], attributes: str) -> list[bytes]:
    content = ALONE[model][0].format(attributes).encode()
    return [document("me.real"), content] if model is Bookmark else [content]


@pytest.mark.parametrize("model", ALONE)
def test_a_record_without_an_id_is_refused_for_every_model(model: type[Model]) -> None:
    with (
        responding(*responses(model, "")),
        pytest.raises(InvalidResponse, match="cannot be read"),
    ):
        list(ALONE[model][1]())


@pytest.mark.parametrize("model", ALONE)
def test_a_record_that_is_nothing_but_its_id_is_read_without_an_error(model: type[Model]) -> None:
    with responding(*responses(model, " id='5'")):
        (record,) = ALONE[model][1]()
        assert type(record) is model
        assert record.to_dict()["id"] == 5


def test_every_model_is_read_from_a_document() -> None:
    public = {getattr(backpack_orm, name) for name in backpack_orm.__all__}
    models = {each for each in public if isinstance(each, type) and issubclass(each, Model)}
    assert models - {*ALONE} == {Match, Message, Model}  # parts of a page
