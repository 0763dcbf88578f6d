"""The real program in a real terminal, of a chosen size."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pexpect

PROGRAM = [sys.executable, "-m", "backpack_orm"]
_ONE_AFTER_ANOTHER = """
import sys
from backpack_orm.cli.program import program
for line in sys.argv[1:]:
    print("$", line, flush=True)
    try:
        program.main(line.split())
    except SystemExit as end:
        assert not end.code
"""
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


class Terminal:
    """A run of the program in a terminal.

    Args:
        arguments: The arguments of the program.
        width: Columns of the terminal.
        height: Its lines.
        program: What runs instead of the program.
        environment: Further variables.
    """

    def __init__(
        self,
        *arguments: str,
        width: int = 80,
        height: int = 40,
        program: Sequence[str] = PROGRAM,
        **environment: str,
    ) -> None:
        variables = {**os.environ, "TERM": "xterm-256color", "PYTHONUNBUFFERED": ""}
        variables.pop("COLUMNS", None)
        variables.pop("LINES", None)
        self.process = pexpect.spawn(
            program[0],
            [*program[1:], *arguments],
            env=variables | environment,
            dimensions=(height, width),
            encoding="utf-8",
            timeout=60,
        )
        self.process.delaybeforesend = None
        self._seen: list[str] = []

    def expect(self, text: str) -> None:
        """Wait until a text is shown."""
        self.process.expect_exact(text)
        self._seen += [str(self.process.before), str(self.process.after)]

    def type(self, text: str) -> None:
        """Type a line."""
        self.process.sendline(text)

    def press(self, key: str) -> None:
        """Press a key, such as `C` for Ctrl-C."""
        self.process.sendcontrol(key.lower())

    def end(self) -> int:
        """Wait for the end of the program, and return its exit code."""
        self.process.expect(pexpect.EOF)
        self._seen.append(str(self.process.before))
        self.process.close()
        if self.process.signalstatus is not None:
            return 128 + int(self.process.signalstatus)
        return int(self.process.exitstatus or 0)

    @property
    def raw(self) -> str:
        """What was shown, with the sequences that steer the terminal."""
        return "".join(self._seen)

    @property
    def shown(self) -> str:
        """What was shown as text."""
        return _STEERING.sub("", self.raw).replace("\r\n", "\n")


def shown_by(
    *arguments: str, width: int = 80, height: int = 200, piped: bool = False, **environment: str
) -> str:
    """Return what a command shows in a terminal, or with its output in a pipe."""
    if piped:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        return done.stdout
    terminal = Terminal(*arguments, width=width, height=height, **environment)
    terminal.end()
    return terminal.shown


def all_shown_by(lines: Sequence[str], width: int) -> dict[str, str]:
    """Return what each of several command lines shows in one terminal, run by one process."""
    program = [sys.executable, "-c", _ONE_AFTER_ANOTHER]
    terminal = Terminal(*lines, width=width, height=200, program=program, PAGER="cat")
    assert terminal.end() == 0, terminal.shown
    shown = re.split(r"^\$ (.+)\n", terminal.shown, flags=re.MULTILINE)
    return dict(zip(shown[1::2], shown[2::2], strict=True))


def script(path: Path, *lines: str) -> str:
    """Write an executable shell script, and return its path."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)
