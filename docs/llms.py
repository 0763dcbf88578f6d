"""Writes `llms.txt`, the list of all documents for language models, into the built site."""

from __future__ import annotations

import re
from pathlib import Path

SITE = "https://backpack-orm.readthedocs.io/"
_INDEX = Path(__file__).with_name("index.md")
_SECTION = re.compile(r"^## (.+)$")
_LINK = re.compile(r"^- \[(.+?)\]\(([\w-]+)\.md\): (.+)$")


def text() -> str:
    """Return the list in the form of https://llmstxt.org, from the lists on the front page."""
    lines = _INDEX.read_text("utf-8").splitlines()
    title, summary = lines[0], lines[2 : lines.index("", 2)]
    parts, heading = [f"{title}\n\n> {' '.join(summary)}"], ""
    for line in lines:
        if found := _SECTION.match(line):
            heading = f"\n## {found[1]}\n"
        elif found := _LINK.match(line):
            parts += [heading] * bool(heading)
            parts.append(f"- [{found[1]}]({SITE}{found[2]}.html): {found[3]}")
            heading = ""
    return "\n".join(parts) + "\n"


def write(folder: Path) -> None:
    """Write the list into the folder of the site."""
    (folder / "llms.txt").write_text(text(), "utf-8")
