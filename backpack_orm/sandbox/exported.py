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
from .models import (
    Attachment,
    Email,
    Friend,
    Gallery,
    Image,
    Item,
    List,
    Message,
    Note,
    OtherWidget,
    Page,
    R,
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
_OFTEN_UNTOLD = ("Separator", "WriteboardLink")  # kinds that may stand in their belongings alone
_SECTIONS = {
    "notes/note": "Note",
    "lists/list": "List",
    "separators/separator": "Separator",
    "galleries/gallery": "Gallery",
    "attachments/attachment": "Asset",
    "emails/email": "Email",
}
_PARTS = {
    *(path.partition("/")[0] for path in _SECTIONS),
    *("description", "belongings", "tags", "items", "linked_pages"),
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
        self._known: dict[tuple[object, int], Any] = {}

    def load(self, root: Element) -> None:
        elements, reminders = _contents(root)
        # What has no id in the file gets one above all of those that are there.
        ids = (_id(element) or 0 for element in root.iter("*"))
        self._account.last_id = max(self._account.last_id, *ids)
        self._owner.name = root.get("name", root.get("username", self._owner.name))
        if root.tag == "user":
            self._owner.id = _id(root) or self._owner.id
        self._met(self._owner)
        pages = [self._page(element) for element in elements]
        for page, element in zip(pages, elements, strict=True):
            page.linked = self._linked(element)
        for reminder in reminders:
            self._reminder(reminder)

    def _met(self, record: R) -> R:
        key = record.shown_type if isinstance(record, Widget) else type(record), record.id
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
            description=element.findtext("description") or "",
            former_address=element.get("email_address"),
            public=element.get("scope") == "public",
        )
        if element.get("scope") == "friends":
            page.friends = [Friend(email_address="")]  # nothing tells who they are
        self._session.add(page)
        placed = list(_in_order(element))
        widgets = [self._widget(page, *one) for one in placed]
        position = 0
        for widget, (_, _, belonging) in zip(widgets, placed, strict=True):
            position = max(position + 1, 0 if belonging is None else _position(belonging))
            widget.position = position  # only now, since there may be gaps
        self._fill(page, element)
        page.tag(dict.fromkeys(map(self._tag, element.iterfind("tags/tag"))))
        for part in element:
            if part.tag not in _PARTS:
                log.warning(
                    "<%s> of page %d is left out: nothing is known of it", part.tag, page.id
                )
        return page

    def _widget(
        self, page: Page, kind: str, element: Element | None, belonging: Element | None
    ) -> Widget:
        """Put something on a page; it has no element when only its belonging tells of it."""
        is_known = kind in _KINDS and (element is not None or kind in _OFTEN_UNTOLD)
        named = element if element is not None else etree.Element("untold")
        widget = self._met(
            page.add(
                _KINDS[kind] if is_known else OtherWidget,
                _name(kind, named),
                self._time(named.get("created_at")),
                at=len(page.widgets),
                id=_id(named) if belonging is None else _widget_of(belonging)[1],
                belonging_id=None if belonging is None else _id(belonging),
                other_type="" if is_known else kind,
                body=_text(named) if kind in ("Note", "Email") else "",
            )
        )
        if isinstance(widget, Note):
            widget.messages = _messages(named)
        elif isinstance(widget, List):
            self._fill(widget, named)
        elif isinstance(widget, Gallery):
            widget.images = [self._image(image) for image in named.iterfind("images/image")]
        return widget

    def _fill(self, home: List | Page, element: Element) -> None:
        """The items of a list, or of an older page, where they may stand in two groups."""
        for item in [*element.iterfind("items/item"), *element.iterfind("items/*/item")]:
            home.items.append(
                self._new(
                    Item,
                    item,
                    content=_text(item),
                    completed=_is_completed(item),
                    updated_at=self._time(item.get("updated_at")),
                    messages=_messages(item),
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
        ids = dict.fromkeys(_id(page) or 0 for page in element.iterfind("linked_pages/page"))
        for id in ids:
            if (Page, id) not in self._known:
                log.warning("a link to page %d is left out: that page is not in the file", id)
        return [self._known[Page, id] for id in ids if (Page, id) in self._known]

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
        those = waiting[kind, id]
        yield kind, those.pop(0) if those else None, belonging
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


def _text(element: Element) -> str:
    """Return the text of something that may have comments in it, exactly as it stands."""
    return "".join([element.text or "", *(comment.tail or "" for comment in element)])


def _messages(element: Element) -> list[Message]:
    """The comments on something, as they stand there."""
    return [
        Message(xml=etree.tostring(message, with_tail=False).decode("ascii"))
        for message in element.iterfind("message")
    ]
