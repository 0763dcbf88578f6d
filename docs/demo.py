"""Runs the tour: displays each statement, runs it, and displays its result and number of requests.

The statements are read from `tour.py` and run unchanged. The sandbox counts the requests.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from pprint import pformat
from typing import Any, TextIO

from attrs import frozen

from backpack_orm import __version__

TOUR = Path(__file__).parent / "tour.py"
WIDTH = 80


@frozen
class Step:
    """One statement of the tour.

    Attributes:
        remark: The comment above it, which begins a section; empty if there is none.
        source: Its source code.
        code: The compiled code.
        is_expression: Whether it has a value to display.
    """

    remark: str
    source: str
    code: Any
    is_expression: bool


def steps(text: str, name: str) -> Iterator[Step]:
    """Return the statements of a program as they are written."""
    lines = text.splitlines()
    last = 0
    for node in ast.parse(text, name).body:
        first, after = node.lineno - 1, node.end_lineno or node.lineno
        above = [line[1:].strip() for line in lines[last:first] if line.startswith("#")]
        last = after
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant):
                continue  # the docstring of the program
            code = compile(ast.Expression(node.value), name, "eval")
        else:
            code = compile(ast.Module([node], []), name, "exec")
        source = "\n".join(lines[first:after])
        yield Step(" ".join(above), source, code, isinstance(node, ast.Expr))


class Screen:
    """The terminal: in colour if it supports it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._has_colour = out.isatty() and not os.environ.get("NO_COLOR")
        self._has_colour &= os.environ.get("TERM") != "dumb"

    def title(self, text: str) -> None:
        self._line(self._paint("1", text))

    def remark(self, text: str) -> None:
        self._line("")
        for line in textwrap.wrap(text, WIDTH):
            self._line(self._paint("36", line))

    def code(self, source: str, requests: int | None) -> None:
        """Print a statement, with the number of requests at the right if it is known."""
        lines = [
            ("... " if number else ">>> ") + line for number, line in enumerate(source.splitlines())
        ]
        counted = "" if requests is None else _counted(requests)
        if width(lines[-1]) + 2 + len(counted) > WIDTH:
            lines.append("")
        for line in lines[:-1]:
            self._line(self._paint("1", line))
        gap = " " * (WIDTH - width(lines[-1]) - len(counted))
        style = "33" if requests else "2"
        self._line(self._paint("1", lines[-1]) + gap + self._paint(style, counted))

    def output(self, text: str) -> None:
        for line in text.splitlines():
            for piece in wrapped(line):
                self._line(piece)

    def _paint(self, style: str, text: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self._has_colour and text else text

    def _line(self, text: str) -> None:
        self._out.write(text.rstrip() + "\n")
        self._out.flush()


def width(text: str) -> int:
    """Return the width of a text in terminal columns."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def wrapped(line: str) -> list[str]:
    """Split a line into parts that fit, at spaces if possible."""
    pieces, piece = [], ""
    for word in re.findall(r"\s*\S+", line) or [line]:
        while width(piece + word) > WIDTH:
            if not piece.strip():
                piece, word = word[: WIDTH // 2], word[WIDTH // 2 :]
            pieces.append(piece)
            piece, word = "", "    " + word.lstrip()
        piece += word
    return [*pieces, piece]


def run(path: Path, out: TextIO) -> int:
    """Run a tour and display it; return the number of requests."""
    screen = Screen(out)
    screen.title(f"backpack_orm {__version__}: a Backpack account as Python objects")
    space: dict[str, Any] = {"__name__": "tour"}
    made = 0
    try:
        program = list(steps(path.read_text("utf-8"), str(path)))
        for step in program:
            if step.remark:
                screen.remark(step.remark)
            before, printed = _requests(space), io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    value = eval(step.code, space)  # noqa: S307 - the tour is ours
            finally:
                made = _requests(space)
                screen.code(step.source, made - before if "box" in space else None)
                screen.output(printed.getvalue())
            if step.is_expression and value is not None:
                screen.output(pformat(value, width=WIDTH, compact=True, sort_dicts=False))
    finally:
        if "box" in space:
            space["box"].close()
    screen.remark(f"{len(program)} statements made {_counted(made)}, as counted by the sandbox.")
    return made


def _counted(requests: int) -> str:
    return f"{requests} request{'' if requests == 1 else 's'}"


def _requests(space: dict[str, Any]) -> int:
    """Return the sandbox's request count, or 0 before it exists."""
    count: int = space["box"].requests if "box" in space else 0
    return count


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        run(TOUR, sys.stdout)
    except BrokenPipeError:  # for example after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
