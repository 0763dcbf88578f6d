"""Belongings: what stands on a page, in the order in which it stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.model import Model
from backpack_orm.orm.resources import resource

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo
    from backpack_orm.orm.relations import Embedded

SECTIONS = {
    "Note": "notes",
    "List": "lists",
    "Separator": "separators",
    "Gallery": "galleries",
    "Asset": "attachments",
    "Email": "emails",
}
"""Where on a page the widgets of each kind are found."""


@resource
class Belonging(Model):
    """A place on a page, and the widget that stands there.

    Attributes:
        id: Its number, which is not the widget's.
        position: Its place from the top, as the service counts.
        type: The kind of widget, such as `Note` or `List`; others may come.
        widget_id: The widget's id; None where the service names no widget.
        page: The page.
        page_id: That page's id.

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
        """The note, list or other thing that stands here; no request once the page is loaded,
        except one for the first mail of a page that does not tell of its mails.

        None for a kind that this library does not know, and for what the service names without
        telling more of it.

        >>> Page.find_by(title="Lisbon").belongings[0].widget.title
        \'Where we sleep\'
        """
        section = SECTIONS.get(self.type)
        if section is None or self.widget_id is None:
            return None
        widgets: Embedded[Model] = getattr(self.page, section)
        return widgets._by_id.get(self.widget_id)
