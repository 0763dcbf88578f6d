"""Runs many command lines, each in a process of its own with streams that misbehave.

    python -m tests.cli.forks full < lines.json > results.json

The processes are forked from this one after all that they need was imported, which takes ten times
as long as most commands.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import shlex
import sys
import tempfile
from typing import NoReturn

import backpack_orm
from backpack_orm import cli
from backpack_orm.cli import registry
from backpack_orm.cli.program import load

MODES = {"full": "Travel", "broken": "Portugal"}
"""The modes, each with a tag that is removed in it.

Standard output is a full disk, or a pipe whose reader has left; standard input is closed.
"""


def run(arguments: list[str], mode: str) -> tuple[int, str]:
    """Return the exit code and the standard error of a command line."""
    with tempfile.TemporaryFile() as errors:
        process = os.fork()
        if process == 0:
            child(arguments, mode, errors.fileno())
        _, status = os.waitpid(process, 0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status), errors.read().decode()


def child(arguments: list[str], mode: str, errors: int) -> NoReturn:
    """Replace the streams, and run the program to the end of the interpreter."""
    os.close(0)
    sys.stdin = None  # as Python does when it starts
    if mode == "full":
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    sys.argv = ["backpack", *arguments]
    cli.main()
    raise AssertionError("the program returned")


def import_everything() -> None:
    for module in ("archive", "cli", "models", "sandbox"):
        path = importlib.import_module(f"backpack_orm.{module}").__path__
        for found in pkgutil.walk_packages(path, f"backpack_orm.{module}."):
            if not found.name.endswith(("__main__", ".migrations.env")):  # they run when imported
                importlib.import_module(found.name)
    for name in backpack_orm.__all__:
        getattr(backpack_orm, name)
    for name, entry in registry.COMMANDS.items():
        load(name, entry)


if __name__ == "__main__":
    import_everything()
    gc.freeze()
    lines: dict[str, str] = json.load(sys.stdin)
    mode = sys.argv[1]
    tag = MODES[mode]
    results = {name: run(shlex.split(line.format(tag=tag)), mode) for name, line in lines.items()}
    json.dump(results, sys.stdout)
