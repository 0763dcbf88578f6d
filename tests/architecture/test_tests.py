"""Tests are code: rules for everything below `tests/`."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_benchmarks_are_no_tests() -> None:
    """A benchmark takes minutes and its result is a ratio; tests of its code are in `speed/`."""
    assert not list((TESTS / "benchmarks").rglob("test_*.py"))
