"""Calls of the mapper, each with what it should change, in terms of what is stored before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from backpack_orm import Item, List, Note, Page, Separator, Tag

from .plain_client import Stored

Account = dict[int, Stored]
Totals = Counter[tuple[object, ...]]
Change = Callable[[Account], tuple[Totals, Totals]]
NEW = "a new page"
ELSEWHERE = "Elsewhere"
"""The title of the notes that the plain client creates."""


def nothing(before: Account) -> tuple[Totals, Totals]:
    return Totals(), Totals()


class Call(NamedTuple):
    """A call of the mapper.

    Attributes:
        act: Makes it.
        change: Returns what it should remove and add.
        is_repeatable: Whether it may be made again after an error, whatever the error says.
        rival: Makes a call in another thread that does the same, in another spelling.
        is_planned: Whether what it destroys is what its first request has read.
    """

    act: Callable[[], object]
    change: Change = nothing
    is_repeatable: bool = False
    rival: Callable[[], object] | None = None
    is_planned: bool = False


class Case(NamedTuple):
    """What a call is made of: two pages, a number that selects records, and a new text.

    Raises:
        LookupError: There is no such record, so the call cannot be made.
    """

    page: Page
    other: Page
    which: int
    text: str

    @property
    def list(self) -> List:
        return self.page.lists[0]

    @property
    def item(self) -> Item:
        items = self.list.items
        return items[self.which % max(len(items), 1)]

    @property
    def note(self) -> Note:
        return self.page.notes[0]


Prepare = Callable[[Case], Call]


def on(page: object, stored: Stored) -> Totals:
    """Return all that is on a page."""
    return Totals({(page, *each): n for each, n in stored.counted().items()})


def contents_of(stored: Stored) -> Stored:
    """Return what a copy of a page has."""
    return replace(stored, title="", links=set())


def parts_of(stored: Stored, ids: Iterable[int]) -> Stored:
    """Return some of the records of a page, and the items of lists among them."""
    ids = set(ids)
    return Stored(
        "",
        {id: stored.notes[id] for id in ids if id in stored.notes},
        {id: stored.lists[id] for id in ids if id in stored.lists},
        {id: item for id, item in stored.items.items() if id in ids or item[0] in ids},
        {id: stored.separators[id] for id in ids if id in stored.separators},
    )


def discard(page: Page) -> None:
    """Undo all local changes on a page."""
    items = (item for each in page.lists for item in each.items)
    for record in (*page.notes, *page.lists, *items, page):
        record.discard()


def adding(page: object, kind: str, *values: object) -> Change:
    return lambda before: (Totals(), Counter({(page, kind, *values): 1}))


def destroying(page: Page, records: Iterable[Any]) -> Change:
    ids = [record.id for record in records]
    return lambda before: (on(page.id, parts_of(before[page.id], ids)), Totals())


def rewriting(
    page: Page,
    records: Iterable[Any],
    item: Callable[[str, bool], tuple[str, bool]] = lambda *item: item,
    note: Callable[[str, str], tuple[str, str]] = lambda *note: note,
) -> Change:
    """Return the change that gives records other values."""
    ids = [record.id for record in records]

    def change(before: Account) -> tuple[Totals, Totals]:
        parts = parts_of(before[page.id], ids)
        added: Totals = Counter(
            (page.id, "item", *item(*each[1:])) for each in parts.items.values()
        )
        added += Counter((page.id, "note", *note(*each)) for each in parts.notes.values())
        return on(page.id, replace(parts, lists={}, separators={})), added

    return change


# --- records -----------------------------------------------------------------------------------


def of_item(method: str, *values: bool) -> Prepare:
    """Prepare a call of an item without arguments, which may set its state."""

    def prepare(case: Case) -> Call:
        discard(case.page)
        item = case.list.items[-1] if method == "reopen" else case.item
        act = getattr(item, method)
        if method == "toggle":
            return Call(act, rewriting(case.page, [item], lambda text, done: (text, not done)))
        if values:
            return Call(
                act, rewriting(case.page, [item], lambda text, done: (text, values[0])), True
            )
        return Call(act)

    return prepare


def beside(method: str) -> Prepare:
    def prepare(case: Case) -> Call:
        item, other = case.list.items[0], case.list.items[1 + case.which % 2]
        return Call(lambda: getattr(item, method)(other))

    return prepare


def saving(case: Case) -> Call:
    discard(case.page)
    note = case.note
    note.body = case.text
    return Call(note.save, rewriting(case.page, [note], note=lambda title, _: (title, case.text)))


def saving_new(case: Case) -> Call:
    note = Note(page=case.page, title=case.text, body="new")
    return Call(note.save, adding(case.page.id, "note", case.text, "new"))


def updating_item(case: Case) -> Call:
    discard(case.page)
    item = case.item
    change = rewriting(case.page, [item], lambda _, done: (case.text, done))
    return Call(lambda: item.update(content=case.text), change)


def destroying_one(kind: str) -> Prepare:
    def prepare(case: Case) -> Call:
        record = getattr(case, kind)
        return Call(record.destroy, destroying(case.page, [record]))

    return prepare


def destroying_page(case: Case) -> Call:
    page = Page.create(title=case.text, using=case.page.connection)
    return Call(page.destroy, lambda before: (on(page.id, before[page.id]), Totals()))


def renaming_page(*, saved: bool) -> Prepare:
    """Prepare a change of the title and the tags of a page."""

    def prepare(case: Case) -> Call:
        page, text = case.page, case.text
        page.discard()

        def change(before: Account) -> tuple[Totals, Totals]:
            stored = Stored(before[page.id].title, tags=before[page.id].tags)
            return on(page.id, stored), on(page.id, Stored(text, tags={text}))

        if not saved:
            return Call(lambda: page.update(title=text, tags=[text]), change)
        page.title, page.tags = text, [text]
        return Call(page.save, change)

    return prepare


def of_page(method: str, *arguments: object) -> Prepare:
    """Prepare a call of a page that changes nothing of what is compared."""
    return lambda case: Call(lambda: getattr(case.page, method)(*arguments))


def reordering_page(case: Case) -> Call:
    order = [each.id for each in reversed(case.page.belongings)]
    return Call(lambda: case.page.reorder(order))


def linking(case: Case) -> Call:
    def change(before: Account) -> tuple[Totals, Totals]:
        is_there = case.other.id in before[case.page.id].links
        return Totals(), Counter({(case.page.id, "link", case.other.id): int(not is_there)})

    return Call(lambda: case.page.link(case.other), change)


def unlinking(case: Case) -> Call:
    case.page.link(case.other)

    def change(before: Account) -> tuple[Totals, Totals]:
        links = before[case.page.id].links & {case.other.id}
        return on(case.page.id, Stored(links=links)), Totals()

    return Call(lambda: case.page.unlink(case.other), change)


def merging(case: Case) -> Call:
    page, other = case.page, case.other

    def change(before: Account) -> tuple[Totals, Totals]:
        merged = replace(contents_of(before[page.id]), links=before[page.id].links)
        merged.tags -= before[other.id].tags
        merged.links -= before[other.id].links | {other.id}
        return Totals(), on(other.id, merged)

    return Call(lambda: page.merge_into(other), change)


def duplicating(*, titled: bool) -> Prepare:
    def prepare(case: Case) -> Call:
        page, arguments = case.page, {"title": case.text} if titled else {}

        def change(before: Account) -> tuple[Totals, Totals]:
            title = case.text if titled else f"{before[page.id].title} (copy)"
            return Totals(), on(NEW, replace(contents_of(before[page.id]), title=title))

        return Call(lambda: page.duplicate(**arguments), change)  # type: ignore[arg-type]

    return prepare


def of_tag(method: str) -> Prepare:
    """Prepare that a tag is renamed or destroyed, on all pages that have it."""

    def prepare(case: Case) -> Call:
        discard(case.page)
        tag: Any = case.page.tags["old"]
        if method == "save":
            tag.name = case.text
        acts = {"update": lambda: tag.update(name=case.text), "destroy": tag.destroy}

        def change(before: Account) -> tuple[Totals, Totals]:
            tagged = [id for id in before if "old" in before[id].tags]
            added = [(id, "tag", case.text) for id in tagged if method != "destroy"]
            return Counter((id, "tag", "old") for id in tagged), Counter(added)

        return Call(acts.get(method, tag.save), change)

    return prepare


# --- classes -----------------------------------------------------------------------------------


def creating_page(method: str) -> Prepare:
    """Prepare the creation of a page with a tag, in two requests or more."""

    def prepare(case: Case) -> Call:
        text, using = case.text, case.page.connection
        acts: dict[str, Callable[[], object]] = {
            "create": lambda: Page.create(title=text, tags=[text], using=using),
            "get_or_create": lambda: Page.get_or_create(
                title=text, defaults={"tags": [text]}, using=using
            ),
            "update_or_create": lambda: Page.update_or_create(
                title=text, defaults={"tags": [text]}, using=using
            ),
            "create_many": lambda: Page.create_many([{"title": text, "tags": [text]}], using=using),
        }
        new = on(NEW, Stored(text, tags={text}))
        return Call(acts[method], lambda before: (Totals(), new))

    return prepare


def creating_note(case: Case) -> Call:
    return Call(
        lambda: Note.create(page=case.page, title=case.text),
        adding(case.page.id, "note", case.text, ""),
    )


def creating_separator(case: Case) -> Call:
    return Call(
        lambda: Separator.create(page=case.page, name=case.text),
        adding(case.page.id, "separator", case.text),
    )


def creating_tag(case: Case) -> Call:
    return Call(
        lambda: Tag.create(page=case.page, name=case.text), adding(case.page.id, "tag", case.text)
    )


# --- collections -------------------------------------------------------------------------------


def transferring(kind: str, method: str, *, one: bool = False) -> Prepare:
    """Prepare a move or a copy of items, notes or lists."""

    def prepare(case: Case) -> Call:
        page, other = case.page, case.other
        found: Any = case.list.items if kind == "items" else getattr(page, kind)
        target: Any = other.lists[0] if kind == "items" else other
        ids = [record.id for record in (found[:1] if one else found[:3])]
        records: Any = found[0] if one else found[:3]
        if kind == "lists" and one:
            records = List.find(ids[0], page=page.id, using=page.connection)

        def change(before: Account) -> tuple[Totals, Totals]:
            parts = parts_of(before[page.id], ids)
            left = on(page.id, parts) if method == "move_to" else Totals()
            return left, on(other.id, parts)

        return Call(lambda: getattr(records, method)(target), change, method == "move_to")

    return prepare


def adding_to(kind: str, *values: object) -> Prepare:
    """Prepare the creation of a record in a collection, by its text."""

    def prepare(case: Case) -> Call:
        children: Any = case.list.items if kind == "item" else getattr(case.page, f"{kind}s")
        return Call(
            lambda: children.create(case.text), adding(case.page.id, kind, case.text, *values)
        )

    return prepare


def creating_many(case: Case) -> Call:
    page = case.page
    rows: list[Any] = [{"title": "Note", "body": "body"}, Note(page=page, title=case.text)]
    added: Totals = Counter([(page.id, "note", "Note", "body"), (page.id, "note", case.text, "")])
    return Call(lambda: page.notes.create_many(rows), lambda before: (Totals(), added))


def open_items(before: Account, case: Case, of: int) -> Counter[str]:
    items = before[case.page.id].items.values()
    return Counter(content for owner, content, done in items if owner == of and not done)


def adopting(case: Case) -> Call:
    of, rows = case.list, ["Milk", "Eggs", case.text]

    def change(before: Account) -> tuple[Totals, Totals]:
        missing = Counter(rows) - open_items(before, case, of.id)
        return Totals(), Counter(
            {(case.page.id, "item", content, False): n for content, n in missing.items()}
        )

    def act() -> None:
        found = of.items.create_many(rows, adopt=True)
        assert [item.content for item in found] == rows

    return Call(act, change, True, lambda: again(case).lists.find(of.id).items.sync([case.text]))


def again(case: Case) -> Page:
    """Return another object of the page."""
    return Page.find(case.page.id, using=case.page.connection, fresh=True)


def syncing_items(case: Case) -> Call:
    of, target = case.list, {"Milk": bool(case.which % 2), "Eggs": False, case.text: True}

    def change(before: Account) -> tuple[Totals, Totals]:
        stored = before[case.page.id]
        ids = [id for id, item in stored.items.items() if item[0] == of.id]
        return on(case.page.id, parts_of(stored, ids)), Counter(
            {(case.page.id, "item", *row): 1 for row in target.items()}
        )

    return Call(lambda: of.items.sync(target, destroy=True), change, True, is_planned=True)


def syncing_notes(case: Case) -> Call:
    page, text = case.page, case.text

    def change(before: Account) -> tuple[Totals, Totals]:
        same = [n for n in before[page.id].notes.values() if n[0] == "Note"]
        added: Totals = Counter({(page.id, "note", each, text): 1 for each in ("Note", text)})
        return Counter((page.id, "note", *n) for n in same), added

    return Call(
        lambda: page.notes.sync({"Note": text, text: text}),
        change,
        True,
        lambda: again(case).notes.get_or_create(title=text, defaults={"body": text}),
    )


def getting(method: str, *, of_class: bool) -> Prepare:
    """Prepare a search for a note that is created if there is none, in two spellings."""

    def prepare(case: Case) -> Call:
        page, using = case.page, case.page.connection
        title, is_update = (
            (case.text, "Note", ELSEWHERE)[case.which % 3],
            method.startswith("update"),
        )
        is_fresh = is_update or title == "Note" or case.which % 2 == 0
        defaults: dict[str, str] = {"body": case.text} if is_update else {}
        where: dict[str, Any] = {"defaults": defaults, "fresh": is_fresh}
        if is_update:
            discard(page)

        def by_class() -> object:
            find: Any = getattr(Note, method)
            return find(page=page.id, title__exact=title, using=using, **where)

        def by_collection() -> object:
            notes: Any = again(case).notes if of_class else page.notes
            return getattr(notes, method)(title=title, **where)

        def change(before: Account) -> tuple[Totals, Totals]:
            found = [note for note in before[page.id].notes.values() if note[0] == title]
            new: Totals = Counter({(page.id, "note", title, case.text if is_update else ""): 1})
            if found and not is_update:
                return Totals(), Totals()
            return Counter((page.id, "note", *note) for note in found), new

        acts = [by_collection, by_class]
        return Call(acts[of_class], change, True, acts[not of_class])

    return prepare


def completing(method: str) -> Prepare:
    """Prepare the completion, or the opposite, of all items of a list."""

    def prepare(case: Case) -> Call:
        discard(case.page)
        items, done = case.list.items[:], method == "complete"
        change = rewriting(case.page, items, lambda text, _: (text, done))
        return Call(lambda: getattr(items, method)(), change, True)

    return prepare


def updating_all(case: Case) -> Call:
    discard(case.page)
    items = case.list.items[:]
    change = rewriting(case.page, items, lambda _, done: (case.text, done))
    return Call(lambda: items.update(content=case.text), change)


def updating_pages(case: Case) -> Call:
    text, pages = case.text, Page.all(using=case.page.connection, fresh=True)

    def change(before: Account) -> tuple[Totals, Totals]:
        removed, added = Totals(), Totals()
        for id, page in before.items():
            removed += on(id, Stored(page.title, tags=page.tags))
            added += on(id, Stored(text, tags={text}))
        return removed, added

    return Call(lambda: pages.update(title=text, tags=[text]), change)


def destroying_all(case: Case) -> Call:
    items = case.list.items[:2]
    return Call(items.destroy, destroying(case.page, items))


def reordering(case: Case) -> Call:
    order = [item.id for item in reversed(case.list.items)]
    return Call(lambda: case.list.items.reorder(order))


def retagging(case: Case) -> Call:
    pages = Page.all(using=case.page.connection, fresh=True)

    def change(before: Account) -> tuple[Totals, Totals]:
        removed: Totals = Counter((id, "tag", "old") for id in before if "old" in before[id].tags)
        return removed, Counter((id, "tag", case.text) for id in before)

    return Call(lambda: pages.retag(add=[case.text], remove=["old"]), change, True)


def of_tags(method: str) -> Prepare:
    def prepare(case: Case) -> Call:
        page, text = case.page, case.text
        page.discard()

        def change(before: Account) -> tuple[Totals, Totals]:
            tags = before[page.id].tags
            left = {"add": set[str](), "remove": tags & {"old"}, "set": tags}[method]
            new = set[str]() if method == "remove" else {text}
            return on(page.id, Stored(tags=left)), on(page.id, Stored(tags=new))

        arguments: Any = {"add": text, "remove": "old", "set": [text]}[method]
        return Call(lambda: getattr(page.tags, method)(arguments), change, True)

    return prepare


CALLS: dict[str, tuple[int, Prepare]] = {
    "item.complete": (2, of_item("complete", True)),
    "item.copy_to": (3, transferring("items", "copy_to", one=True)),
    "item.destroy": (1, destroying_one("item")),
    "item.discard": (0, of_item("discard")),
    "item.move_after": (2, beside("move_after")),
    "item.move_before": (2, beside("move_before")),
    "item.move_higher": (1, of_item("move_higher")),
    "item.move_lower": (1, of_item("move_lower")),
    "item.move_to": (6, transferring("items", "move_to", one=True)),
    "item.move_to_bottom": (1, of_item("move_to_bottom")),
    "item.move_to_top": (1, of_item("move_to_top")),
    "item.reload": (1, of_item("reload")),
    "item.reopen": (2, of_item("reopen", False)),
    "item.toggle": (1, of_item("toggle")),
    "item.update": (1, updating_item),
    "list.destroy": (1, destroying_one("list")),
    "list.move_to": (9, transferring("lists", "move_to", one=True)),
    "note.copy_to": (3, transferring("notes", "copy_to", one=True)),
    "note.destroy": (1, destroying_one("note")),
    "note.move_to": (6, transferring("notes", "move_to", one=True)),
    "note.save": (1, saving),
    "note.save new": (1, saving_new),
    "page.destroy": (2, destroying_page),
    "page.duplicate": (1, duplicating(titled=False)),
    "page.duplicate with a title": (4, duplicating(titled=True)),
    "page.email_copy": (1, of_page("email_copy")),
    "page.link": (1, linking),
    "page.merge_into": (8, merging),
    "page.reload": (1, of_page("reload")),
    "page.reorder": (1, reordering_page),
    "page.save": (2, renaming_page(saved=True)),
    "page.share": (1, of_page("share", ["ann@example.com"])),
    "page.unlink": (1, unlinking),
    "page.unshare": (1, of_page("unshare")),
    "page.update": (2, renaming_page(saved=False)),
    "tag.destroy": (5, of_tag("destroy")),
    "tag.save": (6, of_tag("save")),
    "tag.update": (6, of_tag("update")),
    "Note.create": (1, creating_note),
    "Note.get_or_create": (3, getting("get_or_create", of_class=True)),
    "Note.update_or_create": (2, getting("update_or_create", of_class=True)),
    "Page.create": (2, creating_page("create")),
    "Page.create_many": (3, creating_page("create_many")),
    "Page.get_or_create": (3, creating_page("get_or_create")),
    "Page.update_or_create": (3, creating_page("update_or_create")),
    "Separator.create": (1, creating_separator),
    "Tag.create": (3, creating_tag),
    "items.complete": (5, completing("complete")),
    "items.copy_to": (5, transferring("items", "copy_to")),
    "items.create": (1, adding_to("item", False)),
    "items.create_many": (3, adopting),
    "items.destroy": (2, destroying_all),
    "items.move_to": (14, transferring("items", "move_to")),
    "items.reload": (1, lambda case: Call(case.list.items.reload)),
    "items.reopen": (4, completing("reopen")),
    "items.reorder": (1, reordering),
    "items.sync": (8, syncing_items),
    "items.update": (3, updating_all),
    "lists.copy_to": (6, transferring("lists", "copy_to")),
    "lists.create": (1, adding_to("list")),
    "lists.move_to": (9, transferring("lists", "move_to")),
    "notes.copy_to": (3, transferring("notes", "copy_to")),
    "notes.create": (1, adding_to("note", "")),
    "notes.create_many": (3, creating_many),
    "notes.get_or_create": (2, getting("get_or_create", of_class=False)),
    "notes.move_to": (6, transferring("notes", "move_to")),
    "notes.sync": (3, syncing_notes),
    "notes.update_or_create": (2, getting("update_or_create", of_class=False)),
    "pages.retag": (6, retagging),
    "pages.update": (4, updating_pages),
    "separators.create": (1, adding_to("separator")),
    "tags.add": (2, of_tags("add")),
    "tags.remove": (2, of_tags("remove")),
    "tags.set": (2, of_tags("set")),
}
"""How many requests each makes at most, and what prepares it.

A name says whose method it is: a record's, a class's or, in the plural, a collection's.
"""
