"""A rehearsal: a snapshot is restored into an embedded sandbox, and compared with its copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from backpack_orm.archive.conversions.source import loaded_pages
from backpack_orm.archive.conversions.widgets import included, unlisted_items, widgets
from backpack_orm.archive.info import Info
from backpack_orm.archive.restoring.links import rewrite
from backpack_orm.archive.restoring.plan import make_plan
from backpack_orm.archive.restoring.run import RestoreResult, run_plan
from backpack_orm.archive.restoring.selection import title_of_copy, with_text
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.connection import Connection
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.separator import Separator
from backpack_orm.orm.operations.progress import Progress, silent
from backpack_orm.orm.signals import muted
from backpack_orm.plurals import counted

NEVER_COMPARED: Mapping[str, str] = {
    "ids": "the service chooses them",
    "times of creation and change": "the service sets them",
    "email addresses of pages": "the service chooses them",
    "reminders": "restores create them only on request, and the service sends them",
    "files, emails, comments, sharing": "no restore can create them",
    "journal, statuses, calendars, bookmarks": "no restore can create them as they were",
}
"""What a rehearsal never compares, and why."""


@frozen
class Difference:
    """A value of a copy that is not the original's.

    Attributes:
        record: The original, such as `note 301`.
        field: What differs, such as `body`.
        original: Its value in the snapshot.
        copy: Its value after the restore.

    >>> print(Difference("note 301", "body", "Rua da Rosa 7", "Rua da Rosa"))
    note 301: body is 'Rua da Rosa' instead of 'Rua da Rosa 7'
    """

    record: str
    field: str
    original: object
    copy: object

    def __str__(self) -> str:
        return f"{self.record}: {self.field} is {self.copy!r} instead of {self.original!r}"


@frozen
class Rehearsal:
    """What a rehearsal has found.

    Attributes:
        differences: What differs in the copy.
        not_compared: What was not compared, and why.
    """

    differences: tuple[Difference, ...]
    not_compared: Mapping[str, str]


def rehearse(snapshot: Snapshot, source: Info, report: Progress, now: datetime) -> Rehearsal:
    """Restore a snapshot into an embedded sandbox, and return what differs.

    Titles, descriptions, tags, the order of everything on each page, links between pages, texts
    byte by byte, and items with their completion are compared. Makes no request to the account.

    Raises:
        ImportError: The extra `sandbox` is not installed.
    """
    try:
        from backpack_orm.sandbox import Sandbox  # which needs an extra
    except ImportError as error:
        raise ImportError(
            "a rehearsal needs the sandbox: pip install 'backpack_orm[sandbox]'"
        ) from error

    with (
        muted(),
        TemporaryDirectory() as folder,
        Sandbox(seed="empty") as sandbox,
        Connection(sandbox.url, token=sandbox.token, limits=None, ttl=0) as target,
    ):
        journal = Path(folder) / "journal.sqlite3"
        plan = make_plan(
            snapshot,
            source,
            target,
            now=now,
            into_source=True,  # an archive whose account is unknown could be of the sandbox's
            again=True,
            journal=journal,
            report=report,
        )
        result = run_plan(plan, report, now)
        found = tuple(differences(snapshot, source, target, result, report))
    pages = loaded_pages(snapshot, silent, "")
    unknown = sum(not page.linked_pages.is_loaded for page in pages)
    links = f"links from {counted(unknown, 'page')}"
    lacking = {links: "the snapshot lacks them"} if unknown else {}
    return Rehearsal(found, {**NEVER_COMPARED, **lacking})


def differences(
    snapshot: Snapshot,
    source: Info,
    target: Connection,
    result: RestoreResult,
    report: Progress = silent,
) -> Iterator[Difference]:
    """Yield what differs between the pages of a snapshot and their copies. One request per page."""
    copies = result.ids["page"]
    for page in loaded_pages(snapshot, report, "comparing pages", copies):
        copy = Page.find(copies[page.id], using=target, fresh=True)
        yield from _Comparison(source, target, result).pages(page, copy)


class _Comparison:
    def __init__(self, source: Info, target: Connection, result: RestoreResult) -> None:
        self._host = source.account.host
        self._target = target
        self._ids = result.ids

    def pages(self, page: Page, copy: Page) -> Iterator[Difference]:
        """Yield what differs between a page and its copy."""
        name = f"page {page.id}"
        yield from _different(name, "title", title_of_copy(page.title), copy.title)
        description = self._text(page.to_dict().get("description") or "")
        yield from _different(name, "description", description, copy.description)
        tags = ({each.name for each in included(record.tags)} for record in (page, copy))
        yield from _different(name, "tags", *tags)
        order = [self._copied(each) for each in widgets(page)]
        placed = {(each.type, each.widget_id) for each in copy.belongings}
        found = [(each.type, each.widget_id) for each in copy.belongings]
        wanted = [each for each in order if each is not None]
        yield from _different(name, "order", wanted, [each for each in found if each in wanted])
        yield from _different(name, "records", set(wanted) - placed, set())
        linked = {self._ids["page"].get(each.id) for each in included(page.linked_pages)} - {None}
        if page.linked_pages.is_loaded:
            yield from _different(name, "linked pages", linked, {p.id for p in copy.linked_pages})
        notes = {each.id: each for each in copy.notes}
        lists = {each.id: each for each in copy.lists}
        for note in included(page.notes):
            yield from self._notes(note, notes.get(self._ids["note"].get(note.id, 0)))
        for each in included(page.lists):
            yield from self._lists(each, lists.get(self._ids["list"].get(each.id, 0)))
        beside = {id for each in included(page.lists) if (id := self._ids["list"].get(each.id))}
        legacy = [item for each in copy.lists if each.id not in beside for item in each.items]
        yield from self._items(name, unlisted_items(page), legacy)

    def _notes(self, note: Note, copy: Note | None) -> Iterator[Difference]:
        name = f"note {note.id}"
        if copy is None:
            yield Difference(name, "presence", True, False)
            return
        yield from _different(name, "title", note.title, copy.title)
        yield from _different(name, "body", self._text(note.body), copy.body)

    def _lists(self, original: List, copy: List | None) -> Iterator[Difference]:
        name = f"list {original.id}"
        if copy is None:
            yield Difference(name, "presence", True, False)
            return
        yield from _different(name, "name", original.name, copy.name)
        yield from self._items(name, original.items, copy.items)

    def _items(
        self, name: str, originals: Iterable[Item | PageItem], copies: Iterable[Item]
    ) -> Iterator[Difference]:
        items = with_text(originals)
        found = {item.id: item for item in copies}
        order = [self._ids["item"].get(item.id) for item in items]
        yield from _different(name, "order of items", order, list(found))
        for item in items:
            copied = found.get(self._ids["item"].get(item.id, 0))
            if copied is not None:
                label = f"item {item.id}"
                yield from _different(label, "content", self._text(item.content), copied.content)
                yield from _different(label, "completed", item.completed, copied.completed)

    def _copied(self, widget: object) -> tuple[str, int | None] | None:
        """Return the type and id of a widget's copy; None if no restore can create it."""
        if not isinstance(widget, Note | List | Separator):
            return None
        return type(widget).__name__, self._ids[widget._element].get(widget.id)

    def _text(self, text: str) -> str:
        return rewrite(text, self._ids["page"], self._host, self._target.url)


def _different(record: str, field: str, original: object, copy: object) -> Iterator[Difference]:
    if original != copy:
        yield Difference(record, field, original, copy)
