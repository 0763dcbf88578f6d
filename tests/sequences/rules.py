"""A plain Python model of pages and their contents, according to the API reference.

It is independent of the mapper and of the sandbox, and uses neither XML nor HTTP. Ids are those
that the service has assigned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any


@dataclass
class PlainItem:
    """A line of a list."""

    id: int
    content: str
    completed: bool = False


@dataclass
class Widget:
    """A note, a list or a separator."""

    type: str
    id: int
    name: str
    body: str = ""
    created_at: datetime | None = None
    items: list[PlainItem] = field(default_factory=list)
    """Items of a list by position, open and completed ones mixed."""

    def item(self, id: int) -> PlainItem:
        return next(item for item in self.items if item.id == id)

    def shown(self) -> list[PlainItem]:
        """Return open items before completed ones, each by position."""
        still_open = [item for item in self.items if not item.completed]
        return still_open + [item for item in self.items if item.completed]

    def move(self, moved: PlainItem, direction: str) -> None:
        """Move an item among those with the same state, open or completed.

        All other items stay at their positions.
        """
        positions = [
            number for number, item in enumerate(self.items) if item.completed == moved.completed
        ]
        peers = [self.items[number] for number in positions]
        here = peers.index(moved)
        peers.remove(moved)
        target = {
            "move_higher": here - 1,
            "move_lower": here + 1,
            "move_to_top": 0,
            "move_to_bottom": len(peers),
        }[direction]
        peers.insert(max(target, 0), moved)
        for number, item in zip(positions, peers, strict=True):
            self.items[number] = item


@dataclass
class PlainPage:
    """A page, with its widgets from top to bottom."""

    id: int
    title: str
    description: str = ""
    tags: list[str] = field(default_factory=list)
    widgets: list[Widget] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    """Ids of the pages that it links to; some of them may be destroyed."""

    def add(self, widget: Widget) -> None:
        """Add a new widget at the top."""
        self.widgets.insert(0, widget)

    def of(self, type: str) -> list[Widget]:
        """Return the widgets of a type, by id."""
        return sorted((one for one in self.widgets if one.type == type), key=lambda one: one.id)

    @property
    def first_list(self) -> Widget | None:
        """The list that calls without a list use."""
        return next(iter(self.of("List")), None)

    def tag(self, names: Iterable[str]) -> None:
        """Replace all tags, without duplicates."""
        self.tags = list(dict.fromkeys(names))

    def copy(self, id: int, new_ids: Iterable[int], now: datetime) -> PlainPage:
        """Return a copy with notes, lists, items, separators and tags under new ids.

        Ids are assigned from top to bottom, to a list before its items in display order.
        """
        fresh = iter(new_ids)
        copy = PlainPage(id, f"{self.title} (copy)", self.description, list(self.tags))
        for widget in self.widgets:
            twin = replace(widget, id=next(fresh), created_at=now)
            ids = {item.id: next(fresh) for item in widget.shown()}
            twin.items = [replace(item, id=ids[item.id]) for item in widget.items]
            copy.widgets.append(twin)
        return copy

    def contents(self) -> dict[str, Any]:
        """Return the contents of the page."""
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "tags": self.tags,
            "belongings": [
                (position, one.type, one.id) for position, one in enumerate(self.widgets, 1)
            ],
            "notes": [(one.id, one.name, one.body, one.created_at) for one in self.of("Note")],
            "lists": [
                (
                    one.id,
                    one.name,
                    [(item.id, item.content, item.completed) for item in one.shown()],
                )
                for one in self.of("List")
            ],
            "items": [
                (item.id, item.content, item.completed)
                for item in (self.first_list.shown() if self.first_list else ())
            ],
            "separators": [(one.id, one.name) for one in self.of("Separator")],
        }
