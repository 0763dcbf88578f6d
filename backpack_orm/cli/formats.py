"""Output formats, and one record as a line, as JSON and as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Any

from backpack_orm import plurals
from backpack_orm.cli.streams import HIDDEN

Row = Mapping[str, Any]
"""One record as plain values by field."""

_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n"}


class Format(Enum):
    """The form of the data on standard output."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"

    @property
    def is_json(self) -> bool:
        """Whether programs read it, so that errors are JSON too."""
        return self in (Format.JSON, Format.JSONL)


def counted(noun: str) -> Callable[[int], str]:
    """Return a function that returns a number of things in words.

    >>> counted("page")(1), counted("page")(2), counted("entry")(0)
    ('1 page', '2 pages', '0 entries')
    """
    return partial(plurals.counted, noun=noun)


def line(row: Row, fields: Sequence[str]) -> str:
    r"""Return a record as one line, with a tab between the fields.

    Texts are complete. A backslash, tab, line break or control character in them is written as in
    Python: `\\`, `\t`, `\n`, `\x1b`.

    >>> print(line({"id": 7, "text": "one\ntwo", "done": False}, ["id", "done", "text"]))
    7	false	one\ntwo
    """
    return "\t".join(escaped(text_of(row.get(field))) for field in fields)


def escaped(text: str) -> str:
    r"""Return a text on one line, without a tab or control character.

    >>> print(escaped("C:\\temp\x1b[31m"))
    C:\\temp\x1b[31m
    """
    if text.isprintable() and "\\" not in text:  # as nearly all are
        return text
    return re.sub(rf"[\\\t\n]|{HIDDEN}", _escape, text)


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    return _ESCAPES.get(letter) or repr(letter)[1:-1]


def text_of(value: object) -> str:
    """Return a value as a text for lines and CSV.

    >>> text_of(True), text_of(None), text_of(["Travel", "Food"])
    ('true', '', 'Travel, Food')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))
    if isinstance(value, dict):
        return to_json(value)
    return str(value)


def to_json(value: object, *, is_unicode: bool = True) -> str:
    """Return a value as JSON on one line, which has no character that `visible` replaces.

    >>> to_json({"at": date(2031, 5, 1), "title": "Café"}, is_unicode=False)
    '{"at": "2031-05-01", "title": "Caf\\\\u00e9"}'
    """
    import json

    text = json.dumps(value, ensure_ascii=not is_unicode, default=_plain)
    return (
        text
        if text.isprintable()
        else re.sub(HIDDEN, lambda found: json.dumps(found[0])[1:-1], text)
    )


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no value of JSON")
