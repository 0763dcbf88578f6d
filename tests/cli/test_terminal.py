"""The real program in a real terminal: login, editor, pager, prompts, Ctrl-C and narrow widths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.cli.conftest import Runner
from tests.cli.terminal import Terminal, all_shown_by, script, shown_by

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def nora(run: Runner, shared_box: Sandbox) -> Iterator[Connection]:
    """The account that the environment names."""
    with Connection(shared_box.url, token=shared_box.token) as connection:
        yield connection


def titles(nora: Connection) -> list[str]:
    return [page.title for page in Page.all(using=nora, fresh=True)]


# --- logging in ---------------------------------------------------------------------------------


def test_login_asks_for_account_and_token_and_does_not_show_the_token(
    shared_box: Sandbox, home: Path
) -> None:
    login = Terminal("login", "--store", "file")
    login.expect("Account (the first part of its address): ")
    login.type(shared_box.url)
    login.expect(f"Token for {shared_box.url}: ")
    assert login.process.waitnoecho(30)  # what is typed before that is discarded
    login.type(shared_box.token)
    assert login.end() == 0
    assert f"Logged in to {shared_box.url} as Nora Whitfield." in login.shown.replace("\n", " ")
    assert shared_box.token not in login.raw
    assert "Nora Whitfield" in shown_by("whoami")
    assert (home / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_a_wrong_token_stores_nothing(shared_box: Sandbox, home: Path) -> None:
    login = Terminal("login", shared_box.url, "--store", "file")
    login.expect("Token for ")
    assert login.process.waitnoecho(30)
    login.type("wrong")
    assert login.end() == 3
    assert not (home / "tokens.json").exists()
    assert not (home / "config.toml").exists()


def test_ctrl_c_at_a_prompt_ends_with_130_and_the_terminal_echoes_again(
    shared_box: Sandbox,
) -> None:
    login = Terminal("login", shared_box.url)
    login.expect("Token for ")
    assert login.process.waitnoecho(30)
    login.press("C")
    login.expect("interrupted")
    assert login.end() == 130
    assert "Traceback" not in login.shown


# --- questions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "code"), [("n", 130), ("", 130), ("y", 0)])
def test_a_page_is_deleted_only_after_yes(answer: str, code: int, nora: Connection) -> None:
    Page.create(title="Draft", using=nora)
    delete = Terminal("page", "delete", "Draft")
    delete.expect("[y/N]: ")
    delete.type(answer)
    assert delete.end() == code
    assert ("Error: the answer was no: nothing was changed" in delete.shown) is (code == 130)
    assert ("Draft" in titles(nora)) is (code == 130)
    for page in Page.all(using=nora, fresh=True):
        if page.title == "Draft":
            page.destroy()


# --- the editor ---------------------------------------------------------------------------------


def test_a_note_is_written_in_the_editor(nora: Connection, tmp_path: Path) -> None:
    editor = script(tmp_path / "editor", 'printf "first line\\n\\n* second\\n" > "$1"')
    assert Terminal("note", "add", "Lisbon", EDITOR=editor).end() == 0
    page = Page.get(title="Lisbon", using=nora)
    assert "first line\n\n* second" in [note.body for note in page.notes]


def test_an_editor_that_fails_or_writes_nothing_changes_nothing(
    nora: Connection, tmp_path: Path
) -> None:
    before = len(Page.get(title="Lisbon", using=nora).notes)
    for lines, told in {("exit 1",): "Editing failed", ("true",): "is empty"}.items():
        edit = Terminal("note", "add", "Lisbon", EDITOR=script(tmp_path / "editor", *lines))
        assert edit.end() == 1
        assert told in edit.shown
        assert "nothing was changed" in edit.shown.replace("\n", " ")
    page = Page.get(title="Lisbon", using=nora)
    page.reload()
    assert len(page.notes) == before


def test_a_text_survives_when_saving_fails(
    nora: Connection, shared_box: Sandbox, tmp_path: Path
) -> None:
    editor = script(tmp_path / "editor", 'echo "an hour of work" > "$1"')
    shared_box.faults.status(403, path="/ws/page/*/notes/create", times=9)
    try:
        add = Terminal("note", "add", "Lisbon", EDITOR=editor, width=200)
        assert add.end() == 4
    finally:
        shared_box.faults.clear()
    found = re.search(r"The text was not saved. It is in (\S+)", add.shown)
    assert found is not None
    assert Path(found[1]).read_text() == "an hour of work\n"


# --- the pager ----------------------------------------------------------------------------------


def test_long_output_is_shown_in_a_pager_and_short_output_is_not(
    run: Runner, tmp_path: Path
) -> None:
    pager = script(tmp_path / "pager", "echo PAGED", "cat")
    assert "PAGED" in shown_by("todos", height=10, PAGER=pager)
    assert "PAGED" not in shown_by("page", "list", height=60, PAGER=pager)
    assert "PAGED" not in shown_by("todos", "-o", "json", height=10, PAGER=pager)


def test_leaving_the_real_pager_early_is_no_error(run: Runner) -> None:
    todos = Terminal("todos", height=10, PAGER="less")
    todos.expect(":")
    todos.process.send("q")
    assert todos.end() == 0
    assert "Traceback" not in todos.shown


def test_the_pager_can_be_switched_off(run: Runner, home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text("[profiles.default]\npager = false\n")
    pager = script(tmp_path / "pager", "echo PAGED", "cat")
    assert "PAGED" not in shown_by("todos", height=10, PAGER=pager)


# --- Ctrl-C and progress ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "path"),
    [("page list", "/ws/pages/all"), ("whoami", "/me.xml"), ("search tram", "/ws/pages/search")],
)
def test_ctrl_c_in_a_request_ends_with_130(
    words: str, path: str, run: Runner, shared_box: Sandbox
) -> None:
    fault = shared_box.faults.latency(60, path=path)
    try:
        terminal = Terminal(*words.split())
        _wait_for(fault, terminal)
        terminal.press("C")
        terminal.expect("Error: interrupted")
        assert terminal.end() == 130
    finally:
        shared_box.faults.clear()
    assert "Traceback" not in terminal.shown


def test_a_sync_shows_its_progress_and_says_after_ctrl_c_how_to_go_on(
    run: Runner, shared_box: Sandbox, tmp_path: Path
) -> None:
    archive = tmp_path / "backup"
    assert run("archive", "sync", "-a", str(archive)).code == 0
    fault = shared_box.faults.latency(60, path="/users.xml")
    try:
        sync = Terminal("archive", "sync", "-a", str(archive), width=200)
        sync.expect("Reading the account")
        _wait_for(fault, sync)
        sync.press("C")
        sync.expect(f"Hint: {archive} is valid: run `backpack archive sync` again to go on.")
        assert sync.end() == 130
    finally:
        shared_box.faults.clear()
    assert run("archive", "verify", "-a", str(archive)).code == 0


def _wait_for(fault: object, terminal: Terminal) -> None:
    """Wait until a request has met a fault."""
    while not fault.fired:  # type: ignore[attr-defined]
        assert terminal.process.isalive()
        Event().wait(0.01)


# --- width and colour ---------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 60, 100])
def test_nothing_is_wider_than_the_terminal(width: int, run: Runner) -> None:
    lines = ["page list", "page show Lisbon", "todos", "today", "reminder list", "doctor"]
    shown = all_shown_by(lines, width)
    assert list(shown) == lines
    for line, text in shown.items():
        assert text.strip(), line
        assert not [each for each in text.splitlines() if len(each.rstrip()) > width], line


def test_messages_are_wrapped_at_words(run: Runner) -> None:
    shown = shown_by("page", "delete", "Lisbn", width=40)
    assert shown.strip().splitlines() == [
        "Error: no page is called 'Lisbn'",
        "Hint: Did you mean 'Lisbon'? Here only",
        "an id, an address or the exact text",
        "counts.",
    ]


def test_an_address_of_an_error_is_one_piece_on_a_narrow_terminal(run: Runner) -> None:
    asking = Terminal("page", "show", "id:1", width=40)
    asking.end()
    address = "https://backpack-orm.readthedocs.io/errors.html#not_found"
    assert f"Help:\r\n{address}\r\n" in asking.raw


def test_no_fact_is_shortened_on_a_narrow_terminal(run: Runner, shared_box: Sandbox) -> None:
    for command in ("whoami", "doctor"):
        printed = "".join(shown_by(command, width=40).split())
        assert shared_box.url in printed
        assert "…" not in printed


def test_a_long_question_is_wrapped_at_words(run: Runner) -> None:
    asking = Terminal("page", "delete", "Lisbon", width=40)
    asking.expect("[y/N]")
    asking.type("n")
    assert asking.end() == 130
    assert "Destroy the page 'Lisbon' (40000004)\nwith everything on it? [y/N]" in asking.shown


def test_colours_are_for_terminals_that_want_them(run: Runner) -> None:
    coloured = Terminal("page", "list")
    coloured.end()
    assert re.search(r"\x1b\[[0-9;]*m", coloured.raw)
    plain = Terminal("page", "list", NO_COLOR="1")
    plain.end()
    assert not re.search(r"\x1b\[(?:[0-9;]*;)?[34][0-7]m", plain.raw)
    dumb = Terminal("page", "list", TERM="dumb")
    dumb.end()
    assert "\x1b[" not in dumb.raw
    assert plain.shown == coloured.shown == dumb.shown
