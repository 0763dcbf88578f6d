"""Tags of pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli.common import asks_first, group
from backpack_orm.cli.exit_codes import ExitCode
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.finding import PAGE, TAG, find_page
from backpack_orm.cli.formats import counted
from backpack_orm.cli.progress import progress
from backpack_orm.cli.state import State, pass_state

if TYPE_CHECKING:
    from backpack_orm import Page

FIELDS = ("id", "name", "pages")
ON_PAGE = ("page_id", "page", "tags")

tag = group(
    "tag",
    "List, add, remove and set tags.",
    examples=["backpack tag list", "backpack tag add Lisbon Summer"],
)
page_argument = click.argument("page", type=PAGE)


@tag.command("list", examples=["backpack tag list", "backpack tag list Lisbon"])
@click.argument("page", type=PAGE, required=False)
@pass_state
def list_(state: State, page: str | None) -> None:
    """List the tags of a page; without PAGE, all tags with the number of their pages.

    Makes three requests to read all pages, or two for one page.
    """
    from backpack_orm.cli import titles

    state.connect()
    if page is not None:
        pages = [find_page(page)]
    else:
        with progress(state) as report:
            pages = list(backpack_orm.Page.all(load=True, progress=report))
    tags = {each.id: each.name for found in pages for each in found.tags}
    counts = Counter(each.id for found in pages for each in found.tags)
    if page is None:
        titles.remember_tags(tags.items())
    found = [{"id": id, "name": name, "pages": counts[id]} for id, name in tags.items()]
    found.sort(key=lambda row: str(row["name"]).casefold())
    state.output.rows(FIELDS if page is None else FIELDS[:2], found, summary=counted("tag"))


@tag.command("add", examples=["backpack tag add Lisbon Summer", "backpack tag add 71 'Sea side'"])
@page_argument
@click.argument("names", type=TAG, nargs=-1, required=True)
@pass_state
def add(state: State, page: str, names: Sequence[str]) -> None:
    """Add tags to a page. Makes three requests."""
    state.connect()
    found = find_page(page)
    _save(state, found, [*_names(found), *names])


@tag.command("remove", examples=["backpack tag remove Lisbon Summer"])
@page_argument
@click.argument("names", type=TAG, nargs=-1, required=True)
@pass_state
def remove(state: State, page: str, names: Sequence[str]) -> None:
    """Remove tags from a page. Makes three requests."""
    state.connect()
    found = find_page(page, exact=True)
    before = _names(found)
    missing = [name for name in names if name not in before]
    if missing:
        raise CommandError(
            f"{found.title!r} has no tag {missing[0]!r}",
            ExitCode.NOT_FOUND,
            hint=f"Its tags: {', '.join(before) or 'none'}.",
        )
    _save(state, found, [name for name in before if name not in names])


@tag.command("set", examples=["backpack tag set Lisbon Travel Summer", "backpack tag set Lisbon"])
@page_argument
@click.argument("names", type=TAG, nargs=-1)
@asks_first
@pass_state
def set_(state: State, page: str, names: Sequence[str]) -> None:
    """Replace all tags of a page; without NAMES, remove all.

    Asks first if the page loses tags.
    """
    state.connect()
    found = find_page(page, exact=True)
    lost = [name for name in _names(found) if name not in names]
    if lost:
        state.confirm(f"Remove the tags {', '.join(map(repr, lost))} from {found.title!r}?")
    _save(state, found, names)


def _names(page: Page) -> list[str]:
    return [each.name for each in page.tags]


def _save(state: State, page: Page, names: Iterable[str]) -> None:
    page.tags = list(dict.fromkeys(names))
    saved = page.save()
    tags = _names(page) if not state.dry_run else []
    row = {"page_id": page.id, "page": page.title, "tags": tags}
    message = f"{page.title!r} has the tags: {', '.join(tags) or 'none'}."
    state.output.saved(saved, message, ON_PAGE, row)
