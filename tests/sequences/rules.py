"""What the reference says of pages and what stands on them, in plain Python.

A third reading of it, beside the mapper's and the sandbox's, from neither of which it takes a line.
It knows no XML and no HTTP; ids are those that the service has given.
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
    """Of a list, by position: open and completed ones mixed."""

    def item(self, id: int) -> PlainItem:
        return next(item for item in self.items if item.id == id)

    def shown(self) -> list[PlainItem]:
        """Open ones first, then by position."""
        still_open = [item for item in self.items if not item.completed]
        return still_open + [item for item in self.items if item.completed]

    def move(self, moved: PlainItem, direction: str) -> None:
        """Change places among those that are shown with it, open or completed, as it is.

        The others keep their places, so that nothing is seen to move besides.
        """
        places = [
            place for place, item in enumerate(self.items) if item.completed == moved.completed
        ]
        peers = [self.items[place] for place in places]
        here = peers.index(moved)
        peers.remove(moved)
        there = {
            "move_higher": here - 1,
            "move_lower": here + 1,
            "move_to_top": 0,
            "move_to_bottom": len(peers),
        }[direction]
        peers.insert(max(there, 0), moved)
        for place, item in zip(places, peers, strict=True):
            self.items[place] = item


@dataclass
class PlainPage:
    """A page; what stands on it from top to bottom."""

    id: int
    title: str
    description: str = ""
    tags: list[str] = field(default_factory=list)
    widgets: list[Widget] = field(default_factory=list)
    links: list[int] = field(default_factory=list)
    """The ids of the pages that it links to; some of them may be gone."""

    def put(self, widget: Widget) -> None:
        """What is new goes to the top."""
        self.widgets.insert(0, widget)

    def of(self, type: str) -> list[Widget]:
        """Those of a kind, which are listed by id."""
        return sorted((one for one in self.widgets if one.type == type), key=lambda one: one.id)

    @property
    def first_list(self) -> Widget | None:
        """The one whose items are the page's, by the calls that name no list."""
        return next(iter(self.of("List")), None)

    def tag(self, names: Iterable[str]) -> None:
        """These tags replace all others; each is there once."""
        self.tags = list(dict.fromkeys(names))

    def copy(self, id: int, new_ids: Iterable[int], now: datetime) -> PlainPage:
        """A page with notes, lists, items, separators and tags like these, under new ids.

        The new ids come from top to bottom, each list's before those of its items as they are
        shown.
        """
        fresh = iter(new_ids)
        copy = PlainPage(id, f"{self.title} (copy)", self.description, list(self.tags))
        for widget in self.widgets:
            twin = replace(widget, id=next(fresh), created_at=now)
            ids = {item.id: next(fresh) for item in widget.shown()}
            twin.items = [replace(item, id=ids[item.id]) for item in widget.items]
            copy.widgets.append(twin)
        return copy

    def told(self) -> dict[str, Any]:
        """All that a page tells."""
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
