"""Reports results: a table on screen, a table in the documentation, and charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import OURS, Row, machine

FOLDER = Path(__file__).parents[2] / "docs" / "performance"
JSON = FOLDER / "measured.json"
TABLE = FOLDER / "table.md"
MACHINE = FOLDER / "machine.md"
_LINES = ("Time by length", "Memory by length")
"""Groups that are drawn as lines over the number of records."""
_OURS, _BOUND, _PEERS = "#c2452d", "#7d8896", "#b9c1cb"
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


def document(rows: Sequence[Row]) -> None:
    """Write the table and the description of the machine into the documentation."""
    TABLE.write_text("\n".join(table(rows)) + "\n", "utf-8")
    facts = machine()
    MACHINE.write_text(
        f"Measured on {str(facts['date'])[:10]} with Python {facts['python_version']} on "
        f"{facts['cpu_count']} processors ({facts['cpu_model_name']}).\n",
        "utf-8",
    )


def draw(rows: Sequence[Row]) -> None:
    """Draw one chart per group."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.hashsalt": "backpack_orm", "font.size": 9, "svg.fonttype": "none"}
    )
    for group in dict.fromkeys(row.group for row in rows):
        members = [row for row in rows if row.group == group]
        figure = _lines(members) if group in _LINES else _bars(members)
        path = FOLDER / f"{group.lower().replace(' ', '-')}.svg"
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", transparent=True)


def _bars(rows: Sequence[Row]) -> Any:
    """Draw a bar per contender and row: its ratio to the bound."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    bars: list[tuple[str, float, str, float | None]] = []
    for row in rows:
        bars.append((row.name, 0.0, "", None))
        for contender in row.samples:
            color = {row.bound: _BOUND, OURS: _OURS}.get(contender, _PEERS)
            goal = row.goal if contender == OURS else None
            bars.append((contender, row.ratios(contender)[1], color, goal))
    figure = Figure(figsize=(8, 0.24 * len(bars) + 0.6))
    axes = figure.subplots()
    if max(ratio for _, ratio, _, _ in bars) > _FAR:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.axvline(1, color=_BOUND, linewidth=0.8, zorder=0)
    for place, (_, ratio, color, goal) in enumerate(bars):
        if not color:
            continue
        axes.barh(place, ratio, color=color, height=0.8)
        right = max(ratio, goal or 0.0)
        axes.annotate(
            f"{ratio:.2f}",
            (right, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=_BOUND,
        )
        if goal is not None:
            axes.plot([goal, goal], [place - 0.4, place + 0.4], color=_BOUND, linewidth=2)
    axes.set_yticks(range(len(bars)), [name for name, *_ in bars])
    for label, (_, _, color, _) in zip(axes.get_yticklabels(), bars, strict=True):
        label.set_color(color if color == _OURS else _BOUND)
        if not color:
            label.set_fontweight("bold")
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlabel("times the bound; the mark is the goal")
    _quieten(axes)
    return figure


def _lines(rows: Sequence[Row]) -> Any:
    """Draw a line per contender: time per record by number of records."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2))
    axes = figure.subplots()
    members = [row for row in rows if not row.name.endswith("peak")]
    sizes = [_size(row) for row in members]
    is_time = members[0].unit == "second"
    for contender in members[0].samples:
        color = {members[0].bound: _BOUND, OURS: _OURS}.get(contender, _PEERS)
        per_record = [
            row.median(contender) / size * 1e6 if is_time else row.median(contender)
            for row, size in zip(members, sizes, strict=True)
        ]
        axes.plot(sizes, per_record, marker="o", color=color, label=contender)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("records")
    axes.set_ylabel("µs for each" if is_time else "bytes for each")
    axes.legend(frameon=False, labelcolor="linecolor")
    _quieten(axes)
    return figure


def _size(row: Row) -> int:
    return int(row.name.replace(",", "").split()[1])


def _quieten(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_BOUND)
    axes.tick_params(colors=_BOUND)
    axes.xaxis.label.set_color(_BOUND)
    axes.yaxis.label.set_color(_BOUND)


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
