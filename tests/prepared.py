"""A process that has imported what programs need, and forks to run them.

    with Prepared("pytest", "backpack_orm.sandbox") as prepared:
        prepared.run(["-m", "pytest", "test_program.py"], folder, environment)

Importing takes ten times as long as most of these programs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self


class Prepared:
    """A process with modules, which runs one program after the other.

    Args:
        modules: What it imports.
        options: Options of Python, such as `-X dev`.
    """

    def __init__(self, *modules: str, options: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *options, "-m", "tests.prepared", *modules],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Run a program as `python` would with these arguments; return its exit code and output."""
        assert self._process.stdin and self._process.stdout
        print(
            json.dumps([*map(list, (arguments, environment.items())), str(folder)]),
            file=self._process.stdin,
            flush=True,
        )
        code, output = json.loads(self._process.stdout.readline())
        return int(code), str(output)


def forked(arguments: list[str], environment: list[list[str]], folder: str) -> tuple[int, str]:
    with tempfile.TemporaryFile() as output:
        process = os.fork()
        if process == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(dict(environment))
            run(arguments)
        _, status = os.waitpid(process, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode()


def run(arguments: list[str]) -> NoReturn:
    """Run a file, or a module after `-m`, and end the process as Python does."""
    code: object = 0
    sys.path[0] = os.getcwd()
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(forked(*json.loads(line))), flush=True)
