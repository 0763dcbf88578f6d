"""Separators: lines across a page, with or without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.records.model import Model
from backpack_orm.orm.resources import resource
from backpack_orm.orm.writing.destroying import Destroyable
from backpack_orm.orm.writing.save_result import SaveResult
from backpack_orm.orm.writing.saving import Savable
from backpack_orm.wire.endpoint import TokenLocation, rest

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo

M = TypeVar("M", bound=Model)


@resource
class Separator(OnPage, Savable, Destroyable):
    """A line across a page.

    The API has no list of separators, and some pages omit them: then only the belongings of the
    page name them.

    Attributes:
        id: Number of the record.
        name: Name, which may be empty.
        page: The page that contains it.
        page_id: Id of that page.

    >>> line = Separator.create(page=Page.find_by(title="Lisbon"), name="Evenings")
    >>> line.name = "Late evenings"
    >>> line.save().fields
    ('name',)
    >>> line.destroy()["name"]
    'Late evenings'
    """

    _element = "separator"
    _container = "separators"

    id: int = field(read_only=True)
    name: str = field(default="", text=True)

    page: BelongsTo[Page] = belongs_to("Page")
    page_id = ParentId("page")

    if TYPE_CHECKING:

        def _created_with(self, name: str = "") -> None: ...

        def update(self, *, name: str = ...) -> SaveResult: ...

    @classmethod
    def _with_unlisted(cls, records: list[M], owner: Model) -> list[M]:
        page = cast("Page", owner)
        known = {each._saved_id for each in records}
        ids = (each.widget_id for each in page.belongings if each.type == "Separator")
        unlisted = [cls._stub(id, page) for id in ids if id is not None and id not in known]
        return [*records, *cast("list[M]", unlisted)]

    _create = rest(
        "POST",
        "pages/{page_id}/separators.xml",
        token_in=TokenLocation.BODY,
        sends="separator/name",
        writes="page:{page_id}",
    )
    _update_row = rest(
        "PUT",
        "pages/{page_id}/separators/{id}.xml",
        token_in=TokenLocation.BODY,
        sends="separator/name",
        writes="page:{page_id}",
    )
    _destroy = rest(
        "DELETE",
        "pages/{page_id}/separators/{id}.xml",
        token_in=TokenLocation.BODY,
        writes="page:{page_id}",
    )
    _updates = (_update_row,)
