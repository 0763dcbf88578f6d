"""Bookmarks: pages and tags that a user has marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, Self

from backpack_orm.connection import Connection
from backpack_orm.models.of_user import OfUser
from backpack_orm.models.page import Page
from backpack_orm.models.tag import Tag
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.resources import resource
from backpack_orm.orm.schema.hints import REQUIRED, wrong_find
from backpack_orm.wire.endpoint import TokenLocation, rest

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Bookmark(OfUser):
    """A page or a tag that you have marked. The API can neither create nor update bookmarks.

    Attributes:
        id: Number of the record.
        position: Position among the bookmarks, as numbered by the service.
        bookmarkable_type: Type of the bookmarked record: `Page` or `Tag`; other types are possible.
        bookmarkable_id: Id of the bookmarked record.
        user: Owner.
        user_id: Id of the owner.

    >>> [(each.bookmarkable_type, each.position) for each in Bookmark.all()[:2]]
    [('Page', 1), ('Tag', 2)]
    """

    _element = "bookmark"
    _container = "bookmarks"

    id: int = field(read_only=True)
    position: int | None = field(read_only=True)
    bookmarkable_type: str = field(read_only=True)
    bookmarkable_id: int | None = field(read_only=True)

    user: BelongsTo[User] = belongs_to("User")
    user_id = ParentId("user")

    _all = rest(
        "GET", "users/{user_id}/bookmarks.xml", token_in=TokenLocation.PATH, reads="bookmarks"
    )

    @classmethod
    def find(
        cls,
        id: Self | int = REQUIRED,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
        **unknown: Never,
    ) -> Self:
        """Return the bookmark with an id. Makes the same requests as `all`.

        Raises:
            ValidationError: The id is not valid.
            NotFound: There is no such bookmark.

        >>> first = Bookmark.all()[0]
        >>> Bookmark.find(first.id) == first
        True
        """
        if unknown or id is REQUIRED:
            raise wrong_find(cls, unknown)
        cls._check_id("Bookmark.find", id)
        return cls.all(user=user, using=using, fresh=fresh).find(id)

    @property
    def bookmarkable(self) -> Page | Tag | None:
        """The bookmarked page or tag; None for other types. Makes no request.

        The attributes of the page or tag are loaded when you read them. Reading the name of a tag
        makes two requests: one for the pages with this tag, and one for the first of these pages.

        >>> page, tag = [bookmark.bookmarkable for bookmark in Bookmark.all()[:2]]
        >>> page.title, tag.name
        ('Lisbon', 'Home')
        """
        if self.bookmarkable_id is None:
            return None
        if self.bookmarkable_type == "Page":
            return Page._stub(self.bookmarkable_id, self.connection)
        if self.bookmarkable_type == "Tag":
            return Tag._stub(self.bookmarkable_id, self.connection)
        return None
