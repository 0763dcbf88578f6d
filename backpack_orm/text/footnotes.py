"""Footnotes: pairs of references and notes, numbered by their order in the text."""

from __future__ import annotations

import re

from attrs import define, field

from backpack_orm.text.tree import Element, Node

_TARGET = re.compile(r"#((?:fn(?!rev)|note(?!ref))[\w-]+)", re.ASCII)
_BACK = re.compile(r"#(?:fnrev|noteref)[\w-]+", re.ASCII)


@define
class _Notes:
    """The footnotes of a text by the ids that Textile gave them."""

    numbers: dict[str, int] = field(factory=dict)
    labels: dict[str, str] = field(factory=dict)


def link(root: Element) -> None:
    """Replace references by elements `ref` and the notes by blocks `note`.

    Both have the attributes `number`, counted from 1 and unique, and `label`, as the reader sees
    it. A reference without a note becomes what its author typed, such as `[1]`; a note without a
    reference remains a paragraph. Other ids, and links to them, are removed.
    """
    present = {id for each in root.elements() if (id := each.attributes.get("id"))}
    notes = _Notes()
    _replace_references(root, present, notes)
    _replace_notes(root, notes, set())
    for each in root.elements():
        each.attributes.pop("id", None)
        if each.attributes.get("href", "").startswith("#"):
            del each.attributes["href"]


def _replace_references(parent: Element, present: set[str], notes: _Notes) -> None:
    for place, child in enumerate(parent.children):
        if not isinstance(child, Element):
            continue
        target = _target_of(child)
        if target is None:
            _replace_references(child, present, notes)
            continue
        label = " ".join(child.text().split())
        if target not in present or not label:
            parent.children[place] = f"[{label}]"
            continue
        is_first = target not in notes.numbers
        number = str(notes.numbers.setdefault(target, len(notes.numbers) + 1))
        label = notes.labels.setdefault(target, label)
        attributes = {"number": number, "label": label, "first": "yes" if is_first else ""}
        parent.children[place] = Element("ref", attributes)


def _target_of(element: Element) -> str | None:
    """Return the id that a reference `<sup><a href="#fn1">1</a></sup>` leads to."""
    if element.tag != "sup" or len(element.children) != 1:
        return None
    anchor = element.children[0]
    found = isinstance(anchor, Element) and _TARGET.fullmatch(anchor.attributes.get("href", ""))
    return found[1] if found else None


def _replace_notes(parent: Element, notes: _Notes, done: set[str]) -> None:
    children: list[Node] = []
    for child in parent.children:
        if not isinstance(child, Element):
            children.append(child)
            continue
        if child.tag == "ol" and any(map(_endnote, child.children)):
            children += [_note(item, notes, done) for item in child.children if _is_item(item)]
        elif child.tag == "p":
            children.append(_note(child, notes, done))
        else:
            _replace_notes(child, notes, done)
            children.append(child)
    parent.children[:] = children


def _is_item(node: Node) -> bool:
    return isinstance(node, Element)


def _endnote(node: Node) -> bool:
    """Return whether a node is an item of the list of endnotes that Textile generates."""
    return (
        isinstance(node, Element)
        and node.tag == "li"
        and any(each.tag == "span" and "id" in each.attributes for each in node.elements())
    )


def _note(block: Node, notes: _Notes, done: set[str]) -> Node:
    """Return a note of a paragraph or item that a reference leads to, else the block."""
    assert isinstance(block, Element)
    ids = [id for each in block.elements() if (id := each.attributes.get("id")) in notes.numbers]
    key = next((id for id in ids if id and id not in done), None)
    if key is None:
        return block if block.tag == "p" else Element("div", {}, block.children)
    done.add(key)
    children = list(block.children)
    while children and _is_mark(children[0], notes.labels[key]):
        del children[0]
    attributes = {"number": str(notes.numbers[key]), "label": notes.labels[key]}
    return Element("note", attributes, children)


def _is_mark(node: Node, label: str) -> bool:
    """Return whether a node is the number in front of a note, a link back, or space."""
    if isinstance(node, str):
        return not node.strip()
    if node.tag == "span":
        return "id" in node.attributes and not node.text().strip()
    links = [each.attributes.get("href", "") for each in node.elements() if each.tag == "a"]
    is_back = bool(links) and all(map(_BACK.fullmatch, links))
    return node.tag == "sup" and (is_back or node.text() == label)
