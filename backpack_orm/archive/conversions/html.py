"""HTML: a static site that works from a folder, without a server and without a network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from functools import cached_property
from importlib.resources import files as resources
from itertools import groupby
from os import PathLike
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import evolve, frozen

from backpack_orm.archive.conversions.extra import require
from backpack_orm.archive.conversions.files import Files, account_url
from backpack_orm.archive.conversions.names import file_names
from backpack_orm.archive.conversions.output import OutputFolder
from backpack_orm.archive.conversions.shown import (
    PageContents,
    ShownEntry,
    ShownSection,
    shown_calendar,
    shown_journal_entry,
    shown_reminder,
    shown_status,
)
from backpack_orm.archive.conversions.source import (
    Source,
    available,
    loaded_pages,
    page_gaps,
    reason_missing,
)
from backpack_orm.archive.conversions.widgets import included
from backpack_orm.models.page import Page
from backpack_orm.models.page_addresses import address_of, linked_id
from backpack_orm.orm.operations.progress import Progress

if TYPE_CHECKING:
    import jinja2

_PAGES = "pages"
_SEARCH_BYTES = 1_000_000
"""Approximate size of a file of the search data."""
_PARTS = (
    ("Pages", "index.html"),
    ("Tags", "tags.html"),
    ("Journal", "journal.html"),
    ("Reminders", "reminders.html"),
    ("Calendars", "calendars.html"),
    ("Statuses", "statuses.html"),
    ("Search", "search.html"),
)

Texts = list[tuple[str, str, str, str]]
"""Address, title of the page, heading and text, for the search."""


def write_html(
    source: Source,
    folder: str | PathLike[str],
    report: Progress,
    *,
    files_dir: str | PathLike[str] | None = None,
) -> None:
    """Write a site that can be opened from the folder, read on a phone, printed and searched.

    It loads nothing from a network, and texts run nothing. Links to other pages of the account lead
    to their copies.

    Args:
        source: The records.
        folder: The folder for the files; begin at `index.html`.
        report: Called for each page.
        files_dir: A folder with downloaded attachments and images, to link them by name.

    Raises:
        ImportError: The extra `archive` is not installed.
        ValidationError: The folder contains other files, another conversion, or edited files; or
            there is no folder `files_dir`.
        OSError: A file cannot be written.
    """
    require("jinja2", "nh3", "textile")
    with OutputFolder(folder, "web site", source.connection.account) as output:
        _Site(source, output, Files(account_url(source), files_dir)).write(report)


@frozen
class _Link:
    title: str
    address: str | None
    tags: Sequence[str] = ()
    gaps: Sequence[str] = ()


class _Site:
    def __init__(self, source: Source, output: OutputFolder, files: Files) -> None:
        self._source = source
        self._output = output
        self._files = files
        self._account = account_url(source)
        self._titles = {page.id: page.title for page in Page.all(using=source.connection)}
        self._names = file_names(self._titles)
        self._gaps = page_gaps(source.gaps)
        self._search = _SearchData(output)
        self._contents = PageContents(link=self._rewritten, file=self._file_at)

    def write(self, report: Progress) -> None:
        for name in ("site.css", "search.js"):
            self._output.write(name, _resource(name))
        pages: list[_Link] = []
        for page in loaded_pages(self._source, report):
            tags = [tag.name for tag in included(page.tags)]
            gaps = self._gaps.get(page.id, ())
            pages.append(evolve(self._link_to(page.id, f"{_PAGES}/"), tags=tags, gaps=gaps))
            self._write_page(page, tags)
        self._render(
            "index.html",
            "index.html",
            "Pages",
            pages=pages,
            incomplete=[page for page in pages if page.gaps],
            gaps=self._source.gaps,
        )
        self._write_tags(pages)
        self._write_journal()
        self._write_entries("reminders.html", "Reminders", [ShownSection("", [*self._reminders()])])
        self._write_entries("calendars.html", "Calendars", [*self._calendars()])
        self._write_entries("statuses.html", "Statuses", [ShownSection("", [*self._statuses()])])
        files = self._search.finish()
        self._render("search.html", "search.html", "Search", files=files)

    def _write_tags(self, pages: Iterable[_Link]) -> None:
        tagged: dict[str, list[_Link]] = {}
        for page in pages:
            for name in page.tags:
                tagged.setdefault(name, []).append(page)
        tags = [(name, _anchor(name), tagged[name]) for name in sorted(tagged, key=str.casefold)]
        self._render("tags.html", "tags.html", "Tags", tags=tags)

    # --- pages --------------------------------------------------------------------------------

    def _write_page(self, page: Page, tags: Iterable[str]) -> None:
        name = f"{_PAGES}/{self._names[page.id]}.html"
        address = f"{_PAGES}/{quote(self._names[page.id])}.html"
        description = self._contents.description(page)
        described = description.document.plain() if description else ""
        self._search.add(address, page.title, "", described)
        shown = self._contents.widgets(page)
        for anchor, heading, body in (each for widget in shown for each in widget.texts()):
            self._search.add(
                f"{address}#{anchor}" if anchor else address, page.title, heading, body
            )
        self._render(
            "page.html",
            name,
            page.title or "Untitled",
            tags=[(name, f"../tags.html#{_anchor(name)}") for name in tags],
            url=address_of(page.id, self._account) if self._account else None,
            gaps=self._gaps.get(page.id, ()),
            description=description,
            widgets=shown,
            linked=[self._link_to(each.id, "", each.title) for each in included(page.linked_pages)],
        )

    def _file_at(self, name: str, page_id: int) -> str | None:
        return self._files.link(name, page_id, self._output.path / _PAGES)

    def _rewritten(self, link: str) -> str | None:
        """Return the link to the copy of a page of the account."""
        id = linked_id(link, self._account)
        name = None if id is None else self._names.get(id)
        return f"{quote(name)}.html" if name else None

    def _link_to(self, id: int, folder: str, title: str = "") -> _Link:
        name = self._names.get(id)
        shown = self._titles.get(id, title) or "Untitled"
        return _Link(shown, f"{folder}{quote(name)}.html" if name else None)

    # --- the rest of the account --------------------------------------------------------------

    def _write_journal(self) -> None:
        years: dict[int, list[ShownEntry]] = {}
        for entry in available(lambda: self._source.journal):
            shown, year = shown_journal_entry(entry), entry.created_at.year
            years.setdefault(year, []).append(shown)
            self._search.add(f"journal-{year}.html", "Journal", shown.who, shown.plain)
        links = [(str(year), f"journal-{year}.html") for year in years]
        for year, entries in years.items():
            months = [
                ShownSection(month, [*found]) for month, found in groupby(entries, key=_month_of)
            ]
            name = f"journal-{year}.html"
            self._write_entries(name, f"Journal of {year}", months, links)
        newest = [ShownSection("", entries) for entries in list(years.values())[:1]]
        self._write_entries("journal.html", "Journal", newest, links)

    def _reminders(self) -> Iterator[ShownEntry]:
        for reminder in available(lambda: self._source.reminders):
            self._search.add("reminders.html", "Reminders", "", reminder.content)
            yield shown_reminder(reminder)

    def _statuses(self) -> Iterator[ShownEntry]:
        for status in available(lambda: self._source.statuses):
            shown = shown_status(status)
            self._search.add("statuses.html", "Statuses", shown.who, shown.plain)
            yield shown

    def _calendars(self) -> Iterator[ShownSection]:
        events = [*available(lambda: self._source.events)]
        for calendar in available(lambda: self._source.calendars):
            shown = shown_calendar(calendar, events)
            for event in shown.entries:
                self._search.add("calendars.html", shown.title, event.title, event.plain)
            yield shown

    def _write_entries(
        self,
        name: str,
        title: str,
        sections: Iterable[ShownSection],
        links: Iterable[tuple[str, str]] = (),
    ) -> None:
        shown = [each for each in sections if each.entries or each.title]
        missing = reason_missing(self._source.gaps, title.lower())
        self._render("entries.html", name, title, sections=shown, links=links, missing=missing)

    # --- templates ----------------------------------------------------------------------------

    def _render(self, template: str, name: str, title: str, **values: Any) -> None:
        rendered = self._templates.get_template(template).render(
            title=title,
            site=f"Backpack of {self._source.host}" if self._source.host else "Backpack",
            root="../" if "/" in name else "",
            parts=_PARTS,
            current=name,
            taken_at=self._source.taken_at.astimezone(UTC),
            **values,
        )
        self._output.write(name, rendered)

    @cached_property
    def _templates(self) -> jinja2.Environment:
        import jinja2

        return jinja2.Environment(
            loader=jinja2.FunctionLoader(_resource),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )


class _SearchData:
    """Writes the texts for the search, in scripts of limited size."""

    def __init__(self, output: OutputFolder) -> None:
        self._output = output
        self._texts: Texts = []
        self._size = 0
        self._files = 0

    def add(self, address: str, title: str, heading: str, body: str) -> None:
        self._texts.append((address, title, heading, body))
        self._size += len(body) + len(heading) + len(address)
        if self._size >= _SEARCH_BYTES:
            self._write()

    def finish(self) -> int:
        """Write what is left, and return the number of files."""
        if self._texts or not self._files:
            self._write()
        return self._files

    def _write(self) -> None:
        self._files += 1
        data = json.dumps(self._texts, ensure_ascii=False, separators=(",", ":"))
        self._output.write(f"search-{self._files}.js", f"addTexts({data});\n")
        self._texts, self._size = [], 0


def _resource(name: str) -> str:
    return resources(__package__).joinpath("site", name).read_text(encoding="utf-8")


def _anchor(tag: str) -> str:
    """Return the id of the element of a tag; different tags have different ids."""
    return "tag-" + quote(tag, safe="").replace("%", "_")


def _month_of(entry: ShownEntry) -> str:
    assert entry.time is not None
    return f"{entry.time:%B}"
