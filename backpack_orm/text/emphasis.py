"""Inline Markdown: pieces, the escaping of text, and emphasis that every parser recognizes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from attrs import define

_ESCAPED = re.compile(
    r"[\\`*\[\]<~]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # inside of a word an underscore is no mark
    r"|&(?=\#?\w+;)|!$"
)
_RARE_SPACE = re.compile(r"[^\S \n]")
_LINE_START = re.compile(
    r"(?:(\d{1,9})(?=[.)](?:\s|$)))?"
    r"(?=[.)]|[-+](?:\s|$)|\#{1,6}(?:\s|$)|>|=+\s*$|[-:|][-:|\s]*$)"
)
_ASCII_MARKS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@define(eq=False)
class Emphasis:
    """A pair of marks around inline content: Markdown's marks, or else an HTML element."""

    tag: Literal["strong", "em", "del"]
    mark: str
    is_markdown: bool = True

    def start(self) -> str:
        """Return what the content starts with."""
        return self.mark if self.is_markdown else f"<{self.tag}>"

    def end(self) -> str:
        """Return what the content ends with."""
        return self.mark if self.is_markdown else f"</{self.tag}>"


@define
class Text:
    """Text to be escaped."""

    text: str


@define
class Raw:
    """Markdown that is ready."""

    markdown: str


@define
class Mark:
    """The start or the end of emphasis."""

    emphasis: Emphasis
    is_start: bool

    def __str__(self) -> str:
        return self.emphasis.start() if self.is_start else self.emphasis.end()


Piece: TypeAlias = "Text | Raw | Mark"


def escape(text: str, in_table: bool = False) -> str:
    """Escape a text so that Markdown shows it as it is, except at the start of a line.

    >>> escape("2 * 3 = [six], snake_case &amp; <b>")
    '2 \\\\* 3 = \\\\[six\\\\], snake_case \\\\&amp; \\\\<b>'
    """
    text = _ESCAPED.sub(lambda mark: f"\\{mark[0]}", text)
    text = _RARE_SPACE.sub(_entity, text)
    return text.replace("|", "\\|") if in_table else text


def _entity(space: re.Match[str]) -> str:
    return "&nbsp;" if space[0] == "\xa0" else f"&#{ord(space[0])};"


def escape_line_start(line: str) -> str:
    """Escape what would make a line a heading, a list, a quotation, a table or a rule.

    >>> escape_line_start("1. May"), escape_line_start("# 5"), escape_line_start("-5")
    ('1\\\\. May', '\\\\# 5', '-5')
    """
    found = _LINE_START.match(line)
    if found is None or (found[1] is None and line[:1] in ".)"):
        return line
    return f"{line[: found.end()]}\\{line[found.end() :]}"


def render(pieces: Iterable[Piece], in_table: bool = False) -> str:
    """Return the Markdown of pieces."""
    merged = _merged(pieces)
    parts = [escape(piece.text, in_table) if isinstance(piece, Text) else piece for piece in merged]
    _settle(parts)
    lines = "".join(part.markdown if isinstance(part, Raw) else str(part) for part in parts)
    return "\n".join(map(escape_line_start, lines.split("\n")))


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Merge neighbouring texts, since escaping looks at the characters around."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, Text) and isinstance(last, Text):
            last.text += piece.text
        else:
            merged.append(Text(piece.text) if isinstance(piece, Text) else piece)
    return merged


def _settle(parts: Sequence[str | Raw | Mark]) -> None:
    """Use HTML for emphasis whose marks a parser would not recognize where they are.

    Whether a mark is one depends on the characters at both sides of it. HTML instead of a mark
    never spoils another: both are punctuation.
    """
    for place, part in enumerate(parts):
        if isinstance(part, Mark) and part.emphasis.is_markdown:
            before = _character(parts, place - 1, -1)
            after = _character(parts, place + 1, 0)
            outside, inside = (before, after) if part.is_start else (after, before)
            part.emphasis.is_markdown = not _touches_its_kind(parts, place) and _is_recognized(
                part.emphasis.mark, outside, inside
            )


def _character(parts: Sequence[str | Raw | Mark], place: int, index: int) -> str:
    if not 0 <= place < len(parts):
        return "\n"
    part = parts[place]
    text = part.markdown if isinstance(part, Raw) else str(part)
    return text[index] if text else "\n"


def _touches_its_kind(parts: Sequence[str | Raw | Mark], place: int) -> bool:
    mark = parts[place]
    assert isinstance(mark, Mark)
    beside = [parts[at] for at in (place - 1, place + 1) if 0 <= at < len(parts)]
    return any(isinstance(each, Mark) and str(each)[0] == mark.emphasis.mark[0] for each in beside)


def _is_recognized(mark: str, outside: str, inside: str) -> bool:
    """Return whether a mark is one, between characters outside and inside of the emphasis.

    These are the rules of CommonMark for delimiter runs. What some versions take for punctuation
    and others do not, such as emoji, counts as the worse of both.
    """
    if inside.isspace():
        return False
    apart = outside.isspace() or _is_punctuation(outside)
    if mark[0] == "_" and not apart:
        return False
    return apart or not (_is_punctuation(inside) or _is_symbol(inside))


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_MARKS or unicodedata.category(character)[0] == "P"


def _is_symbol(character: str) -> bool:
    return unicodedata.category(character)[0] == "S"
