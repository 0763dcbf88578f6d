"""The links in a text."""

from __future__ import annotations

from html.parser import HTMLParser


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        link = dict(attrs).get("href") if tag == "a" else None
        if link:
            self.found[link.strip()] = None


def in_html(html: str) -> list[str]:
    """Return where the links in HTML lead to, each once, in order, as typed: safe or not.

    >>> in_html("<p><a href='/pages/72'>Porto</a></p>")
    ['/pages/72']
    """
    parser = _Links()
    parser.feed(html)
    parser.close()
    return list(parser.found)
