"""Texts from arguments, standard input and an editor, none of which is ever lost."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from backpack_orm.cli import folders, texts
from backpack_orm.cli.failures import CommandError
from backpack_orm.cli.state import State
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner, signalled


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that appends a line, and a terminal to edit on."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys\nwith open(sys.argv[1], 'a', encoding='utf-8') as file:\n"
        "    file.write('Sardines, at *one*\\n')\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    monkeypatch.setattr(State, "is_interactive", True)
    return script


def fail(text: str) -> None:
    """Fail while a text is saved."""
    with texts.typed(State(), [text], what="text", extension=".txt") as given:
        given.text()
        raise RuntimeError("refused")


def body(run: Runner, note: str) -> str:
    return str(run("note", "show", "Lisbon", note, "-o", "json").data["body"])


def test_arguments_are_joined_by_blanks(run: Runner) -> None:
    run("note", "add", "Lisbon", "--title", "Words", "Sardines,", "at *one*")
    assert body(run, "Words") == "Sardines, at *one*"


def test_a_dash_is_standard_input(run: Runner) -> None:
    run("note", "add", "Lisbon", "--title", "Piped", "-", input="  one\n\ntwo \n\n")
    assert body(run, "Piped") == "  one\n\ntwo \n"


def test_standard_input_is_read_if_there_is_no_terminal(run: Runner) -> None:
    run("note", "add", "Lisbon", "--title", "Quiet", input="from a pipe")
    assert body(run, "Quiet") == "from a pipe"


def test_an_editor_opens_on_a_terminal(run: Runner, editor: Path) -> None:
    assert run("note", "add", "Lisbon", "--title", "Edited").code == 0
    assert body(run, "Edited") == "Sardines, at *one*"
    assert run("note", "edit", "Lisbon", "Edited").code == 0
    assert body(run, "Edited").startswith("Sardines, at *one*")
    assert body(run, "Edited").count("Sardines") == 2


@pytest.mark.parametrize("typed", ["", "  \n\n"])
def test_an_empty_text_changes_nothing(typed: str, run: Runner) -> None:
    found = run("note", "add", "Lisbon", "-", input=typed)
    assert found.code == 1
    assert "the text of the note is empty: nothing was changed" in found.stderr


def test_a_failing_editor_changes_nothing(
    run: Runner, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "false")
    found = run("note", "add", "Lisbon")
    assert found.code == 1
    assert "nothing was changed" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_text_that_an_editor_saved_in_another_encoding_is_not_lost(
    run: Runner, editor: Path
) -> None:
    editor.write_text("import sys\nopen(sys.argv[1], 'wb').write(b'S\\xe9')\n")
    found = run("note", "add", "Lisbon")
    assert found.code == 1
    message, note = found.stderr.splitlines()[:2]
    assert message == "Error: the editor did not save UTF-8: unexpected end of data"
    path = Path(note.removeprefix("The text was not saved. It is in "))
    assert path.read_bytes() == b"S\xe9"


def test_a_text_is_not_lost_if_it_cannot_be_saved(
    run: Runner, editor: Path, shared_box: Sandbox, home: Path
) -> None:
    fault = shared_box.faults.error_body(500, path="**/create")
    try:
        found = run("note", "add", "Lisbon", "--title", "Lost")
    finally:
        shared_box.faults.clear()
    assert fault.fired
    assert found.code == 7
    (told,) = [line for line in found.stderr.splitlines() if line.startswith("The text")]
    path = Path(told.removeprefix("The text was not saved. It is in "))
    assert path.read_text("utf-8") == "Sardines, at *one*\n"
    assert path.is_relative_to(home)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_of_an_unsaved_text_is_in_the_document_of_the_error(
    run: Runner, shared_box: Sandbox, home: Path
) -> None:
    shared_box.faults.error_body(500, path="**/create")
    try:
        found = run("note", "add", "Lisbon", "Sardines", "-o", "json")
    finally:
        shared_box.faults.clear()
    (note,) = found.error["notes"]
    assert Path(note.removeprefix("The text was not saved. It is in ")).is_file()


def test_unsaved_texts_do_not_overwrite_each_other(home: Path) -> None:
    for text in ("one", "two"):
        with pytest.raises(RuntimeError):
            fail(text)
    found = sorted(home.rglob("unsaved/*"))
    assert [path.read_text() for path in found] == ["one\n", "two\n"]


def test_texts_of_runs_at_the_same_moment_do_not_overwrite_each_other(home: Path) -> None:
    def run(text: str) -> None:
        with suppress(RuntimeError):
            fail(text)

    wanted = [f"text {number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, wanted))
    found = [path.read_text() for path in home.rglob("unsaved/*")]
    assert sorted(found) == sorted(f"{text}\n" for text in wanted)


def test_a_text_that_cannot_be_stored_either_is_shown_with_the_reason(home: Path) -> None:
    folder = folders.unsaved_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file in place of the folder")
    with pytest.raises(RuntimeError, match="refused") as caught:
        fail("Sardines")
    assert caught.value.__notes__ == [
        "The text was not saved, nor in a file (File exists):\nSardines"
    ]


def test_a_full_disk_leaves_no_empty_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(RuntimeError) as caught:
        fail("Sardines")
    assert "(No space left on device):\nSardines" in caught.value.__notes__[0]
    assert [*folders.unsaved_folder().iterdir()] == []


def test_lines_of_standard_input_become_items(run: Runner) -> None:
    found = run(
        "add",
        "Groceries",
        "-",
        input="Figs\n\nCheese\n",
    )
    assert [fields[2] for fields in found.lines] == ["Figs", "Cheese"]


def test_items_that_were_not_added_are_not_lost(
    run: Runner, shared_box: Sandbox, home: Path
) -> None:
    fault = shared_box.faults.error_body(500, path="**/items/*", after=1)
    try:
        found = run("add", "Groceries", "-", input="Plums\nPears\nNuts\n")
    finally:
        shared_box.faults.clear()
    assert fault.fired
    assert found.code == 7
    (path,) = home.rglob("unsaved/*.txt")
    assert path.read_text() == "Pears\nNuts\n"
    listed = run("list", "show", "Groceries", "--ids")
    assert listed.code == 0


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_bytes_of_another_encoding_are_refused_and_not_lost(
    errors: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python reads the second way if the locale is C."""
    latin = io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf-8", errors)
    monkeypatch.setattr(sys, "stdin", latin)
    with pytest.raises(CommandError, match="standard input is not utf-8") as caught:
        texts.read_stdin("text")
    (path,) = home.rglob("unsaved/*.txt")
    assert path.read_bytes() == b"caf\xe9\n"
    assert caught.value.__notes__ == [f"The text was not saved. It is in {path}"]


PIPED = [
    ["add", "Groceries"],
    ["add", "Groceries", "-", "--list", "Weekly"],
    ["item", "edit", "Groceries", "Figs", "-"],
    ["note", "add", "Lisbon"],
    ["note", "edit", "Lisbon", "Where we sleep", "-"],
    ["page", "edit", "Lisbon", "-"],
    ["journal", "add"],
    ["remind"],
    ["reminder", "add", "--to", "Nora"],
    ["calendar", "add", "Home & away"],
]


@pytest.mark.parametrize("command", PIPED, ids=" ".join)
def test_a_text_from_standard_input_is_not_lost_if_the_service_cannot_be_reached(
    command: list[str], offline: Runner, home: Path, monkeypatch: pytest.MonkeyPatch, network: None
) -> None:
    (home / "config.toml").write_text("[profiles.default]\nmax_wait = 0\n")
    monkeypatch.setenv("BACKPACK_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BACKPACK_TOKEN", "0123456789abcdef")
    found = offline(*command, input="Plums\nPears\n")
    assert found.code == 6
    (path,) = home.rglob("unsaved/*")
    assert path.read_text() == "Plums\nPears\n"
    assert f"The text was not saved. It is in {path}" in found.stderr


@pytest.mark.parametrize("command", PIPED, ids=" ".join)
def test_an_empty_standard_input_is_refused_before_any_request(
    command: list[str], run: Runner, shared_box: Sandbox
) -> None:
    before = shared_box.requests
    found = run(*command, input=" \n")
    assert (found.code, shared_box.requests) == (1, before)
    assert "is empty: nothing was changed" in found.stderr


def test_a_text_is_not_lost_if_the_page_is_mistyped(run: Runner, home: Path) -> None:
    assert run("note", "add", "Lisbn", input="Sardines").code == 2
    (path,) = home.rglob("unsaved/*")
    assert path.read_text() == "Sardines\n"
    assert run("note", "add", "Lisbn", "Sardines").code == 2  # which the shell remembers
    assert list(home.rglob("unsaved/*")) == [path]


@pytest.mark.parametrize("end", ["sys.exit(1)", "os.kill(os.getpid(), 9)"])
def test_what_was_written_in_an_editor_that_fails_is_not_lost(
    end: str, run: Runner, editor: Path, home: Path
) -> None:
    editor.write_text(f"import os\n{editor.read_text()}{end}\n")
    found = run("note", "add", "Lisbon")
    assert found.code == 1
    (path,) = home.rglob("unsaved/*")
    assert path.read_text() == "Sardines, at *one*\n"
    assert f"The text was not saved. It is in {path}" in found.stderr


def test_an_editor_leaves_no_file(run: Runner, editor: Path, home: Path) -> None:
    assert run("note", "add", "Lisbon", "--title", "Tidy").code == 0
    assert list(home.rglob("unsaved/*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_response_says_that_the_outcome_is_unknown(
    number: signal.Signals, shared_box: Sandbox, home: Path
) -> None:
    found = signalled(number, ["note", "add", "Lisbon", "Sardines"], shared_box, "**/create")
    assert found.returncode == 9
    (path,) = home.rglob("unsaved/*")
    assert path.read_text() == "Sardines\n"
    assert f"It is not known whether the text was saved. It is in {path}" in found.stderr
    assert found.stderr.startswith("Error: interrupted before the response came")


def test_closed_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = None
    monkeypatch.setattr(sys, "stdin", nothing)
    with pytest.raises(CommandError, match="standard input is closed"):
        texts.read_stdin("text")
