"""Lists of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from backpack_orm.cli import rows
from backpack_orm.cli.common import asks_first, group
from backpack_orm.cli.finding import PAGE, find_on, find_page
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from rich.console import RenderableType

lists = group(
    "list",
    "Add, show, rename and delete lists.",
    examples=["backpack list add Lisbon 'Hand luggage'", "backpack list show Lisbon Packing"],
)
page_argument = click.argument("page", type=PAGE)
list_argument = click.argument("list_", metavar="LIST")


@lists.command("add", examples=["backpack list add Lisbon 'Hand luggage'"])
@page_argument
@click.argument("name", nargs=-1)
@pass_state
def add(state: State, page: str, name: Sequence[str]) -> None:
    """Add a list to a page."""
    state.connect()
    found = find_page(page)
    made = found.lists.create(name=" ".join(name))
    row = {"id": made.id, "name": made.name, "open": 0, "completed": 0}
    row |= {"page_id": found.id, "page": found.title}
    state.output.done(f"Added the list {made.id} to {found.title!r}.", rows.LIST, row)


@lists.command(
    "show", examples=["backpack list show Lisbon", "backpack list show Lisbon Packing --open"]
)
@page_argument
@click.argument("list_", metavar="[LIST]", required=False)
@click.option("--open", "only_open", is_flag=True, help="Only open items.")
@pass_state
def show(state: State, page: str, list_: str | None, only_open: bool) -> None:
    """Show the items of a list; without LIST, the lists of the page."""
    state.connect()
    on = find_page(page)
    if list_ is None:
        state.output.rows(
            rows.LIST,
            map(rows.of_list, on.lists),
            hidden=("page_id", "page"),
            summary=counted("list"),
        )
        return
    found = find_on(on, "lists", list_)
    items = [rows.of_item(each, on) for each in found.items if not (only_open and each.completed)]

    def view() -> RenderableType:
        from backpack_orm.cli import views

        return views.checklist(found.name, items)

    state.output.rows(rows.ITEM, items, summary=counted("item"), view=view)


@lists.command("rename", examples=["backpack list rename Lisbon Packing 'To pack'"])
@page_argument
@list_argument
@click.argument("name", nargs=-1, required=True)
@pass_state
def rename(state: State, page: str, list_: str, name: Sequence[str]) -> None:
    """Give a list another name. LIST is its id or exact name."""
    state.connect()
    found = find_on(find_page(page, exact=True), "lists", list_, exact=True)
    found.name = " ".join(name)
    saved = found.save()
    state.output.saved(
        saved, f"Renamed the list to {found.name!r}.", rows.LIST, rows.of_list(found)
    )


@lists.command("delete", examples=["backpack list delete Lisbon Packing --yes"])
@page_argument
@list_argument
@asks_first
@pass_state
def delete(state: State, page: str, list_: str) -> None:
    """Destroy a list with its items. LIST is its id or exact name."""
    state.connect()
    found = find_on(find_page(page, exact=True), "lists", list_, exact=True)
    row = rows.of_list(found)
    items = counted("item")(len(found.items))
    state.confirm(f"Destroy the list {found.name or found.id!r} with {items}?")
    found.destroy()
    state.output.done(f"Destroyed the list {row['id']}.", rows.LIST, row)
