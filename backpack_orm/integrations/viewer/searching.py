"""Search results: the pages that contain a term, and where they contain it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from backpack_orm.archive.conversions.widgets import included
from backpack_orm.errors import NotFound
from backpack_orm.models.excerpts import folded, pieces
from backpack_orm.models.match import RELATIONS, texts_of
from backpack_orm.models.page import Page
from backpack_orm.models.whole_account import loaded


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


@frozen
class Excerpt:
    """The part of a record around a term.

    Attributes:
        anchor: The id of the record's element on its page.
        pieces: Its text in pieces, each with whether it is the term.
    """

    anchor: str
    pieces: Sequence[tuple[str, bool]]


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


def excerpts(results: Sequence[Result], term: str) -> list[tuple[Page, list[Excerpt]]]:
    """Return the pages of results, each with its excerpts.

    Makes one request for each page, several at once, and one more if an email was found. A page
    that was destroyed meanwhile is left out.
    """
    matches = {result.page.id: result.matches for result in results}
    wanted = [result.page for result in results if result.matches]
    is_there = {page.id for page in loaded(wanted, "notes", load="pages")}
    return [
        (page, [*_excerpts(page, matches[page.id], term)])
        for page in (result.page for result in results)
        if page.id in is_there or not matches[page.id]
    ]


def _excerpts(page: Page, matches: Iterable[tuple[str, int]], term: str) -> Iterable[Excerpt]:
    for type, id in matches:
        relation = RELATIONS.get(type)
        if relation is None:  # a writeboard, which the API does not serve
            continue
        try:
            record = getattr(page, relation).find(id)
        except NotFound:  # destroyed since it was found
            continue
        yield Excerpt(f"{type}-{id}", pieces(texts_of(record), term))


def _texts_on(page: Page) -> Iterable[tuple[tuple[str, int], str]]:
    for type, relation in RELATIONS.items():
        for record in included(getattr(page, relation)):
            yield (type, record.id), _folded(texts_of(record))


def _description(page: Page) -> str:
    return page.to_dict().get("description") or ""


def _folded(texts: Iterable[str]) -> str:
    return folded("\n".join(" ".join(text.split()) for text in texts))
