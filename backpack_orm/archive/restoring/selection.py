"""What of a snapshot is restored: the selected pages, and what of them can be created."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from backpack_orm.archive.conversions.source import (
    available,
    in_utc,
    lacks_contents,
    loaded_pages,
)
from backpack_orm.archive.conversions.widgets import files_on, included, unlisted_items, widgets
from backpack_orm.archive.snapshot import Snapshot
from backpack_orm.errors import NotFound, ValidationError, did_you_mean, short_repr
from backpack_orm.models.belonging import Belonging
from backpack_orm.models.email import Email
from backpack_orm.models.gallery import Gallery
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.reminder import Reminder
from backpack_orm.models.separator import Separator
from backpack_orm.orm.operations.progress import Progress

_UNTITLED = "Untitled"
_IMPOSSIBLE = {Email: "email", Gallery: "gallery", Belonging: "other part"}


def title_of_copy(title: str) -> str:
    """Return the title of the copy of a page. The service refuses titles without a character.

    >>> title_of_copy("Lisbon"), title_of_copy(" ")
    ('Lisbon', 'Untitled')
    """
    return title if title.strip() else _UNTITLED


def select_pages(
    snapshot: Snapshot,
    pages: Iterable[str | int] | None,
    tags: Iterable[str] | None,
    report: Progress,
) -> dict[int, str]:
    """Return the titles of the pages to restore, by id and in the order of their creation.

    Args:
        snapshot: The snapshot.
        pages: Titles or ids of pages.
        tags: Names of tags: pages with any of them. With neither pages nor tags, all pages.
        report: Called for each page that is read.

    Raises:
        ValidationError: Pages or tags are a single text instead of a list.
        NotFound: A page or a tag does not exist, or several pages have the title.
    """
    for name, value in (("pages", pages), ("tags", tags)):
        if isinstance(value, str):
            raise ValidationError(f"plan(): {name} takes a list, not {short_repr(value)}")
    titles = {page.id: page.title for page in snapshot.pages}
    wanted = {_page_named(each, titles) for each in pages or ()}
    if tags is not None:
        tagged: dict[str, set[int]] = {}
        for page in loaded_pages(snapshot, report, "reading tags"):
            for tag in included(page.tags):
                tagged.setdefault(tag.name, set()).add(page.id)
        for name in tags:
            if name not in tagged:
                hint = did_you_mean(name, tagged)
                raise NotFound(f"{snapshot!r} has no tag {short_repr(name)}{hint}")
            wanted |= tagged[name]
    if pages is None and tags is None:
        wanted = set(titles)
    return {id: titles[id] for id in sorted(titles) if id in wanted}


def _page_named(wanted: str | int, titles: dict[int, str]) -> int:
    found = [id for id, title in titles.items() if wanted in (id, title)]
    if not found:
        hint = did_you_mean(str(wanted), titles.values())
        raise NotFound(f"there is no page {short_repr(wanted)}{hint}")
    if len(found) > 1:
        ids = ", ".join(map(str, found))
        raise NotFound(f"several pages have the title {short_repr(wanted)}: pass an id of {ids}")
    return found[0]


def steps_on(page: Page) -> Iterator[str]:
    """Yield the steps that create a page and what is on it, see `RestoreJournal.begin`.

    Items without a text are left out, since the service refuses them.
    """
    yield f"page:{page.id}"
    for widget in widgets(page):
        if isinstance(widget, Note):
            yield f"note:{widget.id}"
        elif isinstance(widget, Separator):
            yield f"separator:{widget.id}"
        elif isinstance(widget, List):
            yield f"list:{widget.id}"
            yield from (f"item:{item.id}" for item in with_text(widget.items))
    if unlisted := with_text(unlisted_items(page)):
        yield f"unlisted:{page.id}"
        yield from (f"item:{item.id}" for item in unlisted)


def with_text(items: Iterable[Item | PageItem]) -> list[Item | PageItem]:
    """Return the items with a text."""
    return [item for item in items if item.content.strip()]


def upcoming_reminders(snapshot: Snapshot, now: datetime) -> list[Reminder]:
    """Return the reminders that can be restored: those that are not past."""
    return [
        reminder
        for reminder in available(lambda: snapshot.reminders)
        if reminder.remind_at and _is_after(reminder.remind_at, now, snapshot.time_zone)
    ]


def _is_after(moment: datetime, now: datetime, time_zone: str | None) -> bool:
    aware = in_utc(moment, time_zone or "UTC")
    return aware is not None and aware > now


def left_on(page: Page) -> Counter[str]:
    """Return how many records of which type a page has that no restore can create."""
    left: Counter[str] = Counter(file=len([*files_on(page)]), contents=lacks_contents(page))
    left["linked pages"] = not page.linked_pages.is_loaded
    items = [*unlisted_items(page)]
    for widget in widgets(page):
        if isinstance(widget, Note):
            left["comment"] += len([*included(widget.messages)])
        elif isinstance(widget, List):
            items += widget.items
        elif name := _IMPOSSIBLE.get(type(widget)):
            left[name] += 1
    left["empty item"] = len(items) - len(with_text(items))
    left["comment"] += sum(len([*included(item.messages)]) for item in items)
    return left
