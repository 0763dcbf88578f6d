"""Excerpts of search results: where pages contain a term."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from backpack_orm.archive.searching import Result
from backpack_orm.errors import NotFound
from backpack_orm.models.excerpts import pieces
from backpack_orm.models.match import RELATIONS, texts_of
from backpack_orm.models.page import Page
from backpack_orm.models.whole_account import loaded


@frozen
class Excerpt:
    """The part of a record around a term.

    Attributes:
        anchor: The id of the record's element on its page.
        pieces: Its text in pieces, each with whether it is the term.
    """

    anchor: str
    pieces: Sequence[tuple[str, bool]]


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
