"""Items of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli import rows
from backpack_orm.cli.common import asks_first, command, group
from backpack_orm.cli.finding import PAGE, by_id_or_text, find_on, find_page, items_of
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import typed
from backpack_orm.plurals import counted

if TYPE_CHECKING:
    from backpack_orm import Item, Page, PageItem

item = group(
    "item",
    "Add, edit, complete, move and delete items.",
    examples=["backpack item add Lisbon Sunscreen", "backpack item done Lisbon Sunscreen"],
)
page_argument = click.argument("page", type=PAGE)
item_argument = click.argument("item")
list_option = click.option("--list", "list_", metavar="LIST", help="Id or name of a list.")


def add_items(state: State, page: str, text: Sequence[str], list_: str | None) -> None:
    """Add items to a page: the words are one item, each line of standard input is another."""
    made: list[Item | PageItem] = []
    with typed(state, text, what="text of the item", extension=".txt") as given:
        state.connect()
        found = find_page(page)
        parent = find_on(found, "lists", list_) if list_ is not None else None
        lines = given.text().splitlines() if given.is_piped else [given.text()]
        contents = [each for each in lines if each.strip()]
        for position, content in enumerate(contents):
            given.unsaved = "\n".join(contents[position:])
            if parent is not None:
                made.append(parent.items.create(content=content))
            else:
                made.append(backpack_orm.PageItem.create(page=found, content=content))
    if len(made) == 1:
        message = f"Added the item {made[0].id} to {found.title!r}."
        state.output.done(message, rows.ITEM, rows.of_item(made[0], found))
    else:
        state.output.rows(
            rows.ITEM,
            [rows.of_item(each, found) for each in made],
            hidden=("list_id", "page_id"),
            summary=lambda count: f"Added {counted(count, 'item')} to {found.title!r}.",
        )


_ADD_HELP = """Add an item to a page.

    It goes to the first list of the page, or to --list. `-` is standard input, each line of which
    becomes an item. Makes two requests, and one more with --list.
    """


@item.command(
    "add",
    help=_ADD_HELP,
    examples=[
        "backpack item add Lisbon Sunscreen",
        "backpack item add Lisbon 'Pastéis de nata' --list 'Not to be missed'",
        "backpack item add Groceries - < groceries.txt",
    ],
)
@page_argument
@click.argument("text", nargs=-1)
@list_option
@pass_state
def add(state: State, page: str, text: Sequence[str], list_: str | None) -> None:
    add_items(state, page, text, list_)


@command(
    "add",
    help=_ADD_HELP,
    examples=["backpack add Lisbon Sunscreen", "backpack add Groceries - < groceries.txt"],
)
@page_argument
@click.argument("text", nargs=-1)
@list_option
@pass_state
def shortcut_add(state: State, page: str, text: Sequence[str], list_: str | None) -> None:
    add_items(state, page, text, list_)


@item.command("edit", examples=["backpack item edit Lisbon 'Sun hat' Straw hat"])
@page_argument
@item_argument
@click.argument("text", nargs=-1)
@pass_state
def edit(state: State, page: str, item: str, text: Sequence[str]) -> None:
    """Change the text of an item, which is named by its id or exact text.

    Without TEXT, an editor opens; `-` is standard input.
    """
    with typed(state, text, what="text of the item", extension=".txt") as given:
        state.connect()
        on = find_page(page, exact=True)
        found = find_on(on, "items", item, exact=True)
        found.content = given.text(found.content)
        saved = found.save()
    state.output.saved(saved, f"Saved the item {found.id}.", rows.ITEM, rows.of_item(found, on))


@item.command(
    "done", examples=["backpack item done Lisbon 'Sun hat'", "backpack item done Lisbon sun walk"]
)
@page_argument
@click.argument("items", nargs=-1, required=True)
@pass_state
def done(state: State, page: str, items: Sequence[str]) -> None:
    """Complete items of a page, each named by its id or a part of its text."""
    state.connect()
    on = find_page(page)
    complete(state, [(on, _open_first(on, name)) for name in items], is_done=True)


@item.command("reopen", examples=["backpack item reopen Lisbon Passports"])
@page_argument
@click.argument("items", nargs=-1, required=True)
@pass_state
def reopen(state: State, page: str, items: Sequence[str]) -> None:
    """Open completed items of a page again, each named by its id or a part of its text."""
    state.connect()
    on = find_page(page)
    complete(state, [(on, find_on(on, "items", name)) for name in items], is_done=False)


@command(
    "done",
    examples=[
        "backpack done 40000012",
        "backpack done 'Sun hat' --page Lisbon",
        "backpack todos | fzf -m | cut -f1 | xargs -r backpack done",
    ],
)
@click.argument("items", nargs=-1, required=True)
@click.option("--page", type=PAGE, help="Look on this page only.")
@pass_state
def shortcut_done(state: State, items: Sequence[str], page: str | None) -> None:
    """Complete items, each named by its id or a part of its text.

    Without --page, looks on all pages, with three requests. Completing an item makes two.
    """
    state.connect()
    if page is not None:
        pages = [find_page(page)]
    else:
        with progress(state) as report:
            pages = list(backpack_orm.Page.all(load=True, progress=report))
    places = {each: on for on in pages for each in items_of(on)}
    found = [_open_first_of(list(places), name) for name in items]
    complete(state, [(places[each], each) for each in found], is_done=True)


def complete(state: State, items: Sequence[tuple[Page, Item | PageItem]], *, is_done: bool) -> None:
    """Complete or reopen items that were all found before, and print them."""
    for _, each in items:
        each.complete() if is_done else each.reopen()
    state.output.rows(
        rows.ITEM,
        [rows.of_item(each, on) for on, each in items],
        hidden=("list_id", "page_id"),
        summary="Completed." if is_done else "Open again.",
    )


def _open_first(page: Page, name: str) -> Item | PageItem:
    return _open_first_of(items_of(page), name)


def _open_first_of(items: Sequence[Item | PageItem], name: str) -> Item | PageItem:
    """Return the item that a name means, among the open ones if there is one."""
    open_items = [each for each in items if not each.completed]
    names_an_open_one = any(
        name.removeprefix("id:") == str(each.id) or name.casefold() in each.content.casefold()
        for each in open_items
    )
    return by_id_or_text(
        open_items if names_an_open_one else items, name, lambda each: each.content, "item"
    )


@item.command(
    "move",
    examples=["backpack item move Lisbon 'Sun hat' top", "backpack item move Lisbon 40000013 down"],
)
@page_argument
@item_argument
@click.argument("where", type=click.Choice(["up", "down", "top", "bottom"]))
@pass_state
def move(state: State, page: str, item: str, where: str) -> None:
    """Move an item within its list."""
    state.connect()
    on = find_page(page)
    found = find_on(on, "items", item)
    moves = {
        "up": found.move_higher,
        "down": found.move_lower,
        "top": found.move_to_top,
        "bottom": found.move_to_bottom,
    }
    moves[where]()
    state.output.done(f"Moved the item {found.id}: {where}.", rows.ITEM, rows.of_item(found, on))


@item.command("delete", examples=["backpack item delete Lisbon 'Sun hat' --yes"])
@page_argument
@item_argument
@asks_first
@pass_state
def delete(state: State, page: str, item: str) -> None:
    """Destroy an item, which is named by its id or exact text."""
    state.connect()
    on = find_page(page, exact=True)
    found = find_on(on, "items", item, exact=True)
    row = rows.of_item(found, on)
    state.confirm(f"Destroy the item {found.content!r} on {on.title!r}?")
    found.destroy()
    state.output.done(f"Destroyed the item {row['id']}.", rows.ITEM, row)
