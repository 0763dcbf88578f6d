"""Programs that some tests need: without one they are skipped, but never in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

DEBIAN_PACKAGES = {
    "chromium": "chromium",
    "fish": "fish",
    "initdb": "postgresql",
    "nginx": "nginx",
    "pg_ctl": "postgresql",
    "redis-server": "redis-server",
    "zsh": "zsh",
}
_REASON = "needs the program "


def require(name: str) -> str:
    """Return the path of a program. Without it, skip the test; in CI, fail."""
    path = path_of(name)
    if path is None:
        message = f"{_REASON}{name}: install Debian's package {DEBIAN_PACKAGES[name]}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def path_of(name: str) -> str | None:
    """Return the path of a program, also of PostgreSQL, which is not on the PATH."""
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(newest[0]) if newest else None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser"):
        require("chromium")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for want of programs, and how to install those."""
    reasons = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    lacking = [reason.partition(_REASON)[2] for reason in reasons if _REASON in reason]
    names = sorted({text.partition(":")[0] for text in lacking})
    if names:
        packages = " ".join(sorted({DEBIAN_PACKAGES[name] for name in names}))
        terminalreporter.write_line(
            f"{len(lacking)} tests were skipped, since there is no {', '.join(names)}: "
            f"apt-get install {packages}"
        )
