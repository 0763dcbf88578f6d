"""In an IPython session, looking at objects makes no request."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from backpack_orm import Connection, Page
from backpack_orm.sandbox import Sandbox
from tests.ipython_shell import new_shell


@pytest.fixture
def shell(connection: Connection) -> InteractiveShell:
    """A session with a page as a list knows it, and a page that is loaded."""
    shell = new_shell()
    found = Page.find(Page.all()[0].id)
    assert found.notes[0].body
    listed = Page.all()[1]
    shell.user_ns.update(listed=listed, notes=listed.notes, found=found, Page=Page)
    return shell


@pytest.mark.parametrize(
    "line",
    ["listed.", "notes.", "found.", "found.notes.", "found.notes[0].", "Page.", "listed.notes."],
)
@pytest.mark.parametrize("jedi", [True, False])
def test_tab_makes_no_request(shell: InteractiveShell, box: Sandbox, line: str, jedi: bool) -> None:
    before = box.requests
    shell.Completer.use_jedi = jedi
    with provisionalcompleter():
        found = [completion.text for completion in shell.Completer.completions(line, len(line))]
    assert box.requests == before
    assert found or line.count(".") > 1  # what an attribute is, is not worked out by all means


@pytest.mark.parametrize("name", ["listed", "notes", "found", "found.notes", "Page", "Page.find"])
@pytest.mark.parametrize("detail", [0, 1])
def test_a_question_mark_makes_no_request(
    shell: InteractiveShell,
    box: Sandbox,
    name: str,
    detail: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = box.requests
    shell._inspect("pinfo", name, detail_level=detail)
    assert box.requests == before
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["listed", "notes", "found", "found.notes", "[listed]", "{1: notes}", "listed.notes"]
)
def test_display_makes_no_request(
    shell: InteractiveShell, box: Sandbox, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = box.requests
    assert shell.run_cell(line).success
    assert box.requests == before
    assert "Traceback" not in capsys.readouterr().out


def test_a_property_that_is_evaluated_makes_one_request_at_most(
    shell: InteractiveShell, box: Sandbox
) -> None:
    before = box.requests
    shell.run_cell("listed.description")
    shell.run_cell("listed.email_address")
    assert box.requests == before + 1
