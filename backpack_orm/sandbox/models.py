"""The tables of a sandbox: accounts, their users and what these have created."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    SQLColumnExpression,
    Table,
    TypeDecorator,
    UniqueConstraint,
    event,
    func,
    inspect,
    literal_column,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column, relationship
from sqlalchemy.types import TypeEngine

# All records of an account share one sequence of ids, since some clients look records up by id
# without the type.
IDS_START_AFTER = 40_000_000

R = TypeVar("R", bound="Record")


class Utc(TypeDecorator[datetime]):
    """An aware datetime, in UTC; SQLite has no time zones, so it is stored without one."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite has one type of integer, and assigns keys only if it is called so.
BigInt = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base class of all tables. Keys are internal; the API shows only ids."""

    type_annotation_map = {datetime: Utc, int: BigInt}  # noqa: RUF012 - as SQLAlchemy reads it

    key: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


def _owned_by(table: str) -> Any:
    """Return a foreign key to a record that owns this one: both are deleted together."""
    return mapped_column(_reference(table), index=True)


def _reference(table: str) -> ForeignKey:
    """Return a foreign key that an import can have checked at its end."""
    return ForeignKey(f"{table}.key", ondelete="CASCADE", deferrable=True, initially="IMMEDIATE")


def _pair(name: str, left: str, right: str) -> Table:
    """Return an association table; its rows are found by, and deleted with, either record."""
    return Table(
        name,
        Base.metadata,
        *(
            # The index of the primary key finds rows by the left record.
            Column(column, _reference(table), primary_key=True, index=column.endswith("_right"))
            for column, table in ((f"{name}_left", left), (f"{name}_right", right))
        ),
    )


class Account(Base):
    """A customer: users and their records. Accounts cannot see each other."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(unique=True)
    normal_name: Mapped[str] = mapped_column(unique=True, index=True)
    last_id: Mapped[int] = mapped_column(default=IDS_START_AFTER)
    created_at: Mapped[datetime]

    users: Mapped[list[User]] = relationship(back_populates="account", order_by="User.key")

    @property
    def id(self) -> int:
        """Id of the account in `me.xml`."""
        return IDS_START_AFTER

    def new(self, kind: type[R], *, id: int | None = None, **values: Any) -> R:
        """Create a record of this account with an id from an export, or else the next id."""
        return kind(account=self, id=self.next_id() if id is None else id, **values)

    def next_id(self) -> int:
        """Return an unused id."""
        self.last_id += 1
        return self.last_id


class Record(Base):
    """A record with an id of its own."""

    __abstract__ = True
    __table_args__: Any = (UniqueConstraint("account_key", "id"),)

    account_key: Mapped[int] = _owned_by("accounts")
    id: Mapped[int]


def fold(*texts: str) -> str:
    """Return texts as one without differences of letter case, in which the search looks."""
    return "\n".join(texts).casefold()


class Searched(Record):
    """A record that the search finds by its texts.

    `folded` contains them for the index. It is written together with them, except by an UPDATE
    without a session, which has to do so itself.
    """

    __abstract__ = True
    texts: ClassVar[tuple[str, ...]]

    @declared_attr
    def folded(cls) -> Mapped[str]:  # noqa: N805 - as SQLAlchemy calls it
        def of_new_row(context: Any) -> str:
            row = context.get_current_parameters()
            return fold(*(row[text] for text in cls.texts))

        return mapped_column(default=of_new_row, deferred=True, sort_order=1)


@event.listens_for(Searched, "before_update", propagate=True)
def _fold_again(mapper: object, connection: object, record: Searched) -> None:
    attributes = inspect(record).attrs
    if any(attributes[text].history.has_changes() for text in record.texts):
        record.folded = fold(*(getattr(record, text) for text in record.texts))


class User(Record):
    """A user of an account, authenticated by any of their tokens.

    Users of several accounts are one person if they have the same `person`: the e-mail address that
    the operator gave them, in lower case. Addresses made from names identify nobody.
    """

    __tablename__ = "users"

    name: Mapped[str]
    email_address: Mapped[str]
    person: Mapped[str | None] = mapped_column(index=True)
    admin: Mapped[bool]
    time_zone: Mapped[str]
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(back_populates="users", lazy="joined")


class Token(Base):
    """The hash of a token of a user."""

    __tablename__ = "tokens"

    user_key: Mapped[int] = _owned_by("users")
    digest: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    created_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


class OAuthApplication(Base):
    """An application that users can sign in to, with the hash of its client secret."""

    __tablename__ = "oauth_applications"

    client_id: Mapped[str] = mapped_column(unique=True)
    secret_digest: Mapped[str]
    name: Mapped[str]
    redirect_uri: Mapped[str]


class OAuthGrant(Base):
    """The hash of a code, an access token or a refresh token of a user for an application.

    It does not expire if there is no time. The family is the hash of the code that it began with.
    """

    __tablename__ = "oauth_grants"

    application_key: Mapped[int] = _owned_by("oauth_applications")
    user_key: Mapped[int] = _owned_by("users")
    kind: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    family: Mapped[str] = mapped_column(index=True)
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


linked_pages = _pair("linked_pages", "pages", "pages")
remindees = _pair("remindees", "reminders", "users")


class Page(Searched):
    """A page with its `widgets`, in their order.

    `items` are those without a list, which only legacy pages have.
    """

    __tablename__ = "pages"
    texts = ("title", "description")
    __table_args__ = (*Record.__table_args__, Index("ix_pages_owner_key_id", "owner_key", "id"))

    owner_key: Mapped[int] = mapped_column(_reference("users"))
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
        """Who can see the page, as in the list of all pages."""
        if self.friends:
            return "friends"
        return "public" if self.public else "personal"

    @property
    def email_address(self) -> str:
        """E-mail address of the page: that of the export if it was imported."""
        if self.former_address is not None:
            return self.former_address
        return page_address(self.account.name, self.id)

    def of(self, kind: type[W]) -> list[W]:
        """Return the widgets of one kind, ordered by id."""
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
        """Add a widget at the end of a page that is not stored yet."""
        widget = self.account.new(kind, name=name, created_at=now, **values)
        widget.belonging_id = self.account.next_id() if belonging_id is None else belonging_id
        widget.position = len(self.widgets) + 1
        self.widgets.append(widget)
        return widget

    def tag(self, tags: Iterable[Tag]) -> None:
        """Replace the tags of the page."""
        self.taggings = [Tagging(tag=tag, position=place) for place, tag in enumerate(tags)]


def page_address(account: str, id: int) -> str:
    """Return the e-mail address of a page, derived from its id so that it is reproducible.

    It need not be secret: a sandbox receives no mail.
    """
    digest = hashlib.sha256(f"{account}/{id}".encode()).hexdigest()
    return f"{digest[:8]}@backpackit.com"


class Friend(Base):
    """An e-mail address that a page is shared with."""

    __tablename__ = "friends"

    page_key: Mapped[int] = _owned_by("pages")
    email_address: Mapped[str] = mapped_column(index=True)


class Tag(Record):
    """A tag of an account, by which pages can be found."""

    __tablename__ = "tags"

    name: Mapped[str]

    account: Mapped[Account] = relationship()


def start_of(name: SQLColumnExpression[str]) -> ColumnElement[str]:
    """Return the start of a name; a text of any length would not fit into an index."""
    return func.substr(name, literal_column("1"), literal_column("100"))


Index("ix_tags_account_key_name", Tag.account_key, start_of(Tag.__table__.c.name))


class Tagging(Base):
    """The assignment of a tag to a page."""

    __tablename__ = "taggings"

    page_key: Mapped[int] = _owned_by("pages")
    tag_key: Mapped[int] = _owned_by("tags")
    position: Mapped[int]

    tag: Mapped[Tag] = relationship(lazy="joined")


class Widget(Searched):
    """A widget on a page with its belonging, which has its position."""

    __tablename__ = "widgets"
    texts = ("name", "body")
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
        """Type of the widget in its belonging."""
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
    """An e-mail to the address of a page; its name is the subject."""

    __mapper_args__ = {"polymorphic_identity": "Email"}  # noqa: RUF012


class List(Widget):
    """A list with its items by position, open and completed ones mixed."""

    __mapper_args__ = {"polymorphic_identity": "List"}  # noqa: RUF012

    items: Mapped[list[Item]] = relationship(
        back_populates="in_list",
        order_by="Item.position",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class Separator(Widget):
    """A named line across the page."""

    __mapper_args__ = {"polymorphic_identity": "Separator"}  # noqa: RUF012


class Gallery(Widget):
    """A gallery of images."""

    __mapper_args__ = {"polymorphic_identity": "Gallery"}  # noqa: RUF012

    images: Mapped[list[Image]] = relationship(
        order_by="Image.id", cascade="all, delete-orphan", passive_deletes=True
    )


class Attachment(Widget):
    """A file, of which the API shows only the name."""

    __mapper_args__ = {"polymorphic_identity": "Asset"}  # noqa: RUF012


class WriteboardLink(Widget):
    """A link to a document in another product, of which the API shows only the belonging."""

    __mapper_args__ = {"polymorphic_identity": "WriteboardLink"}  # noqa: RUF012


class OtherWidget(Widget):
    """A widget of unknown type in an export, of which only the belonging is known."""

    __mapper_args__ = {"polymorphic_identity": "Other"}  # noqa: RUF012

    @property
    def shown_type(self) -> str:
        """Type of the widget in the belonging of the export."""
        return self.other_type


class Item(Searched):
    """An item of a list, or of a legacy page that has items without a list."""

    __tablename__ = "items"
    texts = ("content",)

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
    """A comment on a note or an item; only exports include it."""

    __tablename__ = "messages"

    note_key: Mapped[int | None] = _owned_by("widgets")
    item_key: Mapped[int | None] = _owned_by("items")
    xml: Mapped[str]


class Image(Record):
    """An image in a gallery."""

    __tablename__ = "images"

    gallery_key: Mapped[int] = _owned_by("widgets")
    file_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")

    account: Mapped[Account] = relationship()


class Reminder(Record):
    """A reminder for some users at some time."""

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
    """A bookmark of a user for a page or a tag."""

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
    """The status message of a user, who has at most one."""

    __tablename__ = "statuses"

    user_key: Mapped[int] = mapped_column(_reference("users"), unique=True)
    message: Mapped[str]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    user: Mapped[User] = relationship()


class JournalEntry(Record):
    """A journal entry of a user."""

    __tablename__ = "journal_entries"
    __table_args__ = (
        *Record.__table_args__,
        Index("ix_journal_entries_user_key_created_at_id", "user_key", "created_at", "id"),
        Index("ix_journal_entries_account_key_created_at_id", "account_key", "created_at", "id"),
    )

    user_key: Mapped[int] = mapped_column(_reference("users"))
    body: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship()
    user: Mapped[User] = relationship(lazy="joined")


class Calendar(Record):
    """A calendar; anyone who knows its token can read its feed."""

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
    """An event in a calendar; an all-day event starts at midnight UTC."""

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
