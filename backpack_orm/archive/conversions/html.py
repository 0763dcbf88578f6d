"""HTML: a static site that works from a folder, without a server and without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from functools import cached_property
from importlib.resources import files as resources
from itertools import groupby
from os import PathLike
from posixpath import normpath
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
    import markupsafe

_PAGES = "pages"
_LINK = re.compile(r'(?P<tag><a (?:dir="auto" )?href=")(?P<address>[^":#]+)(?P<anchor>#[^"]*)?"')
"""A link to a file of the site. No text matches, as `<` is escaped in texts."""
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
    ("Print", "print.html"),
)

_Article = tuple[str, str, str]
"""Title, id of the element and HTML of a part of `print.html`."""
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

    `print.html` contains everything, to print it or save it as PDF. The site loads nothing from a
    network, and texts run nothing. Links to other pages of the account lead to their copies.

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
        contents = [(title or "Untitled", _article_of(id)) for id, title in self._titles.items()]
        contents += [(title, title.lower()) for title, _ in _PARTS[2:6]]
        self._render(
            "print.html",
            "print.html",
            "Everything in one file",
            contents=contents,
            articles=self._articles(report, pages),
        )
        self._render(
            "index.html",
            "index.html",
            "Pages",
            pages=pages,
            incomplete=[page for page in pages if page.gaps],
            gaps=self._source.gaps,
        )
        self._write_tags(pages)
        files = self._search.finish()
        self._render("search.html", "search.html", "Search", files=files)

    def _articles(self, report: Progress, pages: list[_Link]) -> Iterator[_Article]:
        """Write the files of pages and entries, and yield what each contributes to `print.html`.

        Args:
            report: Called for each page.
            pages: Receives a link to each page.
        """
        for page in loaded_pages(self._source, report):
            tags = [tag.name for tag in included(page.tags)]
            gaps = self._gaps.get(page.id, ())
            pages.append(evolve(self._link_to(page.id, f"{_PAGES}/"), tags=tags, gaps=gaps))
            content = self._write_page(page, tags)
            yield page.title or "Untitled", _article_of(page.id), self._printed(content)
        yield "Journal", "journal", self._write_journal()
        for title, sections in (
            ("Reminders", [ShownSection("", [*self._reminders()])]),
            ("Calendars", [*self._calendars()]),
            ("Statuses", [ShownSection("", [*self._statuses()])]),
        ):
            part = title.lower()
            yield title, part, self._write_entries(f"{part}.html", title, sections)

    def _write_tags(self, pages: Iterable[_Link]) -> None:
        tagged: dict[str, list[_Link]] = {}
        for page in pages:
            for name in page.tags:
                tagged.setdefault(name, []).append(page)
        tags = [(name, _anchor(name), tagged[name]) for name in sorted(tagged, key=str.casefold)]
        self._render("tags.html", "tags.html", "Tags", tags=tags)

    # --- pages --------------------------------------------------------------------------------

    def _write_page(self, page: Page, tags: Iterable[str]) -> markupsafe.Markup:
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
        return self._write_article(
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

    def _printed(self, content: markupsafe.Markup) -> markupsafe.Markup:
        """Return the contents of a page with links that lead to the same things in `print.html`."""

        def link(match: re.Match[str]) -> str:
            tag, address, anchor = match["tag"], match["address"], match["anchor"] or ""
            path = normpath(f"{_PAGES}/{address}")
            article = self._article_at.get(path)
            return f'{tag}{(anchor or "#" + article) if article else path + anchor}"'

        return type(content)(_LINK.sub(link, content))

    @cached_property
    def _article_at(self) -> dict[str, str]:
        """The article of each page in `print.html`, by its address."""
        return {f"{_PAGES}/{quote(name)}.html": _article_of(id) for id, name in self._names.items()}

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

    def _write_journal(self) -> markupsafe.Markup:
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
        all = [ShownSection(str(year), entries) for year, entries in years.items()]
        return self._content("entries.html", **self._entries("Journal", all))

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
    ) -> markupsafe.Markup:
        values = self._entries(title, sections, links)
        return self._write_article("entries.html", name, title, **values)

    def _entries(
        self,
        title: str,
        sections: Iterable[ShownSection],
        links: Iterable[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        shown = [each for each in sections if each.entries or each.title]
        missing = reason_missing(self._source.gaps, title.lower())
        return {"sections": shown, "links": links, "missing": missing}

    # --- templates ----------------------------------------------------------------------------

    def _write_article(
        self, template: str, name: str, title: str, **values: Any
    ) -> markupsafe.Markup:
        """Write a file of the site, and return its contents for `print.html`."""
        content = self._content(template, current=name, **values)
        self._render("article.html", name, title, content=content)
        return content

    def _content(self, template: str, **values: Any) -> markupsafe.Markup:
        from markupsafe import Markup

        found = self._templates.get_template(template)
        content = "".join(found.blocks["content"](found.new_context(values)))
        return Markup(content)  # noqa: S704 - the template has escaped what is not safe

    def _render(self, template: str, name: str, title: str, **values: Any) -> None:
        with self._output.open(name) as part, part.open("w", encoding="utf-8", newline="") as file:
            rendered = self._templates.get_template(template).generate(
                title=title,
                site=f"Backpack of {self._source.host}" if self._source.host else "Backpack",
                root="../" if "/" in name else "",
                parts=_PARTS,
                current=name,
                taken_at=self._source.taken_at.astimezone(UTC),
                **values,
            )
            file.writelines(rendered)

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


def _article_of(page_id: int) -> str:
    return f"page-{page_id}"


def _anchor(tag: str) -> str:
    """Return the id of the element of a tag; different tags have different ids."""
    return "tag-" + quote(tag, safe="").replace("%", "_")


def _month_of(entry: ShownEntry) -> str:
    assert entry.time is not None
    return f"{entry.time:%B}"
