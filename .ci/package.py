"""Builds the archives of a release into `dist`, compares their files with those here, and tests.

    .venv/bin/python .ci/package.py

It runs in an environment with the dependency group `package`; `make package` creates that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
FOLDERS = (".ci", ".github", "backpack_orm", "cassettes", "docs", "tests")
BUILT = ("docs/_build/", "docs/reference/")
ROOMS = ("architecture", "contributing", "demo", "docs", "typing")
"""Tests that read files of the project besides the package and the tests themselves."""
FAST = ["--offline", "-m", "not network and not browser and not long"]


def main() -> None:
    """Build, check and test, and stop at the first failure."""
    shutil.rmtree(DIST, ignore_errors=True)
    run("validate_pyproject", "pyproject.toml")
    run("build", "--quiet", "--outdir", str(DIST))
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
    print(f"package: {sources.name} and {wheel.name} are good, in {DIST.name}")


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
