"""Writes the tree of a text as Markdown: CommonMark, with GitHub's tables and footnotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape as escape_html
from urllib.parse import quote

from backpack_orm.text import tables
from backpack_orm.text.emphasis import Emphasis, Mark, Piece, Raw, Text, render
from backpack_orm.text.tree import HEADINGS, LISTS, Element, Node, flat, is_code

_STRONG = frozenset({"b", "strong"})
_EM = frozenset({"cite", "dfn", "em", "i", "var"})
_DELETED = frozenset({"del", "s", "strike"})
_HTML = frozenset({"ins", "sub", "sup", "u"})
"""Elements that Markdown has no marks for, and that readers know as HTML."""

_AUTOLINK = re.compile(r"https?://[^\s<>\\|]+", re.ASCII)
_ALIGNMENTS = {"left": ":--", "center": ":-:", "right": "--:"}
_LIST_MARKS = {"ul": ("-", "*"), "ol": (".", ")")}
_LAST_NUMBER = 999_999_999


def write(root: Element) -> str:
    """Return the Markdown of an arranged tree."""
    return "\n".join(_Writer(root).blocks(root.children))


class _Writer:
    def __init__(self, root: Element) -> None:
        self._names: dict[str, str] = {}
        for each in root.elements():
            if each.tag in ("note", "ref"):
                self._name(each.attributes["number"], each.attributes["label"])

    def _name(self, number: str, label: str) -> str:
        """Return the name of a footnote: its label, or another if that cannot be one."""
        if number not in self._names:
            is_usable = re.fullmatch(r"\w+", label) and label not in self._names.values()
            self._names[number] = label if is_usable else f"note-{number}"
        return self._names[number]

    # --- blocks -------------------------------------------------------------------------------

    def blocks(self, nodes: Iterable[Node], is_tight: bool = False) -> list[str]:
        """Return the lines of blocks, with an empty line between two of them."""
        lines: list[str] = []
        previous, turn = "", 0
        for block in _expanded(nodes):
            if block.tag in LISTS:
                turn = 1 - turn if previous == block.tag else 0
            written = self._block(block, turn)
            if lines and not (is_tight and _may_follow_text(block)):
                lines.append("")
            lines += written
            previous = block.tag
        return lines

    def _block(self, block: Element, turn: int) -> list[str]:
        if block.tag in HEADINGS:
            text = self._line(block.children)
            text = re.sub(r"(?<![\\#])(#*)#$", r"\1\\#", text)
            return [f"{'#' * int(block.tag[1])} {text}"]
        if block.tag == "hr":
            return ["___"]
        if block.tag == "pre":
            return _fenced(block.text())
        if block.tag == "blockquote":
            return [f"> {line}" if line else ">" for line in self.blocks(block.children)]
        if block.tag == "table":
            return self._table(block)
        if block.tag in LISTS:
            return self._list(block, _LIST_MARKS[block.tag][turn])
        text = render(self._inline(block.children, Raw("\\\n")))
        if block.tag == "note":
            name = self._name(block.attributes["number"], block.attributes["label"])
            return f"[^{name}]: {text}".replace("\n", "\n    ").split("\n")
        return text.split("\n")

    def _line(self, nodes: Sequence[Node], in_table: bool = False) -> str:
        return render(self._inline(nodes, Raw("<br>"), in_table), in_table)

    def _list(self, a_list: Element, mark: str) -> list[str]:
        items = [item for item in a_list.children if isinstance(item, Element)]
        is_tight = all(_is_simple(item) for item in items)
        number = min(int(a_list.attributes.get("start", "1")), _LAST_NUMBER - len(items))
        lines: list[str] = []
        for place, item in enumerate(items):
            marker = f"{number + place}{mark}" if a_list.tag == "ol" else mark
            inner = self.blocks(item.children, is_tight) or [""]
            if lines and not is_tight:
                lines.append("")
            lines.append(f"{marker} {inner[0]}" if inner[0] else marker)
            indent = " " * (len(marker) + 1)
            lines += [f"{indent}{line}" if line else "" for line in inner[1:]]
        return lines

    def _table(self, table: Element) -> list[str]:
        rows = tables.grid(table)
        width = max(map(len, rows))
        has_head = all(cell.tag == "th" for cell in rows[0])
        head, body = (rows[0], rows[1:]) if has_head else ([Element("th")] * width, rows)
        caption = tables.caption(table)
        lines = [self._line(caption.children), ""] if caption else []
        lines += [self._row(head), _rule([head, *body[:1]])]
        return lines + [self._row(row) for row in body]

    def _row(self, cells: Sequence[Element]) -> str:
        written = (self._line(flat(cell.children), in_table=True) for cell in cells)
        return f"| {' | '.join(written)} |"

    # --- inline nodes -------------------------------------------------------------------------

    def _inline(
        self, nodes: Sequence[Node], line_break: Raw, in_table: bool = False, inside: str = ""
    ) -> list[Piece]:
        """Return the pieces of inline nodes; `inside` names the emphasis around them."""
        pieces: list[Piece] = []
        for node in nodes:
            if isinstance(node, str):
                pieces.append(Text(node))
            elif node.tag == "br":
                pieces.append(line_break)
            elif is_code(node):
                _add_code(pieces, node.text(), in_table)
            elif node.tag == "img":
                pieces += _image(node)
            elif node.tag == "ref":
                name = self._name(node.attributes["number"], node.attributes["label"])
                pieces.append(Raw(f"[^{name}]"))
            else:
                emphasis = _emphasis(node.tag, inside)
                kinds = f"{inside} {emphasis.tag}" if emphasis else inside
                inner = self._inline(node.children, line_break, in_table, kinds)
                pieces += _around(node, emphasis, inner, in_table)
        return pieces


def _expanded(nodes: Iterable[Node]) -> Iterator[Element]:
    """Yield blocks, with the blocks of a `div` in its place, and definition lists as others."""
    for node in nodes:
        assert isinstance(node, Element)
        if node.tag == "div":
            yield from _expanded(node.children)
        elif node.tag == "dl":
            yield from _definitions(node)
        else:
            yield node


def _definitions(a_list: Element) -> Iterator[Element]:
    """Yield a paragraph for each term, and a list for the definitions after it."""
    definitions: list[Node] = []
    for item in a_list.children:
        assert isinstance(item, Element)
        if item.tag == "dd":
            definitions.append(Element("li", {}, item.children))
            continue
        if definitions:
            yield Element("ul", {}, definitions)
            definitions = []
        if item.children:
            yield Element("p", {}, [Element("strong", {}, item.children)])
    if definitions:
        yield Element("ul", {}, definitions)


def _is_simple(item: Element) -> bool:
    """Return whether an item is text, perhaps with lists below."""
    tags = [child.tag for child in _expanded(item.children)]
    return all(tag in LISTS for tag in tags[1:]) and (not tags or tags[0] in ("run", *LISTS))


def _may_follow_text(block: Element) -> bool:
    """Return whether a block is a list that may follow text without an empty line."""
    if block.tag == "ol" and block.attributes.get("start", "1") != "1":
        return False
    first = block.children[0] if block.tag in LISTS and block.children else None
    return isinstance(first, Element) and bool(first.children)


def _fenced(text: str) -> list[str]:
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * max(3, max(runs, default=0) + 1)
    return [fence, *text.removesuffix("\n").split("\n"), fence]


def _rule(rows: Sequence[Sequence[Element]]) -> str:
    """Return the line below the head of a table, with the alignment of its columns."""
    alignments = ["---"] * len(rows[0])
    for row in rows:
        for place, cell in enumerate(row[: len(alignments)]):
            style = cell.attributes.get("style", "")
            alignments[place] = _ALIGNMENTS.get(style.partition(":")[2], alignments[place])
    return f"| {' | '.join(alignments)} |"


def _emphasis(tag: str, inside: str) -> Emphasis | None:
    """Return the emphasis of an element, unless the same is around it already."""
    kinds = inside.split()
    is_nested = "strong" in kinds or "em" in kinds
    if tag in _STRONG and "strong" not in kinds:
        return Emphasis("strong", "__" if is_nested else "**")
    if tag in _EM and "em" not in kinds:
        return Emphasis("em", "_" if is_nested else "*")
    if tag in _DELETED and "del" not in kinds:
        return Emphasis("del", "~~")
    return None


def _around(
    node: Element, emphasis: Emphasis | None, inner: list[Piece], in_table: bool
) -> list[Piece]:
    """Return pieces inside of their element; a space at an end goes outside."""
    before, inner, after = _split_spaces(inner)
    if not inner:
        return before or after
    if emphasis:
        inner = [Mark(emphasis, True), *inner, Mark(emphasis, False)]
    elif node.tag in _HTML:
        inner = [Raw(f"<{node.tag}>"), *inner, Raw(f"</{node.tag}>")]
    elif node.tag in ("abbr", "acronym") and node.attributes.get("title"):
        title = _attribute(node.attributes["title"], in_table)
        inner = [Raw(f'<abbr title="{title}">'), *inner, Raw("</abbr>")]
    elif node.tag == "a" and node.attributes.get("href"):
        inner = _link(node, inner, in_table)
    return [*before, *inner, *after]


def _split_spaces(pieces: list[Piece]) -> tuple[list[Piece], list[Piece], list[Piece]]:
    before: list[Piece] = []
    after: list[Piece] = []
    if pieces and isinstance(first := pieces[0], Text) and first.text.startswith(" "):
        before = [Text(" ")]
        pieces = [Text(first.text[1:]), *pieces[1:]] if first.text != " " else pieces[1:]
    if pieces and isinstance(last := pieces[-1], Text) and last.text.endswith(" "):
        after = [Text(" ")]
        pieces = [*pieces[:-1], Text(last.text[:-1])] if last.text != " " else pieces[:-1]
    return before, pieces, after


def _link(node: Element, inner: list[Piece], in_table: bool) -> list[Piece]:
    href = node.attributes["href"]
    is_bare = len(inner) == 1 and inner[0] == Text(href)
    if is_bare and _AUTOLINK.fullmatch(href) and "&" not in href:
        return [Raw(f"<{href}>")]
    title = node.attributes.get("title", "")
    return [Raw("["), *inner, Raw(f"]({_target(href)}{_title(title, in_table)})")]


def _target(url: str) -> str:
    """Return a URL without characters that would end it or mean something else."""
    quoted = quote(url, safe="!#$%&'*+,-./:;=?@[]^_{}~")
    return re.sub(r"&(?=#?\w+;)", "&amp;", quoted)


def _title(title: str, in_table: bool) -> str:
    if not title:
        return ""
    text = re.sub(r"([\\\"`*_<\[\]&~])", r"\\\1", " ".join(title.split()))
    return f' "{text}"'.replace("|", "\\|") if in_table else f' "{text}"'


def _attribute(value: str, in_table: bool) -> str:
    text = escape_html(" ".join(value.split()))
    return text.replace("|", "&#124;") if in_table else text


def _image(image: Element) -> list[Piece]:
    source = image.attributes.get("src", "")
    text = image.attributes.get("alt", "")
    if not source:
        return [Text(f"🖼 {text or 'image'}")]
    return [Raw("!["), Text(" ".join(text.split())), Raw(f"]({_target(source)})")]


def _add_code(pieces: list[Piece], text: str, in_table: bool) -> None:
    """Add a code span; a comment parts it from one before, with which it would be one."""
    last = pieces[-1] if pieces else None
    text = text.replace("\n", " ")
    text = text.replace("|", "\\|") if in_table else text
    runs = {len(run) for run in re.findall(r"`+", text)}
    fence = "`" * next(count for count in range(1, len(runs) + 2) if count not in runs)
    pads = text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " " and text.strip(" "))
    pad = " " if pads else ""
    if isinstance(last, Raw) and last.markdown.endswith("`"):
        pieces.append(Raw("<!-- -->"))
    pieces.append(Raw(f"{fence}{pad}{text}{pad}{fence}"))
