"""Pages, lists and notes as people read them on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from backpack_orm import text as texts
from backpack_orm.cli.rows import contents_of
from backpack_orm.cli.tables import shown

if TYPE_CHECKING:
    from backpack_orm import Note, Page
    from backpack_orm.cli.formats import Row

_NAMES = {"asset": "File", "gallery": "Gallery", "writeboardlink": "Writeboard"}
"""What is on pages and has no text, by its type."""
OPEN, COMPLETED = "☐", "☑"


def page(found: Page) -> RenderableType:
    """Return everything on a page, in its order."""
    parts: list[RenderableType] = [Text(shown(found.title), "bold underline")]
    if found.tags:
        parts.append(Text("  ".join(f"[{shown(tag.name)}]" for tag in found.tags), "cyan"))
    if found.description:
        parts += [Text(), styled(found.description)]
    before = ""
    for row in contents_of(found):
        if row["type"] != "item" or row["type"] != before:
            parts += [] if before == "list" and row["type"] == "item" else [Text()]
        parts += _content(row)
        before = row["type"]
    return Group(*parts)


def note(found: Note) -> RenderableType:
    """Return a note with its title and its styled body."""
    parts: list[RenderableType] = []
    if found.title:
        parts.append(Text(shown(found.title), "bold"))
    return Group(*parts, styled(found.body))


def checklist(name: str, items: Sequence[Row]) -> RenderableType:
    """Return a list with the boxes of its items."""
    lines = [
        Padding(item({**row, "text": row["content"]}), (0, 0, 0, 2), expand=False) for row in items
    ]
    return Group(*([Text(shown(name), "bold")] if name else []), *lines)


def item(row: Row) -> RenderableType:
    """Return an item with its box."""
    line = Table.grid(padding=(0, 1, 0, 0))
    style = "dim" if row["completed"] else ""
    box = COMPLETED if row["completed"] else OPEN
    line.add_row(box, Text(plain(str(row["text"])), style))
    return line


def styled(textile: str) -> RenderableType:
    """Return a text in Textile with its headings, lists and emphasis."""
    return Markdown(shown(texts.to_markdown(textile)), hyperlinks=False)


def plain(textile: str) -> str:
    """Return a text in Textile on its own lines, without its markup."""
    return shown(texts.to_plain(textile))


def _content(row: Row) -> Iterator[RenderableType]:
    title = Text(shown(row["title"]), "bold")
    match row["type"]:
        case "item":
            yield Padding(item(row), (0, 0, 0, 2), expand=False)
        case "separator":
            yield Rule(title, style="dim", align="left")
        case "note" | "list" | "email":
            if row["title"]:
                yield title
            if row["text"]:
                yield styled(row["text"])
        case kind:
            yield Text(f"{_NAMES.get(kind, kind)}: {shown(row['title'] or row['id'])}", "dim")
