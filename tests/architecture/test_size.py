"""Modules and rooms stay small enough to be read.

Code lines are lines without blank ones, comments and docstrings. The limits of the rooms are the
sizes that were reached, some of them rounded up, so that growth is noticed. A change that needs
more raises the limit, and its commit gives the reason; one that needs less lowers it. The goals are
2,200 for `orm` and `connection` together, and 5,500 for the mapper: all rooms but `sandbox`.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import backpack_orm

ROOT = Path(str(backpack_orm.__file__)).parent
MODULES = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
LARGEST_MODULE = 400
LARGEST_ROOMS = {
    ".": 375,
    "archive": 6300,
    "cli": 5350,
    "connection": 4050,
    "display": 960,
    "integrations": 2900,
    "models": 3165,
    "orm": 5200,
    "sandbox": 8100,
    "text": 1205,
    "wire": 815,
}
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def docstrings(source: str) -> Iterator[int]:
    """Yield the line numbers of docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = next(iter(node.body), None)
            if first is not None and ast.get_docstring(node, clean=False) is not None:
                yield from range(first.lineno, (first.end_lineno or first.lineno) + 1)


def code_lines(source: str) -> int:
    """Return the number of code lines."""
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - set(docstrings(source)))


def rooms() -> Counter[str]:
    """Return the code lines of each room; `.` has the modules outside of rooms."""
    sizes: Counter[str] = Counter()
    for name, path in MODULES.items():
        room = name.split("/")[0] if "/" in name else "."
        sizes[room] += code_lines(path.read_text("utf-8"))
    return sizes


@pytest.mark.parametrize("name", MODULES)
def test_no_module_is_too_large(name: str) -> None:
    assert code_lines(MODULES[name].read_text("utf-8")) <= LARGEST_MODULE


def test_no_room_exceeds_its_limit() -> None:
    sizes = rooms()
    assert sizes.keys() == LARGEST_ROOMS.keys()
    too_large = {room: size for room, size in sizes.items() if size > LARGEST_ROOMS[room]}
    assert not too_large, f"{too_large}, with limits of {LARGEST_ROOMS}"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('"""A module."""\n\nx = 1  # one\n# a comment\n', 1),
        ('class A:\n    """A class."""\n\n    def f(self):\n        """A method."""\n', 2),
        ('x = f(\n    1,\n\n    2,\n)\ny = """a\nb"""\n', 6),
        ("", 0),
    ],
)
def test_blank_lines_comments_and_docstrings_are_not_counted(source: str, lines: int) -> None:
    assert code_lines(source) == lines
