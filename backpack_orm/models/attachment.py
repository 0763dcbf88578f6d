"""Attachments: files on a page, of which the API returns the names only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.resources import resource

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Attachment(OnPage):
    """A file on a page. The API does not serve the file itself.

    Attributes:
        id: Number of the record.
        file_name: Name of the file.
        page: The page that contains it.
        page_id: Id of that page.

    >>> attachment = Attachment.all()[0]
    >>> attachment in list(attachment.page.attachments)
    True
    """

    _element = "attachment"
    _container = "attachments"

    id: int = field(read_only=True)
    file_name: str = field(read_only=True)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")
