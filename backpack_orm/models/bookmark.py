"""Bookmarks: pages and tags that somebody keeps at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from backpack_orm.connection import Connection
from backpack_orm.models.of_user import user_named
from backpack_orm.models.page import Page
from backpack_orm.models.tag import Tag
from backpack_orm.orm.declarations import ParentId, belongs_to, field
from backpack_orm.orm.model import Readable
from backpack_orm.orm.relations import Collection
from backpack_orm.orm.resources import resource
from backpack_orm.wire.endpoint import TokenLocation, rest
from backpack_orm.wire.parse import Record

if TYPE_CHECKING:
    from backpack_orm.models.user import User
    from backpack_orm.orm.declarations import BelongsTo


@resource
class Bookmark(Readable):
    """A page or a tag that you keep at hand. The API can neither make one nor change it.

    Attributes:
        id: Its number.
        position: Its place, as the service counts.
        bookmarkable_type: What it leads to: `Page` or `Tag`; others may come.
        bookmarkable_id: The id of that.
        user: Whose it is.
        user_id: That person's id.

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
    def all(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Collection[Self]:
        """Those of a user, which can only be yourself; one request, and one more to know who you
        are where `user` is not given.

        Raises:
            Forbidden: They are somebody else's.

        >>> len(Bookmark.all(user=User.me()))
        5
        """
        owner = user_named(cls, user, using)
        return Collection(cls, cls._full.load[cls](cls._records_of(owner, fresh=fresh), owner))

    @classmethod
    def find(
        cls,
        id: Self | int,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        fresh: bool = False,
    ) -> Self:
        """The one with an id; requests as for `all`.

        Raises:
            ValidationError: That is no id.
            NotFound: There is none.

        >>> first = Bookmark.all()[0]
        >>> Bookmark.find(first.id) == first
        True
        """
        cls._check_id("Bookmark.find", id)
        return cls.all(user=user, using=using, fresh=fresh).find(id)

    @classmethod
    def find_by(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Self | None:
        """The first one with these attributes, or None; requests as for `all`.

        >>> Bookmark.find_by(bookmarkable_type="Page").bookmarkable.title
        'Lisbon'
        """
        return cls.where(user=user, using=using, **attributes).first()

    @classmethod
    def where(
        cls,
        *,
        user: User | int | None = None,
        using: Connection | None = None,
        **attributes: Any,
    ) -> Collection[Self]:
        """Those with these attributes; requests as for `all`.

        >>> len(Bookmark.where(bookmarkable_type="Tag"))
        2
        """
        cls._table.check_wanted(cls, attributes)
        return cls.all(user=user, using=using).where(**attributes)

    @property
    def bookmarkable(self) -> Page | Tag | None:
        """The page or tag that it leads to, None for other kinds; loaded when it is touched.

        Of a tag the API tells only which pages have it: its name costs one request for these, and
        one for the first of them.

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

    def _fetch(self, *, fresh: bool = False) -> Record:
        return self._select(self._records_of(self.user, fresh=fresh))

    @classmethod
    def _records_of(cls, user: User, *, fresh: bool) -> tuple[Record, ...]:
        return user.connection.call(
            cls._all, user._path_ids(), read=cls._full.read_many, fresh=fresh
        )
