"""The documents about the command line: their sessions run, and their tables are complete."""

from __future__ import annotations

import os
import re
import runpy
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from backpack_orm import Connection, User
from backpack_orm.cli.config import KEYS
from backpack_orm.cli.exit_codes import MEANINGS, ExitCode
from backpack_orm.cli.failures import CommandError, Failure
from backpack_orm.errors import CATALOG
from backpack_orm.sandbox import Sandbox
from tests.cli.test_streams import shell
from tests.cli.test_surface import LEAVES
from tests.docs import documents

DOCUMENTS = [
    documents.ROOT / "docs" / name for name in ("command-line.md", "backup.md", "old-export.md")
]
TEXT = DOCUMENTS[0].read_text("utf-8")
_REFERENCE = runpy.run_path(str(documents.ROOT / "docs" / "command_reference.py"))
INTERACTIVE = ("backpack demo", "backpack login acme", 'pip install ".[cli,sandbox]"')
"""Lines that are not run: they ask somebody."""
PROGRAMS = {"fzf": "head -n 1", "zenity": "echo Milk", "jq": "grep -c Lisbon"}
"""What stands for programs of others."""


def steps(document: Path) -> Iterator[tuple[str, str]]:
    """Yield each command with its documented output."""
    for language, text in documents.fences(document):
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


@pytest.fixture
def documented_account(
    demo: Callable[..., Sandbox], network: None, home: Path
) -> Iterator[Sandbox]:
    """An account that no other document has changed, and an old export of it."""
    with demo() as box:
        with Connection(box.url, token=box.token) as connection:
            User.me(using=connection).export().save(home / "export.xml")
        os.utime(home / "export.xml", (1_237_000_000, 1_237_000_000))
        yield box


def narrowed(text: str) -> str:
    """Return an output without the widths of its columns, which depend on the version of rich."""
    lines = (re.sub(r"([ ─])\1*", r"\1", line).strip() for line in text.splitlines())
    return "\n".join(lines).strip()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_sessions_print_what_is_documented(
    document: Path,
    documented_account: Sandbox,
    home: Path,
    programs: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(home)
    run = 0
    for command, documented in steps(document):
        if command in INTERACTIVE:
            continue
        done = shell(
            f"{{ {command}; }} 2>&1",
            documented_account,
            home,
            BACKPACK_OUTPUT="table" if documented else "",  # as on a terminal
            BACKPACK_ARCHIVE="backup",
            PATH=f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
            PYTHONPATH=str(documents.ROOT),
            COLUMNS="80",
        )
        printed = done.stdout.replace(documented_account.url, "the account")
        if documented:
            assert narrowed(printed) == narrowed(documented), command
        else:
            assert done.returncode == 0, f"{command}: {printed}"
        run += 1
    assert run >= 3


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [(str(int(code)), meaning) for code, meaning in MEANINGS.items()]


@pytest.mark.parametrize(
    "error",
    [
        *(
            CommandError("no", code)
            for code in (
                ExitCode.NOT_FOUND,
                ExitCode.AUTHENTICATION,
                ExitCode.AMBIGUOUS,
                ExitCode.INCOMPLETE,
            )
        ),
        click.UsageError("no"),
        KeyboardInterrupt(),
        OSError("no"),
        ImportError("no"),
        RuntimeError("no"),
    ],
    ids=repr,
)
def test_every_code_in_json_is_documented(error: BaseException) -> None:
    code = Failure.of(error).code
    assert code in {info.code for info in CATALOG.values()} or f"`{code}`" in TEXT


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
