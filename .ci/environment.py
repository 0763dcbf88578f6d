"""Creates the virtual environment of the Makefile, and repairs it if it is broken.

    python3 .ci/environment.py FOLDER GROUP

It uses only the standard library, and installs with uv, which it installs with pip. If the
environment is complete, it returns within a fraction of a second.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".backpack_orm.json"
PYPROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
"""The version of each package, for all groups but two. `make constraints` writes it."""
GROUPS = ("demo", "dev", "package", "docs", "bench")
"""Each includes those before it. All but the first are dependency groups of pyproject.toml."""
LOWEST = "lowest"
"""The group dev, with the lowest versions of all packages that pyproject.toml permits."""
RENEWAL = "constraints"
"""The dependency group of `make constraints`, which must not depend on what it replaces."""
TOOLS = ("audit", RENEWAL)
"""Dependency groups of programs that are installed without this project."""
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
FOR_UV = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
}
"""Options of pip, and those of uv for each of their values."""
INSTALLATION = (
    "the installation failed. It needs the network, and after a change to pyproject.toml perhaps "
    "`make constraints`"
)


class SetupError(Exception):
    """An error for the user, with what to do about it."""


def main(folder: Path, group: str) -> None:
    """Ensure an environment in a folder, with this project and a group of packages installed."""
    stamp, found = read_stamp(folder), inspect(folder)
    is_sound = (
        stamp.get("root") == str(ROOT)
        and found is not None
        and not found["broken"]
        and found["python"] == identity()
        and set(stamp["packages"]) <= set(found["packages"])
    )
    enough = GROUPS[GROUPS.index(group) :] if group in GROUPS else (group,)
    is_enough = stamp.get("group") in enough
    if is_sound and is_enough and stamp["needs"] == needs():
        return
    if not is_sound:
        make(folder)
    elif is_enough:
        group = stamp["group"]
    install(folder, group)
    found = inspect(folder)
    if found is None or found["broken"]:
        report("files in uv's cache are damaged, perhaps by an environment that shares them")
        make(folder)
        install(folder, group, "--no-cache")
        found = inspect(folder)
    if found is None or found["broken"]:
        broken = ", ".join(found["broken"]) if found else "its Python does not run"
        raise SetupError(f"{folder} is broken although it was just created: {broken}")
    stamp = {"root": str(ROOT), "group": group, "needs": needs(), "packages": found["packages"]}
    write_stamp(folder, stamp)
    report(f"{folder} is ready")


def identity() -> list[str]:
    """Return version and location of this Python."""
    return [sys.version, os.path.realpath(sys.base_prefix)]


def needs() -> str:
    """Return a digest of the requirements and constraints."""
    found = settings()
    tables = [found[name] for name in ("build-system", "project", "dependency-groups")]
    return hashlib.sha256(json.dumps(tables).encode() + CONSTRAINTS.read_bytes()).hexdigest()


def settings() -> dict[str, Any]:
    return tomllib.loads(PYPROJECT.read_text("utf-8"))


def read_stamp(folder: Path) -> dict[str, Any]:
    """Return the stamp of the last complete installation; empty if there is none."""
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def write_stamp(folder: Path, stamp: dict[str, Any]) -> None:
    new = folder / f"{STAMP}.new"
    new.write_text(json.dumps(stamp), "utf-8")
    new.replace(folder / STAMP)


def python_in(folder: Path) -> str:
    return str(folder / SCRIPTS / "python")


def inspect(folder: Path) -> dict[str, Any] | None:
    """Inspect the environment with its own Python; return None if that does not run."""
    command = [python_in(folder), "-I", __file__, "--inspect"]
    try:
        output = subprocess.check_output(command, stderr=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(output)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return found


def inspect_this() -> dict[str, Any]:
    """Return the packages in the environment of this Python, and broken files."""
    folder = sysconfig.get_paths()["purelib"]
    packages = [name for name in sorted(os.listdir(folder)) if name.endswith(".dist-info")]
    broken = [name for name in os.listdir(folder) if name.startswith("~")]  # pip was interrupted
    for package in packages:
        try:
            with open(f"{folder}/{package}/RECORD", encoding="utf-8") as file:
                broken += [
                    path for path, _, size in csv.reader(file) if is_lost(folder, path, size)
                ]
        except (OSError, ValueError) as error:
            broken.append(f"{package}: {error}")
    return {"python": identity(), "packages": packages, "broken": broken[:5]}


def is_lost(folder: str, path: str, size: str) -> bool:
    """Whether a file is missing or has another size than when it was installed."""
    if path.endswith(".pyc"):
        return False
    try:
        length = os.stat(os.path.join(folder, path)).st_size
    except OSError:
        return True
    return bool(size) and length != int(size)


def clear(folder: Path) -> None:
    """Remove the old environment, but nothing that was not created here."""
    if not os.path.lexists(folder):
        return
    is_ours = folder.parent == ROOT and folder.name.startswith(".venv")
    is_empty = folder.is_dir() and not os.listdir(folder)
    if not (is_ours or is_empty or (folder / STAMP).exists()):
        raise SetupError(
            f"{folder} was not created here, so it is left alone: "
            "remove it, or name another folder with VENV=…"
        )
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink()


def make(folder: Path) -> None:
    """Create an environment with the base interpreter of this Python, instead of the old one."""
    report(f"creating {folder} with Python {sys.version.split()[0]}")
    clear(folder)
    python = getattr(sys, "_base_executable", None) or sys.executable
    folder.mkdir(parents=True)
    (folder / STAMP).touch()  # marks the folder as ours before it is complete
    command = [python, "-m", "venv", str(folder)]
    made = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if made.returncode:
        clear(folder)
        raise SetupError(
            f"{python} cannot create a virtual environment. On Debian and Ubuntu the package "
            "python3-venv brings what is missing; or name another Python with PYTHON=…\n\n"
            + (made.stdout + made.stderr).strip()
        )


def install(folder: Path, group: str, *options: str) -> None:
    """Install a group of packages, and this project in editable mode."""
    report(f"installing what {group} needs")
    pins = [] if group == RENEWAL else [f"--constraint={CONSTRAINTS}"]
    run([*pip(folder), "install", "--quiet", "--no-compile", *pins, "uv"])
    if group == LOWEST:
        pins = ["--resolution=lowest-direct"]
    elif pins:
        pins += [f"--build-constraint={CONSTRAINTS}"]
    command = [*uv(folder, "install"), f"--python={python_in(folder)}", *options]
    run([*command, *pins, *packages(group)])
    # On all processors, and without the tests of packages. Files that cannot be compiled fail when
    # imported.
    tests = r"site-packages[/\\].*[/\\]tests?[/\\]"
    compiling = [python_in(folder), "-m", "compileall", "-q", "-j0", "-x", tests, str(folder)]
    subprocess.run(compiling, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def pip(folder: Path) -> list[str]:
    return [python_in(folder), "-m", "pip", "--disable-pip-version-check", "--no-input"]


def uv(folder: Path, command: str) -> list[str]:
    """Return a command of `uv pip`, which does not read the configuration of pip by itself."""
    configured = subprocess.check_output(
        [*pip(folder), "config", "list"], stdin=subprocess.DEVNULL, text=True
    )
    options = options_for_uv(configured)
    return [python_in(folder), "-m", "uv", "pip", command, "--quiet", *options]


def packages(group: str) -> list[str]:
    """Return the arguments of an installer for a group."""
    if group == "demo":
        return ["--editable", f"{ROOT}[sandbox]"]
    groups = ["--group", f"{PYPROJECT}:{'dev' if group == LOWEST else group}"]
    if group in TOOLS:
        return groups
    extras = ",".join(settings()["project"]["optional-dependencies"])
    return ["--editable", f"{ROOT}[{extras}]", *groups]


def options_for_uv(configuration: str) -> list[str]:
    """Return options of uv for the indexes in the output of `pip config list`."""
    rows = (row.partition("=") for row in configuration.splitlines())
    values = {key: ast.literal_eval(value) for key, _, value in rows}
    options = []
    for name, option in FOR_UV.items():
        parts = (f"{part}.{name}" for part in ("global", "install", ":env:"))
        found = [values[key] for key in parts if key in values]
        for value in found[-1].split() if found else ():  # the last wins
            options += [option, value]
    if "--index" in options:
        options += ["--index-strategy", "unsafe-best-match"]  # of all indexes, as pip does
    return options


def run(command: list[str], advice: str = INSTALLATION) -> None:
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupError(f"{advice}; see above")


def report(message: str) -> None:
    print(f"environment: {message.replace(f'{ROOT}/', '')}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--inspect"]:
        print(json.dumps(inspect_this()))
    else:
        try:
            main(Path(sys.argv[1]).absolute(), sys.argv[2])
        except SetupError as problem:
            sys.exit(f"environment: {problem}")
