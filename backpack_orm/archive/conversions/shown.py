"""What templates show of records, as plain values with safe HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from backpack_orm import text
from backpack_orm.archive.conversions.widgets import included, unlisted_items, widgets
from backpack_orm.models.attachment import Attachment
from backpack_orm.models.belonging import Belonging
from backpack_orm.models.calendar import Calendar
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.gallery import Gallery
from backpack_orm.models.image import Image
from backpack_orm.models.item import Item
from backpack_orm.models.journal_entry import JournalEntry
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.separator import Separator
from backpack_orm.models.status import Status
from backpack_orm.orm.records.model import Model

if TYPE_CHECKING:
    from markupsafe import Markup


@frozen
class ShownText:
    """A text of a record.

    Attributes:
        document: The converted text.
        anchor: The id of the element that contains it; ids of its footnotes begin with it.
    """

    document: text.Document
    anchor: str

    @property
    def html(self) -> Markup:
        """The text as safe HTML."""
        from markupsafe import Markup

        converted = self.document.html(id_prefix=f"{self.anchor}-")
        return Markup(converted)  # noqa: S704 - the room `text` has made it safe


@frozen
class ShownEntry:
    """A comment, or a part of a list with times such as the journal."""

    time: datetime | None
    plain: str
    title: str = ""
    who: str = ""
    is_day: bool = False


@frozen
class ShownItem:
    """An item of a list, or a legacy item of a page."""

    id: int
    completed: bool
    content: ShownText
    comments: Sequence[ShownEntry]


@frozen
class ShownFile:
    """An attachment or image: its name, and where it can be found."""

    name: str
    address: str | None
    description: str


@frozen
class ShownWidget:
    """A part of a page.

    Attributes:
        kind: The type of the record in lower case, such as `note`.
        id: Its id; None for legacy items that are in no list.
        anchor: The id of its element.
        title: Its title, name or subject.
        time: When it was created, if the service includes that.
        items: The items of a list; None for other types.
        body: The text of a note.
        plain: A text without formatting.
        files: Attachments and images.
        comments: Comments on a note.
    """

    kind: str
    id: int | None = None
    anchor: str = ""
    title: str = ""
    time: datetime | None = None
    items: Sequence[ShownItem] | None = None
    body: ShownText | None = None
    plain: str = ""
    files: Sequence[ShownFile] = ()
    comments: Sequence[ShownEntry] = ()

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Yield its plain texts for a search, each with its anchor and a heading."""
        if self.kind == "belonging":
            return
        if not self.files:
            body = self.plain if self.body is None else self.body.document.plain()
            yield self.anchor, self.title, body
        for item in self.items or ():
            anchor = item.content.anchor
            yield anchor, self.title, item.content.document.plain()
            yield from ((anchor, "", comment.plain) for comment in item.comments)
        yield from ((self.anchor, file.name, file.description) for file in self.files)
        yield from ((self.anchor, "", comment.plain) for comment in self.comments)


@frozen
class ShownSection:
    """Entries under a title, which may be empty."""

    title: str
    entries: Sequence[ShownEntry]


@frozen
class PageContents:
    """Converts what is on pages.

    Args:
        link: Takes where a link leads to, and returns where it shall lead to instead, as for
            `text.parse`.
        file: Takes the name of a file and the id of its page, and returns the address of the file.
    """

    link: Callable[[str], str | None]
    file: Callable[[str, int], str | None]

    def description(self, page: Page) -> ShownText | None:
        """Return the text of the page itself; None if it has none."""
        source = page.to_dict().get("description") or ""
        return self._text(source, "description") if source else None

    def widgets(self, page: Page) -> list[ShownWidget]:
        """Return what is on a page, in its order. Makes no request if the page is loaded."""
        shown = [self._widget(widget, page) for widget in widgets(page)]
        if items := unlisted_items(page):
            shown.append(ShownWidget("list", items=self._items(items)))
        return shown

    def _widget(self, widget: Model, page: Page) -> ShownWidget:
        kind, id = type(widget).__name__.lower(), widget.to_dict()["id"]
        anchor = f"{kind}-{id}"
        if isinstance(widget, Note):
            return ShownWidget(
                kind,
                id,
                anchor,
                " ".join(text.parse(widget.title).plain().split()),
                widget.created_at,
                body=self._text(widget.body, anchor),
                comments=_comments(widget),
            )
        if isinstance(widget, List):
            return ShownWidget(kind, id, anchor, widget.name, items=self._items(widget.items))
        if isinstance(widget, Separator):
            return ShownWidget(kind, id, anchor, widget.name)
        if isinstance(widget, Gallery):
            files = [self._file(image, page) for image in included(widget.images)]
            return ShownWidget(kind, id, anchor, widget.name, files=files)
        if isinstance(widget, Attachment):
            return ShownWidget(kind, id, anchor, files=[self._file(widget, page)])
        if isinstance(widget, Email):
            time, body = widget.created_at, widget.body
            return ShownWidget(kind, id, anchor, widget.subject, time, plain=body)
        if isinstance(widget, Belonging):
            what = f"{widget.type} {widget.widget_id}: the service includes no more about it."
            return ShownWidget(kind, id, anchor, plain=what)
        raise TypeError(f"{type(widget).__name__} objects are not on pages")

    def _items(self, items: Iterable[Item | PageItem]) -> list[ShownItem]:
        return [
            ShownItem(
                item.id,
                item.completed,
                self._text(item.content, f"item-{item.id}"),
                _comments(item),
            )
            for item in items
        ]

    def _text(self, source: str, anchor: str) -> ShownText:
        return ShownText(text.parse(source, link=self.link), anchor)

    def _file(self, file: Attachment | Image, page: Page) -> ShownFile:
        description = file.description if isinstance(file, Image) else ""
        return ShownFile(file.file_name, self.file(file.file_name, page.id), description)


def _comments(record: Note | Item | PageItem) -> list[ShownEntry]:
    return [ShownEntry(each.created_at, each.body) for each in included(record.messages)]


def shown_reminder(reminder: Reminder) -> ShownEntry:
    """Return a reminder as an entry."""
    return ShownEntry(reminder.remind_at, reminder.content)


def shown_journal_entry(entry: JournalEntry) -> ShownEntry:
    """Return a journal entry with the name of its author."""
    return ShownEntry(entry.created_at, entry.body, who=entry.user.name)


def shown_status(status: Status) -> ShownEntry:
    """Return a status with the name of its user."""
    return ShownEntry(status.updated_at, status.message, who=status.user.name)


def shown_calendar(calendar: Calendar, events: Iterable[CalendarEvent]) -> ShownSection:
    """Return a calendar with its events, which may be among those of others."""
    shown = [
        ShownEntry(each.occurs_at, each.message, each.title, is_day=bool(each.all_day))
        for each in events
        if each.calendar_id == calendar.id
    ]
    return ShownSection(calendar.name, shown)
