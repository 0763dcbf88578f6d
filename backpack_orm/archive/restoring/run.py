"""Restoring the pages of a plan into an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import frozen

from backpack_orm.archive.conversions.source import in_utc, loaded_pages
from backpack_orm.archive.conversions.widgets import included, unlisted_items, widgets
from backpack_orm.archive.restoring.destroyed import destroyed, destroyed_on, separators_on
from backpack_orm.archive.restoring.journal import RestoreJournal
from backpack_orm.archive.restoring.links import rewrite, unknown_ids
from backpack_orm.archive.restoring.plan import Plan
from backpack_orm.archive.restoring.selection import (
    title_of_copy,
    upcoming_reminders,
    with_text,
)
from backpack_orm.errors import ArchiveError, BackpackError, NotFound
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.separator import Separator
from backpack_orm.models.time_windows import is_earlier
from backpack_orm.orm.copying.creating import create_once
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.plurals import counted, listed
from backpack_orm.rich_display import RichDisplay


@frozen
class RestoreResult(RichDisplay):
    """What a restore has done.

    Attributes:
        requests: Number of requests.
        ids: Ids of the copies, by type and id of the originals: `result.ids["page"][71]`.
        unknown_links: Ids of pages that texts link to and that have no copy, by step such as
            `note:301`. These links are unchanged.
        impossible: What was not restored, and why.

    >>> with Sandbox(seed="empty") as box:
    ...     target = Connection(box.url, token=box.token)
    ...     plan = archive.plan(target, pages=["Lisbon"], journal="journal.sqlite3")
    ...     result = archive.restore(plan)
    >>> {type: len(ids) for type, ids in result.ids.items() if ids}
    {'page': 1, 'note': 2, 'list': 2, 'item': 12, 'separator': 1}
    """

    requests: int
    ids: Mapping[str, Mapping[int, int]]
    unknown_links: Mapping[str, tuple[int, ...]]
    impossible: Mapping[str, str]

    def __repr__(self) -> str:
        counts = listed({type: len(ids) for type, ids in self.ids.items()})
        return f"RestoreResult({counted(self.requests, 'request')}: {counts})"


def run_plan(plan: Plan, report: Progress, now: datetime) -> RestoreResult:
    """Create what the plan lists and no earlier run has created. See `Archive.restore`."""
    before = plan.target.stats.requests
    with RestoreJournal(plan.journal, plan.scope) as journal:
        restore = _Restore(plan, journal, report, now)
        try:
            restore.run()
        except (BackpackError, KeyboardInterrupt) as error:
            created = journal.outcomes("page").keys() & plan.pages.keys()
            error.add_note(
                f"{len(created)} of {counted(len(plan.pages), 'page')} created; restore the same "
                "snapshot again to go on: nothing is created twice"
            )
            raise
        types = ("page", "note", "list", "item", "separator", "reminder")
        ids = {type: journal.outcomes(type) for type in types}
    return RestoreResult(
        plan.target.stats.requests - before, ids, restore.unknown_links, plan.impossible
    )


class _Restore:
    def __init__(
        self, plan: Plan, journal: RestoreJournal, report: Progress, now: datetime
    ) -> None:
        self._plan = plan
        self._target = plan.target
        self._journal = journal
        self._report = report
        self._now = now
        self._host = plan.source.account.host
        self.unknown_links: dict[str, tuple[int, ...]] = {}

    def run(self) -> None:
        """Create all pages first, since texts may link to any of them, then fill them."""
        self._create_pages()
        self._copies = self._journal.outcomes("page")
        pages = self._plan.pages
        for page in loaded_pages(self._plan.snapshot, self._report, "restoring pages", pages):
            try:
                self._fill(page)
            except NotFound as error:
                raise self._destroyed([], [page.id]) from error
        self._create_reminders()

    def _create_pages(self) -> None:
        pages = self._plan.pages
        if not pages:
            return
        ids = {page.id for page in Page.all(using=self._target, fresh=True)}
        known = self._journal.outcomes("page")
        gone = [id for id in pages if id in known and known[id] not in ids]
        if gone:
            raise self._destroyed([f"page:{id}" for id in gone], gone)
        for done, (id, title) in enumerate(pages.items()):
            self._report("creating pages", done, len(pages))
            ids.add(self._create_page(id, title_of_copy(title), ids))

    def _destroyed(self, steps: Iterable[str], pages: Iterable[int]) -> ArchiveError:
        titles = {id: self._plan.pages[id] for id in pages}
        return destroyed(steps, titles, self._target.url)

    def _check(self, page: Page, copy: Page) -> None:
        """Stop if something that was restored is gone."""
        if gone := destroyed_on(page, copy, self._journal):
            raise self._destroyed(gone, [page.id])

    def _create_page(self, id: int, title: str, known: set[int]) -> int:
        def equal() -> Iterable[Page]:
            pages = Page.all(using=self._target, fresh=True)
            return (page for page in pages if page.title == title)

        return create_once(
            self._journal,
            f"page:{id}",
            siblings=known,
            equal=equal,
            create=lambda: Page.create(title=title, using=self._target).id,
        )

    # --- one page -----------------------------------------------------------------------------

    def _fill(self, page: Page) -> None:
        copy = Page.find(self._copies[page.id], using=self._target, fresh=True)
        self._check(page, copy)
        description = self._text(f"page:{page.id}", page.to_dict().get("description") or "")
        if copy.description != description:
            copy.description = description
            copy.save()
        names = [tag.name for tag in included(page.tags)]
        if [tag.name for tag in copy.tags] != names:
            copy.tags = names
            copy.save()
        notes = {each.id for each in copy.notes}
        lists = {each.id for each in copy.lists}
        separators = {*separators_on(copy)}
        for widget in widgets(page):
            if isinstance(widget, Note):
                self._create_note(widget, copy, notes)
            elif isinstance(widget, Separator):
                self._create_separator(widget, copy, separators)
            elif isinstance(widget, List):
                self._create_list(f"list:{widget.id}", widget.name, widget.items, copy, lists)
        if items := with_text(unlisted_items(page)):
            self._create_list(f"unlisted:{page.id}", "", items, copy, lists)
        self._link_pages(page, copy)
        self._restore_order(page, copy.id)

    def _create_note(self, note: Note, copy: Page, known: set[int]) -> None:
        step = f"note:{note.id}"
        title, body = note.title, self._text(step, note.body)

        def equal() -> Iterable[Note]:
            notes = Note.all(page=copy, fresh=True)
            return (each for each in notes if (each.title, each.body) == (title, body))

        id = create_once(
            self._journal,
            step,
            siblings=known,
            equal=equal,
            create=lambda: copy.notes.create(title=title, body=body).id,
        )
        known.add(id)

    def _create_separator(self, separator: Separator, copy: Page, known: set[int]) -> None:
        def equal() -> Iterable[Separator]:
            ids = separators_on(Page.find(copy.id, using=self._target, fresh=True))
            return (Separator._stub(id, copy) for id in ids)

        id = create_once(
            self._journal,
            f"separator:{separator.id}",
            siblings=known,
            equal=equal,
            create=lambda: copy.separators.create(name=separator.name).id,
        )
        known.add(id)

    def _create_list(
        self,
        step: str,
        name: str,
        items: Iterable[Item | PageItem],
        copy: Page,
        known: set[int],
    ) -> None:
        def equal() -> Iterable[List]:
            lists = List.all(page=copy, fresh=True)
            return (each for each in lists if each.name == name)

        id = create_once(
            self._journal,
            step,
            siblings=known,
            equal=equal,
            create=lambda: copy.lists.create(name=name).id,
        )
        present = () if id not in known else Item.all(list=id, page=copy, fresh=True)
        known.add(id)
        beside = {item.id for item in present}
        for item in with_text(items):
            self._create_item(item, List._stub(id, copy), beside)

    def _create_item(self, item: Item | PageItem, into: List, known: set[int]) -> None:
        step = f"item:{item.id}"
        content, completed = self._text(step, item.content), item.completed

        def equal() -> Iterable[Item]:
            items = Item.all(list=into, fresh=True)
            wanted = (content, completed)
            return (each for each in items if (each.content, each.completed) == wanted)

        id = create_once(
            self._journal,
            step,
            siblings=known,
            equal=equal,
            create=lambda: into.items.create(content=content, completed=completed).id,
        )
        known.add(id)

    def _text(self, step: str, text: str) -> str:
        """Return a text with its links to pages rewritten; note those that lead elsewhere."""
        unknown = unknown_ids(text, self._copies, self._host)
        if unknown:
            self.unknown_links[step] = tuple(unknown)
        return rewrite(text, self._copies, self._host, self._target.url)

    def _link_pages(self, page: Page, copy: Page) -> None:
        present = {each.id for each in copy.linked_pages}
        for linked in included(page.linked_pages):
            id = self._copies.get(linked.id)
            if id is None:
                known = self.unknown_links.get(f"page:{page.id}", ())
                self.unknown_links[f"page:{page.id}"] = (*known, linked.id)
            elif id not in present:
                copy.link(id)

    def _restore_order(self, page: Page, id: int) -> None:
        """Read the copy, and put its records in the order of the original."""
        copy = Page.find(id, using=self._target, fresh=True)
        self._check(page, copy)
        lists = {each.id: each for each in copy.lists}
        for original in included(page.lists):
            found = lists[self._id("list", original.id)]
            wanted = [self._id("item", item.id) for item in with_text(original.items)]
            present = [item.id for item in found.items]
            own = set(wanted)
            others = [item for item in present if item not in own]
            if [item for item in present if item in own] != wanted:
                found.items.reorder([*wanted, *others])
        order = []
        by_widget = {(each.type, each.widget_id): each for each in copy.belongings}
        for widget in widgets(page):
            type = widget._element if isinstance(widget, Note | List | Separator) else ""
            if type:
                copied = self._id(type, widget.id)
                order.append(by_widget[type.title(), copied])
        placed = {each.id for each in order}
        rest = [each for each in copy.belongings if each.id not in placed]
        if [*order, *rest] != [*copy.belongings]:
            copy.reorder([*order, *rest])

    def _id(self, type: str, id: int) -> int:
        found = self._journal.outcome(f"{type}:{id}")
        assert found is not None
        return found

    # --- reminders ----------------------------------------------------------------------------

    def _create_reminders(self) -> None:
        upcoming = upcoming_reminders(self._plan.snapshot, self._now)
        wanted = [each for each in upcoming if each.id in self._plan.reminders]
        if wanted:
            known = {each.id for each in Reminder.all(using=self._target, fresh=True)}
            for reminder in wanted:
                known.add(self._create_reminder(reminder, known))

    def _create_reminder(self, reminder: Reminder, known: set[int]) -> int:
        content = reminder.content
        moment = in_utc(reminder.remind_at, self._plan.snapshot.time_zone)

        def equal() -> Iterable[Reminder]:
            found = Reminder.all(using=self._target, fresh=True)
            return (each for each in found if each.content == content and _is_at(each, moment))

        return create_once(
            self._journal,
            f"reminder:{reminder.id}",
            siblings=known,
            equal=equal,
            create=lambda: (
                Reminder.create(content=content, remind_at=moment, using=self._target).id
            ),
        )


def _is_at(reminder: Reminder, moment: datetime | None) -> bool:
    """Return whether a reminder of the target is due at a moment. See `is_earlier` for requests."""
    due, connection = reminder.remind_at, reminder.connection
    if due is None or moment is None:
        return due is moment
    return not (is_earlier(due, moment, connection) or is_earlier(moment, due, connection))
