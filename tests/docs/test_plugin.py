"""The example of a plugin can be built and installed, its tests pass, and its command runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backpack_orm.sandbox import Sandbox
from tests.docs import documents

pytestmark = pytest.mark.network

EXAMPLE = documents.ROOT / "docs" / "examples" / "backpack-audit"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, so that nothing is built in the sources."""
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("example") / "audit")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Return a function that runs a program with the plugin installed."""
    target = folder.parent / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", "--target", target, folder], check=True)
    path = os.pathsep.join([str(target), str(documents.ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)

    def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_its_tests_pass(run: Run) -> None:
    options = ("-q", "-p", "backpack_orm.integrations.pytest", "-p", "no:cacheprovider")
    result = run("-m", "pytest", *options, "tests")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "9 passed" in result.stdout


def test_its_command_is_one_of_backpack(run: Run, folder: Path) -> None:
    entry = {"at": "2026-05-02T09:12:44+00:00", "user": "nora", "action": "saved"}
    lines = [{**entry, "record": "Page", "id": id, "fields": ["title"]} for id in (6, 7)]
    (folder / "audit.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    backpack = ("-c", "from backpack_orm.cli import main; main()")
    assert "From backpack_audit." in run(*backpack, "--help").stdout
    shown = run(*backpack, "audit", "audit.jsonl", "--last", "1")
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    assert shown.stdout == readme.split("--last 10\n")[1].split("```")[0]


def test_the_program_of_its_documentation_runs(run: Run, folder: Path, box: Sandbox) -> None:
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    program = readme.split("```python\n")[1].split("```")[0]
    (folder / "audit.jsonl").unlink(missing_ok=True)
    account = program.replace('connect("acme")', "connect()")
    result = run("-c", account, BACKPACK_URL=box.url, BACKPACK_TOKEN=box.token)
    assert result.returncode == 0, result.stderr
    (line,) = (folder / "audit.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["action"] == "created"
