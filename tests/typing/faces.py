"""Types of the public API; checked by mypy and never run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, assert_type
from zoneinfo import ZoneInfo

import polars
from pandas import DataFrame

from backpack_orm import (
    Attachment,
    Belonging,
    Bookmark,
    BulkResult,
    Calendar,
    CalendarEvent,
    Collection,
    Connection,
    CopyResult,
    CreatedEvent,
    DestroyedEvent,
    Email,
    Export,
    Gallery,
    Image,
    Item,
    JournalEntry,
    List,
    Match,
    Message,
    Model,
    Note,
    Page,
    PageItem,
    Reminder,
    RequestEvent,
    ResponseEvent,
    SavedEvent,
    SaveResult,
    Separator,
    Status,
    SyncPlan,
    Tag,
    User,
    connect,
    text,
    using,
)
from backpack_orm.connection.hooks import Hook
from backpack_orm.models.page_tags import Tags
from backpack_orm.orm.queries.collections import AssignableCollection


def listening(connection: Connection) -> None:
    assert_type(connection.hooks.on_request, Hook[RequestEvent])

    @connection.hooks.on_response
    def measure(event: ResponseEvent) -> None:
        assert_type(event.request.endpoint, str)
        assert_type(event.status, int | None)

    assert_type(Page.created, Hook[CreatedEvent[Page]])
    assert_type(Note.destroyed, Hook[DestroyedEvent[Note]])
    assert_type(Model.saved, Hook[SavedEvent[Model]])

    @Page.saved
    def index(event: SavedEvent[Page]) -> None:
        assert_type(event.record, Page)
        assert_type(event.record.title, str)
        assert_type(event.fields, tuple[str, ...])
        assert_type(event.created, bool)

    index(SavedEvent(Page(title="a"), (), created=True))
    Page.saved.remove(index)


def connecting() -> None:
    assert_type(connect("acme", token="t"), Connection)
    with using(Connection("acme", token="t")) as connection:
        assert_type(connection, Connection)
        assert_type(connection.zone, ZoneInfo)
    Connection("acme", token="t", timezone="account")
    connect("acme", token="t", timezone="Lisbon")
    connect("acme", token="t", timezone=5)  # type: ignore[arg-type]
    connect("acme", tokn="t")  # type: ignore[call-arg]


def notes(note: Note) -> None:
    assert_type((note.html, note.markdown, note.plain), tuple[str, str, str])
    assert_type(text.to_html(note.body, id_prefix="a-"), str)
    assert_type(text.parse(note.body).problem, str | None)


def many(page: Page, item: Item) -> None:
    result = Page.where(tags__name="T").update(title="T", on_error="continue", progress=True)
    assert_type(result, BulkResult[Page, SaveResult])
    assert_type(result.failed[0].record, Page)
    assert_type(page.notes.destroy(), BulkResult[Note, dict[str, Any]])
    assert_type(page.lists[0].items.complete(), BulkResult[Item, SaveResult])
    assert_type(page.items.reopen(), BulkResult[Item | PageItem, SaveResult])
    assert_type(Page.all().retag(add=["T", page.tags[0]]), BulkResult[Page, SaveResult])
    Page.all().retag(add=[5])  # type: ignore[list-item]
    page.notes.complete()  # type: ignore[misc]
    User.all().destroy()  # type: ignore[misc]
    User.all().update(name="T")  # type: ignore[misc, arg-type]
    page.notes.update(titel="T")  # type: ignore[call-arg]
    assert_type(item.position, int)
    item.move_before(5)  # type: ignore[arg-type]
    page.reorder(["T", page.notes[0], 5])


def pages(page: Page) -> None:
    assert_type(Page.all(), Collection[Page])
    assert_type(Page.all()[0], Page)
    assert_type(Page.all()[:2], Collection[Page])
    assert_type(Page.get(title="T"), Page)
    assert_type(Page.all().get(title="T"), Page)
    assert_type(Page.where(lambda page: page.title == "T"), Collection[Page])
    assert_type(Page.all().order_by("-title").last(), Page | None)
    assert_type(Page.all() | Page.where(title__icontains="t"), Collection[Page])
    assert_type(Page.all() & Page.all(), Collection[Page])
    assert_type(Page.all().exists(), bool)
    assert_type(Page.first(), Page | None)
    assert_type(Page.last(title="T"), Page | None)
    assert_type(Page.exists(title="T"), bool)
    assert_type(Page.count(lambda page: page.title == "T"), int)
    assert_type(Page.get_or_create(title="T", defaults={"description": "d"}), tuple[Page, bool])
    assert_type(Page.update_or_create(title="T"), tuple[Page, bool])
    assert_type(page.notes.get(title="T"), Note)
    assert_type(page.notes.last(title="T"), Note | None)
    assert_type(page.notes.count(title="T"), int)
    assert_type(page.notes.get_or_create(title="T"), tuple[Note, bool])
    assert_type(page.items.update_or_create(content="T"), tuple[Item | PageItem, bool])
    assert_type(Page.all().count(), int)
    assert_type(Page.find(7), Page)
    assert_type(Page.find_by(title="T"), Page | None)
    assert_type(Page.where(title="T"), Collection[Page])
    assert_type(Page.search("T"), Collection[Page])
    assert_type(Page.create(title="T"), Page)
    assert_type(page.id, int)
    assert_type(page.title, str)
    assert_type(page.scope, str | None)
    assert_type(page.public, bool | None)
    assert_type(page.notes[0], Note)
    assert_type(page.lists[0], List)
    assert_type(page.tags, Tags[Tag])
    assert_type(page.tags.add("Travel", page.tags[0]), SaveResult)
    assert_type(page.tags.set(["Travel", page.tags[0]]), SaveResult)
    page.tags.add(5)  # type: ignore[arg-type]
    assert_type(page.belongings[0], Belonging)
    assert_type(page.belongings[0].widget, Model | None)
    assert_type(page.matches[0], Match)
    assert_type(page.notes.create(title="T"), Note)
    assert_type(page.notes.create("T", body="b"), Note)
    page.notes.create(7)  # type: ignore[arg-type]
    page.notes.create("T", "b")  # type: ignore[call-arg]
    assert_type(page.notes["T"], Note)
    assert_type(page.notes.to_records(), list[dict[str, Any]])
    assert_type(page.notes.to_frame(), DataFrame)
    assert_type(page.notes.first(), Note | None)
    assert_type(page.notes.where(title="T"), Collection[Note])
    assert_type(page.duplicate(), CopyResult[Page])
    assert_type(page.duplicate(title="T", replace={"a": "b"}).record, Page)
    assert_type(page.merge_into(page), CopyResult[Model])
    assert_type(page.notes[0].move_to(page).record, Note)
    assert_type(page.lists[0].items[0].copy_to(page.lists[1]), CopyResult[Item])
    assert_type(page.lists[0].items.move_to(page.lists[1]).records, tuple[Item, ...])
    assert_type(page.notes.where(title="T").copy_to(page), CopyResult[Note])
    assert_type(page.notes.create_many(["T", {"title": "T"}]), Collection[Note])
    assert_type(page.lists[0].items.sync({"T": True}), SyncPlan[Item])
    page.tags.move_to(page)  # type: ignore[misc]
    assert_type(page.reload(), Page)
    assert_type(page.save(), SaveResult)
    assert_type(page.changes, dict[str, tuple[Any, Any]])
    assert_type(page.connection, Connection)
    page.tags = ["Travel"]
    page.tags = page.tags
    page.title = 5  # type: ignore[assignment]
    page.notes = []  # type: ignore[assignment]
    Page(titel="T")  # type: ignore[call-arg]
    Page(title="T", tags=["a"], public=True, description="d")
    Page()  # type: ignore[call-arg]
    Page(title="T", id=5)  # type: ignore[call-arg]
    page.titel  # type: ignore[attr-defined]  # noqa: B018 - only its type is checked


def what_is_on_them(page: Page, note: Note, item: Item, made: List) -> None:
    assert_type(Note.all(page=page), Collection[Note])
    assert_type(Note.find(7, page=7), Note)
    assert_type(note.page, Page)
    assert_type(note.page_id, int)
    assert_type(note.created_at, datetime)
    assert_type(note.destroy(), dict[str, Any])
    Note(page=page, title="T")
    Note(page=7)
    Note(title="T")  # type: ignore[call-arg]
    assert_type(made.items[0], Item)
    assert_type(made.items.create(content="T"), Item)
    assert_type(made.items.create("T", completed=True), Item)
    assert_type(Item.all(list=made), Collection[Item])
    assert_type(item.list, List)
    assert_type(item.list_id, int)
    assert_type(item.page, Page)
    assert_type(item.completed, bool)
    assert_type(item.updated_at, datetime | None)
    assert_type(item.complete(), SaveResult)


def tags_and_reminders(tag: Tag, reminder: Reminder) -> None:
    assert_type(Tag.all(), Collection[Tag])
    assert_type(Tag.all(page=7), Collection[Tag])
    assert_type(Tag.find(7, page=7), Tag)
    Page.find(title="T")  # type: ignore[arg-type]
    Page.create("T")  # type: ignore[arg-type,call-arg]
    assert_type(Tag.create(page=7, name="T"), Tag)
    assert_type(tag.pages, Collection[Page])
    assert_type(Reminder.all(), Collection[Reminder])
    assert_type(reminder.remind_at, datetime | None)
    assert_type(reminder.creator, User | None)
    assert_type(reminder.remindees, AssignableCollection[User])
    reminder.remindees = [1, 2]
    Reminder(content="T", remindees=[1])


def what_else_is_on_pages(page: Page, mail: Email, line: Separator, item: PageItem) -> None:
    assert_type(page.emails[0], Email)
    assert_type(page.separators[0], Separator)
    assert_type(page.separators.create(name="T"), Separator)
    assert_type(page.galleries[0].images[0], Image)
    assert_type(page.attachments[0], Attachment)
    assert_type(page.linked_pages[0], Page)
    assert_type(page.items[0], Item | PageItem)
    assert_type(page.items.create(content="T"), Item | PageItem)
    assert_type(page.notes[0].messages[0], Message)
    assert_type(Email.all(page=page), Collection[Email])
    assert_type(Email.find(7, page=7), Email)
    assert_type(Email.find_by(subject="T"), Email | None)
    assert_type(mail.subject, str)
    assert_type(mail.created_at, datetime)
    assert_type(mail.page, Page)
    assert_type(mail.page_id, int)
    assert_type(mail.destroy(), dict[str, Any])
    mail.save()  # type: ignore[attr-defined]
    Email.create(page=7)  # type: ignore[attr-defined]
    assert_type(Separator.create(page=7, name="T"), Separator)
    assert_type(line.name, str)
    assert_type(line.save(), SaveResult)
    Separator(page=page)
    Separator(name="T")  # type: ignore[call-arg]
    assert_type(Gallery.all(), Collection[Gallery])
    assert_type(Gallery.find(7).name, str)
    assert_type(Image.all(page=7), Collection[Image])
    assert_type(Image.find(7).gallery, Gallery)
    assert_type(Image.find(7).gallery_id, int)
    assert_type(Attachment.where(file_name="T"), Collection[Attachment])
    assert_type(Attachment.find(7).file_name, str)
    assert_type(PageItem.all(page=page), Collection[PageItem])
    assert_type(item.completed, bool)
    assert_type(item.list_id, int | None)
    assert_type(item.complete(), SaveResult)
    assert_type(item.toggle(), None)
    assert_type(page.notes[0].messages[0].id, int | None)
    assert_type(page.notes[0].messages[0].body, str)


def people(user: User, bookmark: Bookmark, status: Status) -> None:
    assert_type(User.me(), User)
    assert_type(User.all(), Collection[User])
    assert_type(User.find(7), User)
    assert_type(user.email_address, str | None)
    assert_type(user.admin, bool | None)
    assert_type(user.start_page, Page | None)
    assert_type(user.status, Status | None)
    assert_type(user.bookmarks[0], Bookmark)
    assert_type(user.journal[0], JournalEntry)
    assert_type(user.journal.create(body="T"), JournalEntry)
    assert_type(Bookmark.all(user=user), Collection[Bookmark])
    assert_type(Bookmark.find(7, user=7), Bookmark)
    assert_type(bookmark.bookmarkable, Page | Tag | None)
    assert_type(bookmark.bookmarkable_id, int | None)
    assert_type(bookmark.user_id, int)
    assert_type(Status.all(), Collection[Status])
    assert_type(Status.find(), Status | None)
    assert_type(Status.find(user), Status | None)
    assert_type(Status.create(user=7, message="T"), Status)
    assert_type(status.user, User)
    assert_type(status.updated_at, datetime)
    status.destroy()  # type: ignore[attr-defined]
    user.save()  # type: ignore[attr-defined]
    Status.find("me")  # type: ignore[arg-type]


def the_journal(entry: JournalEntry, user: User) -> None:
    assert_type(JournalEntry.all(user=user), Collection[JournalEntry])
    assert_type(JournalEntry.iter(user=7), Iterator[JournalEntry])
    assert_type(JournalEntry.find(7), JournalEntry)
    assert_type(JournalEntry.create(body="T"), JournalEntry)
    assert_type(entry.user, User)
    assert_type(entry.created_at, datetime)
    assert_type(entry.save(), SaveResult)
    assert_type(entry.destroy(), dict[str, Any])


def times() -> None:
    assert_type(JournalEntry.all(since=date(2031, 5, 1)), Collection[JournalEntry])
    assert_type(JournalEntry.iter(until=datetime(2031, 5, 1)), Iterator[JournalEntry])
    assert_type(CalendarEvent.all(since=date(2031, 5, 1)), Collection[CalendarEvent])
    assert_type(Reminder.all(due_before=date(2031, 5, 1)), Collection[Reminder])
    JournalEntry.all(since="2031-05-01")  # type: ignore[arg-type]
    CalendarEvent.all(due_before=date(2031, 5, 1))  # type: ignore[call-arg]
    Reminder.all(due_before=5)  # type: ignore[arg-type]


def addresses_and_matches(page: Page, note: Note, match: Match) -> None:
    assert_type(page.url, str)
    assert_type(Page.find("https://acme.backpackit.com/pages/71"), Page)
    assert_type(note.links, Collection[Page])
    assert_type(match.record, Note | List | Email | None)
    assert_type((match.excerpt, match.term), tuple[str, str])
    Note.find("https://acme.backpackit.com/pages/71")  # type: ignore[arg-type]
    _ = note.url  # type: ignore[attr-defined]


def plain_data(page: Page) -> None:
    assert_type(page.to_dict(json=True), dict[str, Any])
    assert_type(page.to_json(indent=2), str)
    assert_type(page.notes.to_records(json=True), list[dict[str, Any]])
    assert_type(page.notes.to_json(), str)
    assert_type(page.notes.to_polars(), polars.DataFrame)
    assert_type(page.destroy(), dict[str, Any])


def calendars(calendar: Calendar, event: CalendarEvent) -> None:
    assert_type(Calendar.all(), Collection[Calendar])
    assert_type(Calendar.find(7), Calendar)
    assert_type(calendar.ics_url, str)
    assert_type(calendar.events[0], CalendarEvent)
    assert_type(calendar.events.create(title="T"), CalendarEvent)
    assert_type(CalendarEvent.all(calendar=calendar), Collection[CalendarEvent])
    assert_type(CalendarEvent.find(7), CalendarEvent)
    assert_type(CalendarEvent.find_by(calendar=7, title="T"), CalendarEvent | None)
    assert_type(CalendarEvent.create(calendar=7, title="T"), CalendarEvent)
    assert_type(event.occurs_at, datetime | None)
    assert_type(event.remind, bool | None)
    assert_type(event.calendar, Calendar)
    assert_type(event.calendar_id, int)
    assert_type(event.save(), SaveResult)
    CalendarEvent(calendar=calendar, title="T", remind=True)
    CalendarEvent(title="T")  # type: ignore[call-arg]
    CalendarEvent(calendar=7, title="T", occurs_at=None)  # type: ignore[call-arg]
    Calendar.create(name="T")  # type: ignore[attr-defined]


def exports(user: User) -> None:
    assert_type(user.export(), Export)
    assert_type(Export.read(Path("backup.xml")), Export)
    assert_type(Export.read(b"<pages/>").pages, Collection[Page])
    assert_type(Export.read("backup.xml").reminders[0], Reminder)
    assert_type(Export.read(b"<pages/>").username, str)
    Export.read(b"<pages/>").save("backup.xml", overwrite=True)
    Export.read(5)  # type: ignore[arg-type]
