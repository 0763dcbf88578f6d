"""The cost of each test function, and the mark `slow` for those that cost most.

The cost of a case is its processor time in seconds, with all processes that it starts, or a tenth
of the time until it ends, if that is more. `tests/slow.txt` lists the functions whose cases cost
more than `LIMIT` on average; `make test` leaves them out. `make costs` measures every function and
writes the file.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest

FILE = Path(__file__).parent / "slow.txt"
LIMIT = 0.1
"""Cost of one case, on average, above which a function is slow."""
TOLERANCE = 4
"""How many times the limit a function costs that CI names."""
HEAD = f"""\
# Functions whose cases cost more than {LIMIT}, see costs.py; written by `make costs`.
"""

_costs: defaultdict[str, list[float]] = defaultdict(list)


def function_of(item: pytest.Item) -> str:
    """Return the name of a test's function; its cases in PostgreSQL count for themselves."""
    name = item.nodeid.partition("[")[0]
    return f"{name}[postgresql]" if item.get_closest_marker("postgresql") else name


def slow_functions() -> dict[str, float]:
    """Return the functions in the file, with the seconds that a case of each takes."""
    lines = FILE.read_text("utf-8").splitlines()
    pairs = (line.split(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(seconds) for seconds, name in pairs}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow functions, and start with the slowest."""
    slow = slow_functions()
    for item in items:
        if function_of(item) in slow:
            item.add_marker("slow")
            item.add_marker("no_cover")  # what they cover is covered by fast tests, or not at all
    items.sort(key=lambda item: -slow.get(function_of(item), 0))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-costs", action="store_true", help="write tests/slow.txt")
    parser.addoption(
        "--check-costs",
        action="store_true",
        help="fail if slow.txt has a function that is gone, and name those that may be slow",
    )


class _Usage(NamedTuple):
    """Seconds that this process, and all ended ones that it started, have used until now."""

    busy: float
    elapsed: float

    @classmethod
    def now(cls) -> _Usage:
        *busy, elapsed = os.times()
        return cls(sum(busy), elapsed)

    def __sub__(self, other: _Usage) -> _Usage:
        return _Usage(self.busy - other.busy, self.elapsed - other.elapsed)

    @property
    def cost(self) -> float:
        return max(self.busy, self.elapsed / 10)


_shared: list[_Usage] = []
"""What fixtures have used in the current test that others share."""
_BEGAN = pytest.StashKey[_Usage]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _shared.clear()
    item.stash[_BEGAN] = _Usage.now()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object],
) -> Generator[None, object, object]:
    """Do not count what several tests share for the first of them."""
    began = _Usage.now()
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            _shared.append(_Usage.now() - began)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "teardown":
        own = _Usage.now() - item.stash[_BEGAN]
        for shared in _shared:
            own -= shared
        report.user_properties.append((f"cost {function_of(item)}", own.cost))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, seconds in report.user_properties if report.when == "teardown" else ():
        if name.startswith("cost ") and isinstance(seconds, float):
            _costs[name.removeprefix("cost ")].append(seconds)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        return
    means = {name: sum(seconds) / len(seconds) for name, seconds in _costs.items()}
    if config.getoption("--write-costs"):
        FILE.write_text(HEAD + _lines(means, LIMIT), "utf-8")
    if config.getoption("--check-costs"):
        slow = slow_functions()
        if gone := sorted(slow.keys() - means.keys()):
            print(f"\n{FILE.name} has functions that are gone; run `make costs`:", *gone, sep="\n")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        # A collection of garbage counts for the test that it interrupts, so this is no failure.
        new = {name: mean for name, mean in means.items() if name not in slow}
        if lines := _lines(new, TOLERANCE * LIMIT):
            print(f"\nThese functions may be slow; measure them with `make costs`:\n{lines}")


def _lines(means: dict[str, float], limit: float) -> str:
    rows = sorted((name, mean) for name, mean in means.items() if mean > limit)
    return "".join(f"{mean:.2f} {name}\n" for name, mean in rows)
