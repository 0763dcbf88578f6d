"""Types of values: how each is parsed from XML and serialized."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

# What XML 1.0 cannot represent, not even as a reference. `re` compiles and caches patterns at first
# use: compiling this one at import would take longer than the rest of the module.
_NOT_XML = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?"
_TAG = r'"([^"]*)"|([^\s"]+)'


def load_integer(text: str) -> int:
    """Parse a whole number.

    >>> load_integer("71")
    71
    """
    return int(text)


def load_integers(texts: list[str]) -> Iterable[int]:
    """Parse whole numbers.

    >>> list(load_integers(["71", "72"]))
    [71, 72]
    """
    return map(int, texts)


LARGEST_ID = 2**63 - 1


def plain_integer(value: object) -> int:
    """Return a whole number of any type, such as `numpy.int64`, as an `int`.

    Raises:
        ValueError: The value is not a whole number, or has more than 64 bits.

    >>> plain_integer(71)
    71
    """
    if isinstance(value, bool):
        raise ValueError("a whole number is needed")
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # it raises for anything else
    except TypeError:
        raise _refusal(value, "a whole number is needed") from None
    if not -LARGEST_ID <= number <= LARGEST_ID:
        raise ValueError("it has more than 64 bits, so it is not the number of any record")
    return number


def dump_integer(value: object) -> str:
    """Serialize a whole number.

    >>> dump_integer(71)
    '71'
    """
    return str(plain_integer(value))


def plain_id(value: object) -> int:
    """Return an id of any integer type as an `int`.

    Raises:
        ValueError: The value is not a whole number from 1 to 2**63 - 1.

    >>> plain_id(71)
    71
    """
    number = plain_integer(value)
    if number < 1:
        raise ValueError("an id is above 0")
    return number


def _refusal(value: object, reason: str) -> ValueError:
    """Return the error for a value of the wrong type. It explains missing values of data frames."""
    pandas = sys.modules.get("pandas")
    is_missing = isinstance(value, float | datetime) and value != value
    if is_missing or (pandas is not None and value is pandas.NA):
        return ValueError(f"it is a missing value: omit it, or pass None; {reason}")
    return ValueError(reason)


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def load_boolean(text: str) -> bool:
    """Parse a boolean: `true` or `1`, `false` or `0`.

    >>> load_boolean("true"), load_boolean("0")
    (True, False)
    """
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise ValueError(f"{text!r} is neither true, false, 1 nor 0") from None


def load_booleans(texts: list[str]) -> Iterable[bool]:
    """Parse booleans: `true` or `1`, `false` or `0`.

    >>> list(load_booleans(["true", "0"]))
    [True, False]
    """
    try:
        return [_BOOLEANS[text] for text in texts]
    except KeyError:
        return map(load_boolean, texts)


def plain_boolean(value: object) -> bool:
    """Return a boolean of any type, such as `numpy.bool_`, as a `bool`.

    Raises:
        ValueError: The value is not a boolean.

    >>> plain_boolean(True)
    True
    """
    if isinstance(value, bool):
        return value
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.bool_):
        return bool(value)
    raise _refusal(value, "True or False is needed")


def dump_boolean(value: object) -> str:
    """Serialize a boolean as `true` or `false`.

    >>> dump_boolean(True)
    'true'
    """
    return "true" if plain_boolean(value) else "false"


def dump_digit(value: object) -> str:
    """Serialize a boolean as a digit.

    >>> dump_digit(False)
    '0'
    """
    return "1" if plain_boolean(value) else "0"


def load_time(text: str) -> datetime:
    """Parse a time: naive from `2011-03-26 19:15:55`, aware (UTC) from `2011-03-26T19:15:55Z`.

    Seconds may be missing. A time with a `T` but without a zone is in UTC too.

    >>> load_time("2011-03-26 19:15:55")
    datetime.datetime(2011, 3, 26, 19, 15, 55)
    >>> load_time("2006-10-06T00:00")
    datetime.datetime(2006, 10, 6, 0, 0, tzinfo=datetime.timezone.utc)
    """
    bare = text.removesuffix("Z")
    if not re.fullmatch(_TIME, bare):
        raise ValueError(f"{text!r} is not a time")
    moment = datetime.fromisoformat(bare)
    if bare[10] == "T" or bare != text:
        return moment.replace(tzinfo=UTC)
    return moment


def load_times(texts: list[str]) -> Iterable[datetime]:
    """Parse times.

    >>> list(load_times(["2011-03-26 19:15:55"]))
    [datetime.datetime(2011, 3, 26, 19, 15, 55)]
    """
    # Checks all texts at once for dashes, space and colons at their positions: `fromisoformat` also
    # accepts forms that the service never sends.
    count, line = len(texts), "\n".join(texts)
    is_plain = (
        len(line) == 20 * count - 1
        and line[4::20] == line[7::20] == "-" * count
        and line[10::20] == " " * count
        and line[13::20] == line[16::20] == ":" * count
        and line[19::20] == "\n" * (count - 1)
    )
    return map(datetime.fromisoformat if is_plain else load_time, texts)


def plain_time(value: object) -> datetime:
    """Return a time of any subclass, such as pandas' `Timestamp`, as a `datetime`.

    The zone is preserved; nanoseconds are truncated.

    Raises:
        ValueError: The value is not a time, or is pandas' `NaT`.

    >>> plain_time(datetime(2031, 1, 2, 9, 5))
    datetime.datetime(2031, 1, 2, 9, 5)
    """
    if type(value) is datetime:
        return value
    if not isinstance(value, datetime) or value != value:
        raise _refusal(value, "a datetime is needed")
    return datetime.combine(value.date(), value.timetz())


def dump_time(value: object) -> str:
    """Serialize a naive time, in the account's time zone, to the second.

    >>> dump_time(datetime(2031, 1, 2, 9, 5))
    '2031-01-02 09:05:00'
    """
    time = plain_time(value)
    if time.tzinfo is not None:
        raise ValueError("a datetime without a zone is needed, as the account's clock shows it")
    return time.isoformat(" ", "seconds")


def load_text(text: str) -> str:
    """Return a text unchanged.

    >>> load_text("\\n    def f():\\n        return 1\\n")
    '\\n    def f():\\n        return 1\\n'
    """
    return text


def load_texts(texts: list[str]) -> Iterable[str]:
    """Return texts unchanged.

    >>> load_texts(["Lisbon", "Porto"])
    ['Lisbon', 'Porto']
    """
    return texts


def plain_text(value: object) -> str:
    """Return a text of any subclass, such as a member of an enumeration, as a `str`.

    Raises:
        ValueError: The value is not a text.

    >>> plain_text("Lisbon")
    'Lisbon'
    """
    if not isinstance(value, str):
        raise _refusal(value, "text is needed")
    return str.__str__(value)


def dump_text(value: object) -> str:
    """Serialize a title, a name or a body; refuse characters that XML cannot represent.

    >>> dump_text("Lisbon")
    'Lisbon'
    >>> dump_text("ring \\x07")
    Traceback (most recent call last):
    ValueError: it holds the character U+0007 at position 5, which XML cannot represent: remove it
    """
    text = plain_text(value)
    strange = re.search(_NOT_XML, text)
    if strange:
        raise ValueError(
            f"it holds the character U+{ord(strange[0]):04X} at position {strange.start()}, "
            "which XML cannot represent: remove it"
        )
    return text


def load_tags(text: str) -> list[str]:
    """Split a line of tags; a tag with spaces is in quotes.

    >>> load_tags('Music "Long Scores" Jazz')
    ['Music', 'Long Scores', 'Jazz']
    """
    return [quoted or plain for quoted, plain in re.findall(_TAG, text) if quoted or plain]


def dump_tag(name: object) -> str:
    """Serialize the name of a tag.

    >>> dump_tag("Long Scores")
    'Long Scores'
    """
    text = dump_text(name)
    if '"' in text:
        raise ValueError(f"the tag {text!r} contains a quote, which no tag can")
    if not text.strip():
        raise ValueError("a tag needs a name")
    return text


def dump_new_tag(name: object) -> str:
    """Serialize the name of a tag that has to be found by this name later.

    >>> dump_new_tag("Music ")
    Traceback (most recent call last):
    ValueError: the tag 'Music ' begins or ends with spaces, which the service removes
    """
    text = dump_tag(name)
    if text != text.strip():
        raise ValueError(f"the tag {text!r} begins or ends with spaces, which the service removes")
    return text


def dump_tags(names: Iterable[object]) -> str:
    """Join tags into a line, quoting those with spaces.

    >>> dump_tags(["Music", "Long Scores"])
    'Music "Long Scores"'
    """
    texts = map(dump_tag, names)
    return " ".join(f'"{text}"' if re.search(r"\s", text) else text for text in texts)


class ValueType(NamedTuple):
    """How a type of value is parsed and serialized.

    Attributes:
        load: Parses a text that is not empty.
        load_all: Parses many such texts, if possible without a call for each.
        dump: Serializes a value, or raises ValueError.
        plain: Converts a value to the type used in records, or raises ValueError.
        empty: The value of an absent or empty text.
        is_time: Whether the values are times, which may have no zone.
    """

    load: Callable[[str], Any]
    load_all: Callable[[list[str]], Iterable[Any]]
    dump: Callable[[object], str]
    plain: Callable[[object], Any]
    empty: Any = None
    is_time: bool = False


INTEGER = ValueType(load_integer, load_integers, dump_integer, plain_integer)
BOOLEAN = ValueType(load_boolean, load_booleans, dump_boolean, plain_boolean)
DIGIT = ValueType(load_boolean, load_booleans, dump_digit, plain_boolean)
TIME = ValueType(load_time, load_times, dump_time, plain_time, is_time=True)
TEXT = ValueType(load_text, load_texts, dump_text, plain_text, empty="")
TAG = ValueType(load_text, load_texts, dump_new_tag, plain_text, empty="")
