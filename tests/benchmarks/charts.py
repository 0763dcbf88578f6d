"""Charts for the documentation, each in colors for light and for dark pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.benchmarks.measuring import Row

WIDTH = 5.2
"""Inches: hardly wider than a phone, where the texts of wider charts could not be read."""


@frozen
class Theme:
    """Colors of a chart.

    Attributes:
        suffix: Of the name of its file.
        text: Texts, axes and marks.
        ours: What the chart is about.
        bound: What it is compared with.
        peers: All else.
    """

    suffix: str
    text: str
    ours: str
    bound: str
    peers: str


THEMES = (
    Theme("light", text="#414b57", ours="#c2452d", bound="#66717f", peers="#b3bcc7"),
    Theme("dark", text="#c9d0d8", ours="#f0806a", bound="#98a3b0", peers="#5b6673"),
)


def draw(path: Path, chart: Callable[[Theme, Sequence[Row]], Any], rows: Sequence[Row]) -> None:
    """Draw a chart of rows in all themes: `NAME-light.svg` and `NAME-dark.svg`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.hashsalt": "backpack_orm", "font.size": 9, "svg.fonttype": "none"}
    )
    for theme in THEMES:
        chart(theme, rows).savefig(
            path.with_name(f"{path.name}-{theme.suffix}.svg"),
            metadata={"Date": None},
            bbox_inches="tight",
            transparent=True,
        )


def markdown(name: str, text: str) -> str:
    """Return the Markdown that shows a chart in the colors of the page.

    >>> markdown("loading", "Loading").splitlines()[0]
    '![Loading](performance/loading-light.svg){.only-light}'
    """
    return "\n".join(
        f"![{text}](performance/{name}-{theme.suffix}.svg){{.only-{theme.suffix}}}"
        for theme in THEMES
    )


def plain_axes(theme: Theme, axes: Any) -> Any:
    """Remove two sides of axes, color the rest, and return them."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(theme.text)
    axes.tick_params(colors=theme.text, which="both")
    axes.xaxis.label.set_color(theme.text)
    axes.yaxis.label.set_color(theme.text)
    return axes


def lines(
    theme: Theme,
    axes: Any,
    series: Mapping[str, Sequence[float]],
    places: Sequence[float],
    *,
    colors: Mapping[str, str],
) -> None:
    """Draw a line per series from zero up, and a legend.

    Args:
        theme: The colors.
        axes: Where to draw.
        series: The values of each line.
        places: Where they are on the horizontal axis.
        colors: The color of each line.
    """
    for name, values in series.items():
        axes.plot(places, values, marker="o", color=colors[name], label=name)
    axes.set_ylim(0, 1.08 * axes.dataLim.y1)
    axes.legend(frameon=False, labelcolor=theme.text)
