"""Writes the pictures of the documentation from real output: `python -m tests.cli.pictures`."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.cli.shown import demonstration
from tests.cli.terminal import Terminal

FOLDER = Path(__file__).parents[2] / "docs" / "static"
COMMANDS = {
    "command-line-page": "page show Lisbon",
    "command-line-todos": "todos --page Lisbon",
}
"""Commands by the names of their pictures."""
_WIDTH = 84
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # they are on another server
_TEXT = re.compile(r"<text [^>]*>(.*?)</text>", re.DOTALL)


def picture(words: str) -> str:
    """Return the picture of what a command shows in a terminal, with its colours."""
    terminal = Terminal(*words.split(), width=_WIDTH, height=200)
    terminal.end()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=_WIDTH, file=nowhere, force_terminal=True)
        console.print(f"$ backpack {words}", highlight=False)
        console.print(Text.from_ansi(terminal.raw.replace("\r\n", "\n").rstrip()))
        svg = console.export_svg(title=f"backpack {words}", unique_id="terminal")
    return "\n".join(map(str.rstrip, _FONTS.sub("", svg).splitlines())) + "\n"


def words_in(svg: str) -> str:
    """Return the text of a picture without blanks, which depend on the version of rich."""
    return re.sub(r"[\s─]", "", html.unescape("".join(_TEXT.findall(svg))))


if __name__ == "__main__":
    with demonstration():
        for name, command in COMMANDS.items():
            (FOLDER / f"{name}.svg").write_text(picture(command), "utf-8")
    print(f"{len(COMMANDS)} pictures in {FOLDER}")
