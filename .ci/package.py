"""Checks the archives of a release in `dist`, compares their files with those here, and tests them.

    .venv/bin/python .ci/package.py

It runs in an environment with the dependency group `package`. `make package` creates that, and the
archives.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import environment

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
FOLDERS = (".ci", ".github", "backpack_orm", "cassettes", "docs", "tests")
BUILT = ("docs/_build/", "docs/reference/")
ROOMS = ("architecture", "contributing", "demo", "docs", "typing")
"""Tests that read files of the project besides the package and the tests themselves."""
IMPORTS = "from backpack_orm import *"
FAST = ["--offline", "-m", "not network and not browser and not slow"]


def main() -> None:
    """Check and test, and stop at the first failure."""
    run("validate_pyproject", "pyproject.toml")
    (sources,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    run("twine", "check", "--strict", str(sources), str(wheel))
    run("check_wheel_contents", str(wheel))
    with zipfile.ZipFile(wheel) as archive:
        check_files(wheel, archive.namelist(), "backpack_orm")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sources) as archive:
            names = (each.name.partition("/")[2] for each in archive if each.isfile())
            check_files(sources, names, *FOLDERS)
            archive.extractall(folder, filter="data")
        unpacked = Path(folder) / sources.name.removesuffix(".tar.gz")
        # `pythonpath` in pyproject.toml makes pytest import the package from there.
        tests = [f"tests/{room}" for room in ROOMS]
        run("pytest", "--quiet", "--numprocesses", "logical", *FAST, *tests, folder=unpacked)
        install(wheel, Path(folder) / "venv")
    print(f"package: {sources.name} and {wheel.name} are good, in {DIST.name}")


def install(wheel: Path, folder: Path) -> None:
    """Install the wheel as users do, without extras, and import all that needs none."""
    run("venv", str(folder))
    python = environment.python_in(folder)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([*pip, str(wheel)], [python, "-I", "-c", IMPORTS]):
        if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode:
            sys.exit(f"package: {wheel.name} does not work without extras, see above")


def check_files(archive: Path, packed: Iterable[str], *folders: str) -> None:
    """Compare the files of folders in an archive with those here."""
    inside = tuple(f"{folder}/" for folder in folders)
    found = {name for name in packed if name.startswith(inside)}
    needed = {name for folder in folders for name in files_in(folder)}
    if found != needed:
        different = sorted(found ^ needed)
        sys.exit(f"package: {archive.name} lacks, or has without need: {different}")


def files_in(folder: str) -> Iterator[str]:
    """Yield the paths of the files in a folder, except those that programs create."""
    for path in (ROOT / folder).rglob("*"):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and path.parent.name != "__pycache__" and not name.startswith(BUILT):
            yield name


def run(module: str, *arguments: str, folder: Path = ROOT) -> None:
    command = [sys.executable, "-m", module, *arguments]
    if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"package: {module} failed, see above")


if __name__ == "__main__":
    main()
