"""The demonstration displays what it runs, fits a terminal, and reports errors."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.demo import program

DOCS = Path(__file__).parents[2] / "docs"
_COLOUR = re.compile(r"\033\[\d*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    return program.load(DOCS / "demo.py")


@pytest.fixture(scope="module")
def shown(demo: ModuleType, network: None) -> str:
    out = io.StringIO()
    demo.run(demo.TOUR, out)
    return out.getvalue()


def counts(text: str) -> list[int]:
    return [int(count) for count in re.findall(r"(\d+) requests?$", text, re.MULTILINE)]


def test_every_line_of_the_tour_is_displayed_unchanged(shown: str) -> None:
    lines = [re.sub(r"\s+\d+ requests?$", "", line) for line in shown.splitlines()]
    code = [line[4:] for line in lines if line.startswith((">>> ", "... "))]
    source = (DOCS / "tour.py").read_text("utf-8").splitlines()
    assert code == [line for line in source if line and not line.startswith(("#", '"""'))]


def test_every_line_fits_a_terminal(demo: ModuleType, shown: str) -> None:
    assert [line for line in shown.splitlines() if demo.width(line) > 80] == []


def test_the_last_line_shows_the_total_number_of_requests(shown: str) -> None:
    *_, last = shown.splitlines()
    total = re.search(r"made (\d+) requests, as counted by the sandbox\.$", last)
    assert total
    assert int(total[1]) == sum(counts(shown)) > 15


def test_the_output_contains_the_main_results(shown: str) -> None:
    for text in (
        "'Lisbon', 'Book club'",
        "Lisbon ['note']",
        "  [x] Passports",
        "1 Note Note(id=",
        "updated=True, fields=('body',)",
        "updated=False, fields=()",
        "fields=('completed',)",
        "fields=('title', 'tags')",
        "content='Buy the tickets'",
        "['Packing']",
    ):
        assert text in shown


def test_saving_an_unchanged_record_makes_no_request(shown: str) -> None:
    first, second = re.findall(r">>> note\.save\(\) +(\d) requests?\n", shown)
    assert (first, second) == ("1", "0")


def test_only_terminals_get_colours(
    demo: ModuleType, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    demo.run(demo.TOUR, screen)
    assert "\033[" not in shown
    assert "\033[" in screen.getvalue()
    plain = _COLOUR.sub("", screen.getvalue())
    assert [line for line in plain.splitlines() if demo.width(line) > 80] == []


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_disabled(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    tour, screen = tmp_path / "tour.py", Terminal()
    tour.write_text("# A sum.\n1 + 1\n")
    demo.run(tour, screen)
    assert "\033[" not in screen.getvalue()


def test_long_values_are_wrapped(demo: ModuleType, tmp_path: Path) -> None:
    tour, out = tmp_path / "tour.py", io.StringIO()
    tour.write_text("'word ' * 40\n'木' * 100\nprint('ø' * 200)\n")
    demo.run(tour, out)
    assert [line for line in out.getvalue().splitlines() if demo.width(line) > 80] == []
    assert out.getvalue().count("木") == 101
    assert out.getvalue().count("ø") == 201


def test_an_error_in_a_step_ends_the_tour(demo: ModuleType, tmp_path: Path) -> None:
    tour, out = tmp_path / "tour.py", io.StringIO()
    tour.write_text("one = 1\none / 0\ntwo = 2\n")
    with pytest.raises(ZeroDivisionError):
        demo.run(tour, out)
    assert ">>> one / 0" in out.getvalue()
    assert "two" not in out.getvalue()


def test_it_runs_as_a_program() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}  # the least capable terminal
    ended = subprocess.run(
        [sys.executable, DOCS / "demo.py"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert counts(ended.stdout)


def test_the_tour_runs_as_a_program_of_its_own() -> None:
    ended = subprocess.run(
        [sys.executable, DOCS / "tour.py"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Passports" in ended.stdout
