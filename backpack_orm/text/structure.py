"""The structure of a converted text: blocks in containers, inline nodes in leaves, one space."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backpack_orm.text.tree import (
    BLOCKS,
    CONTAINERS,
    LISTS,
    SECTIONS,
    Element,
    Node,
    contains_block,
    flat,
    is_block,
    is_code,
)

_SPACE = re.compile(r"[ \t\n\f\r]+")
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_KEPT = frozenset({"dd", "dt", "hr", "li", "td", "th", "tr"})
"""Blocks that mean something even if they are empty."""


def arrange(root: Element) -> None:
    """Give a tree the structure that the writers rely on.

    A container has blocks as children, and text directly in it is in a block `run`. A leaf has
    inline nodes, with white space collapsed as browsers do, but not in `pre` and code. Lists have
    items, tables have rows in sections or directly, rows have cells. Nothing is empty without
    meaning.
    """
    root.children[:] = _blocks(root.children)


def _blocks(nodes: Iterable[Node]) -> list[Node]:
    """Return the blocks of a container."""
    blocks: list[Node] = []
    run: list[Node] = []
    for node in _lifted(nodes):
        if not isinstance(node, Element) or node.tag not in BLOCKS:
            run.append(node)
            continue
        _close(run, blocks)
        if node.tag in ("li", "dd", "dt"):
            _to_a_list(node, blocks)
        elif node.tag == "p":
            blocks += [node.copy(part) for part in _paragraphs(node.children)]
        else:
            blocks.append(node)
    _close(run, blocks)
    return [block for each in blocks if (block := _arranged(each)) is not None]


def _close(run: list[Node], blocks: list[Node]) -> None:
    blocks += [Element("run", {}, part) for part in _paragraphs(run) if not _is_blank(part)]
    run.clear()


def _paragraphs(nodes: Iterable[Node]) -> list[list[Node]]:
    """Split inline nodes at empty lines: Textile leaves them in long quotations, for example."""
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if isinstance(node, str):
            first, *others = _EMPTY_LINE.split(node)
            parts[-1].append(first)
            parts += [[other] for other in others]
        else:
            parts[-1].append(node)
    return parts


def _is_blank(nodes: Iterable[Node]) -> bool:
    """Return whether inline nodes are nothing but white space and line breaks."""
    return all(
        node.tag == "br" if isinstance(node, Element) else not node.strip(" \t\n\f\r")
        for node in nodes
    )


def _to_a_list(item: Element, blocks: list[Node]) -> None:
    """Add an item without a list to the list before it, or to a new one."""
    tag = "ul" if item.tag == "li" else "dl"
    before = blocks[-1] if blocks else None
    if isinstance(before, Element) and before.tag == tag and "own" in before.attributes:
        before.children.append(item)
    else:
        blocks.append(Element(tag, {"own": "yes"}, [item]))


def _arranged(node: Node) -> Element | None:
    """Return a block in its final structure, or None if it is empty."""
    assert isinstance(node, Element)
    node.attributes.pop("own", None)
    if node.tag == "hr":
        return node
    if node.tag == "table":
        return _table(node)
    if node.tag in LISTS:
        node.children[:] = _items(node)
    elif node.tag in CONTAINERS or node.tag in SECTIONS or node.tag == "tr":
        if node.tag not in ("blockquote", "dd", "li", "td", "th"):
            node.tag = "div"  # what is outside of the table that it needs
        node.children[:] = _blocks(node.children)
    elif node.tag == "pre":
        node.children[:] = [node.text()]
        return node if node.text() else None
    else:
        node.tag = "p" if node.tag == "caption" else node.tag
        node.children[:] = _inline(flat(node.children))
    return node if node.children or node.tag in _KEPT else None


def _items(a_list: Element) -> list[Node]:
    """Return the items of a list; what is between two of them belongs to the one before."""
    tags = ("dd", "dt") if a_list.tag == "dl" else ("li",)
    items: list[Element] = []
    for node in _lifted(a_list.children):
        if isinstance(node, Element) and node.tag in tags:
            items.append(node)
        elif isinstance(node, Element) or node.strip():
            if not items or items[-1].tag == "dt":
                items.append(Element(tags[0]))
            items[-1].children.append(node)
    return [item for each in items if (item := _arranged(each)) is not None]


def _table(table: Element) -> Element | None:
    children: list[Element] = []
    for node in table.children:
        if not isinstance(node, Element):
            continue
        if node.tag == "caption":
            caption = node.copy(_inline(flat(node.children)))
            children += [caption] if caption.children else []
        elif node.tag in SECTIONS:
            rows = [_row(each) for each in node.children if _is(each, "tr")]
            children += [node.copy(rows)] if rows else []
        elif node.tag == "tr":
            children.append(_row(node))
    has_rows = any(each.tag == "tr" for each in table.elements())
    if not has_rows and children:
        return Element("p", {}, children[0].children)  # a caption alone
    table.children[:] = children
    return table if has_rows else None


def _is(node: Node, tag: str) -> bool:
    return isinstance(node, Element) and node.tag == tag


def _row(row: Node) -> Element:
    assert isinstance(row, Element)
    cells = [cell for cell in row.children if _is(cell, "td") or _is(cell, "th")]
    return row.copy([cell for each in cells if (cell := _arranged(each)) is not None])


# --- inline nodes around blocks ---------------------------------------------------------------


def _lifted(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes with no inline element around a block: it goes into the block instead."""
    lifted: list[Node] = []
    for node in nodes:
        if isinstance(node, Element) and not is_block(node) and contains_block(node):
            lifted += _pushed(node, _lifted(node.children))
        else:
            lifted.append(node)
    return lifted


def _pushed(around: Element, nodes: Sequence[Node]) -> list[Node]:
    """Return nodes with an inline element around the inline ones, at any depth."""
    pushed: list[Node] = []
    run: list[Node] = []
    for node in nodes:
        if not isinstance(node, Element) or node.tag not in BLOCKS:
            run.append(node)
            continue
        pushed += _wrapped(around, run)
        run = []
        pushed.append(node.copy(_pushed(around, node.children)))
    return pushed + _wrapped(around, run)


def _wrapped(around: Element, run: list[Node]) -> list[Node]:
    """Return inline nodes inside of an inline element, but white space alone as it is."""
    if _is_blank(run):
        return run
    return [around.copy(run)]


# --- white space ------------------------------------------------------------------------------


def _inline(nodes: Iterable[Node]) -> list[Node]:
    """Return inline nodes with collapsed white space, without what is empty."""
    collapsed = _collapsed(nodes, [True])
    while collapsed and _is(collapsed[0], "br"):
        del collapsed[0]
    _trim_end(collapsed)
    return collapsed


def _collapsed(nodes: Iterable[Node], after_space: list[bool]) -> list[Node]:
    """Collapse white space; `after_space` says whether the node before ends with a space."""
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            text = _SPACE.sub(" ", node)
            text = text[1:] if after_space[0] and text.startswith(" ") else text
            if text:
                after_space[0] = text.endswith(" ")
                kept.append(text)
        elif node.tag == "br":
            _trim_space(kept)
            after_space[0] = True
            kept.append(node)
        elif _is_atom(node):
            if node.tag in ("img", "ref") or node.text():
                after_space[0] = False
                kept.append(node)
        elif node.tag == "q":
            kept += _collapsed(["“", *node.children, "”"], after_space)
        else:
            children = _collapsed(node.children, after_space)
            if children:
                kept.append(node.copy(children))
    return kept


def _trim_end(nodes: list[Node]) -> None:
    """Remove space and line breaks at the end."""
    while nodes:
        last = nodes[-1]
        if isinstance(last, str):
            nodes[-1] = last.rstrip(" ")
            if nodes[-1]:
                return
        elif _is_atom(last):
            return
        elif last.tag != "br":
            _trim_end(last.children)
            if last.children:
                return
        del nodes[-1]


def _trim_space(nodes: list[Node]) -> None:
    """Remove space at the end."""
    if nodes and isinstance(nodes[-1], str):
        nodes[-1] = nodes[-1].rstrip(" ")
        if not nodes[-1]:
            del nodes[-1]
    elif nodes and isinstance(nodes[-1], Element) and not _is_atom(nodes[-1]):
        _trim_space(nodes[-1].children)


def _is_atom(element: Element) -> bool:
    return element.tag in ("img", "ref") or is_code(element)
