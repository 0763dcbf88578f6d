"""Links between pages in texts, for an account in which the pages have other ids."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ID = r"(?P<id>[0-9]{1,19})(?![0-9])"
_PATH = rf"(?P<path>/(?:pages?|pub)/){_ID}"
_RELATIVE = r"""(?P<before>":|href\s*=\s*["']?)"""
"""What comes before a relative link in Textile and in HTML."""


def rewrite(text: str, ids: Mapping[int, int], host: str | None, target: str) -> str:
    """Return a text in which links to pages lead to their copies.

    Only the addresses of pages below the source host, and relative links in Textile and HTML, are
    replaced. Everything else stays byte for byte, also links to pages that have no copy.

    Args:
        text: The text in Textile and HTML.
        ids: Id of the copy, by the id of the page.
        host: Host name of the source account; None if it is unknown.
        target: Address of the target account, without a slash at the end.

    >>> rewrite('"Porto":/pages/72', {72: 9}, None, "https://new.backpackit.com")
    '"Porto":/pages/9'
    >>> rewrite("https://acme.backpackit.com/page/72#a", {72: 9}, "acme.backpackit.com", "https://new")
    'https://new/page/9#a'
    """

    def replaced(match: re.Match[str]) -> str:
        copy = ids.get(int(match["id"]))
        if copy is None:
            return match[0]
        before = target if match["host"] else match["before"] or ""
        return f"{before}{match['path']}{copy}"

    return _pattern(host).sub(replaced, text)


def unknown_ids(text: str, ids: Mapping[int, int], host: str | None) -> list[int]:
    """Return the ids of linked pages that have no copy, in their order.

    >>> unknown_ids('"Porto":/pages/72 "Faro":/pages/73', {72: 9}, None)
    [73]
    """
    found = (int(match["id"]) for match in _pattern(host).finditer(text))
    return [id for id in dict.fromkeys(found) if id not in ids]


def _pattern(host: str | None) -> re.Pattern[str]:
    absolute = rf"(?P<host>https?://{re.escape(host)}(?::[0-9]+)?)" if host else r"(?P<host>(?!))"
    return re.compile(rf"(?:{absolute}|{_RELATIVE}){_PATH}", re.IGNORECASE)
