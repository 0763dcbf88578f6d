"""An account filled from an export: everything on its pages, under the ids that it had there."""

from __future__ import annotations

import logging
import secrets
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree
from sqlalchemy.orm import Session

from .accounts import add_user
from .dates import read_moment
from .storage import (
    Attachment,
    Email,
    Gallery,
    Image,
    Item,
    List,
    Note,
    Page,
    R,
    Record,
    Reminder,
    Separator,
    Tag,
    User,
    Widget,
    WriteboardLink,
)
from .zones import zone

Element = etree._Element

log = logging.getLogger("backpack_orm.sandbox")

LONGEST_ID = 18  # digits; what is numbered after it must fit into the storage too

_KINDS: dict[str, type[Widget]] = {
    "Note": Note,
    "List": List,
    "Separator": Separator,
    "Gallery": Gallery,
    "Asset": Attachment,
    "Email": Email,
    "WriteboardLink": WriteboardLink,
}
_SECTIONS = {
    "notes/note": "Note",
    "lists/list": "List",
    "separators/separator": "Separator",
    "galleries/gallery": "Gallery",
    "attachments/attachment": "Asset",
    "emails/email": "Email",
}
_NAMES = ("title", "name", "subject", "file_name")  # attributes; each kind has one of them


def plant_export(path: Path, session: Session, owner: User, now: datetime) -> None:
    """Fill an account from a file: an export in either dialect, or one or more full pages.

    Raises OSError for a file that cannot be read, ValueError for one that holds no such thing.
    """
    try:
        root = _root(path.read_bytes())
        _Loader(session, owner, now).load(root)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _root(text: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not XML: {error}") from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # stubs lack it
        raise ValueError("document types and entities are refused")
    return root[0] if root.tag == "response" and len(root) else root


def _contents(root: Element) -> tuple[list[Element], list[Element]]:
    """The pages and the reminders in a file."""
    if root.tag in ("user", "backpack"):
        return root.findall("pages/page"), root.findall("reminders/reminder")
    if root.tag == "pages":
        return root.findall("page"), []
    if root.tag == "page":
        return [root], []
    raise ValueError(f"<{root.tag}> is no <user>, <backpack>, <pages> or <page>")


class _Loader:
    """Fills an account; what it has met is known by kind and id."""

    def __init__(self, session: Session, owner: User, now: datetime) -> None:
        self._session, self._owner, self._now = session, owner, now
        self._account = owner.account
        self._zone = zone(owner.time_zone)
        self._known: dict[tuple[type[Record], int], Any] = {}

    def load(self, root: Element) -> None:
        elements, reminders = _contents(root)
        # What has no id in the file gets one above all of those that are there.
        ids = (_id(element) or 0 for element in root.iter("*"))
        self._account.last_id = max(self._account.last_id, *ids)
        self._owner.name = root.get("name") or root.get("username") or self._owner.name
        if root.tag == "user":
            self._owner.id = _id(root) or self._owner.id
        self._met(self._owner)
        pages = [self._page(element) for element in elements]
        for page, element in zip(pages, elements, strict=True):
            page.linked = self._linked(element)
        for reminder in reminders:
            self._reminder(reminder)
        if comments := sum(1 for _ in root.iter("message")):
            log.warning(
                "comments are left out, %d in all: no call but an export shows any", comments
            )

    def _met(self, record: R) -> R:
        key = type(record), record.id
        if key in self._known:
            raise ValueError(f"there are two with the id {record.id} of the same kind")
        self._known[key] = record
        return record

    def _new(self, kind: type[R], element: Element, **values: Any) -> R:
        """A record under the id of its element, or a new one where that has none."""
        return self._met(self._account.new(kind, id=_id(element), **values))

    def _page(self, element: Element) -> Page:
        page = self._new(
            Page,
            element,
            owner=self._owner,
            title=element.get("title") or "",
            description=_body(element.find("description")),
            public=element.get("scope") == "public",
        )
        self._session.add(page)
        for kind, widget, belonging in _in_order(element):
            self._widget(page, kind, widget, belonging)
        if _items(element):  # of a time when a page had one list, without a name
            self._fill(page.add(List, "", self._now, at=len(page.widgets)), element)
        page.tag(dict.fromkeys(map(self._tag, element.iterfind("tags/tag"))))
        return page

    def _widget(
        self, page: Page, kind: str, element: Element | None, belonging: Element | None
    ) -> None:
        """Put something on a page; it has no element when only its belonging tells of it."""
        named = element if element is not None else etree.Element(kind)
        widget = self._met(
            page.add(
                _KINDS[kind],
                _name(kind, named),
                self._time(named.get("created_at")),
                at=len(page.widgets),
                id=_id(named) if belonging is None else _widget_of(belonging)[1],
                belonging_id=None if belonging is None else _id(belonging),
                body=_body(named) if kind in ("Note", "Email") else "",
            )
        )
        if isinstance(widget, List):
            self._fill(widget, named)
        elif isinstance(widget, Gallery):
            widget.images = [self._image(image) for image in named.iterfind("images/image")]

    def _fill(self, filled: List, element: Element) -> None:
        for item in _items(element):
            filled.items.append(
                self._new(
                    Item,
                    item,
                    content=item.text or "",
                    completed=_is_completed(item),
                    updated_at=self._time(item.get("updated_at")),
                )
            )

    def _image(self, element: Element) -> Image:
        return self._new(
            Image,
            element,
            file_name=element.get("file_name") or "",
            description=element.get("description") or "",
        )

    def _tag(self, element: Element) -> Tag:
        known: Tag | None = self._known.get((Tag, _id(element) or 0))
        return known or self._new(Tag, element, name=element.get("name") or "")

    def _linked(self, element: Element) -> list[Page]:
        """The pages that a page links to, as far as they are in the file."""
        ids = [_id(page) or 0 for page in element.iterfind("linked_pages/page")]
        return [self._known[Page, id] for id in dict.fromkeys(ids) if (Page, id) in self._known]

    def _reminder(self, element: Element) -> None:
        """A reminder in either form: with attributes and a text, or with elements."""
        content, creator = element.find("content"), element.find("creator")
        self._session.add(
            self._new(
                Reminder,
                element,
                creator=self._owner if creator is None else self._user(creator),
                content=(element if content is None else content).text or "",
                remind_at=self._time(element.get("remind_at") or element.findtext("remind_at")),
                remindees=[self._user(user) for user in element.iterfind("remindees/user")]
                or [self._owner],
            )
        )

    def _user(self, element: Element) -> User:
        """Somebody whom a reminder names; they get a token that nobody knows."""
        known: User | None = self._known.get((User, _id(element) or 0))
        return known or self._met(
            add_user(
                self._session,
                self._account,
                element.get("name") or "",
                token=secrets.token_hex(20),
                now=self._now,
                id=_id(element),
            )
        )

    def _time(self, text: str | None) -> datetime:
        return read_moment(text, self._zone) if text else self._now


def _in_order(page: Element) -> Iterator[tuple[str, Element | None, Element | None]]:
    """Kind, element and belonging of all that is on a page; what has no belonging comes last."""
    waiting: defaultdict[tuple[str, int | None], list[Element]] = defaultdict(list)
    for path, kind in _SECTIONS.items():
        for one in page.iterfind(path):
            waiting[kind, _id(one)].append(one)
    for belonging in sorted(page.iterfind("belongings/belonging"), key=_position):
        kind, id = _widget_of(belonging)
        if kind in _KINDS:
            those = waiting[kind, id]
            yield kind, those.pop(0) if those else None, belonging
        else:
            log.warning("a widget of the unknown type %r is left out", kind)
    for (kind, _), those in waiting.items():
        for one in those:
            yield kind, one, None


def _position(belonging: Element) -> int:
    text = (belonging.findtext("position") or "0").strip()
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no <position>")
    return int(text)


def _widget_of(belonging: Element) -> tuple[str, int | None]:
    widget = belonging.find("widget")
    if widget is None:
        raise ValueError("there is a <belonging> without its <widget>")
    return widget.get("type") or "", _id(widget)


def _items(element: Element) -> list[Element]:
    """The items of a list, or of an older page, where they may stand in two groups."""
    return [*element.iterfind("items/item"), *element.iterfind("items/*/item")]


def _is_completed(item: Element) -> bool:
    group = item.getparent()
    return item.get("completed") == "true" or (group is not None and group.tag == "completed")


def _name(kind: str, element: Element) -> str:
    if kind == "Separator":
        return element.text or ""
    names = (element.get(attribute) for attribute in _NAMES)
    return next(filter(None, names), "")


def _id(element: Element) -> int | None:
    text = element.get("id")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        raise ValueError(f"{text!r} is no id that <{element.tag}> can have")
    return int(text)


def _body(element: Element | None) -> str:
    """A text without the white space that only lays out the file.

    It is laid out when it stands on lines of its own, none of them further left than the first.
    """
    text = "" if element is None else element.text or ""
    first, *lines, last = text.split("\n") if "\n" in text else (text, "")
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    if first or last.strip() or not margins or not 0 < margins[0] == min(margins):
        return text
    return text.strip(" \t\n")
