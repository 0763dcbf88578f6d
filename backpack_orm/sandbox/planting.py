"""Filling an account with what cannot all be made by calls: mails, files, times gone by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from .accounts import new_calendar
from .models import (
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
    R,
    Reminder,
    Separator,
    Status,
    Tag,
    User,
    W,
    WriteboardLink,
)

# What is not on a page, and what came to a page later, has ids of its own, below all others, so
# that there can be more of it without any change to the ids of pages, or of what is created next:
# recordings hold them.
ASIDE = 30_000_001


class Planter:
    """Fills an account for its owner, as if over the last weeks."""

    def __init__(
        self, session: Session, owner: User, now: datetime, token_factory: Callable[[], str]
    ) -> None:
        self._session, self._owner, self._now = session, owner, now
        self._new_token = token_factory
        self._account = owner.account
        self._tags: dict[str, Tag] = {}
        self._places: Counter[User] = Counter()
        self._ids = count(ASIDE)

    def page(self, title: str, *, tags: Iterable[str] = (), owner: User | None = None) -> Page:
        page = self._account.new(Page, title=title, owner=owner or self._owner)
        self._session.add(page)
        page.tag([self.tag(name) for name in tags])
        return page

    def tag(self, name: str) -> Tag:
        if name not in self._tags:
            self._tags[name] = self._account.new(Tag, name=name)
        return self._tags[name]

    def note(self, page: Page, title: str, body: str, *, days_ago: int = 0) -> None:
        self._put(page, Note, title, days_ago, body=body)

    def email(
        self, page: Page, subject: str, body: str, *, days_ago: int = 0, aside: bool = False
    ) -> None:
        ids = {"id": next(self._ids), "belonging_id": next(self._ids)} if aside else {}
        self._put(page, Email, subject, days_ago, body=body, **ids)

    def list(self, page: Page, name: str, open: Iterable[str], done: Iterable[str] = ()) -> None:
        grown = self._put(page, List, name)
        items = [*((content, False) for content in open), *((content, True) for content in done)]
        for position, (content, completed) in enumerate(items, 1):
            grown.items.append(
                self._account.new(
                    Item,
                    content=content,
                    completed=completed,
                    position=position,
                    updated_at=self._now,
                )
            )

    def separator(self, page: Page, name: str) -> None:
        self._put(page, Separator, name)

    def attachment(self, page: Page, file_name: str) -> None:
        self._put(page, Attachment, file_name)

    def writeboard(self, page: Page, name: str) -> None:
        self._put(page, WriteboardLink, name)

    def gallery(self, page: Page, name: str, images: dict[str, str]) -> None:
        gallery = self._put(page, Gallery, name)
        for file_name, description in images.items():
            gallery.images.append(
                self._account.new(Image, file_name=file_name, description=description)
            )

    def reminder(self, content: str, wait: timedelta, *remindees: User) -> None:
        self._session.add(
            self._account.new(
                Reminder,
                creator=self._owner,
                content=content,
                remind_at=self._now + wait,
                remindees=list(remindees) or [self._owner],
            )
        )

    def bookmark(self, marked: Page | Tag, *, by: User | None = None) -> None:
        user = by or self._owner
        self._places[user] += 1
        self._add(
            Bookmark,
            user=user,
            position=self._places[user],
            created_at=self._now,
            **{"tag" if isinstance(marked, Tag) else "page": marked},
        )

    def status(self, user: User, message: str, ago: timedelta) -> None:
        self._add(Status, user=user, message=message, updated_at=self._now - ago)

    def journal_entry(self, user: User, body: str, ago: timedelta) -> None:
        then = self._now - ago
        self._add(JournalEntry, user=user, body=body, created_at=then, updated_at=then)

    def calendar(self, name: str, color: str) -> Calendar:
        calendar = new_calendar(
            self._account, name, color, self._now, id=next(self._ids), token=self._new_token()
        )
        self._session.add(calendar)
        return calendar

    def event(
        self, calendar: Calendar, title: str, at: str, until: str | None = None, **values: Any
    ) -> None:
        self._add(
            CalendarEvent,
            calendar=calendar,
            title=title,
            occurs_at=self.moment(at),
            occurs_until=until and self.moment(until),
            all_day=" " not in at,
            created_at=self._now,
            updated_at=self._now,
            **values,
        )

    def _add(self, kind: type[R], **values: Any) -> None:
        self._session.add(self._account.new(kind, id=next(self._ids), **values))

    def moment(self, text: str) -> datetime:
        """A time like `+20 09:30`, counted in days from today, or the midnight of the day `+20`."""
        days, _, clock = text.partition(" ")
        day = self._now.date() + timedelta(days=int(days))
        return datetime.combine(day, time.fromisoformat(clock or "00:00"), UTC)

    def _put(self, page: Page, kind: type[W], name: str, days_ago: int = 0, **values: Any) -> W:
        then = self._now - timedelta(days=days_ago, hours=days_ago % 7)
        return page.append(kind, name, then, **values)
