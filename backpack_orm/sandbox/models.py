"""The tables of a sandbox: accounts, their users and everything that these created."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# Records of every type share one sequence in their account; clients that look things up
# by id alone rely on no two being equal.
IDS_START_AFTER = 40_000_000

R = TypeVar("R", bound="Record")


class Utc(TypeDecorator[datetime]):
    """An aware time; SQLite has no zones, so it is kept in UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The root of all tables. Keys are the storage's own; the API shows only ids."""

    type_annotation_map = {datetime: Utc}  # noqa: RUF012 - as SQLAlchemy reads it

    key: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


def _owned_by(table: str) -> Any:
    """A reference to the record that this one goes away with."""
    return mapped_column(ForeignKey(f"{table}.key", ondelete="CASCADE"), index=True)


def _pair(name: str, left: str, right: str) -> Table:
    """A table of who or what goes with whom; pairs go away with either end."""
    return Table(
        name,
        Base.metadata,
        *(
            Column(column, ForeignKey(f"{table}.key", ondelete="CASCADE"), primary_key=True)
            for column, table in ((f"{name}_left", left), (f"{name}_right", right))
        ),
    )


class Account(Base):
    """A customer: some users and what they made. Accounts know nothing of each other."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(unique=True)
    last_id: Mapped[int] = mapped_column(default=IDS_START_AFTER)
    created_at: Mapped[datetime]

    users: Mapped[list[User]] = relationship(back_populates="account", order_by="User.key")

    @property
    def id(self) -> int:
        """The number of the account in `me.xml`."""
        return IDS_START_AFTER

    def new(self, kind: type[R], *, id: int | None = None, **values: Any) -> R:
        """A record of this account, under an id that it had elsewhere, or else the next one."""
        return kind(account=self, id=self.next_id() if id is None else id, **values)

    def next_id(self) -> int:
        """An id that nothing has yet."""
        self.last_id += 1
        return self.last_id


class Record(Base):
    """What has an id of its own."""

    __abstract__ = True
    __table_args__: Any = (UniqueConstraint("account_key", "id"),)

    account_key: Mapped[int] = _owned_by("accounts")
    id: Mapped[int]


class User(Record):
    """A person who may sign in to the account, with any of their tokens."""

    __tablename__ = "users"

    name: Mapped[str]
    email_address: Mapped[str]
    admin: Mapped[bool]
    time_zone: Mapped[str]
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(back_populates="users", lazy="joined")


class Token(Base):
    """A token of a user: only its hash, so that nobody can read it here."""

    __tablename__ = "tokens"

    user_key: Mapped[int] = _owned_by("users")
    digest: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


linked_pages = _pair("linked_pages", "pages", "pages")
remindees = _pair("remindees", "reminders", "users")


class Page(Record):
    """A page; what is on it, in the order of `widgets`.

    Its own `items` are in no list: older pages had such, which no call makes any more.
    """

    __tablename__ = "pages"

    owner_key: Mapped[int] = _owned_by("users")
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    public: Mapped[bool] = mapped_column(default=False)
    former_address: Mapped[str | None]

    account: Mapped[Account] = relationship()
    owner: Mapped[User] = relationship()
    widgets: Mapped[list[Widget]] = relationship(
        back_populates="page",
        order_by="Widget.position",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    items: Mapped[list[Item]] = relationship(
        back_populates="on_page",
        order_by="Item.position",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    taggings: Mapped[list[Tagging]] = relationship(
        order_by="Tagging.position", cascade="all, delete-orphan", passive_deletes=True
    )
    friends: Mapped[list[Friend]] = relationship(
        order_by="Friend.key", cascade="all, delete-orphan", passive_deletes=True
    )
    linked: Mapped[list[Page]] = relationship(
        secondary=linked_pages,
        primaryjoin=lambda: Page.key == linked_pages.c.linked_pages_left,
        secondaryjoin=lambda: Page.key == linked_pages.c.linked_pages_right,
        order_by="Page.id",
        passive_deletes=True,
    )

    @property
    def scope(self) -> str:
        """Who sees it, as the list of all pages says it."""
        if self.friends:
            return "friends"
        return "public" if self.public else "personal"

    @property
    def email_address(self) -> str:
        """Where mail for this page goes: made from its id, so the same in every run.

        A page that comes from elsewhere keeps the address that it had there.
        """
        if self.former_address is not None:
            return self.former_address
        return page_address(self.account.name, self.id)

    def of(self, kind: type[W]) -> list[W]:
        """The widgets of one kind, by id."""
        some = (widget for widget in self.widgets if isinstance(widget, kind))
        return sorted(some, key=lambda widget: widget.id)

    def append(
        self,
        kind: type[W],
        name: str,
        now: datetime,
        *,
        belonging_id: int | None = None,
        **values: Any,
    ) -> W:
        """Put a new widget at the end of a page that is not stored yet."""
        widget = self.account.new(kind, name=name, created_at=now, **values)
        widget.belonging_id = self.account.next_id() if belonging_id is None else belonging_id
        widget.position = len(self.widgets) + 1
        self.widgets.append(widget)
        return widget

    def tag(self, tags: Iterable[Tag]) -> None:
        """Give the page these tags instead of those it has."""
        self.taggings = [Tagging(tag=tag, position=place) for place, tag in enumerate(tags)]


def page_address(account: str, id: int) -> str:
    """Return the e-mail address of a page: made from its id, so the same in every run."""
    digest = hashlib.sha256(f"{account}/{id}".encode()).hexdigest()
    return f"{digest[:8]}@backpackit.com"


class Friend(Base):
    """Somebody whom a page is shared with, known by an e-mail address."""

    __tablename__ = "friends"

    page_key: Mapped[int] = _owned_by("pages")
    email_address: Mapped[str] = mapped_column(index=True)


class Tag(Record):
    """A word that pages are found by."""

    __tablename__ = "tags"

    name: Mapped[str]

    account: Mapped[Account] = relationship()


class Tagging(Base):
    """A tag on a page."""

    __tablename__ = "taggings"

    page_key: Mapped[int] = _owned_by("pages")
    tag_key: Mapped[int] = _owned_by("tags")
    position: Mapped[int]

    tag: Mapped[Tag] = relationship(lazy="joined")


class Widget(Record):
    """Something on a page, and its belonging: the place it has there."""

    __tablename__ = "widgets"
    # In an export, widgets of two kinds may have one id.
    __table_args__ = (UniqueConstraint("account_key", "type", "other_type", "id"),)
    __mapper_args__ = {"polymorphic_on": "type"}  # noqa: RUF012 - as SQLAlchemy reads it

    page_key: Mapped[int] = _owned_by("pages")
    type: Mapped[str]
    other_type: Mapped[str] = mapped_column(default="")
    belonging_id: Mapped[int]
    position: Mapped[int]
    name: Mapped[str]
    body: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    page: Mapped[Page] = relationship(back_populates="widgets")

    @property
    def shown_type(self) -> str:
        """What its belonging says of it."""
        return self.type


W = TypeVar("W", bound=Widget)


class Note(Widget):
    """A titled text."""

    __mapper_args__ = {"polymorphic_identity": "Note"}  # noqa: RUF012

    show_created_at: Mapped[bool | None]

    messages: Mapped[list[Message]] = relationship(
        order_by="Message.key", cascade="all, delete-orphan", passive_deletes=True
    )


class Email(Widget):
    """A mail that was sent to the page's address; its name is the subject."""

    __mapper_args__ = {"polymorphic_identity": "Email"}  # noqa: RUF012


class List(Widget):
    """A list; its items stand by position, open and completed ones mixed."""

    __mapper_args__ = {"polymorphic_identity": "List"}  # noqa: RUF012

    items: Mapped[list[Item]] = relationship(
        back_populates="in_list",
        order_by="Item.position",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class Separator(Widget):
    """A line across the page, with a name."""

    __mapper_args__ = {"polymorphic_identity": "Separator"}  # noqa: RUF012


class Gallery(Widget):
    """Some images."""

    __mapper_args__ = {"polymorphic_identity": "Gallery"}  # noqa: RUF012

    images: Mapped[list[Image]] = relationship(
        order_by="Image.id", cascade="all, delete-orphan", passive_deletes=True
    )


class Attachment(Widget):
    """A file, of which the API tells only the name."""

    __mapper_args__ = {"polymorphic_identity": "Asset"}  # noqa: RUF012


class WriteboardLink(Widget):
    """A link to a text in another product, of which the API tells only that it is there."""

    __mapper_args__ = {"polymorphic_identity": "WriteboardLink"}  # noqa: RUF012


class OtherWidget(Widget):
    """Something in an export of which only its belonging tells."""

    __mapper_args__ = {"polymorphic_identity": "Other"}  # noqa: RUF012

    @property
    def shown_type(self) -> str:
        """What its belonging said of it in the export."""
        return self.other_type


class Item(Record):
    """A line of a list, or of an older page that had some without a list."""

    __tablename__ = "items"

    list_key: Mapped[int | None] = _owned_by("widgets")
    page_key: Mapped[int | None] = _owned_by("pages")
    content: Mapped[str]
    completed: Mapped[bool]
    position: Mapped[int]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    in_list: Mapped[List | None] = relationship(back_populates="items")
    on_page: Mapped[Page | None] = relationship(back_populates="items")
    messages: Mapped[list[Message]] = relationship(
        order_by="Message.key", cascade="all, delete-orphan", passive_deletes=True
    )


class Message(Base):
    """A comment on a note or an item, as an export has it: no other call tells of it."""

    __tablename__ = "messages"

    note_key: Mapped[int | None] = _owned_by("widgets")
    item_key: Mapped[int | None] = _owned_by("items")
    xml: Mapped[str]


class Image(Record):
    """A picture in a gallery."""

    __tablename__ = "images"

    gallery_key: Mapped[int] = _owned_by("widgets")
    file_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")

    account: Mapped[Account] = relationship()


class Reminder(Record):
    """What some people are to be told at some time."""

    __tablename__ = "reminders"

    creator_key: Mapped[int] = _owned_by("users")
    content: Mapped[str]
    remind_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    creator: Mapped[User] = relationship()
    remindees: Mapped[list[User]] = relationship(
        secondary=remindees, order_by="User.id", passive_deletes=True
    )


class Bookmark(Record):
    """A page or a tag that somebody keeps at hand."""

    __tablename__ = "bookmarks"

    user_key: Mapped[int] = _owned_by("users")
    page_key: Mapped[int | None] = _owned_by("pages")
    tag_key: Mapped[int | None] = _owned_by("tags")
    position: Mapped[int]
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    user: Mapped[User] = relationship()
    page: Mapped[Page | None] = relationship()
    tag: Mapped[Tag | None] = relationship()


class Status(Record):
    """What somebody says they are doing; everybody has one at most."""

    __tablename__ = "statuses"

    user_key: Mapped[int] = mapped_column(ForeignKey("users.key", ondelete="CASCADE"), unique=True)
    message: Mapped[str]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    user: Mapped[User] = relationship()


class JournalEntry(Record):
    """What somebody did."""

    __tablename__ = "journal_entries"

    user_key: Mapped[int] = _owned_by("users")
    body: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    user: Mapped[User] = relationship(lazy="joined")


class Calendar(Record):
    """A calendar; its token lets anybody read its feed."""

    __tablename__ = "calendars"

    name: Mapped[str]
    color: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    events: Mapped[list[CalendarEvent]] = relationship(
        back_populates="calendar",
        order_by=lambda: (CalendarEvent.occurs_at, CalendarEvent.id),
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class CalendarEvent(Record):
    """Something in a calendar; one of the whole day occurs at midnight, UTC."""

    __tablename__ = "calendar_events"

    calendar_key: Mapped[int] = _owned_by("calendars")
    title: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    occurs_at: Mapped[datetime]
    occurs_until: Mapped[datetime | None]
    all_day: Mapped[bool] = mapped_column(default=False)
    remind: Mapped[bool] = mapped_column(default=False)
    reminded_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    calendar: Mapped[Calendar] = relationship(back_populates="events")
