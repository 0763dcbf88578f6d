"""The pages of the viewer that only read."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files as resources
from math import ceil
from typing import Any, Generic, TypeVar

from attrs import frozen
from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backpack_orm.archive import conversions
from backpack_orm.archive.conversions.shown import PageContents, ShownSection
from backpack_orm.archive.conversions.source import page_gaps, reason_missing
from backpack_orm.archive.conversions.widgets import included
from backpack_orm.integrations.viewer.accounts import JOURNAL_LENGTH, Account
from backpack_orm.integrations.viewer.searching import excerpts
from backpack_orm.models.page import Page
from backpack_orm.models.page_addresses import address_of, linked_id
from backpack_orm.wire.values import LARGEST_ID

T = TypeVar("T")
ID = f"int(min=1, max={LARGEST_ID})"
"""The converter of ids in addresses."""
EXTENSION = "backpack_viewer"
_PAGES, _RESULTS = 200, 20
"""How many pages, and how many results of a search, are shown at once."""

views = Blueprint("viewer", __name__)


def account() -> Account:
    """Return what the application shows."""
    found: Account = current_app.extensions[EXTENSION]
    return found


@frozen
class Part(Generic[T]):
    """A part of a long list.

    Attributes:
        records: The records in it.
        number: Its number, from 1.
        last: The number of the last part.
        total: The number of records in all parts.
    """

    records: Sequence[T]
    number: int
    last: int
    total: int


def part_of(records: Sequence[T], length: int) -> Part[T]:
    """Return the part of a list that the request names."""
    last = max(1, ceil(len(records) / length))
    number = min(max(1, request.args.get("part", 1, type=int)), last)
    return Part(records[(number - 1) * length : number * length], number, last, len(records))


def title_of(page: Page) -> str:
    """Return the title of a page, or a placeholder."""
    return page.title or "Untitled"


@views.get("/")
def index() -> ResponseReturnValue:
    """Show the titles of all pages."""
    pages, gaps = account().pages(), page_gaps(account().gaps)
    incomplete = [
        {
            "title": title_of(page),
            "address": url_for(".page", page_id=page.id),
            "gaps": gaps[page.id],
        }
        for page in pages
        if page.id in gaps
    ]
    return render_template(
        "index.html",
        title="Pages",
        part=part_of(pages, _PAGES),
        incomplete=incomplete,
        gaps=account().gaps,
    )


@views.get(f"/pages/<{ID}:page_id>")
def page(page_id: int) -> ResponseReturnValue:
    """Show a page with all that is on it."""
    shown = account()
    found = shown.page(page_id)
    contents = PageContents(link=_rewritten, file=_file_at)
    return render_template(
        "page.html",
        title=title_of(found),
        page_id=page_id,
        adding=request.args.get("add", type=int),
        tags=[(tag.name, url_for(".tag", id=tag.id)) for tag in included(found.tags)],
        url=address_of(page_id, shown.web_site) if shown.web_site else None,
        gaps=page_gaps(shown.gaps).get(page_id, ()),
        description=contents.description(found),
        widgets=contents.widgets(found),
        linked=[
            {"title": title_of(each), "address": url_for(".page", page_id=each.id)}
            for each in included(found.linked_pages)
        ],
    )


def _rewritten(link: str) -> str | None:
    id = linked_id(link, account().address)
    return None if id is None else url_for(".page", page_id=id)


def _file_at(name: str, page_id: int) -> str | None:
    """Return where a file can be found: the API does not serve files, but the web site does."""
    web_site = account().web_site
    return address_of(page_id, web_site) if web_site else None


@views.get("/search")
def search() -> ResponseReturnValue:
    """Show the pages that contain a term, with excerpts."""
    term = " ".join(request.args.get("term", "").split())
    part = part_of(account().search(term) if term else [], _RESULTS)
    found = excerpts(part.records, term)
    return render_template("search.html", title="Search", term=term, part=part, found=found)


@views.get("/tags")
def tags() -> ResponseReturnValue:
    """Show all tags."""
    return render_template("tags.html", title="Tags", tags=account().tags())


@views.get(f"/tags/<{ID}:id>")
def tag(id: int) -> ResponseReturnValue:
    """Show the pages with a tag."""
    name, pages = account().tagged(id)
    return render_template("tag.html", title=name, part=part_of(pages, _PAGES))


@views.get("/reminders")
def reminders() -> ResponseReturnValue:
    """Show the reminders."""
    return _entries("Reminders", [ShownSection("", account().reminders())])


@views.get("/journal")
def journal() -> ResponseReturnValue:
    """Show a hundred entries of the journal."""
    number = max(1, request.args.get("part", 1, type=int))
    found = account().journal(number - 1)
    is_last = len(found) < JOURNAL_LENGTH
    part = Part(found, number, number if is_last else number + 1, 0)
    return _entries("Journal", [ShownSection("", found)], part)


@views.get("/calendars")
def calendars() -> ResponseReturnValue:
    """Show the calendars with their events."""
    return _entries("Calendars", account().calendars())


@views.get("/statuses")
def statuses() -> ResponseReturnValue:
    """Show the statuses of all users."""
    return _entries("Statuses", [ShownSection("", account().statuses())])


def _entries(
    title: str, sections: Sequence[ShownSection], part: Part[Any] | None = None
) -> ResponseReturnValue:
    shown = [section for section in sections if section.entries or section.title]
    missing = reason_missing(account().gaps, title.lower())
    return render_template(
        "entries.html", title=title, sections=shown, links=(), part=part, missing=missing
    )


@views.get("/site.css")
def site_css() -> Response:
    """Return the style that the viewer shares with the site that archives are converted to."""
    path = resources(conversions).joinpath("site", "site.css")
    response = Response(path.read_bytes(), mimetype="text/css")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
