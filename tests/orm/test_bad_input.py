"""What cannot be sent is refused with a word on why and what to do, and nothing is sent."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    Attachment,
    AuthenticationError,
    Bookmark,
    Calendar,
    CalendarEvent,
    Connection,
    Destroyed,
    Email,
    Gallery,
    Image,
    InvalidResponse,
    Item,
    JournalEntry,
    List,
    NotConnected,
    Note,
    NotFound,
    NotSaved,
    Page,
    PageItem,
    ReadOnly,
    Reminder,
    Separator,
    Status,
    Tag,
    TransportError,
    User,
    ValidationError,
    connect,
)
from backpack_orm.sandbox import Sandbox
from backpack_orm.wire.shapes import Response

FOUND_BY_ID = [
    Attachment,
    Bookmark,
    Calendar,
    CalendarEvent,
    Email,
    Gallery,
    Image,
    Item,
    JournalEntry,
    List,
    Note,
    Page,
    PageItem,
    Reminder,
    Separator,
    Tag,
    User,
]
NO_IDS = ("abc", "7", None, -1, 0, 1.5, True, [7])


@pytest.fixture
def page(connection: Connection) -> Page:
    page = Page.all()[0]
    page.notes.first()
    return page


def refused(
    box: Sandbox, error: type[Exception], saying: str, act: Callable[[], object]
) -> Exception:
    """Make sure that something is refused with this message, and that nothing was sent."""
    before = box.requests
    with pytest.raises(error, match=saying) as caught:
        act()
    assert box.requests == before
    return caught.value


def test_without_a_connection_the_error_explains_how_to_connect() -> None:
    with pytest.raises(NotConnected, match=r'connect\("your-account", token="…"\)'):
        Page.all()
    with pytest.raises(NotConnected):
        Page(title="T").save()
    with pytest.raises(NotConnected, match="BACKPACK_URL and BACKPACK_TOKEN"):
        connect()


def test_a_wrong_token_is_an_authentication_error(box: Sandbox) -> None:
    connect(box.url, token="0" * 40)
    with pytest.raises(AuthenticationError, match="the token is wrong, or belongs to another"):
        Page.all()
    with pytest.raises(AuthenticationError):
        Page.create(title="T")
    with pytest.raises(AuthenticationError):
        Reminder.all()


@pytest.mark.network
def test_a_wrong_host_is_a_transport_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connect(f"http://127.0.0.1:{taken.getsockname()[1]}", token="secret")
        with pytest.raises(TransportError, match="cannot be reached: check the address"):
            Page.all()


@pytest.mark.parametrize("name", ["acme/evil", "acme evil", "", "acme.evil", "-acme", "ac\nme"])
def test_an_account_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises((ValidationError, NotConnected)):
        connect(name, token="secret")


def test_a_misspelled_attribute_is_an_error_that_knows_better(page: Page, box: Sandbox) -> None:
    refused(box, AttributeError, "no attribute 'titel'; did you mean 'title'?", lambda: page.titel)  # type: ignore[attr-defined]
    refused(box, AttributeError, "titel", lambda: setattr(page, "titel", "T"))
    refused(box, AttributeError, "titel", lambda: setattr(Note(page=page), "titel", "T"))


@pytest.mark.parametrize(
    "act",
    [
        lambda page: Note(page=page, titel="T"),  # type: ignore[call-arg]
        lambda page: Note.create(page=page, titel="T"),  # type: ignore[call-arg]
        lambda page: page.notes.create(titel="T"),
        lambda page: page.notes.where(titel="T"),
        lambda page: Note.where(page=page, titel="T"),
        lambda page: Note.find_by(titel="T"),
        lambda page: Page.where(titel="T"),
        lambda page: Page.find_by(titel="T"),
    ],
)
def test_a_misspelled_argument_is_an_error_that_knows_better(
    page: Page, box: Sandbox, act: Callable[[Page], object]
) -> None:
    refused(box, TypeError, "has no field 'titel'; did you mean 'title'?", lambda: act(page))


def test_other_models_know_their_own_arguments(page: Page, box: Sandbox) -> None:
    refused(box, TypeError, "did you mean 'content'", lambda: Item.where(page=page, contents="x"))
    refused(box, TypeError, "did you mean 'name'", lambda: Tag.where(nam="x"))
    refused(box, TypeError, "did you mean 'content'", lambda: Reminder.find_by(contents="x"))


def test_records_are_found_by_plain_values_only(page: Page, box: Sandbox) -> None:
    refused(box, TypeError, "cannot be found by 'tags'", lambda: Page.where(tags=["Travel"]))
    refused(box, TypeError, "cannot be found by 'public'", lambda: Page.find_by(public=True))
    refused(box, TypeError, "cannot be found by 'items'", lambda: page.lists.where(items=[]))


def test_a_read_only_field_is_not_taken(page: Page, box: Sandbox) -> None:
    refused(box, ReadOnly, "Note.id is read-only", lambda: Note(page=page, id=5))  # type: ignore[call-arg]
    refused(box, ReadOnly, "use its create", lambda: Page(title="T", notes=[]))  # type: ignore[call-arg]


@pytest.mark.parametrize("model", FOUND_BY_ID)
def test_what_is_no_id_is_refused(connection: Connection, box: Sandbox, model: type[Page]) -> None:
    saying = rf"{model.__name__}.find takes the id of a record, a whole number above 0"
    for id in NO_IDS:
        refused(box, ValidationError, saying, lambda id=id: model.find(id))  # type: ignore[misc]


def test_a_record_of_another_kind_is_no_id(page: Page, box: Sandbox) -> None:
    note = page.notes[0]
    refused(box, ValidationError, "or a Page, not Note", lambda: Page.find(note))  # type: ignore[arg-type]
    refused(box, ValidationError, "or a Page, not Note", lambda: Note.all(page=note))  # type: ignore[arg-type]
    refused(box, ValidationError, "or a List, not", lambda: Item.all(list="x"))  # type: ignore[arg-type]
    refused(box, ValidationError, "or a Page, not", lambda: page.link("x"))  # type: ignore[arg-type]


def test_what_is_gone_is_not_found(page: Page) -> None:
    with pytest.raises(NotFound, match=r"Record not found \(404 to POST /ws/page/7\)") as caught:
        Page.find(7)
    assert caught.value.status == 404
    with pytest.raises(LookupError):
        Note.all(page=7)
    with pytest.raises(NotFound):
        page.notes.find(7)


@pytest.mark.parametrize(
    ("model", "parent"),
    [
        (Note, "page"),
        (List, "page"),
        (Item, "list"),
        (Tag, "page"),
        (Separator, "page"),
        (PageItem, "page"),
        (Status, "user"),
        (JournalEntry, "user"),
        (CalendarEvent, "calendar"),
    ],
)
def test_a_child_without_its_parent_is_refused(
    box: Sandbox, connection: Connection, model: type[Note], parent: str
) -> None:
    saying = f"{model.__name__} needs the {parent.title()} that contains it: pass {parent}=…"
    refused(box, ValidationError, saying, lambda: model())  # type: ignore[call-arg]
    refused(box, ValidationError, "takes the id", lambda: model(**{parent: "x"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("strange", ["\x00", "\x07", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_carry_is_refused_by_name(
    page: Page, box: Sandbox, strange: str
) -> None:
    saying = f"cannot be .*: it holds the character U\\+{ord(strange):04X} at position 4"
    refused(
        box, ValidationError, f"Page.title {saying}", lambda: Page.create(title="ring" + strange)
    )
    refused(box, ValidationError, "Note.body", lambda: page.notes.create(body="ring" + strange))
    refused(box, ValidationError, "Page.search", lambda: Page.search("ring" + strange))
    page.title = "ring" + strange
    refused(box, ValidationError, f"Page.title {saying}", page.save)
    page.discard()
    page.tags = ["ring" + strange]
    refused(box, ValidationError, "Page.tags", page.save)


def test_a_tag_with_a_quote_is_refused(page: Page, box: Sandbox) -> None:
    refused(
        box,
        ValidationError,
        "the tag 'say \"hi\"' contains a quote, which no tag can",
        lambda: setattr(page, "tags", ['say "hi"']) or page.save(),  # type: ignore[func-returns-value]
    )
    page.discard()
    refused(box, ValidationError, "contains a quote", lambda: Tag.create(page=page, name='"'))
    refused(box, ValidationError, "begins or ends", lambda: Tag.create(page=page, name="Sea "))
    refused(box, ValidationError, "a tag needs a name", lambda: _save_tags(page, [" "]))
    refused(box, ValidationError, "takes a list, not 'Travel'", lambda: _save_tags(page, "Travel"))
    refused(box, ValidationError, "text is needed", lambda: _save_tags(page, [5]))


def _save_tags(page: Page, tags: object) -> None:
    page.tags = tags  # type: ignore[assignment]  # just this is refused
    page.save()


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_text_is_refused_where_one_is_needed(page: Page, box: Sandbox, empty: str) -> None:
    refused(box, ValidationError, "Page.title cannot be empty", lambda: Page.create(title=empty))
    refused(box, ValidationError, "Tag.name", lambda: Tag.create(page=page, name=empty))
    refused(box, ValidationError, "Page.search needs a term", lambda: Page.search(empty))
    page.title = empty
    refused(box, ValidationError, "Page.title cannot be empty", page.save)
    item = page.lists[0].items[0]
    item.content = empty
    refused(box, ValidationError, "Item.content cannot be empty", item.save)
    refused(box, ValidationError, "Item.content cannot be empty", item.complete)


def test_what_is_needed_is_asked_for(page: Page, box: Sandbox) -> None:
    refused(box, ValidationError, "Page needs title=…", lambda: Page())  # type: ignore[call-arg]
    refused(box, ValidationError, "Item needs content=…", lambda: page.lists[0].items.create())  # type: ignore[call-arg]
    refused(box, ValidationError, "Reminder needs content=…", lambda: Reminder.create())  # type: ignore[call-arg]


@pytest.mark.parametrize("value", [5, None, b"bytes", ["T"]])
def test_a_value_of_another_type_is_refused(page: Page, box: Sandbox, value: object) -> None:
    note = page.notes[0]
    note.title = value  # type: ignore[assignment]  # just this is refused
    refused(box, ValidationError, "Note.title cannot be .*: text is needed", note.save)
    item = page.lists[0].items[0]
    item.completed = "yes"  # type: ignore[assignment]
    refused(box, ValidationError, "Item.completed cannot be 'yes': True or False", item.save)
    reminder = Reminder(content="T", remind_at="tomorrow")  # type: ignore[arg-type]
    refused(box, ValidationError, "Reminder.remind_at cannot be .*: a datetime", reminder.save)
    reminder = Reminder(content="T", remindees=["Ana"])  # type: ignore[list-item]
    refused(box, ValidationError, "Reminder.remindees cannot be .*: a whole number", reminder.save)


def test_a_title_of_ten_thousand_characters_arrives_whole(page: Page) -> None:
    title = "é&<" * 3334
    assert Page.find(Page.create(title=title).id, fresh=True).title == title


def test_a_page_is_reordered_only_by_everything_on_it(page: Page, box: Sandbox) -> None:
    other = Page.all()[1].notes[0]
    here = list(page.belongings)
    refused(box, ValidationError, "is not on Page", lambda: page.reorder([*here, other]))
    refused(box, ValidationError, "is not on Page", lambda: page.reorder([7]))
    refused(box, ValidationError, "is not on Page", lambda: page.reorder(["x"]))
    refused(box, ValidationError, rf"\[{here[0].id}\] are left out", lambda: page.reorder(here[1:]))
    refused(box, ValidationError, "named more than once", lambda: page.reorder([*here, here[0]]))


def test_items_are_reordered_only_by_all_of_their_list(page: Page, box: Sandbox) -> None:
    items, other = page.lists[0].items, page.lists[1].items[0]
    refused(box, ValidationError, "is not in List", lambda: items.reorder([*items, other]))
    refused(box, ValidationError, "left out", lambda: items.reorder(items[1:]))
    refused(box, ValidationError, "more than once", lambda: items.reorder([*items, items[0]]))
    refused(box, ValidationError, "takes the id", lambda: items.reorder(["x"]))  # type: ignore[list-item]


def test_sharing_needs_an_address_or_public(page: Page, box: Sandbox) -> None:
    refused(box, ValidationError, "pass emails=", page.share)
    refused(
        box, ValidationError, "takes a list of addresses", lambda: page.share("ana@example.com")
    )
    refused(box, ValidationError, "e-mail address is needed", lambda: page.share(["ana"]))
    refused(box, ValidationError, "e-mail", lambda: page.share(["ana@example.com rui@x.com"]))
    refused(box, ValidationError, "True or False", lambda: page.share(public="yes"))  # type: ignore[arg-type]


def test_a_parent_of_one_account_cannot_be_used_with_another(page: Page, box: Sandbox) -> None:
    other = Connection(box.url, token=box.add_account("other", seed="demo"))
    saying = "belongs to Connection.* so it cannot be used with"
    refused(box, ValidationError, saying, lambda: Note.create(page=page, using=other))
    refused(box, ValidationError, saying, lambda: Note.all(page=page, using=other))
    refused(box, ValidationError, saying, lambda: Item.all(list=page.lists[0], using=other))


def test_every_refusal_is_of_this_library() -> None:
    assert issubclass(ValidationError, backpack_orm.BackpackError)
    assert issubclass(ValidationError, ValueError)


# --- what came later: separators, mails, users and what is theirs, calendars ------------------


@pytest.mark.parametrize(
    ("model", "wrong", "right"),
    [
        (Attachment, "filename", "file_name"),
        (Bookmark, "positon", "position"),
        (Calendar, "nam", "name"),
        (CalendarEvent, "titel", "title"),
        (Email, "subjekt", "subject"),
        (Gallery, "nam", "name"),
        (Image, "filename", "file_name"),
        (JournalEntry, "bodi", "body"),
        (PageItem, "contents", "content"),
        (Separator, "nam", "name"),
        (Status, "mesage", "message"),
        (User, "nam", "name"),
    ],
)
def test_every_model_knows_a_misspelled_argument(
    connection: Connection, box: Sandbox, model: type[Page], wrong: str, right: str
) -> None:
    saying = f"{model.__name__} has no field {wrong!r}; did you mean {right!r}"
    refused(box, TypeError, saying, lambda: model.where(**{wrong: "x"}))  # type: ignore[arg-type]
    refused(box, TypeError, saying, lambda: model.find_by(**{wrong: "x"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "act",
    [
        lambda: Separator.create(page=7, nam="x"),  # type: ignore[call-arg]
        lambda: PageItem.create(page=7, contents="x"),  # type: ignore[call-arg]
        lambda: JournalEntry.create(bodi="x"),  # type: ignore[arg-type, call-arg]
        lambda: JournalEntry.create(user=7, bodi="x"),  # type: ignore[arg-type, call-arg]
        lambda: Status.create(user=7, mesage="x"),  # type: ignore[call-arg]
        lambda: CalendarEvent.create(calendar=7, titel="x"),  # type: ignore[call-arg]
    ],
)
def test_every_creation_knows_a_misspelled_argument(
    connection: Connection, box: Sandbox, act: Callable[[], object]
) -> None:
    refused(box, TypeError, "has no field .*; did you mean", act)


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda text: Separator.create(page=7, name=text), "Separator.name"),
        (lambda text: PageItem.create(page=7, content=text), "PageItem.content"),
        (lambda text: JournalEntry.create(body=text), "JournalEntry.body"),
        (lambda text: JournalEntry.create(user=7, body=text), "JournalEntry.body"),
        (lambda text: Status.create(user=7, message=text), "Status.message"),
        (lambda text: CalendarEvent.create(calendar=7, title=text), "CalendarEvent.title"),
    ],
)
@pytest.mark.parametrize("strange", ["\x00", "\x1f", "\ud800", "\uffff"])
def test_a_strange_character_is_refused_by_every_creation(
    connection: Connection,
    box: Sandbox,
    act: Callable[[str], object],
    named: str,
    strange: str,
) -> None:
    saying = f"{named} cannot be .*: it holds the character U\\+{ord(strange):04X} at position 4"
    refused(box, ValidationError, saying, lambda: act("ring" + strange))


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda text: PageItem.create(page=7, content=text), "PageItem.content"),
        (lambda text: JournalEntry.create(body=text), "JournalEntry.body"),
        (lambda text: CalendarEvent.create(calendar=7, title=text), "CalendarEvent.title"),
    ],
)
def test_an_empty_text_is_refused_by_every_creation_that_needs_one(
    connection: Connection, box: Sandbox, act: Callable[[str], object], named: str, empty: str
) -> None:
    refused(box, ValidationError, f"{named} cannot be empty: set a text", lambda: act(empty))


def test_what_is_needed_is_asked_for_before_it_is_asked_who_you_are(
    connection: Connection, box: Sandbox
) -> None:
    refused(box, ValidationError, "JournalEntry needs body=…", JournalEntry.create)  # type: ignore[arg-type]
    refused(box, ValidationError, "PageItem needs content=…", lambda: PageItem.create(page=7))  # type: ignore[call-arg]
    refused(box, ValidationError, "CalendarEvent needs title", lambda: CalendarEvent(calendar=7))  # type: ignore[call-arg]


@pytest.mark.parametrize("who", [id for id in NO_IDS if id is not None])
def test_what_is_no_user_is_refused(connection: Connection, box: Sandbox, who: object) -> None:
    refused(box, ValidationError, "user takes the id", lambda: Status.find(who))  # type: ignore[arg-type]
    refused(box, ValidationError, "user takes the id", lambda: Bookmark.all(user=who))  # type: ignore[arg-type]
    refused(box, ValidationError, "user takes the id", lambda: JournalEntry.all(user=who))  # type: ignore[arg-type]
    refused(box, ValidationError, "user takes", lambda: JournalEntry.create(user=who, body="x"))  # type: ignore[arg-type]
    refused(box, ValidationError, "user takes the id", lambda: Status.create(user=who))  # type: ignore[arg-type]
    refused(box, ValidationError, "calendar takes", lambda: CalendarEvent.all(calendar=who))  # type: ignore[arg-type]
    refused(box, ValidationError, "page takes the id", lambda: Email.all(page=who))  # type: ignore[arg-type]
    refused(box, ValidationError, "page takes the id", lambda: Image.all(page=who))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("find", "field"),
    [
        (lambda: Separator.create(page=Page.all()[0], name="x"), "id"),
        (lambda: PageItem.create(page=Page.create(title="T"), content="x"), "list_id"),
        (lambda: JournalEntry.all(user=User.me())[0], "created_at"),
        (lambda: Status.find(User.me()), "updated_at"),
        (lambda: CalendarEvent.all()[0], "occurs_at"),
    ],
)
def test_what_only_the_service_sets_cannot_be_saved(
    connection: Connection, box: Sandbox, find: Callable[[], Note], field: str
) -> None:
    record = find()
    before = getattr(record, field)
    setattr(record, field, 5)
    saying = f"{type(record).__name__}.{field} cannot be changed through the API"
    refused(box, ReadOnly, saying, record.save)
    record.discard()
    assert getattr(record, field) == before
    assert not record.save()


@pytest.mark.parametrize("cls", [Attachment, Bookmark, Calendar, Email, Gallery, Image, User])
def test_a_record_that_the_api_cannot_change_refuses_to_be_set(
    cls: Any, connection: Connection, box: Sandbox
) -> None:
    record = cls.all()[0]
    for name in (*cls._table.fields, *cls._table.relations):
        before = getattr(record, name)
        refused(box, ReadOnly, f"{cls.__name__}.{name} is", lambda: setattr(record, name, "x"))  # noqa: B023
        assert getattr(record, name) is before
    assert not record.changes
    assert copy(record).to_dict() == pickle.loads(pickle.dumps(record)).to_dict()
    assert not record.reload().changes


def test_a_subclass_of_such_a_record_can_set_what_it_declares(connection: Connection) -> None:
    class Starred(Email):
        is_starred: bool = False

        @cached_property
        def words(self) -> list[str]:
            return self.subject.split()

    mail = Starred.all()[0]
    mail.is_starred = True
    assert (mail.is_starred, mail.words) == (True, mail.subject.split())
    with pytest.raises(ReadOnly, match=r"Starred\.subject is read-only.* Email records"):
        mail.subject = "x"
    with pytest.raises(AttributeError, match="starred"):
        mail.starred = True  # type: ignore[attr-defined]


def test_nothing_moves_to_another_place(connection: Connection, box: Sandbox) -> None:
    event = CalendarEvent.all()[0]
    entry = JournalEntry.all(user=User.me())[0]
    refused(box, ReadOnly, "no call that moves a record", lambda: setattr(event, "calendar", 7))
    refused(box, ReadOnly, "no call that moves a record", lambda: setattr(entry, "user", 7))
    refused(box, ReadOnly, "calendar_id cannot", lambda: setattr(event, "calendar_id", 7))
    note = Note.all()[0]
    refused(
        box, ReadOnly, r"page_id cannot .* use move_to\(\)", lambda: setattr(note, "page_id", 7)
    )


@pytest.mark.parametrize(
    "find",
    [
        lambda: Separator.create(page=Page.all()[0]),
        lambda: Page.create(title="T").items.create(content="x"),
        lambda: JournalEntry.create(body="x"),
        lambda: CalendarEvent.create(calendar=Calendar.all()[0], title="tomorrow Tea"),
        lambda: Email.all()[0],
    ],
)
def test_what_was_destroyed_is_not_used_any_more(
    connection: Connection, box: Sandbox, find: Callable[[], Note]
) -> None:
    record = find()
    record.destroy()
    refused(box, Destroyed, "was destroyed", record.destroy)
    refused(box, Destroyed, "was destroyed", record.reload)
    if hasattr(record, "save"):
        refused(box, Destroyed, "was destroyed", record.save)


@pytest.mark.parametrize(
    "record",
    [
        Separator(page=7),
        PageItem(page=7, content="x"),
        JournalEntry(user=7, body="x"),
        CalendarEvent(calendar=7, title="tomorrow Tea"),
        Status(user=7, message="x"),
    ],
)
def test_what_is_not_saved_yet_cannot_be_destroyed_or_read_again(
    connection: Connection, box: Sandbox, record: Note
) -> None:
    refused(box, NotSaved, "is not on the service yet: call save", record.reload)
    if hasattr(record, "destroy"):
        refused(box, NotSaved, "is not on the service yet: call save", record.destroy)


def test_a_record_of_another_account_cannot_be_used_with_this_one(
    connection: Connection, box: Sandbox
) -> None:
    other = Connection(box.url, token=box.add_account("other", seed="demo"))
    user, calendar = User.me(using=other), Calendar.all(using=other)[0]
    page, here = Page.all(using=other)[0], Page.find(Page.all()[0].id)
    theirs = page.belongings[0]
    mine = connection
    saying = "belongs to Connection.* so it cannot be used with"
    for act in (
        lambda: Bookmark.all(user=user, using=mine),
        lambda: JournalEntry.all(user=user, using=mine),
        lambda: JournalEntry.create(user=user, body="x", using=mine),
        lambda: Status.find(user, using=mine),
        lambda: Status.create(user=user, message="x", using=mine),
        lambda: CalendarEvent.all(calendar=calendar, using=mine),
        lambda: CalendarEvent.create(calendar=calendar, title="tomorrow x", using=mine),
        lambda: Separator.create(page=page, using=mine),
        lambda: Email.all(page=page, using=mine),
    ):
        refused(box, ValidationError, saying, act)
    saying = "belongs to another account"
    refused(box, ValidationError, saying, lambda: here.reorder([theirs]))
    refused(box, ValidationError, saying, lambda: here.link(page))
    reminder = Reminder(content="tomorrow x", remindees=[user])
    reminder._attach(mine)
    refused(box, ValidationError, saying, reminder.save)


def test_a_record_takes_its_own_account_wherever_it_is_used(
    connection: Connection, box: Sandbox
) -> None:
    other = Connection(box.url, token=box.add_account("other", seed="demo"))
    user, calendar = User.me(using=other), Calendar.all(using=other)[0]
    assert Bookmark.all(user=user)[0].connection is other
    assert JournalEntry.create(user=user, body="x").connection is other
    assert Status.create(user=user, message="x").connection is other
    assert CalendarEvent.create(calendar=calendar, title="tomorrow x").connection is other
    assert connection.stats.requests == 0


def test_a_parent_that_the_service_omits_is_a_clear_error(connection: Connection) -> None:
    content = b"<calendar-event><id>62</id><title>Tea</title></calendar-event>"
    record = CalendarEvent._full.read_one(Response(200, content))
    event = CalendarEvent._full.load[CalendarEvent]((record,), connection)[0]
    with pytest.raises(InvalidResponse, match="did not include the Calendar of CalendarEvent"):
        event.calendar  # noqa: B018 - reading it is what fails
    assert event.title == "Tea"


def test_the_token_of_a_calendar_is_in_no_repr(connection: Connection) -> None:
    calendars = Calendar.all()
    calendar = calendars[0]
    assert calendar.token
    shown = [repr(calendar), str(calendar), repr(calendars), repr(list(calendars))]
    shown += [repr(calendar), repr(calendar.events), repr(calendar.events[0].calendar)]
    assert not [text for text in shown if calendar.token in text or "ics" in text]
