"""Tables and texts for a terminal, by the library rich. All text is text: none of it is markup."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from backpack_orm.cli import streams
from backpack_orm.cli.formats import Row

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Characters that would steer a terminal or reorder its text."""
_PAGER_OPTIONS = "FRX"  # quit if it fits, show colours, leave the text on the screen


def table(fields: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return a table that fits the width of the terminal: each record is one line."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in fields:
        values = [row.get(name) for row in rows]
        is_number = all(type(value) is int for value in values)
        is_whole = is_number or any(isinstance(value, datetime) for value in values)
        drawn.add_column(
            Text(name.replace("_", " ")),
            justify="right" if is_number else "left",
            no_wrap=is_whole,
            style="dim" if name == fields[0] else "",
            min_width=max(map(len, map(shown, values))) if is_whole else None,
        )
    for row in rows:
        drawn.add_row(*(_cell(row.get(name)) for name in fields))
    return drawn


def _cell(value: object) -> Text:
    return Text(" ".join(shown(value).split()), no_wrap=True, overflow="ellipsis")


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Return names and values, one pair a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        grid.add_row(Text(name.replace("_", " "), "dim"), Text(shown(value)))
    return grid


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
    return _UNPRINTABLE.sub("�", str(value).replace("\r\n", "\n"))


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
        streams.write(text)
        return
    import click

    os.environ.setdefault("LESS", _PAGER_OPTIONS)
    click.echo_via_pager(text, color=target.color_system is not None)
