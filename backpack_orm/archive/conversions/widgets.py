"""What is on a page, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from backpack_orm.models.attachment import Attachment
from backpack_orm.models.belonging import SECTIONS
from backpack_orm.models.image import Image
from backpack_orm.models.item import Item
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.orm.records.model import Model


def widgets(page: Page) -> list[Model]:
    """Return the notes, lists and all else on a page, first what its belongings name.

    A belonging whose widget no response includes stands for that widget. Makes no request if the
    page is loaded.

    >>> page = Page.find(Page.find_by(title="Lisbon"))
    >>> [type(widget).__name__ for widget in widgets(page)][:3]
    ['Note', 'List', 'List']
    """
    found: list[Model] = []
    for belonging in included(page.belongings):
        section = SECTIONS.get(belonging.type)
        is_known = section is not None and getattr(page, section).is_loaded
        found.append((belonging.widget if is_known else None) or belonging)
    named = {_key(widget) for widget in found}
    for section in dict.fromkeys(SECTIONS.values()):
        found += [each for each in included(getattr(page, section)) if _key(each) not in named]
    return found


def unlisted_items(page: Page) -> list[Item | PageItem]:
    """Return the legacy items of a page that are in no list."""
    listed = {item.id for each in included(page.lists) for item in included(each.items)}
    return [item for item in included(page.items) if item.id not in listed]


def included(collection: Any) -> Iterable[Any]:
    """Return the records of a relation; none if the responses omit it."""
    return collection if collection.is_loaded else ()


def files_on(page: Page) -> Iterator[Attachment | Image]:
    """Yield the attachments and images of a page."""
    yield from included(page.attachments)
    for gallery in included(page.galleries):
        yield from included(gallery.images)


def _key(widget: Model) -> tuple[str, int]:
    return type(widget).__name__, widget.id
