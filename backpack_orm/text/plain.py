"""Writes the tree of a text as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backpack_orm.text import tables
from backpack_orm.text.tree import LISTS, Element, Node, flat


def write(root: Element) -> str:
    """Return the plain text of an arranged tree."""
    return "\n".join(_blocks(root.children))


def _blocks(nodes: Iterable[Node], is_tight: bool = False) -> list[str]:
    """Return the lines of blocks, with an empty line between two of them."""
    lines: list[str] = []
    for node in nodes:
        assert isinstance(node, Element)
        written = _block(node)
        if lines and written and not is_tight:
            lines.append("")
        lines += written
    return lines


def _block(block: Element) -> list[str]:
    if block.tag == "hr":
        return ["---"]
    if block.tag == "pre":
        return block.text().removesuffix("\n").split("\n")
    if block.tag == "blockquote":
        return [f"> {line}" if line else ">" for line in _blocks(block.children)]
    if block.tag == "div":
        return _blocks(block.children)
    if block.tag == "table":
        return _table(block)
    if block.tag == "dl":
        return _definitions(block)
    if block.tag in LISTS:
        return _list(block)
    text = _inline(block.children)
    if block.tag == "note":
        text = f"[{block.attributes['label']}] {text}"
    return text.split("\n")


def _list(a_list: Element) -> list[str]:
    items = [item for item in a_list.children if isinstance(item, Element)]
    is_tight = all(_is_simple(item) for item in items)
    first = int(a_list.attributes.get("start", "1"))
    lines: list[str] = []
    for place, item in enumerate(items):
        marker = f"{first + place}." if a_list.tag == "ol" else "-"
        inner = _blocks(item.children, is_tight) or [""]
        if lines and not is_tight:
            lines.append("")
        lines.append(f"{marker} {inner[0]}".rstrip(" "))
        indent = " " * (len(marker) + 1)
        lines += [f"{indent}{line}" if line else "" for line in inner[1:]]
    return lines


def _is_simple(item: Element) -> bool:
    """Return whether an item is text, perhaps with lists below."""
    tags = [child.tag for child in item.children if isinstance(child, Element)]
    return all(tag in LISTS for tag in tags[1:]) and (not tags or tags[0] in ("run", *LISTS))


def _definitions(a_list: Element) -> list[str]:
    lines: list[str] = []
    for item in a_list.children:
        assert isinstance(item, Element)
        if item.tag == "dt":
            lines += _inline(item.children).split("\n")
        else:
            lines += [f"  {line}" if line else "" for line in _blocks(item.children)]
    return lines


def _table(table: Element) -> list[str]:
    caption = tables.caption(table)
    lines = [_inline(caption.children), ""] if caption else []
    return lines + [_row(row) for row in tables.grid(table)]


def _row(cells: Sequence[Element]) -> str:
    written = (_inline(flat(cell.children)).replace("\n", " ") for cell in cells)
    return " | ".join(written).rstrip(" ")


def _inline(nodes: Sequence[Node]) -> str:
    return "".join(map(_inline_node, nodes))


def _inline_node(node: Node) -> str:
    if isinstance(node, str):
        return node
    if node.tag == "br":
        return "\n"
    if node.tag == "ref":
        return f"[{node.attributes['label']}]"
    if node.tag == "img":
        return _image(node)
    text = _inline(node.children)
    if node.tag == "a":
        return _with_target(text, node.attributes.get("href", ""))
    title = node.attributes.get("title", "") if node.tag in ("abbr", "acronym") else ""
    return f"{text} ({' '.join(title.split())})" if title else text


def _with_target(text: str, href: str) -> str:
    """Return the text of a link and where it leads, unless that is the same."""
    target = href.removeprefix("mailto:")
    return f"{text} ({target})" if target and target != text.strip() else text


def _image(image: Element) -> str:
    source, text = image.attributes.get("src", ""), image.attributes.get("alt", "")
    name = f"🖼 {' '.join(text.split()) or source or 'image'}"
    return _with_target(name, source) if text and source else name
