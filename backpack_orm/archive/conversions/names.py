"""File names made of titles, which every file system and Obsidian accept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_LONGEST = 120
_LARGEST = 200  # most file systems limit a name to 255 bytes, with its suffix and number
_UNSAFE = re.compile(r'[\\/:*?"<>|#^\[\]]')
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE
)


def file_name(title: str) -> str:
    """Return a title as a file name without suffix; "Untitled" if nothing of it is left.

    Characters that Windows or Obsidian do not accept become hyphens, and names that Windows
    reserves get an underscore in front. The name is in Unicode NFC, and has at most 120 characters
    and 200 bytes.

    >>> file_name("../../etc/passwd"), file_name("CON"), file_name(" Lisbon? ")
    ('-..-etc-passwd', '_CON', 'Lisbon-')
    """
    text = unicodedata.normalize("NFC", title)
    visible = (" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    name = _UNSAFE.sub("-", re.sub(r"\s+", " ", "".join(visible))).strip(". ")
    name = name[:_LONGEST].encode()[:_LARGEST].decode(errors="ignore").rstrip(". ")
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name or "Untitled"


def file_names(titles: Mapping[int, str]) -> dict[int, str]:
    """Return a unique file name for each id.

    Names are also unique on file systems that ignore case. The record with the lowest id gets the
    name alone, and the others get their id too, so that a new record renames no other.

    >>> file_names({7: "Lisbon", 9: "lisbon", 8: "Porto"})
    {7: 'Lisbon', 8: 'Porto', 9: 'lisbon (9)'}
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for id in sorted(titles):
        name = file_name(titles[id])
        while _key(name) in taken:
            name = f"{name} ({id})"
        taken.add(_key(name))
        names[id] = name
    return names


def obsidian_tag(tag: str) -> str:
    """Return a tag as Obsidian accepts it; empty if nothing of it is left.

    Obsidian accepts letters, digits, `_`, `-` and `/`, and at least one character that is no digit.

    >>> obsidian_tag("Long weekends"), obsidian_tag("2026"), obsidian_tag("R&D")
    ('Long-weekends', 'tag-2026', 'RD')
    """
    text = unicodedata.normalize("NFC", tag)
    kept = "".join(char for char in text if char.isalnum() or char.isspace() or char in "_-/")
    joined = "-".join(kept.split()).strip("/")
    return f"tag-{joined}" if joined.isdigit() else joined


def _key(name: str) -> str:
    """Return what is equal for names that a file system may take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
