"""Matches: records on a page that a search has found."""

from __future__ import annotations

from backpack_orm.orm.declarations import field
from backpack_orm.orm.model import Model
from backpack_orm.orm.resources import resource


@resource
class Match(Model):
    """A record on a page that a search has found.

    Attributes:
        id: Id of that record.
        type: Type of that record: `note`, `list`, `email` or `writeboard_link`.

    >>> Page.search("tram")[0].matches[0].type
    'note'
    """

    _element = "send"
    _container = "page"

    id: int = field(read_only=True)
    type: str = field(read_only=True, text=True)

    @property
    def _identity(self) -> object:
        return self._record  # ids are unique among records of one type only
