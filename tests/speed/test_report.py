"""Reports match the measurements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks import opening, report
from tests.benchmarks.__main__ import PARTS
from tests.benchmarks.measuring import OURS, Row, race, read, save, take_turns

SLOW = Row("Loading", "notes", {"by hand": [1.0, 1.0, 2.0], OURS: [1.5, 1.6, 3.0]}, goal=1.0)


def test_ratios_compare_samples_of_the_same_round() -> None:
    low, ratio, high = SLOW.ratios(OURS)
    assert (low, ratio, high) == pytest.approx((1.5, 1.5, 1.58))
    assert SLOW.ratios("by hand") == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("ours", "is_missed"), [(1.0, False), (1.02, False), (1.04, True)])
def test_a_goal_is_missed_by_more_than_noise(ours: float, is_missed: bool) -> None:
    assert Row("", "", {"by hand": [1.0], OURS: [ours]}, goal=1.0).is_missed is is_missed


def test_a_row_without_a_goal_misses_none() -> None:
    assert not Row("", "", {"by hand": [1.0], OURS: [9.0]}).is_missed


def test_a_machine_is_noisy_when_the_bound_varies() -> None:
    assert Row("", "", {"by hand": [1.0, 1.3, 1.6], OURS: [1.0, 1.0, 1.0]}).is_noisy
    assert not Row("", "", {"by hand": [1.0, 1.01, 1.02], OURS: [1.0, 3.0, 9.0]}).is_noisy


def test_a_race_takes_equal_samples_and_repeats_fast_contenders() -> None:
    clock: Iterator[float] = iter(range(10_000))
    ran: list[str] = []
    row = race(
        "",
        "",
        {"by hand": lambda: ran.append("b"), OURS: lambda: ran.append("o")},
        samples=4,
        clock=lambda: next(clock) / 1000,  # each run seems to take a millisecond in all
    )
    assert [len(samples) for samples in row.samples.values()] == [4, 4]
    assert ran.count("b") > 4 * 5


def test_rows_are_written_and_read(tmp_path: Path) -> None:
    bytes_ = take_turns(
        "Memory", "records", {"a tuple": lambda: 5.0, OURS: lambda: 6.0}, unit="byte"
    )
    save([SLOW, bytes_], tmp_path / "measured.json")
    assert read(tmp_path / "measured.json") == [
        Row("Loading", "notes", {"by hand": (1.0, 1.0, 2.0), OURS: (1.5, 1.6, 3.0)}, 1.0),
        Row("Memory", "records", {"a tuple": (5.0,) * 31, OURS: (6.0,) * 31}, None, "byte", False),
    ]


def test_stored_results_describe_the_machine_without_identifying_it(tmp_path: Path) -> None:
    save([SLOW], tmp_path / "measured.json")
    text = (tmp_path / "measured.json").read_text("utf-8")
    assert '"python_version"' in text
    assert "hostname" not in text
    assert str(Path.home()) not in text


def test_the_screen_shows_goals_spreads_and_verdicts() -> None:
    head, bound, ours = report.screen(SLOW)
    assert head == "notes  (goal: ≤ 1.00)"
    assert bound.split() == ["by", "hand", "1.00", "s", "1.00"]
    assert ours.split() == [OURS, "1.60", "s", "1.50", "1.50–1.58", "missed"]


def test_the_table_shows_other_contenders() -> None:
    row = Row("", "notes", {"by hand": [1.0], OURS: [0.9], "minidom": [4.0]}, goal=1.0)
    *_, line = report.table([row])
    assert line == "| notes; by hand: 1.00 s | 900.00 ms | **0.90** | 1.00 | minidom 4.0 |"


def test_each_group_is_drawn_as_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.md")
    lengths = [
        Row("Time by length", f"load {size:,} notes", {"by hand": [1.0], OURS: [size / 100]})
        for size in (100, 1_000)
    ]
    report.document([SLOW, *lengths], report.JSON)
    charts = ["loading", "time-by-length"]
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == [
        f"{name}-{theme}.svg" for name in charts for theme in ("dark", "light")
    ]
    light, dark = (
        (tmp_path / f"loading-{theme}.svg").read_text("utf-8") for theme in ("light", "dark")
    )
    assert OURS in light
    assert light != dark


def test_the_page_shows_the_last_measurement() -> None:
    rows = read(report.JSON)
    assert report.RESULTS.read_text("utf-8") == report.results(rows, report.JSON)
    assert opening.FILE.read_text("utf-8") == opening.text(rows, report.JSON)


def test_the_page_shows_every_chart_and_no_other() -> None:
    generated = report.RESULTS.read_text("utf-8") + opening.FILE.read_text("utf-8")
    shown = re.findall(r"\]\(performance/(.+?\.svg)\)", generated)
    stored = {path.name for path in report.FOLDER.glob("*.svg")}
    assert set(shown) == {name for name in stored if not name.startswith("scaling-")}


def test_what_the_page_opens_with_is_proved_by_its_charts() -> None:
    rows = read(report.JSON)
    assert len(opening.CHARTS) == 3
    for chart in opening.CHARTS:
        members = chart.rows(rows)
        assert members
        assert all(row.goal is not None and not row.is_missed for row in members), chart.claim
        assert chart.part in PARTS


def test_each_part_is_named_by_one_group_with_its_command() -> None:
    named = [part for parts in set(report.PARTS.values()) for part in parts.split()]
    assert sorted(named) == sorted(PARTS)
    assert report.command("Sandbox") == "make bench ONLY=sandbox"
    assert report.command("Processes") == 'make bench ONLY="import cold"'
