"""Pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import backpack_orm
from backpack_orm.cli import rows
from backpack_orm.cli.common import asks_first, group
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.finding import PAGE, TAG, find_page, with_tag
from backpack_orm.cli.formats import counted
from backpack_orm.cli.state import State, pass_state
from backpack_orm.cli.texts import typed

if TYPE_CHECKING:
    from rich.console import RenderableType

page = group(
    "page",
    "List, show, create, change and share pages.",
    examples=["backpack page list", "backpack page show Lisbon", "backpack page new Porto"],
)
page_argument = click.argument("page", type=PAGE)


@page.command(
    "list",
    examples=["backpack page list", "backpack page list --tag Travel", "backpack page list --ids"],
)
@click.option("--tag", type=TAG, help="Only pages with this tag.")
@click.option("--scope", help="Only pages of this scope, such as personal or friends.")
@pass_state
def list_(state: State, tag: str | None, scope: str | None) -> None:
    """List all pages.

    Makes one request, and with --tag two more.
    """
    from backpack_orm.cli import titles

    state.connect()
    pages = list(backpack_orm.Page.all(load=tag is not None))
    titles.remember_pages((page.id, page.title) for page in pages)
    if tag is not None:
        every = {each.id: each.name for page in pages for each in page.tags}
        titles.remember_tags(every.items())
        pages = with_tag(pages, tag)
    if scope is not None:
        known = sorted({"personal", "friends", *(str(page.scope) for page in pages)})
        if scope not in known:
            raise CommandError(f"there is no scope {scope!r}", hint=f"Use {' or '.join(known)}.")
        pages = [page for page in pages if page.scope == scope]
    state.output.rows(
        rows.PAGE, map(rows.of_listed_page, pages), hidden=("url",), summary=counted("page")
    )


@page.command("show", examples=["backpack page show Lisbon", "backpack page show lisb | grep item"])
@page_argument
@pass_state
def show(state: State, page: str) -> None:
    """Show everything on a page, in its order.

    Makes two requests, or one for an address or `id:…`.
    """
    state.connect()
    found = find_page(page)
    found.reload()

    def view() -> RenderableType:
        from backpack_orm.cli import views

        return views.page(found)

    state.output.rows(
        rows.CONTENT,
        rows.contents_of(found),
        summary=found.title,
        view=view,
        empty=f"{found.title} is empty.",
    )


@page.command("new", examples=["backpack page new Porto", "backpack page new 'Winter in Porto'"])
@click.argument("title", nargs=-1, required=True)
@pass_state
def new(state: State, title: Sequence[str]) -> None:
    """Create a page. Makes one request."""
    state.connect()
    made = backpack_orm.Page.create(title=" ".join(title))
    state.output.done(f"Created the page {made.title!r}: {made.url}", rows.PAGE, rows.of_page(made))


@page.command("rename", examples=["backpack page rename Porto 'Winter in Porto'"])
@page_argument
@click.argument("title", nargs=-1, required=True)
@pass_state
def rename(state: State, page: str, title: Sequence[str]) -> None:
    """Give a page another title."""
    state.connect()
    found = find_page(page, exact=True)
    before, found.title = found.title, " ".join(title)
    found.save()
    state.output.done(f"Renamed {before!r} to {found.title!r}.", rows.PAGE, rows.of_page(found))


@page.command("delete", examples=["backpack page delete Porto", "backpack page delete 71 --yes"])
@page_argument
@asks_first
@pass_state
def delete(state: State, page: str) -> None:
    """Destroy a page with everything on it.

    PAGE is an id, an address or the exact title. There is no way back but a backup.
    """
    state.connect()
    found = find_page(page, exact=True)
    row = rows.of_page(found)
    state.confirm(f"Destroy the page {found.title!r} ({found.id}) with everything on it?")
    found.destroy()
    state.output.done(f"Destroyed the page {row['title']!r}.", rows.PAGE, row)


@page.command("duplicate", examples=["backpack page duplicate Lisbon"])
@page_argument
@pass_state
def duplicate(state: State, page: str) -> None:
    """Copy a page with its contents."""
    state.connect()
    copy = find_page(page).duplicate().record
    state.output.done(f"Created {copy.title!r}: {copy.url}", rows.PAGE, rows.of_page(copy))


@page.command(
    "share",
    examples=[
        "backpack page share Lisbon ana@example.com rui@example.com",
        "backpack page share Lisbon --public",
    ],
)
@page_argument
@click.argument("emails", nargs=-1)
@click.option("--public/--private", default=None, help="Whether everybody may see the page.")
@asks_first
@pass_state
def share(state: State, page: str, emails: Sequence[str], public: bool | None) -> None:
    """Share a page with people, who get an email, or with everybody."""
    if not emails and public is None:
        raise CommandError("nobody to share with", hint="Name addresses, --public or --private.")
    state.connect()
    found = find_page(page, exact=True)
    with_whom = [*emails, *(["everybody"] if public else [])]
    if with_whom:
        state.confirm(f"Share the page {found.title!r} with {', '.join(with_whom)}?")
    found.share(emails, public=public)
    done = f"Shared {found.title!r} with {', '.join(with_whom)}."
    state.output.done(
        done if with_whom else f"{found.title!r} is no longer public.",
        rows.PAGE,
        rows.of_page(found),
    )


@page.command("unshare", examples=["backpack page unshare 'Kitchen renovation'"])
@page_argument
@asks_first
@pass_state
def unshare(state: State, page: str) -> None:
    """Leave a page that a friend has shared with you."""
    state.connect()
    found = find_page(page, exact=True)
    row = rows.of_page(found)
    state.confirm(f"Leave the page {found.title!r}? Only its owner can share it again.")
    found.unshare()
    state.output.done(f"Left the page {row['title']!r}.", rows.PAGE, row)


@page.command("email", examples=["backpack page email Lisbon"])
@page_argument
@pass_state
def email(state: State, page: str) -> None:
    """Have the service email you a page as text."""
    state.connect()
    found = find_page(page)
    found.email_copy()
    state.output.done(f"Backpack emails you {found.title!r}.", rows.PAGE, rows.of_page(found))


@page.command("open", examples=["backpack page open Lisbon"])
@page_argument
@pass_state
def open_(state: State, page: str) -> None:
    """Open a page in the browser: `$BROWSER` or a common one."""
    import webbrowser

    state.connect()
    found = find_page(page)
    if not webbrowser.open(found.url):
        raise CommandError("there is no browser to open", hint=f"The address is {found.url}")
    state.output.done(f"Opened {found.url}", rows.PAGE, rows.of_page(found))


@page.command(
    "edit", examples=["backpack page edit Lisbon", "backpack page edit Lisbon - < text.textile"]
)
@page_argument
@click.argument("text", nargs=-1)
@pass_state
def edit(state: State, page: str, text: Sequence[str]) -> None:
    """Edit the text of a page itself, above its notes and lists (legacy).

    TEXT replaces it; `-` is standard input. Without TEXT, an editor opens.
    """
    with typed(state, text, what="text of the page") as given:
        state.connect()
        found = find_page(page, exact=bool(text))
        found.description = given.text(found.description)
        saved = found.save()
    state.output.saved(saved, f"Saved the text of {found.title!r}.", rows.PAGE, rows.of_page(found))
