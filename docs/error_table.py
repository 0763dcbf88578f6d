"""Writes the table of errors in `errors.md` from the table in `backpack_orm.errors`.

`make docs` runs it. Run `python docs/error_table.py` after you change an error.
"""

from __future__ import annotations

import re
from pathlib import Path

from backpack_orm.errors import CATALOG, BackpackError

DOCUMENT = Path(__file__).with_name("errors.md")
_PLACE = re.compile(r"(?<=<!-- errors -->\n\n).*?(?=\n<!-- end of errors -->)", re.DOTALL)


def table() -> str:
    """Return the table in Markdown: one row for each class, base classes first."""
    lines = [
        "| error | `code` | `retryable` | meaning, and `hint` |",
        "|---|---|---|---|",
        *(_row(kind) for kind in CATALOG),
    ]
    return "\n".join(lines) + "\n"


def _row(kind: type[BackpackError]) -> str:
    info = CATALOG[kind]
    meaning = (kind.__doc__ or "").partition("\n")[0]
    bases = " and ".join(f"`{base.__name__}`" for base in kind.__bases__ if _is_specific(base))
    kinds = f" Subclass of {bases}." if bases else ""
    cells = [
        f"`{kind.__name__}`",
        f"[`{info.code}`](#{info.code})",
        "yes" if info.retryable else "no",
        f"{meaning}{kinds} *{_escaped(info.hint)}*",
    ]
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Return a text that Markdown does not take for HTML."""
    return text.replace("<", "&lt;")


def _is_specific(base: type) -> bool:
    """Whether a base class is more specific than `BackpackError` or `Exception`."""
    return issubclass(base, Exception) and base not in (BackpackError, Exception)


def document() -> str:
    """Return the text of the document with the current table in it."""
    return _PLACE.sub(lambda _: table(), DOCUMENT.read_text("utf-8"))


def write() -> None:
    """Update the document if its table has changed."""
    text = document()
    if text != DOCUMENT.read_text("utf-8"):
        DOCUMENT.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
