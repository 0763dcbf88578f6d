"""Matches: records on a page that a search has found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from backpack_orm.models.excerpts import excerpt
from backpack_orm.orm.declarations import field
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource

if TYPE_CHECKING:
    from backpack_orm.models.email import Email
    from backpack_orm.models.list import List
    from backpack_orm.models.note import Note


RELATIONS = {"note": "notes", "list": "lists", "email": "emails"}
"""The relation of a page that contains the records of a type."""


@resource
class Match(Model):
    """A record on a page that a search has found.

    Attributes:
        id: Id of that record.
        type: Type of that record: `note`, `list`, `email` or `writeboard_link`.
        term: The term of the search.

    >>> match = Page.search("tram")[0].matches[0]
    >>> match.type, match.record.title
    ('note', 'Where we sleep')
    """

    _element = "send"
    _container = "page"

    id: int = field(read_only=True)
    type: str = field(read_only=True, text=True)
    term: str = field(read_only=True)

    @property
    def record(self) -> Note | List | Email | None:
        """Return the record, or None for a writeboard, which the API cannot return.

        Makes one request for all matches on a page, and one more for its emails if the page omits
        them.

        Raises:
            NotFound: The record or its page no longer exists.

        >>> Page.search("tram")[0].matches[0].record.title
        'Where we sleep'
        """
        relation = RELATIONS.get(self.type)
        if relation is None:
            return None
        found: Note | List | Email = getattr(self._source, relation).find(self.id)
        return found

    @property
    def excerpt(self) -> str:
        """Return the part of the record's text around the term, with the term between `**`.

        Makes the same requests as `record`. Empty for a writeboard.

        >>> Page.search("shoes")[0].matches[0].excerpt
        'Walking **shoes**'
        """
        record = self.record
        return "" if record is None else excerpt(texts_of(record), self.term)

    @property
    def _identity(self) -> object:
        return self._record  # ids are unique among records of one type only


def texts_of(record: Note | List | Email) -> Iterator[str]:
    """Yield the texts of a record that a search reads; the title last, which everybody shows.

    >>> list(texts_of(Page.find_by(title="Lisbon").lists["Packing"]))[:2]
    ['Walking shoes', 'Sun hat']
    """
    for item in getattr(record, "items", ()):
        yield item.content
    for name in ("body", "name", "title", "subject"):
        yield getattr(record, name, "")
