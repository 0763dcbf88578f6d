"""What is measured: from an answer's bytes to objects, by the ways that every call goes."""

from __future__ import annotations

from backpack_orm import Note, Page
from backpack_orm.connection import Connection
from backpack_orm.orm.fields import loader, reader_of_many, reader_of_one
from backpack_orm.wire.parse import Answer


def load_notes(content: bytes, page: Page) -> list[Note]:
    """The notes in the answer that lists them, as `Note.all(page=page)` makes them."""
    records = reader_of_many(Note, Note._listed)(Answer(200, content))
    return loader(Note, Note._listed)(records, page)


def load_page(content: bytes, connection: Connection) -> Page:
    """The page in the answer that shows it, as `Page.find` makes it."""
    record = reader_of_one(Page, Page._shown)(Answer(200, content))
    return loader(Page, Page._shown)((record,), connection)[0]


def touch(page: Page) -> int:
    """Have every object made that a page holds; gives how many there are."""
    items = sum(len(each.items) for each in page.lists)
    return len(page.notes) + len(page.lists) + items + len(page.tags) + len(page.belongings)
