"""CONTRIBUTING.md names what exists, and the changelog begins with highlights."""

from __future__ import annotations

import re
from importlib.util import find_spec

from tests.docs.documents import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
CREATED = {"docs/_build/html"}
"""What commands create."""


def test_each_path_exists_and_begins_at_the_top() -> None:
    paths = set(re.findall(r"`([\w.-]*/[\w./-]*|[\w.-]+\.(?:py|md|toml|txt|yml|in))`", TEXT))
    assert len(paths) > 30
    assert not [path for path in paths - CREATED if not (ROOT / path).exists()]


def test_each_module_exists() -> None:
    modules = set(re.findall(r"\bpython -m ([\w.]+)", TEXT))
    assert len(modules) > 3
    assert not [module for module in modules if find_spec(module) is None]


def test_each_target_of_make_exists() -> None:
    targets = set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", TEXT, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert len(targets) > 10
    assert not [each for each in targets if not re.search(rf"^{each}:", makefile, re.MULTILINE)]


def test_the_changelog_begins_with_highlights() -> None:
    """Those of the newest version, below its heading and perhaps an empty one for the next."""
    head = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()[:10]
    others = [line for line in head if not line.startswith("- ")]
    assert len(others) <= 6
    assert all(not line or re.match("##? ", line) for line in others)
