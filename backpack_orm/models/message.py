"""Messages: comments on notes and items, which only exports include."""

from __future__ import annotations

from datetime import datetime

from backpack_orm.orm.declarations import field
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource


@resource
class Message(Model):
    """A comment on a note or an item.

    Attributes:
        id: Number of the record, if the export includes it.
        body: Text.
        created_at: Time of creation, if the export includes it.

    >>> from backpack_orm import Export
    >>> note = "<note id='301' title='Hotel'>Baixa<message id='9'>With a view?</message></note>"
    >>> text = f"<page id='71' title='Lisbon'><notes>{note}</notes></page>"
    >>> Export.read(text.encode()).pages[0].notes[0].messages[0].body
    'With a view?'
    """

    _element = "message"
    _container = "messages"

    id: int | None = field(read_only=True)
    body: str = field(read_only=True, text=True)
    created_at: datetime | None = field(read_only=True)

    @property
    def _identity(self) -> object:
        return self._record
