"""Looks for known vulnerabilities in all packages of constraints.txt, for this Python and system.

    .venv-audit/bin/python .ci/audit.py

It fails if a package that users install has one, or could not be checked. What only developers
install is reported without a failure, so that it does not stop a release.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import environment


def main() -> None:
    """Ask the advisory service once for all packages."""
    pinned = str(environment.CONSTRAINTS)
    project = [str(environment.PYPROJECT), "--all-extras", f"--constraint={pinned}"]
    compiling = [*environment.uv(Path(sys.prefix), "compile"), *project, "--no-annotate"]
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner=off", "--format=json"]
    users = set(re.findall(r"^[\w.-]+(?===)", output_of(compiling), re.MULTILINE))
    report = output_of([*command, f"--requirement={pinned}", "--no-deps", "--disable-pip"])
    result = judge(json.loads(report)["dependencies"], users)
    for line in result.others:
        print(f"audit: only for development: {line}")
    if result.stops:
        sys.exit("\n".join(f"audit: users install {line}" for line in result.stops))
    print(f"audit: no known vulnerability in the {len(users)} packages that users install")


def output_of(command: list[str]) -> str:
    """Return the output of a program, which fails if there is none."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        sys.exit(f"audit: could not check; it needs the network\n\n{done.stderr.strip()}")
    return done.stdout


class Result(NamedTuple):
    """What is wrong with packages that users install, and with others."""

    stops: list[str]
    others: list[str]


def judge(packages: list[dict[str, Any]], users: set[str]) -> Result:
    """Sort the findings of pip-audit. A package that it skipped was not checked."""
    result = Result([], [])
    checked = {package["name"] for package in packages if "vulns" in package}
    for package in packages:
        findings = result.stops if package["name"] in users else result.others
        findings += [describe(package, advisory) for advisory in package.get("vulns", ())]
    if unchecked := sorted(users - checked):
        result.stops.append(f"what the advisory service does not know: {', '.join(unchecked)}")
    return result


def describe(package: dict[str, Any], advisory: dict[str, Any]) -> str:
    fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
    return f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}"


if __name__ == "__main__":
    main()
