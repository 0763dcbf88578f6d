"""Imports exports into accounts, with the original ids."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from .accounts import add_user
from .addresses import Addresses
from .bulk_writer import BulkWriter
from .dates import read_moment
from .export_reader import (
    Element,
    Piece,
    comments_in,
    id_of,
    largest_id,
    pieces,
    text_of,
)
from .models import (
    Friend,
    Image,
    Item,
    Message,
    Page,
    Reminder,
    Tag,
    Tagging,
    User,
    Widget,
    linked_pages,
    remindees,
)
from .search_index import inserting_many
from .zones import zone

log = logging.getLogger("backpack_orm.sandbox")

_OTHER = "Other"
_WITHOUT_SECTION = ("Separator", "WriteboardLink")  # types of which there may be only a belonging
_SECTIONS: dict[tuple[str, ...], str] = {
    ("notes", "note"): "Note",
    ("lists", "list"): "List",
    ("separators", "separator"): "Separator",
    ("galleries", "gallery"): "Gallery",
    ("attachments", "attachment"): "Asset",
    ("emails", "email"): "Email",
}
_PARTS = {
    *(path[0] for path in _SECTIONS),
    *("description", "belongings", "tags", "items", "linked_pages"),
}
_NAMES = ("title", "name", "subject", "file_name")  # attributes; each type has one of them


def import_export(
    path: Path,
    session: Session,
    owner: User,
    now: datetime,
    token_factory: Callable[[], str],
) -> None:
    """Import a file with an export in either dialect, or with one or more full pages.

    Takes linear time, and memory for the largest page. Raises OSError if the file cannot be read,
    ValueError if it has other contents.
    """
    try:
        # Records without an id get one above all ids in the file.
        owner.account.last_id = max(owner.account.last_id, largest_id(path))
        loader = _Loader(session, owner, now)
        with inserting_many(session.connection()):
            for piece in pieces(path):
                loader.process(piece)
            loader.finish()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


@dataclass(slots=True)
class _Belonging:
    id: int | None
    position: int
    kind: str
    widget_id: int | None


@dataclass(slots=True)
class _Widget:
    """A widget whose position on the page is not known yet."""

    key: int
    kind: str
    id: int | None
    name: str = ""
    body: str = ""
    created_at: datetime | None = None


@dataclass(slots=True)
class _Page:
    """A page that is being read; items, which may be many, are already written."""

    key: int
    id: int
    title: str
    email_address: str | None
    scope: str | None
    description: str | None = None
    belongings: list[_Belonging] = field(default_factory=list)
    widgets: list[_Widget] = field(default_factory=list)
    tags: dict[int, None] = field(default_factory=dict)
    linked: dict[int, None] = field(default_factory=dict)
    items: int = 0
    unknown: list[str] = field(default_factory=list)


class _Loader:
    """Imports the pieces of a file."""

    def __init__(self, session: Session, owner: User, now: datetime) -> None:
        self._session, self._owner, self._now = session, owner, now
        session.flush()
        self._account = owner.account
        self._zone = zone(owner.time_zone)
        self._writer = BulkWriter(session)
        self._ids: defaultdict[str, set[int]] = defaultdict(set)
        self._users: dict[int, User] = {}
        self._addresses = Addresses(session, self._account)
        self._tags: dict[int, int] = {}
        self._page_keys: dict[int, int] = {}
        self._links: list[tuple[int, list[int]]] = []
        self._page: _Page | None = None
        self._page_depth = 0  # number of elements around the page
        self._items_in_list = 0

    def process(self, piece: Piece) -> None:
        """Process the next piece of the file."""
        path, element = piece.path, piece.element
        if self._page is not None:
            within = path[self._page_depth :]
            if piece.is_end:
                self._end_in_page(self._page, within, element)
            elif within in _SECTIONS:
                self._start_widget(self._page, within, element)
        elif not piece.is_end:
            self._start(path, element)
        elif path[-2:] == ("reminders", "reminder") and len(path) == 3:
            self._reminder(element)

    def finish(self) -> None:
        """Write links between pages, which require that all pages are known."""
        for key, ids in self._links:
            for id in ids:
                if id in self._page_keys:
                    self._writer.add(
                        linked_pages,
                        linked_pages_left=key,
                        linked_pages_right=self._page_keys[id],
                    )
                else:
                    log.warning("omitted a link to page %d, which is not in the file", id)
        self._writer.flush()

    def _start(self, path: tuple[str, ...], element: Element) -> None:
        if len(path) == 1:
            self._start_file(element)
        is_page = path in (("page",), ("pages", "page")) or (
            path[0] in ("user", "backpack") and path[1:] == ("pages", "page")
        )
        if is_page:
            self._page_depth = len(path)
            self._page = _Page(
                key=self._writer.key(Page),
                id=self._claim_id("Page", id_of(element)),
                title=element.get("title") or "",
                email_address=element.get("email_address"),
                scope=element.get("scope"),
            )
            self._page_keys[self._page.id] = self._page.key

    def _start_file(self, root: Element) -> None:
        if root.tag in ("user", "backpack"):
            self._owner.name = root.get("name", root.get("username", self._owner.name))
        if root.tag == "user":
            self._owner.id = id_of(root) or self._owner.id
        self._users[self._claim_id("User", self._owner.id)] = self._owner

    def _claim_id(self, kind: str, id: int | None) -> int:
        """Return an id, or the next one for None; raise ValueError for a duplicate of its type."""
        if id is None:
            id = self._account.next_id()
        if id in self._ids[kind]:
            raise ValueError(f"two records of the same type have the id {id}")
        self._ids[kind].add(id)
        return id

    # --- on a page ----------------------------------------------------------------------------

    def _start_widget(self, page: _Page, within: tuple[str, ...], element: Element) -> None:
        kind = _SECTIONS[within]
        page.widgets.append(_Widget(self._writer.key(Widget), kind, id_of(element)))
        self._items_in_list = 0

    def _end_in_page(self, page: _Page, within: tuple[str, ...], element: Element) -> None:
        match within:
            case ():
                self._end_page(page)
            case ("description",) if page.description is None:
                page.description = text_of(element)
            case ("belongings", "belonging"):
                page.belongings.append(_belonging(element))
            case ("tags", "tag"):
                page.tags[self._tag(element)] = None
            case ("linked_pages", "page"):
                page.linked[id_of(element) or 0] = None
            case ("items", *_, "item") if len(within) < 4:
                page.items += 1
                self._item(element, within[-2], page.items, on_page=page)
            case _ if within[:2] in _SECTIONS:
                self._end_in_widget(page.widgets[-1], within[2:], element)
        if len(within) == 1 and within[0] not in _PARTS:
            page.unknown.append(within[0])

    def _end_in_widget(self, widget: _Widget, within: tuple[str, ...], element: Element) -> None:
        match within:
            case ():
                self._end_widget(widget, element)
            case ("images", "image") if widget.kind == "Gallery":
                self._image(widget, element)
            case ("items", *_, "item") if widget.kind == "List" and len(within) < 4:
                self._items_in_list += 1
                group = within[-2]
                self._item(element, group, self._items_in_list, in_list=widget)

    def _end_widget(self, widget: _Widget, element: Element) -> None:
        widget.created_at = self._time(element.get("created_at"))
        if widget.kind == "Separator":
            widget.name = element.text or ""
            return
        names = (element.get(attribute) for attribute in _NAMES)
        widget.name = next(filter(None, names), "")
        if widget.kind in ("Note", "Email"):
            widget.body = text_of(element)
        if widget.kind == "Note":
            for message in comments_in(element):
                self._writer.add(Message, note_key=widget.key, item_key=None, xml=message)

    def _item(
        self,
        element: Element,
        group: str,
        position: int,
        *,
        in_list: _Widget | None = None,
        on_page: _Page | None = None,
    ) -> None:
        key = self._writer.key(Item)
        self._writer.add(
            Item,
            key=key,
            account_key=self._account.key,
            id=self._claim_id("Item", id_of(element)),
            list_key=in_list and in_list.key,
            page_key=on_page and on_page.key,
            content=text_of(element),
            completed=element.get("completed") == "true" or group == "completed",
            position=position,
            updated_at=self._time(element.get("updated_at")),
        )
        for message in comments_in(element):
            self._writer.add(Message, note_key=None, item_key=key, xml=message)

    def _image(self, gallery: _Widget, element: Element) -> None:
        self._writer.add(
            Image,
            account_key=self._account.key,
            id=self._claim_id("Image", id_of(element)),
            gallery_key=gallery.key,
            file_name=element.get("file_name") or "",
            description=element.get("description") or "",
        )

    def _tag(self, element: Element) -> int:
        """Return the key of a tag, which may be on several pages."""
        id = id_of(element)
        if id is None or id not in self._tags:
            id = self._claim_id("Tag", id)
            key = self._tags[id] = self._writer.key(Tag)
            name = element.get("name") or ""
            self._writer.add(Tag, key=key, account_key=self._account.key, id=id, name=name)
        return self._tags[id]

    def _end_page(self, page: _Page) -> None:
        self._page = None
        self._writer.add(
            Page,
            key=page.key,
            account_key=self._account.key,
            id=page.id,
            owner_key=self._owner.key,
            title=page.title,
            description=page.description or "",
            public=page.scope == "public",
            former_address=page.email_address,
        )
        if page.scope == "friends":
            # Exports do not contain the addresses; no user has an empty one.
            self._writer.add(Friend, page_key=page.key, email_address="")
        self._write_widgets(page)
        for position, key in enumerate(page.tags):
            self._writer.add(Tagging, page_key=page.key, tag_key=key, position=position)
        if page.linked:
            self._links.append((page.key, list(page.linked)))
        for part in page.unknown:
            log.warning("omitted <%s> of page %d, which is unknown", part, page.id)

    def _write_widgets(self, page: _Page) -> None:
        """Write the widgets of a page, with positions from 1 without gaps."""
        belonging_ids: set[int] = set()
        for position, (belonging, widget) in enumerate(self._in_order(page), 1):
            is_known = widget.kind in _SECTIONS.values() or widget.kind in _WITHOUT_SECTION
            has_section = widget.created_at is not None or widget.kind in _WITHOUT_SECTION
            kind = widget.kind if is_known and has_section else _OTHER
            id = self._claim_id(
                widget.kind, widget.id if belonging is None else belonging.widget_id
            )
            belonging_id = None if belonging is None else belonging.id
            if belonging_id is None or belonging_id in belonging_ids:
                belonging_id = self._account.next_id()
            belonging_ids.add(belonging_id)
            self._writer.add(
                Widget,
                key=widget.key,
                account_key=self._account.key,
                id=id,
                page_key=page.key,
                type=kind,
                other_type=widget.kind if kind == _OTHER else "",
                belonging_id=belonging_id,
                position=position,
                name=widget.name,
                body=widget.body,
                created_at=widget.created_at or self._now,
            )

    def _in_order(self, page: _Page) -> Iterator[tuple[_Belonging | None, _Widget]]:
        """Yield the widgets of a page in their order, those without a belonging last."""
        waiting: defaultdict[tuple[str, int | None], list[_Widget]] = defaultdict(list)
        for widget in reversed(page.widgets):
            waiting[widget.kind, widget.id].append(widget)
        placed: set[int] = set()
        for belonging in sorted(page.belongings, key=lambda belonging: belonging.position):
            candidates = waiting[belonging.kind, belonging.widget_id]
            if candidates:
                widget = candidates.pop()
            else:  # there is only a belonging
                key = self._writer.key(Widget)
                widget = _Widget(key, belonging.kind, belonging.widget_id)
            placed.add(widget.key)
            yield belonging, widget
        for widget in page.widgets:
            if widget.key not in placed:
                yield None, widget

    # --- reminders ----------------------------------------------------------------------------

    def _reminder(self, element: Element) -> None:
        """Write a reminder in either form, with attributes and text or with elements."""
        content, creator = element.find("content"), element.find("creator")
        people = [self._user(user) for user in element.iterfind("remindees/user")]
        author = self._owner if creator is None else self._user(creator)
        key = self._writer.key(Reminder)
        self._writer.add(
            Reminder,
            key=key,
            account_key=self._account.key,
            id=self._claim_id("Reminder", id_of(element)),
            creator_key=author.key,
            content=(element if content is None else content).text or "",
            remind_at=self._time(element.get("remind_at") or element.findtext("remind_at")),
        )
        for user in dict.fromkeys(people or [self._owner]):
            self._writer.add(remindees, remindees_left=key, remindees_right=user.key)

    def _user(self, element: Element) -> User:
        """Return a user of a reminder, who has no token."""
        id = id_of(element)
        if id is None or id not in self._users:
            id = self._claim_id("User", id)
            self._users[id] = add_user(
                self._session,
                self._account,
                element.get("name") or "",
                now=self._now,
                id=id,
                addresses=self._addresses,
            )
            self._session.flush()
        return self._users[id]

    def _time(self, text: str | None) -> datetime:
        return read_moment(text, self._zone) if text else self._now


def _belonging(element: Element) -> _Belonging:
    text = (element.findtext("position") or "0").strip()
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a valid <position>")
    widget = element.find("widget")
    if widget is None:
        raise ValueError("a <belonging> has no <widget>")
    return _Belonging(id_of(element), int(text), widget.get("type") or "", id_of(widget))
