"""Separators of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from backpack_orm.cli import rows
from backpack_orm.cli.common import asks_first, group
from backpack_orm.cli.finding import PAGE, find_on, find_page
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm import Separator
    from backpack_orm.cli.formats import Row

separator = group(
    "separator",
    "Add, rename and delete separators.",
    examples=["backpack separator add Lisbon Evenings"],
)
page_argument = click.argument("page", type=PAGE)
separator_argument = click.argument("separator")


@separator.command("add", examples=["backpack separator add Lisbon Evenings"])
@page_argument
@click.argument("name", nargs=-1)
@pass_state
def add(state: State, page: str, name: Sequence[str]) -> None:
    """Add a line across a page, with or without a name."""
    state.connect()
    found = find_page(page)
    made = found.separators.create(name=" ".join(name))
    state.output.done(
        f"Added the separator {made.id} to {found.title!r}.", rows.SEPARATOR, _row(made)
    )


@separator.command("rename", examples=["backpack separator rename Lisbon 'On the way' Trains"])
@page_argument
@separator_argument
@click.argument("name", nargs=-1, required=True)
@pass_state
def rename(state: State, page: str, separator: str, name: Sequence[str]) -> None:
    """Give a separator another name. SEPARATOR is its id or exact name."""
    state.connect()
    found = find_on(find_page(page, exact=True), "separators", separator, exact=True)
    found.name = " ".join(name)
    saved = found.save()
    state.output.saved(
        saved, f"Renamed the separator to {found.name!r}.", rows.SEPARATOR, _row(found)
    )


@separator.command("delete", examples=["backpack separator delete Lisbon 'On the way' --yes"])
@page_argument
@separator_argument
@asks_first
@pass_state
def delete(state: State, page: str, separator: str) -> None:
    """Destroy a separator, and nothing below it. SEPARATOR is its id or exact name."""
    state.connect()
    found = find_on(find_page(page, exact=True), "separators", separator, exact=True)
    row = _row(found)
    state.confirm(f"Destroy the separator {found.name or found.id!r} on {row['page']!r}?")
    found.destroy()
    state.output.done(f"Destroyed the separator {row['id']}.", rows.SEPARATOR, row)


def _row(found: Separator) -> Row:
    return {
        "id": found.id,
        "name": found.name,
        "page_id": found.page.id,
        "page": found.page.title,
    }
