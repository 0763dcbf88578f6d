"""Display in a terminal with the rich library."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console

from backpack_orm import Collection, Connection, Email, Export, Item, List, NotFound, Page, Reminder
from backpack_orm.sandbox import Sandbox


@pytest.fixture
def page(connection: Connection) -> Page:
    return Page.find(Page.all()[0].id)


def printed(value: object, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(value)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    return text


def test_a_result_is_printed_with_its_counts(page: Page) -> None:
    lines = printed(page.notes.update(title="x")).splitlines()
    assert lines[0].startswith("╭─ Result ─")
    assert [line.split()[1:-1] for line in lines[1:3]] == [["succeeded", "2"], ["failed", "0"]]


def test_a_page_is_printed_in_page_order(page: Page, box: Sandbox) -> None:
    before = box.requests
    text = printed(page)
    marks = [
        "Page: Lisbon",
        "[Travel]",
        "Where we sleep",
        "☐ Walking shoes",
        "☑ Passports",
        "On the way",
        "tram.jpg",
        "itinerary.pdf",
        "Your reservation",
        f"id {page.id}",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert box.requests == before


def test_attributes_that_are_not_loaded_are_listed(connection: Connection, box: Sandbox) -> None:
    listed = Page.all()[0]
    names = List.all(page=listed)
    before = box.requests
    assert "not loaded yet" in printed(listed)
    assert "Not loaded yet" in printed(listed.notes)
    assert ".items loads it" in printed(names[0])
    assert box.requests == before


def test_a_collection_is_a_table(connection: Connection) -> None:
    text = printed(Item.all())
    assert f"{len(Item.all())} items" in text
    assert "The first 20 of" in text
    narrow = printed(Page.all(load=True), width=60)
    assert all(str(page.id) in narrow for page in Page.all())
    assert "0 pages" in printed(Collection(Page, []))


def test_changes_stats_and_errors_are_printed(page: Page, connection: Connection) -> None:
    page.title = "Porto"
    assert "Porto" in printed(page.changes)
    assert "not saved: title" in printed(page)
    assert "POST /ws/pages/all" in printed(connection.stats)
    error = printed(NotFound("no such page", verb="POST", path="/ws/page/7", status=404))
    assert "no such page" in error
    assert "POST /ws/page/7" in error


def test_other_records_are_printed(page: Page) -> None:
    assert "creator" in printed(Reminder.all()[0])
    assert "Dona Célia" in printed(Email.find_by(page=page, subject="Your reservation"))


def test_text_is_not_interpreted_as_markup_or_control_characters(connection: Connection) -> None:
    text = printed(Page(title="[red]x[/red] \x1b[2J", description="[bold]y\r\nz\x07"))
    assert "[red]x[/red]" in text
    assert "[bold]y" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_long_list_is_truncated() -> None:
    what = List(page=Page(title="P"), name="Long")
    items = Collection(Item, [Item(list=what, content=f"item {n}") for n in range(30)])
    assert "item 19" in printed(items)
    assert "item 20" not in printed(items)


def test_long_titles_and_items_are_truncated() -> None:
    what = List(page=Page(title="P"), name="Long")
    items = Collection(Item, [Item(list=what, content="word " * 10_000)])
    assert len(printed(items)) < 1_000
    page = Export.read(
        f"<page id='71' title='{'Lisbon ' * 2_000}'><lists><list id='4' name='L'><items>"
        f"<item id='5'>{'word ' * 10_000}</item></items></list></lists></page>".encode()
    ).pages[0]
    assert len(printed(page)) < 6_000


@pytest.mark.parametrize(
    "module",
    [
        "IPython",
        "pandas",
        "rich",
        "textile",
        "nh3",
        "backpack_orm.display",
        "backpack_orm.text.document",
        "backpack_orm.orm.queries.frames",
    ],
)
def test_display_modules_are_imported_on_first_use(module: str) -> None:
    code = f"import sys, backpack_orm; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
