"""What commands print, in a terminal, in a pipe and as JSON, compared with snapshots."""

from __future__ import annotations

import re

import pytest

from backpack_orm.sandbox import Sandbox
from tests.cli import pictures
from tests.cli.conftest import Runner
from tests.cli.shown import COMMANDS, FOLDER, rendered


@pytest.mark.parametrize("name", COMMANDS)
def test_the_output_is_that_of_the_snapshot(
    name: str, run: Runner, shared_box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change on purpose: `python -m tests.cli.shown`, and read the differences."""
    monkeypatch.setenv("PAGER", "cat")
    snapshot = (FOLDER / f"{name}.txt").read_text("utf-8")
    assert _narrowed(rendered(COMMANDS[name], shared_box)) == _narrowed(snapshot)


def _narrowed(text: str) -> str:
    """Return a text without the widths of columns, which depend on the version of rich."""
    return re.sub("─+", "─", re.sub(" +", " ", re.sub("(?m)^ +", "", text)))


def test_there_is_no_snapshot_without_a_command() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(COMMANDS)


@pytest.mark.parametrize("name", pictures.COMMANDS)
def test_a_picture_of_the_documentation_shows_the_output(
    name: str, run: Runner, shared_box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change on purpose: `python -m tests.cli.pictures`, and look at them."""
    monkeypatch.setenv("PAGER", "cat")
    shown = (pictures.FOLDER / f"{name}.svg").read_text("utf-8")
    now = pictures.picture(pictures.COMMANDS[name])
    assert pictures.words_in(now) == pictures.words_in(shown)
