"""The tables and charts of the page "Scaling", made of what was measured and of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.benchmarks.charts import WIDTH, Theme, draw, lines, plain_axes
from tests.benchmarks.measuring import Row, measured_on
from tests.benchmarks.report import FOLDER, shown
from tests.benchmarks.scaling_model import (
    LIMIT,
    REQUEST_SECONDS,
    Account,
    Night,
    accounts_per_second,
    shortest_seconds,
)

JSON = FOLDER / "scaling.json"
COMMAND = "python -m tests.benchmarks.scaling"
ACCOUNTS, HOURS, THREADS = 100_000, 8, 16
_KINDS = ("one page", "the demonstration")
_READ, _WRITE = "showing a page", "updating items of 16 accounts"
_ENGINES = ("SQLite", "PostgreSQL")
_DRAWN = (100, 1_000, 10_000, 100_000)
_DRAWN_THREADS = (4, 16, 64)


def document(rows: Sequence[Row]) -> None:
    """Write the tables and charts into the documentation."""
    for name, text in texts(rows).items():
        (FOLDER / name).write_text(text, "utf-8")
    draw(FOLDER / "scaling-throughput", _throughput_chart, rows)
    draw(FOLDER / "scaling-night", _night_chart, rows)


def texts(rows: Sequence[Row]) -> dict[str, str]:
    """Return the generated parts of the page by the names of their files."""
    by_name = {row.name: row for row in rows}
    parts = {
        "machine": [f"{measured_on(JSON)}, by `{COMMAND}`."],
        "limit": _limit(),
        "process": _process(by_name),
        "redis": _redis(by_name),
        "sandbox": _sandbox(by_name),
        "night": _night(by_name),
    }
    return {f"scaling-{name}.md": "\n".join(part) + "\n" for name, part in parts.items()}


def _table(head: Sequence[str], *body: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body)]


def _limit() -> list[str]:
    """Return the shortest time for some numbers of requests."""
    return _table(
        ["requests of one account", "shortest time from one address"],
        *(
            [f"{requests:,}", f"{shortest_seconds(requests):,} s"]
            for requests in (LIMIT, 301, 1_000, 10_000)
        ),
    )


def _process(rows: dict[str, Row]) -> list[str]:
    """Return what a sync takes, of both accounts."""
    accounts = _accounts(rows)
    head = ["a sync", *(f"{kind}, {_records(rows, kind)} records" for kind in _KINDS)]
    return _table(
        head,
        ["requests", *(str(accounts[kind].requests) for kind in _KINDS)],
        ["processor time", *_times(rows["sync everything"])],
        ["processor time, if nothing has changed", *_times(rows["sync, unchanged"])],
        ["files of the first snapshot", *(str(accounts[kind].files) for kind in _KINDS)],
        ["their size", *(f"{accounts[kind].bytes / 1000:.0f} kB" for kind in _KINDS)],
        [
            f"accounts per second with {THREADS} threads, by the model",
            *(f"{accounts_per_second(accounts[kind], THREADS):.1f}" for kind in _KINDS),
        ],
    )


def _times(row: Row) -> list[str]:
    return [f"{row.median(kind) * 1e3:.0f} ms" for kind in _KINDS]


def _records(rows: dict[str, Row], kind: str) -> int:
    return int(rows["records"].median(kind))


def _redis(rows: dict[str, Row]) -> list[str]:
    memory = rows["memory of the rate limit"]
    return _table(
        ["", "for the process", "for Redis"],
        *(
            [name, *(shown(rows[name].median(who), "second") for who in ("the process", "Redis"))]
            for name in ("reserve a request", "read a page from the shared cache")
        ),
        [memory.name, "", f"{memory.median(memory.bound):,.0f} B for {memory.bound}"],
    )


def _sandbox(rows: dict[str, Row]) -> list[str]:
    """Return the requests per second of each number of processes."""
    counts = list(rows[f"{_READ}, SQLite"].samples)
    rates = [
        [name, *(f"{row.median(count):,.0f}" for count in counts)]
        for name, row in rows.items()
        if row.group == "Throughput"
    ]
    size = rows["1,000 pages"]
    return [
        *_table(["requests per second", *counts], *rates),
        "",
        *_table(
            ["1,000 pages with 10 notes and 50 items each", "size"],
            *([engine, f"{size.median(engine) / 1e6:.1f} MB"] for engine in _ENGINES),
        ),
    ]


def _accounts(rows: dict[str, Row]) -> dict[str, Account]:
    return {
        kind: Account(
            int(rows["requests of the first sync"].median(kind)),
            rows["sync everything"].median(kind),
            int(rows["files of a snapshot"].median(kind)),
            int(rows["bytes of a snapshot"].median(kind)),
        )
        for kind in _KINDS
    }


def _night(rows: dict[str, Row]) -> list[str]:
    """Return what 100,000 accounts of each kind need in a night."""
    nights = [Night(account, ACCOUNTS, HOURS) for account in _accounts(rows).values()]
    head = f"{ACCOUNTS:,} accounts in {HOURS} hours"
    return _table(
        [head, *(f"{kind}, {_records(rows, kind)} records each" for kind in _KINDS)],
        ["requests", *(f"{one.requests / 1e6:.1f} million" for one in nights)],
        ["requests per second", *(f"{one.requests_per_second:.0f}" for one in nights)],
        [
            f"waiting, at {REQUEST_SECONDS:g} s for each request",
            *(f"{one.waiting_hours:.0f} hours" for one in nights),
        ],
        ["processor time", *(f"{one.processor_hours:.1f} hours" for one in nights)],
        ["threads", *(str(one.threads) for one in nights)],
        ["processes", *(str(one.processes) for one in nights)],
        [
            "storage of the first snapshots",
            *(f"{one.account.bytes * ACCOUNTS / 1e9:.1f} GB" for one in nights),
        ],
        [
            "files of the first snapshots",
            *(f"{one.account.files * ACCOUNTS / 1e6:.1f} million" for one in nights),
        ],
    )


# --- charts -----------------------------------------------------------------------------------


def _throughput_chart(theme: Theme, rows: Sequence[Row]) -> Any:
    """Draw the requests per second over the number of processes, reads above writes."""
    from matplotlib.figure import Figure

    by_name = {row.name: row for row in rows}
    figure: Any = Figure(figsize=(WIDTH, 4.6))
    colors = {"SQLite": theme.bound, "PostgreSQL": theme.ours}
    for axes, kind in zip(figure.subplots(2, sharex=True), (_READ, _WRITE), strict=True):
        plain_axes(theme, axes)
        series = {engine: by_name[f"{kind}, {engine}"] for engine in _ENGINES}
        places = [int(count.split()[0]) for count in series["SQLite"].samples]
        values = {
            engine: [row.median(count) for count in row.samples] for engine, row in series.items()
        }
        lines(theme, axes, values, places, colors=colors)
        axes.set_title(kind, color=theme.text, loc="left", fontsize=9, fontweight="bold")
        axes.set_ylabel("requests per second")
    axes.set_xticks(places)
    axes.set_xlabel("processes")
    return figure


def _night_chart(theme: Theme, rows: Sequence[Row]) -> Any:
    """Draw the hours over the number of accounts, for some numbers of threads."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    account = _accounts({row.name: row for row in rows})["the demonstration"]
    hours = {
        f"{threads} threads": [
            accounts / accounts_per_second(account, threads) / 3600 for accounts in _DRAWN
        ]
        for threads in _DRAWN_THREADS
    }
    figure: Any = Figure(figsize=(WIDTH, 2.8))
    axes = plain_axes(theme, figure.subplots())
    shades = (theme.peers, theme.bound, theme.ours)
    lines(theme, axes, hours, _DRAWN, colors=dict(zip(hours, shades, strict=True)))
    axes.axhline(HOURS, color=theme.text, linewidth=1, linestyle="--")
    axes.annotate(f"{HOURS} hours", (_DRAWN[0], HOURS), xytext=(0, 4), color=theme.text,
                  textcoords="offset points")  # fmt: skip
    axes.autoscale(axis="y")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("accounts")
    axes.set_ylabel("hours, by the model")
    return figure
