"""Belongings: what is on a page, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo
    from backpack_orm.orm.queries.collections import Embedded

SECTIONS = {
    "Note": "notes",
    "List": "lists",
    "Separator": "separators",
    "Gallery": "galleries",
    "Asset": "attachments",
    "Email": "emails",
}
"""The relation of a page with the widgets of each type."""


@resource
class Belonging(Model):
    """A position on a page, and the widget at it.

    Attributes:
        id: Number of the record, which is not the id of the widget.
        position: Position from the top, as numbered by the service.
        type: Type of the widget, such as `Note` or `List`; others are possible.
        widget_id: Id of the widget; None if the response omits it.
        page: The page that contains it.
        page_id: Id of that page.

    >>> [belonging.type for belonging in Page.find_by(title="Lisbon").belongings[:2]]
    ['Note', 'List']
    """

    _element = "belonging"
    _container = "belongings"

    id: int = field(read_only=True)
    position: int = field(read_only=True, wire="position/")
    type: str = field(read_only=True, wire="widget/type")
    widget_id: int | None = field(read_only=True, wire="widget/id")

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    @property
    def widget(self) -> Model | None:
        """The note, list or other record at this position.

        None for an unknown type, and for a widget that no response includes. Makes no request once
        the page is loaded, except one for the first email of a page that omits its emails.

        >>> Page.find_by(title="Lisbon").belongings[0].widget.title
        \'Where we sleep\'
        """
        section = SECTIONS.get(self.type)
        if section is None or self.widget_id is None:
            return None
        widgets: Embedded[Model] = getattr(self.page, section)
        return widgets._by_id.get(self.widget_id)
