"""Reports results: a table on screen, and tables and charts in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import charts
from tests.benchmarks.charts import Theme
from tests.benchmarks.measuring import OURS, Row, measured_on

FOLDER = Path(__file__).parents[2] / "docs" / "performance"
JSON = FOLDER / "measured.json"
RESULTS = FOLDER / "results.md"
PARTS = {
    "Loading": "load page subclass",
    "Time by length": "scale",
    "Memory by length": "scale",
    "Objects": "find attributes hooks",
    "Memory": "memory",
    "Processes": "import cold",
    "Exchanges": "call split latency save notes",
    "Sandbox": "sandbox",
    "Limits": "limits",
    "Archive": "archive",
    "Command line": "command",
}
"""The parts of the benchmark that each group consists of."""
NOTES = {
    "Time by length": (
        "The ratio does not grow with the number of records. From some thousand records on, both "
        "sides take longer per record, when the data no longer fits into the processor cache."
    ),
    "Objects": (
        "While no function is added to [hooks and signals](hooks.md), they cost one "
        "function call for each save. The row of saves measures that against the same code without "
        "the lines that call them, with responses that are there at once, so that no network hides "
        "the difference."
    ),
}
"""What the rows of a group mean."""
_LINES = ("Time by length", "Memory by length")
"""Groups that are drawn as lines over the number of records."""
_FAR = 6
"""Above this ratio, the chart has a logarithmic scale."""


def screen(row: Row) -> Iterator[str]:
    """Return a row as lines of text: the bound, ours, and all others."""
    goal = f"  (goal: ≤ {row.goal:.2f})" if row.goal is not None else ""
    yield row.name + goal
    for contender in row.samples:
        low, ratio, high = row.ratios(contender)
        spread = f"{low:.2f}–{high:.2f}" if high > low else ""
        verdict = ""
        if contender == OURS and row.goal is not None:
            verdict = "missed" if row.is_missed else "held"
        amount = shown(row.median(contender), row.unit)
        line = f"  {contender:30} {amount:>10} {ratio:9.2f}  {spread:<15} {verdict}"
        yield line.rstrip()


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Return rows as a Markdown table."""
    yield "| what, and its bound | here | ratio | goal | others |"
    yield "|---|---|---|---|---|"
    for row in rows:
        low, ratio, high = row.ratios(OURS)
        spread = f" ({low:.2f} to {high:.2f})" if high > low else ""
        goal = f"{row.goal:.2f}" if row.goal is not None else ""
        others = [
            f"{contender} {row.ratios(contender)[1]:.1f}"
            for contender in row.samples
            if contender not in (OURS, row.bound)
        ]
        yield (
            f"| {row.name}; {row.bound}: {shown(row.median(row.bound), row.unit)} "
            f"| {shown(row.median(OURS), row.unit)} | **{ratio:.2f}**{spread} | {goal} "
            f"| {', '.join(others)} |"
        )


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each group."""
    return {
        group: [row for row in rows if row.group == group]
        for group in dict.fromkeys(row.group for row in rows)
    }


def document(rows: Sequence[Row], path: Path) -> None:
    """Write the results in a file into the documentation, and draw their charts."""
    RESULTS.write_text(results(rows, path), "utf-8")
    for group, members in groups(rows).items():
        chart = lines if group in _LINES else bars
        charts.draw(FOLDER / file_name(group), chart, members)


def results(rows: Sequence[Row], path: Path) -> str:
    """Return a section for each group: its chart, the command that measures it, and its table."""
    sections = [
        [
            f"### {group}",
            *([NOTES[group]] if group in NOTES else []),
            charts.markdown(file_name(group), group),
            f"{measured_on(path)}, by `{command(group)}`.",
            "\n".join(table(members)),
        ]
        for group, members in groups(rows).items()
    ]
    return "\n\n".join(part for section in sections for part in section) + "\n"


def command(group: str) -> str:
    """Return the command that measures a group."""
    parts = PARTS[group]
    return f"make bench ONLY={parts}" if " " not in parts else f'make bench ONLY="{parts}"'


def file_name(group: str) -> str:
    """Return the name of the chart and the table of a group, without its ending."""
    return group.lower().replace(" ", "-")


def bars(theme: Theme, rows: Sequence[Row]) -> Any:
    """Draw a bar per contender and row: its ratio to the bound."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    found: list[tuple[str, float, str, float | None]] = []
    for row in rows:
        found.append((row.name, 0.0, "", None))
        for contender in row.samples:
            color = {row.bound: theme.bound, OURS: theme.ours}.get(contender, theme.peers)
            goal = row.goal if contender == OURS else None
            found.append((contender, row.ratios(contender)[1], color, goal))
    figure = Figure(figsize=(charts.WIDTH, 0.24 * len(found) + 0.6))
    axes = charts.plain_axes(theme, figure.subplots())
    if max(ratio for _, ratio, _, _ in found) > _FAR:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.axvline(1, color=theme.text, linewidth=0.8, zorder=0)
    for place, (name, ratio, color, goal) in enumerate(found):
        if not color:  # within the axes, since names of rows are long
            edge = axes.get_yaxis_transform()
            axes.text(0.01, place, name, transform=edge, va="center", color=theme.text,
                      fontweight="bold")  # fmt: skip
            continue
        axes.barh(place, ratio, color=color, height=0.8)
        right = max(ratio, goal or 0.0)
        axes.annotate(
            f"{ratio:.2f}",
            (right, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=theme.text,
        )
        if goal is not None:
            axes.plot([goal, goal], [place - 0.4, place + 0.4], color=theme.text, linewidth=2)
    contenders = [(place, name) for place, (name, _, color, _) in enumerate(found) if color]
    axes.set_yticks([place for place, _ in contenders], [name for _, name in contenders])
    for label in axes.get_yticklabels():
        if label.get_text() == OURS:
            label.set_color(theme.ours)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlabel("times the bound; the mark is the goal")
    return figure


def lines(theme: Theme, rows: Sequence[Row]) -> Any:
    """Draw a line per contender: time or memory per record by number of records."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(charts.WIDTH, 2.8))
    axes = charts.plain_axes(theme, figure.subplots())
    members = [row for row in rows if not row.name.endswith("peak")]
    sizes = [_size(row) for row in members]
    is_time = members[0].unit == "second"
    colors = {
        contender: {members[0].bound: theme.bound, OURS: theme.ours}.get(contender, theme.peers)
        for contender in members[0].samples
    }
    per_record = {
        contender: [
            row.median(contender) / size * 1e6 if is_time else row.median(contender)
            for row, size in zip(members, sizes, strict=True)
        ]
        for contender in colors
    }
    charts.lines(theme, axes, per_record, sizes, colors=colors)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_xlabel("records")
    axes.set_ylabel("µs for each" if is_time else "bytes for each")
    return figure


def _size(row: Row) -> int:
    return int(row.name.replace(",", "").split()[1])


def shown(amount: float, unit: str) -> str:
    """Return a median with a readable unit.

    >>> shown(0.00412, "second"), shown(543, "byte")
    ('4.12 ms', '543 B')
    """
    if unit == "byte":
        return f"{amount:,.0f} B"
    for name, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if amount >= size:
            return f"{amount / size:.2f} {name}"
    return f"{amount * 1e9:.1f} ns"
