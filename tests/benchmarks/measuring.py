"""Measures contenders side by side: interleaved, in one process, with garbage collection.

pyperf stores the samples with metadata of the machine. The interleaving is done here, since pyperf
measures one benchmark after another, each in its own processes.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import pyperf
from attrs import frozen

SAMPLES = 31
OURS = "backpack_orm"
_SAMPLE_SECONDS = 0.02
_NOISY = 1.25
_NEAR = 1.03
"""A median this close to its goal counts as met, since it varies as much between runs."""

Contenders = Mapping[str, Callable[[], object]]


@frozen
class Row:
    """The samples of all contenders in one benchmark; the first one is the bound.

    Attributes:
        group: The chart in which it appears.
        name: Name of the benchmark.
        samples: The samples of each contender; those of one round have the same index.
        goal: Maximum ratio of ours to the bound; None if there is no goal.
        unit: Unit of the samples, in pyperf's terms.
        is_timed: Whether it is a time, which other processes may have disturbed.
    """

    group: str
    name: str
    samples: Mapping[str, Sequence[float]]
    goal: float | None = None
    unit: str = "second"
    is_timed: bool = True

    @property
    def bound(self) -> str:
        """The contender that others are compared with."""
        return next(iter(self.samples))

    def median(self, contender: str) -> float:
        """Return the median of a contender's samples."""
        return statistics.median(self.samples[contender])

    def ratios(self, contender: str) -> tuple[float, float, float]:
        """Return a contender's ratio to the bound: 10th percentile, median, 90th percentile.

        >>> Row("", "", {"bound": [1, 1, 1], "ours": [1, 2, 3]}).ratios("ours")[1]
        2
        """
        pairs = zip(self.samples[contender], self.samples[self.bound], strict=True)
        return _percentiles([sample / bound for sample, bound in pairs])

    @property
    def is_missed(self) -> bool:
        """Whether our ratio is above the goal."""
        return self.goal is not None and self.ratios(OURS)[1] > self.goal * _NEAR

    @property
    def is_noisy(self) -> bool:
        """Whether the times of the bound vary widely, although its work is constant."""
        low, _, high = _percentiles(self.samples[self.bound])
        return self.is_timed and high / low > _NOISY


def race(
    group: str,
    name: str,
    contenders: Contenders,
    *,
    goal: float | None = None,
    samples: int = SAMPLES,
    clock: Callable[[], float] = process_time,
) -> Row:
    """Time functions in turn, starting each round with another one.

    Args:
        group: The chart in which it appears.
        name: Name of the benchmark.
        contenders: The functions; the first one is the bound.
        goal: Maximum ratio of ours to the bound.
        samples: Number of samples per contender.
        clock: Returns seconds. Processor time is disturbed least by other processes; use wall
            time if the benchmark waits.
    """
    timers = {}
    for contender, function in contenders.items():
        once = _time(clock, function, 1)  # initializes caches
        if once < _SAMPLE_SECONDS:
            once = _time(clock, function, 3)
        repeat = max(1, round(_SAMPLE_SECONDS / max(once, 1e-9)))
        timers[contender] = partial(_time, clock, function, repeat)
    return take_turns(group, name, timers, goal=goal, samples=samples)


def take_turns(
    group: str,
    name: str,
    samplers: Mapping[str, Callable[[], float]],
    *,
    goal: float | None = None,
    samples: int = SAMPLES,
    unit: str = "second",
) -> Row:
    """Take samples in turn, starting each round with another function."""
    taken: dict[str, list[float]] = {contender: [] for contender in samplers}
    order = list(samplers)
    for _ in range(samples):
        for contender in order:
            taken[contender].append(samplers[contender]())
        order.append(order.pop(0))
    return Row(group, name, taken, goal, unit, is_timed=unit == "second")


def _time(clock: Callable[[], float], function: Callable[[], object], repeat: int) -> float:
    began = clock()
    for _ in range(repeat):
        function()
    return (clock() - began) / repeat


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the 10th, 50th and 90th percentile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return tenths[0], statistics.median(values), tenths[8]


# --- storage ----------------------------------------------------------------------------------

_METADATA = ("perf_version", "date", "cpu_model_name", "cpu_count", "python_version")
"""Metadata of the machine to record, out of what pyperf collects."""


def machine() -> dict[str, Any]:
    """Return metadata of this machine."""
    known = pyperf.Run([1.0]).get_metadata()
    return {name: known[name] for name in _METADATA if name in known}


def save(rows: Sequence[Row], path: Path) -> None:
    """Save rows as JSON for pyperf: `python -m pyperf stats FILE`."""
    facts = machine()
    suite = pyperf.BenchmarkSuite(
        [
            pyperf.Benchmark([_run(row, contender, facts)])
            for row in rows
            for contender in row.samples
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    suite.dump(str(path), replace=True)


def _run(row: Row, contender: str, known: Mapping[str, Any]) -> pyperf.Run:
    facts = {
        **known,
        "name": f"{row.name} / {contender}",
        "group": row.group,
        "row": row.name,
        "contender": contender,
        "unit": row.unit,
        "timed": int(row.is_timed),
    }
    if row.goal is not None:
        facts["goal"] = row.goal
    return pyperf.Run(row.samples[contender], metadata=facts, collect_metadata=False)


def measured_on(path: Path) -> str:
    """Return when, with what and on what the rows of a file were measured, as a sentence."""
    first = next(iter(pyperf.BenchmarkSuite.load(str(path))))
    (begun, _), facts = first.get_dates(), first.get_metadata()
    return (
        f"Measured on {begun:%Y-%m-%d} with Python {facts['python_version']} on "
        f"{facts['cpu_count']} processors ({facts['cpu_model_name']})"
    )


def read(path: Path) -> list[Row]:
    """Load rows from a file."""
    found: dict[str, Row] = {}
    for benchmark in pyperf.BenchmarkSuite.load(str(path)):
        facts = benchmark.get_metadata()
        before = found.get(facts["row"])
        samples = {
            **(before.samples if before else {}),
            facts["contender"]: tuple(benchmark.get_values()),
        }
        found[facts["row"]] = Row(
            facts["group"],
            facts["row"],
            samples,
            facts.get("goal"),
            facts["unit"],
            bool(facts["timed"]),
        )
    return list(found.values())
