"""Contents for the terminal, by the library rich. All text is text: nothing in it is markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch

from rich import box, table
from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from backpack_orm.display.contents import (
    CHARACTERS,
    ITEMS,
    Block,
    Card,
    Checklist,
    Facts,
    Line,
    Names,
    Prose,
    Remark,
    Table,
    cut,
    in_a_cell,
    plain,
)


def render(what: Card | Table) -> RenderableType:
    """What there is to show, as rich draws it."""
    if isinstance(what, Table):
        return _block(what)
    title = _text(f"{what.kind}: {what.title}" if what.title else what.kind, "bold")
    parts: list[RenderableType] = [_text(state, "yellow") for state in what.states]
    if what.tags:
        parts.append(_text("  ".join(f"[{tag}]" for tag in what.tags), "cyan"))
    for block in what.blocks:
        if parts:
            parts.append(Text())
        parts.append(_block(block))
    footer = _text(" · ".join(what.footer), "dim") if what.footer else None
    return Panel(Group(*parts), title=title, title_align="left", subtitle=footer)


def _text(value: object, style: str = "") -> Text:
    return Text(plain(value), style)


@singledispatch
def _block(block: Block) -> RenderableType:
    raise TypeError(f"nothing is known of how to show {type(block).__name__}")


@_block.register
def _(prose: Prose) -> RenderableType:
    return Group(*_prose(prose))


def _prose(prose: Prose) -> Iterator[RenderableType]:
    if prose.title:
        yield _text(prose.title, "bold")
    yield _text(cut(prose.text, CHARACTERS))
    if prose.when:
        yield _text(prose.when, "dim")


@_block.register
def _(checklist: Checklist) -> RenderableType:
    return Group(*_checklist(checklist))


def _checklist(checklist: Checklist) -> Iterator[RenderableType]:
    if checklist.title:
        yield _text(checklist.title, "bold")
    if checklist.items is None:
        yield _text("Not loaded yet: .items loads it, with one request.", "dim italic")
        return
    yield from _items("☐", "", [text for text, completed in checklist.items if not completed])
    yield from _items("☑", "dim", [text for text, completed in checklist.items if completed])


def _items(mark: str, style: str, texts: Sequence[str]) -> Iterator[RenderableType]:
    for text in texts[:ITEMS]:
        line = table.Table.grid(padding=(0, 1, 0, 0))
        line.add_row(mark, _text(cut(text, CHARACTERS), style))
        yield line
    if len(texts) > ITEMS:
        yield _text(f"… and {len(texts) - ITEMS:,} more", "dim italic")


@_block.register
def _(what: Names) -> RenderableType:
    title = [_text(what.title, "bold")] if what.title else []
    indent = 2 if what.title else 0
    return Group(*title, *(Padding(_text(name), (0, 0, 0, indent)) for name in what.names))


@_block.register
def _(line: Line) -> RenderableType:
    return Rule(_text(line.name), style="dim")


@_block.register
def _(facts: Facts) -> RenderableType:
    grid = table.Table.grid(padding=(0, 2, 0, 0))
    for name, value in facts.pairs:
        grid.add_row(_text(name.replace("_", " "), "dim"), _text(value))
    return grid


@_block.register
def _(remark: Remark) -> RenderableType:
    return _text(remark.text.replace("`", ""), "dim italic")


@_block.register
def _(what: Table) -> RenderableType:
    drawn = table.Table(
        title=_text(what.title, "bold") if what.title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for place, name in enumerate(what.columns):
        numbers = all(type(row[place]) is int for row in what.rows)
        justify: JustifyMethod = "right" if numbers else "left"
        drawn.add_column(_text(name), justify=justify, no_wrap=name == "id")
    for row in what.rows:
        drawn.add_row(*(Text(in_a_cell(value), no_wrap=True, overflow="ellipsis") for value in row))
    if not what.rows:
        return Group(_text(what.title, "bold"), *map(_block, what.remarks))
    return Group(drawn, *map(_block, what.remarks))
