"""Runs mypy and pyright on a program that lies outside of the project."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

_SCRIPTS = Path(sys.executable).parent
_CACHE = Path(__file__).parents[2] / ".mypy_cache" / "programs"
_COMMANDS = {
    "mypy": [
        *("mypy", "--strict", "--no-error-summary", "--hide-error-context"),
        *("--cache-dir", str(_CACHE), "--python-executable", sys.executable),
    ],
    "pyright": ["basedpyright", "--level", "error", "--pythonpath", sys.executable],
}
CHECKERS = tuple(_COMMANDS)
_ERROR = re.compile(r"program_\w+\.py:(\d+)[:\d]* (?:- )?error: .*")


def errors_in(program: str, checker: str, folder: Path) -> dict[int, str]:
    """Return the first error of each line of a program that has one.

    The checker finds the package as that of any other user: where it is installed.
    """
    # mypy takes a file with the name, size and second of one in its cache for the same file.
    path = folder / f"program_{hashlib.sha256(program.encode()).hexdigest()}.py"
    path.write_text(program, "utf-8")
    settings = {"typeCheckingMode": "standard"}
    (folder / "mypy.ini").write_text("[mypy]\nplugins = backpack_orm.integrations.mypy\n", "utf-8")
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command, *options = _COMMANDS[checker]
    with _lock() if checker == "mypy" else nullcontext():
        result = subprocess.run(
            [str(_SCRIPTS / command), *options, path.name],
            cwd=folder,
            env={"PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    found = {int(each[1]): each[0] for each in reversed(list(_ERROR.finditer(result.stdout)))}
    assert bool(found) == (result.returncode == 1), result.stdout + result.stderr
    return found


@contextmanager
def _lock() -> Iterator[None]:
    """Exclude the other processes of the tests: the first fills the cache for all."""
    import fcntl  # which Windows lacks, where these tests do not run

    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
