"""Conversions between Python's values and the words of the wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from attrs import frozen

# What XML 1.0 has no way to write, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?")
_TAG = re.compile(r'"([^"]*)"|([^\s"]+)')


def load_integer(word: str) -> int:
    """Read a whole number.

    >>> load_integer("71")
    71
    """
    return int(word)


def dump_integer(value: object) -> str:
    """Write a whole number.

    >>> dump_integer(71)
    '71'
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a whole number is needed")
    return str(value)


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def load_boolean(word: str) -> bool:
    """Read either spelling of a boolean.

    >>> load_boolean("true"), load_boolean("0")
    (True, False)
    """
    try:
        return _BOOLEANS[word]
    except KeyError:
        raise ValueError(f"{word!r} is neither true, false, 1 nor 0") from None


def dump_boolean(value: object) -> str:
    """Write a boolean as a word.

    >>> dump_boolean(True)
    'true'
    """
    if not isinstance(value, bool):
        raise ValueError("True or False is needed")
    return "true" if value else "false"


def dump_digit(value: object) -> str:
    """Write a boolean as a digit.

    >>> dump_digit(False)
    '0'
    """
    return "1" if dump_boolean(value) == "true" else "0"


def load_time(word: str) -> datetime:
    """Read a time: naive from `2011-03-26 19:15:55`, aware (UTC) from `2011-03-26T19:15:55Z`.

    Seconds may be missing; a `T` without a zone is UTC too.

    >>> load_time("2011-03-26 19:15:55")
    datetime.datetime(2011, 3, 26, 19, 15, 55)
    >>> load_time("2006-10-06T00:00")
    datetime.datetime(2006, 10, 6, 0, 0, tzinfo=datetime.timezone.utc)
    """
    bare = word.removesuffix("Z")
    if not _TIME.fullmatch(bare):
        raise ValueError(f"{word!r} is not a time")
    moment = datetime.fromisoformat(bare)
    if bare[10] == "T" or bare != word:
        return moment.replace(tzinfo=timezone.utc)
    return moment


def dump_time(value: object) -> str:
    """Write a naive time to the second, as the account's clock shows it.

    >>> dump_time(datetime(2031, 1, 2, 9, 5))
    '2031-01-02 09:05:00'
    """
    if not isinstance(value, datetime):
        raise ValueError("a datetime is needed")
    if value.tzinfo is not None:
        raise ValueError("a datetime without a zone is needed, as the account's clock shows it")
    return value.isoformat(" ", "seconds")


def load_words(word: str) -> str:
    """Read a title or a name: as it stands."""
    return word


def load_text(text: str) -> str:
    """Read a body: as it stands, unless it was pretty-printed.

    It was when it begins with a newline and indentation, ends with a newline (and indentation),
    and no line is indented less than the first. Then the white space around it is not its own.

    >>> load_text("\\n      Flight at nine.\\n  ")
    'Flight at nine.'
    >>> load_text("The Green Mile \\n")
    'The Green Mile \\n'
    """
    if not text.startswith(("\n ", "\n\t")):
        return text
    *lines, end = text[1:].split("\n")
    if end.strip(" \t"):
        return text
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip(" \t")]
    first = len(text) - 1 - len(text[1:].lstrip(" \t"))
    if any(indent < first for indent in indents):
        return text
    return text.strip(" \t\n")


def dump_words(value: object) -> str:
    """Write a title, a name or a body, refusing what XML cannot carry.

    >>> dump_words("Lisbon")
    'Lisbon'
    >>> dump_words("ring \\x07")
    Traceback (most recent call last):
    ValueError: it holds the character U+0007 at position 5, which XML cannot carry: take it out
    """
    if not isinstance(value, str):
        raise ValueError("text is needed")
    strange = _NOT_XML.search(value)
    if strange:
        raise ValueError(
            f"it holds the character U+{ord(strange[0]):04X} at position {strange.start()}, "
            "which XML cannot carry: take it out"
        )
    return value


def load_tags(text: str) -> list[str]:
    """Split a line of tags; quotes hold a tag with blanks together.

    >>> load_tags('Music "Long Scores" Jazz')
    ['Music', 'Long Scores', 'Jazz']
    """
    return [quoted or plain for quoted, plain in _TAG.findall(text) if quoted or plain]


def dump_tag(name: object) -> str:
    """Write the name of a tag.

    >>> dump_tag("Long Scores")
    'Long Scores'
    """
    word = dump_words(name)
    if '"' in word:
        raise ValueError(f"the tag {word!r} holds a quote, which no tag can")
    if not word.strip():
        raise ValueError("a tag needs a name")
    return word


def dump_new_tag(name: object) -> str:
    """Write the name of a tag that is to be found by it again.

    >>> dump_new_tag("Music ")
    Traceback (most recent call last):
    ValueError: the tag 'Music ' begins or ends with blanks, which no tag keeps
    """
    word = dump_tag(name)
    if word != word.strip():
        raise ValueError(f"the tag {word!r} begins or ends with blanks, which no tag keeps")
    return word


def dump_tags(names: Iterable[object]) -> str:
    """Join tags into a line, quoting those with blanks.

    >>> dump_tags(["Music", "Long Scores"])
    'Music "Long Scores"'
    """
    words = map(dump_tag, names)
    return " ".join(f'"{word}"' if re.search(r"\s", word) else word for word in words)


@frozen
class Kind:
    """How one kind of value is read and written.

    Attributes:
        load: Reads words that are not empty.
        dump: Writes a value, or raises ValueError.
        empty: What an absent or empty value is.
        is_time: Whether it is a time, which may lack its zone.
        quick: For compiled readers: the same as `load` as an expression of `words` and `load`,
            which is spared the call wherever the words are plain.
    """

    load: Callable[[str], Any]
    dump: Callable[[object], str]
    empty: Any = None
    is_time: bool = False
    quick: str = "load(words)"


INTEGER = Kind(load_integer, dump_integer, quick="int(words)")
BOOLEAN = Kind(
    load_boolean,
    dump_boolean,
    quick='True if words == "true" else False if words == "false" else load(words)',
)
DIGIT = Kind(load_boolean, dump_digit)
TIME = Kind(
    load_time,
    dump_time,
    is_time=True,
    quick='fromisoformat(words) if words[4::3] == "-- ::" else load(words)',
)
WORDS = Kind(load_words, dump_words, empty="", quick="words")
TEXT = Kind(load_text, dump_words, empty="", quick=r'load(words) if words[0] == "\n" else words')
TAG = Kind(load_words, dump_new_tag, empty="", quick="words")
