"""Builds the archives of a release into `dist`, checks them, and tests the unpacked sources.

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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
FAST = ["--offline", "-m", "not network and not browser and not long"]


def main() -> None:
    """Build, check and test, and stop at the first failure."""
    shutil.rmtree(DIST, ignore_errors=True)
    run("validate_pyproject", "pyproject.toml")
    run("build", "--quiet", "--outdir", str(DIST))
    (sources,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    run("twine", "check", "--strict", str(sources), str(wheel))
    run("check_wheel_contents", str(wheel))
    check_files(wheel)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sources) as archive:
            archive.extractall(folder, filter="data")
        unpacked = Path(folder) / sources.name.removesuffix(".tar.gz")
        # `pythonpath` in pyproject.toml makes pytest import the package from there.
        run("pytest", "--quiet", "--numprocesses", "logical", *FAST, folder=unpacked)
    print(f"package: {sources.name} and {wheel.name} are good, in {DIST.name}")


def check_files(wheel: Path) -> None:
    """Compare the files of the package in the wheel with those in the folder."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("backpack_orm/")}
    files = (path for path in (ROOT / "backpack_orm").rglob("*") if path.is_file())
    needed = {str(path.relative_to(ROOT)) for path in files if path.parent.name != "__pycache__"}
    if packed != needed:
        sys.exit(f"package: the wheel lacks, or has without need: {sorted(packed ^ needed)}")


def run(module: str, *arguments: str, folder: Path = ROOT) -> None:
    command = [sys.executable, "-m", module, *arguments]
    if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"package: {module} failed, see above")


if __name__ == "__main__":
    main()
