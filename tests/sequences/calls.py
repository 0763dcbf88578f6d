"""Calls of the mapper, each with what it should change, in terms of what is stored before it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from backpack_orm import Note, Page

from .plain_client import Stored

Account = dict[int, Stored]
Totals = Counter[tuple[object, ...]]
NEW = "a new page"


class Call(NamedTuple):
    """A call of the mapper.

    Attributes:
        act: Makes it.
        change: Returns what it should remove and add.
        is_repeatable: Whether it may be made again after an error.
        is_resumable: Whether the error can do the rest.
    """

    act: Callable[[], object]
    change: Callable[[Account], tuple[Totals, Totals]]
    is_repeatable: bool = False
    is_resumable: bool = False


Prepare = Callable[[Page, Page, int, str], Call | None]
"""Takes two pages, a number that selects records, and a new text."""


def on(page: object, stored: Stored) -> Totals:
    """Return all that is on a page."""
    return Totals({(page, *each): n for each, n in stored.counted().items()})


def parts_of(stored: Stored, ids: list[int]) -> Stored:
    """Return some of the records of a page, and the items of lists among them."""
    return Stored(
        "",
        {id: stored.notes[id] for id in ids if id in stored.notes},
        {id: stored.lists[id] for id in ids if id in stored.lists},
        {id: item for id, item in stored.items.items() if id in ids or item[0] in ids},
    )


def discard(page: Page) -> None:
    """Undo all local changes on a page."""
    items = (item for each in page.lists for item in each.items)
    for record in (*page.notes, *page.lists, *items):
        record.discard()


def transferring(kind: str, method: str) -> Prepare:
    """Prepare a move or a copy of items, notes or lists."""

    def prepare(page: Page, other: Page, which: int, text: str) -> Call | None:
        if kind == "items" and not (page.lists and other.lists):
            return None
        if kind == "items":
            records: Any = page.lists[0].items[which % 2 :]
        else:
            records = getattr(page, kind)[:2]
        target: Any = other.lists[0] if kind == "items" else other
        ids = [record.id for record in records]

        def change(before: Account) -> tuple[Totals, Totals]:
            parts = parts_of(before[page.id], ids)
            left = on(page.id, parts) if method == "move_to" else Totals()
            return left, on(other.id, parts)

        is_move = method == "move_to"
        return (
            Call(lambda: getattr(records, method)(target), change, is_move, True) if ids else None
        )

    return prepare


def adding(page: Page, kind: str, *values: object) -> Callable[[Account], tuple[Totals, Totals]]:
    return lambda before: (Totals(), Counter({(page.id, kind, *values): 1}))


def create_note(page: Page, other: Page, which: int, text: str) -> Call:
    return Call(lambda: page.notes.create(title=text), adding(page, "note", text, ""))


def create_notes(page: Page, other: Page, which: int, text: str) -> Call:
    rows = [{"title": "Note", "body": "body"}, {"title": text, "body": ""}]
    added: Totals = Counter((page.id, "note", *row.values()) for row in rows)
    return Call(
        lambda: page.notes.create_many(rows), lambda before: (Totals(), added), is_resumable=True
    )


def adopt_items(page: Page, other: Page, which: int, text: str) -> Call | None:
    if not page.lists:
        return None
    of, rows = page.lists[0], ["Milk", "Eggs", text]

    def change(before: Account) -> tuple[Totals, Totals]:
        there = Counter(
            content
            for owner, content, done in before[page.id].items.values()
            if owner == of.id and not done
        )
        missing = Counter(rows) - there
        added = {(page.id, "item", content, False): n for content, n in missing.items()}
        return Totals(), Counter(added)

    return Call(lambda: of.items.create_many(rows, adopt=True), change, True, True)


def sync_items(page: Page, other: Page, which: int, text: str) -> Call | None:
    if not page.lists:
        return None
    of, target = page.lists[0], {"Milk": bool(which % 2), "Eggs": False, text: True}

    def change(before: Account) -> tuple[Totals, Totals]:
        stored = before[page.id]
        ids = [id for id, item in stored.items.items() if item[0] == of.id]
        return on(page.id, parts_of(stored, ids)), Counter(
            {(page.id, "item", *row): 1 for row in target.items()}
        )

    return Call(lambda: of.items.sync(target, destroy=True), change, True, True)


def sync_notes(page: Page, other: Page, which: int, text: str) -> Call:
    def change(before: Account) -> tuple[Totals, Totals]:
        same = [n for n in before[page.id].notes.values() if n[0] == "Note"]
        return Counter((page.id, "note", *n) for n in same), Counter(
            {(page.id, "note", "Note", text): 1}
        )

    return Call(lambda: page.notes.sync({"Note": text}), change, True, True)


def getting(*, threads: bool) -> Prepare:
    """Prepare a search for a note that is created if there is none, in two spellings."""

    def prepare(page: Page, other: Page, which: int, text: str) -> Call:
        title, fresh = text if threads or which % 2 else "Note", which % 3 > 0
        spellings: list[Callable[[], object]] = [
            lambda: page.notes.get_or_create(title=title, fresh=fresh),
            lambda: Note.get_or_create(
                page=page.id, title__exact=title, fresh=fresh, using=page.connection
            ),
        ]

        def act() -> None:
            if not threads:
                spellings[which % 2]()
                return
            thread = threading.Thread(target=spellings[1])
            thread.start()
            spellings[0]()
            thread.join()

        def change(before: Account) -> tuple[Totals, Totals]:
            is_there = any(note[0] == title for note in before[page.id].notes.values())
            return Totals(), Counter({(page.id, "note", title, ""): int(not is_there)})

        return Call(act, change, is_repeatable=not threads)

    return prepare


def completing(name: str) -> Prepare:
    """Prepare the completion, or the opposite, of all items of a list."""

    def prepare(page: Page, other: Page, which: int, text: str) -> Call | None:
        if not page.lists:
            return None
        discard(page)
        items = page.lists[0].items[:]
        ids = [item.id for item in items]

        def change(before: Account) -> tuple[Totals, Totals]:
            parts = parts_of(before[page.id], ids)
            changed = (
                (page.id, "item", item[1], name == "complete") for item in parts.items.values()
            )
            return on(page.id, parts), Counter(changed)

        return Call(lambda: getattr(items, name)(), change, is_repeatable=True)

    return prepare


def retag(page: Page, other: Page, which: int, text: str) -> Call:
    def change(before: Account) -> tuple[Totals, Totals]:
        removed: Totals = Counter((id, "tag", "old") for id in before if "old" in before[id].tags)
        return removed, Counter((id, "tag", text) for id in before)

    def act() -> None:
        Page.all(using=page.connection, fresh=True).retag(add=[text], remove=["old"])

    return Call(act, change, is_repeatable=True)


def add_tag(page: Page, other: Page, which: int, text: str) -> Call:
    return Call(lambda: page.tags.add(text), adding(page, "tag", text), is_repeatable=True)


def merge(page: Page, other: Page, which: int, text: str) -> Call:
    def change(before: Account) -> tuple[Totals, Totals]:
        tags = on(other.id, Stored("", tags=before[page.id].tags & before[other.id].tags))
        return Totals(), on(other.id, before[page.id]) - tags

    return Call(lambda: page.merge_into(other), change, is_resumable=True)


def duplicate(page: Page, other: Page, which: int, text: str) -> Call:
    return Call(
        lambda: page.duplicate(title=text),
        lambda before: (Totals(), on(NEW, before[page.id])),
        is_resumable=True,
    )


def save_note(page: Page, other: Page, which: int, text: str) -> Call | None:
    if not page.notes:
        return None
    discard(page)
    note = page.notes[0]
    id, note.body = note.id, text

    def change(before: Account) -> tuple[Totals, Totals]:
        parts = parts_of(before[page.id], [id])
        changed = Totals((page.id, "note", title, text) for title, _ in parts.notes.values())
        return on(page.id, parts), changed

    return Call(note.save, change)


def destroy_note(page: Page, other: Page, which: int, text: str) -> Call | None:
    if not page.notes:
        return None
    note = page.notes[0]
    return Call(
        note.destroy, lambda before: (on(page.id, parts_of(before[page.id], [note.id])), Totals())
    )


CALLS: dict[str, Prepare] = {
    **{
        f"{method} {kind}": transferring(kind, method)
        for method in ("move_to", "copy_to")
        for kind in ("items", "notes", "lists")
    },
    "create": create_note,
    "create_many": create_notes,
    "create_many adopt": adopt_items,
    "sync items": sync_items,
    "sync notes": sync_notes,
    "get_or_create": getting(threads=False),
    "get_or_create in threads": getting(threads=True),
    "complete": completing("complete"),
    "reopen": completing("reopen"),
    "retag": retag,
    "add": add_tag,
    "merge_into": merge,
    "duplicate": duplicate,
    "save": save_note,
    "destroy": destroy_note,
}
