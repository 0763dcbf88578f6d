"""`archive todos` and `archive search`: what an archive contains, without the service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from backpack_orm.cli import rows
from backpack_orm.cli.commands.archive.opening import (
    archive_option,
    existing_archive,
    explained,
    incomplete_pages,
    snapshot_of,
    snapshot_option,
)
from backpack_orm.cli.commands.search import FIELDS, match_row
from backpack_orm.cli.commands.todos import open_items
from backpack_orm.cli.common import command
from backpack_orm.cli.formats import counted
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm import Page
    from backpack_orm.archive.searching import Result
    from backpack_orm.cli.formats import Row


@command(
    "todos",
    examples=["backpack archive todos", "backpack archive todos --archive old | grep Packing"],
)
@archive_option
@snapshot_option
@pass_state
def todos(state: State, location: str | None, point: str | None) -> None:
    """List the open items of all pages in a snapshot, as `backpack todos` does.

    Makes no request.
    """
    from backpack_orm.archive.conversions.source import lacks_contents

    pages = _pages(state, location, point)
    state.output.rows(
        rows.ITEM,
        open_items([page for page in pages if not lacks_contents(page)]),
        hidden=("completed", "list_id", "page_id"),
        summary=counted("open item"),
        empty="Everything was done.",
    )


@command(
    "search",
    examples=["backpack archive search tram", "backpack archive search tram --archive old"],
)
@click.argument("term", nargs=-1, required=True)
@archive_option
@snapshot_option
@pass_state
def search(state: State, term: Sequence[str], location: str | None, point: str | None) -> None:
    """Search all pages in a snapshot for a term, as `backpack search` does.

    Makes no request.
    """
    from backpack_orm.archive.searching import TextIndex

    wanted = " ".join(term)
    found = TextIndex(_pages(state, location, point)).search(wanted)
    state.output.rows(
        FIELDS, _matches(found, wanted), hidden=("page_id",), summary=counted("match")
    )


def _pages(state: State, location: str | None, point: str | None) -> list[Page]:
    """Return the pages of a snapshot, and warn of those that lack something."""
    from backpack_orm.archive.conversions.source import loaded_pages
    from backpack_orm.orm.operations.progress import reporter

    with explained(), progress(state) as report:
        snapshot = snapshot_of(existing_archive(state, location), point)
        pages = list(loaded_pages(snapshot, reporter(report), "reading pages"))
    for line in incomplete_pages(snapshot):
        state.output.warn(line)
    return pages


def _matches(found: Sequence[Result], term: str) -> Iterator[Row]:
    from backpack_orm.models.excerpts import excerpt
    from backpack_orm.models.match import RELATIONS, texts_of

    for page, matches in ((each.page, each.matches) for each in found):
        if not matches:  # only the title contains the term
            yield match_row(page, page.id, "page", page.title)
        for type, id in matches:
            record = getattr(page, RELATIONS[type]).find(id)
            yield match_row(page, id, type, excerpt(texts_of(record), term))
