"""The plugin for mypy finds what is misspelled in conditions and orders."""

from __future__ import annotations

from pathlib import Path

from tests.typing.checkers import errors_in

PROGRAM = """\
from __future__ import annotations
from datetime import date
from typing import Any, TypeVar
from backpack_orm import Collection, Item, JournalEntry, Note, Page, Tag
from backpack_orm.orm.declarations import HasMany

class TripNote(Note):
    rating: int = 0

class Trip(Page):
    notes = HasMany(TripNote)

P = TypeVar("P", bound=Page)

def generic(pages: Collection[P]) -> None:
    pages.where(titel="x")  # Page has no field 'titel'

def program(page: Page, trip: Trip, pages: Collection[Page], by: dict[str, Any]) -> None:
    Page.where(title="x", id__in=[7], tags__name="x", lists__items__completed=False)
    Page.where(titel="x")  # Page has no field 'titel'; did you mean 'title'?
    Page.where(title="x", titel="x")  # Page has no field 'titel'; did you mean 'title'?
    Page.where(title__containz="x")  # there is no lookup 'containz' in 'title__containz'
    Page.where(tags__nme="x")  # Tag has no field 'nme'; did you mean 'name'?
    Page.where(lists__items__complete=True)  # did you mean 'completed'?
    Page.where(notes__created_at__yaer=2026)  # there is no lookup 'yaer'
    Page.where(notes__created_at__year__gte=2026, fresh=True)
    Page.exclude(titel="x")  # Page has no field 'titel'
    Page.get(titel="x")  # Page has no field 'titel'
    Page.find_by(titel="x")  # Page has no field 'titel'
    Page.first(titel="x")  # Page has no field 'titel'
    Page.last(titel="x")  # Page has no field 'titel'
    Page.exists(titel="x")  # Page has no field 'titel'
    Page.count(titel="x")  # Page has no field 'titel'
    Page.get_or_create(titel="x")  # Page has no field 'titel'
    Page.get_or_create(title="x", defaults={"description": "y"})
    Page.update_or_create(titel="x")  # Page has no field 'titel'
    Page.where(**by)
    Trip.where(titel="x")  # Page has no field 'titel'
    type(page).where(titel="x")  # Page has no field 'titel'
    Note.where(page=page, title="x", created_at__gte=date(2026, 5, 1))
    Note.where(page=page, titel="x")  # Note has no field 'titel'
    Item.where(list=page.lists[0], page__title="x")
    Item.where(list=page.lists[0], page__titel="x")  # Page has no field 'titel'
    Tag.where(page__lists__items__content="x")
    JournalEntry.where(since=date(2026, 5, 1), user=7, body="x")
    page.notes.where(titel="x")  # Note has no field 'titel'
    page.notes.get_or_create(titel="x")  # Note has no field 'titel'
    page.tags.where(nme="x")  # Tag has no field 'nme'
    page.lists["x"].items.count(contend="x")  # Item has no field 'contend'
    trip.notes.exclude(titel="x")  # Note has no field 'titel'
    pages.where(title="x").where(titel="x")  # Page has no field 'titel'
    pages.order_by("title", "-titel", lambda page: page.id)  # Page has no field 'titel'
    page.notes.order_by("-page__title", "titel")  # Note has no field 'titel'
    page.notes.order_by("page__notes__title")  # which leads to several records
"""


def test_the_plugin_finds_misspelled_conditions(tmp_path: Path) -> None:
    wanted = {
        number: line.partition("  # ")[2]
        for number, line in enumerate(PROGRAM.splitlines(), 1)
        if "  # " in line
    }
    found = errors_in(PROGRAM, "mypy", tmp_path)
    assert found.keys() == wanted.keys()
    assert [error for number, error in found.items() if wanted[number] not in error] == []
