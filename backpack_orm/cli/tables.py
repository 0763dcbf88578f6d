"""Tables and texts for a terminal, by the library rich. All text is text: none of it is markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from backpack_orm.cli import streams
from backpack_orm.cli.formats import Row
from backpack_orm.cli.streams import visible

_LEGIBLE = 16
"""The fewest characters to which a text is shortened in a table."""
_BRIEF = 10
"""The most characters of what stands beside the id if each record has several lines."""
_GAP = 2
"""Spaces between two columns."""
_PAGER_OPTIONS = "FRX"  # quit if it fits, show colours, leave the text on the screen


def table(fields: Sequence[str], rows: Sequence[Row], width: int) -> RenderableType:
    """Return a table with one line for each record, or blocks of lines if the width of the terminal
    leaves too little for texts.
    """
    columns = [_Column(name, [row.get(name) for row in rows]) for name in fields]
    if sum(column.least + _GAP for column in columns) > width:
        return Group(*_blocks(columns))
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column in columns:
        drawn.add_column(
            Text(column.name),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_whole,
            style="dim" if column is columns[0] else "",
            min_width=column.least,
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        drawn.add_row(*map(_line, cells))
    return drawn


class _Column:
    """The values of one field, each on one line."""

    def __init__(self, name: str, values: Sequence[object]) -> None:
        self.name = name.replace("_", " ")
        self.cells = [" ".join(shown(value).split()) for value in values]
        self.is_number = all(type(value) is int for value in values)
        self.is_whole = self.is_number or any(isinstance(value, datetime) for value in values)
        self.needs_name = self.is_number or any(isinstance(value, bool) for value in values)
        longest = max(map(cell_len, self.cells))
        self.is_brief = self.is_whole or self.needs_name or longest <= _BRIEF
        self.least = max(longest if self.is_whole else min(longest, _LEGIBLE), cell_len(self.name))


def _blocks(columns: Sequence[_Column]) -> Iterator[RenderableType]:
    """Yield the records: what is brief beside the id, the first text below, and then the others."""
    for row, id in enumerate(columns[0].cells):
        known = [column for column in columns[1:] if column.cells[row]]
        brief = [
            f"{column.name} {column.cells[row]}" if column.needs_name else column.cells[row]
            for column in known
            if column.is_brief
        ]
        texts = [column.cells[row] for column in known if not column.is_brief]
        yield Text("  ".join([id, *brief]), "dim")
        for text in (*texts[:1], "  ".join(texts[1:])):
            if text:
                yield Padding(_line(text), (0, 0, 0, _GAP), expand=False)


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Return names and values, one pair a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        grid.add_row(Text(name.replace("_", " "), "dim"), whole(shown(value)))
    return grid


def whole(text: str) -> Text:
    """Return a text that is wrapped, and never shortened, however long its words are."""
    return Text(text, overflow="fold")


def shown(value: object) -> str:
    """Return a value as people read it, without characters that steer a terminal.

    >>> shown(True), shown(["Travel", "Food"]), shown("\\x1b[31mred")
    ('yes', 'Travel, Food', '�[31mred')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return visible(str(value))


def console() -> Console:
    """Return a console that writes to standard output."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=False)


def show(what: RenderableType, *, pager: bool = True) -> None:
    """Print something, in a pager if a terminal is too low for it."""
    if sys.stdout is None:
        return
    target = console()
    if not (pager and streams.is_terminal(sys.stdout) and streams.is_terminal(sys.stdin)):
        target.print(what)
        return
    with target.capture() as captured:
        target.print(what)
    text = captured.get()
    if text.count("\n") < target.height:
        streams.write(text, is_styled=True)
        return
    import click

    os.environ.setdefault("LESS", _PAGER_OPTIONS)
    click.echo_via_pager(text, color=target.color_system is not None)
