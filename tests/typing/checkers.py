"""Runs mypy and pyright on a program that lies outside of the project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

_SCRIPTS = Path(sys.executable).parent
_COMMANDS = {
    "mypy": [
        *("mypy", "--strict", "--no-error-summary", "--hide-error-context"),
        *("--no-incremental", "--python-executable", sys.executable),
    ],
    "pyright": ["basedpyright", "--level", "error", "--pythonpath", sys.executable],
}
CHECKERS = tuple(_COMMANDS)
_ERROR = re.compile(r"program\.py:(\d+)[:\d]* (?:- )?error: .*")


def errors_in(program: str, checker: str, folder: Path) -> dict[int, str]:
    """Return the first error of each line of a program that has one.

    The checker finds the package as that of any other user: where it is installed.
    """
    (folder / "program.py").write_text(program, "utf-8")
    settings = {"typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command, *options = _COMMANDS[checker]
    result = subprocess.run(
        [str(_SCRIPTS / command), *options, "program.py"],
        cwd=folder,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {int(each[1]): each[0] for each in reversed(list(_ERROR.finditer(result.stdout)))}
    assert bool(found) == (result.returncode == 1), result.stdout + result.stderr
    return found
