"""The magic commands of IPython, in a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import backpack_orm
from backpack_orm import Connection, Note, NotFound, Page
from backpack_orm.connection import context
from backpack_orm.connection.stats import Stats
from backpack_orm.sandbox import Sandbox
from tests.ipython_shell import new_shell


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A session with the extension."""
    shell = new_shell()
    backpack_orm.load_ipython_extension(shell)
    yield shell
    backpack_orm.unload_ipython_extension(shell)


def test_it_asks_for_the_token_and_shows_it_nowhere(
    box: Sandbox,
    shell: InteractiveShell,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return box.token

    monkeypatch.setattr("backpack_orm.integrations.magics.getpass", answer)
    result = shell.run_cell(f"%backpack connect {box.url}", store_history=True)
    assert isinstance(result.result, Connection)
    assert asked == [f"Token of {box.url}: "]
    assert Page.count() == 13
    stats = shell.run_cell("%backpack", store_history=True).result
    assert isinstance(stats, Stats)
    assert stats.requests == 1
    output = capsys.readouterr().out
    assert f"Connection('{box.url}')" in output
    assert shell.history_manager is not None
    history = repr(list(shell.history_manager.get_range(raw=True)))
    assert "%backpack connect" in history
    assert box.token not in output + history + repr(shell.user_ns)


def test_it_connects_as_the_environment_says(
    box: Sandbox, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="name an account: %backpack connect acme"):
        shell.run_line_magic("backpack", "connect")
    monkeypatch.setenv("BACKPACK_URL", box.url)
    monkeypatch.setenv("BACKPACK_TOKEN", box.token)
    assert shell.run_line_magic("backpack", "connect").url == box.url


@pytest.mark.network
def test_it_starts_one_sandbox_at_a_time(shell: InteractiveShell) -> None:
    first = shell.run_line_magic("backpack", "sandbox empty")
    assert Page.count() == 0
    shell.run_line_magic("backpack", "sandbox")
    assert Page.get(title="Lisbon").title == "Lisbon"
    with pytest.raises(backpack_orm.TransportError):
        Page.all(using=first, fresh=True)
    second = context.current()
    backpack_orm.unload_ipython_extension(shell)
    with pytest.raises(backpack_orm.TransportError):
        Page.all(using=second, fresh=True)
    backpack_orm.load_ipython_extension(shell)


@pytest.mark.parametrize("line", ["Lisbon --title Lunch at one", "{id} --title Lunch at one"])
def test_a_cell_becomes_a_note(
    line: str, box: Sandbox, connection: Connection, shell: InteractiveShell
) -> None:
    page = Page.get(title="Lisbon")
    note = shell.run_cell_magic("note", line.format(id=page.id), "Sardines,\nat *one*\n")
    assert isinstance(note, Note)
    stored = Note.find(note.id, page=page, fresh=True)
    assert (stored.title, stored.body) == ("Lunch at one", "Sardines,\nat *one*")


def test_a_title_may_contain_an_apostrophe(connection: Connection, shell: InteractiveShell) -> None:
    page = Page.create(title="Yuki's birthday")
    note = shell.run_cell_magic("note", "Yuki's birthday --title Don't forget", "Cake")
    assert (note.page, note.title) == (page, "Don't forget")


def test_a_token_that_is_typed_is_not_repeated(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        shell.run_line_magic("backpack", "connect acme 5ca1ab1e0123456789")
    assert "%backpack connect takes one word at most" in str(caught.value)
    assert "5ca1ab1e" not in str(caught.value) + capsys.readouterr().out


def test_a_page_that_does_not_exist_gets_no_note(
    box: Sandbox, connection: Connection, shell: InteractiveShell
) -> None:
    with pytest.raises(NotFound):
        shell.run_cell_magic("note", "Lisboa", "Sardines")
    with pytest.raises(UsageError, match="name a page"):
        shell.run_cell_magic("note", "--title Lunch", "Sardines")


def test_without_a_connection_it_says_how_to_connect(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell.run_line_magic("backpack", "") is None
    assert "%backpack connect [ACCOUNT]" in capsys.readouterr().out
    with pytest.raises(UsageError, match="there is no %backpack conect"):
        shell.run_line_magic("backpack", "conect acme")


def test_unloading_removes_the_commands() -> None:
    shell = new_shell()
    backpack_orm.load_ipython_extension(shell)
    assert shell.find_line_magic("backpack")
    backpack_orm.unload_ipython_extension(shell)
    assert shell.find_line_magic("backpack") is None
    assert shell.find_cell_magic("note") is None
