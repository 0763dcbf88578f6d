"""Without its extra, an integration says how to install it."""

from __future__ import annotations

import subprocess
import sys

import pytest

NEEDS = {
    "django": ("django", "django"),
    "fastapi": ("starlette", "fastapi"),
    "flask": ("flask", "flask"),
    "mcp": ("mcp", "mcp"),
    "testkit": ("pytest", "pytest"),
    "vcr": ("vcr", "pytest"),
}


@pytest.mark.parametrize("name", NEEDS)
def test_the_error_names_the_command_that_installs_it(name: str) -> None:
    package, extra = NEEDS[name]
    shown = subprocess.check_output(
        [
            sys.executable,
            "-c",
            without(package)
            + f"""
try:
    import backpack_orm.integrations.{name}
except ImportError as error:
    print(error)
""",
        ],
        text=True,
    )
    assert f'pip install "backpack_orm[{extra}]"' in shown


@pytest.mark.parametrize("package", ["click", "platformdirs"])
def test_the_command_line_names_it_too(package: str) -> None:
    program = without(package) + "from backpack_orm.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, stderr=subprocess.PIPE, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        f'Error: backpack requires {package}, part of an extra: pip install "backpack_orm[cli]"\n'
    )


def without(package: str) -> str:
    """Return the start of a program that runs as if a package were not installed."""
    return f"""
import sys

class Absent:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
