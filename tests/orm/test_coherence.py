"""Every write is seen by every read at once, within a process.

A write is done through each kind of object that can do it, after everything that can be read was
read and cached. Then all reads are compared, in another thread, with what the service has, and the
page object around what was written too. Writes through the objects of a page are read by their own
connection, the same writes through objects that were found by themselves by another connection to
the account: which caches a write invalidates does not depend on how its object was found.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

import backpack_orm
from backpack_orm import (
    Attachment,
    Bookmark,
    Calendar,
    CalendarEvent,
    Collection,
    Connection,
    Email,
    Gallery,
    HasMany,
    Image,
    Item,
    JournalEntry,
    List,
    Model,
    Note,
    NotFound,
    Page,
    PageItem,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
)
from backpack_orm.sandbox import Sandbox

Read = Callable[..., Any]
TEXT = ["Zebra", "e", "tram", "Socks", "Lisbon", "mail"]


class Scene:
    """The objects of one connection, by which writes are made.

    With `held` all come from one page object; else each was found by itself, as far as it can be,
    with that page given only where a call needs it.
    """

    def __init__(self, connection: Connection, *, held: bool) -> None:
        self.connection = connection
        home = Page.get(title="Lisbon", using=connection)
        assert home is not None
        self.page = Page.find(home.id, using=connection)
        self.other = Page.get(title="The garden", using=connection)
        self.linking = Page.get(title="Recipes", using=connection)
        self.shared = Page.get(title="Kitchen renovation", using=connection)
        self.reminder = Reminder.all(using=connection)[0]
        self.me = User.me(using=connection)
        self.calendar = Calendar.all(using=connection)[0]
        page = self.page
        if held:
            self.note, self.list, self.email = page.notes[0], page.lists[0], page.emails[0]
            self.item, self.page_item = self.list.items[1], page.items[1]
            self.separator, self.tag = page.separators[0], page.tags[0]
            self.event, self.entry = self.calendar.events[0], self.me.journal[0]
            self.status = self.me.status
        else:
            self.note = Note.find(page.notes[0].id, page=page)
            self.list = List.find(page.lists[0].id, page=page)
            self.email = Email.find(page.emails[0].id, page=page)
            self.item = Item.all(list=self.list.id, page=page)[1]
            self.page_item = PageItem.all(page=page)[1]
            self.separator = Separator.find(page.separators[0].id, page=page)
            self.tag = Tag.create(page=page, name=page.tags[0].name)  # which finds it
            self.event = CalendarEvent.find(self.calendar.events[0].id, using=connection)
            self.entry = JournalEntry.find(self.me.journal[0].id, using=connection)
            self.status = Status.find(self.me)
        view(page)  # so that all of it is loaded before the write

    def without_parts(self) -> None:
        """Remove the objects that are others with `held`."""
        for name in PARTS:
            delattr(self, name)


PARTS = (
    *("note", "list", "email", "item", "page_item"),
    *("separator", "tag", "event", "entry", "status"),
)


def edit(name: str, /, **values: Any) -> Callable[[Scene], object]:
    """Return what changes attributes of an object and saves it."""

    def write(scene: Scene) -> None:
        record = getattr(scene, name)
        for attribute, value in values.items():
            setattr(record, attribute, value)
        assert record.save()

    return write


def call(name: str, method: str, *arguments: Any, **options: Any) -> Callable[[Scene], object]:
    return lambda scene: getattr(getattr(scene, name), method)(*arguments, **options)


WRITES_OF_PARTS: dict[str, Callable[[Scene], object]] = {
    "Note.save": edit("note", title="Zebra", body="Zebra"),
    "Note.destroy": call("note", "destroy"),
    "List.save": edit("list", name="Zebra"),
    "List.destroy": call("list", "destroy"),
    "Item.create": lambda scene: Item.create(list=scene.list, content="Zebra"),
    "Item.save content": edit("item", content="Zebra"),
    "Item.save completed": lambda scene: edit("item", completed=not scene.item.completed)(scene),
    "Item.complete": call("item", "complete"),
    "Item.reopen": lambda scene: scene.list.items.where(completed=True)[0].reopen(),
    "Item.toggle": call("item", "toggle"),
    "Item.move_higher": call("item", "move_higher"),
    "Item.move_lower": call("item", "move_lower"),
    "Item.move_to_top": call("item", "move_to_top"),
    "Item.move_to_bottom": call("item", "move_to_bottom"),
    "Item.destroy": call("item", "destroy"),
    "Item.move_before": lambda scene: scene.item.move_before(scene.item.list.items[0]),
    "Item.move_after": lambda scene: scene.item.move_after(scene.item.list.items[-1]),
    "Items.complete": lambda scene: scene.list.items.complete(),
    "PageItem.save content": edit("page_item", content="Zebra"),
    "PageItem.save completed": lambda scene: edit(
        "page_item", completed=not scene.page_item.completed
    )(scene),
    "PageItem.complete": call("page_item", "complete"),
    "PageItem.toggle": call("page_item", "toggle"),
    "PageItem.move_higher": call("page_item", "move_higher"),
    "PageItem.move_lower": call("page_item", "move_lower"),
    "PageItem.move_to_top": call("page_item", "move_to_top"),
    "PageItem.move_to_bottom": call("page_item", "move_to_bottom"),
    "PageItem.destroy": call("page_item", "destroy"),
    "Separator.save": edit("separator", name="Zebra"),
    "Separator.destroy": call("separator", "destroy"),
    "Email.destroy": call("email", "destroy"),
    "Tag.save": edit("tag", name="Zebra"),
    "Tag.destroy": call("tag", "destroy"),
    "Status.save": edit("status", message="Zebra"),
    "JournalEntry.save": edit("entry", body="Zebra"),
    "JournalEntry.destroy": call("entry", "destroy"),
    "CalendarEvent.save": edit("event", title="9/28 2pm Zebra"),
    "CalendarEvent.destroy": call("event", "destroy"),
    "Children.create_many items": lambda scene: scene.list.items.create_many(["Zebra", "Zebu"]),
    "Children.sync": lambda scene: scene.list.items.sync(
        {"Zebra": True, scene.item.content: True}, destroy=True
    ),
    "Item.copy_to": lambda scene: scene.item.copy_to(scene.page.lists[1]),
    "Item.copy_to page": lambda scene: scene.item.copy_to(scene.other.lists.create(name="Zebra")),
    "Item.move_to": lambda scene: scene.item.move_to(scene.page.lists[1]),
    "Note.copy_to": lambda scene: scene.note.copy_to(scene.other),
    "Note.move_to": lambda scene: scene.note.move_to(scene.other),
    "List.copy_to": lambda scene: scene.list.copy_to(scene.other),
    "List.move_to": lambda scene: scene.list.move_to(scene.other),
    "Collection.copy_to": lambda scene: scene.list.items.copy_to(scene.page.lists[1]),
    "Collection.move_to": lambda scene: scene.list.items.move_to(scene.page.lists[1]),
    "Items.reorder": lambda scene: scene.list.items.reorder(list(reversed(scene.list.items))),
}
"""Writes through an object that may come from the page object, or be found by itself."""
OTHER_WRITES: dict[str, Callable[[Scene], object]] = {
    "Page.create": lambda scene: Page.create(title="Zebra", using=scene.connection),
    "Page.save title": edit("page", title="Zebra"),
    "Page.save description": edit("page", description="Zebra"),
    "Page.save tags": edit("page", tags=["Zebra", "Travel"]),
    "Page.save no tags": edit("page", tags=[]),
    "Page.save public": edit("page", public=True),
    "Page.save title of a linked page": lambda scene: edit_linked(scene),
    "Page.reorder": lambda scene: scene.page.reorder(reversed(scene.page.belongings)),
    "Page.duplicate": call("page", "duplicate"),
    "Page.share": call("page", "share", ["ana@example.com"], public=False),
    "Page.share with all": call("page", "share", public=True),
    "Page.unshare": call("shared", "unshare"),
    "Page.unshare of a linked page": lambda scene: unshare_linked(scene),
    "Page.email_copy": call("page", "email_copy"),
    "Page.link": lambda scene: scene.page.link(scene.other),
    "Page.unlink": lambda scene: scene.linking.unlink(scene.linking.linked_pages[0]),
    "Page.destroy": call("page", "destroy"),
    "Page.destroy of a linked page": lambda scene: scene.linking.linked_pages[0].destroy(),
    "Note.create": lambda scene: Note.create(page=scene.page, title="Zebra"),
    "List.create": lambda scene: List.create(page=scene.page, name="Zebra"),
    "Tags.add": lambda scene: scene.page.tags.add("Zebra"),
    "Tags.remove": lambda scene: scene.page.tags.remove("Travel"),
    "Tags.set": lambda scene: scene.page.tags.set(["Zebra", "Travel"]),
    "Pages.retag": lambda scene: Collection(Page, [scene.page, scene.other]).retag(add=["Zebra"]),
    "Notes.destroy": lambda scene: scene.page.notes.destroy(),
    "Lists.update": lambda scene: scene.page.lists.update(name="Zebra"),
    "PageItem.create": lambda scene: PageItem.create(page=scene.page, content="Zebra"),
    "PageItem.reopen": lambda scene: PageItem.where(page=scene.page, completed=True)[0].reopen(),
    "Separator.create": lambda scene: Separator.create(page=scene.page, name="Zebra"),
    "Tag.create": lambda scene: Tag.create(page=scene.page, name="Zebra"),
    "Reminder.create": lambda scene: Reminder.create(
        content="tomorrow 9am Zebra", using=scene.connection
    ),
    "Reminder.save content": edit("reminder", content="Zebra"),
    "Reminder.save time": lambda scene: edit(
        "reminder",
        remind_at=scene.reminder.remind_at + timedelta(days=400),  # type: ignore[operator]
    )(scene),
    "Reminder.save remindees": lambda scene: edit(
        "reminder", remindees=User.all(using=scene.connection)[1:]
    )(scene),
    "Reminder.destroy": call("reminder", "destroy"),
    "Status.create": lambda scene: Status.create(user=scene.me, message="Zebra"),
    "JournalEntry.create": lambda scene: JournalEntry.create(user=scene.me, body="Zebra"),
    "CalendarEvent.create": lambda scene: CalendarEvent.create(
        calendar=scene.calendar, title="tomorrow 9am Zebra"
    ),
    "Children.create": lambda scene: scene.page.notes.create(title="Zebra"),
    "Page.create_many": lambda scene: Page.create_many(
        ["Zebra", {"title": "Zebu", "tags": ["X"]}], using=scene.connection
    ),
    "Children.create_many": lambda scene: scene.page.notes.create_many(["Zebra", "Zebu"]),
    "Children.create_many page items": lambda scene: scene.page.items.create_many(["Zebra"]),
    "Children.create_many lists": lambda scene: scene.page.lists.create_many(["Zebra"]),
    "Children.create_many separators": lambda scene: scene.page.separators.create_many(["Zebra"]),
    "Children.sync notes": lambda scene: scene.page.notes.sync({"Zebra": "x"}, destroy=True),
    "Collection.move_to notes": lambda scene: scene.page.notes.move_to(scene.other),
    "Page.merge_into": lambda scene: scene.other.merge_into(scene.page),
    "Page.duplicate texts": call("page", "duplicate", title="Zebra", replace={"tram": "Zebra"}),
    "Items.create": lambda scene: scene.page.lists[0].items.create(content="Zebra"),
    "PageItems.create": lambda scene: scene.page.items.create(content="Zebra"),
}
"""Writes through the page and what belongs to none, which are the same objects in both cases."""
WRITES = WRITES_OF_PARTS | OTHER_WRITES
READ_ONLY = {
    *("all", "find", "find_by", "where", "search", "iter", "me", "export", "read"),
    *("to_dict", "discard", "reload", "count", "index", "first", "to_records", "to_frame"),
    *("to_json", "to_polars"),
    *("get", "order_by", "last", "exists", "exclude"),
}
"""Public methods that write nothing to the service."""


def edit_linked(scene: Scene) -> None:
    linked = scene.linking.linked_pages[0]
    linked.title = "Zebra"
    assert linked.save()


def unshare_linked(scene: Scene) -> None:
    scene.linking.link(scene.shared)
    scene.linking.reload()
    scene.shared.unshare()


COMBINED = {"get_or_create", "update_or_create", "update"}
"""Methods that write only through `create` and `save`, which have rows."""


def collections_of(kind: type[Collection[Any]]) -> Iterator[type[Collection[Any]]]:
    yield kind
    for each in kind.__subclasses__():
        yield from collections_of(each)


def test_every_public_method_either_only_reads_or_has_a_row() -> None:
    for name in backpack_orm.__all__:
        getattr(backpack_orm, name)  # some are imported when they are first used
    models = [
        kind
        for kind in map(partial(getattr, backpack_orm), backpack_orm.__all__)
        if inspect.isclass(kind) and issubclass(kind, Model) and hasattr(kind, "_table")
    ]
    rows = {name.partition(" ")[0] for name in WRITES}
    for kind in models:
        for name, _ in inspect.getmembers(kind, callable):
            if not name.startswith("_") and name not in READ_ONLY | COMBINED:
                assert f"{kind.__name__}.{name}" in rows, f"{kind.__name__}.{name} has no row"
    for collection in collections_of(Collection):
        if collection.__module__.startswith("backpack_orm"):
            for name, member in vars(collection).items():
                if inspect.isfunction(member) and not name.startswith("_"):
                    row = f"{collection.__name__}.{name}"
                    assert name in READ_ONLY | COMBINED or row in rows, f"{row} has no row"


# --- what can be read -------------------------------------------------------------------------


def plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Collection):
        return [plain(each) for each in value]
    return value


def items(found: Collection[Any]) -> list[tuple[Any, ...]]:
    return [(item.id, item.content, item.completed, item.list_id) for item in found]


def view(page: Page) -> dict[str, Any]:
    """All that a page shows, through its object."""
    return {
        "id": page.id,
        "title": page.title,
        "description": page.description,
        "scope": page.scope,
        "tags": [(tag.id, tag.name) for tag in page.tags],
        "belongings": [(one.position, one.type, one.widget_id) for one in page.belongings],
        "notes": [(note.id, note.title, note.body) for note in page.notes],
        "lists": [(one.id, one.name, items(one.items)) for one in page.lists],
        "items": items(page.items),
        "separators": [(one.id, one.name) for one in page.separators],
        "emails": [(mail.id, mail.subject, mail.body) for mail in page.emails],
        "linked_pages": [(one.id, one.title) for one in page.linked_pages],
        "galleries": plain(page.galleries),
        "attachments": plain(page.attachments),
    }


def brief(page: Page) -> dict[str, Any]:
    """What an export includes of a page."""
    return {
        "id": page.id,
        "title": page.title,
        "description": page.description,
        "scope": page.scope,
        "tags": [(tag.id, tag.name) for tag in page.tags],
        "belongings": [(one.position, one.type, one.widget_id) for one in page.belongings],
        "notes": [(note.id, note.title, note.body) for note in page.notes],
        "lists": [(one.id, one.name, items(one.items)) for one in page.lists],
        "items": items(page.items),
        "separators": [(one.id, one.name) for one in page.separators],
        "galleries": plain(page.galleries),
        "attachments": plain(page.attachments),
    }


class Memo(Note):
    """A note of one's own."""


class Trip(Page):
    """A page of one's own."""

    notes = HasMany(Memo)


def whole_account() -> dict[str, Read]:
    """The reads of all pages, which read an export."""
    return {
        "Page.all loaded": lambda using: list(map(brief, Page.all(load=True, using=using))),
        "Trip.all loaded": lambda using: list(map(brief, Trip.all(load=True, using=using))),
        "Page.where loaded": lambda using: [
            page.id for page in Page.where(tags__name="Zebra", using=using)
        ],
        **{
            f"{model.__name__}.all of all pages": lambda using, model=model: [
                (note.id, note.title, note.body, note.page_id) for note in model.all(using=using)
            ]
            for model in (Note, Memo)
        },
        "List.all of all pages": lambda using: [
            (one.id, one.name, items(one.items)) for one in List.all(using=using)
        ],
        "Item.all of all pages": lambda using: items(Item.all(using=using)),
        "Separator.all of all pages": lambda using: plain(Separator.all(using=using)),
        "Email.all of all pages": lambda using: plain(Email.all(using=using)),
    }


def find_page(id: int, using: Connection) -> dict[str, Any]:
    return view(Page.find(id, using=using))


def reads(scene: Scene) -> dict[str, Read]:
    """Every public read, about all that the writes touch; each takes the connection."""
    page, mail, event, entry = (scene.page.id, scene.email.id, scene.event.id, scene.entry.id)
    first, me, tag = scene.page.lists[0].id, scene.me.id, scene.tag
    item, note = scene.item.id, scene.note.id
    calendar, tags = scene.calendar.id, list(scene.page.tags)

    def on_page(model: Any) -> Read:
        return lambda using: plain(model.all(page=page, using=using))

    return {
        "Page.all": lambda using: [(one.id, one.title, one.scope) for one in Page.all(using=using)],
        "Page.where": lambda using: plain(Page.where(title="Zebra", using=using)),
        **whole_account(),
        **{
            f"Page.find {name}": partial(find_page, getattr(scene, name).id)
            for name in ("page", "other", "linking", "shared")
        },
        **{
            f"Page.search {word}": lambda using, word=word: [
                (one.id, one.title, [(match.type, match.id) for match in one.matches])
                for one in Page.search(word, using=using)
            ]
            for word in TEXT
        },
        **{
            f"{model.__name__}.all": on_page(model)
            for model in (List, Note, Separator, Email, Gallery, Image, Attachment)
        },
        "Item.all": lambda using: items(Item.all(page=page, using=using)),
        "Item.all of a list": lambda using: items(Item.all(list=first, page=page, using=using)),
        "PageItem.all": lambda using: items(PageItem.all(page=page, using=using)),
        "Item.find": lambda using: plain(Item.find(item, page=page, using=using)),
        "Note.find": lambda using: plain(Note.find(note, page=page, using=using)),
        "Email.find": lambda using: plain(Email.find(mail, page=page, using=using)),
        "Tag.all": lambda using: sorted((one.id, one.name) for one in Tag.all(using=using)),
        "Tag.pages": lambda using: [
            [(one.id, one.title) for one in Tag._stub(each.id, using).pages] for each in tags
        ],
        "Tag.find": lambda using: Tag.find(tag.id, using=using).name,
        "Reminder.all": lambda using: plain(Reminder.all(using=using)),
        "User.me": lambda using: plain(User.me(using=using)),
        "User.all": lambda using: plain(User.all(using=using)),
        "Bookmark.all": lambda using: plain(Bookmark.all(user=me, using=using)),
        "Status.all": lambda using: [one.message for one in Status.all(using=using)],
        "Status.find": lambda using: plain(Status.find(me, using=using)),
        "JournalEntry.all": lambda using: plain(JournalEntry.all(using=using)[:20]),
        "JournalEntry.all of a user": lambda using: [
            (one.id, one.body) for one in JournalEntry.all(user=me, using=using)
        ],
        "JournalEntry.find": lambda using: plain(JournalEntry.find(entry, using=using)),
        "Calendar.all": lambda using: plain(Calendar.all(using=using)),
        "CalendarEvent.all": lambda using: plain(CalendarEvent.all(calendar=calendar, using=using)),
        "CalendarEvent.find": lambda using: plain(CalendarEvent.find(event, using=using)),
    }


def response(read: Read, connection: Connection) -> Any:
    try:
        return read(connection)
    except NotFound:
        return "not found"


def responses(asked: dict[str, Read], connection: Connection) -> dict[str, Any]:
    return {name: response(read, connection) for name, read in asked.items()}


@pytest.fixture
def connect(box: Sandbox) -> Iterator[Callable[..., Connection]]:
    opened: list[Connection] = []

    def open_one(**options: Any) -> Connection:
        opened.append(Connection(box.url, token=box.token, limits=None, **options))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.mark.parametrize("write", WRITES_OF_PARTS)
def test_a_write_through_a_part_of_a_page_is_seen_by_the_connection(
    write: str, connect: Callable[..., Connection]
) -> None:
    mine = connect()
    check(WRITES_OF_PARTS[write], Scene(mine, held=True), mine, connect())


@pytest.mark.parametrize("write", WRITES_OF_PARTS)
def test_a_write_through_an_object_found_by_itself_is_seen_by_other_connections(
    write: str, connect: Callable[..., Connection]
) -> None:
    check(WRITES_OF_PARTS[write], Scene(connect(), held=False), connect(), connect())


@pytest.mark.parametrize("write", OTHER_WRITES)
def test_a_write_is_seen_by_the_connection(write: str, connect: Callable[..., Connection]) -> None:
    def without_parts(scene: Scene) -> None:
        scene.without_parts()
        OTHER_WRITES[write](scene)

    mine = connect()
    check(without_parts, Scene(mine, held=False), mine, connect())


def check(
    write: Callable[[Scene], object], scene: Scene, reader: Connection, service: Connection
) -> None:
    """Compare all reads after a write, in a thread other than its, with those of an empty cache."""
    asked = reads(scene)
    responses(asked, reader)
    write(scene)
    expected = responses(asked, service)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(responses, asked, reader).result() == expected
    if not scene.page.is_destroyed:
        whole = view(Page.find(scene.page.id, using=service))
        assert view(scene.page) == whole
        assert view(scene.page.reload()) == whole
