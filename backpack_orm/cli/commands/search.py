"""Searching all pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli.common import command
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm import Page
    from backpack_orm.cli.formats import Row

FIELDS = ("id", "type", "page_id", "page", "excerpt")


@command("search", examples=["backpack search tram", "backpack search tram --pages --ids"])
@click.argument("term", nargs=-1, required=True)
@click.option("--pages", "only_pages", is_flag=True, help="List the pages only.")
@pass_state
def search(state: State, term: Sequence[str], only_pages: bool) -> None:
    """Search all pages for a term, and show where it was found.

    Makes one request, and one for each page with a match, for the excerpts; with --pages only one.
    `backpack archive search` searches an archive.
    """
    state.connect()
    found = backpack_orm.Page.search(" ".join(term))
    rows = (_page(page) for page in found) if only_pages else _matches(found)
    state.output.rows(
        FIELDS[:1] + FIELDS[3:4] if only_pages else FIELDS,
        rows,
        hidden=("page_id",),
        summary=counted("page") if only_pages else counted("match"),
    )


def _page(page: Page) -> Row:
    return {"id": page.id, "page": page.title}


def _matches(pages: Sequence[Page]) -> Iterator[Row]:
    for page in pages:
        if not page.matches:  # only the title contains the term
            yield match_row(page, page.id, "page", page.title)
        for match in page.matches:
            yield match_row(page, match.id, match.type, match.excerpt)


def match_row(page: Page, id: int, kind: str, excerpt: str) -> Row:
    """Return a record on a page that contains the term."""
    return {
        "id": id,
        "type": kind,
        "page_id": page.id,
        "page": page.title,
        "excerpt": excerpt,
    }
