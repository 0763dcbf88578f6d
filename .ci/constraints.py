"""Chooses the newest versions of all packages, and writes them to files that the installers use.

    .venv-constraints/bin/python .ci/constraints.py

`constraints.txt` has one version of each package for each supported Python and system, without
hashes, so that people can read what a renewal changes. `build.txt` has what builds a release, with
hashes. `make constraints` creates the environment, which needs only uv.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import environment

BUILD = environment.CONSTRAINTS.with_name("build.txt")


def main() -> None:
    """Write both files, the second with versions of the first."""
    groups = [f"--group={group}" for group in (environment.GROUPS[-1], *environment.TOOLS)]
    write(environment.CONSTRAINTS, ["pyproject.toml", "--all-extras", *groups])
    pinned = f"--constraint={environment.CONSTRAINTS}"
    write(BUILD, ["--group=build", "--generate-hashes", pinned])


def write(path: Path, requirements: list[str]) -> None:
    folder = Path(sys.prefix)
    oldest = environment.settings()["project"]["requires-python"].removeprefix(">=")
    form = ["--universal", "--upgrade", f"--python-version={oldest}", "--no-annotate"]
    command = [*environment.uv(folder, "compile"), *form, *requirements, f"--output-file={path}"]
    os.environ["UV_CUSTOM_COMPILE_COMMAND"] = "make constraints"
    environment.run(command, "no set of versions fits pyproject.toml, or the network is missing")


if __name__ == "__main__":
    os.chdir(environment.ROOT)
    try:
        main()
    except environment.SetupError as problem:
        sys.exit(f"constraints: {problem}")
