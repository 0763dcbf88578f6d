"""A plugin of pytest for mutants.py: notes for each line which functions of tests execute it."""

from __future__ import annotations

import coverage


def pytest_runtest_logstart(nodeid: str) -> None:
    """Let coverage note the function of the test that begins."""
    measuring = coverage.Coverage.current()
    if measuring is not None:
        measuring.switch_context(nodeid.partition("[")[0])


def pytest_sessionfinish() -> None:
    """Store what was noted, also in a worker of xdist, which may end at once."""
    measuring = coverage.Coverage.current()
    if measuring is not None:
        measuring.stop()
        measuring.save()
