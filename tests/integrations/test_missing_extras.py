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
    program = f"""
import sys

class Absent:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
try:
    import backpack_orm.integrations.{name}
except ImportError as error:
    print(error)
"""
    shown = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert f'pip install "backpack_orm[{extra}]"' in shown
