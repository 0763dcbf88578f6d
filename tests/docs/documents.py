"""The documents, and functions that extract their links, tables and code."""

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
    """Return the name of a document for test ids."""
    return str(path.relative_to(ROOT))


def fences(path: Path) -> Iterator[tuple[str, str]]:
    """Return the language and the text of each code block."""
    for found in _FENCE.finditer(path.read_text("utf-8")):
        if not found[1].startswith("{"):
            yield found[1], found[2]


def programs(path: Path) -> list[str]:
    """Return the code blocks in Python that are not sessions of an interpreter."""
    blocks = (text for language, text in fences(path) if language == "python")
    return [text for text in blocks if ">>> " not in text]


def file_name(program: str) -> str | None:
    """Return the name under which to save a program, which is in its first line."""
    found = re.match(r"# (\w+\.py)$", program, re.MULTILINE)
    return found[1] if found else None


def directives(path: Path) -> Iterator[tuple[str, str]]:
    """Return the head, such as `{toctree}`, and the text of each Sphinx directive."""
    for found in _FENCE.finditer(path.read_text("utf-8")):
        if found[1].startswith("{"):
            yield found[1], found[2]


def cells(path: Path) -> list[str]:
    """Return the code cells of a notebook."""
    return [text for head, text in directives(path) if head == "{code-cell}"]


def links(path: Path) -> list[str]:
    """Return the targets of all links outside of code."""
    return _LINK.findall(_FENCE.sub("", path.read_text("utf-8")))


def target(path: Path, link: str) -> tuple[Path, str] | None:
    """Return the file and the heading that a link targets; None if it is external."""
    file, _, anchor = link.partition("#")
    if file.startswith(_SITE):
        return ROOT / "docs" / file.removeprefix(_SITE).replace(".html", ".md"), anchor
    if file.startswith(_SOURCE):
        return ROOT / file.removeprefix(_SOURCE), anchor
    if "://" in link:
        return None
    return ((path.parent / file).resolve() if file else path), anchor


def is_on_the_web(link: str) -> bool:
    """Return whether a link goes to the published site or repository."""
    return link.startswith((_SITE, _SOURCE))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(path: Path) -> list[tuple[str, str, str]]:
    """Return the rows of tables with three columns whose first is a line of code."""
    return _ROW.findall(path.read_text("utf-8"))
