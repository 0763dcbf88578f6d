"""Images: the pictures in a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from backpack_orm.models.gallery import Gallery
from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.model import Model
from backpack_orm.orm.relations import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.wire.parse import Record

if TYPE_CHECKING:
    from backpack_orm.models.page import Page
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Image(OnPage):
    """A picture in a gallery. The API tells of it, and never gives the file itself.

    Attributes:
        id: Its number.
        file_name: What the file is called.
        description: What is said about it, which may be empty.
        gallery: The gallery it is in.
        gallery_id: That gallery's id.

    >>> image = Image.all()[0]
    >>> image in list(image.gallery.images)
    True
    """

    _element = "image"
    _container = "images"
    _known_by = "galleries"

    id: int = field(read_only=True)
    file_name: str = field(read_only=True)
    description: str = field(read_only=True)

    gallery: BelongsTo[Gallery] = belongs_to("Gallery")
    gallery_id = ParentId("gallery")

    def _fetch(self, *, fresh: bool = False) -> Record:
        gallery = self.gallery._fetch(fresh=fresh)
        images: tuple[Record, ...] = gallery[Gallery._table.positions["images"]]
        return self._select(images)

    @classmethod
    def _of(cls, parent: Model, *, fresh: bool = False) -> Collection[Self]:
        galleries = Gallery._of(parent, fresh=fresh)
        images = [image for gallery in galleries for image in gallery._children("images", cls)]
        return Collection(cls, images)

    @classmethod
    def _on(cls, page: Page) -> Sequence[Self]:
        return [image for gallery in page.galleries for image in gallery._children("images", cls)]
