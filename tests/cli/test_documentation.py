"""The document about the command line: its sessions run, and its tables are complete."""

from __future__ import annotations

import re
import runpy
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backpack_orm.cli.config import KEYS
from backpack_orm.cli.exit_codes import MEANINGS
from backpack_orm.sandbox import Sandbox
from tests.cli.test_streams import shell
from tests.cli.test_surface import LEAVES
from tests.docs import documents

DOCUMENT = documents.ROOT / "docs" / "command-line.md"
TEXT = DOCUMENT.read_text("utf-8")
_REFERENCE = runpy.run_path(str(documents.ROOT / "docs" / "command_reference.py"))
INTERACTIVE = ("backpack demo", "backpack login acme", 'pip install ".[cli,sandbox]"')
"""Lines that are not run: they ask somebody."""
PROGRAMS = {"fzf": "head -n 1", "zenity": "echo Milk", "jq": "grep -c Lisbon"}
"""What stands for programs of others."""


def steps() -> Iterator[tuple[str, str]]:
    """Yield each command with its documented output."""
    for language, text in documents.fences(DOCUMENT):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in PROGRAMS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


def test_the_sessions_print_what_is_documented(
    shared_box: Sandbox, home: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    run = 0
    for command, documented in steps():
        if command in INTERACTIVE:
            continue
        done = shell(
            f"{{ {command}; }} 2>&1",
            shared_box,
            home,
            BACKPACK_OUTPUT="table" if documented else "",  # as on a terminal
            PATH=f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
            PYTHONPATH=str(documents.ROOT),
            COLUMNS="80",
        )
        printed = "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")
        if documented:
            assert printed == documented.strip("\n"), command
        else:
            assert done.returncode == 0, f"{command}: {printed}"
        run += 1
    assert run >= 15


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]


def test_the_table_of_settings_is_complete() -> None:
    table = TEXT.partition("| setting | meaning |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(KEYS)


def test_the_reference_has_every_command_with_its_examples() -> None:
    page = _REFERENCE["page"]()
    for path, command in LEAVES.items():
        if hasattr(command, "commands"):
            continue
        assert f"### backpack {path}\n" in page
        for example in command.examples:  # type: ignore[attr-defined]
            assert f"$ {example}\n" in page


def test_the_reference_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_REFERENCE["write"].__globals__, "PAGE", tmp_path / "reference" / "c.md")
    _REFERENCE["write"]()
    written = (tmp_path / "reference" / "c.md").stat()
    _REFERENCE["write"]()
    assert (tmp_path / "reference" / "c.md").stat().st_mtime_ns == written.st_mtime_ns
