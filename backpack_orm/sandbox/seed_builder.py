"""Creates demonstration data, including e-mails, files and times in the past."""

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

# Cassettes contain the ids of pages and of records created later. So that these do not change when
# data is added, records outside of pages and some e-mails have separate, lower ids.
SEPARATE_IDS_FROM = 30_000_001


class SeedBuilder:
    """Creates records of an owner, dated over the last weeks."""

    def __init__(
        self, session: Session, owner: User, now: datetime, token_factory: Callable[[], str]
    ) -> None:
        self._session, self._owner, self._now = session, owner, now
        self._new_token = token_factory
        self._account = owner.account
        self._tags: dict[str, Tag] = {}
        self._bookmark_counts: Counter[User] = Counter()
        self._ids = count(SEPARATE_IDS_FROM)

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
        self._append(page, Note, title, days_ago, body=body)

    def email(
        self, page: Page, subject: str, body: str, *, days_ago: int = 0, separate_id: bool = False
    ) -> None:
        ids = {"id": next(self._ids), "belonging_id": next(self._ids)} if separate_id else {}
        self._append(page, Email, subject, days_ago, body=body, **ids)

    def list(self, page: Page, name: str, open: Iterable[str], done: Iterable[str] = ()) -> None:
        created = self._append(page, List, name)
        items = [*((content, False) for content in open), *((content, True) for content in done)]
        for position, (content, completed) in enumerate(items, 1):
            created.items.append(
                self._account.new(
                    Item,
                    content=content,
                    completed=completed,
                    position=position,
                    updated_at=self._now,
                )
            )

    def separator(self, page: Page, name: str) -> None:
        self._append(page, Separator, name)

    def attachment(self, page: Page, file_name: str) -> None:
        self._append(page, Attachment, file_name)

    def writeboard(self, page: Page, name: str) -> None:
        self._append(page, WriteboardLink, name)

    def gallery(self, page: Page, name: str, images: dict[str, str]) -> None:
        gallery = self._append(page, Gallery, name)
        for file_name, description in images.items():
            gallery.images.append(
                self._account.new(Image, file_name=file_name, description=description)
            )

    def reminder(self, content: str, delay: timedelta, *remindees: User) -> None:
        self._session.add(
            self._account.new(
                Reminder,
                creator=self._owner,
                content=content,
                remind_at=self._now + delay,
                remindees=list(remindees) or [self._owner],
            )
        )

    def bookmark(self, target: Page | Tag, *, by: User | None = None) -> None:
        user = by or self._owner
        self._bookmark_counts[user] += 1
        self._add(
            Bookmark,
            user=user,
            position=self._bookmark_counts[user],
            created_at=self._now,
            **{"tag" if isinstance(target, Tag) else "page": target},
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
        """Return a time such as `+20 09:30` relative to today, or midnight of the day `+20`."""
        days, _, clock = text.partition(" ")
        day = self._now.date() + timedelta(days=int(days))
        return datetime.combine(day, time.fromisoformat(clock or "00:00"), UTC)

    def _append(self, page: Page, kind: type[W], name: str, days_ago: int = 0, **values: Any) -> W:
        then = self._now - timedelta(days=days_ago, hours=days_ago % 7)
        return page.append(kind, name, then, **values)
