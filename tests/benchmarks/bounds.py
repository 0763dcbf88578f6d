"""The bounds: the same work, written by hand for one case.

Without change tracking, connection, parents, lazy loading and tolerance for other formats.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Any

from attrs import define
from cachetools import TTLCache
from lxml import etree

_PARSER = etree.XMLParser(
    resolve_entities=False,
    load_dtd=False,
    no_network=True,
    huge_tree=False,
    recover=False,
    remove_comments=True,
    remove_pis=True,
)


@define(eq=False)
class Note:
    id: int
    title: str
    body: str
    created_at: datetime


@define(eq=False)
class Item:
    id: int
    content: str
    completed: bool
    updated_at: datetime


@define(eq=False)
class List:
    id: int
    name: str
    items: list[Item]


@define(eq=False)
class Tag:
    id: int
    name: str


@define(eq=False)
class Belonging:
    id: int
    position: int
    type: str
    widget_id: int


@define(eq=False)
class Page:
    id: int
    title: str
    email_address: str
    belongings: list[Belonging]
    tags: list[Tag]
    lists: list[List]
    notes: list[Note]


def parse(content: bytes) -> object:
    """Parse a response into a tree and do nothing else."""
    return etree.fromstring(content, _PARSER)


def load_notes(content: bytes) -> list[Note]:
    """Return the notes of a list response."""
    return _notes(etree.fromstring(content, _PARSER)[0])


def load_page(content: bytes) -> Page:
    """Return the page of a response."""
    page: Any = etree.fromstring(content, _PARSER)[0]
    get = page.get
    return Page(
        int(get("id")),
        get("title"),
        get("email_address"),
        [_belonging(e) for e in page.find("belongings")],
        [Tag(int(e.get("id")), e.get("name")) for e in page.find("tags")],
        [List(int(e.get("id")), e.get("name"), _items(e[0])) for e in page.find("lists")],
        _notes(page.find("notes")),
    )


def _notes(elements: Any) -> list[Note]:
    return [
        Note(
            int(e.get("id")),
            e.get("title"),
            e.text or "",
            datetime.fromisoformat(e.get("created_at")),
        )
        for e in elements
    ]


def _items(elements: Any) -> list[Item]:
    return [
        Item(
            int(e.get("id")),
            e.text or "",
            e.get("completed") == "true",
            datetime.fromisoformat(e.get("updated_at")),
        )
        for e in elements
    ]


def _belonging(element: Any) -> Belonging:
    widget = element.find("widget")
    return Belonging(
        int(element.get("id")),
        int(element.findtext("position")),
        widget.get("type"),
        int(widget.get("id")),
    )


def cached(response: object) -> Callable[[], object]:
    """Return a function that reads a response from a cache, under a lock."""
    cache: TTLCache[tuple[str, int], object] = TTLCache(1000, 3600)
    lock = Lock()
    cache["page", 7] = response

    def hit() -> object:
        with lock:
            return cache["page", 7]

    return hit
