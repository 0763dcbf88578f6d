"""Searching the texts of all pages of a snapshot, as the service searches an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from backpack_orm.archive.conversions.widgets import included
from backpack_orm.models.excerpts import folded
from backpack_orm.models.match import RELATIONS, texts_of
from backpack_orm.models.page import Page


@frozen
class Result:
    """A page that contains a term.

    Attributes:
        page: The page.
        matches: Type and id of the records on it that contain the term, such as `("note", 301)`;
            none if only the title of the page contains it.
    """

    page: Page
    matches: Sequence[tuple[str, int]]


class TextIndex:
    """The texts of all pages, in memory, searched as the service does: without regard to case.

    Args:
        pages: The pages, with their contents.
    """

    def __init__(self, pages: Iterable[Page]) -> None:
        self._pages = [(page, _folded([page.title, _description(page)])) for page in pages]
        self._texts = {page.id: [*_texts_on(page)] for page, _ in self._pages}

    def search(self, term: str) -> list[Result]:
        """Return the pages that contain a term.

        >>> index = TextIndex(Page.all(load=True))
        >>> [(found.page.title, len(found.matches)) for found in index.search("TRAM  28")]
        [('Lisbon', 1)]
        """
        wanted = _folded([term])
        found = []
        for page, title in self._pages:
            matches = [key for key, text in self._texts[page.id] if wanted in text]
            if matches or wanted in title:
                found.append(Result(page, matches))
        return found


def _texts_on(page: Page) -> Iterable[tuple[tuple[str, int], str]]:
    for type, relation in RELATIONS.items():
        for record in included(getattr(page, relation)):
            yield (type, record.id), _folded(texts_of(record))


def _description(page: Page) -> str:
    return page.to_dict().get("description") or ""


def _folded(texts: Iterable[str]) -> str:
    return folded("\n".join(" ".join(text.split()) for text in texts))
