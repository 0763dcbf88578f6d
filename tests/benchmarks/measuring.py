"""Measuring contenders side by side: interleaved, in one process, garbage collected as ever.

What counts is processor time, which the other work of a machine disturbs least.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from time import process_time

from attrs import frozen

SAMPLES = 31
_SAMPLE_SECONDS = 0.02
_NOISY = 1.25


@frozen
class Result:
    """How ours compares with its bound: medians, and the ratio's spread.

    Attributes:
        name: What was measured.
        goal: The ratio that is wanted at most.
        bound: Seconds that one run of the bound takes.
        ours: Seconds that one run of ours takes.
        low: The 10th percentile of the ratio.
        ratio: Its median.
        high: Its 90th percentile.
        is_noisy: Whether the bound itself, which never changes, took very different times.
    """

    name: str
    goal: float
    bound: float
    ours: float
    low: float
    ratio: float
    high: float
    is_noisy: bool


def compare(
    name: str,
    goal: float,
    bound: Callable[[], object],
    ours: Callable[[], object],
    samples: int = SAMPLES,
) -> Result:
    """Time two functions in turn, many times each."""
    _time(bound, 1)  # what is done once only
    repeat = max(1, round(_SAMPLE_SECONDS / _time(bound, 3)))
    _time(ours, repeat)
    pairs = []
    for number in range(samples):
        if number % 2:
            second = _time(ours, repeat)
            pairs.append((_time(bound, repeat), second))
        else:
            pairs.append((_time(bound, repeat), _time(ours, repeat)))
    return summarize(name, goal, pairs)


def summarize(name: str, goal: float, pairs: Sequence[tuple[float, float]]) -> Result:
    """What pairs of times, the bound's and ours, come to.

    >>> summarize("x", 1.0, [(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]).ratio
    2.0
    """
    bounds, ours = zip(*pairs, strict=True)
    low, ratio, high = _percentiles([mine / bound for bound, mine in pairs])
    slow = _percentiles(bounds)
    return Result(
        name,
        goal,
        statistics.median(bounds),
        statistics.median(ours),
        low,
        ratio,
        high,
        is_noisy=slow[2] / slow[0] > _NOISY,
    )


def table(results: Sequence[Result]) -> Iterator[str]:
    """Results as lines of text."""
    yield f"{'':44} {'bound':>9} {'ours':>9}   ratio  10 %–90 %   goal"
    for one in results:
        spread = f"{one.low:.2f}–{one.high:.2f}"
        verdict = "" if one.ratio <= one.goal * 1.03 else "  missed"
        yield (
            f"{one.name:44} {_duration(one.bound):>9} {_duration(one.ours):>9}"
            f" {one.ratio:7.2f}  {spread:>9}  ≤ {one.goal:.1f}{verdict}"
        )
    noisy = [one.name for one in results if one.is_noisy]
    if noisy:
        yield f"Too noisy a machine to be believed, measure again: {'; '.join(noisy)}."


def _time(function: Callable[[], object], repeat: int) -> float:
    began = process_time()
    for _ in range(repeat):
        function()
    return (process_time() - began) / repeat


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The 10th, the 50th and the 90th."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return tenths[0], statistics.median(values), tenths[8]


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds * 1e9:.1f} ns"
