"""Rewrites the notebooks that the site offers for download, so that they can be read without it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ONLY_ON_SITE = "only-on-site"
"""The tag of cells that a downloaded notebook does not contain."""
_LINK = re.compile(r"\]\(([\w/-]+)\.md(#[\w-]+)?\)")


def standalone(notebook: dict[str, Any], site: str) -> dict[str, Any]:
    """Return a notebook without what only the site can show, and with the addresses of links.

    Args:
        notebook: The notebook, as its file contains it.
        site: The address of the site, with a slash at its end.
    """
    return {**notebook, "cells": [*_cells(notebook["cells"], site)]}


def write(folder: Path, site: str) -> None:
    """Rewrite all notebooks that a built site offers for download."""
    for path in (folder / "_downloads").rglob("*.ipynb"):
        notebook = standalone(json.loads(path.read_text("utf-8")), site)
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _cells(cells: Iterable[dict[str, Any]], site: str) -> Iterator[dict[str, Any]]:
    for cell in cells:
        if ONLY_ON_SITE in cell["metadata"].get("tags", ()):
            continue
        source = "".join(cell["source"])
        is_text = cell["cell_type"] == "markdown"
        yield {**cell, "source": _LINK.sub(rf"]({site}\1.html\2)", source) if is_text else source}
