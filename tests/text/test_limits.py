"""Texts that are too large, too deep or too complex are shown as typed, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from backpack_orm.text import (
    ConversionWarning,
    library,
    limits,
    parse,
    to_html,
    to_markdown,
    to_plain,
)

MEGABYTE = "We stay at the *hotel* in Rua da Rosa.\n\n" * 26_000
HARD = ["'-'-+]", "'%!+x", "*: <b>", '"a":! _!', "##  A", "[#<b>%", "*(", "<pre>", "* )\n^~"]


def test_a_text_that_is_too_large_is_shown_as_typed() -> None:
    document = parse(MEGABYTE)
    assert document.problem == "it has 1,040,000 characters, more than 100,000"
    assert document.plain() == MEGABYTE
    assert document.html().startswith("<pre>\nWe stay at the *hotel* in Rua")
    assert document.markdown().startswith("```\nWe stay at the *hotel* in Rua")


@pytest.mark.parametrize("convert", [to_html, to_markdown, to_plain])
def test_a_text_that_is_not_converted_causes_a_warning(convert: Callable[[str], str]) -> None:
    with pytest.warns(ConversionWarning, match="shown as typed: it has 1,040,000 characters"):
        convert(MEGABYTE)


def test_a_warning_can_be_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        with pytest.raises(ConversionWarning):
            to_html(MEGABYTE)


def test_a_text_that_is_shown_as_typed_is_harmless() -> None:
    text = f"</pre><script>x</script>```{MEGABYTE}"
    assert "<script" not in parse(text).html()
    assert parse(text).markdown().startswith("````\n")


@pytest.mark.parametrize("part", HARD)
def test_many_marks_in_a_line_exceed_the_limit(part: str) -> None:
    """The library searches from each mark to the end of the line, and to that of the block."""
    assert limits.work(part * 5_000) > 40 * limits.work(part * 500)
    text = part * (90_000 // len(part))
    assert parse(text).problem == "it has too many blocks, or too many marks in its lines"


@pytest.mark.parametrize("start", ['"', "* a\n", "|a|\n", ""])
def test_marks_in_many_lines_of_one_block_exceed_the_limit(start: str) -> None:
    """Only lists and tables are searched line by line."""
    assert parse(start + "|a_A\n" * 20_000).problem


@pytest.mark.parametrize("line", ["* a *bold* item: one\n", "|_a_|*b*|c|\n", "## _a_\n"])
def test_long_lists_and_tables_are_converted(line: str) -> None:
    assert parse(line * 2_000).problem is None


def test_many_blocks_exceed_the_limit_but_not_many_empty_lines() -> None:
    assert parse("x\n\n" * 30_000).problem
    assert parse("x" + " \n" * 45_000 + "y").problem is None


@pytest.mark.parametrize("part", ["<pre>\n\n", "|a|b|\n", "* a\n", "a\n", "*a* _b_ \n"])
def test_the_same_marks_in_separate_lines_are_converted(part: str) -> None:
    assert parse(part * 300).problem is None


def test_long_prose_is_within_the_limits() -> None:
    paragraph = 'We stay (two nights) at the *hotel*: it\'s "old", but good. ' * 12 + "\n\n"
    limits.check(paragraph * (limits.MAX_LENGTH // len(paragraph)))


@pytest.mark.parametrize(
    "tag", ["div", "ul><li", "blockquote", "b", "table><tr><td", "sup", "span"]
)
def test_nesting_is_limited_and_the_text_is_preserved(tag: str) -> None:
    document = parse(f"<{tag}>" * 250 + "the text")
    assert document.problem is None
    assert document.plain().endswith("the text")
    assert "the text" in document.markdown()
    assert document.html().count("<") < 500


def deep_list(levels: int) -> str:
    return "\n".join(f"{'*' * level} item {level}" for level in range(1, levels + 1))


def test_the_text_of_deep_lists_is_preserved() -> None:
    document = parse(deep_list(100))
    for form in (document.html(), document.markdown(), document.plain()):
        assert [f"item {level}" in form for level in (1, 50, 100)] == [True] * 3


def test_lists_of_hundreds_of_levels_exceed_the_limit() -> None:
    assert parse(deep_list(300)).problem


def test_wide_spans_of_cells_add_no_cells() -> None:
    text = '<table><tr><td colspan="99" rowspan="99">a</td></tr>' + "<tr><td>b</td></tr>" * 50
    assert len(parse(text).markdown()) < 1_000


def test_text_that_the_library_would_lose_is_shown_as_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library._Converter, "retrieve", lambda self, text: text)
    document = parse("some @code@")
    assert document.problem == "the library textile lost a part of the text"
    assert document.plain() == "some @code@"


def test_text_that_the_library_fails_on_is_shown_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> str:
        raise IndexError("out of range")

    monkeypatch.setattr(library._Converter, "block", fail)
    document = parse("*a*")
    assert document.problem == "the library textile failed with IndexError('out of range')"
    assert document.html() == "<pre>\n*a*</pre>"


@pytest.mark.parametrize("text", ['0"":>', '[;<"-":>', '"a":http://[x', '"b":http://c>d[1]=e'])
def test_a_url_that_the_library_fails_on_is_text(text: str) -> None:
    document = parse(f"*a* {text}")
    assert document.problem is None
    assert "<strong>a</strong>" in document.html()
    assert "<a " not in document.html()


@pytest.mark.parametrize("missing", ["textile", "nh3"])
def test_without_the_extra_an_error_names_it(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'backpack_orm\[text\]'"):
        to_html("*a*")


@pytest.mark.parametrize("function", [parse, to_html, to_markdown, to_plain])
@pytest.mark.parametrize("value", [7, None, b"x", ["x"]])
def test_what_is_no_text_is_refused(function: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(TypeError, match=f"a text is a str, not of type {type(value).__name__}"):
        function(value)


def test_in_a_list_or_table_marks_are_searched_up_to_the_end_of_the_line() -> None:
    lines, listed, table = ("\n".join([line] * 1000) for line in ("a *b", "* a *b", "|a *b|"))
    assert limits.work(listed) < limits.work(lines) / 10
    assert limits.work(table) < limits.work(lines) / 10


def test_a_text_may_be_as_long_as_the_limit() -> None:
    assert parse("x" * limits.MAX_LENGTH).problem is None
    assert parse("x" * (limits.MAX_LENGTH + 1)).problem is not None
