"""The documents, and what is in them that can be checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
_SITE = "https://backpack-orm.readthedocs.io/"
_SOURCE = "https://github.com/backpack-orm/backpack_orm/blob/main/"
_FENCE = re.compile(r"^```(\w*|{[^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `(.+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def name(path: Path) -> str:
    """What a document is called in the names of tests."""
    return str(path.relative_to(ROOT))


def fences(path: Path) -> Iterator[tuple[str, str]]:
    """The language and the text of each block of code."""
    for found in _FENCE.finditer(path.read_text("utf-8")):
        if not found[1].startswith("{"):
            yield found[1], found[2]


def directives(path: Path) -> Iterator[tuple[str, str]]:
    """The head, such as `{toctree}`, and the text of each block that is for Sphinx."""
    for found in _FENCE.finditer(path.read_text("utf-8")):
        if found[1].startswith("{"):
            yield found[1], found[2]


def cells(path: Path) -> list[str]:
    """The code of a notebook."""
    return [text for head, text in directives(path) if head == "{code-cell}"]


def links(path: Path) -> list[str]:
    """Where the links lead, outside of code."""
    return _LINK.findall(_FENCE.sub("", path.read_text("utf-8")))


def target(path: Path, link: str) -> tuple[Path, str] | None:
    """The file that a link in a document leads to, and the heading; None if it is not ours."""
    file, _, anchor = link.partition("#")
    if file.startswith(_SITE):
        return ROOT / "docs" / file.removeprefix(_SITE).replace(".html", ".md"), anchor
    if file.startswith(_SOURCE):
        return ROOT / file.removeprefix(_SOURCE), anchor
    if "://" in link:
        return None
    return ((path.parent / file).resolve() if file else path), anchor


def anchors(path: Path) -> set[str]:
    """What links into a document can name."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(path: Path) -> list[tuple[str, str, str]]:
    """The rows of tables whose first column is a line of code, and which have two more."""
    return _ROW.findall(path.read_text("utf-8"))
