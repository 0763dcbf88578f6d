"""The code in the documents runs, and gives what it says."""

from __future__ import annotations

import doctest
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
def test_python_runs(path: Path, box: Sandbox, connection: Connection) -> None:
    document = _SYBIL.parse(path)
    names = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    document.namespace.update(names, box=box, connection=connection)
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
def test_commands_are_there(command: str) -> None:
    """Those of make are; that of the sandbox runs; pip and git are not ours to test."""
    program, *arguments = shlex.split(command)
    if program == "make":
        makefile = (documents.ROOT / "Makefile").read_text("utf-8")
        assert re.search(rf"^{arguments[0]}:.*## ", makefile, re.MULTILINE)
    elif program == "python":
        assert arguments[:2] == ["-m", "backpack_orm.sandbox"]
        serve([re.sub(r"^\d+$", "0", argument) for argument in arguments])
    else:
        assert program in ("pip", "git", ".ci/run")


def serve(arguments: list[str]) -> None:
    """Start a sandbox in a process of its own, and read a page from it."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True
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
