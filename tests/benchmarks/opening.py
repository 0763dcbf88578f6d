"""The three charts at the top of the page "Performance", and the sentence that each proves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.benchmarks import charts, report
from tests.benchmarks.charts import Theme
from tests.benchmarks.measuring import OURS, Row, measured_on

FILE = report.FOLDER / "opening.md"


@frozen
class Chart:
    """A chart, and what it proves if its rows meet their goals.

    Attributes:
        name: Name of the files.
        part: The part of the benchmark that measures it.
        claim: What it proves.
        figures: Returns the figures for it, as a sentence.
        is_shown: Returns whether a row is in it.
        draw: Draws the rows.
    """

    name: str
    part: str
    claim: str
    figures: Callable[[Sequence[Row]], str]
    is_shown: Callable[[Row], bool]
    draw: Callable[[Theme, Sequence[Row]], Any]

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows in the chart."""
        return [row for row in rows if self.is_shown(row)]


def text(rows: Sequence[Row], path: Path) -> str:
    """Return the opening of the page."""
    paragraphs = []
    for chart in CHARTS:
        members = chart.rows(rows)
        paragraphs += [
            f"**{chart.claim}** {chart.figures(members)} (`make bench ONLY={chart.part}`)",
            charts.markdown(chart.name, chart.claim),
        ]
    paragraphs.append(f"{measured_on(path)}.")
    return "\n\n".join(paragraphs) + "\n"


def document(rows: Sequence[Row], path: Path) -> None:
    """Write the opening into the documentation, and draw its charts."""
    FILE.write_text(text(rows, path), "utf-8")
    for chart in CHARTS:
        charts.draw(report.FOLDER / chart.name, chart.draw, chart.rows(rows))


def _list(rows: Sequence[Row]) -> str:
    (row,) = rows
    others = [
        row.ratios(contender)[1]
        for contender in row.samples
        if contender != row.bound and OURS not in contender and "by hand" not in contender
    ]
    return (
        f"{row.name.capitalize()} takes {row.ratios(OURS)[1]:.2f} times as long as with code that "
        f"is written by hand for it; other libraries ({len(others)}), with objects of the same "
        f"content, take {min(others):.1f} to {max(others):.1f} times as long."
    )


def _lengths(rows: Sequence[Row]) -> str:
    ratios = [row.ratios(OURS)[1] for row in rows]
    first, last = (row.name.removeprefix("load ") for row in (rows[0], rows[-1]))
    return (
        f"From {first.removesuffix(' notes')} to {last}, loading takes {min(ratios):.2f} to "
        f"{max(ratios):.2f} times as long as by hand."
    )


def _network(rows: Sequence[Row]) -> str:
    ratios = [f"{row.ratios(OURS)[1]:.2f}" for row in rows]
    threads = [str(_threads(row)) for row in rows]
    return (
        f"With responses 50 ms away, the calls of {_enumerated(threads)} threads take "
        f"{_enumerated(ratios)} times as long as the responses alone."
    )


def _enumerated(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _threads(row: Row) -> int:
    return int(row.name.rpartition(" ")[2])


def _calls_per_second(theme: Theme, rows: Sequence[Row]) -> Any:
    """Draw the calls per second over the number of threads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(charts.WIDTH, 2.8))
    axes = charts.plain_axes(theme, figure.subplots())
    threads = [_threads(row) for row in rows]
    series = {
        contender: [int(row.name.split()[0]) / row.median(contender) for row in rows]
        for contender in (rows[0].bound, OURS)
    }
    colors = {rows[0].bound: theme.bound, OURS: theme.ours}
    charts.lines(theme, axes, series, threads, colors=colors)
    axes.set_xticks(threads)
    axes.set_xlabel("threads")
    axes.set_ylabel("calls per second, 50 ms away")
    return figure


CHARTS = (
    Chart(
        "opening-list",
        "load",
        "Loading takes as long as with hand-written code.",
        _list,
        lambda row: row.name == "a list of 2,000 notes" and row.group == "Loading",
        report.bars,
    ),
    Chart(
        "time-by-length",
        "scale",
        "The time for each record does not grow faster than that of hand-written code.",
        _lengths,
        lambda row: row.group == "Time by length",
        report.lines,
    ),
    Chart(
        "opening-network",
        "latency",
        "Over a network, nearly all of the time is the network's.",
        _network,
        lambda row: "50 ms away" in row.name,
        _calls_per_second,
    ),
)
