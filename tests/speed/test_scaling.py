"""The section "Scaling" shows what was measured, and what the model makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backpack_orm.sandbox import Sandbox
from tests.benchmarks import scaling, scaling_report
from tests.benchmarks.measuring import read
from tests.benchmarks.report import FOLDER
from tests.benchmarks.scaling_model import Account, Night, accounts_per_second, shortest_seconds

PAGE = FOLDER.parent / "performance.md"
ROWS = read(scaling_report.JSON)
ACCOUNT = Account(requests=10, processor=0.5, files=20, bytes=5_000)


@pytest.mark.parametrize("name", scaling_report.texts(ROWS))
def test_each_table_is_that_of_the_last_measurement(name: str) -> None:
    text = scaling_report.texts(ROWS)[name]
    assert (FOLDER / name).read_text("utf-8") == text
    assert f"```{{include}} performance/{name}\n" in PAGE.read_text("utf-8")


def test_charts_are_drawn_for_light_and_dark_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling_report, "FOLDER", tmp_path)
    scaling_report.document(ROWS)
    charts = sorted(path.name for path in tmp_path.glob("*.svg"))
    shown = re.findall(r"\]\(performance/(.+?\.svg)\)\{\.only-(?:light|dark)\}", PAGE.read_text())
    assert charts == sorted(shown)
    light, dark = (
        (tmp_path / f"scaling-night-{theme}.svg").read_text("utf-8") for theme in ("light", "dark")
    )
    assert "64 threads" in light
    assert light != dark


@pytest.mark.network
def test_a_rate_is_that_of_the_requests_of_all_clients() -> None:
    with Sandbox(seed="demo") as box:
        targets = [("/ws/pages/all", "", box.token)] * 3
        rate = scaling._requests_per_second([box.url], targets, 0.2)
        assert box.requests >= 3
        assert 0 < rate <= box.requests / 0.2
        with pytest.raises(RuntimeError, match="302 for /ws/pages/all"):
            scaling._requests_per_second([box.url], [("/ws/pages/all", "", "wrong")], 0.2)


def test_the_limit_of_an_account_is_a_hundred_requests_in_each_window() -> None:
    assert [shortest_seconds(count) for count in (1, 100, 101, 201)] == [0, 0, 5, 10]


def test_threads_wait_and_compute_in_turn() -> None:
    night = Night(ACCOUNT, accounts=7_200, hours=2)
    assert (night.waiting_hours, night.processor_hours) == (6.0, 1.0)
    assert (night.threads, night.processes) == (4, 1)
    assert night.requests_per_second == 10.0


def test_a_processor_limits_what_threads_of_one_process_do() -> None:
    assert accounts_per_second(ACCOUNT, threads=3) == 1.0
    assert accounts_per_second(ACCOUNT, threads=300) == 2.0


def test_the_model_repeats_what_the_page_says_of_a_night() -> None:
    """Its prose names numbers of threads and files, besides the table."""
    rows = {row.name: row for row in ROWS}
    nights = [
        Night(account, scaling_report.ACCOUNTS, scaling_report.HOURS)
        for account in scaling_report._accounts(rows).values()
    ]
    assert all(shortest_seconds(night.account.requests) == 0 for night in nights)
    assert all(night.processes == 1 for night in nights)
    assert all(night.threads <= 32 for night in nights)
    files = [night.account.files * night.accounts for night in nights]
    assert all(1_500_000 <= count < 2_500_000 for count in files)
