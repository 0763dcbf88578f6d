"""Markdown: one file for each page, for Obsidian and other editors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from textwrap import indent
from typing import Any
from urllib.parse import quote

from backpack_orm import text
from backpack_orm.archive.conversions.extra import require
from backpack_orm.archive.conversions.files import Files, account_url
from backpack_orm.archive.conversions.names import file_names, obsidian_tag
from backpack_orm.archive.conversions.output import OutputFolder
from backpack_orm.archive.conversions.source import (
    Source,
    available,
    loaded_pages,
    page_gaps,
    reason_missing,
)
from backpack_orm.archive.conversions.widgets import included, unlisted_items, widgets
from backpack_orm.archive.conversions.yaml import to_yaml
from backpack_orm.models.attachment import Attachment
from backpack_orm.models.belonging import Belonging
from backpack_orm.models.calendar_event import CalendarEvent
from backpack_orm.models.email import Email
from backpack_orm.models.gallery import Gallery
from backpack_orm.models.image import Image
from backpack_orm.models.item import Item
from backpack_orm.models.list import List
from backpack_orm.models.note import Note
from backpack_orm.models.page import Page
from backpack_orm.models.page_addresses import address_of, linked_id
from backpack_orm.models.page_item import PageItem
from backpack_orm.models.separator import Separator
from backpack_orm.orm.operations.progress import Progress
from backpack_orm.orm.records.model import Model

_PAGES = "pages"
_MARKS = re.compile(r"([\\`*_\[\]<>#|~$]|&(?=#?\w+;))")
_LINE_START = re.compile(r"^([ \t]*)([-+=]|\d+(?=[.)]))", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+(?=\S)", re.MULTILINE)
_BLANK = re.compile(r"^[ \t]+$", re.MULTILINE)


def write_markdown(
    source: Source,
    folder: str | PathLike[str],
    report: Progress,
    *,
    files_dir: str | PathLike[str] | None = None,
) -> None:
    """Write a Markdown file for each page into the folder `pages`, and one for each other part.

    Each page begins with its metadata in YAML. Its `tags` are valid in Obsidian; `backpack_tags`
    are the original ones. What is on the page follows in its order, and items are a task list.
    Links to other pages of the account lead to their files.

    Args:
        source: The records.
        folder: The folder for the files.
        report: Called for each page.
        files_dir: A folder with downloaded attachments and images, to link them by name.

    Raises:
        ImportError: The extra `archive` is not installed.
        ValidationError: The folder contains other files, another conversion, or edited files; or
            there is no folder `files_dir`.
        OSError: A file cannot be written.
    """
    require("nh3", "textile", "yaml")
    titles = {page.id: page.title for page in Page.all(using=source.connection)}
    files = Files(account_url(source), files_dir)
    with OutputFolder(folder, "Markdown files", source.connection.account) as output:
        writer = _Writer(source, file_names(titles), files, output.path / _PAGES)
        for page in loaded_pages(source, report):
            output.write(f"{_PAGES}/{writer.names[page.id]}.md", writer.page(page))
        output.write("Pages.md", _document("Pages", writer.index(titles)))
        for title, paragraphs in _other_parts(source):
            nothing = reason_missing(source.gaps, title.lower()) or "There is nothing here."
            blocks = [*filter(None, paragraphs)] or [_escaped(nothing)]
            output.write(f"{title}.md", _document(title, blocks))


class _Writer:
    def __init__(
        self, source: Source, names: Mapping[int, str], files: Files, folder: Path
    ) -> None:
        self.names = names
        self._source = source
        self._gaps = page_gaps(source.gaps)
        self._account = account_url(source)
        self._files = files
        self._folder = folder

    def page(self, page: Page) -> str:
        """Return the file of a page."""
        blocks = [f"# {_escaped(page.title)}"]
        blocks += [f"> {_escaped(gap)}" for gap in self._gaps.get(page.id, ())]
        description = page.to_dict().get("description")
        if description:
            blocks.append(self._converted(description))
        for widget in widgets(page):
            blocks += self._widget(widget, page)
        if items := unlisted_items(page):
            blocks.append(self._tasks(items))
        if linked := [*included(page.linked_pages)]:
            links = (f"- {self._link_to(each.id, each.title)}" for each in linked)
            blocks.append("\n".join(["## Linked pages", "", *links]))
        return f"---\n{self._front_matter(page)}---\n\n" + "\n\n".join(blocks) + "\n"

    def index(self, titles: Mapping[int, str]) -> Iterator[str]:
        """Yield the blocks of the list of all pages."""
        links = {id: f"- {self._link_to(id, title, f'{_PAGES}/')}" for id, title in titles.items()}
        yield f"Archived on {self._source.taken_at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC."
        if self._gaps:
            own = (
                f"{links.get(id, f'- Page {id}')}: {_escaped(' '.join(found))}"
                for id, found in self._gaps.items()
            )
            yield "\n".join(["## Incomplete pages", "", *own, "", "## All pages"])
        yield "\n".join(links.values())
        if gaps := [gap for gap in self._source.gaps if gap.page_id is None]:
            lines = (f"- {_escaped(f'{gap.what}: {gap.reason}')}" for gap in gaps)
            yield "\n".join(["## Not in the archive", "", *lines])

    def _front_matter(self, page: Page) -> str:
        values = page.to_dict()
        tags = [tag.name for tag in included(page.tags)]
        known = {
            "title": page.title,
            "backpack_id": page.id,
            "backpack_url": address_of(page.id, self._account) if self._account else None,
            "scope": values.get("scope"),
            "email_address": values.get("email_address"),
            "tags": list(dict.fromkeys(filter(None, map(obsidian_tag, tags)))),
            "backpack_tags": tags,
        }
        return to_yaml(
            {name: value for name, value in known.items() if value not in (None, [], "")}
        )

    def _widget(self, widget: Model, page: Page) -> Iterator[str]:
        if isinstance(widget, Note):
            yield from self._headed(self._one_line(widget.title), widget.created_at)
            yield self._converted(widget.body)
            yield from self._comments(widget)
        elif isinstance(widget, List):
            yield from self._headed(_escaped(widget.name))
            yield self._tasks(widget.items)
        elif isinstance(widget, Separator):
            yield "---"
            yield from filter(None, [_bold(widget.name)])
        elif isinstance(widget, Gallery):
            yield from self._headed(_escaped(widget.name))
            yield "\n".join(self._file(image, page) for image in included(widget.images))
        elif isinstance(widget, Attachment):
            yield self._file(widget, page)
        elif isinstance(widget, Email):
            subject = _escaped(widget.subject) or "(no subject)"
            yield from self._headed(subject, widget.created_at)
            yield plain(widget.body)
        elif isinstance(widget, Belonging):
            yield f"> {widget.type} {widget.widget_id}: the service includes no more about it."
        else:
            raise TypeError(f"{type(widget).__name__} objects are not on pages")

    def _headed(self, title: str, time: datetime | None = None) -> Iterator[str]:
        if title:
            yield f"## {title}"
        if time is not None:
            yield f"*{time:%Y-%m-%d %H:%M}*"

    def _tasks(self, items: Iterable[Item | PageItem]) -> str:
        lines = []
        for item in items:
            first, *others = self._converted(item.content).split("\n")
            lines.append(f"- [{'x' if item.completed else ' '}] {first}")
            for comment in self._comments(item):
                others += ["", *comment.split("\n")]
            lines += [f"  {line}" if line else "" for line in others]
        return "\n".join(lines)

    def _comments(self, record: Note | Item | PageItem) -> Iterator[str]:
        for comment in included(record.messages):
            time = f"*{comment.created_at:%Y-%m-%d %H:%M}*\n\n" if comment.created_at else ""
            lines = f"{time}{plain(comment.body)}".split("\n")
            yield "\n".join(f"> {line}" if line else ">" for line in lines)

    def _file(self, file: Attachment | Image, page: Page) -> str:
        name = _escaped(file.file_name)
        link = self._files.link(file.file_name, page.id, self._folder)
        shown = f"[{name}](<{link}>)" if link else name
        description = _escaped(file.description) if isinstance(file, Image) else ""
        return f"- {shown}{f': {description}' if description else ''}"

    def _link_to(self, id: int, title: str, folder: str = "") -> str:
        name = self.names.get(id)
        shown = _escaped(title) or str(id)
        return f"[{shown}](<{folder}{quote(name)}.md>)" if name else shown

    def _converted(self, source: str) -> str:
        return text.parse(source, link=self._rewritten).markdown()

    def _one_line(self, source: str) -> str:
        return " ".join(self._converted(source).split())

    def _rewritten(self, link: str) -> str | None:
        """Return the link to the file of a page of the account."""
        id = linked_id(link, self._account)
        name = None if id is None else self.names.get(id)
        return f"{quote(name)}.md" if name else None


def plain(source: str) -> str:
    """Return plain text as Markdown that shows it unchanged.

    >>> plain("2 * 3\\n# no title")
    '2 \\\\* 3\\\\\\n\\\\# no title'
    """
    lines = _BLANK.sub("", _escaped(source, is_line=False))
    escaped = _INDENT.sub(_no_break, lines).strip("\n")
    paragraphs = re.split(r"\n{2,}", escaped)
    return "\n\n".join("\\\n".join(each.split("\n")) for each in paragraphs)


def _escaped(source: str, *, is_line: bool = True) -> str:
    """Return plain text with all marks of Markdown escaped; by default in one line."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if is_line:
        source = " ".join(source.split())
    return _LINE_START.sub(_unmarked, _MARKS.sub(r"\\\1", source))


def _unmarked(match: re.Match[str]) -> str:
    """Return the start of a line such that it is no list and no heading."""
    space, mark = match.groups()
    return f"{space}{mark}\\" if mark.isdecimal() else f"{space}\\{mark}"


def _no_break(match: re.Match[str]) -> str:
    """Return spaces that neither disappear nor make code of a line."""
    return "\u00a0" * len(match[0].expandtabs(4))


def _bold(source: str) -> str:
    return f"**{_escaped(source)}**" if source.strip() else ""


def _document(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", *blocks]) + "\n"


def _other_parts(source: Source) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the blocks of each part of the account besides pages."""
    reminders = (
        f"- {_moment(each.remind_at)} {_escaped(each.content)}"
        for each in available(lambda: source.reminders)
    )
    statuses = (
        f"- {_escaped(each.user.name)}, {_moment(each.updated_at)} {_escaped(each.message)}"
        for each in available(lambda: source.statuses)
    )
    yield "Reminders", ["\n".join(reminders)]
    yield "Statuses", ["\n".join(statuses)]
    yield "Journal", list(_journal(source))
    yield "Calendars", list(_calendars(source))


def _journal(source: Source) -> Iterator[str]:
    day = ""
    for entry in available(lambda: source.journal):
        if day != (day := f"{entry.created_at:%Y-%m-%d}"):
            yield f"## {day}"
        yield f"*{entry.created_at:%H:%M}* **{_escaped(entry.user.name)}**"
        yield plain(entry.body)


def _calendars(source: Source) -> Iterator[str]:
    events = list(available(lambda: source.events))
    for calendar in available(lambda: source.calendars):
        yield f"## {_escaped(calendar.name)}"
        yield "\n".join(_event(each) for each in events if each.calendar_id == calendar.id)


def _event(event: CalendarEvent) -> str:
    title = f"- {_moment(event.occurs_at, event.all_day)} {_escaped(event.title)}"
    if not event.message:
        return title
    return f"{title}\n{indent(plain(event.message), '  ')}"


def _moment(moment: datetime | None, is_day: Any = False) -> str:
    if moment is None:
        return "*no date*"
    return f"*{moment:%Y-%m-%d}*" if is_day else f"*{moment:%Y-%m-%d %H:%M}*"
