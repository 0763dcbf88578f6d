"""The tree of a converted text: elements of sanitized HTML, parsed without recursion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import TypeAlias

from attrs import define, field

MAX_DEPTH = 50
"""Elements nested deeper than this lose their tag and keep their content."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
LISTS = frozenset({"dl", "ol", "ul"})
SECTIONS = frozenset({"tbody", "tfoot", "thead"})
CONTAINERS = frozenset({"blockquote", "dd", "div", "li", "td", "th"})
LEAVES = HEADINGS | {"caption", "dt", "note", "p", "pre", "run"}
"""Blocks that contain only inline nodes; `run` is text directly in a container."""
BLOCKS = CONTAINERS | LEAVES | LISTS | SECTIONS | {"hr", "table", "tr"}
_WITHOUT_TEXT = SECTIONS | {"table", "tr"}
CODE = frozenset({"code", "kbd", "samp", "tt"})
EMPTY = frozenset({"br", "hr", "img"})


@define(eq=False)
class Element:
    """An element of the tree.

    Its tag is an HTML tag, or one of `root`, `run`, `note` (a footnote) and `ref` (a reference to a
    footnote).
    """

    tag: str
    attributes: dict[str, str] = field(factory=dict)
    children: list[Node] = field(factory=list)

    def copy(self, children: Sequence[Node]) -> Element:
        """Return the same element around other children."""
        return Element(self.tag, dict(self.attributes), list(children))

    def elements(self) -> Iterator[Element]:
        """Yield this element and all below it, in document order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.elements()

    def text(self) -> str:
        """Return the text of all text nodes; a line break is a newline."""
        if self.tag == "br":
            return "\n"
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


Node: TypeAlias = "Element | str"


def parse_html(html: str) -> Element:
    """Parse HTML in which every element has an end tag, except for void elements such as `br`.

    >>> root = parse_html("<p>Rua da <b>Rosa</b> &amp; more</p>")
    >>> root.children[0].text()
    'Rua da Rosa & more'
    """
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.root


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and any(each.tag == "a" for each in self._open):
            tag = "span"  # a link inside a link, left by the removal of a table
        if len(self._open) > MAX_DEPTH:
            element = next(each for each in reversed(self._open) if each.tag not in _WITHOUT_TEXT)
        else:
            element = Element(tag, {name: value or "" for name, value in attrs})
            self._open[-1].children.append(element)
        if tag not in EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def is_block(node: Node) -> bool:
    """Return whether a node is a block."""
    return isinstance(node, Element) and node.tag in BLOCKS


def is_code(node: Node) -> bool:
    """Return whether a node is code that contains only text, and no elements such as links."""
    return (
        isinstance(node, Element)
        and node.tag in CODE
        and all(isinstance(child, str) for child in node.children)
    )


def contains_block(element: Element) -> bool:
    """Return whether there is a block anywhere below an element."""
    return any(each.tag in BLOCKS for each in element.elements() if each is not element)


def flat(nodes: Sequence[Node]) -> list[Node]:
    """Return the inline nodes of blocks, with a line break between two blocks.

    >>> [node if isinstance(node, str) else node.tag
    ...  for node in flat(parse_html("<p>a</p><p>b</p>").children)]
    ['a', 'br', 'b']
    """
    parts: list[Node] = []
    after_block = False
    for node in nodes:
        block = is_block(node)
        if isinstance(node, Element) and node.tag == "pre":
            inner = _lines_of_code(node.text())
        elif isinstance(node, Element) and (block or contains_block(node)):
            inner = flat(node.children)
        else:
            inner = [node]
        if parts and inner and (block or after_block):
            parts.append(Element("br"))
        parts += inner
        after_block = block
    return parts


def _lines_of_code(text: str) -> list[Node]:
    lines: list[Node] = []
    for line in text.strip("\n").split("\n"):
        lines += [Element("br"), Element("code", {}, [line]) if line else ""]
    return lines[1:]
