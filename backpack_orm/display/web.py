"""Contents as HTML. Whatever came from the service or its user is text, or cleaned Textile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import singledispatch
from html import escape

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
from backpack_orm.text import parse

# Colours are those of the surrounding page, by the variables of JupyterLab, VS Code and furo. Where
# there are none, they are our own, for the colour scheme that the system prefers.
_STYLE = """
.backpack {
  --bp-ink: #24292f; --bp-paper: #ffffff; --bp-link: #0a58ca; --bp-mark: #9a5b00;
  --bp-line: rgba(128, 128, 128, .35); --bp-tint: rgba(128, 128, 128, .12);
  box-sizing: border-box; max-width: 46em; margin: .3em 0; padding: .9em 1.2em 1em;
  border: 1px solid var(--bp-line); border-radius: 8px; overflow-wrap: anywhere;
  color: var(--jp-content-font-color1, var(--vscode-editor-foreground,
    var(--color-foreground-primary, var(--bp-ink))));
  background: var(--jp-layout-color0, var(--vscode-editor-background,
    var(--color-background-primary, var(--bp-paper))));
  font: 14px/1.5 var(--jp-content-font-family, var(--vscode-font-family, system-ui)), sans-serif;
}
@media (prefers-color-scheme: dark) {
  .backpack { --bp-ink: #dfe2e6; --bp-paper: #1d1f23; --bp-link: #7ab7ff; --bp-mark: #e3a94d; }
}
[data-jp-theme-light="true"] .backpack, .vscode-light .backpack, [data-theme="light"] .backpack {
  --bp-link: #0a58ca; --bp-mark: #9a5b00;
}
[data-jp-theme-light="false"] .backpack, .vscode-dark .backpack, [data-theme="dark"] .backpack {
  --bp-link: #7ab7ff; --bp-mark: #e3a94d;
}
.backpack.bp-table { max-width: 100%; width: fit-content; }
.backpack * { box-sizing: border-box; unicode-bidi: plaintext; text-align: start; }
.backpack .bp-head { font-size: 1.45em; font-weight: 650; line-height: 1.25; margin: 0 0 .3em; }
.backpack .bp-kind span, .backpack .bp-foot, .backpack .bp-remark, .backpack time, .backpack dt,
.backpack summary { color: inherit; opacity: .72; font-size: .86em; }
.backpack .bp-kind { margin: 0; letter-spacing: .02em; }
.backpack .bp-kind .bp-state { color: var(--bp-mark); font-weight: 600; opacity: 1; }
.backpack .bp-tags { display: flex; flex-wrap: wrap; gap: .35em; list-style: none;
  margin: 0 0 .6em; padding: 0; }
.backpack .bp-tags li { margin: 0; padding: 0 .65em; border-radius: 1em; font-size: .86em;
  background: var(--bp-tint); }
.backpack .bp-block { margin: 1em 0 0; }
.backpack .bp-name { font-size: 1.05em; font-weight: 650; line-height: 1.35; margin: 0 0 .15em; }
.backpack .bp-foot { margin: 1.1em 0 0; padding-top: .5em; border-top: 1px solid var(--bp-line); }
.backpack .bp-remark { font-style: italic; margin: .8em 0 0; }
.backpack .bp-plain { white-space: pre-wrap; margin: 0; }
.backpack .bp-text > :first-child { margin-top: 0; }
.backpack .bp-text > :last-child { margin-bottom: 0; }
.backpack .bp-text :is(h1, h2, h3, h4, h5, h6) { font-size: 1.02em; font-weight: 650;
  margin: .7em 0 .2em; }
.backpack p { margin: .4em 0; }
.backpack a { color: var(--bp-link); }
.backpack pre, .backpack code { background: var(--bp-tint); color: inherit; border-radius: 3px;
  padding: 0 .25em; font-size: .93em; font-style: normal; }
.backpack pre { padding: .5em .8em; overflow-x: auto; }
.backpack blockquote { margin: .5em 0; padding: 0 1em;
  border-inline-start: 3px solid var(--bp-line); }
.backpack .bp-line { display: flex; align-items: center; gap: .8em; margin: 1.3em 0 0;
  font-size: .86em; font-weight: 600; opacity: .8; }
.backpack .bp-line::before, .backpack .bp-line::after { content: ""; flex: 1; min-width: 1.5em;
  border-top: 1px solid var(--bp-line); }
.backpack .bp-items, .backpack .bp-names { list-style: none; margin: 0;
  padding: 0; }
.backpack .bp-items li { display: flex; gap: .55em; margin: .12em 0; }
.backpack .bp-items li > div { min-width: 0; }
.backpack .bp-items p { margin: 0; }
.backpack .bp-done > div { opacity: .68; text-decoration: line-through; }
.backpack dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15em 1em;
  margin: .7em 0 0; align-items: baseline; }
.backpack :is(dt, dd) { float: none; width: auto; margin: 0; padding: 0; font-weight: normal; }
.backpack .bp-wide { overflow-x: auto; }
.backpack table { border-collapse: collapse; margin: .4em 0 0; font-size: .93em; color: inherit; }
.backpack :is(th, td) { padding: .25em .8em .25em 0; vertical-align: top; max-width: 28em;
  border: 0; border-bottom: 1px solid var(--bp-line); color: inherit; background: none;
  white-space: normal; overflow-wrap: break-word; text-align: start; }
.backpack tbody tr:nth-child(n) { background: none; }
.backpack th { font-weight: 600; opacity: .75; white-space: nowrap; }
.backpack .bp-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.backpack details { margin: .3em 0 0; }
.backpack summary { cursor: pointer; }
"""
# The style sheets of JupyterLab and nbconvert select elements by up to two classes and two types.
# Three classes precede them wherever the rule stands.
STYLE = _STYLE.replace(".backpack", ".backpack" * 3)


def render(what: Card | Table) -> str:
    """Return a card or a table as HTML that includes its style and refers to nothing outside."""
    if isinstance(what, Table):
        # No heading, since it may stand below one of any level.
        title = f'<p class="bp-name" dir="auto">{_text(what.title)}</p>' if what.title else ""
        return f'<div class="backpack bp-table"><style>{STYLE}</style>{title}{_rows(what)}</div>'
    state = "".join(f' · <span class="bp-state">{_text(state)}</span>' for state in what.states)
    tags = "".join(f'<li dir="auto">{_text(tag)}</li>' for tag in what.tags)
    parts = [
        f'<p class="bp-kind"><span>{_text(what.kind)}</span>{state}</p>',
        f'<h3 class="bp-head" dir="auto">{_text(what.title)}</h3>' if what.title else "",
        f'<ul class="bp-tags">{tags}</ul>' if tags else "",
        *map(_block, what.blocks),
        f'<p class="bp-foot">{_text(" · ".join(what.footer))}</p>' if what.footer else "",
    ]
    return f'<div class="backpack"><style>{STYLE}</style>{"".join(parts)}</div>'


def _text(value: object) -> str:
    return escape(plain(value))


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"nothing is known of how to show {type(block).__name__}")


@_block.register
def _(prose: Prose) -> str:
    shown = cut(prose.text, CHARACTERS)
    when = f"<time>{_text(prose.when)}</time>" if prose.when else ""
    body = _converted(shown) if prose.is_textile else _as_it_stands(shown)
    left = len(prose.text) - len(shown)
    more = _block(Remark(f"… and {left:,} characters more.")) if left else ""
    text = f'<div dir="auto">{body}{when}</div>'
    return f'<div class="bp-block">{_name(prose.title)}{text}{more}</div>'


@_block.register
def _(checklist: Checklist) -> str:
    name = _name(checklist.title)
    if checklist.items is None:
        return f'<div class="bp-block">{name}{_block(_ITEMS_UNKNOWN)}</div>'
    still_open = [text for text, completed in checklist.items if not completed]
    done = [text for text, completed in checklist.items if completed]
    shown = _items("☐", "", still_open)
    if len(done) > ITEMS // 5:
        shown += f"<details><summary>{len(done)} completed</summary>"
        shown += f"{_items('☑', 'bp-done', done)}</details>"
    else:
        shown += _items("☑", "bp-done", done)
    return f'<div class="bp-block">{name}{shown}</div>'


_ITEMS_UNKNOWN = Remark("Not loaded yet: `.items`. Reading it loads it, with one request.")


def _items(mark: str, kind: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    shown = [_converted(cut(text, CHARACTERS)) for text in texts[:ITEMS]]
    items = "".join(
        f'<li class="{kind}" dir="auto"><span>{mark}</span> {text}</li>' for text in shown
    )
    left = len(texts) - ITEMS
    more = _block(Remark(f"… and {left:,} more.")) if left > 0 else ""
    return f'<ul class="bp-items">{items}</ul>{more}'


@_block.register
def _(what: Names) -> str:
    names = "".join(f'<li dir="auto">{_text(name)}</li>' for name in what.names)
    return f'<div class="bp-block">{_name(what.title)}<ul class="bp-names">{names}</ul></div>'


@_block.register
def _(line: Line) -> str:
    return f'<div class="bp-line" role="separator" dir="auto">{_text(line.name)}</div>'


@_block.register
def _(facts: Facts) -> str:
    pairs = "".join(
        f'<dt>{_text(name.replace("_", " "))}</dt><dd dir="auto">{_text(value)}</dd>'
        for name, value in facts.pairs
    )
    return f"<dl>{pairs}</dl>"


@_block.register
def _(remark: Remark) -> str:
    text = re.sub("`(.*?)`", r"<code>\1</code>", _text(remark.text))
    return f'<p class="bp-remark">{text}</p>'


@_block.register
def _(table: Table) -> str:
    return f"{_name(table.title)}{_rows(table)}"


def _rows(table: Table) -> str:
    head = "".join(map(_heading, table.columns, zip(*table.rows, strict=True)))
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    remarks = "".join(map(_block, table.remarks))
    return f'<div class="bp-wide">{body}</div>{remarks}'


def _heading(name: str, values: Sequence[object]) -> str:
    kind = ' class="bp-number"' if all(type(value) is int for value in values) else ""
    return f"<th{kind}>{_text(name)}</th>"


def _cell(value: object) -> str:
    if type(value) is int:
        return f'<td class="bp-number">{value}</td>'
    return f'<td dir="auto">{_text(in_a_cell(value))}</td>'


def _name(name: str) -> str:
    return f'<h4 class="bp-name" dir="auto">{_text(name)}</h4>' if name else ""


def _as_it_stands(text: str) -> str:
    return f'<p class="bp-plain">{_text(text)}</p>'


def _converted(text: str) -> str:
    """Return the HTML of a text in Textile, or the text as typed and why.

    Without the extra `text` it is the text as typed. There are no ids in it: a notebook may show
    the same text twice.
    """
    try:
        document = parse(text)
    except ImportError:
        return f"<div>{_as_it_stands(text)}</div>"
    if document.problem:
        remark = _block(Remark(f"Shown as typed: {document.problem}."))
        return f"<div>{_as_it_stands(text)}{remark}</div>"
    return f'<div class="bp-text">{document.html(id_prefix=None)}</div>'
