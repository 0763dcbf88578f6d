"""Open items of all pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli import rows
from backpack_orm.cli.common import command
from backpack_orm.cli.finding import PAGE, TAG, find_page, items_of, with_tag
from backpack_orm.cli.formats import counted
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm import Page
    from backpack_orm.cli.formats import Row


@command(
    "todos",
    examples=[
        "backpack todos",
        "backpack todos --tag Travel",
        "backpack todos | fzf | cut -f1",
        "backpack todos -o json",
    ],
)
@click.option("--page", type=PAGE, help="Only items on this page.")
@click.option("--tag", type=TAG, help="Only items on pages with this tag.")
@pass_state
def todos(state: State, page: str | None, tag: str | None) -> None:
    """List the open items of all pages.

    Makes three requests, however many pages there are. `backpack archive todos` lists those in an
    archive.
    """
    state.connect()
    if page is not None:
        pages = [find_page(page)]
    else:
        with progress(state) as report:
            pages = list(backpack_orm.Page.all(load=True, progress=report))
    if tag is not None:
        pages = with_tag(pages, tag)
    state.output.rows(
        rows.ITEM,
        open_items(pages),
        hidden=("completed", "list_id", "page_id"),
        summary=counted("open item"),
        empty="Everything is done.",
    )


def open_items(pages: list[Page]) -> Iterator[Row]:
    """Yield the open items of loaded pages."""
    for page in pages:
        for item in items_of(page):
            if not item.completed:
                yield rows.of_item(item, page)
