"""What is measured: from an answer's bytes to objects, by the ways that every call goes."""

from __future__ import annotations

from backpack_orm import Note, Page
from backpack_orm.connection import Connection
from backpack_orm.wire.parse import Answer, Record


class PlainNote(Note):
    """A subclass as most are."""

    is_read: bool = False


class _Counting:
    reads: int = 0


class OpenNote(_Counting, Note):
    """A subclass that gets a `__dict__` from a mixin."""


def read_notes(content: bytes) -> tuple[Record, ...]:
    """The records in the answer that lists notes."""
    return Note._whole.read_many(Answer(200, content))


def load_notes(content: bytes, page: Page, cls: type[Note] = Note) -> list[Note]:
    """Load the notes of a list response, as `Note.all(page=page)` does."""
    return cls._whole.load[cls](read_notes(content), page)


def load_page(content: bytes, connection: Connection) -> Page:
    """The page in the answer that shows it, as `Page.find` makes it."""
    record = Page._shown.read_one(Answer(200, content))
    page: Page = Page._shown.load_one[Page](record, connection)
    return page


def touch(page: Page) -> int:
    """Have every object made that a page holds; gives how many there are."""
    items = sum(len(each.items) for each in page.lists)
    return len(page.notes) + len(page.lists) + items + len(page.tags) + len(page.belongings)
