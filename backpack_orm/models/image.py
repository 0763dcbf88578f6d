"""Images: the pictures in a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backpack_orm.models.on_page import OnPage
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.resources import resource

if TYPE_CHECKING:
    from backpack_orm.models.gallery import Gallery
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Image(OnPage):
    """A picture in a gallery. The API does not serve the file itself.

    Attributes:
        id: Number of the record.
        file_name: Name of the file.
        description: Description, which may be empty.
        gallery: The gallery that contains it.
        gallery_id: Id of that gallery.

    >>> image = Image.all()[0]
    >>> image in list(image.gallery.images)
    True
    """

    _element = "image"
    _container = "images"
    _path_on_page = ("galleries", "images")

    id: int = field(read_only=True)
    file_name: str = field(read_only=True)
    description: str = field(read_only=True)

    gallery: BelongsTo[Gallery] = belongs_to("Gallery")
    gallery_id = ParentId("gallery")
