"""What commands print: tables on a terminal, lines in a pipe, JSON and CSV on request."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from backpack_orm.cli.formats import Format, escaped, line
from backpack_orm.cli.output import format_in
from backpack_orm.cli.tables import shown, table
from tests.cli.conftest import Runner

TITLE = "Tab\there, back\\slash"


@pytest.fixture(scope="module", autouse=True)
def _odd_page(shared_box: Any) -> None:
    from backpack_orm import Connection, Page

    with Connection(shared_box.url, token=shared_box.token) as connection:
        Page.create(title=TITLE, using=connection)
        Page.create(title="A very long title that no narrow terminal can show " * 3)


def test_a_pipe_gets_a_line_for_each_record_with_the_id_first(run: Runner) -> None:
    found = run("page", "list")
    assert found.code == 0
    assert found.stderr == ""
    first = found.lines[0]
    assert first[0].isdecimal()
    assert first[1:3] == ["Lisbon", "personal"]


def test_a_pipe_gets_whole_texts_with_tabs_and_backslashes_escaped(run: Runner) -> None:
    titles = [fields[1] for fields in run("page", "list").lines]
    assert "Tab\\there, back\\\\slash" in titles
    assert max(map(len, titles)) > 100


@given(st.text())
def test_an_escaped_text_is_on_one_line_and_can_be_read_back(text: str) -> None:
    written = escaped(text)
    assert "\t" not in written
    assert len(written.splitlines()) <= 1
    assert _read_back(written) == text


def _read_back(text: str) -> str:
    result, rest = [], iter(text)
    for letter in rest:
        if letter != "\\":
            result.append(letter)
            continue
        kind = next(rest)
        digits = {"x": 2, "u": 4}.get(kind, 0)
        code = "".join(next(rest) for _ in range(digits))
        result.append(
            chr(int(code, 16)) if digits else {"t": "\t", "n": "\n", "r": "\r"}.get(kind, kind)
        )
    return "".join(result)


def test_fields_of_a_line_are_plain() -> None:
    row = {"id": 7, "done": True, "text": None, "tags": ["a", "b"]}
    assert line(row, ["id", "done", "text", "tags", "missing"]) == "7\ttrue\t\ta, b\t"


def test_json_is_one_document_with_data_and_a_summary(run: Runner) -> None:
    found = run("page", "list", "-o", "json")
    document = json.loads(found.stdout)
    assert list(document) == ["ok", "data", "summary"]
    assert document["summary"] == f"{len(document['data'])} pages"
    assert list(document["data"][0]) == ["id", "title", "scope", "url"]
    assert found.stdout.count("\n") == 1


def test_json_lines_are_one_record_each(run: Runner) -> None:
    records = [json.loads(text) for text in run("page", "list", "-o", "jsonl").stdout.splitlines()]
    assert records == run("page", "list", "-o", "json").data


def test_csv_has_a_header_and_quotes(run: Runner) -> None:
    found = list(csv.DictReader(io.StringIO(run("page", "list", "-o", "csv").stdout, newline="")))
    assert found[0]["title"] == "Lisbon"
    assert TITLE in [row["title"] for row in found]


def test_the_environment_selects_the_format(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPACK_OUTPUT", "json")
    assert run("page", "list").data[0]["title"] == "Lisbon"
    assert run("page", "list", "-o", "plain").lines[0][1] == "Lisbon"


def test_an_unknown_format_in_the_environment_is_refused(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_OUTPUT", "xml")
    found = run("page", "list")
    assert found.code == 1
    assert "BACKPACK_OUTPUT is 'xml'" in found.stderr
    assert "table, plain, json, jsonl, csv" in found.stderr


@pytest.mark.parametrize("format", [each.value for each in Format])
def test_ids_are_printed_alone(format: str, run: Runner) -> None:
    found = run("page", "list", "--ids", "-o", format)
    first = run("page", "list").lines[0][0]
    if format == "json":
        assert found.data[0] == int(first)
    else:
        assert found.stdout.splitlines()[format == "csv"] == first


def test_fields_are_printed_in_the_order_asked_for(run: Runner) -> None:
    assert run("page", "list", "--fields", "title, id").lines[0][0] == "Lisbon"
    assert list(run("page", "list", "--fields", "url,title", "-o", "json").data[0]) == [
        "url",
        "title",
    ]


def test_an_unknown_field_is_refused_with_the_known_ones(run: Runner) -> None:
    found = run("page", "list", "--fields", "id,name")
    assert (found.code, found.stdout) == (1, "")
    assert found.stderr == (
        "Error: there is no field 'name'\nHint: The fields are: id, title, scope, url.\n"
    )


def test_a_table_fits_the_width_of_the_terminal(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (30, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        found = run("page", "list", "-o", "table")
        assert max(map(len, found.stdout.splitlines())) <= width
        assert "…" in found.stdout
        assert "40000004" in found.stdout
    assert found.stderr.endswith(" pages\n")


LONG = "The text of a record that is longer than any column leaves for it"
ROW = {
    "id": 40000012,
    "done": False,
    "type": "item",
    "text": LONG,
    "where": "A page of some length",
}


def drawn(width: int, row: dict[str, object] = ROW) -> list[str]:
    output = io.StringIO()
    Console(file=output, width=width, highlight=False).print(table(list(row), [row], width))
    return output.getvalue().splitlines()


def test_a_table_that_would_leave_too_little_for_texts_becomes_lines_below_each_other() -> None:
    assert drawn(40) == [
        "40000012  done no  item",
        "  The text of a record that is longer t…",
        "  A page of some length",
    ]


@pytest.mark.parametrize("width", [58, 80, 120])
def test_each_text_in_a_table_has_room_for_some_words(width: int) -> None:
    header, line = (line for line in drawn(width) if "id" in line or "40000012" in line)
    assert header.split() == list(ROW)
    assert LONG[:15] in line
    assert "A page of some" in line


def test_a_record_without_texts_is_one_line_however_narrow() -> None:
    assert drawn(10, {"id": 7, "title": "", "note": None})[-1].strip() == "7"


def test_a_table_is_coloured_unless_that_is_unwanted(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("page", "list", "-o", "table").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in run("page", "list", "-o", "table").stdout


def test_no_text_steers_a_terminal() -> None:
    assert shown("\x1b]0;title\x07 \u202eevil\x9b31m") == "�]0;title� �evil�31m"


def test_messages_are_on_standard_error_and_can_be_switched_off(run: Runner) -> None:
    loud, quiet = run("page", "new", "Loud"), run("page", "new", "Quiet", "-q")
    assert loud.stderr.startswith("Created the page 'Loud': http://127.0.0.1")
    assert quiet.stderr == ""
    assert (loud.lines[0][1], quiet.lines[0][1]) == ("Loud", "Quiet")


def test_common_options_may_stand_before_the_command(run: Runner) -> None:
    assert run("-o", "json", "page", "list").data == run("page", "-o", "json", "list").data


def test_an_empty_result_is_said_on_a_terminal_only(run: Runner) -> None:
    empty = ("search", "no such word")
    found = run(*empty, "-o", "table")
    assert (found.code, found.stdout, found.stderr) == (0, "", "Nothing found.\n")
    assert run(*empty).stdout == ""
    assert run(*empty, "-o", "json").data == []


@pytest.mark.parametrize(
    ("arguments", "format"),
    [
        (["-o", "json", "x"], Format.JSON),
        (["x", "-ojsonl"], Format.JSONL),
        (["--output=csv"], Format.CSV),
        (["--output", "json", "-o", "table"], Format.TABLE),
        (["-o", "nonsense"], None),
        (["x", "-o"], None),
    ],
)
def test_the_format_is_found_in_arguments_that_cannot_be_parsed(
    arguments: list[str], format: Format | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BACKPACK_OUTPUT", raising=False)
    assert format_in(arguments) is format
