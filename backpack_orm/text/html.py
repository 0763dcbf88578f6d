"""Writes the tree of a text as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from backpack_orm.text.tree import BLOCKS, Element, Node

_ATTRIBUTES = ("href", "title", "start", "colspan", "rowspan", "lang", "dir", "style", "rel", "id")


def write(root: Element, id_prefix: str | None) -> str:
    """Return the HTML of an arranged tree: one line for each block."""
    return _Writer(id_prefix).document(root).rstrip("\n")


class _Writer:
    def __init__(self, id_prefix: str | None) -> None:
        self._prefix = id_prefix

    def document(self, root: Element) -> str:
        return "".join(self._block(node, at_top=True) for node in root.children)

    def _block(self, node: Node, at_top: bool) -> str:
        assert isinstance(node, Element)
        if node.tag == "run":
            inner = self._inline(node.children)
            return f"<p>{inner}</p>\n" if at_top else inner
        if node.tag == "hr":
            return "<hr>\n"
        if node.tag == "pre":
            text = escape(node.text(), quote=False)
            return f"{_tag('pre', node.attributes)}\n{text}</pre>\n"
        if node.tag == "note":
            return self._note(node)
        inner = self._content(node)
        return f"{_tag(node.tag, node.attributes)}{inner}</{node.tag}>\n"

    def _content(self, node: Element) -> str:
        blocks = [
            each for each in node.children if isinstance(each, Element) and each.tag in BLOCKS
        ]
        if not blocks:
            return self._inline(node.children)
        if len(blocks) == 1 and blocks[0].tag == "run":
            return self._inline(blocks[0].children)
        inner = "".join(map(self._separated, node.children))
        starts_with_text = isinstance(node.children[0], Element) and node.children[0].tag == "run"
        return inner if starts_with_text else f"\n{inner}"

    def _separated(self, node: Node) -> str:
        """Return a block of a container; text that other blocks follow ends with a newline."""
        written = self._block(node, at_top=False)
        return written if written.endswith("\n") else f"{written}\n"

    def _note(self, note: Element) -> str:
        number, label = note.attributes["number"], escape(note.attributes["label"])
        inner = self._inline(note.children)
        if self._prefix is None:
            return f"<p><sup>{label}</sup> {inner}</p>\n"
        prefix = escape(self._prefix)
        back = f'<sup><a href="#{prefix}fnref{number}">{label}</a></sup>'
        return f'<p id="{prefix}fn{number}">{back} {inner}</p>\n'

    def _inline(self, nodes: Iterable[Node], in_link: bool = False) -> str:
        return "".join(self._inline_node(node, in_link) for node in nodes)

    def _inline_node(self, node: Node, in_link: bool) -> str:
        if isinstance(node, str):
            return escape(node, quote=False)
        if node.tag == "br":
            return "<br>\n"
        if node.tag == "img":
            return _image(node, in_link)
        if node.tag == "ref":
            return self._reference(node)
        inner = self._inline(node.children, in_link or node.tag == "a")
        attributes = node.attributes
        if node.tag == "a":
            if "href" not in attributes:
                return inner
            attributes = {**attributes, "rel": "noopener noreferrer"}
        if node.tag == "span" and not attributes.keys() & _ATTRIBUTES:
            return inner
        return f"{_tag(node.tag, attributes)}{inner}</{node.tag}>"

    def _reference(self, reference: Element) -> str:
        number, label = reference.attributes["number"], escape(reference.attributes["label"])
        if self._prefix is None:
            return f"<sup>{label}</sup>"
        prefix = escape(self._prefix)
        id = f' id="{prefix}fnref{number}"' if reference.attributes["first"] else ""
        return f'<sup{id}><a href="#{prefix}fn{number}">{label}</a></sup>'


def _image(image: Element, in_link: bool) -> str:
    """Return a link to an image, since nothing is loaded."""
    source = image.attributes.get("src", "")
    name = f"🖼 {image.attributes.get('alt') or source or 'image'}"
    if in_link or not source:
        return escape(name, quote=False)
    attributes = {"href": source, "rel": "noopener noreferrer"}
    return f"{_tag('a', attributes)}{escape(name, quote=False)}</a>"


def _tag(name: str, attributes: dict[str, str]) -> str:
    """Return a start tag with its attributes in a fixed order."""
    parts = [
        f' {attribute}="{escape(attributes[attribute])}"'
        for attribute in _ATTRIBUTES
        if attribute in attributes
    ]
    return f"<{name}{''.join(parts)}>"
