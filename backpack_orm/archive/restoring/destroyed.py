"""Copies that somebody has destroyed on the target after a restore created them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backpack_orm.archive.conversions.widgets import included
from backpack_orm.archive.restoring.journal import RestoreJournal
from backpack_orm.archive.restoring.selection import steps_on
from backpack_orm.errors import ArchiveError, short_repr
from backpack_orm.models.page import Page


def destroyed_on(page: Page, copy: Page, journal: RestoreJournal) -> list[str]:
    """Return the steps of a page whose records the journal knows and the target no longer has.

    Args:
        page: The original.
        copy: Its copy, just read.
        journal: What was created.
    """
    present = {
        "page": {copy.id},
        "note": {each.id for each in copy.notes},
        "list": {each.id for each in copy.lists},
        "item": {item.id for each in copy.lists for item in each.items},
        "separator": set(separators_on(copy)),
    }
    present["unlisted"] = present["list"]
    return [
        step
        for step in steps_on(page)
        if (id := journal.outcome(step)) is not None and id not in present[step.partition(":")[0]]
    ]


def separators_on(page: Page) -> Iterator[int]:
    """Yield the ids of the separators of a page, which most responses name as belongings only."""
    for each in included(page.belongings):
        if each.type == "Separator" and each.widget_id is not None:
            yield each.widget_id


def destroyed(steps: Iterable[str], titles: dict[int, str], target: str) -> ArchiveError:
    """Return the error for copies that were destroyed, with the way to continue.

    Args:
        steps: What was created, such as `note:301`.
        titles: Titles of the pages that it belongs to, by id.
        target: Address of the account.
    """
    gone = [step.replace(":", " ").replace("unlisted", "the list of page") for step in steps]
    some = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
    pages = ", ".join(f"{id} ({short_repr(title)})" for id, title in [*titles.items()][:3])
    what = f"the copies of {some}" if gone else "something"
    return ArchiveError(
        f"{what} on page {pages} were destroyed or moved on {target} since they were restored, "
        "and a restore does not undo that. To go on without a page, leave it out of pages=; to "
        f"create it anew, destroy what is left of its copy, and plan with pages={[*titles]}, "
        "another journal= and again=True"
    )
