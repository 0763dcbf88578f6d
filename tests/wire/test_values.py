"""Wire values and Python values, there and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from backpack_orm.wire import build, parse, values
from backpack_orm.wire.shapes import Column, Response, Shape
from backpack_orm.wire.values import ValueType

XML_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
    lambda letter: letter >= " " or letter in "\t\n\r"
)
XML_TEXT = st.text(XML_LETTERS)
TIMES = st.datetimes(min_value=datetime(1000, 1, 1)).map(lambda time: time.replace(microsecond=0))


# --- whole numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "number"), [("71", 71), ("0", 0), ("-5", -5), ("007", 7)])
def test_a_whole_number_is_read(word: str, number: int) -> None:
    assert values.load_integer(word) == number


@pytest.mark.parametrize("word", ["", "x", "1.0", "1e3", "0x10", "7 8"])
def test_what_is_no_whole_number_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        values.load_integer(word)


@given(st.integers(-values.LARGEST_ID, values.LARGEST_ID))
def test_whole_numbers_come_back(number: int) -> None:
    assert values.load_integer(values.dump_integer(number)) == number


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_only_a_whole_number_is_written_as_one(value: Any) -> None:
    with pytest.raises(ValueError, match="a whole number is needed"):
        values.dump_integer(value)


# --- booleans ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "meaning"), [("true", True), ("1", True), ("false", False), ("0", False)]
)
def test_both_spellings_of_a_boolean_are_read(word: str, meaning: bool) -> None:
    assert values.load_boolean(word) is meaning


@pytest.mark.parametrize("word", ["", "True", "yes", "2", " true"])
def test_what_is_no_boolean_is_refused_by_name(word: str) -> None:
    with pytest.raises(ValueError, match=f"{word!r} is neither true, false, 1 nor 0"):
        values.load_boolean(word)


def test_a_boolean_is_serialized_as_true_or_false() -> None:
    assert (values.dump_boolean(True), values.dump_boolean(False)) == ("true", "false")


def test_a_boolean_is_written_as_a_digit_where_the_service_wants_one() -> None:
    assert (values.dump_digit(True), values.dump_digit(False)) == ("1", "0")


@pytest.mark.parametrize("dump", [values.dump_boolean, values.dump_digit])
@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_only_a_boolean_is_written_as_one(
    dump: Callable[..., Any], value: int | str | None
) -> None:
    with pytest.raises(ValueError, match="True or False is needed"):
        dump(value)


@pytest.mark.parametrize("kind", [values.BOOLEAN, values.DIGIT])
@given(meaning=st.booleans())
def test_booleans_come_back_in_both_spellings(kind: ValueType, meaning: bool) -> None:
    assert kind.load(kind.dump(meaning)) is meaning


# --- times ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "time"),
    [
        ("2011-03-26 19:15:55", datetime(2011, 3, 26, 19, 15, 55)),
        ("2011-03-26 19:15", datetime(2011, 3, 26, 19, 15)),
        ("2011-03-26T19:15:55Z", datetime(2011, 3, 26, 19, 15, 55, tzinfo=UTC)),
        ("2006-10-06T00:00Z", datetime(2006, 10, 6, tzinfo=UTC)),
        ("2006-10-06T00:00", datetime(2006, 10, 6, tzinfo=UTC)),
        ("2006-10-06T00:00:09", datetime(2006, 10, 6, 0, 0, 9, tzinfo=UTC)),
        ("2011-03-26 19:15:55Z", datetime(2011, 3, 26, 19, 15, 55, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(word: str, time: datetime) -> None:
    read = values.load_time(word)
    assert (read, read.tzinfo) == (time, time.tzinfo)


@pytest.mark.parametrize(
    "word",
    [
        "2011-03-26t19:15:55Z",
        "",
        "now",
        "2011-03-26",
        "2011-3-26 19:15:55",
        "2011-13-26 19:15:55",
        "2011-02-30 19:15:55",
        "2011-03-26 25:15:55",
        "2011-03-26 19:15:55 UTC",
        "2011-03-26T19:15:55+02:00",
        "2011-03-26x19:15:55",
        "2011-03-26 19:15:55\n",
        "2011-03-26 19:15:5",
    ],
)
def test_what_is_no_time_is_refused(word: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some messages are Python's own
        values.load_time(word)


def test_a_time_that_is_refused_is_named() -> None:
    with pytest.raises(ValueError, match="'yesterday' is not a time"):
        values.load_time("yesterday")


def test_a_time_is_written_to_the_second() -> None:
    assert values.dump_time(datetime(2031, 1, 2, 9, 5, 0, 999)) == "2031-01-02 09:05:00"


def test_a_time_with_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="a datetime without a zone is needed"):
        values.dump_time(datetime(2031, 1, 2, tzinfo=timezone(timedelta(hours=2))))


@pytest.mark.parametrize("value", ["2031-01-02 09:05:00", 5, None])
def test_only_a_datetime_is_written_as_a_time(value: int | str | None) -> None:
    with pytest.raises(ValueError, match="a datetime is needed"):
        values.dump_time(value)


@given(TIMES)
def test_naive_times_come_back_naive(time: datetime) -> None:
    assert values.load_time(values.dump_time(time)) == time


@given(TIMES)
def test_times_in_the_newer_form_come_back_in_utc(time: datetime) -> None:
    aware = time.replace(tzinfo=UTC)
    assert values.load_time(time.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")) == aware


# --- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\n    def f():\n        return 1\n",
        "\n      Flight at nine.\n  ",
        "\n \n",
        "\n",
        "The Green Mile \n",
        "\u00a0\n  one\n",
    ],
)
def test_a_text_is_read_exactly_whatever_it_looks_like(text: str) -> None:
    assert values.load_text(text) == text
    assert list(values.load_texts([text, text])) == [text, text]


# --- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "Lisbon", "a\tb\nc\r", "\u0085\u00a0", "😀\U0010ffff\ufffd"])
def test_all_that_xml_can_carry_is_written(text: str) -> None:
    assert values.dump_text(text) == text


@pytest.mark.parametrize(
    ("letter", "code"),
    [("\x00", "0000"), ("\x1f", "001F"), ("\ud800", "D800"), ("\ufffe", "FFFE")],
)
def test_what_xml_cannot_carry_is_refused_with_its_place(letter: str, code: str) -> None:
    with pytest.raises(ValueError, match=rf"U\+{code} at position 2, which XML cannot represent"):
        values.dump_text(f"ab{letter}c")


@pytest.mark.parametrize("value", [None, 7, b"Lisbon", ["Lisbon"]])
def test_only_text_is_serialized_as_text(value: Any) -> None:
    with pytest.raises(ValueError, match="text is needed"):
        values.dump_text(value)


@given(XML_TEXT)
def test_all_xml_text_can_be_written(text: str) -> None:
    assert values.load_text(values.dump_text(text)) == text


@given(XML_TEXT)
def test_text_comes_back_from_a_body_letter_for_letter(text: str) -> None:
    body = build.request(["note/title", "note/body"], {"title": text, "body": text}, "secret")
    note = Shape("note", (Column("title", values.TEXT), Column("body", values.TEXT)))
    wrapped = body.replace(b"request>", b"response>")
    assert parse.one(note)(Response(200, wrapped)) == (text, text)


@given(XML_TEXT)
def test_text_comes_back_from_an_attribute_letter_for_letter(text: str) -> None:
    body = build.resource(["item/@content"], {"content": text})
    item = Shape("item", (Column("content", values.TEXT),))
    assert parse.one(item)(Response(200, body)) == (text,)


# --- tags -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("", []),
        ("Music", ["Music"]),
        ('Music "Long Scores" Jazz', ["Music", "Long Scores", "Jazz"]),
        ('"Music"\n"Jazz"', ["Music", "Jazz"]),
        ('  Music\t""  ', ["Music"]),
        ('"Long Scores"Jazz', ["Long Scores", "Jazz"]),
    ],
)
def test_a_line_of_tags_is_split(line: str, names: list[Any]) -> None:
    assert values.load_tags(line) == names


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], ""),
        (["Music"], "Music"),
        (["Music", "Long Scores"], 'Music "Long Scores"'),
        (["a\tb", "c\u00a0d"], '"a\tb" "c\u00a0d"'),
        (("R&B", "<3"), "R&B <3"),
    ],
)
def test_tags_are_joined_and_those_with_blanks_quoted(
    names: list[Any] | tuple[str, str], line: str
) -> None:
    assert values.dump_tags(names) == line


def test_a_tag_with_a_quote_is_refused() -> None:
    with pytest.raises(ValueError, match="""the tag '5" disks' contains a quote"""):
        values.dump_tags(["fine", '5" disks'])


@pytest.mark.parametrize("name", ["", " ", "\n\t"])
def test_a_tag_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a tag needs a name"):
        values.dump_tags([name])


def test_a_tag_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match=r"U\+0007"):
        values.dump_tags(["a\x07"])


@given(st.lists(st.text(XML_LETTERS.filter(lambda letter: letter != '"')).filter(str.strip)))
def test_tags_come_back(names: list[Any]) -> None:
    assert values.load_tags(values.dump_tags(names)) == names


# --- kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [values.TEXT, values.TAG])
def test_a_text_that_is_absent_is_empty_and_never_none(kind: ValueType) -> None:
    assert kind.empty == ""


@pytest.mark.parametrize("kind", [values.INTEGER, values.BOOLEAN, values.DIGIT, values.TIME])
def test_any_other_value_that_is_absent_is_none(kind: ValueType) -> None:
    assert kind.empty is None


# --- many at once -----------------------------------------------------------------------------

TIME_LIKE = [
    "2011-03-26 19:15:55",
    "2011-03-26 19:15",
    "2011-03-26T19:15:55Z",
    "2011-03-26T19:15:55",
    "2011-W12-6 19:15:55",
    "20110326 19:15:55.5",
    "2011-03-26 191555.5",
    "2011-03-26 19:15+01",
    "2011-03-26 19+01:00",
    "2011-03-26 19:15:5x",
    "2011-13-26 19:15:55",
    "2011-03-26x19:15:55",
    "2011-03-26\n19:15:55",
    "2011-03-26 19:15:55\n2011-03-26 19:15:55",
    "x",
]
LIKELY = {
    "integers": (values.INTEGER, st.sampled_from(["71", "-5", "007", "x", "1.0"])),
    "booleans": (values.BOOLEAN, st.sampled_from(["true", "false", "1", "0", "yes"])),
    "times": (values.TIME, st.sampled_from(TIME_LIKE) | TIMES.map(str)),
    "titles": (values.TEXT, st.sampled_from(["a", "\n  a\n", " "]) | XML_TEXT.filter(bool)),
}


def outcome(load: Callable[[], object]) -> object:
    try:
        return load()
    except ValueError:
        return "refused"


@pytest.mark.parametrize("name", LIKELY)
@given(st.data())
def test_many_at_once_are_read_as_each_alone(name: str, data: DataObject) -> None:
    kind, texts = LIKELY[name]
    some = data.draw(st.lists(texts, max_size=8))
    assert outcome(lambda: list(kind.load_all(some))) == outcome(
        lambda: [kind.load(word) for word in some]
    )


@pytest.mark.parametrize("word", TIME_LIKE[4:])
def test_no_other_time_is_taken_among_many(word: str) -> None:
    with pytest.raises(ValueError, match="."):
        list(values.load_times(["2011-03-26 19:15:55", word, "2011-03-26 19:15:56"]))
