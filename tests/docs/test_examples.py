"""The code in the documents runs, and gives what it says."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import backpack_orm
from backpack_orm import Connection
from backpack_orm.sandbox import Sandbox
from tests.docs import documents

_SYBIL = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)], pattern="*.md"
)
_READY = re.compile(r"backpack sandbox ready: (\S+) token (\S+)")


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=documents.name)
def test_python_runs(
    path: Path, box: Sandbox, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKPACK_URL", box.url)
    monkeypatch.setenv("BACKPACK_TOKEN", box.token)
    document = _SYBIL.parse(path)
    names = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    document.namespace.update(names, box=box, connection=connection, __name__="__main__")
    for example in document.examples():
        example.evaluate()


def test_code_is_python_or_a_console() -> None:
    for path in documents.DOCUMENTS:
        for language, text in documents.fences(path):
            assert language in ("python", "console"), f"{documents.name(path)}: {text}"


def commands() -> Iterator[str]:
    for path in documents.DOCUMENTS:
        for language, text in documents.fences(path):
            if language == "console":
                yield from re.findall(r"^\$ (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_commands_are_there(command: str, tmp_path: Path) -> None:
    """Those of make are, that of the sandbox runs, and others are not ours to test."""
    program, *arguments = shlex.split(command)
    if program == "make":
        makefile = (documents.ROOT / "Makefile").read_text("utf-8")
        assert re.search(rf"^{arguments[0]}:.*## ", makefile, re.MULTILINE)
    elif program == "python":
        assert arguments[:2] == ["-m", "backpack_orm.sandbox"]
        serve([re.sub(r"^\d+$", "0", argument) for argument in arguments], tmp_path)
    else:
        assert program in ("pip", "git", ".ci/run", "export", "read", "pytest")


def serve(arguments: list[str], folder: Path) -> None:
    """Start a sandbox in a process and a folder of its own, and read a page from it."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(documents.ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready = _READY.match(process.stdout.readline())
            assert ready
            with Connection(ready[1], token=ready[2]) as connection:
                assert backpack_orm.Page.find_by(title="Lisbon", using=connection)
        finally:
            process.terminate()
    assert process.returncode == 0
