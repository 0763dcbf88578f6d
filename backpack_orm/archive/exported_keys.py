"""The records of an export by the ids of its elements, found without the models that read them."""

from __future__ import annotations

from collections.abc import Iterator

from backpack_orm.archive.contents import Contents
from backpack_orm.archive.entries import Key
from backpack_orm.archive.slices import Sliced
from backpack_orm.archive.stored_pages import EXPORT, EXPORTED, SHOWN
from backpack_orm.wire.documents import document

_ON_PAGES = (
    "page",
    "note",
    "list",
    "item",
    "message",
    "separator",
    "gallery",
    "image",
    "attachment",
    "email",
)
"""Elements that are records; the others, such as tags, are values of these."""


def exported_keys(contents: Contents) -> Iterator[Key]:
    """Yield type and id of each record in the export of a snapshot.

    A page that the snapshot has as a response of its own too is left out, since that one counts.
    """
    export = contents.read(EXPORT)
    pages = Sliced(export, "page")
    for each in pages.slices:
        if f"{SHOWN}{each.id}" not in contents and f"{EXPORTED}{each.id}" not in contents:
            yield from _on_page(pages.cut(each))
    for each in Sliced(export, "reminder").slices:
        yield "reminder", each.id


def _on_page(content: bytes) -> Iterator[Key]:
    for element in document(content).iter(*_ON_PAGES):
        parent, id = element.getparent(), element.get("id")
        is_link = parent is not None and parent.tag == "linked_pages"
        if id is not None and not is_link:
            yield str(element.tag), int(id)
