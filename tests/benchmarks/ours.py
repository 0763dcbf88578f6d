"""The mapper's own code to measure: from the bytes of a response to objects."""

from __future__ import annotations

from backpack_orm import Note, Page
from backpack_orm.connection import Connection
from backpack_orm.wire.shapes import Record, Response


class PlainNote(Note):
    """A typical subclass."""

    is_read: bool = False


class _Counting:
    reads: int = 0


class OpenNote(_Counting, Note):
    """A subclass that gets a `__dict__` from a mixin."""


def read_notes(content: bytes) -> tuple[Record, ...]:
    """Return the records of a list response."""
    return Note._full.read_many(Response(200, content))


def load_notes(content: bytes, page: Page, cls: type[Note] = Note) -> list[Note]:
    """Load the notes of a list response, as `Note.all(page=page)` does."""
    return cls._full.load[cls](read_notes(content), page)


def load_page(content: bytes, connection: Connection) -> Page:
    """Return the page of a response, as `Page.find` does."""
    record = Page._full.read_one(Response(200, content))
    page: Page = Page._full.load_one[Page](record, connection)
    return page


def touch(page: Page) -> int:
    """Create every object on a page; return their number."""
    items = sum(len(each.items) for each in page.lists)
    return len(page.notes) + len(page.lists) + items + len(page.tags) + len(page.belongings)
