"""The code in the documents runs and gives the documented results."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import backpack_orm
from backpack_orm import Connection
from backpack_orm.sandbox import Sandbox
from tests import postgresql
from tests.docs import documents

_SYBIL = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)], pattern="*.md"
)
_OTHERS = (
    "backpack",  # see tests/cli/test_documentation.py
    "celery",
    "chromium",  # see tests/archive/conversions/test_in_a_browser.py
    "echo",
    "createdb",
    "pg_dump",
    "pg_restore",
    "psql",
    "pip",
    "git",
    ".ci/run",
    "export",
    "read",
    "pytest",
    "python3",
    "source",
    ".venv/bin/python",
    "docker",
    "gunicorn",
    ".venv/bin/pre-commit",
)
_WITH_SESSIONS = [path for path in documents.DOCUMENTS if ">>> " in path.read_text("utf-8")]
"""Those without have programs alone, each of which tests/docs/test_files.py runs."""
_READY = re.compile(r"backpack sandbox ready: (\S+) token (?:in )?(\S+)")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("document", _WITH_SESSIONS, ids=documents.name)
def test_python_runs(document: Path, box: Sandbox, connection: Connection) -> None:
    parsed = _SYBIL.parse(document)
    names = {name: getattr(backpack_orm, name) for name in backpack_orm.__all__}
    parsed.namespace.update(names, box=box, connection=connection, __name__="__main__")
    for example in parsed.examples():
        example.evaluate()


def test_code_blocks_are_python_console_or_configuration() -> None:
    languages = (
        "python",
        "console",
        "ini",
        "toml",
        "dockerfile",
        "nginx",
        "powershell",
        "yaml",
        "text",
    )
    for path in documents.DOCUMENTS:
        for language, text in documents.fences(path):
            assert language in languages, f"{documents.name(path)}: {text}"


def test_every_code_block_is_found_by_the_tests() -> None:
    for path in documents.DOCUMENTS:
        marks = re.findall(r"^ *(?:> *)?(?:```|~~~)", path.read_text("utf-8"), re.MULTILINE)
        found = [*documents.fences(path), *documents.directives(path)]
        assert len(marks) == 2 * len(found), documents.name(path)


def test_documented_extras_exist() -> None:
    settings = tomllib.loads((documents.ROOT / "pyproject.toml").read_text("utf-8"))
    named = {
        extra
        for path in documents.DOCUMENTS
        for each in re.findall(r"[\"`]\.\[([\w,]+)\]", path.read_text("utf-8"))
        for extra in each.split(",")
    }
    assert {"sandbox", "pandas"} <= named <= set(settings["project"]["optional-dependencies"])


def commands() -> Iterator[str]:
    for path in documents.DOCUMENTS:
        for language, text in documents.fences(path):
            if language == "console":
                yield from re.findall(r"^\$ (.+)$", text, re.MULTILINE)


@pytest.mark.network
@pytest.mark.parametrize("command", sorted(set(commands())))
def test_documented_commands_exist(command: str, tmp_path: Path) -> None:
    """Targets of make exist, and commands of the sandbox run; other programs are not tested."""
    program, *arguments = shlex.split(command)
    if program == "make":
        makefile = (documents.ROOT / "Makefile").read_text("utf-8")
        assert re.search(rf"^{arguments[0]}:.*## ", makefile, re.MULTILINE)
    elif program == "python" and arguments != ["first.py"]:  # which test_files.py runs
        assert arguments[:2] == ["-m", "backpack_orm.sandbox"]
        if arguments[2:3] and not arguments[2].startswith("-"):
            act_on_file(arguments, tmp_path)
            return
        arguments = [re.sub(r"^\d+$", "0", argument) for argument in arguments]
        if not any(argument.startswith("postgresql:") for argument in arguments):
            serve(arguments, tmp_path)
            return
        with postgresql.running() as addresses:
            address = addresses.format("postgres")
            serve([re.sub("^postgresql:.*", address, one) for one in arguments], tmp_path)
    else:
        assert program in (*_OTHERS, "python")


def act_on_file(arguments: list[str], folder: Path) -> None:
    """Run a command of the sandbox that does not serve, in a folder with the files it needs."""
    data = str(folder / "account.db")
    with closing(Sandbox(seed="demo", data=data)) as box:
        box.tokens.create()
    if arguments[2] == "check":
        (folder / "account.db").rename(folder / arguments[3])
    elif arguments[2] == "restore":
        shutil.copy(data, folder / arguments[3])
    environment = {**os.environ, "PYTHONPATH": str(documents.ROOT)}
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True)


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
            file = folder / ready[2]
            token = file.read_text("utf-8").strip() if file.is_file() else ready[2]
            with Connection(ready[1], token=token) as connection:
                assert backpack_orm.Page.find_by(title="Lisbon", using=connection)
        finally:
            process.terminate()
    assert process.returncode == 0
